"""What other programs read and write: the form, the curve, and the pixels that they measure shifts in."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.settings import Settings, like, setting
from ...base.timing import MAX_FPS
from ..plan.settings import Pacing

FORMATS = ("Deforum settings", "Parseq", "FizzNodes prompts", "keyframes of one curve")
_SIDE = {"low": 64, "high": 8192, "step": 8}


@dataclass(frozen=True)
class WriteSettings(Settings):
    """How a schedule becomes text. tolerance: of keyframe strings, as a share of their curve's range."""

    format: str = setting(FORMATS[0], choices=FORMATS, required=True, tooltip="Who is to read it.")
    curve: str = setting("t", tooltip="For keyframes of one curve: t, zoom, cfg ... or the name of a theme.")
    width: int = setting(512, **_SIDE, tooltip="Picture's width in pixels: other programs measure shifts in pixels.")
    height: int = setting(512, **_SIDE, tooltip="Picture's height in pixels: other programs measure shifts in pixels.")
    tolerance: float = setting(
        0.002,
        low=0.0001,
        high=1.0,
        step=0.0001,
        advanced=True,
        tooltip="How far keyframes may be off, as a share of a curve's range: larger is shorter.",
    )


@dataclass(frozen=True)
class ReadSettings(Settings):
    """How a text becomes a schedule. fps: 0 takes what the text says, else the song's."""

    curve: str = setting("zoom", tooltip="For keyframes of one curve: t, zoom, cfg ..., in Modulate Schedule's units.")
    mode: str = like(
        Pacing,
        "mode",
        default="linear",
        tooltip="How shots travel in a new schedule. Linear is what FizzNodes does, cut what Deforum does.",
    )
    fps: float = setting(
        0.0,
        low=0.0,
        high=float(MAX_FPS),
        step=0.001,
        advanced=True,
        tooltip="Frames per second that the text counts by; 0: what it says, else the song's.",
    )
    width: int = like(WriteSettings, "width")
    height: int = like(WriteSettings, "height")
