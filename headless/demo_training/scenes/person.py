"""One figure before two hills."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .canvas import Canvas
from .colours import (
    COLOURS,
    GRASS,
    HAIRS,
    SHADE,
    SHIRT_COLOURS,
    SKINS,
    TROUSERS,
    Colour,
    hex_colour,
    land_colour,
    mix,
    own_colour,
)
from .scene import Scene
from .shapes import area_under, ellipse, limb, parse_points, ridge_line, smooth
from .sky import paint_sky

FIGURES = {
    "standing": (0.31, 0.102),
    "waving": (0.34, 0.1),
    "arms raised": (0.4, 0.095),
    "walking": (0.17, 0.077),
    "portrait": (0.42, 0.175),
}
ARMS = {
    "standing": (((-1.45, 2.2), (-1.85, 4.0), (-1.7, 5.6)), ((1.45, 2.2), (1.85, 4.0), (1.7, 5.6))),
    "portrait": (((-1.45, 2.2), (-1.9, 4.0), (-1.8, 5.6)), ((1.45, 2.2), (1.9, 4.0), (1.8, 5.6))),
    "waving": (((-1.45, 2.2), (-1.85, 4.0), (-1.7, 5.6)), ((1.45, 2.2), (2.65, 1.5), (2.35, -0.4))),
    "arms raised": (((-1.45, 2.2), (-2.5, 0.7), (-2.0, -1.5)), ((1.45, 2.2), (2.5, 0.7), (2.0, -1.5))),
    "walking": (((-1.4, 2.2), (-2.1, 3.7), (-1.5, 5.0)), ((1.4, 2.2), (1.9, 3.9), (2.6, 5.0))),
}


def paint_person(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """One figure before two plain hills."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.62, 0.72)
    paint_sky(canvas, rng, scene, horizon, (0.25, 0.6))
    for depth, y in ((0.05, 0.0), (0.3, 0.12)):
        colour = own_colour(palette, land_colour(palette, depth), GRASS, depth)
        canvas.fill([area_under(ridge_line(rng, horizon + y, 0.05, 0.9))], mix(colour, palette.low, 0.3), colour)
    head, unit = FIGURES[scene.pose]
    unit *= rng.uniform(0.94, 1.06)
    place = np.array((rng.uniform(0.42, 0.58), head + rng.uniform(-0.02, 0.02)))
    canvas.glow((place[0], 0.45), 0.36, palette.low, 0.5)
    paint_figure(canvas, rng, scene, place, unit, 1 if rng.random() < 0.5 else -1)


LONG_HAIR_BACK = parse_points(
    "0,-1.28 .95,-.8 1.2,.3 1.4,1.6 1.2,2.6 .5,2.8 -.5,2.8 -1.2,2.6 -1.4,1.6 -1.2,.3 -.95,-.8"
)
LONG_HAIR_FRONT = parse_points(
    ".1,-1.24 .8,-.9 1.04,0 1.22,1.4 1.05,2.5 .84,1.3 .8,.05 .4,-.6 -.25,-.42 -.74,.1 -.84,1.3 -1.05,2.5 -1.22,1.4 "
    "-1.04,0 -.75,-.9"
)
SHORT_HAIR = parse_points(
    ".15,-1.3 .8,-1.02 1.0,-.3 .86,.12 .76,-.3 .3,-.55 -.35,-.42 -.74,-.22 -.88,.12 -1.0,-.35 -.65,-1.08"
)
TORSO = parse_points(
    "0,1.72 .85,1.72 1.7,2.05 1.35,3.4 1.1,4.5 1.3,5.7 0,5.9 -1.3,5.7 -1.1,4.5 -1.35,3.4 -1.7,2.05 -.85,1.72"
)


def paint_figure(
    canvas: Canvas, rng: np.random.Generator, scene: Scene, place: np.ndarray, unit: float, side: int
) -> None:
    """A person from head to foot, or as much of one as the pose shows.

    Parameters
    ----------
    scene : Scene
        Gives pose, hair, shirt and palette.
    place : ndarray
        Middle of the head (x, y) in the unit square.
    unit : float
        Half the head's height.
    side : int
        -1 mirrors the figure.
    """
    palette = COLOURS[scene.palette]
    scale = np.array((unit * side, unit))
    night = scene.palette == "midnight"

    def put(shapes: Sequence[np.ndarray], colour: Colour, alpha: float = 1.0) -> None:
        tinted = mix(colour, palette.body if night else palette.mid, 0.28 if night else 0.1)
        canvas.fill([shape * scale + place for shape in shapes], tinted, alpha=alpha)

    skin = SKINS[int(rng.integers(len(SKINS)))]
    hair, shirt = HAIRS[scene.hair], SHIRT_COLOURS[scene.shirt]
    if scene.hair_length == "long":
        put([smooth(LONG_HAIR_BACK)], mix(hair, SHADE, 0.25))
    if scene.pose in ("walking", "standing"):
        _paint_legs(put, 1.0 if scene.pose == "walking" else 0.25)
    put(limb(((0, 0.8), (0, 1.9)), 0.74), mix(skin, SHADE, 0.22))
    arms = ARMS[scene.pose]
    hands = (np.array(arm[2]) * 1.14 - np.array(arm[1]) * 0.14 for arm in arms)
    put([ellipse(x, y, 0.38) for x, y in hands], skin)
    put([shape for arm in arms for shape in limb(arm, 0.84, 0.56)], mix(shirt, SHADE, 0.16))
    put([smooth(TORSO)], shirt)
    put([ellipse(0, 1.66, 0.58, 0.36)], mix(skin, SHADE, 0.12))
    put([ellipse(x, 0.12, 0.17, 0.23) for x in (-0.82, 0.82)], mix(skin, SHADE, 0.12))
    put([ellipse(0, 0, 0.82, 1.0, 48)], skin)
    _paint_face(put, skin)
    put([smooth(LONG_HAIR_FRONT if scene.hair_length == "long" else SHORT_HAIR)], hair)


def _paint_legs(put: Callable[..., None], step: float) -> None:
    """Dark trousers and shoes; `step` is 1 in mid-stride."""
    put(limb(((0.5, 5.2), (0.6 + 0.5 * step, 7.2), (0.7 + 0.9 * step, 9.3)), 1.1, 0.8), TROUSERS)
    put(limb(((-0.5, 5.2), (-0.5 - 0.3 * step, 7.2), (-0.6 - 1.2 * step, 9.1)), 1.1, 0.8), TROUSERS)
    put([ellipse(0.9 + 0.9 * step, 9.6, 0.65, 0.32), ellipse(-0.4 - 1.2 * step, 9.45, 0.65, 0.32)], SHADE)


def _paint_face(put: Callable[..., None], skin: Colour) -> None:
    """Eyes, brows, cheeks, nose and a smile, in head units."""
    ink = (46, 30, 38)
    put([ellipse(x, 0.38, 0.17, 0.12) for x in (-0.48, 0.48)], hex_colour("F0705C"), 0.35)
    put([ellipse(x, 0.06, 0.12, 0.165) for x in (-0.34, 0.34)], ink)
    put([ellipse(x + 0.04, 0.0, 0.042) for x in (-0.34, 0.34)], (255, 255, 255))
    put(
        [shape for x in (-0.34, 0.34) for shape in limb(((x - 0.16, -0.2), (x, -0.26), (x + 0.16, -0.2)), 0.075)],
        ink,
        0.8,
    )
    put(limb(((0.0, 0.14), (0.05, 0.3)), 0.09), mix(skin, SHADE, 0.25))
    angle = np.linspace(0, np.pi, 16)
    put([np.stack([0.33 * np.cos(angle), 0.52 + 0.25 * np.sin(angle)], axis=1)], hex_colour("A8323A"))
    put([np.stack([0.27 * np.cos(angle), 0.52 + 0.08 * np.sin(angle)], axis=1)], (255, 250, 244))
