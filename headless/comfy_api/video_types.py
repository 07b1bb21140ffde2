"""What VIDEO values are, without what it takes to read and write them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class VideoContainer(str, Enum):
    """File formats of a saved video."""

    AUTO = "auto"
    MP4 = "mp4"

    @classmethod
    def as_input(cls) -> list[str]:
        """The choices of a combo."""
        return [member.value for member in cls]

    @classmethod
    def get_extension(cls, value: str) -> str:
        """The suffix of a file of that format, without a dot."""
        return {cls.AUTO: "mp4", cls.MP4: "mp4"}[cls(value)]


class VideoCodec(str, Enum):
    """Codecs of a saved video."""

    AUTO = "auto"
    H264 = "h264"

    @classmethod
    def as_input(cls) -> list[str]:
        """The choices of a combo."""
        return [member.value for member in cls]


@dataclass
class VideoComponents:
    """A video in memory.

    Parameters
    ----------
    images : Tensor
        float32 (N, H, W, 3) in 0..1.
    frame_rate : Fraction
        Frames per second.
    audio : dict, optional
        AUDIO: `waveform` (1, channels, samples) and `sample_rate` in Hz.
    metadata : dict, optional
        Texts by name, as the file has them.
    """

    images: torch.Tensor
    frame_rate: Fraction
    audio: dict | None = None
    metadata: dict | None = None


class VideoInput(ABC):
    """A VIDEO value."""

    @abstractmethod
    def get_components(self) -> VideoComponents:
        """All pictures and the sound, in memory."""

    @abstractmethod
    def save_to(
        self,
        path: str | Path,
        format: VideoContainer = VideoContainer.AUTO,
        codec: VideoCodec = VideoCodec.AUTO,
        metadata: dict | None = None,
    ) -> None:
        """Write the video to a file."""
