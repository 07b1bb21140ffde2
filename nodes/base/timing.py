"""The one timing rule of the pack: how seconds become frames.

Times are float seconds from the first sample; frame i covers [i/fps, (i+1)/fps). A video has
ceil(duration * fps) frames. An instant t belongs to the boundary floor(t * fps + 1/2).
Nothing accumulates rounded steps, so nothing drifts.
"""

from __future__ import annotations

import math
from fractions import Fraction

from .errors import InputError

MIN_FPS, MAX_FPS = 1, 120
_LONGEST_RATE = 40
# Denominators up to 200,000 recover samples / sample_rate exactly from its float.
_MAX_SAMPLE_RATE = 200_000


def snap_fps(fps: float | int | str | Fraction) -> Fraction:
    """Frame rate as an exact fraction; floats near an NTSC rate (n * 1000/1001) snap to it.

    Raises InputError if `fps` is not a number from 1 to 120.
    """
    if isinstance(fps, str) and (len(fps) > _LONGEST_RATE or "e" in fps.lower()):
        # An exponent of a million digits would be worked out.
        raise InputError(f"fps must be a number such as 24 or 24000/1001, got {fps[:_LONGEST_RATE]!r}.")
    try:
        value = Fraction(fps)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        raise InputError(f"fps must be a number such as 24 or 24000/1001, got {fps!r}.") from None
    if not MIN_FPS <= value <= MAX_FPS:
        raise InputError(f"fps must be from {MIN_FPS} to {MAX_FPS}, got {shortened(fps)}.")
    if isinstance(fps, (str, Fraction)) and "." not in str(fps):
        return value
    nearest = round(value)
    ntsc = Fraction(nearest * 1000, 1001)
    if value != nearest and abs(value - ntsc) < Fraction(1, 200):
        return ntsc
    return value.limit_denominator(1001)


def shortened(value: object) -> str:
    """A value as text, for messages, whatever its size."""
    if (isinstance(value, int) and abs(value) >= 10**15) or (isinstance(value, Fraction) and abs(value) >= 10**15):
        return "a number of more than 15 digits"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def exact_seconds(seconds: float) -> Fraction:
    """The fraction samples / sample_rate behind a float duration (sample rates to 200 kHz)."""
    return Fraction(seconds).limit_denominator(_MAX_SAMPLE_RATE)


def frame_count(duration: float, fps: Fraction) -> int:
    """Number of frames that cover `duration` seconds: ceil(duration * fps), computed exactly."""
    return math.ceil(exact_seconds(duration) * fps)


def boundary(seconds: float, fps: Fraction, n_frames: int) -> int:
    """The frame boundary that an instant belongs to: floor(t * fps + 1/2), clamped to 0..n_frames."""
    return min(max(math.floor(exact_seconds(seconds) * fps + Fraction(1, 2)), 0), n_frames)


def frame_start(frame: int, fps: Fraction) -> float:
    """Seconds at which a frame starts."""
    return float(frame / fps)


def clock_text(seconds: float) -> str:
    """Seconds as m:ss.mmm, for people."""
    milliseconds = math.floor(seconds * 1000 + 0.5)
    return f"{milliseconds // 60000}:{milliseconds // 1000 % 60:02d}.{milliseconds % 1000:03d}"
