"""The protocol: calibration, light, six movements, each revealed when the one before has ended. Judged here only.

A session takes JPEG frames and gives messages for the page. Nothing that the page says counts, except consent; time
is the server's own. Clock and random source are arguments, so that tests can run it at any speed.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..face.embedding import SAME_PERSON, distance
from ..face.landmarks import Face, Landmarker
from . import actions, light, quality
from .actions import ACTIONS, Measures
from .continuity import Continuity
from .frames import decode
from .outcome import Kept, Outcome
from .parallax import depth_score
from .words import COACHING, FAILED, RETRY

LIFETIME = 180.0  # seconds from the first frame to the result
CALIBRATION_FRAMES, CALIBRATION_SECONDS = 14, 45.0
GAP_SECONDS, HOLD_SECONDS = (2.0, 5.0), (1.4, 2.4)
ACTION_SECONDS, RETURN_SECONDS = 10.0, 14.0
REACTION_SECONDS = 0.22  # nobody reacts sooner to what they read
RETRIES, ALL_RETRIES = 2, 3
LAPSE_FRAMES = 2  # frames of a hold that may miss the mark
WRONG_FRAMES = 3
SECOND_FACE_FRAMES, SECOND_FACE_TOTAL = 4, 10
FLAT = 0.4  # depth score below which it was no head
LIVE = 0.5
LIGHT_TRIES = 2
NEUTRAL = "neutral"


class Embedder(Protocol):
    def describe(self, picture: np.ndarray, face: Face) -> np.ndarray: ...


@dataclass
class _Best:
    quality: float
    picture: np.ndarray
    face: Face


class CaptureSession:
    """One person's attempt. Call `frame` with every JPEG in order; it is not safe to call it from two threads at once.

    clock: seconds, monotonic. random: has `sample`, `choice`, `uniform`. with_light: False where the person opted out
    of the flashing colours, which caps the assurance. passive: a model that gives 0..1 for "live", or None.
    """

    def __init__(
        self,
        *,
        landmarker: Landmarker,
        embedder: Embedder,
        clock: Callable[[], float],
        random,
        with_light: bool = True,
        passive: Callable[[np.ndarray, Face], float] | None = None,
    ):
        self._landmarker, self._embedder, self._clock, self._random = landmarker, embedder, clock, random
        self._passive = passive
        self._with_light = with_light
        self._actions = actions.draw(random)
        self._continuity = Continuity()
        self._begin = self._since = clock()
        self._next, self._shape = 0, None
        self._phase, self._step = "calibrate", -1
        self._messages: list[dict] = []
        self._measures: list[tuple[Measures, _Best]] = []
        self._rest: Measures | None = None
        self._rest_face: Face | None = None
        self._reference: np.ndarray | None = None
        self._kept: list[Kept] = []
        self._tries = self._all_tries = 0
        self._steady: float | None = None
        self._span = 0.0
        self._lapse = self._wrong = self._second = self._seconds_total = 0
        self._best: _Best | None = None
        self._light_tries = 0
        self._light_log: list[tuple[float, np.ndarray]] = []
        self._shown: list[tuple[float, str]] = []
        self._colours: list[tuple[str, float]] = []
        self._light: light.LightResult | None = None
        self._distances: list[float] = []
        self._depths: list[float] = []
        self._live: list[float] = []
        self.outcome: Outcome | None = None

    def begin(self) -> list[dict]:
        """The first messages."""
        self._say("calibrate", "Look straight at the camera and relax your face", seconds=CALIBRATION_SECONDS)
        return self._taken()

    def frame(self, sequence: int, data: bytes, received: float) -> list[dict]:
        """Judge one frame and return the messages for the page.

        sequence: 0, 1, 2 ... data: a JPEG. received: when it came in, by the session's clock.
        """
        if self.outcome is not None:
            return []
        problem = self._continuity.pace(received)
        if sequence != self._next:
            problem = "order"
        self._next += 1
        if received - self._begin > LIFETIME:
            problem = problem or "timeout"
        picture = None if problem else decode(data, self._shape)
        if problem or picture is None:
            self._fail(problem or "picture")
            return self._taken()
        self._shape = picture.shape
        faces = self._landmarker.detect(picture)
        complaint = quality.complaint(picture, faces)
        problem = self._continuity.add(picture, faces[0] if faces else None, received)
        if problem and self._phase == "calibrate" and problem in ("jump", "gone", "cut"):
            # People settle before it starts; what counts from here on is looked at anew.
            problem = None
            self._measures.clear()
        if problem or self._two_faces(complaint):
            self._fail(problem or "one_face")
            return self._taken()
        step = {
            "calibrate": self._calibrate,
            "light": self._follow_light,
            "gap": self._wait,
            "action": self._judge,
        }[self._phase]
        coach, strength, hold = step(picture, faces[0] if faces else None, complaint, received)
        if self.outcome is None:
            self._messages.append(
                {
                    "type": "seen",
                    "sequence": sequence,
                    "coach": coach,
                    "say": COACHING.get(coach, coach) if coach else "",
                    "strength": round(float(np.clip(strength, 0, 1)), 2),
                    "hold": round(float(np.clip(hold, 0, 1)), 2),
                }
            )
        return self._taken()

    def close(self, reason: str = "closed") -> None:
        """End a session whose page has gone."""
        if self.outcome is None:
            self._fail(reason)
            self._messages.clear()

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._begin

    # Phases ------------------------------------------------------------------------------------

    def _calibrate(self, picture, face, complaint, now):
        if now - self._since > CALIBRATION_SECONDS:
            self._fail("timeout")
            return None, 0, 0
        if complaint is None and (abs(face.roll) > 15 or abs(face.yaw) > 14 or abs(face.pitch) > 25):
            complaint = "straight"
        if complaint is None and quality.sharpness(picture, face) < quality.BLURRED:
            complaint = "blurred"
        if complaint is not None:
            self._measures.clear()
            return complaint, 0, 0
        measures = Measures.of(face)
        self._measures.append((measures, _Best(quality.sharpness(picture, face), picture, face)))
        if len(self._measures) < CALIBRATION_FRAMES:
            return "still", 0, len(self._measures) / CALIBRATION_FRAMES
        rest = Measures.median([entry for entry, _ in self._measures])
        # Frames near the middle of all: no blink, no start of a movement.
        near = [
            best
            for entry, best in self._measures
            if actions.is_neutral(entry, rest) and entry.blink < rest.blink + 0.15
        ]
        turns = np.std([(entry.yaw, entry.pitch) for entry, _ in self._measures], axis=0)
        if len(near) < CALIBRATION_FRAMES // 2 or turns.max() > 3.0:
            del self._measures[: CALIBRATION_FRAMES // 2]
            return "still", 0, 0.5
        best = max(near, key=lambda entry: entry.quality)
        self._rest, self._rest_face = rest, best.face
        self._reference = self._embedder.describe(best.picture, best.face)
        self._keep(NEUTRAL, best)
        self._measures.clear()
        if self._with_light:
            self._start_light(now)
        else:
            self._start_gap(now)
        return None, 0, 1

    def _start_light(self, now: float) -> None:
        self._phase, self._since = "light", now
        self._colours = light.draw_colours(self._random)
        self._light_log, self._shown = [], []
        self._say("light", "Hold still and keep looking here while the colours change")
        self._show_colour()

    def _show_colour(self) -> None:
        colour, seconds = self._colours[len(self._shown)]
        self._shown.append((self._clock(), colour))
        self._span = seconds
        self._messages.append({"type": "colour", "colour": colour})

    def _follow_light(self, picture, face, complaint, now):
        if complaint not in (None, "dark", "bright") or not actions.is_neutral(Measures.of(face), self._rest):
            self._steady = self._steady or now
            if now - self._steady > 2.0:
                return self._again_light(now), 0, 0
            return complaint or "still", 0, 0
        self._steady = None
        self._light_log.append((now, light.skin_colour(picture, face)))
        done = len(self._shown) / len(self._colours)
        if self._clock() - self._shown[-1][0] < self._span:
            return None, 0, done
        if len(self._shown) < len(self._colours):
            self._show_colour()
            return None, 0, done
        times, colours = zip(*self._light_log, strict=True)
        self._light = light.judge_light(times, np.array(colours), self._shown)
        if self._light.verdict == "failed":
            self._fail("light")
        elif self._light.verdict == "inconclusive" and self._light_tries + 1 < LIGHT_TRIES:
            self._again_light(now)
        else:
            self._start_gap(now)
        return None, 0, 1

    def _again_light(self, now: float) -> str:
        self._steady = None
        self._light_tries += 1
        if self._light_tries < LIGHT_TRIES:
            self._start_light(now)
        else:
            self._start_gap(now)
        return "still"

    def _start_gap(self, now: float) -> None:
        if self._phase != "gap":
            self._since = now
        self._phase, self._steady, self._span = "gap", None, self._random.uniform(*GAP_SECONDS)
        self._say("gap", "Look straight at the camera")

    def _wait(self, picture, face, complaint, now):
        """Between movements: the neutral face, for a time nobody knows beforehand."""
        if now - self._since > RETURN_SECONDS:
            self._fail("timeout")
            return None, 0, 0
        neutral = complaint is None and actions.is_neutral(Measures.of(face), self._rest)
        if not neutral:
            self._steady = None
            return complaint or "back", 0, 0
        if self._steady is None:
            self._steady = now
            return None, 0, 0
        if now - self._steady < self._span:
            return None, 0, 0
        if not self._same_person(picture, face, SAME_PERSON):
            return None, 0, 0
        self._step += 1
        if self._step == len(self._actions):
            self._finish()
            return None, 0, 1
        self._reveal(now)
        return None, 0, 0

    def _reveal(self, now: float) -> None:
        action = ACTIONS[self._actions[self._step]]
        self._phase, self._since, self._steady = "action", now, None
        self._span = self._random.uniform(*HOLD_SECONDS)
        self._lapse = self._wrong = 0
        self._best = None
        self._say("action", action.words, action=action.key, seconds=ACTION_SECONDS)

    def _judge(self, picture, face, complaint, now):
        key = self._actions[self._step]
        action = ACTIONS[key]
        if now - self._since > ACTION_SECONDS:
            return self._retry("timeout", now)
        # The last movement may leave the usual distance; the others must not.
        usable = complaint is None or (key == actions.LAST and complaint in ("closer", "centre") and face is not None)
        if not usable:
            self._lapsed()
            return complaint, 0, 0
        measures = Measures.of(face)
        strength = action.strength(measures, self._rest)
        if now - self._since < REACTION_SECONDS and strength >= 0.8:
            return self._retry("too_early", now)
        self._wrong = self._wrong + 1 if strength < 0.8 and actions.others(key, measures, self._rest) else 0
        if self._wrong >= WRONG_FRAMES:
            return self._retry("not_asked", now)
        if strength > actions.TOO_FAR and key in actions.POSES:
            self._lapsed()
            return "back", 1, 0
        if strength < 1.0:
            self._lapsed()
            return (action.more if strength > 0.35 else None), strength, 0
        self._lapse = 0
        self._steady = self._steady or now
        # Of equally clear pictures the one between two blinks.
        closed = np.clip(measures.blink - self._rest.blink, 0, 0.8) if key != "squint" else 0.0
        sharp = quality.sharpness(picture, face) * float(1 - closed)
        if self._best is None or sharp > self._best.quality:
            self._best = _Best(sharp, picture, face)
        held = (now - self._steady) / self._span
        if held < 1.0:
            return "hold", 1, held
        best = self._best
        if best.quality < 0.5 * quality.BLURRED:
            return self._retry("blurred", now)
        if not self._same_person(best.picture, best.face, SAME_PERSON):
            return None, 0, 0
        if key in actions.POSES:
            depth = depth_score(self._rest_face, best.face)
            self._depths.extend([] if depth is None else [depth])
        if self._passive is not None:
            self._live.append(float(self._passive(best.picture, best.face)))
        self._keep(key, best)
        self._best, self._tries = None, 0
        self._messages.append({"type": "done", "step": self._step + 1, "steps": len(self._actions)})
        self._start_gap(now)
        return None, 1, 1

    def _lapsed(self) -> None:
        """A frame below the mark: a hold survives two of them."""
        self._lapse += 1
        if self._lapse > LAPSE_FRAMES:
            self._steady, self._best = None, None

    def _retry(self, reason: str, now: float):
        self._tries += 1
        self._all_tries += 1
        if self._tries > RETRIES or self._all_tries > ALL_RETRIES:
            self._fail("retries")
            return None, 0, 0
        self._step -= 1
        self._best = None
        self._messages.append({"type": "retry", "reason": reason, "say": RETRY[reason]})
        self._start_gap(now)
        return None, 0, 0

    def _finish(self) -> None:
        depth = statistics.median(self._depths) if self._depths else None
        scores = {
            "actions": self._actions,
            "retries": self._all_tries,
            "same_person_largest_distance": round(max(self._distances), 4),
            "depth": None if depth is None else round(depth, 4),
            "light": None if self._light is None else vars(self._light),
            "passive": round(statistics.median(self._live), 4) if self._live else None,
            "seconds": round(self.age, 1),
        }
        if depth is None or depth < FLAT:
            self._fail("flat", scores)
        elif self._live and statistics.median(self._live) < LIVE:
            self._fail("passive", scores)
        else:
            followed = self._light is not None and self._light.verdict == "passed"
            self.outcome = Outcome(True, "passed", "full" if followed else "reduced", scores, tuple(self._kept))
            self._phase = "ended"
            self._messages.append({"type": "passed"})
        self._forget()

    # Parts -------------------------------------------------------------------------------------

    def _two_faces(self, complaint: str | None) -> bool:
        if complaint == "one_face" and self._phase != "calibrate":
            self._second += 1
            self._seconds_total += 1
        else:
            self._second = 0
        return self._second >= SECOND_FACE_FRAMES or self._seconds_total >= SECOND_FACE_TOTAL

    def _same_person(self, picture: np.ndarray, face: Face, limit: float) -> bool:
        apart = distance(self._reference, self._embedder.describe(picture, face))
        self._distances.append(apart)
        if apart > limit:
            self._fail("another_person")
        return apart <= limit

    def _keep(self, label: str, best: _Best) -> None:
        self._kept.append(Kept(label, quality.square(best.picture).copy()))

    def _say(self, phase: str, words: str, *, action: str | None = None, seconds: float | None = None) -> None:
        self._messages.append(
            {
                "type": "prompt",
                "phase": phase,
                "say": words,
                "action": action,
                "seconds": seconds,
                "step": len(self._kept),
                "steps": 1 + len(self._actions),
            }
        )

    def _fail(self, reason: str, scores: dict | None = None) -> None:
        self.outcome = Outcome(False, reason, "", scores or {})
        self._phase = "ended"
        self._messages.append({"type": "failed", "reason": reason, "say": FAILED[reason]})
        self._forget()

    def _forget(self) -> None:
        """Drop every picture and measure of the face; what is kept is in the outcome."""
        self._measures, self._kept, self._best = [], [], None
        self._rest = self._rest_face = self._reference = None
        self._light_log, self._depths, self._distances = [], [], []
        self._continuity = Continuity()

    def _taken(self) -> list[dict]:
        messages, self._messages = self._messages, []
        return messages
