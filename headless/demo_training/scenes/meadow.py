"""Grassland with flowers."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, GRASS, LEAF, Colour, Palette, land_colour, mix, own_colour
from .scene import Scene
from .shapes import area_under, ellipse, height_at, lens, limb, polygon, ridge_line, spread
from .sky import paint_mist, paint_sky


def paint_meadow(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Rolling grassland with flowers in front, perhaps one round tree."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.46, 0.56)
    light = paint_sky(canvas, rng, scene, horizon, (0.35, 0.8))
    steps = ((0.05, -0.04, 0.06, 0.0), (0.2, 0.04, 0.06, 0.0), (0.36, 0.13, 0.05, 0.028), (0.54, 0.24, 0.04, 0.04))
    for depth, y, swing, size in steps:
        colour = own_colour(palette, land_colour(palette, depth), GRASS, 0.6 + depth)
        ridge, top = ridge_line(rng, horizon + y, swing, 0.9), mix(colour, palette.low, 0.35)
        canvas.fill([area_under(ridge)], top, colour, span=(horizon + y - swing, horizon + y + 0.16))
        if depth < 0.3:
            paint_mist(canvas, scene, horizon + y + 0.03, 0.05)
        if size:
            _paint_blossom(
                canvas, rng, ridge, size, mix(palette.accent if size > 0.03 else palette.light, colour, 0.15)
            )
    if scene.variant:
        _paint_lone_tree(canvas, rng, palette, 0.3 if light[0] > 0.5 else 0.7, horizon + 0.19, light[0])
    near = own_colour(palette, land_colour(palette, 0.8), LEAF, 0.9)
    _paint_flowers(canvas, rng, palette, near, 8 if scene.variant == 0 else 5)
    canvas.fill([area_under(ridge_line(rng, 0.92, 0.03))], near, mix(near, palette.near, 0.6))


def _paint_lone_tree(
    canvas: Canvas, rng: np.random.Generator, palette: Palette, x: float, foot: float, light_x: float
) -> None:
    h = rng.uniform(0.34, 0.44)
    away = 1 if light_x < x else -1
    canvas.fill([lens(x + away * 0.12, foot + 0.005, 0.36, 0.04)], palette.near, alpha=0.3)
    trunk = polygon(
        (x - 0.016, foot - h * 0.6), (x + 0.016, foot - h * 0.6), (x + 0.028, foot + 0.01), (x - 0.028, foot + 0.01)
    )
    boughs = limb(((x, foot - h * 0.4), (x + 0.07, foot - h * 0.6)), 0.02) + limb(
        ((x, foot - h * 0.36), (x - 0.07, foot - h * 0.58)), 0.02
    )
    canvas.fill([trunk, *boughs], palette.near)
    crown = [
        ellipse(x + dx * h, foot - dy * h, r * h)
        for dx, dy, r in ((-0.26, 0.66, 0.2), (0.25, 0.66, 0.21), (0.0, 0.8, 0.28))
    ]
    leaf = own_colour(palette, land_colour(palette, 0.68), LEAF, 1.2)
    canvas.fill(crown, leaf, mix(leaf, palette.near, 0.5))
    lit = [
        ellipse(x - away * 0.06 * h + dx * h, foot - dy * h, r * h)
        for dx, dy, r in ((-0.2 * away, 0.72, 0.11), (-0.02 * away, 0.9, 0.15))
    ]
    canvas.fill(lit, mix(leaf, palette.low, 0.35), alpha=0.8)


def _paint_flowers(canvas: Canvas, rng: np.random.Generator, palette: Palette, stem: Colour, count: int) -> None:
    """Tall flowers along the lower edge, in two colours, with round hearts."""
    xs, tops = spread(rng, count, 0.0, 1.0), rng.uniform(0.66, 0.86, count)
    radii = rng.uniform(0.038, 0.06, count)
    stems = [shape for x, y in zip(xs, tops, strict=True) for shape in limb(((x, y), (x + 0.01, 1.0)), 0.013)]
    leaves = [lens(x + side * 0.03, 0.9, 0.075, 0.03) for x, side in zip(xs, [1, -1] * count, strict=False)]
    canvas.fill(stems + leaves, stem)
    petals: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for index, (x, y, r) in enumerate(zip(xs, tops, radii, strict=True)):
        for angle in rng.random() + np.arange(6) * np.pi / 3:
            centre = x + r * 0.62 * np.cos(angle), y + r * 0.62 * np.sin(angle)
            petals[index % 2].append(ellipse(*centre, r * 0.42, count=16))
    canvas.fill(petals[0], palette.accent)
    canvas.fill(petals[1], palette.light)
    hearts = [ellipse(x, y, r * 0.38, count=16) for x, y, r in zip(xs, tops, radii, strict=True)]
    canvas.fill(hearts, mix(palette.near, palette.accent, 0.15))


def _paint_blossom(canvas: Canvas, rng: np.random.Generator, ridge: np.ndarray, size: float, colour: Colour) -> None:
    """A row of flowers too far off to show more than their colour, each `size` wide."""
    spots = spread(rng, 9, 0.0, 1.0)
    drop = rng.uniform(0.3, 1.6, 9) * size
    dots = [ellipse(x, height_at(ridge, x) + d, size / 2, size / 3, 14) for x, d in zip(spots, drop, strict=True)]
    canvas.fill(dots, colour, alpha=0.9)
