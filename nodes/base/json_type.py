"""What the socket types share: an exact JSON form, read field by field with complaints that name the field."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from .errors import InputError
from .json_text import load_json
from .timing import frame_count, snap_fps

LARGEST_WHOLE = 2**64 - 1


class Fields:
    """Reads a JSON object field by field; every complaint names the type, the field and the value."""

    def __init__(self, owner: str, data: Any):
        if not isinstance(data, dict):
            raise InputError(f"{owner}: expected a JSON object, got {shown(data)}.")
        self.owner, self.data = owner, data

    def value(self, name: str, default: Any = ...) -> Any:
        if name not in self.data:
            if default is ...:
                raise InputError(f"{self.owner}: the field '{name}' is missing.")
            return default
        return self.data[name]

    def fail(self, name: str, wanted: str) -> InputError:
        return InputError(f"{self.owner}: '{name}' must be {wanted}, got {shown(self.data.get(name))}.")

    def number(self, name: str, default: Any = ...) -> float:
        value = self.value(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
            raise self.fail(name, "a finite number")
        return float(value)

    def integer(self, name: str, default: Any = ...) -> int:
        value = self.value(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(name, "a whole number")
        if abs(value) > LARGEST_WHOLE:
            raise self.fail(name, "a whole number of at most 64 bits")
        return value

    def text(self, name: str, default: Any = ...) -> str:
        value = self.value(name, default)
        if not isinstance(value, str):
            raise self.fail(name, "a string")
        return value

    def objects(self, name: str, default: Any = ...) -> list:
        value = self.value(name, default)
        if not isinstance(value, list):
            raise self.fail(name, "a list")
        return value

    def array(self, name: str, default: Any = ..., dtype: type = np.float64, length: int | None = None) -> np.ndarray:
        value = self.value(name, default)
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError, OverflowError, RecursionError):
            raise self.fail(name, "a list of numbers") from None
        if array.ndim != 1 or not np.all(np.isfinite(array)):
            raise self.fail(name, "a flat list of finite numbers")
        if length is not None and len(array) != length:
            raise InputError(f"{self.owner}: '{name}' must have {length} values, one per frame, got {len(array)}.")
        if np.issubdtype(dtype, np.integer) and not np.array_equal(array, np.floor(array)):
            raise self.fail(name, "a list of whole numbers")
        return array.astype(dtype)

    def clock(self) -> tuple[float, Fraction, int]:
        """duration in seconds, fps, and the number of frames that follows; checked against `n_frames`."""
        duration, fps = self.number("duration"), self.value("fps")
        if duration <= 0:
            raise self.fail("duration", "more than 0 seconds")
        if isinstance(fps, bool) or not isinstance(fps, (str, int, float)):
            raise self.fail("fps", 'a number or a fraction such as "24000/1001"')
        fps = snap_fps(fps)
        n_frames = frame_count(duration, fps)
        if self.integer("n_frames", n_frames) != n_frames:
            raise InputError(
                f"{self.owner}: 'n_frames' is {self.data['n_frames']} but {duration:g} s at {float(fps):g} fps are "
                f"{n_frames} frames."
            )
        return duration, fps, n_frames


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def shown(value: Any) -> str:
    """A value as short text, for messages, whatever its size and depth."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "something too large to show"
    return text if len(text) <= 60 else text[:57] + "..."


def numbers(array: np.ndarray) -> list:
    """A list whose floats are as short as the array's precision allows, and read back exactly."""
    if array.dtype == np.float32:
        return [float(np.format_float_positional(value, unique=True)) for value in array]
    return array.tolist()


class JsonType:
    """Shared by the socket types: `of`, JSON text, and the version check."""

    io_type: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    def from_json(cls, data: Any):
        """The value that a JSON object stands for. Raises InputError when it stands for none."""
        raise NotImplementedError

    def to_json(self) -> dict:
        """The JSON form: an object with "type" and "version"."""
        raise NotImplementedError

    @classmethod
    def of(cls, value: Any):
        """The value itself, or the value its JSON (dict or string) stands for.

        Raises InputError when it is neither.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            try:
                value = load_json(value, cls.io_type)
            except json.JSONDecodeError as error:
                raise InputError(
                    f"{cls.io_type}: the text is not JSON ({error.msg} at line {error.lineno}): {shown(value)}."
                ) from None
        if isinstance(value, dict):
            return cls.from_json(value)
        raise InputError(
            f"{cls.io_type}: expected the output of a node of this type or its JSON, got {type(value).__name__}."
        )

    @classmethod
    def _open(cls, data: Any) -> Fields:
        fields = Fields(cls.io_type, data)
        if fields.value("type", cls.io_type) != cls.io_type:
            raise InputError(f"{cls.io_type}: this is the JSON of another type, {shown(data['type'])}.")
        if fields.value("version") != cls.version:
            raise InputError(
                f"{cls.io_type}: version {shown(data['version'])} is unknown; this pack reads version {cls.version}."
            )
        return fields

    def _head(self) -> dict:
        return {"type": self.io_type, "version": self.version}

    def to_text(self) -> str:
        """The JSON form as one string."""
        return json.dumps(self.to_json(), allow_nan=False)
