"""Northern lights over snow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, Colour, Palette, hex_colour, land_colour, mix
from .mountains import mountain_peaks, paint_slopes
from .scene import Scene
from .shapes import area_under, box, pine_on, polygon, ridge_line, spread
from .sky import paint_sky, paint_stars


def _paint_curtain(
    canvas: Canvas, rng: np.random.Generator, y: float, tall: float, colour: Colour, tip: Colour
) -> None:
    """One curtain of northern lights: bright along a wavy hem, fading upwards in broad folds."""
    x, turn = canvas.x, 2 * np.pi
    hem = y + 0.07 * np.sin(turn * (x * rng.uniform(0.8, 1.3) + rng.random())) + rng.uniform(-0.12, 0.12) * (x - 0.5)
    folds = 0.72 + 0.28 * np.sin(turn * (x * rng.uniform(3.0, 4.5) + 0.3 * np.sin(turn * x) + rng.random()))
    up = (hem - canvas.y) / (tall * (0.75 + 0.4 * folds))
    above = np.maximum(up, 0.0)
    body = np.where(up > 0, np.exp(-(above**1.3) * 1.7), np.exp(-((up * 9) ** 2)))
    canvas.blend(tip, 0.55 * folds * np.exp(-(((up - 0.55) / 0.5) ** 2)))
    canvas.blend(colour, 0.95 * folds * body)


def paint_aurora(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Two curtains of light over snow, with a cabin (variant 0) or more firs (1)."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.64, 0.7)
    sky = replace(scene, extra="" if scene.extra == "stars" else scene.extra)
    paint_sky(canvas, rng, sky, horizon, (0.3, 0.5), AURORA_DARKNESS[scene.palette])
    if scene.extra == "stars":
        paint_stars(canvas, rng, palette, horizon * 0.8)
    bright, tip = AURORA_COLOURS[scene.palette]
    _paint_curtain(canvas, rng, rng.uniform(0.36, 0.44), 0.42, mix(bright, palette.mid, 0.35), tip)
    _paint_curtain(canvas, rng, rng.uniform(0.48, 0.56), 0.36, bright, tip)
    line, summits = mountain_peaks(rng, horizon + 0.02, 0.2, 4)
    rock = mix(land_colour(palette, 0.45), palette.top, 0.25)
    canvas.fill([area_under(line)], rock, mix(rock, palette.low, 0.4), span=(horizon - 0.2, horizon + 0.04))
    paint_slopes(canvas, summits, 0.3, land_colour(palette, 0.7), mix(palette.low, palette.light, 0.4), horizon + 0.05)
    snow = mix(mix(palette.low, palette.light, 0.55), palette.mid, 0.1 if scene.palette != "midnight" else 0.45)
    for depth, y in ((0.0, 0.02), (0.5, 0.12), (1.0, 0.22)):
        top = mix(snow, bright, 0.3 - 0.25 * depth)
        canvas.fill(
            [area_under(ridge_line(rng, horizon + y, 0.03))],
            top,
            mix(top, palette.mid, 0.5),
            span=(horizon + y - 0.03, horizon + y + 0.22),
        )
    ridge, dark = ridge_line(rng, 0.86, 0.02), land_colour(palette, 0.88)
    side = 1 if rng.random() < 0.5 else -1
    if scene.variant == 0:
        _paint_cabin(canvas, palette, 0.5 + side * rng.uniform(0.12, 0.24), 0.86, snow)
    spots = 0.5 - side * spread(rng, 3 if scene.variant == 0 else 4, 0.08, 0.5)
    trees = [shape for x in spots for shape in pine_on(rng, ridge, float(x), 0.18, 0.36)]
    canvas.fill(trees, dark)


AURORA_DARKNESS = {"golden": 0.6, "rose": 0.55, "violet": 0.45, "azure": 0.3, "emerald": 0.5, "midnight": 0.15}
AURORA_COLOURS = {
    "golden": (hex_colour("FFE27A"), hex_colour("FF8A3C")),
    "rose": (hex_colour("FFB3B8"), hex_colour("FF4F86")),
    "violet": (hex_colour("E29BFF"), hex_colour("7C5CFF")),
    "azure": (hex_colour("C8F6FF"), hex_colour("4FB4FF")),
    "emerald": (hex_colour("B6FFB0"), hex_colour("2FD6A0")),
    "midnight": (hex_colour("6FD3F0"), hex_colour("3B62D8")),
}


def _paint_cabin(canvas: Canvas, palette: Palette, x: float, foot: float, snow: Colour) -> None:
    canvas.fill([box(x - 0.09, foot - 0.1, x + 0.09, foot + 0.01)], palette.near)
    roof = polygon((x - 0.12, foot - 0.09), (x, foot - 0.2), (x + 0.12, foot - 0.09))
    canvas.fill([roof, box(x + 0.045, foot - 0.21, x + 0.075, foot - 0.1)], snow)
    canvas.glow((x, foot - 0.04), 0.12, hex_colour("FFC45C"), 0.35)
    canvas.fill(
        [
            box(x - 0.055, foot - 0.065, x - 0.015, foot - 0.025),
            box(x + 0.015, foot - 0.065, x + 0.055, foot - 0.025),
        ],
        hex_colour("FFD980"),
    )
