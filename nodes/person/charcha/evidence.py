"""What the checks of one capture measured, and what they come to."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np

from ..face.embedding import SAME_PERSON, Embedder, distance
from ..face.landmarks import Face
from .actions import POSES
from .calibration import CapturedFrame
from .light import LightResult
from .parallax import depth_score

FLAT = 0.4  # depth score below which it was no head
LIVE = 0.5  # score of a passive model below which it was no live person


class Evidence:
    """Scores of one person. passive: a model that gives 0..1 for "live", or None. `light`: set when it is judged."""

    def __init__(self, embedder: Embedder, passive: Callable[[np.ndarray, Face], float] | None):
        self._embedder, self._passive = embedder, passive
        self._neutral: Face | None = None
        self._reference: np.ndarray | None = None
        self._distances: list[float] = []
        self._depths: list[float] = []
        self._reactions: list[float] = []
        self._live: list[float] = []
        self.light: LightResult | None = None

    def begin(self, neutral: CapturedFrame) -> None:
        """The person whom everything later is compared with."""
        self._neutral, self._reference = neutral.face, self._embedder.describe(neutral.picture, neutral.face)

    def same_person(self, picture: np.ndarray, face: Face) -> bool:
        """Whether a frame shows the person of the neutral one."""
        assert self._reference is not None, "begin comes first"
        self._distances.append(distance(self._reference, self._embedder.describe(picture, face)))
        return self._distances[-1] <= SAME_PERSON

    def moved(self, key: str, shot: CapturedFrame, reaction: float) -> None:
        """A movement was done. reaction: seconds from the prompt to full strength."""
        assert self._neutral is not None, "begin comes first"
        self._reactions.append(reaction)
        if key in POSES and (depth := depth_score(self._neutral, shot.face)) is not None:
            self._depths.append(depth)
        if self._passive is not None:
            self._live.append(float(self._passive(shot.picture, shot.face)))

    def scores(self) -> dict:
        """Plain numbers for the record; nothing in them describes the face."""
        return {
            "same_person_largest_distance": round(max(self._distances, default=0.0), 4),
            "depth": _median(self._depths),
            "reaction_seconds": _median(self._reactions),
            "light": None if self.light is None else dict(vars(self.light)),
            "passive": _median(self._live),
        }

    def verdict(self) -> str:
        """A key of `words.FAILED`, or the assurance: "full" or "reduced"."""
        if not self._depths or statistics.median(self._depths) < FLAT:
            return "flat"
        if self._live and statistics.median(self._live) < LIVE:
            return "passive"
        return "full" if self.light is not None and self.light.verdict == "passed" else "reduced"


def _median(values: list[float]) -> float | None:
    return round(statistics.median(values), 4) if values else None
