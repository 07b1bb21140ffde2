"""The files of one record: a signed description and seven encrypted pictures, bound to the record and their place."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import InputError
from ...host.port import private_folder
from .crypto import Locksmith, canonical, write_private

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
SECRET = "secret.bin"


class RefusedError(InputError):
    """Why a record may not be used, with its state in one word."""

    def __init__(self, state: str, message: str):
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, eq=False)
class IdentityRecord:
    """A verified record. token: the person's made-up name; class_word: person, woman or man.

    created, expires: seconds since 1970. assurance: "full" when the light check passed, else "reduced".
    labels, pictures: seven each, uint8 RGB (S, S, 3); no pictures where only the record was asked for.
    """

    id: str
    token: str
    class_word: str
    created: float
    expires: float
    consent: str
    assurance: str
    scores: dict
    labels: tuple[str, ...]
    digest: str
    pictures: tuple[np.ndarray, ...] = field(default=(), repr=False)


class RecordFiles:
    """Reads and writes the files of records below a folder; whether a record may be used is not decided here."""

    def __init__(self, folder: Path, locks: Locksmith):
        self._folder, self._locks = private_folder(folder), locks

    def any(self) -> bool:
        """Whether there is the folder of any record."""
        return any(self._folder.iterdir())

    def write(self, payload: dict, pictures: Iterable[bytes]) -> None:
        """Encrypt pictures (PNG) and sign the description that names their digests."""
        record_id = payload["id"]
        folder = private_folder(self._folder / record_id)
        for number, data in enumerate(pictures):
            write_private(folder / f"{number}.bin", self._locks.encrypt(data, f"{record_id}/{number}"))
        content = {"payload": payload, "signature": self._locks.sign(payload)}
        write_private(folder / "record.json", canonical(content))

    def read(self, record_id: str) -> dict:
        """The description as it was signed. Raises RefusedError when it is not."""
        altered = RefusedError("altered", "This identity record was altered or copied from elsewhere; capture anew.")
        try:
            content = json.loads((self._folder / record_id / "record.json").read_bytes())
            payload, signature = content["payload"], content["signature"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise altered from None
        if not self._locks.signed(payload, signature) or payload["id"] != record_id or payload["format"] != FORMAT:
            raise altered
        return payload

    def picture(self, record_id: str, number: int, wanted: str) -> np.ndarray:
        """A picture, uint8 RGB (S, S, 3), whose digest is the wanted one. Raises RefusedError when it is not there."""
        import numpy as np
        from PIL import Image

        try:
            data = self._locks.decrypt(
                (self._folder / record_id / f"{number}.bin").read_bytes(), f"{record_id}/{number}"
            )
        except OSError:
            data = None
        if data is None or hashlib.sha256(data).hexdigest() != wanted:
            raise RefusedError("altered", "A picture of this identity record is missing or was altered; capture anew.")
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))

    def remove(self, record_id: str) -> list[Path]:
        """Remove a record whole; what had to stay."""
        shutil.rmtree(self._folder / record_id, ignore_errors=True)
        return [self._folder / record_id] if (self._folder / record_id).exists() else []

    def remove_pictures(self, record_id: str) -> None:
        """Remove pictures and the secret of locked files; the signed description stays, to say what it was."""
        for path in (self._folder / record_id).glob("*.bin"):
            path.unlink(missing_ok=True)

    def remove_secret(self, record_id: str) -> None:
        """From now on nothing that was sealed with this record can be opened, no copy of it either."""
        (self._folder / record_id / SECRET).unlink(missing_ok=True)

    def secret(self, record_id: str, *, make: bool = False) -> bytes:
        """The random secret behind what is sealed with this record. Raises RefusedError when there is none."""
        path, label = self._folder / record_id / SECRET, f"{record_id}/secret"
        if make and not path.exists():
            write_private(path, self._locks.encrypt(os.urandom(32), label), keep=True)
        try:
            data = self._locks.decrypt(path.read_bytes(), label)
        except OSError:
            data = None
        if data is None:
            raise RefusedError("altered", "The key of this person's locked LoRAs is gone; train the LoRA again.")
        return data


def payload_digest(payload: dict) -> str:
    return hashlib.sha256(canonical(payload)).hexdigest()


def png(picture: np.ndarray) -> bytes:
    """picture: uint8 RGB (H, W, 3)."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()
