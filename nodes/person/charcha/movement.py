"""One movement that was asked for: done after it was asked, strongly enough, and held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..face.landmarks import Face
from . import actions, picture_quality
from .actions import ACTIONS, Measures
from .calibration import CapturedFrame

SECONDS = 10.0
REACTION_SECONDS = 0.22  # nobody reacts sooner to what they read
HELD = 0.6  # share of full strength that holds a movement which has reached it: faces are not still
BEGUN = 0.8  # strength from which a movement is under way
LAPSE_FRAMES = 2  # frames of a hold that may miss the mark
WRONG_FRAMES = 3


@dataclass(frozen=True, eq=False)
class Step:
    """What a frame came to. coach: a key of `words.COACHING` or the words themselves. strength, hold: 0..1.

    retry: a key of `words.RETRY` when this try is over. shot: the clearest frame when the movement was done.
    """

    coach: str | None = None
    strength: float = 0.0
    hold: float = 0.0
    retry: str | None = None
    shot: CapturedFrame | None = None


class Movement:
    """One try at a movement, revealed at `now`; `hold` seconds of it count.

    rest: the neutral face. reaction: seconds until the movement was at full strength, once it was.
    """

    def __init__(self, key: str, rest: Measures, *, now: float, hold: float):
        self.action = ACTIONS[key]
        self.reaction: float | None = None
        self._rest, self._begin, self._hold = rest, now, hold
        self._since: float | None = None
        self._lapse = self._wrong = 0
        self._best: CapturedFrame | None = None
        self._sharpest = 0.0

    def add(self, picture: np.ndarray, face: Face | None, complaint: str | None, now: float) -> Step:
        """Judge one frame. picture: uint8 RGB (H, W, 3). complaint: as `picture_quality.complaint` says."""
        key, rest = self.action.key, self._rest
        if now - self._begin > SECONDS:
            return Step(retry="timeout")
        # The last movement may leave the usual distance; the others must not.
        usable = complaint is None or (key == actions.LAST and complaint in ("closer", "centre"))
        if face is None or not usable:
            self._lapsed()
            return Step(complaint)
        measures = Measures.of(face)
        strength = self.action.strength(measures, rest)
        if now - self._begin < REACTION_SECONDS and strength >= BEGUN:
            return Step(retry="too_early")
        self._wrong = self._wrong + 1 if strength < BEGUN and actions.others(key, measures, rest) else 0
        if self._wrong >= WRONG_FRAMES:
            return Step(retry="not_asked")
        if strength > actions.TOO_FAR and key in actions.POSES:
            self._lapsed()
            return Step("back", 1)
        if strength < (1.0 if self._since is None else HELD):
            self._lapsed()
            return Step(self.action.more if strength > 0.35 else None, strength)
        self._lapse = 0
        if self.reaction is None:
            self.reaction = now - self._begin
        self._since = self._since or now
        best = self._best = self._clearest(picture, face, measures, strength)
        held = (now - self._since) / self._hold
        if held < 1.0:
            return Step("hold", 1, held)
        if self._sharpest < 0.5 * picture_quality.BLURRED:
            return Step(retry="blurred")
        return Step(None, 1, 1, shot=best)

    def _clearest(self, picture: np.ndarray, face: Face, measures: Measures, strength: float) -> CapturedFrame:
        # Of equally clear pictures the one between two blinks, at the movement's peak, in the better light.
        closed = np.clip(measures.blink - self._rest.blink, 0, 0.8) if self.action.key != "squint" else 0.0
        sharp = picture_quality.sharpness(picture, face) * float(1 - closed)
        quality = sharp * min(strength, 1.0) * picture_quality.light_share(picture, face)
        if self._best is None or quality > self._best.quality:
            self._best, self._sharpest = CapturedFrame(quality, picture, face), sharp
        return self._best

    def _lapsed(self) -> None:
        """A frame below the mark: a hold survives two of them."""
        self._lapse += 1
        if self._lapse > LAPSE_FRAMES:
            self._since, self._best = None, None
