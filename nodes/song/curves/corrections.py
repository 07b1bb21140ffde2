"""Corrections of what was heard: other beats, another tempo, another place in the bar, a shift in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...base.errors import InputError
from ...base.types import SongAnalysis
from ..audio.beat import tempo_curve
from .labels import read_beats
from .settings import BeatCorrections

_BEATS_PER_BAR = {"4/4": 4, "3/4": 3, "2/4": 2, "6/8": 6}


def correct_beats(song: SongAnalysis, corrections: BeatCorrections) -> SongAnalysis:
    """Beats as somebody knows better, in this order.

    1. beats: text for `read_beats` that takes the place of the beats; empty keeps them
    2. tempo: "double" puts a beat between every two; "half" keeps every second, those with the stronger onsets
    3. metre: beats to a bar, counted from the first downbeat (or from `downbeat`)
    4. downbeat: seconds; the beat nearest to it opens a bar. Below 0: not given
    5. nudge_ms: milliseconds by which beats and downbeats are moved, later when positive; what leaves the song is
       dropped

    Returns
    -------
    SongAnalysis with other beats, downbeats, tempo and tempo_per_beat; curves and sections stay.

    Raises
    ------
    InputError
        For unreadable beats, or a downbeat where there are no beats.
    """
    beats, tempo, metre, downbeat = corrections.beats, corrections.tempo, corrections.metre, corrections.downbeat
    nudge = corrections.nudge_ms / 1000
    times, bars = song.beats, song.downbeats
    confidence = song.beat_confidence
    per_bar = _per_bar(times, bars)
    if beats.strip():
        times, bars = read_beats(beats, song.duration, fps=song.fps)
        per_bar = _per_bar(times, bars) if len(bars) else 4
        bars = bars if len(bars) else times[::4]
        confidence = 1.0
    if tempo == "double" and len(times) > 1:
        times = np.sort(np.concatenate((times, (times[1:] + times[:-1]) / 2)))
    elif tempo == "half" and len(times) > 1:
        strength = song.curve("onset")[np.minimum((times * float(song.fps)).astype(int), song.n_frames - 1)]
        times = times[int(strength[1::2].mean() > strength[::2].mean()) :: 2]
    if metre != "as heard" or downbeat >= 0 or tempo != "as heard":
        bars = _bars(times, bars, _BEATS_PER_BAR.get(metre, per_bar), downbeat)
    moved, moved_bars = (_within(values + nudge, song.duration) for values in (times, bars))
    per_beat = tempo_curve(moved)
    return replace(
        song,
        beats=moved,
        downbeats=moved_bars,
        tempo=float(np.median(per_beat)) if len(per_beat) else 0.0,
        tempo_per_beat=per_beat,
        beat_confidence=confidence,
    )


def _per_bar(beats: np.ndarray, bars: np.ndarray) -> int:
    """Beats to a bar, as most bars have it; 4 when there are fewer than two bars."""
    if len(bars) < 2:
        return 4
    counts = np.diff(np.searchsorted(beats, bars))
    return int(np.bincount(counts).argmax()) or 4


def _bars(beats: np.ndarray, bars: np.ndarray, per_bar: int, downbeat: float) -> np.ndarray:
    if not len(beats):
        if downbeat >= 0:
            raise InputError(
                f"downbeat is {downbeat:g} s but the song has no beats; give beats, or set downbeat to -1."
            )
        return bars
    anchor = downbeat if downbeat >= 0 else float(bars[0]) if len(bars) else float(beats[0])
    first = int(np.abs(beats - anchor).argmin())
    return beats[first % per_bar :: per_bar]


def _within(times: np.ndarray, duration: float) -> np.ndarray:
    return times[(times >= 0) & (times < duration)]
