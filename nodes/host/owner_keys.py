"""Owners' keys that come with a queued run, and whether anyone but this computer could have sent it."""

from __future__ import annotations

import ipaddress
import uuid

from .port import PACK


class OwnerKeys:
    """Keys that came with a queued run as extra_data["songreel_owner_keys"], {record id: key}, by the run's id.

    The run's id is made here and cannot be taken by another run, so a key serves the one run it came with.
    """

    FIELD, LIMIT = f"{PACK}_owner_keys", 200

    def __init__(self):
        self._held: dict[str, dict[str, str]] = {}

    def on_prompt(self, data: dict) -> dict:
        """Called with every body of POST /prompt, before ComfyUI reads it."""
        extra = data.get("extra_data")
        keys = extra.pop(self.FIELD, None) if isinstance(extra, dict) else None
        if str(data.get("prompt_id")) in self._held:
            del data["prompt_id"]
        if isinstance(keys, dict):
            data["prompt_id"] = run = str(uuid.uuid4())
            self._held[run] = {str(name): str(key) for name, key in list(keys.items())[:8]}
            while len(self._held) > self.LIMIT:
                del self._held[next(iter(self._held))]
        return data

    def of(self, run: str) -> dict[str, str]:
        return self._held.get(run, {})


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
