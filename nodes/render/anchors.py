"""Which pictures of an interval between two keyframes are sampled, and how far off the others may be.

Sampled pictures are called *anchors*. Between two neighbouring anchors the latent is interpolated linearly. The error
of that is largest in the middle and grows with the distance of the anchors. Each new anchor shows how far off the line
was there, and the next one is taken where most error is expected. So an abrupt change is bisected down to neighbouring
pictures, and a stretch that hardly changes is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

# Deviation from the line, as a share of the distance of two anchors: assumed where nothing was measured yet ...
UNKNOWN_BEND = 0.35
# ... and the least that is assumed anywhere.
LEAST_BEND = 0.1


class Interval:
    """The interval between two keyframes: its pictures' positions, and the latents that are known.

    Both keyframes' latents must be added before anything but `first` is called.

    Parameters
    ----------
    t : float64 (n,), positions, ascending, 0 first and 1 last.
    weight : float64 (n,), how many frames show each picture.

    Attributes
    ----------
    latents : picture -> float32 latent, all of one shape.
    deviations : distance of each added latent from the line between its neighbours, in the latents' mean length.
    """

    def __init__(self, t: np.ndarray, weight: np.ndarray):
        self.t, self.weight = t, weight
        self.latents: dict[int, np.ndarray] = {}
        self._bend: dict[tuple[int, int], float] = {}
        self.deviations: list[float] = []

    def first(self, count: int) -> list[int]:
        """Up to `count` pictures that divide the interval before anything is known about it, ascending."""
        known = [0, len(self.t) - 1]
        while len(known) - 2 < count:
            gaps = [(self._spread(*gap), gap) for gap in zip(known, known[1:], strict=False) if self._inside(*gap)]
            if not gaps:
                break
            known = sorted([*known, self._middle(*max(gaps)[1])])
        return known[1:-1]

    def add(self, picture: int, latent: np.ndarray) -> None:
        """Add a picture's latent, and measure how far it is from the line between its neighbours."""
        if len(self.latents) >= 2 and 0 < picture < len(self.t) - 1:
            low, high = self.neighbours(picture)
            deviation = distance(latent, self.between(picture))
            self.deviations.append(deviation)
            reach = distance(self.latents[low], latent) + distance(latent, self.latents[high])
            bend = min(max(2 * deviation / max(reach, 1e-12), LEAST_BEND), 1.0)
            self._bend[low, picture] = self._bend[picture, high] = bend
        self.latents[picture] = latent

    def following(self, count: int, tolerance: float) -> list[int]:
        """Up to `count` pictures to sample next, each in a gap of its own: where most error is expected, worst first.

        tolerance: expected deviation, relative to the latent's length, up to which a gap is left as it is.
        """
        known = sorted(self.latents)
        gaps = []
        for low, high in zip(known, known[1:], strict=False):
            if self._inside(low, high):
                error = self.expected_error(low, high)
                if error > tolerance:
                    gaps.append((error * self._spread(low, high) / (self.t[high] - self.t[low]), low, high))
        gaps.sort(reverse=True)
        return [self._middle(low, high) for _, low, high in gaps[:count]]

    def neighbours(self, picture: int) -> tuple[int, int]:
        """The nearest known pictures on both sides; the picture itself twice when it is known."""
        known = np.array(sorted(self.latents))
        return int(known[known <= picture].max()), int(known[known >= picture].min())

    def share(self, picture: int) -> float:
        """How far the picture lies between its neighbours, 0..1."""
        low, high = self.neighbours(picture)
        return 0.0 if low == high else float((self.t[picture] - self.t[low]) / (self.t[high] - self.t[low]))

    def between(self, picture: int) -> np.ndarray:
        """The picture's latent: its own, or on the line between its neighbours."""
        low, high = self.neighbours(picture)
        return on_line(self.latents[low], self.latents[high], self.share(picture))

    def distance(self, low: int, high: int) -> float:
        """Distance of two known latents, relative to their length."""
        return distance(self.latents[low], self.latents[high])

    def expected_error(self, low: int, high: int) -> float:
        """Deviation expected in the middle between two neighbouring anchors, relative to the latent's length."""
        return self.distance(low, high) * self._bend.get((low, high), UNKNOWN_BEND)

    def _inside(self, low: int, high: int) -> float:
        return float(self.weight[low + 1 : high].sum())

    def _spread(self, low: int, high: int) -> float:
        """Expected error of a gap whose bend is like every other's: summed over its frames, scaled by its length."""
        if high - low < 2:
            return 0.0
        length = self.t[high] - self.t[low]
        u = (self.t[low + 1 : high] - self.t[low]) / length
        return float((self.weight[low + 1 : high] * 4 * u * (1 - u)).sum() * length)

    def _middle(self, low: int, high: int) -> int:
        """The picture whose sampling leaves the least error."""
        inside = [n for n in range(low + 1, high) if self.weight[n] > 0]
        return min(inside, key=lambda n: self._spread(low, n) + self._spread(n, high))


def affordable(
    candidates: Iterable, price: Callable[..., tuple[int, bool]], total: Callable[[int, int], int], left: int
) -> dict[bool, list]:
    """Choose as many candidates as `left` model rows allow.

    Parameters
    ----------
    candidates : best first.
    price : price(candidate) gives its model rows, and whether its neighbours are similar.
    total : total(n, rows) gives the model rows of n pictures of so many rows each.
    left : model rows that may be spent.

    Returns
    -------
    The chosen ones, by whether their neighbours are similar.
    """
    chosen: dict[bool, list] = {False: [], True: []}
    prices: dict[bool, int] = {}
    for one in candidates:
        rows, similar = price(one)
        prices[similar] = rows
        chosen[similar].append(one)
        if sum(total(len(chosen[kind]), each) for kind, each in prices.items()) > left:
            chosen[similar].pop()
    return chosen


def on_line(low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """The latent at a share, 0..1, of the straight line from one to the other."""
    share = np.float32(share)
    return low if share == 0 else low * (1 - share) + high * share


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Euclidean distance of two latents, relative to the mean of their lengths."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    return float(2 * np.linalg.norm(x - y) / max(np.linalg.norm(x) + np.linalg.norm(y), 1e-12))
