"""The port: everything the pack asks of the program around it, and ComfyUI's answer.

Stage code calls `current()` and never asks which host it is in. The headless host installs its own implementation with
`install()`; without one, ComfyUI is the host. Nothing of ComfyUI is imported before it is needed.
"""

from __future__ import annotations

from .port import Host

_installed: Host | None = None


def install(host: Host | None) -> None:
    """Make `host` the one that `current()` returns; with None it is ComfyUI again."""
    global _installed
    _installed = host


def current() -> Host:
    """The host this process runs in."""
    global _installed
    if _installed is None:
        from .comfy import ComfyHost

        _installed = ComfyHost()
    return _installed
