"""How a song is heard, and what a person corrects about it."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.settings import Settings, setting
from ...base.timing import MAX_FPS, MIN_FPS
from .names import CURVES

MAX_OFFSET_MS = 5000.0


@dataclass(frozen=True)
class EnvelopeSettings(Settings):
    """Frames per second, the curve that goes out as a list, beats of one's own, and a shift in milliseconds."""

    fps: float = setting(
        12.0,
        low=float(MIN_FPS),
        high=float(MAX_FPS),
        step=0.001,
        required=True,
        tooltip="Frames per second of the video. 23.976, 29.97 and 59.94 mean the exact film rates (24000/1001 ...).",
    )
    curve: str = setting(
        "onset",
        choices=tuple(CURVES),
        tooltip="What the envelope output follows: all onsets, only the drums (percussive), a range such as "
        "bass_onset, loudness (rms) and so on. The beat_envelope output carries them all.",
    )
    beats: str = setting(
        "",
        multiline=True,
        tooltip="Your own beat times in seconds or m:ss, tapped or typed; every fourth starts a bar. Empty: the beats "
        "are detected.",
    )
    offset_ms: float = setting(
        0.0,
        low=-MAX_OFFSET_MS,
        high=MAX_OFFSET_MS,
        step=1.0,
        tooltip="Moves all beats and bars by that many milliseconds; positive is later.",
    )
