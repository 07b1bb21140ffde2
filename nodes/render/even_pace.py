"""The pace of a way in what is seen, not in how prompts and noise are mixed.

Half way between two mixes is seldom half way between two pictures: a scene may stand still and then turn into the other
at once, wherever that is, and not where the music hits. So a way is measured first, by the distances of latents
sampled on it, and walked so that the schedule's pace is that of the distance covered: parametrised by arc length. Where
a scene leaps, which no pace can spread, or wanders far off within little of the mix, which would only flicker, it
turns: a quick dissolve from the hardest hit near by, by the schedule's pace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from .anchors import affordable, on_line

# Share of the pace that stays that of the mix, so that every mix is passed.
MIXED = 0.1
# Nothing is moved where all pictures are nearly one: length of the way, in that of a latent.
STILL = 0.05
# A gap is measured further where it is so long, in the length of a latent, and in that of the longest gap.
LEAST, LONG = 0.05, 0.5
# A leap, which no pace can spread: one gap, or two beside each other, with so much of the way's length in so little of
# the mix, where the picture changes so many times as fast as in the gaps beside.
LEAP, NARROW, STEEP = 0.15, 1 / 16, 4.0
# A detour, which is left out: so little of the mix, where the way is so much longer than the straight line, in the
# length of a latent.
BRIEF, DETOUR = 0.2, 0.3
# How far a turn may move to reach a hit, in progress from shot to shot.
REACH = 0.2
# The finest mixes that are told apart.
FINEST = 2.0**-12


@dataclass
class Measured:
    """A way as far as it is known: mixes from 0 to 1, ascending, and the latent (4, h, w) and trace at each.

    order: the mixes as they were sampled. rows: model rows spent on those between the ends.
    """

    at: list[float] = field(default_factory=list)
    latents: list[np.ndarray] = field(default_factory=list)
    traces: list[Any] = field(default_factory=list)
    order: list[float] = field(default_factory=list)
    rows: int = 0
    # Both ends of each turn, mixes.
    turns: list[tuple[float, float]] = field(default_factory=list)

    def add(self, at: float, latent: np.ndarray, trace: Any) -> None:
        """Put a picture in its place."""
        place = int(np.searchsorted(self.at, at))
        for values, value in ((self.at, at), (self.latents, latent), (self.traces, trace)):
            values.insert(place, value)
        self.order.append(at)

    def neighbours(self, at: float) -> tuple[int, int]:
        """The places of the pictures on both sides."""
        high = int(np.searchsorted(self.at, at))
        return high - 1, high

    def share(self, at: float) -> float:
        """How far a mix lies in its gap, 0..1."""
        low, high = self.neighbours(at)
        return (at - self.at[low]) / (self.at[high] - self.at[low])

    def distances(self) -> np.ndarray:
        """Distance of each picture to each, float64 (n, n), in the mean length of a latent."""
        flat, mean = self._flat()
        return np.stack([np.linalg.norm(flat - one, axis=1) for one in flat]) / mean

    def lengths(self) -> np.ndarray:
        """Distance of neighbours, float64 (n - 1,), in the mean length of a latent."""
        flat, mean = self._flat()
        return np.linalg.norm(np.diff(flat, axis=0), axis=1) / mean

    def following(self, count: int) -> list[float]:
        """Up to `count` mixes to sample next: the middles of the longest gaps, longest first. Three at the start."""
        if len(self.at) == 2:
            return [0.5, 0.25, 0.75][:count]
        lengths = self.lengths()
        least = max(LEAST, LONG * lengths.max())
        wanted = [
            n
            for n in np.argsort(-lengths, kind="stable")[:count].tolist()
            if lengths[n] >= least and self.at[n + 1] - self.at[n] > FINEST
        ]
        return [(self.at[n] + self.at[n + 1]) / 2 for n in wanted]

    def evened(self, t: np.ndarray, turning: int = 1) -> np.ndarray:
        """The mixes, float64, that pictures at progress t, ascending, show: 0 and 1 stay, and the order.

        turning: steps of t that a turn takes. Pictures inside one are mixes of its two ends, see `turn`.
        """
        distances, widths = self.distances(), np.diff(self.at)
        lengths = np.diagonal(distances, 1)
        self.turns = []
        if len(self.at) < 3 or lengths.sum() <= STILL:
            return t
        leaps = _leaps(lengths, widths)
        turns = leaps | _detours(distances, np.array(self.at))
        if turns.all():
            # Nothing but detours: then none is one.
            turns = leaps
        shares = np.where(turns, 0.0, lengths)
        shares = (1 - MIXED) * shares / max(shares.sum(), 1e-12) + MIXED * np.where(turns, 0.0, widths)
        covered = np.append(0.0, np.cumsum(shares) / shares.sum())
        steps = np.append(t, 1.0) if t[-1] < 1 else t
        places, last = [], 0
        for low, high in _runs(turns):
            found = _hit(steps, covered[low], last)
            if found is None:
                break
            last = min(found - 1 + turning, len(steps) - 1)
            places.append((float(steps[found - 1]), float(steps[last])))
            self.turns.append((self.at[low], self.at[high]))
        return self._between(t, covered, places)

    def inside(self, mixes: np.ndarray | Sequence[float]) -> np.ndarray:
        """Which mixes lie inside a turn, bool (n,)."""
        mixes = np.asarray(mixes)
        found = np.zeros(len(mixes), bool)
        for low, high in self.turns:
            found |= (low < mixes) & (mixes < high)
        return found

    def turned(self, at: float) -> np.ndarray:
        """The latent of a mix inside a turn: on the line between its ends."""
        low, high = next((low, high) for low, high in self.turns if low < at < high)
        first, last = (self.latents[self.at.index(end)] for end in (low, high))
        return on_line(first, last, (at - low) / (high - low))

    def _flat(self) -> tuple[np.ndarray, float]:
        """The latents as rows, float64 (n, 4 * h * w), and their mean length."""
        flat = np.stack([latent.ravel() for latent in self.latents]).astype(np.float64)
        return flat, max(np.linalg.norm(flat, axis=1).mean(), 1e-12)

    def _between(self, t: np.ndarray, covered: np.ndarray, places: list[tuple[float, float]]) -> np.ndarray:
        """Turns walked by t, each stretch between two by the distance covered in it. places: the turns', in t."""
        made, at = np.empty_like(t), np.array(self.at)
        starts, ends = [0.0, *(end for _, end in places)], [*(start for start, _ in places), 1.0]
        first, last = [0.0, *(high for _, high in self.turns)], [*(low for low, _ in self.turns), 1.0]
        for start, end, low, high in zip(starts, ends, first, last, strict=True):
            inside = (t >= start) & (t <= end)
            reached = np.interp([low, high], at, covered)
            way = reached[0] + (t[inside] - start) / max(end - start, 1e-12) * (reached[1] - reached[0])
            # Turns cover nothing, so what lies on both sides of one has one place: only this stretch counts.
            own = (at >= low) & (at <= high)
            made[inside] = np.interp(way, covered[own], at[own])
        for (start, end), (low, high) in zip(places, self.turns, strict=True):
            inside = (t > start) & (t < end)
            made[inside] = low + (t[inside] - start) / (end - start) * (high - low)
        # A turn may last until the end, and then leaves no stretch that leads there.
        made[t == 1] = 1
        return made


def _leaps(lengths: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Which gaps are leaps, bool (n,)."""
    leaps, speeds = np.zeros(len(lengths), bool), lengths / widths
    for low, high in _runs((lengths >= LEAP * lengths.sum()) & (widths <= NARROW)):
        beside = [speeds[n] for n in (low - 1, high) if 0 <= n < len(speeds)]
        leaps[low:high] = high - low <= 2 and speeds[low:high].min() >= STEEP * max(beside)
    return leaps


def _detours(distances: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which gaps are left out, bool (n - 1,): greatest detour first, none of them overlapping.

    Those that touch are one turn.
    """
    walked = np.append(0.0, np.cumsum(np.diagonal(distances, 1)))
    more = walked[None] - walked[:, None] - distances
    more[at[None] - at[:, None] > BRIEF] = 0
    found = np.zeros(len(at) - 1, bool)
    while more.max() >= DETOUR:
        low, high = np.unravel_index(more.argmax(), more.shape)
        found[low:high] = True
        # What ends before it, or begins after it, may be one more.
        more[:high, low + 1 :] = 0
    return found


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last + 1 of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _hit(steps: np.ndarray, place: float, after: int) -> int | None:
    """Number of the largest step of progress after step `after` and near a place; of equals the nearest."""
    ends = np.arange(1, len(steps))
    middles, sizes = (steps[:-1] + steps[1:]) / 2, np.diff(steps)
    near = (ends > after) & ((np.abs(middles - place) <= REACH) | ((steps[:-1] <= place) & (place <= steps[1:])))
    if not near.any():
        return None
    candidates = ends[near]
    order = np.lexsort((np.abs(middles[near] - place), -np.round(sizes[near], 9)))
    return int(candidates[order[0]])


def measure(
    ends: tuple[tuple[np.ndarray, Any], tuple[np.ndarray, Any]],
    sample: Callable[[list[float], Measured, bool], list[tuple[np.ndarray, Any, int]]],
    cost: Callable[[Measured, float], tuple[int, bool]],
    total: Callable[[int, int], int],
    rows: int,
    count: int,
) -> Measured:
    """Measure a way between two pictures, each with its trace, for at most `rows` model rows.

    sample(mixes, measured, near): latent, trace and rows of each. cost(measured, mix): its rows, and whether its
    neighbours are near each other. total(n, rows): those of n such pictures. count: pictures that are chosen at a time.
    """
    way = Measured()
    for at, end in zip((0.0, 1.0), ends, strict=True):
        way.add(at, *end)
    while True:
        chosen = affordable(way.following(count), partial(cost, way), total, rows - way.rows)
        if not any(chosen.values()):
            return way
        made = [
            (at, *one)
            for near, mixes in chosen.items()
            if mixes
            for at, one in zip(sorted(mixes), sample(sorted(mixes), way, near), strict=True)
        ]
        for at, latent, trace, spent in made:
            way.add(at, latent, trace)
            way.rows += spent
