"""Shot times: a song is cut at its parts and on beats, into shots that are never too short and seldom too long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.settings import check
from ..base.types import SongAnalysis
from ..song.emotion.timeline import EmotionTimeline
from ..song.lyrics.lyrics import Lyrics
from .settings import Wishes

# A song without a beat is cut on this grid.
_GRID_SECONDS = 0.5
_SNAP_SECONDS = 0.35
# Costs of the cut, in units of "as long off the target as the target itself".
_TOO_LONG, _OFF_BEAT, _DOWNBEAT, _MOOD, _LINE, _CHANGE = 20.0, 0.5, -0.3, -0.8, -0.35, -0.3


@dataclass(frozen=True)
class _Instants:
    """Possible cuts: their times in seconds, float64 (n,), and the cost of each."""

    times: np.ndarray
    costs: np.ndarray


def plan_shots(
    song: SongAnalysis,
    *,
    emotion: EmotionTimeline | None = None,
    lyrics: Lyrics | None = None,
    min_seconds: float = 1.5,
    max_seconds: float = 5.0,
    line_a_shot: bool = False,
) -> tuple[tuple[float, float], ...]:
    """Cut a song into shots.

    The wanted length is the longest of whole bars, else whole beats, within `max_seconds`. Parts of the song are always
    cut apart; dynamic programming puts the other cuts, on beats, where lengths stay near the wanted one and cuts fall
    on bar starts, changes of mood, starts of lines and changes in the sound.

    Parameters
    ----------
    song : duration, beats, parts, cuts
    emotion, lyrics : what else cuts should meet
    min_seconds : no shot is shorter, unless the song itself is
    max_seconds : shots are longer only where no beat allows another cut
    line_a_shot : cut at the lines of the lyrics instead; what is between them is cut as above

    Returns
    -------
    (start, end) in seconds, without gaps, from 0 to the duration.
    """
    check(Wishes, min_seconds=min_seconds, max_seconds=max_seconds)
    if max_seconds < 1.5 * min_seconds:
        raise InputError(
            f"The longest shot ({max_seconds:g} s) must be at least 1.5 times the shortest ({min_seconds:g} s)."
        )
    # Two frames at least, so that every shot has one of its own wherever the frame grid falls.
    shortest = max(min_seconds, 2 / float(song.fps))
    instants = _instants(song, emotion, lyrics)
    target = wanted_length(song, max_seconds)
    wholes = [(start, end, False) for start, end in _between(_hard_cuts(song, instants, shortest), song.duration)]
    if line_a_shot and lyrics is not None:
        wholes = _at_lines(wholes, lyrics, song, shortest, max_seconds)
    edges = [0.0]
    for start, end, whole in wholes:
        edges += [] if whole else _cut(start, end, instants, shortest, max_seconds, target)
        edges.append(end)
    return tuple(_between(edges[1:-1], song.duration))


def wanted_length(song: SongAnalysis, max_seconds: float) -> float:
    """The longest of whole bars, else of whole beats, within `max_seconds`; seconds."""
    for times in (song.downbeats, song.beats):
        if len(times) > 2:
            unit = float(np.median(np.diff(times)))
            if unit <= max_seconds:
                return unit * int(max_seconds / unit)
    return 0.8 * max_seconds


def _between(cuts: list[float], duration: float) -> list[tuple[float, float]]:
    edges = [0.0, *cuts, duration]
    return list(zip(edges[:-1], edges[1:], strict=True))


def _instants(song: SongAnalysis, emotion: EmotionTimeline | None, lyrics: Lyrics | None) -> _Instants:
    beats = song.beats[(song.beats > 0) & (song.beats < song.duration)]
    edges = np.concatenate(([0.0], beats, [song.duration]))
    # Where beats are missing for a while (or altogether) a grid takes their place.
    grids = [
        np.linspace(start, end, int(np.ceil((end - start) / _GRID_SECONDS)) + 1)[1:-1]
        for start, end in zip(edges[:-1], edges[1:], strict=True)
        if end - start > 3 * _GRID_SECONDS
    ]
    extra = np.concatenate(grids) if grids else np.zeros(0)
    times = np.concatenate((beats, extra))
    costs = np.concatenate((np.zeros(len(beats)), np.full(len(extra), _OFF_BEAT if len(beats) else 0.0)))
    order = np.argsort(times)
    times, costs = times[order], costs[order]
    costs[np.isin(times, song.downbeats)] += _DOWNBEAT
    moods = [part.start for part in emotion.segments[1:]] if emotion is not None else []
    lines = [line.start for line in lyrics.lines] if lyrics is not None else []
    for marks, cost, reach in ((moods, _MOOD, 0.6), (lines, _LINE, _SNAP_SECONDS)):
        for index in {_nearest(times, mark, reach) for mark in marks} - {None}:
            costs[index] += cost
    for cut in song.cuts:
        index = _nearest(times, cut.time, _SNAP_SECONDS)
        if index is not None:
            costs[index] += _CHANGE * cut.strength
    return _Instants(times, costs)


def _nearest(times: np.ndarray, seconds: float, reach: float) -> int | None:
    if not len(times):
        return None
    right = int(np.searchsorted(times, seconds))
    index = min(max(right - 1, 0), len(times) - 1)
    if right < len(times) and abs(times[right] - seconds) < abs(times[index] - seconds):
        index = right
    return index if abs(times[index] - seconds) <= reach else None


def _hard_cuts(song: SongAnalysis, instants: _Instants, shortest: float) -> list[float]:
    """Starts of the song's parts, on a beat, where that leaves every part long enough."""
    cuts: list[float] = []
    for part in song.sections[1:]:
        index = _nearest(instants.times, part.start, _SNAP_SECONDS)
        time = part.start if index is None else float(instants.times[index])
        if time - (cuts[-1] if cuts else 0.0) >= shortest and song.duration - time >= shortest:
            cuts.append(time)
    return cuts


def _at_lines(
    wholes: list[tuple[float, float, bool]], lyrics: Lyrics, song: SongAnalysis, shortest: float, max_seconds: float
) -> list[tuple[float, float, bool]]:
    """The parts of the song cut at lines: (start, end, whether it is one shot)."""
    edges = {0.0: False}
    for line in lyrics.lines:
        if line.start < song.duration:
            edges[line.start] = True
            edges.setdefault(min(line.end, song.duration), False)
    for start, _, _ in wholes:
        edges.setdefault(start, False)
    found: list[tuple[float, bool]] = [(0.0, edges.pop(0.0))]
    for time in sorted(edges):
        if time - found[-1][0] >= shortest and song.duration - time >= shortest:
            found.append((time, edges[time]))
        elif edges[time] and time - found[-1][0] < _SNAP_SECONDS:
            # The part begins just before its first line: one shot.
            found[-1] = (found[-1][0], True)
    ends = [time for time, _ in found[1:]] + [song.duration]
    return [
        (start, end, sung and end - start <= 2 * max_seconds) for (start, sung), end in zip(found, ends, strict=True)
    ]


def _cut(start: float, end: float, instants: _Instants, shortest: float, longest: float, target: float) -> list[float]:
    """The best cuts inside [start, end)."""
    first, last = np.searchsorted(instants.times, [start + shortest, end - shortest + 1e-9])
    times = np.concatenate(([start], instants.times[first:last], [end]))
    costs = np.concatenate(([0.0], instants.costs[first:last], [0.0]))
    best = np.full(len(times), np.inf)
    came = np.zeros(len(times), dtype=int)
    best[0] = 0.0
    for k in range(1, len(times)):
        lengths = times[k] - times[:k]
        low, high = np.searchsorted(times[:k], [times[k] - 4 * longest, times[k] - shortest + 1e-9])
        if low >= high:
            continue
        lengths = lengths[low:high]
        total = (
            best[low:high] + np.square((lengths - target) / target) + _TOO_LONG * np.maximum(lengths / longest - 1, 0)
        )
        choice = int(np.argmin(total))
        best[k], came[k] = total[choice] + costs[k], low + choice
    cuts: list[float] = []
    k = len(times) - 1
    while k > 0 and np.isfinite(best[-1]):
        k = came[k]
        if k > 0:
            cuts.append(float(times[k]))
    return cuts[::-1]
