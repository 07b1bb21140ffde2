"""What a picture shows, in words, and random scenes for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

SCENES = ("mountains", "city", "ocean", "harbour", "forest", "desert", "aurora", "meadow", "waves", "person")
PALETTES = ("golden", "rose", "violet", "azure", "emerald", "midnight")
EXTRAS = ("sun", "moon", "stars", "mist", "birds", "rain")
POSES = ("standing", "waving", "arms raised", "walking", "portrait")
HAIR_COLOURS = ("black", "brown", "blond", "red")
HAIR_LENGTHS = ("short", "long")
SHIRTS = ("red", "blue", "green", "yellow", "white", "black")
SCENE_EXTRAS = {
    "mountains": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "city": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "ocean": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "harbour": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "forest": ("sun", "moon", "mist", "birds", "rain"),
    "desert": ("sun", "moon", "stars", "birds"),
    "aurora": ("moon", "stars"),
    "meadow": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "waves": (),
    "person": ("sun", "moon", "stars", "birds"),
}
PALETTE_EXTRAS = {
    "golden": ("sun", "mist", "birds", "rain"),
    "rose": ("sun", "moon", "mist", "birds", "rain"),
    "violet": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "azure": ("sun", "mist", "birds", "rain"),
    "emerald": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "midnight": ("moon", "stars", "mist", "rain"),
}
EXTRA_WEIGHTS = {"sun": 3.0, "moon": 1.8, "stars": 1.5, "mist": 1.2, "birds": 1.0, "rain": 0.7}


@dataclass(frozen=True)
class Scene:
    """What one picture shows. `pose`, `hair`, `hair_length` and `shirt` are empty except in the person scene."""

    scene: str
    palette: str
    extra: str = ""
    pose: str = ""
    hair: str = ""
    hair_length: str = ""
    shirt: str = ""
    seed: int = 0

    @property
    def variant(self) -> int:
        """0 or 1: which of the scene's two compositions is drawn (the captions name it, see `VARIANTS`)."""
        return self.seed % 2


def sample_scenes(count: int, seed: int, *, emphasis: Mapping[str, int] | None = None) -> list[Scene]:
    """Random scenes; every (scene, palette) pair comes equally often, to within one.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        The same seed gives the same scenes.
    emphasis : mapping of str to int, optional
        Scenes by name that come that many times as often.
    """
    rng = np.random.default_rng(seed)
    often = emphasis or {}
    cells = [(scene, palette) for scene in SCENES for palette in PALETTES for _ in range(often.get(scene, 1))]
    chosen: list[Scene] = []
    while len(chosen) < count:
        for index in rng.permutation(len(cells))[: count - len(chosen)]:
            scene, palette = cells[index]
            chosen.append(_random_scene(scene, palette, rng))
    return chosen


def _random_scene(scene: str, palette: str, rng: np.random.Generator) -> Scene:
    extras = [extra for extra in SCENE_EXTRAS[scene] if extra in PALETTE_EXTRAS[palette]]
    weights = np.array([EXTRA_WEIGHTS[extra] for extra in extras])
    extra = str(rng.choice(extras, p=weights / weights.sum())) if extras and rng.random() < 0.8 else ""
    result = Scene(scene, palette, extra, seed=int(rng.integers(2**31)))
    if scene != "person":
        return result
    hair, length, shirt = choose(rng, HAIR_COLOURS), choose(rng, HAIR_LENGTHS), choose(rng, SHIRTS)
    return replace(result, pose=choose(rng, POSES), hair=hair, hair_length=length, shirt=shirt)


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]
