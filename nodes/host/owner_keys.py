"""Owners' keys that come with a queued run, and whether anyone but this computer could have sent it."""

from __future__ import annotations

import ipaddress
import time
import uuid
from collections.abc import Callable, Iterable

from .port import PACK


class OwnerKeys:
    """Keys that came with a queued run as extra_data["songreel_owner_keys"], {record id: key}, by the run's id.

    The run's id is made here and cannot be taken by another run, so a key serves the one run it came with.
    """

    FIELD, LIMIT = f"{PACK}_owner_keys", 200

    # Seconds between a run's arrival and its place in the queue, at most.
    GRACE = 60.0

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._held: dict[str, dict[str, str]] = {}
        self._came: dict[str, float] = {}
        self._clock = clock

    def on_prompt(self, data: dict) -> dict:
        """Called with every body of POST /prompt, before ComfyUI reads it."""
        extra = data.get("extra_data")
        keys = extra.pop(self.FIELD, None) if isinstance(extra, dict) else None
        if str(data.get("prompt_id")) in self._held:
            del data["prompt_id"]
        if isinstance(keys, dict):
            data["prompt_id"] = run = str(uuid.uuid4())
            self._came[run] = self._clock()
            self._held[run] = {str(name): str(key) for name, key in list(keys.items())[:8]}
            while len(self._held) > self.LIMIT:
                oldest = next(iter(self._held))
                del self._held[oldest]
                self._came.pop(oldest, None)
        return data

    def forget_ended(self, alive: set[str]) -> None:
        """Forget the keys of runs that are neither queued nor running. A run just sent may not be queued yet."""
        now = self._clock()
        for run in list(self._held):
            if run not in alive and now - self._came.get(run, now) > self.GRACE:
                del self._held[run]
                self._came.pop(run, None)

    @property
    def count(self) -> int:
        """Of how many runs keys are held."""
        return len(self._held)

    def of(self, run: str) -> dict[str, str]:
        return self._held.get(run, {})


# What a reverse proxy or a tunnel adds to what it passes on.
FORWARDED = (
    *(
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "via",
    ),
    *("cf-connecting-ip", "true-client-ip", "x-original-host"),
)


def was_forwarded(names: Iterable[str]) -> bool:
    """Whether a request with headers of these names came through a proxy or a tunnel."""
    return any(name.lower() in FORWARDED for name in names)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
