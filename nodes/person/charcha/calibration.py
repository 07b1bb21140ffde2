"""The person's own neutral face: what every movement is measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..face.landmarks import Face
from . import actions, picture_quality
from .actions import Measures

FRAMES = 14
UNREST = 3.0  # degrees; a head that moves more than this is no calibration
STRAIGHT = {"roll": 15.0, "yaw": 14.0, "pitch": 25.0}


@dataclass(frozen=True, eq=False)
class CapturedFrame:
    """A frame that may be kept. picture: uint8 RGB (H, W, 3). quality: larger is clearer."""

    quality: float
    picture: np.ndarray
    face: Face

    def __repr__(self) -> str:
        return "CapturedFrame(...)"


class Calibration:
    """Takes frames until enough of them in a row are neutral; then `rest` and `shot` are there."""

    def __init__(self):
        self._seen: list[tuple[Measures, CapturedFrame]] = []
        self.rest: Measures | None = None
        self.shot: CapturedFrame | None = None

    def restart(self) -> None:
        """Forget what was seen; the row begins anew."""
        self._seen.clear()

    def add(self, picture: np.ndarray, face: Face | None, complaint: str | None) -> tuple[str | None, float]:
        """Coaching for this frame, a key of `words.COACHING`, and how much of the row is there, 0..1."""
        if complaint is None and any(abs(getattr(face, angle)) > limit for angle, limit in STRAIGHT.items()):
            complaint = "straight"
        if complaint is not None or face is None:
            self.restart()
            return complaint, 0
        sharpness = picture_quality.sharpness(picture, face)
        if sharpness < picture_quality.BLURRED:
            self.restart()
            return "blurred", 0
        self._seen.append((Measures.of(face), CapturedFrame(sharpness, picture, face)))
        if len(self._seen) < FRAMES:
            return "still", len(self._seen) / FRAMES
        rest = Measures.median([measures for measures, _ in self._seen])
        # Frames near the middle of all: no blink, no start of a movement.
        near = [
            shot
            for measures, shot in self._seen
            if actions.is_neutral(measures, rest) and measures.blink < rest.blink + 0.15
        ]
        turns = np.std([(measures.yaw, measures.pitch) for measures, _ in self._seen], axis=0)
        if len(near) < FRAMES // 2 or turns.max() > UNREST:
            del self._seen[: FRAMES // 2]
            return "still", 0.5
        self.rest, self.shot = rest, max(near, key=lambda shot: shot.quality)
        self.restart()
        return None, 1
