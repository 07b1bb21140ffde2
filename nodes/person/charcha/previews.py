"""Pictures that a model painted of a person while it learnt: encrypted, one training's at a time, the owner's alone."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ...host.port import private_folder
from .crypto import Locksmith, write_private

if TYPE_CHECKING:
    import numpy as np

_NAME = re.compile(r"([0-9a-f]{8,64})-(\d{6})-([a-z]{1,20})\.bin")
JPEG_QUALITY = 90


class Previews:
    """Files below a folder, one folder per record; whether a record may be used is not decided here."""

    def __init__(self, folder: Path, locks: Locksmith):
        self._folder, self._locks = folder, locks

    def folder(self, record_id: str) -> Path:
        """Where the previews of a record lie."""
        return self._folder / record_id

    def keep(self, record_id: str, training: str, step: int, style: str, picture: np.ndarray) -> None:
        """Keep a picture, uint8 (H, W, 3), of a step of a training (hexadecimal); those of other trainings go."""
        from PIL import Image

        private_folder(self._folder)
        folder = private_folder(self.folder(record_id))
        for path in folder.iterdir():
            if not path.name.startswith(f"{training}-"):
                path.unlink(missing_ok=True)
        out = io.BytesIO()
        Image.fromarray(picture).save(out, "JPEG", quality=JPEG_QUALITY)
        name = f"{training}-{step:06}-{style}.bin"
        write_private(folder / name, self._locks.encrypt(out.getvalue(), f"{record_id}/preview/{name}"))

    def read(self, record_id: str) -> list[tuple[int, str, bytes]]:
        """(step, style, JPEG) of each, in order of steps; what was altered is left out."""
        folder, found = self.folder(record_id), []
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            data = self._locks.decrypt(path.read_bytes(), f"{record_id}/preview/{path.name}")
            if data is not None:
                found.append((int(match[2]), match[3], data))
        return found

    def training(self, record_id: str) -> str:
        """The beginning of the digest of the training that the previews are of; "" without any."""
        folder = self.folder(record_id)
        names = (_NAME.fullmatch(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
        return next((match[1] for match in names if match), "")

    def of(self, record_id: str, training: str) -> list[str]:
        """Names of the previews of one training; training: the beginning of its digest."""
        folder = self.folder(record_id)
        return sorted(path.name for path in folder.glob(f"{training}-*.bin")) if folder.is_dir() else []

    def remove(self, record_id: str) -> list[Path]:
        """Remove them all; what had to stay."""
        shutil.rmtree(self.folder(record_id), ignore_errors=True)
        return [self.folder(record_id)] if self.folder(record_id).exists() else []
