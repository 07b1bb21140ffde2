"""The slot for a passive anti-spoof model: a file of the user's own, looked at by OpenCV. The pack brings none.

`models/detection/face_antispoof.onnx` is used when it is there. It takes one face crop, float32 (1, 3, size, size),
and gives (1, K) class scores or probabilities, K >= 2. `face_antispoof.json` beside it may say how the crop is made;
what it leaves out is as Silent-Face-Anti-Spoofing's MiniFASNetV2 has it:

    size: 80        pixels
    scale: 2.7      the crop over the face's box
    order: "BGR"    or "RGB"
    mean, std: [0, 0, 0], [1, 1, 1]    of grey levels 0..255, in that order; the crop is (x - mean) / std
    live: 1         which class is a live person
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ...base.errors import InputError
from ..face.landmarks import Face

NAME = "face_antispoof.onnx"
REMOVE = f"correct it, or take '{NAME}' out of the models' folder 'detection'."


@dataclass(frozen=True)
class Contract:
    """How a crop is made for the model, and which class is a live person; as the module says."""

    size: int = 80
    scale: float = 2.7
    order: str = "BGR"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    live: int = 1

    @classmethod
    def of(cls, data: object) -> Contract:
        """From JSON. Raises InputError naming the key that does not fit."""
        if not isinstance(data, dict):
            raise InputError(f"face_antispoof.json must hold a JSON object; {REMOVE}")
        checks = {
            "size": lambda value: type(value) is int and 16 <= value <= 1024,
            "scale": lambda value: _number(value) and 0.5 <= value <= 8,
            "order": lambda value: value in ("BGR", "RGB"),
            "mean": _three,
            "std": lambda value: _three(value) and all(entry > 0 for entry in value),
            "live": lambda value: type(value) is int and value >= 0,
        }
        for key, value in data.items():
            if key not in checks or not checks[key](value):
                known = ", ".join(field.name for field in fields(cls))
                raise InputError(
                    f"face_antispoof.json: {key!r} is {value!r}, which does not fit (known: {known}); {REMOVE}"
                )
        given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        return cls(**given)


def load_passive(folders: Iterable[Path]) -> PassiveModel | None:
    """The model in the first folder that has one, or None. Raises InputError when it cannot be used."""
    for folder in folders:
        path = folder / NAME
        if path.is_file():
            return PassiveModel(path, _contract(path.with_suffix(".json")))
    return None


class PassiveModel:
    """Gives 0..1 for "live". It may be called from several threads. Raises InputError when the file does not fit."""

    def __init__(self, path: Path, contract: Contract):
        try:
            import cv2
        except (ImportError, OSError):
            raise InputError(
                f"The anti-spoof model '{path.name}' needs OpenCV; pip install opencv-python-headless. Else {REMOVE}"
            ) from None
        self._cv2, self._contract, self._lock = cv2, contract, threading.Lock()
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
            scores = self._run(np.zeros((1, 3, contract.size, contract.size), np.float32))
        except cv2.error:
            raise InputError(
                f"The anti-spoof model '{path.name}' is no ONNX file that OpenCV {cv2.__version__} can run on a "
                f"{contract.size}x{contract.size} crop; {REMOVE}"
            ) from None
        if scores.ndim != 2 or scores.shape[0] != 1 or not 2 <= scores.shape[1] <= 100:
            raise InputError(
                f"The anti-spoof model '{path.name}' gives the shape {scores.shape}, not (1, classes); {REMOVE}"
            )
        if contract.live >= scores.shape[1]:
            raise InputError(
                f"face_antispoof.json: 'live' is {contract.live}, but the model has {scores.shape[1]} classes; {REMOVE}"
            )

    def __call__(self, picture: np.ndarray, face: Face) -> float:
        """picture: uint8 RGB (H, W, 3)."""
        scores = self._run(self.crop(picture, face))[0].astype(np.float64)
        if not np.isfinite(scores).all():
            return 0.0
        if scores.min() < 0 or abs(scores.sum() - 1) > 1e-3:
            scores = np.exp(scores - scores.max())
            scores /= scores.sum()
        return float(scores[self._contract.live])

    def crop(self, picture: np.ndarray, face: Face) -> np.ndarray:
        """The face with what is around it, moved into the picture, float32 (1, 3, size, size)."""
        contract, (height, width) = self._contract, picture.shape[:2]
        left, top, right, bottom = face.box
        scale = min(contract.scale, (width - 1) / (right - left), (height - 1) / (bottom - top))
        w, h = (right - left) * scale, (bottom - top) * scale
        x = int(np.clip((left + right - w) / 2, 0, width - w))
        y = int(np.clip((top + bottom - h) / 2, 0, height - h))
        cut = np.ascontiguousarray(picture[y : y + max(int(h), 1), x : x + max(int(w), 1)])
        sized = self._cv2.resize(cut, (contract.size, contract.size)).astype(np.float32)
        ordered = sized[..., ::-1] if contract.order == "BGR" else sized
        ordered = (ordered - np.asarray(contract.mean, np.float32)) / np.asarray(contract.std, np.float32)
        return np.ascontiguousarray(ordered.transpose(2, 0, 1)[None])

    def _run(self, blob: np.ndarray) -> np.ndarray:
        with self._lock:  # a network keeps its activations in itself
            self._net.setInput(blob)
            return np.array(self._net.forward())


def _contract(path: Path) -> Contract:
    try:
        return Contract.of(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Contract()
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"face_antispoof.json is not valid JSON; {REMOVE}") from None


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _three(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_number, value))
