"""A minimal `comfy_api`: what the pack's nodes import from ComfyUI, on a machine that has none.

`modules()` gives the modules by name; `headless.__main__.bootstrap` alone puts them into `sys.modules`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import ModuleType

from . import io, ui


class ComfyExtension(ABC):
    """What a pack's entry point returns."""

    async def on_load(self) -> None:  # noqa: B027
        """Called once before the nodes are asked for."""

    @abstractmethod
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The pack's node classes."""


class _FromVideo:
    """A class of `video`, which imports numpy, so that it is imported at first use."""

    def __init__(self, name: str):
        self._name = name

    def __get__(self, instance, owner):
        from . import video

        return getattr(video, self._name)


class InputImpl:
    """The kinds of VIDEO values."""

    VideoFromFile = _FromVideo("VideoFromFile")
    VideoFromComponents = _FromVideo("VideoFromComponents")


def modules() -> dict[str, ModuleType]:
    """The modules that answer `from comfy_api.latest import ComfyExtension, InputImpl, io, ui`."""
    latest = ModuleType("comfy_api.latest", "The newest edition of the interface.")
    latest.__path__ = []
    for name, value in {"ComfyExtension": ComfyExtension, "InputImpl": InputImpl, "io": io, "ui": ui}.items():
        setattr(latest, name, value)
    package = ModuleType("comfy_api", "What nodes import from their host.")
    package.__path__ = []
    vars(package).update(latest=latest)
    return {"comfy_api": package, "comfy_api.latest": latest}
