"""Snowy peaks, before ridges or a lake."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, LEAF, Colour, land_colour, mix, own_colour
from .scene import Scene
from .shapes import area_under, pine_on, ridge_line, spread
from .sky import paint_mist, paint_shimmer, paint_sky


def mountain_peaks(
    rng: np.random.Generator, y: float, height: float, count: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A jagged skyline.

    Parameters
    ----------
    y : float
        Of its feet, in the unit square.
    height : float
        Of the highest peak above them.
    count : int
        Number of peaks.

    Returns
    -------
    tuple
        The skyline (2 * count + 1, 2), and per summit an array (3, 2): left foot, tip, right foot.
    """
    tips = spread(rng, count, -0.08, 1.08)
    tops = y - height * rng.uniform(0.6, 0.9, count)
    tops[int(rng.integers(count))] = y - height
    gaps = np.concatenate([[-0.3], (tips[1:] + tips[:-1]) / 2 + rng.uniform(-0.02, 0.02, count - 1), [1.3]])
    feet = y - height * rng.uniform(0.18, 0.42, count + 1)
    line, summits = [(gaps[0], feet[0])], []
    for i in range(count):
        line += [(tips[i], tops[i]), (gaps[i + 1], feet[i + 1])]
        summits.append(np.array([(gaps[i], feet[i]), (tips[i], tops[i]), (gaps[i + 1], feet[i + 1])]))
    return np.array(line), summits


def paint_slopes(
    canvas: Canvas, summits: list[np.ndarray], light_x: float, shade: Colour, snow: Colour, floor: float
) -> None:
    """The shaded face, down to `floor`, and the snow cap of every summit."""
    shades, caps = [], []
    for left, tip, right in summits:
        away, lit = (right, left) if light_x < tip[0] else (left, right)
        drop, toward = floor - tip[1], lit[0] - tip[0]
        crest = [
            tip + (toward * side, drop * down) for side, down in ((0.3, 1.0), (-0.08, 0.66), (0.2, 0.4), (-0.03, 0.2))
        ]
        shades.append(np.array([tip, away, (away[0], floor), *crest]))
        a, b = tip + (left - tip) * 0.36, tip + (right - tip) * 0.36
        fall = max(a[1], b[1]) - tip[1]
        notch = [a + (b - a) * t + (0, d * fall) for t, d in ((0.2, 0.3), (0.4, -0.1), (0.6, 0.35), (0.8, -0.05))]
        caps.append(np.array([tip, a, *notch, b]))
    canvas.fill(shades, shade, alpha=0.5)
    canvas.fill(caps, snow, alpha=0.92)


def paint_mountains(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Snowy peaks before green ridges (variant 0) or a lake (1)."""
    palette = COLOURS[scene.palette]
    base = rng.uniform(0.6, 0.7)
    light = paint_sky(canvas, rng, scene, base, (0.25, 0.5))
    line, _ = mountain_peaks(rng, base, 0.3, 5)
    canvas.fill([area_under(line)], mix(palette.far, palette.low, 0.35), palette.low, span=(base - 0.3, base + 0.05))
    paint_mist(canvas, scene, base, 0.08)
    line, summits = mountain_peaks(rng, base + 0.08, rng.uniform(0.36, 0.48), 3)
    rock = land_colour(palette, 0.3)
    canvas.fill([area_under(line)], rock, mix(rock, palette.low, 0.45), span=(base - 0.3, base + 0.1))
    snow = mix(palette.light, palette.low, 0.25)
    paint_slopes(canvas, summits, light[0], land_colour(palette, 0.55), snow, base + 0.1)
    paint_mist(canvas, scene, base + 0.08, 0.07)
    if scene.variant:
        canvas.fill([area_under(ridge_line(rng, base + 0.07, 0.02))], land_colour(palette, 0.6))
        canvas.reflect(base + 0.12, mix(palette.mid, palette.low, 0.5), land_colour(palette, 0.5), 0.6)
        paint_shimmer(canvas, rng, palette, light[0], base + 0.12, 0.28)
    else:
        for depth, y in ((0.5, 0.1), (0.68, 0.17)):
            colour = own_colour(palette, land_colour(palette, depth), LEAF, 0.8)
            canvas.fill([area_under(ridge_line(rng, base + y, 0.04))], colour, mix(colour, palette.far, 0.35))
            paint_mist(canvas, scene, base + y + 0.06, 0.04)
    ridge = ridge_line(rng, 0.94, 0.05)
    side = rng.choice([0.0, 0.62])
    near = own_colour(palette, palette.near, LEAF, 0.3)
    trees = [shape for x in spread(rng, 4, side, side + 0.4) for shape in pine_on(rng, ridge, x, 0.16, 0.3)]
    canvas.fill([area_under(ridge), *trees], near)
