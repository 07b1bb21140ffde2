"""The seven actions and the last one, each measured against the person's own neutral face.

Strength 1 is the action done well enough. The scales were chosen on head pose and expression traces of real people
(false alarms) and on the synthetic subject of the tests (hits); `bench/charcha.py --detectors` prints both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..face.landmarks import Face


@dataclass(frozen=True)
class Measures:
    """What the detectors look at, from one face. Angles in degrees, scores 0..1, place and size in pixels."""

    yaw: float
    pitch: float
    jaw: float = 0.0
    smile: float = 0.0
    lips: float = 0.0
    squint: float = 0.0
    blink: float = 0.0
    size: float = 100.0
    top: float = 0.0

    @classmethod
    def of(cls, face: Face) -> Measures:
        return cls.of_scores(face.yaw, face.pitch, face.scores, size=face.size, top=float(face.points[6, 1]))

    @classmethod
    def of_scores(cls, yaw: float, pitch: float, scores: dict[str, float], **place: float) -> Measures:
        """From angles and MediaPipe's expression scores by name."""

        def both(name: str) -> float:
            return (scores[f"{name}Left"] + scores[f"{name}Right"]) / 2

        lips = (both("mouthUpperUp") + both("mouthLowerDown")) / 2
        return cls(
            yaw, pitch, scores["jawOpen"], both("mouthSmile"), lips, both("eyeSquint"), both("eyeBlink"), **place
        )

    @classmethod
    def median(cls, measures: Sequence[Measures]) -> Measures:
        """The middle of each: a neutral face, a blink among them or not."""
        rows = np.array([tuple(vars(entry).values()) for entry in measures])
        return cls(*np.median(rows, axis=0).tolist())


@dataclass(frozen=True)
class Action:
    """key, words for the person, and how strongly a face does it, given the neutral one."""

    key: str
    words: str
    more: str
    strength: Callable[[Measures, Measures], float]


# Full strength: degrees of turn and tilt; change of an expression score.
YAW, PITCH_UP, PITCH_DOWN = 16.0, 11.0, 11.0
JAW, SMILE, TEETH, SQUINT = 0.22, 0.30, 0.12, 0.16
CLOSED_EYES = 0.55  # a squint leaves the eyes open
FARTHER, HIGHER = 0.22, 0.45  # shrinks by that share, or rises by that many face heights
TOO_FAR = 2.6  # strength from which a turn loses the face


def _left(now: Measures, rest: Measures) -> float:
    return (now.yaw - rest.yaw) / YAW


def _right(now: Measures, rest: Measures) -> float:
    return (rest.yaw - now.yaw) / YAW


def _up(now: Measures, rest: Measures) -> float:
    return (now.pitch - rest.pitch) / PITCH_UP


def _down(now: Measures, rest: Measures) -> float:
    return (rest.pitch - now.pitch) / PITCH_DOWN


def _open_mouth(now: Measures, rest: Measures) -> float:
    return (now.jaw - rest.jaw) / JAW


def _smile(now: Measures, rest: Measures) -> float:
    teeth = (now.lips - rest.lips) / TEETH
    # A wide open mouth shows teeth too, and is another action.
    wide = 1.0 - max(0.0, (now.jaw - rest.jaw) - 0.25) / 0.25
    return min((now.smile - rest.smile) / SMILE, teeth, wide * 3)


def _squint(now: Measures, rest: Measures) -> float:
    if now.blink - rest.blink > CLOSED_EYES or abs(now.pitch - rest.pitch) > 0.6 * PITCH_DOWN:
        return 0.0
    return min((now.squint - rest.squint) / SQUINT, 0.6 + (now.blink - rest.blink) / 0.08)


def _back(now: Measures, rest: Measures) -> float:
    return max((1 - now.size / rest.size) / FARTHER, (rest.top - now.top) / rest.size / HIGHER)


ACTIONS = {
    action.key: action
    for action in (
        Action("turn_left", "Turn your head to the left", "a little more to the left", _left),
        Action(
            "turn_right",
            "Turn your head to the right",
            "a little more to the right",
            _right,
        ),
        Action("look_up", "Tilt your head up", "a little higher", _up),
        Action("look_down", "Tilt your head down", "a little lower", _down),
        Action("open_mouth", "Open your mouth wide", "a little wider", _open_mouth),
        Action("smile", "Smile and show your teeth", "show your teeth", _smile),
        Action("squint", "Squint your eyes", "squint a little more, eyes still open", _squint),
        Action("stand_up", "Stand up or lean back, your head in the picture", "a little farther back", _back),
    )
}
POOL = ("turn_left", "turn_right", "look_up", "look_down", "open_mouth", "smile", "squint")
LAST = "stand_up"
DRAWN = 5
POSES = ("turn_left", "turn_right", "look_up", "look_down")

# Seen together in one movement, so that neither is taken for disobedience: asked -> also seen.
_TOGETHER = {
    "turn_left": {"smile", "squint", "stand_up", "open_mouth"},
    "turn_right": {"smile", "squint", "stand_up", "open_mouth"},
    "look_up": {"smile", "squint", "stand_up", "open_mouth"},
    "look_down": {"smile", "squint", "stand_up", "open_mouth"},
    "open_mouth": {"smile", "squint", "look_up", "stand_up", "look_down"},
    "smile": {"squint", "open_mouth", "look_up", "stand_up"},
    "squint": {"smile", "stand_up", "look_down", "look_up"},
    "stand_up": {"look_up", "look_down", "smile", "squint", "open_mouth"},
}


def draw(random) -> list[str]:
    """Five of the seven in random order, each order as likely, then the last. random: has `sample(list, k)`."""
    return [*random.sample(list(POOL), DRAWN), LAST]


def others(asked: str, now: Measures, rest: Measures) -> list[str]:
    """Actions done at full strength that were not asked for and do not come with the one asked for."""
    return [
        key
        for key, action in ACTIONS.items()
        if key != asked and key not in _TOGETHER[asked] and action.strength(now, rest) >= 1.0
    ]


def is_neutral(now: Measures, rest: Measures) -> bool:
    """Whether the face is back where it was at the calibration, more or less."""
    return (
        abs(now.yaw - rest.yaw) < 0.6 * YAW
        and abs(now.pitch - rest.pitch) < 0.65 * PITCH_UP
        and now.jaw - rest.jaw < 0.5 * JAW
        and min((now.smile - rest.smile) / SMILE, (now.lips - rest.lips) / TEETH) < 0.7
        and 0.82 < now.size / rest.size < 1.25
        and abs(now.top - rest.top) / rest.size < 0.4
    )
