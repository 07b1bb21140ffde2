"""Firs, or tall trunks with beams of light."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, LEAF, Palette, land_colour, mix, own_colour
from .scene import Scene
from .shapes import area_under, ellipse, limb, pine_on, polygon, ridge_line, spread
from .sky import Light, paint_mist, paint_sky


def paint_forest(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Rows of firs (variant 0) or tall trunks in beams of light (1)."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.66, 0.74)
    light = paint_sky(canvas, rng, scene, horizon, (0.25, 0.5))
    canvas.glow((light[0], 0.4), 0.4, palette.light, 0.35)
    for depth, count, low, high, drop in ((0.08, 9, 0.26, 0.4, 0.0), (0.35, 7, 0.34, 0.5, 0.08)):
        ridge = ridge_line(rng, horizon + drop, 0.03)
        colour = own_colour(palette, land_colour(palette, depth), LEAF)
        trees = [shape for x in spread(rng, count, -0.05, 1.05) for shape in pine_on(rng, ridge, x, low, high)]
        canvas.fill(
            [area_under(ridge), *trees], colour, mix(colour, palette.low, 0.5), span=(0.25, horizon + drop + 0.08)
        )
        paint_mist(canvas, scene, horizon + drop, 0.08)
    if scene.variant:
        _paint_beams(canvas, rng, palette, light)
    near, ridge = own_colour(palette, palette.near, LEAF, 0.5), ridge_line(rng, 0.88, 0.04)
    middle = own_colour(palette, land_colour(palette, 0.7), LEAF, 0.8)
    ground = ridge_line(rng, 0.82, 0.03)
    if scene.variant:
        trunks = [shape for x in spread(rng, 4, 0.05, 0.95) for shape in _trunk(rng, x, 0.9, 0.035)]
        canvas.fill([area_under(ground), *trunks], middle)
        trunks = [shape for x in (0.06, 0.94) for shape in _trunk(rng, x + rng.uniform(-0.05, 0.05), 1.0, 0.09)]
        leaves = [ellipse(x, -0.02, rng.uniform(0.1, 0.17), rng.uniform(0.08, 0.15)) for x in np.linspace(0, 1, 7)]
        canvas.fill([area_under(ridge), *trunks, *leaves], near)
        return
    trees = [shape for x in spread(rng, 5, 0.0, 1.0) for shape in pine_on(rng, ground, x, 0.3, 0.5)]
    canvas.fill([area_under(ground), *trees], middle, mix(middle, palette.far, 0.3), span=(0.4, 0.95))
    paint_mist(canvas, scene, 0.86, 0.05)
    sides = (rng.uniform(-0.02, 0.12), rng.uniform(0.18, 0.26), rng.uniform(0.88, 1.02))
    mirrored = rng.random() >= 0.5
    trees = [shape for x in (1 - x if mirrored else x for x in sides) for shape in pine_on(rng, ridge, x, 0.5, 0.8)]
    canvas.fill([area_under(ridge), *trees], near)


def _paint_beams(canvas: Canvas, rng: np.random.Generator, palette: Palette, light: Light) -> None:
    shapes, x = [], light[0]
    for foot in spread(rng, 4, x - 0.6, x + 0.6):
        width = rng.uniform(0.04, 0.08)
        shapes.append(polygon((x - 0.02, -0.15), (x + 0.02, -0.15), (foot + width, 0.95), (foot - width, 0.95)))
    canvas.fill(shapes, palette.light, alpha=0.22)


def _trunk(rng: np.random.Generator, x: float, foot: float, width: float) -> list[np.ndarray]:
    """A trunk from the top edge to a flared foot, with one bough."""
    lean, half = rng.uniform(-0.03, 0.03), width / 2
    stem = polygon(
        (x + lean - half * 0.7, -0.02),
        (x + lean + half * 0.7, -0.02),
        (x + half, foot - 0.12),
        (x + half * 2, foot),
        (x - half * 2, foot),
        (x - half, foot - 0.12),
    )
    side, y = (1 if x < 0.5 else -1), rng.uniform(0.15, 0.4)
    return [stem, *limb(((x + lean / 2, y), (x + side * width * 2.2, y - 0.13)), width * 0.5, width * 0.25)]
