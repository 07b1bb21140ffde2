"""What feedback does on each frame of a shot: how the camera moves, how much is painted anew, where it is heading."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..motion.warp import Motion
from .plan import RenderSettings, Segment

# Without a zoom curve the picture grows by this factor in a second, and faster where the shot's pace is faster.
ZOOM = 1.06
# Share of that zoom that follows the pace.
PACED = 0.7
# Fastest pace that counts, in the shot's mean pace.
TOP_PACE = 8.0
# Share of the noise schedule without a denoise curve, and what the fastest pace adds.
DENOISE, DENOISE_PACED = 0.35, 0.15
# The strength dip: over so many seconds before the next shot (at most half of the shot) denoise rises to this, and the
# picture is pulled towards the next one by up to this share.
DIP_SECONDS, DIP_DENOISE, DIP_PULL = 0.5, 0.6, 0.6


@dataclass(frozen=True, eq=False)
class Course:
    """A shot's frames in feedback. All are per frame (n,) but the first frame, the shot's own picture, uses only t.

    t: 0..1 towards the next shot. denoise: share of the noise schedule that is painted anew, 0 only moves the picture.
    pull: share of the next shot's picture that is mixed in before. cfg: guidance. matrices: float64 (n, 3, 3), the move
    from the frame before, in pixels. ahead: float64 (n, 3, 3), all moves that come after a frame, up to the next shot.
    """

    t: np.ndarray
    denoise: np.ndarray
    pull: np.ndarray
    cfg: np.ndarray
    matrices: np.ndarray
    ahead: np.ndarray

    def steps(self, settings: RenderSettings) -> np.ndarray:
        """Sampler steps of every frame, int64 (n,): the share of the settings' steps that denoise asks for."""
        # A hair less, so that .35 of 20 steps are 7 whatever the last bit says.
        steps = np.ceil(settings.steps * self.denoise - 1e-6).astype(np.int64)
        steps[0] = 0
        return steps


def course_of(segment: Segment, settings: RenderSettings, fps: Fraction) -> Course:
    """The course of a shot, from its pace and its curves; what has no curve goes by the pace."""
    t, n, rate = segment.t[segment.picture], len(segment.picture), float(fps)
    pace = _pace(t)
    curves = segment.curves
    zoom = curves.get("zoom", ZOOM ** (1 - PACED + PACED * pace))
    angle, dx, dy = (curves.get(name, np.zeros(n)) for name in ("angle", "dx", "dy"))
    matrices = np.stack(
        [
            Motion(
                float(zoom[k]) ** (1 / rate),
                float(angle[k]) / rate,
                float(dx[k]) * settings.width / rate,
                float(dy[k]) * settings.height / rate,
            ).matrix()
            for k in range(n)
        ]
    )
    ahead = np.empty_like(matrices)
    # The next shot's first frame moves as the last of this one does.
    ahead[-1] = matrices[-1]
    for k in range(n - 2, -1, -1):
        ahead[k] = ahead[k + 1] @ matrices[k + 1]
    dip = _dip(n, rate) * (t if segment.shot_a != segment.shot_b else 0.0)
    base = curves.get("denoise", DENOISE + DENOISE_PACED * np.clip((pace - 1) / (TOP_PACE - 1), 0, 1))
    return Course(
        t=t,
        denoise=np.maximum(base, base + (DIP_DENOISE - base) * dip),
        pull=DIP_PULL * dip,
        cfg=curves.get("cfg", np.full(n, settings.cfg)),
        matrices=matrices,
        ahead=ahead,
    )


def _pace(t: np.ndarray) -> np.ndarray:
    """Speed of every frame along the way, in the mean speed of the shot: 1 throughout where nothing moves."""
    steps = np.abs(np.diff(t, prepend=t[0]))
    return np.clip(steps / steps[1:].mean(), 0, TOP_PACE) if steps.any() else np.ones(len(t))


def _dip(n: int, rate: float) -> np.ndarray:
    """0 until some frames before the next shot, then rising smoothly; it would be 1 on the next shot's first frame."""
    window = min(round(DIP_SECONDS * rate), n // 2)
    rise = np.clip(np.arange(n) - (n - window), 0, None) + (np.arange(n) >= n - window)
    share = rise / (window + 1)
    return share * share * (3 - 2 * share)
