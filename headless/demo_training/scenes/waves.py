"""Abstract ribbons."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import COLOURS, mix
from .scene import Scene
from .shapes import area_under


def paint_waves(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Abstract ribbons, each with a lit upper edge; they lie level (variant 0) or run down the diagonal (1)."""
    palette = COLOURS[scene.palette]
    ramp = [mix(palette.low, palette.light, 0.3), palette.low, palette.mid, palette.top, palette.body, palette.near]
    if scene.palette == "midnight":
        ramp = [palette.low, palette.second, palette.low, palette.far, palette.body, palette.near]
    canvas.gradient(((0.0, ramp[0]), (1.0, ramp[1])))
    count, x = int(rng.integers(6, 9)), np.linspace(-0.01, 1.01, 65)
    slope = 0.0 if scene.variant == 0 else rng.choice([-0.55, 0.55])
    phase, turns, bright = rng.random(), rng.uniform(0.8, 1.3), count - int(rng.integers(2, 5))
    for step in range(count):
        t = (step + 0.5) / count
        first = np.sin(2 * np.pi * (turns * x + phase + 0.16 * step))
        second = np.sin(4 * np.pi * (turns * x * 0.8 + phase - 0.1 * step))
        swing = rng.uniform(0.05, 0.1)
        line = np.stack([x, 0.06 + 0.98 * t + slope * (x - 0.5) - swing * (first + 0.35 * second)], axis=1)
        place = 0.5 + t * (len(ramp) - 1.51)
        colour = mix(ramp[int(place)], ramp[int(place) + 1], place % 1)
        if step == bright:
            colour = palette.accent
        top = float(line[:, 1].min())
        canvas.fill([area_under(line - (0, 0.025))], palette.near, alpha=0.12)
        canvas.fill([area_under(line)], mix(colour, palette.light, 0.3), colour, span=(top, top + 0.3))
        edge = np.concatenate([line, line[::-1] + (0, 0.014)])
        canvas.fill([edge], palette.light, alpha=0.4)
