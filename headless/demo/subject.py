"""A drawn person of the demo model's world: something to learn a LoRA of, where no real face is.

The subject is a name out of `LOOKS` and nothing else. There is no place in it for a picture, and it is no
identity: what is learnt from it is marked as drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from songreel.nodes.person.identity.subject import Subject

    from ..demo_training.scenes.canvas import Canvas

from songreel.nodes.base import json_type as _json_type
from songreel.nodes.base.errors import InputError

# Hair, hat, shirt and its stripes: combinations that the demo model has never seen.
LOOKS = {
    "zuva": ("#3a6fe0", "#f2c230", "#e8622c", "#fff3df"),
    "milo": ("#e05aa8", "#35c2a0", "#7a48c8", "#ffe27a"),
}
TOKEN_CLASS = "person"
VIEWS = (
    ("portrait", "golden"),
    ("standing", "azure"),
    ("waving", "emerald"),
    ("arms raised", "rose"),
    ("walking", "violet"),
    ("portrait", "azure"),
    ("standing", "midnight"),
)
_PALETTE_WORDS = {
    "golden": "warm light",
    "azure": "blue sky",
    "emerald": "emerald green",
    "rose": "pink light",
    "violet": "violet light",
    "midnight": "at night",
}


@dataclass(frozen=True)
class DemoSubject(_json_type.JsonType):
    """The name of a drawn look (DEMO_SUBJECT)."""

    io_type: ClassVar[str] = "DEMO_SUBJECT"

    look: str

    def __post_init__(self):
        if self.look not in LOOKS:
            raise InputError(f"{self.io_type}: look must be one of {', '.join(LOOKS)}, got '{self.look}'.")

    def to_json(self) -> dict:
        return self._head() | {"look": self.look}

    @classmethod
    def from_json(cls, data: Any) -> DemoSubject:
        return cls(cls._open(data).text("look"))

    def training_subject(self, size: int = 256) -> Subject:
        """Seven drawn pictures of `size` x `size` pixels with captions, as the trainer takes them."""
        from songreel.nodes.person.identity import subject

        words = f"{self.look} {TOKEN_CLASS}"
        pictures = tuple(picture_of(self.look, pose, palette, seed, size) for seed, (pose, palette) in enumerate(VIEWS))
        digest = hashlib.sha256(b"".join(picture.tobytes() for picture in pictures)).hexdigest()
        scenes = [f"{pose}, {_PALETTE_WORDS[palette]}" for pose, palette in VIEWS]
        return subject.Subject(
            token=self.look,
            class_word=TOKEN_CLASS,
            pictures=pictures,
            captions=tuple(f"{words}, {scene}" for scene in scenes),
            digest=digest,
            plain=tuple(f"a {TOKEN_CLASS}, {scene}" for scene in scenes)
            + ("mountains, at dawn", "a city skyline, at night", "the open sea, blue sky", "a meadow, pink light"),
        )


def picture_of(look: str, pose: str, palette: str, seed: int, size: int = 256) -> np.ndarray:
    """The person of a look: blue or pink hair under a hat, a striped shirt.

    Parameters
    ----------
    look : str
        A name out of `LOOKS`.
    pose, palette : str
        One of the poses and palettes of `headless.demo_training.scenes`.
    seed : int
        Decides the hills behind the person, and where the person stands.
    size : int
        Width and height in pixels.

    Returns
    -------
    ndarray
        uint8 (size, size, 3).
    """
    import numpy as np

    from ..demo_training.scenes import Scene
    from ..demo_training.scenes.canvas import Canvas
    from ..demo_training.scenes.colours import COLOURS, GRASS, land_colour, mix, own_colour
    from ..demo_training.scenes.person import FIGURES, paint_figure
    from ..demo_training.scenes.shapes import area_under, ridge_line
    from ..demo_training.scenes.sky import paint_sky

    rng = np.random.default_rng(90_000 + seed)
    canvas = Canvas(size)
    scene = Scene("person", palette, "", pose, "black", "short", "black", seed)
    colours = COLOURS[palette]
    horizon = rng.uniform(0.62, 0.72)
    paint_sky(canvas, rng, scene, horizon, (0.25, 0.6))
    for depth, y in ((0.05, 0.0), (0.3, 0.12)):
        colour = own_colour(colours, land_colour(colours, depth), GRASS, depth)
        hill = area_under(ridge_line(rng, horizon + y, 0.05, 0.9))
        canvas.fill([hill], mix(colour, colours.low, 0.3), colour)
    head, unit = FIGURES[pose]
    place = np.array((rng.uniform(0.45, 0.55), head + 0.02))
    paint_figure(canvas, np.random.default_rng(3), scene, place, unit, 1)
    _dress(canvas, LOOKS[look], place, unit)
    return np.asarray(canvas.image).copy()


def _dress(canvas: Canvas, look: tuple[str, ...], place: np.ndarray, unit: float) -> None:
    """Put shirt, stripes, hair and hat of a look on the figure at `place`."""
    import numpy as np

    from ..demo_training.scenes.person import SHORT_HAIR, TORSO
    from ..demo_training.scenes.shapes import box, ellipse, smooth

    hair, hat, shirt, stripe = (tuple(int(text[i : i + 2], 16) for i in (1, 3, 5)) for text in look)

    def put(shape: np.ndarray, colour: tuple) -> None:
        canvas.fill([shape * unit + place], colour)

    put(smooth(TORSO), shirt)
    for y in (2.5, 3.4, 4.3, 5.2):
        half = float(np.interp(y, (2.05, 3.4, 4.5, 5.7), (1.6, 1.3, 1.08, 1.25)))
        put(box(-half, y - 0.17, half, y + 0.17), stripe)
    put(smooth(SHORT_HAIR), hair)
    put(ellipse(0, -0.78, 1.35, 0.2), hat)
    put(box(-0.78, -1.75, 0.78, -0.75), hat)
