"""How a video can be encoded: the codecs on offer, the file each makes, and what each can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import InputError
from ..settings import Settings, check, declared, setting

DEFAULT_CODEC, DEFAULT_CRF = "h264", 18
AUTO_DEPTH = "auto"
BIT_DEPTHS = (AUTO_DEPTH, "8", "10")
GIF_MAX_FPS = 50


@dataclass(frozen=True)
class Codec:
    """One way to encode a video.

    title: what people call it. suffix: of the finished file. segment: the codec of its segments, where that is another.
    encoder, pixels, options: FFmpeg's names, by bit depth where that matters. song: FFmpeg's encoder of the sound, None
    for silence. crf: least and most of its quality scale, None where it has none. draft_crf: quality of a quick look.
    reorder: by how many frames decoding may run ahead of showing. bytes_per_pixel, seconds_per_megapixel: of a picture
    with detail at crf 18 on two cores (`bench/codecs.py`), for estimates before anything was measured.
    """

    title: str
    suffix: str
    pixels: Mapping[int, str]
    bytes_per_pixel: float
    seconds_per_megapixel: float
    encoder: Mapping[int, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    lossless: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    song: str | None = "aac"
    crf: tuple[int, int] | None = None
    draft_crf: int = 0
    reorder: int = 0
    tag: str = ""
    segment: str = ""
    subsampled: bool = True
    plays_in_browsers: bool = True


# frame-threads: x265's pictures depend on it. open-gop: a segment must not lean on its neighbour.
_X265 = "log-level=error:frame-threads=1:open-gop=0"
_420 = {8: "yuv420p", 10: "yuv420p10le"}
_AV1 = Codec(
    "AV1",
    ".mp4",
    _420,
    encoder={8: "libsvtav1", 10: "libsvtav1"},
    options={"preset": "6"},
    crf=(1, 63),
    draft_crf=40,
    bytes_per_pixel=0.2,
    seconds_per_megapixel=0.2,
)

CODECS: dict[str, Codec] = {
    "h264": Codec(
        "H.264",
        ".mp4",
        _420,
        encoder={8: "libx264", 10: "libx264"},
        options={"preset": "medium"},
        crf=(0, 51),
        draft_crf=23,
        reorder=2,
        bytes_per_pixel=0.25,
        seconds_per_megapixel=0.2,
    ),
    "hevc": Codec(
        "HEVC (H.265)",
        ".mp4",
        _420,
        encoder={8: "libx265", 10: "libx265"},
        options={"preset": "medium", "x265-params": _X265},
        crf=(0, 51),
        draft_crf=26,
        reorder=2,
        tag="hvc1",
        bytes_per_pixel=0.25,
        seconds_per_megapixel=0.4,
    ),
    "av1": _AV1,
    "av1 webm": replace(_AV1, title="AV1 in WebM", suffix=".webm", song="libopus", segment="av1"),
    "prores": Codec(
        "ProRes 422 HQ",
        ".mov",
        {10: "yuv422p10le"},
        encoder={10: "prores_ks"},
        options={"profile": "3", "vendor": "apl0"},
        song="pcm_s24le",
        bytes_per_pixel=0.9,
        seconds_per_megapixel=0.2,
        plays_in_browsers=False,
    ),
    "lossless": Codec(
        "lossless H.264",
        ".mp4",
        {8: "bgr24", 10: "yuv444p10le"},
        encoder={8: "libx264rgb", 10: "libx264"},
        options={"preset": "medium"},
        lossless={8: {"crf": "0"}, 10: {"qp": "0"}},
        song="flac",
        subsampled=False,
        bytes_per_pixel=2.0,
        seconds_per_megapixel=0.3,
        plays_in_browsers=False,
    ),
    "gif": Codec(
        "GIF",
        ".gif",
        {8: "pal8"},
        song=None,
        segment="lossless",
        subsampled=False,
        bytes_per_pixel=0.7,
        seconds_per_megapixel=0.65,
    ),
}


def suffixes() -> dict[str, list[str]]:
    """File suffix -> names of the codecs whose files have it, in the order of `CODECS`."""
    found: dict[str, list[str]] = {}
    for name, codec in CODECS.items():
        found.setdefault(codec.suffix, []).append(name)
    return found


@dataclass(frozen=True)
class Encoding(Settings):
    """A codec with its settings, known to fit each other.

    codec: a name of `CODECS`. bit_depth: "auto" (the codec's own: 10 for ProRes, else 8), "8" or "10". crf: quality on
    the codec's own scale, lower is better; without meaning where the codec has no such scale.

    Raises InputError in one sentence when they do not fit.
    """

    codec: str = setting(DEFAULT_CODEC, choices=tuple(CODECS), tooltip="How the video is encoded.")
    bit_depth: str = setting(
        AUTO_DEPTH, choices=BIT_DEPTHS, advanced=True, tooltip="Bits per colour. auto: 10 for ProRes, else 8."
    )
    crf: int = setting(
        DEFAULT_CRF,
        low=0,
        high=63,
        advanced=True,
        tooltip="Quality on the codec's own scale: lower is better and larger.",
    )

    def __post_init__(self) -> None:
        check(Encoding, codec=self.codec, bit_depth=self.bit_depth)
        depths = self.kind.pixels
        if self.bit_depth != AUTO_DEPTH and int(self.bit_depth) not in depths:
            (only,) = depths
            raise InputError(
                f"{self.kind.title} has {only} bits per colour, got bit_depth {self.bit_depth}; set it to auto or "
                f"{only}, or choose another codec."
            )
        known = declared(Encoding)["crf"]
        assert known.low is not None and known.high is not None, "crf is declared with a range"
        least, most = self.kind.crf or (known.low, known.high)
        if isinstance(self.crf, bool) or not isinstance(self.crf, int) or not least <= self.crf <= most:
            raise InputError(
                f"crf must be a whole number from {least} to {most} with the codec {self.codec}, got {self.crf!r}."
            )

    @property
    def kind(self) -> Codec:
        """The codec."""
        return CODECS[self.codec]

    @property
    def depth(self) -> int:
        """Bits per colour."""
        return min(self.kind.pixels) if self.bit_depth == AUTO_DEPTH else int(self.bit_depth)

    @property
    def levels(self) -> type[np.unsignedinteger]:
        """The type of the pictures to hand over, so that no bit of the file is empty."""
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def segments(self) -> Encoding:
        """How the parts are encoded that the finished file is made of."""
        return Encoding(self.kind.segment, self.bit_depth, self.crf) if self.kind.segment else self

    @property
    def segment_suffix(self) -> str:
        """Suffix of a segment's file."""
        return self.segments.kind.suffix

    def options(self) -> dict[str, str]:
        """FFmpeg's options of the encoder."""
        kind = self.kind
        quality = {"crf": str(self.crf)} if kind.crf else dict(kind.lossless.get(self.depth, {}))
        return quality | dict(kind.options)

    def draft(self) -> int:
        """The crf of a quick look: not better than the codec's draft quality."""
        return max(self.crf, self.kind.draft_crf)

    def require_size(self, width: int, height: int) -> None:
        """Refuse pictures that the codec cannot hold.

        Parameters
        ----------
        width, height : int
            In pixels.

        Raises
        ------
        InputError
            When a side is odd and the codec halves its colours.
        """
        if self.kind.subsampled and (width % 2 or height % 2):
            raise InputError(
                f"{self.kind.title} needs an even width and height, got {width}x{height}; change the size by a pixel, "
                "or choose lossless or gif."
            )

    def require_rate(self, fps) -> None:
        """Refuse a rate that the file cannot show.

        Parameters
        ----------
        fps : Fraction
            Frames per second.

        Raises
        ------
        InputError
            When a GIF would show more than 50 frames per second.
        """
        if self.kind.suffix == ".gif" and fps > GIF_MAX_FPS:
            raise InputError(
                f"A GIF shows at most {GIF_MAX_FPS} frames per second, got {float(fps):g}; choose fewer, or another "
                "codec."
            )
