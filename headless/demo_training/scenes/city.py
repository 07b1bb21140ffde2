"""Towers at a river or along a road."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, land_colour, mix
from .scene import Scene
from .shapes import box, polygon, spread
from .sky import paint_mist, paint_shimmer, paint_sky


def _towers(rng: np.random.Generator, count: int, ground: float, low: float, high: float) -> list[np.ndarray]:
    """Boxes (left, top, right, ground) as (4,) arrays, some of them overlapping."""
    centres, tops = spread(rng, count, -0.02, 1.02), ground - rng.uniform(low, high, count)
    tops[int(rng.integers(count))] = ground - high
    half = rng.uniform(0.34, 0.52, count) / count
    return [np.array((x - w, top, x + w, ground)) for x, w, top in zip(centres, half, tops, strict=True)]


def _roof(rng: np.random.Generator, tower: np.ndarray) -> list[np.ndarray]:
    """A flat, stepped, pointed or slanted top."""
    left, top, right, _ = tower
    width, middle, kind = right - left, (left + right) / 2, int(rng.integers(4))
    if kind == 1:
        step = box(left + width * 0.2, top - width * 0.3, right - width * 0.2, top)
        return [step, box(middle - 0.006, top - width * 0.9, middle + 0.006, top)]
    if kind == 2:
        return [polygon((left, top), (middle, top - width * 0.8), (right, top))]
    if kind == 3:
        return [polygon((left, top), (left, top - width * 0.45), (right, top))]
    return []


def _windows(rng: np.random.Generator, tower: np.ndarray, share: float) -> list[np.ndarray]:
    left, top, right, ground = tower
    columns = max(2, round((right - left) / 0.042))
    pitch = (right - left) / columns
    shapes = []
    for y in np.arange(top + 0.035, ground - 0.05, 0.05):
        for column in range(columns):
            if rng.random() < share:
                x = left + pitch * (column + 0.5)
                shapes.append(box(x - 0.0095, y, x + 0.0095, y + 0.026))
    return shapes


def paint_city(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Three rows of towers at a river (variant 0) or along a road (1)."""
    palette = COLOURS[scene.palette]
    ground = rng.uniform(0.7, 0.76) if scene.variant == 0 else rng.uniform(0.84, 0.9)
    light = paint_sky(canvas, rng, scene, ground, (0.2, 0.5))
    lit = mix(palette.accent if scene.palette in ("midnight", "emerald") else palette.light, palette.second, 0.25)
    for depth, count, low, high in ((0.05, 9, 0.2, 0.42), (0.35, 7, 0.16, 0.56), (0.75, 6, 0.08, 0.34)):
        towers = _towers(rng, int(rng.integers(count - 1, count + 2)), ground, low, high)
        roofs = [shape for tower in towers for shape in _roof(rng, tower)]
        colour = land_colour(palette, depth)
        foot = mix(colour, palette.low, 0.5 * (1 - depth))
        canvas.fill([box(*tower) for tower in towers] + roofs, colour, foot)
        if depth > 0.1:
            shade = [box((t[0] + t[2]) / 2, t[1], t[2], t[3]) for t in towers if light[0] < (t[0] + t[2]) / 2]
            shade += [box(t[0], t[1], (t[0] + t[2]) / 2, t[3]) for t in towers if light[0] >= (t[0] + t[2]) / 2]
            canvas.fill(shade, palette.near, alpha=0.14)
        if depth > 0.7:
            canvas.fill([shape for tower in towers for shape in _windows(rng, tower, 0.5)], lit, alpha=0.95)
        else:
            paint_mist(canvas, scene, ground - 0.04, 0.08)
    if scene.variant == 0:
        canvas.reflect(ground, mix(palette.mid, palette.low, 0.4), land_colour(palette, 0.5), 0.62)
        paint_shimmer(canvas, rng, palette, light[0], ground, 0.3)
        return
    canvas.fill([box(-0.1, ground, 1.1, 1.1)], land_colour(palette, 0.85), palette.near)
    middle = rng.uniform(0.4, 0.6)
    canvas.fill([polygon((middle - 0.03, ground), (middle + 0.03, ground), (0.85, 1.01), (0.15, 1.01))], palette.body)
    dashes = []
    for start, stop in ((0.1, 0.28), (0.45, 0.85)):
        (a, wide_a), (b, wide_b) = ((ground + t * (1 - ground), 0.004 + 0.02 * t) for t in (start, stop))
        xa, xb = (middle + (0.5 - middle) * t for t in (start, stop))
        dashes.append(polygon((xa - wide_a, a), (xa + wide_a, a), (xb + wide_b, b), (xb - wide_b, b)))
    canvas.fill(dashes, lit, alpha=0.9)
