"""A drawn person of the demo model's world: something to learn a LoRA of, where no real face is.

The subject is a name out of `LOOKS` and nothing else. There is no place in it for a picture, and it is no
identity: what is learnt from it is marked as drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

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

    def training_subject(self, size: int = 256) -> Any:
        """Seven drawn pictures with captions, as the trainer takes them."""
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


def picture_of(look: str, pose: str, palette: str, seed: int, size: int = 256) -> Any:
    """The person of a look, uint8 (size, size, 3): blue or pink hair under a hat, a striped shirt."""
    import numpy as np
    from ..demo_training import scenes

    rng = np.random.default_rng(90_000 + seed)
    canvas = scenes.Canvas(size)
    scene = scenes.Scene("person", palette, "", pose, "black", "short", "black", seed)
    colours = scenes.COLOURS[palette]
    horizon = rng.uniform(0.62, 0.72)
    scenes._sky(canvas, rng, scene, horizon, (0.25, 0.6))
    for depth, y in ((0.05, 0.0), (0.3, 0.12)):
        colour = scenes._own(colours, scenes._land(colours, depth), scenes.GRASS, depth)
        ridge = scenes._under(scenes._ridge(rng, horizon + y, 0.05, 0.9))
        canvas.fill([ridge], scenes._mix(colour, colours.low, 0.3), colour)
    head, unit = scenes.FIGURES[pose]
    place = np.array((rng.uniform(0.45, 0.55), head + 0.02))
    scenes._figure(canvas, np.random.default_rng(3), scene, place, unit, 1)
    _dress(canvas, LOOKS[look], place, unit)
    return np.asarray(canvas.image).copy()


def _dress(canvas: Any, look: tuple[str, ...], place: Any, unit: float) -> None:
    import numpy as np
    from ..demo_training import scenes

    hair, hat, shirt, stripe = (tuple(int(text[i : i + 2], 16) for i in (1, 3, 5)) for text in look)

    def put(shape: Any, colour: tuple) -> None:
        canvas.fill([np.asarray(shape) * unit + place], colour)

    put(scenes._smooth(scenes.TORSO), shirt)
    for y in (2.5, 3.4, 4.3, 5.2):
        half = float(np.interp(y, (2.05, 3.4, 4.5, 5.7), (1.6, 1.3, 1.08, 1.25)))
        put(scenes._box(-half, y - 0.17, half, y + 0.17), stripe)
    put(scenes._smooth(scenes.SHORT), hair)
    put(scenes._ellipse(0, -0.78, 1.35, 0.2), hat)
    put(scenes._box(-0.78, -1.75, 0.78, -0.75), hat)
