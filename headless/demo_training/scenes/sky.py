"""The sky with what is in it, and the weather."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, Palette, mix
from .scene import Scene
from .shapes import cloud, ellipse, lens, parse_points, spread

Light = tuple[float, float]


def paint_sky(
    canvas: Canvas, rng: np.random.Generator, scene: Scene, horizon: float, rise: Light, dark: float = 0.0
) -> Light:
    """Paint the sky down to the horizon, with its light, clouds, stars and birds.

    Parameters
    ----------
    horizon : float
        y of the horizon.
    rise : tuple of float
        The least and the greatest y of the sun as a share of `horizon`.
    dark : float
        How much darker than its palette the sky is, 0 to 1.

    Returns
    -------
    Light
        Where the light is, (x, y).
    """
    palette = COLOURS[scene.palette]
    top, mid = mix(palette.top, palette.near, dark), mix(palette.mid, palette.near, dark * 0.7)
    low = mix(palette.low, palette.near, dark * 0.4)
    canvas.gradient(((0.0, top), (horizon * 0.55, mid), (horizon, low), (1.0, low)))
    x, y = rng.uniform(0.2, 0.8), rng.uniform(*rise) * horizon
    light = (x, min(0.24, horizon * 0.42) if scene.extra == "moon" else y)
    strength = 0.45 if scene.palette == "midnight" else 0.75
    canvas.glow(light, 0.42, low, strength * (1 - dark))
    if scene.extra == "stars":
        paint_stars(canvas, rng, palette, horizon)
    if scene.extra == "sun":
        _paint_sun(canvas, rng, palette, light)
    if scene.extra == "moon":
        _paint_moon(canvas, rng, palette, light)
    if not dark and scene.extra != "stars":
        _paint_clouds(canvas, rng, scene, horizon, light)
    if scene.extra == "birds":
        _paint_birds(canvas, rng, palette, horizon)
    return light


def _paint_sun(canvas: Canvas, rng: np.random.Generator, palette: Palette, light: Light) -> None:
    """A disc with two pale rings."""
    radius = rng.uniform(0.07, 0.11)
    for ring, alpha in ((2.3, 0.2), (1.6, 0.3), (1.0, 1.0)):
        canvas.fill([ellipse(*light, radius * ring, count=64)], palette.light, alpha=alpha)


def _paint_moon(canvas: Canvas, rng: np.random.Generator, palette: Palette, light: Light) -> None:
    radius = rng.uniform(0.06, 0.085)
    pale = mix(palette.light, (235, 242, 255), 0.4)
    canvas.glow(light, radius * 3, pale, 0.35)
    x, y = light
    angle = np.linspace(-1.9, 1.9, 40)
    outer = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)
    inner = np.stack([x + radius * (np.cos(angle) * 0.72 + 0.42 * np.cos(1.9)), y + radius * np.sin(angle)], axis=1)
    if rng.random() < 0.5:
        canvas.fill([np.concatenate([outer, inner[::-1]])], pale)
        return
    canvas.fill([ellipse(x, y, radius, count=64)], pale)
    craters = [ellipse(x + radius * dx, y + radius * dy, radius * r) for dx, dy, r in CRATERS]
    canvas.fill(craters, palette.mid, alpha=0.22)


CRATERS = ((-0.35, -0.2, 0.26), (0.3, 0.3, 0.2), (0.28, -0.42, 0.14))


def paint_stars(canvas: Canvas, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    """Four-pointed stars, evenly strewn."""
    shapes = []
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    for y in spread(rng, max(3, round(horizon * 7)), 0.02, horizon * 0.85):
        for x in spread(rng, 4):
            reach = np.where(np.arange(8) % 2, 0.5, 1.0) * rng.uniform(0.011, 0.017)
            at = y + rng.uniform(-0.03, 0.03)
            shapes.append(np.stack([x + reach * np.cos(turn), at + reach * np.sin(turn)], axis=1))
    canvas.fill(shapes, mix(palette.light, (255, 255, 255), 0.5), alpha=0.95)


def _paint_clouds(canvas: Canvas, rng: np.random.Generator, scene: Scene, horizon: float, light: Light) -> None:
    """White heaps at noon; thin bars across the light at other times."""
    palette = COLOURS[scene.palette]
    if scene.palette == "azure":
        for x in spread(rng, 2, 0.05, 0.95):
            puffs = cloud(x, rng.uniform(0.36, 0.75) * horizon, rng.uniform(0.24, 0.4))
            canvas.fill(puffs, (255, 255, 255), mix(palette.low, palette.mid, 0.2), 0.95)
        return
    bars = []
    for y in spread(rng, 3, 0.15, 0.95):
        bars.append(
            lens(light[0] + rng.uniform(-0.4, 0.4), y * horizon, rng.uniform(0.35, 0.7), rng.uniform(0.018, 0.034))
        )
    canvas.fill(bars, palette.low, alpha=0.4)


def _paint_birds(canvas: Canvas, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    """A loose flock of gulls in the upper sky."""
    wing = parse_points("-1,-.35 -.5,-.5 0,.05 .5,-.5 1,-.35 .5,-.15 0,.45 -.5,-.15")
    x, y = rng.uniform(0.25, 0.7), rng.uniform(0.12, max(0.14, horizon * 0.4))
    shapes = []
    for index in range(int(rng.integers(3, 6))):
        span, side, back = rng.uniform(0.04, 0.055), (-1) ** index, (index + 1) // 2
        shapes.append(wing * span + (x + side * back * 0.12, y + back * 0.06 + rng.uniform(-0.015, 0.015)))
    canvas.fill(shapes, palette.near)


def paint_rain(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    """A veil and slanted strokes over the whole picture."""
    veil = mix(palette.far, palette.mid, 0.6)
    canvas.blend(veil, np.full((canvas.size, canvas.size), 0.28, dtype=np.float32))
    drop = parse_points("1,0 1.13,0 .63,1 .5,1")
    shapes = []
    for y in spread(rng, 5, -0.05, 1.0):
        for x in spread(rng, 6, -0.1, 1.0):
            shapes.append(drop * rng.uniform(0.08, 0.12) + (x, y + rng.uniform(-0.06, 0.06)))
    canvas.fill(shapes, palette.light, alpha=0.45)


def paint_mist(canvas: Canvas, scene: Scene, y: float, height: float = 0.07) -> None:
    """The haze that lies between two layers: a trace of it always, a bank of it in mist."""
    palette = COLOURS[scene.palette]
    canvas.haze(
        y, height * (1.35 if scene.extra == "mist" else 1.0), palette.low, 0.8 if scene.extra == "mist" else 0.2
    )


def paint_shimmer(
    canvas: Canvas, rng: np.random.Generator, palette: Palette, x: float, horizon: float, alpha: float
) -> None:
    """The light's path on water: flat lenses that widen towards the viewer."""
    shapes = []
    depth = np.linspace(0.04, 0.95, 8) ** 1.4
    for step in depth:
        width = (0.07 + 0.2 * step) * rng.uniform(0.7, 1.3)
        shapes.append(lens(x + rng.uniform(-0.03, 0.03), horizon + step * (1 - horizon), width, 0.012 + 0.022 * step))
    canvas.fill(shapes, palette.light, alpha=alpha)
