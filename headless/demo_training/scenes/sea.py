"""The open sea, and a harbour."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, Colour, Palette, land_colour, mix
from .scene import Scene
from .shapes import area_under, box, parse_points, polygon, ridge_line, smooth, spread
from .sky import paint_mist, paint_shimmer, paint_sky


def _swell(rng: np.random.Generator, y: float, height: float, turns: float) -> tuple[np.ndarray, np.ndarray]:
    """A wave line, (97, 2), and the lit strip below its crests."""
    x = np.linspace(-0.01, 1.01, 97)
    crest = 0.5 + 0.5 * np.sin(2 * np.pi * (turns * x + rng.random() + 0.1 * np.sin(2 * np.pi * (x + rng.random()))))
    line = np.stack([x, y - height * crest**1.6], axis=1)
    below = line + np.stack([0 * x, 0.002 + 0.42 * height * crest**1.5], axis=1)
    return line, np.concatenate([line, below[::-1]])


def paint_ocean(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """The open sea with the light's path on it: swells that grow towards the viewer, perhaps an island."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.42, 0.54)
    light = paint_sky(canvas, rng, scene, horizon, (0.45, 0.95))
    if scene.variant:
        island = smooth(parse_points("-.5,.02 -.3,-.12 -.16,-.3 .05,-.2 .2,-.26 .5,.02 0,.08"))
        width, x = rng.uniform(0.3, 0.45), light[0] + rng.choice([-0.32, 0.32])
        canvas.fill([island * width + (x, horizon)], land_colour(palette, 0.35), mix(palette.far, palette.low, 0.4))
    paint_mist(canvas, scene, horizon - 0.02, 0.06)
    canvas.fill(
        [box(-0.1, horizon, 1.1, 1.1)], mix(palette.mid, palette.low, 0.55), mix(palette.far, palette.body, 0.4)
    )
    canvas.glow((light[0], horizon), 0.22, palette.light, 0.35)
    for step in (0.13, 0.3, 0.5, 0.72, 0.93):
        y, height = horizon + step * (1 - horizon) + 0.02, 0.018 + 0.075 * step
        line, strip = _swell(rng, y, height, 3.4 - 2.1 * step)
        colour = mix(mix(palette.far, palette.mid, 0.6), mix(land_colour(palette, 0.72), palette.top, 0.25), step)
        canvas.fill([area_under(line)], mix(colour, palette.mid, 0.2), colour, 0.92, (y - height, y + 0.12))
        canvas.fill([strip], mix(palette.light, palette.low, 0.5), alpha=0.4 + 0.25 * step)
        if step == 0.5:
            paint_shimmer(canvas, rng, palette, light[0], horizon, 0.7)


def _boat(x: float, y: float, size: float, facing: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """A sailing boat `size` tall that floats at (x, y): its hull with the mast, its main sail, its fore sail."""
    at = np.array((x, y))
    scale = np.array((size * facing, size))
    hull = polygon((-0.36, -0.1), (0.42, -0.1), (0.28, 0.03), (-0.27, 0.03)) * scale + at
    mast = polygon((-0.025, -1.0), (0.025, -1.0), (0.025, -0.05), (-0.025, -0.05)) * scale + at
    main = polygon((-0.05, -0.95), (-0.08, -0.17), (-0.38, -0.17), (-0.26, -0.5)) * scale + at
    fore = polygon((0.05, -0.88), (0.22, -0.48), (0.4, -0.17), (0.07, -0.17)) * scale + at
    return [hull, mast], [main], [fore]


def paint_harbour(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Sailing boats on calm water, with a jetty (variant 0) or a lighthouse (1)."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.5, 0.58)
    light = paint_sky(canvas, rng, scene, horizon, (0.35, 0.8))
    for depth, height in ((0.05, 0.12), (0.25, 0.055)):
        colour = land_colour(palette, depth)
        ridge = ridge_line(rng, horizon - height * 0.6, height * 0.5)
        canvas.fill([area_under(ridge)], colour, mix(colour, palette.low, 0.5), span=(horizon - height, horizon))
        paint_mist(canvas, scene, horizon - 0.01, 0.05)
    side = 1 if rng.random() < 0.5 else -1
    spots = spread(rng, 3, 0.28, 0.98) if side > 0 else 1 - spread(rng, 3, 0.28, 0.98)
    near = palette.near
    white = mix(palette.light, palette.second, 0.15)
    if scene.variant:
        _paint_lighthouse(canvas, palette, 0.5 - side * 0.36, horizon)
    small = _boat(float(spots[2]), horizon, 0.16, side)
    _paint_boat(
        canvas, small, land_colour(palette, 0.55), mix(white, palette.low, 0.4), mix(palette.accent, palette.low, 0.5)
    )
    canvas.reflect(horizon, mix(palette.mid, palette.low, 0.6), land_colour(palette, 0.4), 0.55)
    paint_shimmer(canvas, rng, palette, light[0], horizon, 0.5)
    paint_mist(canvas, scene, horizon + 0.02, 0.06)
    for spot, drop, size in ((spots[1], 0.1, 0.28), (spots[0], 0.24, 0.46)):
        boat = _boat(float(spot), horizon + drop, size, 1 if rng.random() < 0.5 else -1)
        mirror = tuple([part * (1, -0.6) + (0, 1.6 * (horizon + drop)) for part in parts] for parts in boat)
        canvas.fill([shape for parts in mirror for shape in parts], land_colour(palette, 0.6), alpha=0.3)
        _paint_boat(canvas, boat, near, white, palette.accent)
    if not scene.variant:
        _paint_jetty(canvas, palette, -side, 0.9)


def _paint_boat(canvas: Canvas, boat: tuple[list[np.ndarray], ...], hull: Colour, main: Colour, fore: Colour) -> None:
    canvas.fill(boat[0], hull)
    canvas.fill(boat[1], main)
    canvas.fill(boat[2], fore)


def _paint_lighthouse(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    white = mix(palette.light, palette.low, 0.2)
    tower = polygon((x - 0.035, y - 0.34), (x + 0.035, y - 0.34), (x + 0.055, y), (x - 0.055, y))
    beam = polygon((x, y - 0.38), (x - np.sign(x - 0.5) * 0.6, y - 0.5), (x - np.sign(x - 0.5) * 0.6, y - 0.34))
    canvas.fill([beam], palette.light, alpha=0.3)
    canvas.fill([tower], white)
    bands = []
    for a, b in ((0.25, 0.45), (0.65, 0.85)):
        wide_a, wide_b = (0.035 + 0.02 * t for t in (a, b))
        ya, yb = (y - 0.34 * (1 - t) for t in (a, b))
        bands.append(polygon((x - wide_a, ya), (x + wide_a, ya), (x + wide_b, yb), (x - wide_b, yb)))
    canvas.fill(bands, palette.accent if palette.accent[0] > 200 else palette.body)
    canvas.fill([box(x - 0.028, y - 0.4, x + 0.028, y - 0.34)], palette.accent)
    roof = polygon((x - 0.045, y - 0.395), (x, y - 0.45), (x + 0.045, y - 0.395))
    rock = smooth(parse_points("-.24,.01 -.1,-.06 .06,-.05 .24,.01 0,.03")) + (x, y)
    canvas.fill([roof, rock, box(x - 0.048, y - 0.345, x + 0.048, y - 0.33)], land_colour(palette, 0.85))


def _paint_jetty(canvas: Canvas, palette: Palette, side: int, y: float) -> None:
    """A pier that comes in from the left (-1) or the right (1) at height `y`."""
    edge, tip = (-0.02, 0.3) if side < 0 else (1.02, 0.7)
    deck = polygon((edge, y - 0.03), (tip, y - 0.015), (tip, y + 0.015), (edge, y + 0.035))
    posts = [box(x - 0.014, y - 0.06, x + 0.014, y + 0.12) for x in np.linspace(tip, edge, 5)[:-1]]
    canvas.fill([deck, *posts], palette.near)
