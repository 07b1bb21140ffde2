"""Is what turns there a head or a flat picture? Plane plus parallax.

Between two views a plane moves by a homography; what a head moves beyond it is parallax, and its direction follows
from the head's own shape (Irani and Anandan, "Parallax geometry of pairs of points", 1996).
"""

from __future__ import annotations

import numpy as np

from ..face.landmarks import Face

# Rigid parts: brow line, temples, cheekbones, nose; nothing of eyes, lips and jaw.
RIGID: tuple[int, ...]
RIGID = (10, 67, 103, 54, 21, 162, 127, 234, 93, 297, 332, 284, 251, 389, 356, 454, 323, 9, 8, 168, 6, 197, 195, 5)
RIGID += (
    4,
    1,
    19,
    94,
    98,
    327,
    129,
    358,
    48,
    278,
    220,
    440,
    50,
    280,
    101,
    330,
    117,
    346,
    123,
    352,
    118,
    347,
    151,
    108,
    337,
)
MIN_ANGLE = 8.0  # degrees of turn below which nothing can be told


def depth_score(rest: Face, turned: Face) -> float | None:
    """A head's share of parallax: about 1 for a head, about 0 for a plane; None when it turned too little."""
    turn = np.radians([turned.yaw - rest.yaw, turned.pitch - rest.pitch])
    if np.degrees(np.abs(turn).max()) < MIN_ANGLE:
        return None
    index = list(RIGID)
    points = rest.points[index].astype(np.float64)
    points = (points - points.mean(0)) / rest.size
    seen = turned.points[index, :2].astype(np.float64)
    seen = (seen - seen.mean(0)) / turned.size
    expected = (points @ _turn(*turn).T)[:, :2]
    observed_rest, expected_rest = _beyond_plane(points[:, :2], seen), _beyond_plane(points[:, :2], expected)
    return float(np.sum(observed_rest * expected_rest) / max(np.sum(expected_rest**2), 1e-12))


def _turn(yaw: float, pitch: float) -> np.ndarray:
    """Rotation in picture axes (x right, y down, z away) for yaw to the picture's right and pitch up, radians."""
    a, b = yaw, pitch
    about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    return about_y @ about_x


def _beyond_plane(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """What is left of the motion (n, 2) after the homography that fits best."""
    x, y = source.T
    u, v = target.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = np.concatenate(
        [
            np.column_stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u]),
            np.column_stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v]),
        ]
    )
    plane = np.linalg.svd(rows, full_matrices=False)[2][-1].reshape(3, 3)
    mapped = np.column_stack([x, y, one]) @ plane.T
    return target - mapped[:, :2] / mapped[:, 2:]
