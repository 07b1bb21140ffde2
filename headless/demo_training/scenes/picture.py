"""A scene as a picture."""

from __future__ import annotations

import numpy as np

from .aurora import paint_aurora
from .canvas import Canvas
from .city import paint_city
from .colours import COLOURS
from .desert import paint_desert
from .forest import paint_forest
from .meadow import paint_meadow
from .mountains import paint_mountains
from .person import paint_person
from .scene import Scene
from .sea import paint_harbour, paint_ocean
from .sky import paint_rain
from .waves import paint_waves

PAINTERS = {
    "mountains": paint_mountains,
    "city": paint_city,
    "ocean": paint_ocean,
    "harbour": paint_harbour,
    "forest": paint_forest,
    "desert": paint_desert,
    "aurora": paint_aurora,
    "meadow": paint_meadow,
    "waves": paint_waves,
    "person": paint_person,
}


def draw(scene: Scene, size: int = 256) -> np.ndarray:
    """The picture of a scene; the same composition at every size.

    Parameters
    ----------
    scene : Scene
        What it shows; `Scene.seed` decides the rest.
    size : int
        Width and height in pixels.

    Returns
    -------
    ndarray
        uint8 (size, size, 3).
    """
    rng = np.random.default_rng(scene.seed)
    canvas = Canvas(size)
    PAINTERS[scene.scene](canvas, rng, scene)
    if scene.extra == "rain":
        paint_rain(canvas, rng, COLOURS[scene.palette])
    return np.asarray(canvas.image).copy()
