"""A frame as it comes from the page: a JPEG of a sensible size, or nothing."""

from __future__ import annotations

import io

import numpy as np

MAX_JPEG_BYTES = 400_000
MIN_WIDTH, MAX_SIDE = 320, 1280
ASPECTS = (0.5, 1.8)  # height over width: upright phones too


def decode(data: bytes, shape: tuple[int, ...] | None) -> np.ndarray | None:
    """The picture, uint8 RGB (H, W, 3), or None when it is no JPEG of the shape that the capture began with.

    The size is looked at before anything is decoded.
    """
    from PIL import Image

    if len(data) > MAX_JPEG_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            width, height = image.size
            fits = MIN_WIDTH <= width <= MAX_SIDE >= height and ASPECTS[0] <= height / width <= ASPECTS[1]
            if not fits or (shape is not None and shape[:2] != (height, width)):
                return None
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError):
        return None
