"""The plan of feedback for a shot: how the camera moves on each frame, how much is painted anew, where it leads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..base.types import FrameSchedule
from .motion.warp import CameraMove
from .recipe import STEPS, Recipes, T

# Without a zoom curve the picture grows by this factor in a second, and faster where the shot's pace is faster.
ZOOM = 1.12
# Share of that zoom that follows the pace.
PACED = 0.7
# Fastest pace that counts, in the shot's mean pace.
TOP_PACE = 8.0
# Share of the noise schedule without a denoise curve, and what the fastest pace adds.
DENOISE, DENOISE_PACED = 0.35, 0.15
# Seconds between two frames that are painted; frames between them are moved only.
PAINT_SECONDS = 1 / 8
# The strength dip: over so many seconds before the next shot (at most half of the shot) denoise rises to this, and the
# picture is pulled towards the next one by up to this share.
DIP_SECONDS, DIP_DENOISE, DIP_PULL = 0.5, 0.6, 0.6


@dataclass(frozen=True, eq=False)
class FeedbackPlan:
    """How a shot's frames come from each other, an entry per frame (n,). The first frame is the shot's keyframe.

    Attributes
    ----------
    painted : int64 (m,), the frames that are painted, ascending, the first (0) and the last among them. Those between
        two of them show both, moved, one fading into the other.
    denoise : float64 (n,), share of the noise schedule that is painted anew; 0 only moves the picture.
    steps : int64 (n,), sampler steps for it; 0 where nothing is painted.
    pull : float64 (n,), share of the next keyframe that is mixed in before painting.
    fade : float64 (n,), share of the next keyframe that is mixed in to be shown only, in a dissolve.
    matrices : float64 (n, 3, 3), the camera's move from the frame before, in pixels.
    ahead : float64 (n, 3, 3), all moves that come after a frame, up to the next shot's first.
    """

    painted: np.ndarray
    denoise: np.ndarray
    steps: np.ndarray
    pull: np.ndarray
    fade: np.ndarray
    matrices: np.ndarray
    ahead: np.ndarray

    def moves(self, low: int, high: int) -> np.ndarray:
        """All moves from a frame to a later one: float64 (3, 3)."""
        moved = np.eye(3)
        for n in range(low + 1, high + 1):
            moved = self.matrices[n] @ moved
        return moved

    def material(self) -> list[np.ndarray]:
        """What tells this plan from another, for a digest."""
        return [self.painted, self.denoise, self.steps, self.pull, self.fade, self.matrices]


def plan_feedback(
    schedule: FrameSchedule, recipes: Recipes, start: int, stop: int, size: tuple[int, int]
) -> FeedbackPlan:
    """Plan a shot's frames [start, stop) from its pace and its curves; what has no curve follows the pace.

    Parameters
    ----------
    recipes : one row per frame of the shot.
    start, stop : frames of the song.
    size : width and height in pixels.
    """
    n, fps, own = stop - start, float(schedule.fps), slice(start, stop)
    t = recipes.rows[:, T]
    pace = _pace(t)
    curves = {name: values[own] for name, values in schedule.curves.items()}
    zoom = curves.get("zoom", ZOOM ** (1 - PACED + PACED * pace)) ** (1 / fps)
    angle, dx, dy = (schedule.curve(name)[own] / fps for name in ("angle", "dx", "dy"))
    moves = zip(zoom, angle, dx * size[0], dy * size[1], strict=True)
    matrices = np.stack([CameraMove(*map(float, move)).matrix() for move in moves])
    ahead = np.empty_like(matrices)
    # The next shot's first frame moves as the last of this one does.
    ahead[-1] = matrices[-1]
    for k in range(n - 2, -1, -1):
        ahead[k] = ahead[k + 1] @ matrices[k + 1]
    leads = recipes.end != recipes.start and schedule.transition[stop - 1] == "slerp"
    dip = _dip(n, fps) * t if leads else np.zeros(n)
    dissolves = np.array([kind == "dissolve" for kind in schedule.transition[own]])
    base = curves.get("denoise", DENOISE + DENOISE_PACED * np.clip((pace - 1) / (TOP_PACE - 1), 0, 1))
    base, painted = np.array(base), _painted(n, fps)
    # A painted frame answers for those since the one before it.
    for low, high in pairwise(painted.tolist()):
        base[low + 1 : high + 1] = base[low + 1 : high + 1].max()
    denoise = np.maximum(base, base + (DIP_DENOISE - base) * dip)
    # Rounded down by 1e-6, so that .35 of 20 steps are 7 whatever the last bit is.
    steps = np.ceil(recipes.rows[:, STEPS] * denoise - 1e-6).astype(np.int64)
    unpainted = np.ones(n, bool)
    unpainted[painted[1:]] = False
    steps[unpainted] = 0
    return FeedbackPlan(
        painted, denoise, steps, DIP_PULL * dip, np.where(dissolves, schedule.t[own], 0.0), matrices, ahead
    )


def _painted(n: int, fps: float) -> np.ndarray:
    """The frames of a shot that are painted: evenly from its first to its last, about every `PAINT_SECONDS`."""
    count = max(round((n - 1) / max(PAINT_SECONDS * fps, 1)), 1)
    return np.unique(np.round(np.linspace(0, n - 1, count + 1)).astype(np.int64))


def _pace(t: np.ndarray) -> np.ndarray:
    """Speed of t at every frame, as a multiple of the shot's mean speed; 1 throughout where t does not change."""
    steps = np.abs(np.diff(t, prepend=t[0]))
    return np.clip(steps / steps[1:].mean(), 0, TOP_PACE) if steps.any() else np.ones(len(t))


def _dip(n: int, fps: float) -> np.ndarray:
    """0 until some frames before the next shot, then rising smoothly; it would be 1 on the next shot's first frame."""
    window = min(round(DIP_SECONDS * fps), n // 2)
    rise = np.clip(np.arange(n) - (n - window) + 1, 0, None)
    share = rise / (window + 1)
    return share * share * (3 - 2 * share)
