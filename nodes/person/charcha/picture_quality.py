"""Is the picture good enough to judge, and to keep?"""

from __future__ import annotations

import numpy as np

from ..face.landmarks import Face

NEAR, FAR = 0.62, 0.20  # face height over picture height
DARK, GLARE = 45.0, 235.0  # grey levels of the face
MIDDLE = 135.0  # grey level of a well lit face
BLURRED = 2.0
MARGIN = 0.02


def complaint(picture: np.ndarray, faces: list[Face]) -> str | None:
    """The one thing to tell the person about this frame, as a key of `words.COACHING`; None when all is well."""
    if not faces:
        return "no_face"
    if len(faces) > 1 and faces[1].size > 0.35 * faces[0].size:
        return "one_face"
    face, (height, width) = faces[0], picture.shape[:2]
    share = face.size / height
    if share > NEAR:
        return "farther"
    if share < FAR:
        return "closer"
    left, top, right, bottom = face.box
    if left < MARGIN * width or right > (1 - MARGIN) * width or top < 0 or bottom > height * 1.01:
        return "centre"
    light = brightness(picture, face)
    if light < DARK:
        return "dark"
    if light > GLARE:
        return "bright"
    return None


def brightness(picture: np.ndarray, face: Face) -> float:
    """Mean grey level of the face, 0..255. picture: uint8 RGB (H, W, 3)."""
    return float(_crop(picture, face)[::3, ::3].mean())


def light_share(picture: np.ndarray, face: Face) -> float:
    """How well a face is lit, 0.4..1: 1 in the middle grey levels, least in the dark and in glare."""
    off = abs(brightness(picture, face) - MIDDLE) / (GLARE - DARK)
    return max(0.4, 1.0 - off)


def sharpness(picture: np.ndarray, face: Face) -> float:
    """Spread of the face's second differences, grey levels; larger is sharper."""
    grey = _crop(picture, face).astype(np.float32).mean(2)
    if min(grey.shape) < 3:
        return 0.0
    edges = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return float(edges.std())


def square(picture: np.ndarray) -> np.ndarray:
    """The middle square of a picture, as it is kept."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def _crop(picture: np.ndarray, face: Face) -> np.ndarray:
    height, width = picture.shape[:2]
    left, top, right, bottom = (int(value) for value in face.box)
    left, top = max(0, min(left, width - 4)), max(0, min(top, height - 4))
    return picture[top : max(bottom, top + 4), left : max(right, left + 4)]
