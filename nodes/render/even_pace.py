"""Even pace: frames are re-timed so that visible change follows the schedule's pace.

The middle of two mixes of noise and prompts is seldom the middle of two pictures: a scene may hold and then become the
other at once, anywhere, and not where the music hits. So an interval is measured first, by the distances of latents
that are sampled in it. Its frames are then placed by the distance covered (parametrised by arc length). Two kinds of
stretches cannot be placed so, and are crossfaded past: an abrupt jump, which no pace can spread, and a detour, which
leads far off within little of the mix and would only flicker. A crossfade starts at the hardest hit near it.
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
# Nothing is moved where the interval is no longer than this, in the mean length of a latent: all pictures are nearly
# one.
UNCHANGED = 0.05
# A gap is measured further where it is longer than both: this many latents' lengths, and this share of the longest gap.
LEAST, LONG = 0.05, 0.5
# An abrupt jump: one gap, or two beside each other, with at least JUMP of the interval's length in at most NARROW of
# the mix, where the picture changes at least STEEP times as fast as in the gaps beside.
JUMP, NARROW, STEEP = 0.15, 1 / 16, 4.0
# A detour: at most BRIEF of the mix, where the path is longer than the straight line by at least DETOUR latents'
# lengths.
BRIEF, DETOUR = 0.2, 0.3
# How far a crossfade may move to reach a hit, in progress from shot to shot.
REACH = 0.2
# The smallest difference of two mixes.
FINEST = 2.0**-12


@dataclass
class MeasuredInterval:
    """What is known of an interval between two keyframes.

    Attributes
    ----------
    at : mixes of the two keyframes that were sampled, 0..1, ascending.
    latents, traces : the latent (4, h, w) and the prediction trace at each.
    order : the mixes in the order of their sampling.
    rows : model rows spent on those between the ends.
    crossfades : both ends of each crossfade, as mixes; set by `evenly_paced`.
    """

    at: list[float] = field(default_factory=list)
    latents: list[np.ndarray] = field(default_factory=list)
    traces: list[Any] = field(default_factory=list)
    order: list[float] = field(default_factory=list)
    rows: int = 0
    crossfades: list[tuple[float, float]] = field(default_factory=list)

    def add(self, at: float, latent: np.ndarray, trace: Any) -> None:
        """Add a sampled picture."""
        place = int(np.searchsorted(self.at, at))
        self.at.insert(place, at)
        self.latents.insert(place, latent)
        self.traces.insert(place, trace)
        self.order.append(at)

    def neighbours(self, at: float) -> tuple[int, int]:
        """Indices into `at` of the sampled pictures below and above a mix."""
        high = int(np.searchsorted(self.at, at))
        return high - 1, high

    def share(self, at: float) -> float:
        """Position of a mix between its neighbours, 0..1."""
        low, high = self.neighbours(at)
        return (at - self.at[low]) / (self.at[high] - self.at[low])

    def distances(self) -> np.ndarray:
        """Distances of all pairs of pictures, float64 (n, n), in the mean length of a latent."""
        flat, mean = self._flat()
        return np.stack([np.linalg.norm(flat - one, axis=1) for one in flat]) / mean

    def lengths(self) -> np.ndarray:
        """Distances of neighbours, float64 (n - 1,), in the mean length of a latent."""
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

    def evenly_paced(self, t: np.ndarray, crossfade_frames: int = 1) -> np.ndarray:
        """Re-time an interval, and set `crossfades`.

        Parameters
        ----------
        t : float64 (n,), progress of the pictures by the schedule, ascending.
        crossfade_frames : steps of t that a crossfade takes.

        Returns
        -------
        float64 (n,) : the mix that each picture shows, ascending; 0 and 1 stay. Pictures inside a crossfade are
            mixes of its two ends, see `crossfaded`.
        """
        distances, widths = self.distances(), np.diff(self.at)
        lengths = np.diagonal(distances, 1)
        self.crossfades = []
        if len(self.at) < 3 or lengths.sum() <= UNCHANGED:
            return t
        jumps = _jumps(lengths, widths)
        crossfades = jumps | _detours(distances, np.array(self.at))
        if crossfades.all():
            # Where all is detours, nothing would be left to show.
            crossfades = jumps
        shares = np.where(crossfades, 0.0, lengths)
        shares = (1 - MIXED) * shares / max(shares.sum(), 1e-12) + MIXED * np.where(crossfades, 0.0, widths)
        covered = np.append(0.0, np.cumsum(shares) / shares.sum())
        steps = np.append(t, 1.0) if t[-1] < 1 else t
        places, last = [], 0
        for low, high in _runs(crossfades):
            found = _hit(steps, covered[low], last)
            if found is None:
                break
            last = min(found - 1 + crossfade_frames, len(steps) - 1)
            places.append((float(steps[found - 1]), float(steps[last])))
            self.crossfades.append((self.at[low], self.at[high]))
        return self._between(t, covered, places)

    def inside(self, mixes: np.ndarray | Sequence[float]) -> np.ndarray:
        """Which mixes lie inside a crossfade, bool (n,)."""
        mixes = np.asarray(mixes)
        found = np.zeros(len(mixes), bool)
        for low, high in self.crossfades:
            found |= (low < mixes) & (mixes < high)
        return found

    def crossfaded(self, at: float) -> np.ndarray:
        """The latent (4, h, w) of a mix inside a crossfade: on the line between its two ends."""
        low, high = next((low, high) for low, high in self.crossfades if low < at < high)
        first, last = (self.latents[self.at.index(end)] for end in (low, high))
        return on_line(first, last, (at - low) / (high - low))

    def _flat(self) -> tuple[np.ndarray, float]:
        """The latents as rows, float64 (n, 4 * h * w), and their mean length."""
        flat = np.stack([latent.ravel() for latent in self.latents]).astype(np.float64)
        return flat, max(np.linalg.norm(flat, axis=1).mean(), 1e-12)

    def _between(self, t: np.ndarray, covered: np.ndarray, places: list[tuple[float, float]]) -> np.ndarray:
        """The mix at each t: crossfades by t, each stretch between two of them by the distance covered in it.

        covered: share of the distance covered at each of `at`. places: start and end of each crossfade, in t.
        """
        made, at = np.empty_like(t), np.array(self.at)
        starts, ends = [0.0, *(end for _, end in places)], [*(start for start, _ in places), 1.0]
        first, last = [0.0, *(high for _, high in self.crossfades)], [*(low for low, _ in self.crossfades), 1.0]
        for start, end, low, high in zip(starts, ends, first, last, strict=True):
            inside = (t >= start) & (t <= end)
            reached = np.interp([low, high], at, covered)
            target = reached[0] + (t[inside] - start) / max(end - start, 1e-12) * (reached[1] - reached[0])
            # A crossfade covers no distance, so both of its sides have one value of `covered`: only this stretch
            # counts.
            own = (at >= low) & (at <= high)
            made[inside] = np.interp(target, covered[own], at[own])
        for (start, end), (low, high) in zip(places, self.crossfades, strict=True):
            inside = (t > start) & (t < end)
            made[inside] = low + (t[inside] - start) / (end - start) * (high - low)
        # A crossfade that lasts until the end leaves no stretch that leads there.
        made[t == 1] = 1
        return made


def _jumps(lengths: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Which gaps are jumps, bool (n,)."""
    jumps, speeds = np.zeros(len(lengths), bool), lengths / widths
    for low, high in _runs((lengths >= JUMP * lengths.sum()) & (widths <= NARROW)):
        beside = [speeds[n] for n in (low - 1, high) if 0 <= n < len(speeds)]
        jumps[low:high] = high - low <= 2 and speeds[low:high].min() >= STEEP * max(beside)
    return jumps


def _detours(distances: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Which gaps are detours, bool (n - 1,): the greatest one first, none of them overlapping.

    distances: float64 (n, n), see `MeasuredInterval.distances`. at: float64 (n,), mixes. Detours that touch become one.
    """
    path = np.append(0.0, np.cumsum(np.diagonal(distances, 1)))
    more = path[None] - path[:, None] - distances
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
    """Number of the largest step of progress after step `after` and close to a place; of equals the nearest."""
    ends = np.arange(1, len(steps))
    middles, sizes = (steps[:-1] + steps[1:]) / 2, np.diff(steps)
    within_reach = (ends > after) & (
        (np.abs(middles - place) <= REACH) | ((steps[:-1] <= place) & (place <= steps[1:]))
    )
    if not within_reach.any():
        return None
    candidates = ends[within_reach]
    order = np.lexsort((np.abs(middles[within_reach] - place), -np.round(sizes[within_reach], 9)))
    return int(candidates[order[0]])


def measure(
    ends: tuple[tuple[np.ndarray, Any], tuple[np.ndarray, Any]],
    sample: Callable[[list[float], MeasuredInterval, bool], list[tuple[np.ndarray, Any, int]]],
    cost: Callable[[MeasuredInterval, float], tuple[int, bool]],
    total: Callable[[int, int], int],
    rows: int,
    count: int,
) -> MeasuredInterval:
    """Measure the interval between two keyframes.

    Parameters
    ----------
    ends : latent and prediction trace of both keyframes.
    sample : sample(mixes, measured, similar) gives latent, trace and model rows of each mix. similar: whether the
        neighbours of all these mixes are.
    cost : cost(measured, mix) gives the model rows of a mix, and whether its neighbours are similar.
    total : total(n, rows) gives the model rows of n such pictures.
    rows : model rows that may be spent.
    count : pictures that are chosen at a time.
    """
    interval = MeasuredInterval()
    for at, end in zip((0.0, 1.0), ends, strict=True):
        interval.add(at, *end)
    while True:
        chosen = affordable(interval.following(count), partial(cost, interval), total, rows - interval.rows)
        if not any(chosen.values()):
            return interval
        made = [
            (at, *one)
            for similar, mixes in chosen.items()
            if mixes
            for at, one in zip(sorted(mixes), sample(sorted(mixes), interval, similar), strict=True)
        ]
        for at, latent, trace, spent in made:
            interval.add(at, latent, trace)
            interval.rows += spent
