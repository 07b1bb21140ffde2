"""Dunes with a cactus or rock towers."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, LEAF, SAND, Colour, Palette, hex_colour, land_colour, mix, own_colour
from .scene import Scene
from .shapes import area_under, limb, ridge_line, spread
from .sky import paint_sky


def paint_desert(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Dunes with a cactus (variant 0) or rock towers (1)."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.5, 0.6)
    light = paint_sky(canvas, rng, scene, horizon, (0.35, 0.85))
    if scene.variant:
        blocks = []
        for x in spread(rng, 2, 0.08, 0.92):
            w, h = rng.uniform(0.09, 0.15), rng.uniform(0.13, 0.24)
            corners = (-1.5, 0.05), (-1.1, -0.4), (-0.95, -0.45), (-0.85, -1.0), (0.8, -1.0), (0.95, -0.5), (1.15, -0.4)
            blocks.append(np.array([*corners, (1.6, 0.05)]) * (w, h) + (x, horizon))
        colour = own_colour(palette, land_colour(palette, 0.3), hex_colour("C8643C"), 0.8)
        canvas.fill(blocks, colour, mix(colour, palette.low, 0.45))
    lit = own_colour(palette, mix(palette.low, palette.far, 0.45), SAND, 1.5)
    shade = own_colour(palette, land_colour(palette, 0.55), hex_colour("C58A4B"), 1.2)
    canvas.fill([area_under(ridge_line(rng, horizon + 0.02, 0.025))], mix(lit, palette.low, 0.3), lit)
    for step, (y, swing) in enumerate(((0.08, 0.05), (0.2, 0.07), (0.34, 0.08))):
        _paint_dune(
            canvas,
            rng,
            palette,
            horizon + y,
            swing,
            light[0],
            mix(lit, shade, step * 0.16),
            mix(shade, palette.near, step * 0.12),
        )
    if not scene.variant:
        side = 0.16 if light[0] > 0.5 else 0.84
        _paint_cactus(canvas, rng, palette, side + rng.uniform(-0.05, 0.05), 0.93, light[0])


def _paint_dune(
    canvas: Canvas,
    rng: np.random.Generator,
    palette: Palette,
    y: float,
    swing: float,
    light_x: float,
    lit: Colour,
    shade: Colour,
) -> None:
    """One dune: its lit back, and the face turned from the light below an S-shaped crest."""
    peak = rng.uniform(0.25, 0.75)
    x = np.linspace(-0.01, 1.01, 65)
    hill = np.exp(-(np.abs((x - peak) / 0.32) ** 1.5))
    crest = np.stack([x, y + swing * 0.6 - swing * 1.8 * hill], axis=1)
    canvas.fill([area_under(crest)], lit, mix(lit, shade, 0.35))
    top = float(crest[:, 1].min())
    t = np.linspace(0, 1, 24)
    away = 1 if light_x < peak else -1
    curl = peak + away * (0.1 * np.sin(t * np.pi * 1.6) * (1 - 0.3 * t) - 0.16 * t)
    edge = np.stack([curl, top + t**1.2 * (1.03 - top)], axis=1)
    far = crest[x > peak][::-1] if away > 0 else crest[x < peak]
    corner = [(1.01 if away > 0 else -0.01, 1.03)]
    canvas.fill([np.concatenate([edge, corner, far])], shade, mix(shade, lit, 0.45))


def _paint_cactus(
    canvas: Canvas, rng: np.random.Generator, palette: Palette, x: float, foot: float, light_x: float
) -> None:
    h = rng.uniform(0.28, 0.4)
    away = 1 if light_x < x else -1
    canvas.fill(limb(((x, foot), (x + away * 0.3, foot + 0.03)), 0.05, 0.03), palette.near, alpha=0.35)
    shapes = limb(((x, foot), (x, foot - h)), 0.065)
    for side, low, high in ((1, 0.4, 0.72), (-1, 0.52, 0.86)):
        out = x + side * 0.085
        shapes += limb(((x, foot - h * low), (out, foot - h * low), (out, foot - h * high)), 0.042)
    canvas.fill(shapes, own_colour(palette, palette.near, LEAF, 0.8))
