"""The protocol: calibration, light, six movements, each revealed when the one before has ended. Judged here only.

A session takes JPEG frames and gives messages for the page. Nothing that the page says counts, except consent; time
is the server's own. Clock and random source are arguments, so that tests can run it at any speed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..face.embedding import Embedder
from ..face.landmarks import Face, Landmarker
from . import actions, picture_quality, words
from .actions import ACTIONS, Measures
from .calibration import Calibration, CapturedFrame
from .continuity import Continuity
from .evidence import Evidence
from .frames import decode
from .light import LightChallenge
from .movement import SECONDS, Movement
from .outcome import Kept, Outcome

LIFETIME = 180.0  # seconds from the first frame to the result
CALIBRATION_SECONDS = 45.0
GAP_SECONDS, HOLD_SECONDS = (2.0, 5.0), (1.4, 2.4)
RETURN_SECONDS = 14.0
RETRIES = 2  # for each movement
SECOND_FACE_FRAMES, SECOND_FACE_TOTAL = 4, 10
LIGHT_TRIES, STRAYED_SECONDS = 2, 2.0
NEUTRAL = "neutral"


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
        self._landmarker, self._clock, self._random = landmarker, clock, random
        self._with_light = with_light
        self._evidence: Evidence | None = Evidence(embedder, passive)
        self._actions = actions.draw(random)
        self._continuity = Continuity()
        self._begin = self._since = clock()
        self._next = 0
        self._shape: tuple[int, ...] | None = None
        self._phase, self._step = "calibrate", -1
        self._messages: list[dict] = []
        self._calibration = Calibration()
        self._challenge: LightChallenge | None = None
        self._movement: Movement | None = None
        self._rest: Measures | None = None
        self._kept: list[Kept] = []
        self._steady: float | None = None
        self._span = 0.0
        self._tries = self._all_tries = self._light_tries = 0
        self._second = self._seconds_total = 0
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
        complaint = picture_quality.complaint(picture, faces)
        problem = self._continuity.add(picture, faces[0] if faces else None, received)
        if problem and self._phase == "calibrate" and problem in ("jump", "gone", "cut"):
            # People settle before it starts; what counts from here on is looked at anew.
            problem = None
            self._calibration.restart()
        if problem or self._two_faces(complaint):
            self._fail(problem or "one_face")
            return self._taken()
        if self._continuity.resumed and not self._goes_on(picture, faces[0] if faces else None, complaint, received):
            return self._taken()
        step = {
            "calibrate": self._calibrate,
            "light": self._follow_light,
            "gap": self._wait,
            "action": self._judge,
        }[self._phase]
        coach, strength, hold = step(picture, faces[0] if faces else None, complaint, received)
        if self.outcome is None:
            self._messages.append(words.seen(sequence, coach, strength, hold))
        return self._taken()

    def close(self, reason: str = "closed") -> None:
        """End a session whose page has gone."""
        if self.outcome is None:
            self._fail(reason)
            self._messages.clear()

    # Phases ------------------------------------------------------------------------------------

    def _calibrate(self, picture, face, complaint, now):
        if now - self._since > CALIBRATION_SECONDS:
            self._fail("timeout")
            return None, 0, 0
        coach, done = self._calibration.add(picture, face, complaint)
        shot = self._calibration.shot
        if shot is not None:
            self._rest = self._calibration.rest
            self._scored().begin(shot)
            self._keep(NEUTRAL, shot)
            self._calibration = Calibration()
            self._start_light(now) if self._with_light else self._start_gap(now)
        return coach, 0, done

    def _start_light(self, now: float) -> None:
        self._phase, self._since, self._steady = "light", now, None
        self._challenge = LightChallenge(self._random, self._clock)
        self._say("light", "Hold still while the colours change")
        self._show(self._challenge.show())

    def _show(self, colour: str) -> None:
        self._messages.append({"type": "colour", "colour": colour})

    def _follow_light(self, picture, face, complaint, now):
        assert self._challenge is not None
        if complaint not in (None, "dark", "bright") or not self._is_neutral(face):
            self._steady = self._steady or now
            if now - self._steady > STRAYED_SECONDS:
                self._again_light(now)
                return "still", 0, 0
            return complaint or "still", 0, 0
        self._steady = None
        done = self._challenge.share
        colour = self._challenge.add(picture, face, now)
        if colour is not None:
            self._show(colour)
        result = self._challenge.result
        if result is None:
            return None, 0, done
        self._scored().light = result
        if result.verdict == "failed":
            self._fail("light")
        elif result.verdict == "inconclusive":
            self._again_light(now)
        else:
            self._start_gap(now)
        return None, 0, 1

    def _again_light(self, now: float) -> None:
        """Show other colours, or go on without: what cannot be told lowers the assurance."""
        self._light_tries += 1
        if self._light_tries < LIGHT_TRIES:
            self._start_light(now)
        else:
            self._start_gap(now)

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
        if complaint is not None or not self._is_neutral(face):
            self._steady = None
            return complaint or "back", 0, 0
        if self._steady is None:
            self._steady = now
            return None, 0, 0
        if now - self._steady < self._span:
            return None, 0, 0
        if not self._same_person(picture, face):
            return None, 0, 0
        self._step += 1
        if self._step == len(self._actions):
            self._finish()
            return None, 0, 1
        self._reveal(now)
        return None, 0, 0

    def _reveal(self, now: float) -> None:
        assert self._rest is not None
        key, hold = self._actions[self._step], self._random.uniform(*HOLD_SECONDS)
        self._phase, self._movement = "action", Movement(key, self._rest, now=now, hold=hold)
        self._say("action", ACTIONS[key].words, action=key, seconds=SECONDS)

    def _judge(self, picture, face, complaint, now):
        assert self._movement is not None
        step = self._movement.add(picture, face, complaint, now)
        if step.retry is not None:
            self._retry(step.retry, now)
        elif step.shot is not None:
            assert self._movement.reaction is not None, "a shot is of a movement that was made"
            self._done(step.shot, self._movement.reaction, now)
        return step.coach, step.strength, step.hold

    def _done(self, shot: CapturedFrame, reaction: float, now: float) -> None:
        key = self._actions[self._step]
        if not self._same_person(shot.picture, shot.face):
            return
        self._scored().moved(key, shot, reaction)
        self._keep(key, shot)
        self._movement, self._tries = None, 0
        self._messages.append({"type": "done", "step": self._step + 1, "steps": len(self._actions)})
        self._start_gap(now)

    def _retry(self, reason: str, now: float) -> None:
        self._tries += 1
        self._all_tries += 1
        if self._tries > RETRIES:
            self._fail("retries")
            return
        self._step -= 1
        self._movement = None
        self._messages.append(words.retry(reason))
        self._start_gap(now)

    def _finish(self) -> None:
        evidence = self._scored()
        verdict = evidence.verdict()
        scores = {
            "actions": self._actions,
            "retries": self._all_tries,
            "seconds": round(self._clock() - self._begin, 1),
            "frames": self._next,
            "pauses": self._continuity.pauses,
            "seams": self._continuity.seams,
            "second_face_frames": self._seconds_total,
        } | evidence.scores()
        if verdict in words.FAILED:
            self._fail(verdict, scores)
            return
        self.outcome = Outcome(True, "passed", verdict, scores, tuple(self._kept))
        self._phase = "ended"
        self._messages.append({"type": "passed"})
        self._forget()

    def _goes_on(self, picture, face, complaint, now: float) -> bool:
        """After a gap: the same person still, and a movement that it may have cut is asked for anew, from neutral.

        False when the capture has ended.
        """
        if self._phase == "calibrate":
            self._calibration.restart()
            return True
        if face is not None and complaint is None and self._is_neutral(face) and not self._same_person(picture, face):
            return False
        if self._phase == "action":
            self._step -= 1
            self._movement = None
            self._start_gap(now)
        elif self._phase == "gap":
            self._steady = None
        return True

    # Parts -------------------------------------------------------------------------------------

    def _two_faces(self, complaint: str | None) -> bool:
        if complaint == "one_face" and self._phase != "calibrate":
            self._second += 1
            self._seconds_total += 1
        else:
            self._second = 0
        return self._second >= SECOND_FACE_FRAMES or self._seconds_total >= SECOND_FACE_TOTAL

    def _scored(self) -> Evidence:
        assert self._evidence is not None, "the session has ended"
        return self._evidence

    def _is_neutral(self, face: Face) -> bool:
        assert self._rest is not None, "the face is known after calibration"
        return actions.is_neutral(Measures.of(face), self._rest)

    def _same_person(self, picture: np.ndarray, face: Face) -> bool:
        same = self._scored().same_person(picture, face)
        if not same:
            self._fail("another_person")
        return same

    def _keep(self, label: str, shot: CapturedFrame) -> None:
        self._kept.append(Kept(label, picture_quality.square(shot.picture).copy()))

    def _say(self, phase: str, text: str, **more) -> None:
        step, steps = len(self._kept), 1 + len(self._actions)
        self._messages.append(words.prompt(phase, text, step=step, steps=steps, **more))

    def _fail(self, reason: str, scores: dict | None = None) -> None:
        self.outcome = Outcome(False, reason, "", scores or {})
        self._phase = "ended"
        self._messages.append(words.failed(reason))
        self._forget()

    def _forget(self) -> None:
        """Drop every picture and measure of the face; what is kept is in the outcome."""
        self._calibration, self._continuity = Calibration(), Continuity()
        self._kept, self._evidence = [], None
        self._rest = self._challenge = self._movement = None

    def _taken(self) -> list[dict]:
        messages, self._messages = self._messages, []
        return messages
