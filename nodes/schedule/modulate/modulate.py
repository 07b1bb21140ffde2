"""Modulation of a schedule by the song: curves, noise drift, and themes with weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...base.errors import InputError
from ...base.modulation import CURVES, Theme, check_curve
from ...base.types import FrameSchedule, SongAnalysis
from ...song.curves.shape import driving_curve, follow, map_to_range
from .settings import Modulation, ThemeSettings

# Seconds in which a theme's weight covers 63 % of a change.
THEME_SECONDS = 0.25


def same_clock(schedule: FrameSchedule, song: SongAnalysis) -> None:
    """Raises InputError when schedule and song do not have the same frames."""
    if schedule.fps != song.fps or schedule.n_frames != song.n_frames:
        raise InputError(
            f"The schedule has {schedule.n_frames} frames at {float(schedule.fps):g} fps but the song {song.n_frames} "
            f"at {float(song.fps):g} fps; make the schedule from this song."
        )


def set_curve(schedule: FrameSchedule, name: str, values: Sequence[float] | np.ndarray | float) -> FrameSchedule:
    """Set a curve of a schedule, or "t".

    Parameters
    ----------
    name : one of `CURVES`, or "t".
    values : one per frame, or one for all.

    Raises
    ------
    InputError
        The name is unknown, the number of values is not the number of frames, or a value is out of range.
    """
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputError(f"The values for '{name}' must be numbers, one per frame, got {values!r:.60}.") from None
    if array.shape == (1,):
        array = np.repeat(array, schedule.n_frames)
    if name == "t":
        if array.shape != schedule.t.shape:
            raise InputError(f"'t' must have {schedule.n_frames} values, one per frame, got {array.size}.")
        return replace(schedule, t=array)
    if name not in CURVES:
        raise InputError(f"There is no curve '{name}'; those of a schedule are: t, {', '.join(CURVES)}.")
    check_curve(f"'{name}'", array, schedule.n_frames, CURVES[name])
    return replace(schedule, curves=schedule.curves | {name: array})


def read_curve(schedule: FrameSchedule, name: str) -> np.ndarray:
    """t, a curve (its neutral value where the schedule has none), or the weight of a theme by name: float64 (n,)."""
    if name == "t":
        return schedule.t
    if name in schedule.themes:
        return schedule.themes[name].weights
    return schedule.curve(name)


def drift_distance(speed: np.ndarray, fps: float) -> np.ndarray:
    """Distance of a drift, float64 (n,), from its speed per second (n,): 0 on the first frame, then summed up."""
    steps = np.asarray(speed, dtype=np.float64) / fps
    return np.concatenate([[0.0], np.cumsum(steps[1:])])[: len(steps)]


def modulate(schedule: FrameSchedule, song: SongAnalysis, modulation: Modulation) -> FrameSchedule:
    """Drive a curve of a schedule by a curve of the song.

    Raises
    ------
    InputError
        Schedule and song do not have the same frames, or a value is out of the target's range.
    """
    same_clock(schedule, song)
    target, combine = modulation.target, modulation.combine
    low, high = modulation.low, modulation.high
    mapped = map_to_range(driving_curve(song, modulation.curve), modulation, song=song).astype(np.float64)
    # The mapping is float32: its ends may lie a rounding error outside.
    values = np.clip(mapped, min(low, high), max(low, high))
    if target == "noise_walk":
        if values.size and values.min() < 0:
            raise InputError(f"The noise drifts at 0 radians per second or more, got {values.min():g}.")
        values = drift_distance(values, float(song.fps))
    if combine != "replace":
        before = schedule.curve(target)
        values = before + values if combine == "add" else before * values
    return set_curve(schedule, target, values)


def with_themes(schedule: FrameSchedule, song: SongAnalysis, settings: ThemeSettings) -> FrameSchedule:
    """Add themes to a schedule: prompts whose weights follow curves or pitch classes of the song.

    A pitch class is weighed against all twelve, so that its theme is strongest when its note leads. Weights follow the
    sound within `THEME_SECONDS`.

    Raises
    ------
    InputError
        Every line that cannot be used, with the reason.
    """
    same_clock(schedule, song)
    text, amount = settings.themes, settings.amount
    prompts, wrong = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, prompt = (part.strip() for part in line.partition(":"))
        if not colon or not prompt:
            wrong.append(f"line {number}: '{line.strip()[:30]}' is not 'curve: prompt'")
        elif name in prompts:
            wrong.append(f"line {number}: '{name}' has a prompt already")
        else:
            try:
                driving_curve(song, name)
            except InputError:
                wrong.append(f"line {number}: the song has no curve or pitch class '{name[:30]}'")
            prompts[name] = prompt
    if wrong:
        raise InputError(f"The themes cannot be read: {'; '.join(wrong[:8])}.")
    weights = {name: _theme_weight(song, name) for name in prompts}
    largest = max((float(np.sum(list(weights.values()), axis=0).max(initial=0)), 1e-9)) if weights else 1.0
    themes = {name: Theme(prompts[name], np.clip(weight * amount / largest, 0, 1)) for name, weight in weights.items()}
    return replace(schedule, themes=schedule.themes | themes)


def _theme_weight(song: SongAnalysis, name: str) -> np.ndarray:
    from ...song.audio.names import PITCH_CLASSES

    values = np.clip(driving_curve(song, name).astype(np.float64), 0, None)
    if name in PITCH_CLASSES and song.chroma is not None:
        values = values / np.maximum(song.chroma.astype(np.float64).sum(axis=0), 1e-9)
        values = np.where(song.chroma.sum(axis=0) > 0, values, 0.0)
    return follow(values, song.fps, attack=THEME_SECONDS, release=THEME_SECONDS)
