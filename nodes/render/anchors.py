"""Which pictures of a way between two keyframes are sampled, and how far off the others may be.

A way is sampled where it bends. Between two neighbouring sampled pictures (anchors) the latent is interpolated
linearly, whose error is largest half way and grows with the distance of the anchors. Each sampled picture
shows how far off the line was there; the next one is taken where most error is expected. So a scene that changes at
once is bisected down to neighbouring pictures, and a stretch that hardly changes is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

# Deviation from the line, as a share of the distance of two anchors, that is assumed where nothing was measured yet ...
UNKNOWN_BEND = 0.35
# ... and the least that is assumed anywhere.
LEAST_BEND = 0.1


class Way:
    """A way from t = 0 to t = 1: its pictures' positions, the latents that are known, the gaps between them.

    t: float64 (n,), ascending, 0 first and 1 last. weight: float (n,), frames that show each picture.
    Latents are float32 arrays of one shape; both ends are known before anything else is asked for.
    """

    def __init__(self, t: np.ndarray, weight: np.ndarray):
        self.t, self.weight = t, weight
        self.latents: dict[int, np.ndarray] = {}
        self._bend: dict[tuple[int, int], float] = {}
        self.deviations: list[float] = []

    def first(self, count: int) -> list[int]:
        """Up to `count` pictures that divide the way before anything is known about it, ascending."""
        known = [0, len(self.t) - 1]
        while len(known) - 2 < count:
            gaps = [(self._spread(*gap), gap) for gap in zip(known, known[1:], strict=False) if self._inside(*gap)]
            if not gaps:
                break
            known = sorted([*known, self._middle(*max(gaps)[1])])
        return known[1:-1]

    def add(self, picture: int, latent: np.ndarray) -> None:
        """Make a picture's latent known, and measure how far the line was off there."""
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

        Empty when no gap is expected to be off by more than `tolerance`.
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
        """Deviation that is expected half way between two neighbouring anchors, relative to the latent's length."""
        return self.distance(low, high) * self._bend.get((low, high), UNKNOWN_BEND)

    def _inside(self, low: int, high: int) -> float:
        return float(self.weight[low + 1 : high].sum())

    def _spread(self, low: int, high: int) -> float:
        """Error of a gap that bends like every other: over its frames, the squared share of the largest error."""
        if high - low < 2:
            return 0.0
        length = self.t[high] - self.t[low]
        u = (self.t[low + 1 : high] - self.t[low]) / length
        return float((self.weight[low + 1 : high] * 4 * u * (1 - u)).sum() * length)

    def _middle(self, low: int, high: int) -> int:
        """The picture whose sampling leaves least."""
        inside = [n for n in range(low + 1, high) if self.weight[n] > 0]
        return min(inside, key=lambda n: self._spread(low, n) + self._spread(n, high))


def affordable(
    candidates: Iterable, price: Callable[..., tuple[int, bool]], total: Callable[[int, int], int], left: int
) -> dict[bool, list]:
    """Those of the candidates, best first, that `left` model rows suffice for: by whether their neighbours are alike.

    price(candidate): its rows, and whether its neighbours are alike. total(n, rows): those of n such pictures.
    """
    chosen, prices = {False: [], True: []}, {}
    for one in candidates:
        rows, near = price(one)
        prices[near] = rows
        chosen[near].append(one)
        if sum(total(len(chosen[kind]), each) for kind, each in prices.items()) > left:
            chosen[near].pop()
    return chosen


def on_line(low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """The latent at a share of the straight way from one to the other."""
    share = np.float32(share)
    return low if share == 0 else low * (1 - share) + high * share


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Distance of two latents, in the mean of their lengths."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    return float(2 * np.linalg.norm(x - y) / max(np.linalg.norm(x) + np.linalg.norm(y), 1e-12))
