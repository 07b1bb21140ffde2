"""A minimal `comfy_api`: what the pack's nodes import from ComfyUI, on a machine that has none.

`modules()` gives the modules by name; `headless.__main__.bootstrap` alone puts them into `sys.modules`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from types import ModuleType
from typing import Any

from . import io, ui


class ComfyExtension(ABC):
    """What a pack's entry point returns."""

    async def on_load(self) -> None:  # noqa: B027
        """Called once before the nodes are asked for."""

    @abstractmethod
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The pack's node classes."""


class VideoContainer(str, Enum):
    """File formats of a saved video."""

    AUTO = "auto"
    MP4 = "mp4"

    @classmethod
    def as_input(cls) -> list[str]:
        return [member.value for member in cls]

    @classmethod
    def get_extension(cls, value: str) -> str:
        return {cls.AUTO: "mp4", cls.MP4: "mp4"}[cls(value)]


class VideoCodec(str, Enum):
    """Codecs of a saved video."""

    AUTO = "auto"
    H264 = "h264"

    @classmethod
    def as_input(cls) -> list[str]:
        return [member.value for member in cls]


@dataclass
class VideoComponents:
    """A video in memory: pictures (N, H, W, 3) in 0..1, frames per second, AUDIO or None."""

    images: Any
    frame_rate: Fraction
    audio: Any = None
    metadata: dict | None = None


class VideoInput(ABC):
    """A VIDEO value."""

    @abstractmethod
    def get_components(self) -> VideoComponents:
        """All pictures and the sound, in memory."""

    @abstractmethod
    def save_to(
        self,
        path: str,
        format: VideoContainer = VideoContainer.AUTO,
        codec: VideoCodec = VideoCodec.AUTO,
        metadata: dict | None = None,
    ) -> None:
        """Write the video to a file."""


class Input:
    """Types of the values that nodes pass on."""

    Image = Audio = Mask = Latent = Any
    Video = VideoInput


class _LazyVideo:
    """`headless.video` refers to this module, so it is imported at first use."""

    def __init__(self, name: str):
        self._name = name

    def __get__(self, instance, owner):
        from . import video

        return getattr(video, self._name)


class InputImpl:
    """The kinds of VIDEO values."""

    VideoFromFile = _LazyVideo("VideoFromFile")
    VideoFromComponents = _LazyVideo("VideoFromComponents")


class Types:
    """Types that belong to VIDEO."""

    VideoCodec = VideoCodec
    VideoContainer = VideoContainer
    VideoComponents = VideoComponents


def modules() -> dict[str, ModuleType]:
    """The modules that answer `from comfy_api.latest import ComfyExtension, io, ui, Input, InputImpl, Types`."""
    latest = ModuleType("comfy_api.latest", "The newest edition of the interface.")
    latest.__path__ = []
    for name, value in {
        "ComfyExtension": ComfyExtension,
        "Input": Input,
        "InputImpl": InputImpl,
        "Types": Types,
        "io": io,
        "ui": ui,
        "IO": io,
        "UI": ui,
    }.items():
        setattr(latest, name, value)
    package = ModuleType("comfy_api", "What nodes import from their host.")
    package.__path__ = []
    package.latest = latest
    return {"comfy_api": package, "comfy_api.latest": latest}
