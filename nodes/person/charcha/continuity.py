"""One unbroken recording: no jump cuts, no frozen or looped frames, a camera's pace, and gaps that hide no cut."""

from __future__ import annotations

import numpy as np

from ..face.landmarks import Face

STEP = 8  # every 8th pixel is looked at, unaveraged: a live sensor never repeats its noise
FROZEN, LOOPED = 0.20, 0.22  # mean change in grey levels below which two frames are one
FROZEN_FRAMES, LOOPED_FRAMES = 6, 3
LOOP_SECONDS = 1.0
JUMP, GROWTH, SPIN = 0.55, 1.4, 45.0  # face heights, ratio, degrees: more than a person moves from frame to frame
# Structure changes by up to 28 when the synthetic subject stands up within one frame, and by 38 to 58 between
# photographs that have nothing in common.
CUT_CHANGE, CUT_RATIO = 36.0, 7.0
PAUSE = 0.45  # seconds without a frame after which motion cannot be judged
MAX_PAUSES = 12
# What may have changed in a gap of whatever length: face heights, ratio, degrees; grey levels of the wall's structure
# and of the whole picture's light. People go on with a movement meanwhile; another clip begins somewhere else.
GAP_JUMP, GAP_GROWTH, GAP_SPIN = 0.9, 1.45, 34.0
GAP_WALL, GAP_LIGHT = 20.0, 30.0
# A cut inside a recording, between two moments that look alike: head and picture stand, step once and stand again.
# Steps of the head in parts of a movement that counts. On 22 traces of real people who talk, 8 frames a second, the
# head alone does so 2.0 times a minute, and at 69 % of the cuts between two of their still moments.
STILL_POSE, SEAM_POSE, LARGEST_SEAM, SEAM_TURN = 0.12, 0.15, 1.5, 3.0
SEAM_PICTURE, SEAM_USUAL = 1.6, 1.4
MOST_SEAMS = 2
BURST, RATE = 24, 14.0  # frames at once, frames a second: more than we ask a camera for
GONE_SECONDS = 1.5


class Continuity:
    """Takes every frame in turn and names what is wrong, once something is.

    pauses: gaps too long to judge motion. resumed: whether the newest frame came after one; who is in it must be asked.
    seams: steps between two moments that stand still, which hands and heads seldom make and cuts always do.
    """

    def __init__(self):
        self._frames: list[np.ndarray] = []
        self._times: list[float] = []
        self._face: Face | None = None
        self._face_time = 0.0
        self._still = self._again = self.pauses = self.seams = 0
        self.resumed = False
        self._steps: list[tuple[float, float]] = []
        self._tokens, self._token_time = float(BURST), None
        self._changes: list[float] = []
        self._moved: float | None = None

    def pace(self, time: float) -> str | None:
        """Count a frame that came in at `time` seconds: "too_fast" when they come faster than a camera's."""
        if self._token_time is not None:
            self._tokens = min(BURST, self._tokens + RATE * (time - self._token_time))
        self._token_time = time
        self._tokens -= 1
        return "too_fast" if self._tokens < 0 else None

    def add(self, picture: np.ndarray, face: Face | None, time: float) -> str | None:
        """picture: uint8 RGB (H, W, 3). Returns what breaks the recording, or None."""
        small = picture[STEP // 2 :: STEP, STEP // 2 :: STEP].astype(np.int16).sum(2, dtype=np.int16)
        self.resumed = bool(self._times) and time - self._times[-1] > PAUSE
        before = self._face
        problem = self._pixels(small, time)
        if problem is None and self.resumed:
            problem = self._continues(small, face)
        problem = problem or self._seam(face, before, time) or self._motion(face, time)
        self._frames.append(small)
        self._times.append(time)
        return problem

    def _pixels(self, small: np.ndarray, time: float) -> str | None:
        if not self._frames:
            return None
        if small.shape != self._frames[-1].shape:
            return "cut"
        change = float(np.abs(small - self._frames[-1]).mean()) / 3
        self._still = self._still + 1 if change < FROZEN else 0
        if self._still >= FROZEN_FRAMES:
            return "frozen"
        settled = np.searchsorted(self._times, time - LOOP_SECONDS)
        if settled and change >= FROZEN and self._seen_before(small, int(settled)):
            self._again += 1
            if self._again >= LOOPED_FRAMES:
                return "looped"
        self._moved = None
        if self.resumed:
            self.pauses += 1
            return "pauses" if self.pauses > MAX_PAUSES else None
        # A cut changes the picture's structure; the light challenge only its brightness and colour.
        structure = _structure(small) - _structure(self._frames[-1])
        moved = float(np.abs(structure).mean())
        usual = float(np.median(self._changes)) if len(self._changes) >= 5 else moved
        self._changes = [*self._changes[-39:], moved]
        self._moved = moved
        return "cut" if moved > CUT_CHANGE and moved > CUT_RATIO * usual else None

    def _seen_before(self, small: np.ndarray, count: int) -> bool:
        # A coarse look first; nearly all frames end there.
        sparse = small[::6, ::6]
        for older in self._frames[:count]:
            near = older.shape == small.shape and np.abs(sparse - older[::6, ::6]).mean() < 3 * 4 * LOOPED
            if near and np.abs(small - older).mean() / 3 < LOOPED:
                return True
        return False

    def _continues(self, small: np.ndarray, face: Face | None) -> str | None:
        """What after a gap is not what it was before: "cut" for the room, "jump" for the head."""
        before, last = self._face, self._frames[-1]
        if abs(float(small.mean()) - float(last.mean())) / 3 > GAP_LIGHT:
            return "cut"
        if face is None or before is None:
            return None
        wall = _outside(small.shape, (face.box, before.box))
        if wall.mean() > 0.15 and np.abs(_structure(small, wall) - _structure(last, wall))[wall].mean() > GAP_WALL:
            return "cut"
        moved = float(np.linalg.norm(face.points[6, :2] - before.points[6, :2])) / before.size
        growth = max(face.size / before.size, before.size / face.size)
        spin = max(abs(face.yaw - before.yaw), abs(face.pitch - before.pitch))
        return "jump" if moved > GAP_JUMP or growth > GAP_GROWTH or spin > GAP_SPIN else None

    def _seam(self, face: Face | None, before: Face | None, time: float) -> str | None:
        """Count a step of picture and head between two moments at rest, once the frame after it is there."""
        if self._moved is None or face is None or before is None:
            self._steps.clear()
            return None
        pose = abs(face.yaw - before.yaw) / 16 + abs(face.pitch - before.pitch) / 11 + abs(face.roll - before.roll) / 11
        pose += float(np.abs(face.points[6, :2] - before.points[6, :2]).sum()) / before.size / 0.15
        pace = max((time - self._times[-1]) / 0.125, 1e-3)
        self._steps = [*self._steps[-2:], (self._moved / pace, pose / pace)]
        if len(self._steps) < 3:
            return None
        (one, first), (step, turn), (other, last) = self._steps
        usual = float(np.median(self._changes))
        picture = step > max(SEAM_PICTURE * max(one, other), SEAM_USUAL * usual)
        head = max(SEAM_POSE, SEAM_TURN * max(first, last)) < turn < LARGEST_SEAM and max(first, last) < STILL_POSE
        self.seams += picture and head
        return "cut" if self.seams > MOST_SEAMS else None

    def _motion(self, face: Face | None, time: float) -> str | None:
        if face is None:
            if self._face is not None and time - self._face_time > GONE_SECONDS:
                return "gone"
            return None
        before, gap = self._face, time - self._face_time
        self._face, self._face_time = face, time
        if before is None or gap > PAUSE:
            return None
        step = max(gap / 0.125, 1.0)
        moved = float(np.linalg.norm(face.points[6, :2] - before.points[6, :2])) / before.size
        growth = max(face.size / before.size, before.size / face.size)
        spin = max(abs(face.yaw - before.yaw), abs(face.pitch - before.pitch))
        if moved > JUMP * step or growth > GROWTH**step or spin > SPIN * step:
            return "jump"
        return None


def _outside(shape: tuple[int, ...], boxes: tuple) -> np.ndarray:
    """Where no face was, nor hair and shoulders round and below it: bool (h, w) of the small picture."""
    wall = np.ones(shape, bool)
    for left, top, right, bottom in boxes:
        side = 0.8 * (right - left)
        columns = slice(max(0, int((left - side) / STEP)), max(0, int((right + side) / STEP) + 1))
        wall[max(0, int((top - 0.6 * (bottom - top)) / STEP)) :, columns] = False
    return wall


def _structure(small: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """Grey levels with the picture's mean and spread taken out, so that light does not count."""
    grey = small / 3.0
    part = grey if where is None else grey[where]
    return (grey - part.mean()) / max(float(part.std()), 4.0) * 45.0
