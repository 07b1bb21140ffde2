"""Flow-guided smoothing: what flickers from frame to frame is averaged along the motion, what changes is left alone.

The frames before and after are carried onto a frame by optical flow and mixed in, pixel by pixel, with a weight that
falls with how much they differ there: a bilateral filter (Tomasi and Manduchi 1998) along motion paths.
"""

from __future__ import annotations

import numpy as np

from .flow import carried, optical_flow

# Difference of two colours, mean of the channels in 0..1, at which a neighbour counts with exp(-1) of its weight.
ALIKE = 0.05


def smoothed(picture: np.ndarray, neighbours: list[np.ndarray], strength: float) -> np.ndarray:
    """A frame with its neighbours mixed in.

    Parameters
    ----------
    picture, neighbours : uint8 or uint16 (H, W, 3), over their whole range; up to two neighbours, before and after.
    strength : 0 changes nothing; at 1 neighbours that are alike count as much as the frame itself.

    Returns
    -------
    A new picture of the same shape and dtype. Raises InputError where OpenCV is not installed.
    """
    neighbours = [other for other in neighbours if other is not picture]
    if strength == 0 or not neighbours:
        return picture.copy()
    top = np.iinfo(picture.dtype).max
    own = picture.astype(np.float32)
    total, weights = own.copy(), np.ones((*picture.shape[:2], 1), np.float32)
    for other in neighbours:
        moved = carried(other.astype(np.float32), optical_flow(_as_bytes(other), _as_bytes(picture)))
        distance = np.abs(moved - own).mean(axis=2, keepdims=True) / (top * ALIKE)
        weight = np.float32(strength) * np.exp(-(distance**2))
        total += weight * moved
        weights += weight
    return np.rint(total / weights).astype(picture.dtype)


def _as_bytes(picture: np.ndarray) -> np.ndarray:
    return picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
