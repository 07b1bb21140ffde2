"""Shaping a curve: normalise, gain, threshold, gamma, attack and release, floor; and mapping it to a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...base.errors import InputError
from ...base.types import Section, SongAnalysis
from .settings import CurveShape, RangeMapping

_EXPONENT = 5.0


def driving_curve(song: SongAnalysis, name: str) -> np.ndarray:
    """A curve of the song by name, or the strength of a pitch class such as "C#": float32 (n_frames,)."""
    from ..audio.names import PITCH_CLASSES

    if name in PITCH_CLASSES and song.chroma is not None:
        return song.chroma[PITCH_CLASSES.index(name)]
    return song.curve(name)


def shape_curve(
    values: np.ndarray,
    fps: Fraction,
    shape: CurveShape | None = None,
    *,
    sections: Sequence[Section] = (),
) -> np.ndarray:
    """Shape a curve of values 0..1, in this order.

    1. normalise: the largest value becomes 1, of the song or of each section.
    2. gain: multiply, cut off at 1.
    3. threshold: what is below becomes 0, the rest is stretched back to 0..1.
    4. gamma: raise to this power; above 1 only strong hits stay.
    5. attack, release: seconds to cover 63 % of a rise or a fall (one pole each way, exact for any frame rate).
    6. floor: the range becomes floor..1.

    Parameters
    ----------
    values : float (n_frames,)
    fps : frames per second
    shape : the six of above; without it the curve stays as it is
    sections : needed to normalise per section

    Returns
    -------
    float32 (n_frames,), 0..1

    Raises
    ------
    InputError
        If no section is known where one is needed.
    """
    shape = shape or CurveShape()
    values = _normalised(np.asarray(values, np.float64), fps, shape.normalise, sections)
    values = np.clip(values * shape.gain, 0, 1)
    values = np.clip((values - shape.threshold) / (1 - shape.threshold), 0, 1) ** shape.gamma
    values = follow(values, fps, attack=shape.attack, release=shape.release)
    return (shape.floor + (1 - shape.floor) * values).astype(np.float32)


def _normalised(values: np.ndarray, fps: Fraction, how: str, sections: Sequence[Section]) -> np.ndarray:
    if how == "as it is" or not len(values):
        return values
    if how == "per song":
        return values / max(float(values.max()), 1e-9)
    if not sections:
        raise InputError("normalise is 'per section' but this song has no sections; choose 'per song'.")
    edges = [0, *(int(np.ceil(part.start * fps)) for part in sections[1:]), len(values)]
    parts = np.split(values, np.clip(edges[1:-1], 0, len(values)))
    return np.concatenate([part / max(float(part.max(initial=0)), 1e-9) for part in parts])


def follow(values: np.ndarray, fps: Fraction, *, attack: float, release: float) -> np.ndarray:
    """An envelope follower: one-pole smoothing with its own time constant (seconds) upwards and downwards."""
    if attack <= 0 and release <= 0:
        return values
    frame = 1 / float(fps)
    rise, fall = (1 - np.exp(-frame / time) if time > 0 else 1.0 for time in (attack, release))
    result, level = np.empty(len(values)), 0.0
    for index, value in enumerate(values):
        level += (rise if value > level else fall) * (value - level)
        result[index] = level
    return result


def map_to_range(values: np.ndarray, mapping: RangeMapping, *, song: SongAnalysis | None = None) -> np.ndarray:
    """Map a curve of values 0..1 to low..high.

    Parameters
    ----------
    values : float (n_frames,); what is outside 0..1 is cut off
    mapping : low, high: what 0 and 1 become. shape: linear; ease in (square), ease out, smooth (3x^2 - 2x^3),
        exponential, step (0 below 0.5, else 1). invert: 0 becomes high. hold: keep the value of each beat's (or bar's)
        first frame until the next, or the mean over the beat
    song : its beats, for hold

    Returns
    -------
    float32 (n_frames,)
    """
    low, high = mapping.low, mapping.high
    x = np.clip(np.asarray(values, np.float64), 0, 1)
    x = _held(x, mapping.hold, song)
    curved = {
        "linear": lambda: x,
        "ease in": lambda: x**2,
        "ease out": lambda: 1 - (1 - x) ** 2,
        "smooth": lambda: x * x * (3 - 2 * x),
        "exponential": lambda: np.expm1(_EXPONENT * x) / np.expm1(_EXPONENT),
        "step": lambda: (x >= 0.5).astype(float),
    }[mapping.shape]()
    return (low + (high - low) * (1 - curved if mapping.invert else curved)).astype(np.float32)


def _held(values: np.ndarray, hold: str, song: SongAnalysis | None) -> np.ndarray:
    if hold == "off":
        return values
    frames = [] if song is None else _frames_of(song, song.downbeats if hold == "hold at bars" else song.beats)
    if song is None or not frames:
        raise InputError(
            f"hold is '{hold}' but the song has no beats; set hold to 'off' or give beats in Correct Beats."
        )
    if len(values) != song.n_frames:
        raise InputError(f"The curve has {len(values)} values but the song has {song.n_frames} frames; use one fps.")
    parts = np.split(values, [frame for frame in frames if frame > 0])
    levels = [part.mean() if hold == "mean per beat" else part[0] for part in parts]
    return np.repeat(levels, [len(part) for part in parts])


def _frames_of(song: SongAnalysis, times: np.ndarray) -> list[int]:
    from ...base.timing import boundary

    frames = {boundary(time, song.fps, song.n_frames) for time in times}
    return sorted(frame for frame in frames if frame < song.n_frames)


def keyframes(values: np.ndarray, tolerance: float) -> list[int]:
    """The frames that a line through them needs to stay within `tolerance` of every value (Douglas & Peucker 1973).

    The first and the last are always among them.
    """
    last = len(values) - 1
    kept, open_spans = {0, last}, [(0, last)]
    while open_spans:
        a, b = open_spans.pop()
        if b - a < 2:
            continue
        line = np.interp(np.arange(a + 1, b), (a, b), (values[a], values[b]))
        off = np.abs(values[a + 1 : b] - line)
        worst = int(off.argmax())
        if off[worst] > tolerance:
            middle = a + 1 + worst
            kept.add(middle)
            open_spans += [(a, middle), (middle, b)]
    return sorted(kept)


def deforum_schedule(values: np.ndarray, tolerance: float) -> str:
    """A Deforum keyframe string, "0:(0.5), 12:(0.8)", that is within `tolerance` of every value when interpolated."""
    digits = max(0, min(8, 1 - int(np.floor(np.log10(max(tolerance, 1e-8))))))
    rounded = np.round(np.asarray(values, np.float64), digits)
    slack = max(tolerance - 0.5 * 10.0**-digits, 0.0)
    return ", ".join(f"{frame}:({rounded[frame]:.{digits}f})" for frame in keyframes(rounded, slack))
