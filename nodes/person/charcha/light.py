"""The active light challenge: does the face reflect the random colours that the page shows?

The screen is a lamp before the face. What the skin gives back changes with the colour shown, after the delay of
display, camera and network. Slow changes (daylight, exposure control) are taken out with a cubic in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..face.landmarks import Face

# sRGB. None is a saturated red, and no change comes sooner than half a second after the one before (WCAG 2.3.1).
PALETTE = ("#ffffff", "#181818", "#3c6eff", "#46dc78", "#ffb43c", "#aa78ff", "#46d2e6")
N_COLOURS = 16
SECONDS = (0.55, 0.80)
DELAYS = np.arange(0.0, 0.75, 0.05)
# Independent sequences reach a fit of .60 in less than 1 of 10,000 (bench/charcha.py --light).
FOLLOWS, UNRELATED = 0.62, 0.30
# A swing of the skin's colour above this (natural logarithm) comes from some light, so it must be ours.
VISIBLE = 0.035
MIN_FRAMES = 40

# Forehead and both cheeks: skin in most faces, whatever hair and glasses.
_PATCHES = (
    (10, 67, 103, 109, 338, 297, 332, 9, 108, 337),
    (50, 101, 118, 117, 123, 187, 205),
    (280, 330, 347, 346, 352, 411, 425),
)


@dataclass(frozen=True)
class LightResult:
    """verdict: passed, inconclusive or failed. fit: correlation -1..1. swing: logarithm. delay: seconds."""

    verdict: str
    fit: float
    swing: float
    delay: float


class LightChallenge:
    """One showing of the colours. clock: the session's. `result` is there once all were shown."""

    def __init__(self, random, clock: Callable[[], float]):
        self._colours, self._clock = draw_colours(random), clock
        self._shown: list[tuple[float, str]] = []
        self._seen: list[tuple[float, np.ndarray]] = []
        self.result: LightResult | None = None

    def show(self) -> str:
        """The next colour, which is on the screen from now on."""
        colour = self._colours[len(self._shown)][0]
        self._shown.append((self._clock(), colour))
        return colour

    @property
    def share(self) -> float:
        """How much of the sequence was shown, 0..1."""
        return len(self._shown) / len(self._colours)

    def add(self, picture: np.ndarray, face: Face, now: float) -> str | None:
        """Look at the skin of one frame. Returns the colour to show next when it is time for one."""
        self._seen.append((now, skin_colour(picture, face)))
        if self._clock() - self._shown[-1][0] < self._colours[len(self._shown) - 1][1]:
            return None
        if len(self._shown) < len(self._colours):
            return self.show()
        times, colours = zip(*self._seen, strict=True)
        self.result = judge_light(times, np.array(colours), self._shown)
        return None


def draw_colours(random) -> list[tuple[str, float]]:
    """(colour, seconds) in random order, none twice in a row. random: has `choice` and `uniform`."""
    colours: list[tuple[str, float]] = []
    while len(colours) < N_COLOURS:
        colour = random.choice(PALETTE)
        if not colours or colours[-1][0] != colour:
            colours.append((colour, random.uniform(*SECONDS)))
    return colours


def skin_colour(picture: np.ndarray, face: Face) -> np.ndarray:
    """Mean linear colour of forehead and cheeks, float64 (3,), about 0..1. picture: uint8 RGB (H, W, 3)."""
    height, width = picture.shape[:2]
    means = []
    for patch in _PATCHES:
        points = face.points[list(patch), :2]
        low, high = np.percentile(points, 20, axis=0), np.percentile(points, 80, axis=0)
        left, top = np.clip(low, 0, [width - 2, height - 2]).astype(int)
        right, bottom = np.clip(high, [left + 1, top + 1], [width, height]).astype(int)
        means.append(_LINEAR[picture[top:bottom, left:right]].reshape(-1, 3).mean(0))
    return np.mean(means, axis=0)


def judge_light(
    times: Sequence[float] | np.ndarray, colours: np.ndarray, shown: Sequence[tuple[float, str]]
) -> LightResult:
    """Whether skin colours follow what was shown.

    times: seconds, one per frame. colours: (n, 3) from `skin_colour`. shown: (second from which, "#rrggbb").
    """
    times = np.asarray(times, dtype=np.float64)
    if len(times) < MIN_FRAMES:
        return LightResult("inconclusive", 0.0, 0.0, 0.0)
    observed = _signals(np.log(np.maximum(colours, 1e-4)))
    slow = np.polynomial.legendre.legvander(np.interp(times, (times[0], times[-1]), (-1, 1)), 3)
    observed = _without(observed, slow)
    starts = np.array([start for start, _ in shown])
    lamp = np.array([_linear_of(colour) for _, colour in shown])
    best, delay = -1.0, 0.0
    for candidate in DELAYS:
        which = np.clip(np.searchsorted(starts, times - candidate, side="right") - 1, 0, len(starts) - 1)
        expected = _without(_signals(lamp[which]), slow)
        # The three signals count alike, whatever their strength in this room.
        norms = np.linalg.norm(observed, axis=0) * np.linalg.norm(expected, axis=0)
        fit = float(np.mean(np.sum(observed * expected, axis=0) / np.maximum(norms, 1e-9)))
        if fit > best:
            best, delay = fit, float(candidate)
    swing = float(np.sqrt(np.mean(observed[:, 1:] ** 2)) * 2)
    if best >= FOLLOWS:
        verdict = "passed"
    elif best < UNRELATED and swing > VISIBLE:
        verdict = "failed"
    else:
        verdict = "inconclusive"
    return LightResult(verdict, round(best, 4), round(swing, 4), round(delay, 3))


def _signals(colours: np.ndarray) -> np.ndarray:
    """Brightness and two colour differences, (n, 3)."""
    red, green, blue = colours.T
    return np.column_stack([(red + green + blue) / 3, red - green, blue - green])


def _without(signals: np.ndarray, slow: np.ndarray) -> np.ndarray:
    weights, *_ = np.linalg.lstsq(slow, signals, rcond=None)
    return signals - slow @ weights


def _linear_of(colour: str) -> np.ndarray:
    return _LINEAR[[int(colour[place : place + 2], 16) for place in (1, 3, 5)]]


def _linear_table() -> np.ndarray:
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


_LINEAR = _linear_table()
