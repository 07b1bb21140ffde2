"""Whether two pictures show the same person: dlib's ResNet descriptor on chips aligned with our own landmarks.

Descriptor: King, dlib `dlib_face_recognition_resnet_model_v1` (CC0). Chips: 150 pixels, padding 0.25, five points in
dlib's order (both corners of each eye, base of the nose). Descriptors are personal data: they stay in memory.
"""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from typing import Protocol

import numpy as np

from ...base.errors import InputError
from .landmarks import Face
from .model_file import INSTALL

FIVE_POINTS = (263, 362, 33, 133, 2)
CHIP_SIZE, CHIP_PADDING = 150, 0.25
# On 300 public pairs the same person lay at 0.25-0.60 (median .34), others at 0.63-1.07 (median .90): this threshold
# refuses 2.6 % of the same and accepts 0 of 262 others.
SAME_PERSON = 0.55
_WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"


class Embedder(Protocol):
    """Whatever describes a face by numbers that are close for one person."""

    def describe(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """The descriptor of a face in a picture, uint8 RGB (H, W, 3)."""
        ...


class FaceEmbedder:
    """Descriptors of faces. Raises InputError when dlib or its weights are not installed."""

    def __init__(self):
        try:
            import dlib
        except ImportError:
            raise InputError(f"Faces are compared with the library dlib (dlib-bin); {INSTALL}") from None
        self._dlib = dlib
        self._model = dlib.face_recognition_model_v1(str(_weights()))
        self._lock = threading.Lock()  # one network, which keeps its activations in itself

    def chip(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """The aligned face, uint8 RGB (150, 150, 3). picture: uint8 RGB (H, W, 3)."""
        points = [self._dlib.point(*(int(round(float(v))) for v in face.points[index, :2])) for index in FIVE_POINTS]
        left, top, right, bottom = (int(value) for value in face.box)
        shape = self._dlib.full_object_detection(self._dlib.rectangle(left, top, right, bottom), points)
        return self._dlib.get_face_chip(np.ascontiguousarray(picture), shape, size=CHIP_SIZE, padding=CHIP_PADDING)

    def describe(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """Descriptor of a face, float64 (128,)."""
        chip = self.chip(picture, face)
        with self._lock:
            return np.array(self._model.compute_face_descriptor(chip))


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Euclidean distance of two descriptors; below `SAME_PERSON` they are of one person."""
    return float(np.linalg.norm(first - second))


def _weights() -> Path:
    # Found without importing the package, whose import needs pkg_resources.
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder) / "models" / _WEIGHTS
        if path.is_file():
            return path
    raise InputError(f"dlib's face weights are not there; {INSTALL}")
