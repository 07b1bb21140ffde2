"""How a video is enlarged."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.media.codecs import Encoding
from ...base.settings import Settings, like, setting

MAX_SIDE = 8192


@dataclass(frozen=True)
class UpscaleSettings(Settings):
    """The size of the result in pixels, the tile that the model sees at once, and how the result is encoded."""

    width: int = setting(
        0, low=0, high=MAX_SIDE, step=2, tooltip="Width of the result in pixels; 0 follows from the height."
    )
    height: int = setting(
        0,
        low=0,
        high=MAX_SIDE,
        step=2,
        tooltip="Height of the result in pixels; 0 follows from the width. Both 0: as the model gives it.",
    )
    tile: int = setting(
        512,
        low=128,
        high=4096,
        step=64,
        advanced=True,
        tooltip="Side in pixels of what the model sees at once. Smaller needs less memory; it is halved by itself "
        "where memory runs out.",
    )
    codec: str = like(Encoding, "codec", tooltip="How the result is encoded, as in Render Music Video.")
    bit_depth: str = like(Encoding, "bit_depth")
    crf: int = like(Encoding, "crf")

    @property
    def encoding(self) -> Encoding:
        """How the result is encoded. Raises InputError when codec, bit depth and crf do not fit each other."""
        return Encoding(self.codec, self.bit_depth, self.crf)
