"""Landmarks, head pose and expression of every face in a picture, behind an interface that others can fill.

MediaPipe's Face Landmarker is the one we bring: Kartynnik et al., "Real-time Facial Surface Geometry from Monocular
Video on Mobile GPUs" (2019); blendshapes: Grishchenko et al., "Blendshapes GHUM" (2023).
"""

from __future__ import annotations

import contextlib
import ctypes
import queue
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ...base.errors import InputError
from .model_file import INSTALL, landmarker_file

LEFT_EYE, RIGHT_EYE = 386, 159  # middle of the upper lids; left and right are the subject's own


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture.

    points: float32 (478, 3), pixels; x to the right, y down, z away from the camera on the scale of x.
    yaw, pitch, roll: degrees; yaw > 0 towards the subject's left, pitch > 0 up. scores: expression name -> 0..1.
    """

    points: np.ndarray
    yaw: float
    pitch: float
    roll: float
    scores: dict[str, float]

    def __repr__(self) -> str:
        return "Face(...)"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom of the landmarks in pixels."""
        low, high = self.points[:, :2].min(0), self.points[:, :2].max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def size(self) -> float:
        """Height from brow line to chin along the face, pixels; hardly moved by a turn of the head."""
        return float(np.linalg.norm(self.points[152] - self.points[10]))


class Landmarker(Protocol):
    """What the capture needs of a landmark model. It may be called from several threads at once."""

    def detect(self, picture: np.ndarray) -> list[Face]:
        """Up to two faces, the largest first. picture: uint8 RGB (H, W, 3)."""


def load_landmarker(folders: Iterable[Path]) -> Landmarker:
    """MediaPipe's landmarker, its model looked up in `folders` and in installed packages.

    Raises InputError when the library or the model is not there.
    """
    return MediaPipeLandmarker(landmarker_file(folders))


class MediaPipeLandmarker:
    """MediaPipe Tasks, each picture on its own: no state is left between pictures. As many graphs as calls at once."""

    def __init__(self, model: Path):
        self._tasks = _import_mediapipe()
        self._model = model
        self._idle: queue.LifoQueue = queue.LifoQueue()

    @contextlib.contextmanager
    def _graph(self) -> Iterator:
        try:
            graph = self._idle.get_nowait()
        except queue.Empty:
            graph = self._new_graph()
        yield graph
        self._idle.put(graph)

    def _new_graph(self):
        landmarker, base = self._tasks.landmarker, self._tasks.base_options
        options = landmarker.FaceLandmarkerOptions(
            base_options=base.BaseOptions(model_asset_path=str(self._model)),
            num_faces=2,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        graph = landmarker.FaceLandmarker.create_from_options(options)
        # Its destructor fails, loudly, once the interpreter goes down; the process frees it anyway.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(graph))
        return graph

    def detect(self, picture: np.ndarray) -> list[Face]:
        height, width = picture.shape[:2]
        image = self._tasks.image.Image(
            image_format=self._tasks.image.ImageFormat.SRGB, data=np.ascontiguousarray(picture)
        )
        with self._graph() as graph:
            found = graph.detect(image)
        faces = []
        for landmarks, matrix, shapes in zip(
            found.face_landmarks, found.facial_transformation_matrixes, found.face_blendshapes, strict=True
        ):
            points = np.array([(mark.x * width, mark.y * height, mark.z * width) for mark in landmarks], np.float32)
            faces.append(Face(points, *angles(matrix), {shape.category_name: shape.score for shape in shapes}))
        return sorted(faces, key=lambda face: -face.size)


def angles(matrix: np.ndarray) -> tuple[float, float, float]:
    """yaw, pitch, roll in degrees of a face-to-camera matrix whose axes are x right, y up, z to the viewer."""
    forward, up = matrix[:3, 2], matrix[:3, 1]
    yaw = np.degrees(np.arctan2(forward[0], forward[2]))
    pitch = np.degrees(np.arctan2(forward[1], np.hypot(forward[0], forward[2])))
    roll = np.degrees(np.arctan2(up[0], up[1]))
    return float(yaw), float(pitch), float(roll)


def _import_mediapipe() -> types.SimpleNamespace:
    missing = _stand_in_for_opencv()
    try:
        from mediapipe.tasks.python.core import base_options
        from mediapipe.tasks.python.vision import face_landmarker
        from mediapipe.tasks.python.vision.core import image
    except ImportError as error:
        raise InputError(
            f"Faces are found with the library mediapipe, which cannot be imported ({type(error).__name__}); {INSTALL}"
        ) from None
    except OSError:
        raise InputError(
            "mediapipe's library cannot be loaded; on Linux it needs libEGL and libGLESv2 "
            "(Debian, Ubuntu: apt-get install libegl1 libgles2)."
        ) from None
    finally:
        if missing:
            sys.modules.pop("cv2", None)
    return types.SimpleNamespace(landmarker=face_landmarker, base_options=base_options, image=image)


def _stand_in_for_opencv() -> bool:
    """Let mediapipe load where OpenCV cannot (no libGL): it imports cv2 for drawing only, which we never do."""
    try:
        import cv2  # noqa: F401
    except (ImportError, OSError):
        sys.modules["cv2"] = types.ModuleType("cv2")
        return True
    return False
