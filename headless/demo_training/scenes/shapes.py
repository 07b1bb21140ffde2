"""Outlines in the unit square, x to the right and y downwards: arrays (N, 2) of corners."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def ellipse(x: float, y: float, rx: float, ry: float | None = None, count: int = 36) -> np.ndarray:
    """An ellipse around (x, y); a circle without `ry`."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + (rx if ry is None else ry) * np.sin(angle)], axis=1)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """An upright rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def polygon(*corners: tuple[float, float]) -> np.ndarray:
    """Corners as an array."""
    return np.array(corners, dtype=float)


def parse_points(text: str) -> np.ndarray:
    """Corners as (N, 2) from "x,y x,y ..."."""
    return np.array([pair.split(",") for pair in text.split()], dtype=float)


def smooth(corners: np.ndarray, steps: int = 8) -> np.ndarray:
    """A closed Catmull-Rom curve through `corners`, (N, 2) to (N * steps, 2)."""
    p1 = np.asarray(corners, dtype=float)[:, None]
    p0, p2, p3 = np.roll(p1, 1, axis=0), np.roll(p1, -1, axis=0), np.roll(p1, -2, axis=0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return curve.reshape(-1, 2) / 2


def limb(points: Sequence[tuple[float, float]], width: float, end: float | None = None) -> list[np.ndarray]:
    """A line with round joints that narrows from `width` to `end` (both full widths)."""
    path = np.array(points, dtype=float)
    radii = np.linspace(width, width if end is None else end, len(path)) / 2
    shapes = [ellipse(x, y, r, count=20) for (x, y), r in zip(path, radii, strict=True)]
    for a, b, ra, rb in zip(path, path[1:], radii, radii[1:], strict=False):
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
        side = np.array((-along[1], along[0]))
        shapes.append(np.array([a + side * ra, b + side * rb, b - side * rb, a - side * ra]))
    return shapes


def ridge_line(rng: np.random.Generator, y: float, swing: float, waves: float = 1.5) -> np.ndarray:
    """A smooth skyline, (65, 2): three sines around `y`, at most about `swing` away from it."""
    x = np.linspace(-0.01, 1.01, 65)
    height = np.zeros_like(x)
    for octave, weight in enumerate((0.6, 0.3, 0.12)):
        turns = waves * (octave + 1) * rng.uniform(0.7, 1.2)
        height += weight * np.sin(2 * np.pi * (turns * x + rng.random()))
    return np.stack([x, y - swing * height], axis=1)


def area_under(ridge: np.ndarray, floor: float = 1.01) -> np.ndarray:
    """The area between a skyline and `floor`."""
    return np.concatenate([ridge, [(ridge[-1, 0], floor), (ridge[0, 0], floor)]])


def height_at(ridge: np.ndarray, x: float) -> float:
    """y of a skyline at `x`."""
    return float(np.interp(x, ridge[:, 0], ridge[:, 1]))


def spread(rng: np.random.Generator, count: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """`count` positions from `low` to `high`, one in each equal part."""
    return low + (high - low) * (np.arange(count) + rng.uniform(0.15, 0.85, count)) / count


def pine(x: float, foot: float, height: float) -> list[np.ndarray]:
    """A fir tree of three tiers."""
    shapes = [box(x - height * 0.03, foot - height * 0.2, x + height * 0.03, foot + height * 0.05)]
    for top, bottom, half in ((1.0, 0.6, 0.13), (0.78, 0.36, 0.19), (0.54, 0.1, 0.25)):
        tip, base = foot - height * top, foot - height * bottom
        sag = base - height * 0.03
        shapes.append(polygon((x, tip), (x + height * half, base), (x, sag), (x - height * half, base)))
    return shapes


def cloud(x: float, y: float, width: float) -> list[np.ndarray]:
    """A heap of round puffs on a flat base."""
    puffs = ((-0.3, 0.1, 0.16), (-0.1, 0.19, 0.2), (0.14, 0.14, 0.17), (0.33, 0.07, 0.12))
    shapes = [ellipse(x + dx * width, y - dy * width, r * width) for dx, dy, r in puffs]
    return [np.minimum(shape, (9.0, y)) for shape in shapes] + [lens(x, y, width * 1.0, width * 0.1)]


def lens(x: float, y: float, width: float, height: float) -> np.ndarray:
    """A flat shape with pointed ends."""
    along = np.linspace(-1, 1, 17)
    bulge = (1 - along**2) * height / 2
    top = np.stack([x + along * width / 2, y - bulge], axis=1)
    return np.concatenate([top, np.stack([x + along * width / 2, y + bulge], axis=1)[::-1]])


def pine_on(rng: np.random.Generator, ridge: np.ndarray, x: float, low: float, high: float) -> list[np.ndarray]:
    """A fir that stands on `ridge` at `x`, `low` to `high` tall."""
    return pine(x, height_at(ridge, x) + 0.01, rng.uniform(low, high))
