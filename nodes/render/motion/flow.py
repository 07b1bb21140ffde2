"""Dense optical flow between two pictures, and how well it predicts the second from the first.

Farneback 2003, "Two-Frame Motion Estimation Based on Polynomial Expansion", as OpenCV has it.
"""

from __future__ import annotations

import numpy as np

from ...base.errors import InputError


def opencv():
    """The module cv2. Raises InputError where OpenCV is not installed."""
    try:
        import cv2
    except ImportError:
        raise InputError("Optical flow needs OpenCV; install opencv-python-headless with pip.") from None
    return cv2


def optical_flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where each pixel of `after` comes from in `before`: float32 (H, W, 2), pixels right and down to its source.

    before, after: uint8 (H, W, 3). Raises InputError where OpenCV is not installed.
    """
    cv2 = opencv()
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (after, before)]
    return cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 15, 3, 5, 1.2, 0)


def carried(before: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) moved along the flow that `optical_flow` found."""
    cv2 = opencv()
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    at = (columns + flow[..., 0], rows + flow[..., 1])
    return cv2.remap(before, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def warp_error(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute difference, 0..255, between a picture and the one before it, moved by their optical flow."""
    moved = carried(before, optical_flow(before, after))
    return float(np.abs(moved.astype(np.float32) - after).mean())
