"""A locked LoRA: encrypted at rest under a key that ends with the person's record, opened in memory only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.errors import InputError
from ..charcha.store import IdentityStore

if TYPE_CHECKING:
    import torch

SUFFIX = ".locked"
_MAGIC = b"songreel locked lora 1\n"
_MOST_HEADER = 65_536
WHY_LOCKED = (
    "This LoRA is locked: only Apply Identity LoRA can open it, while the person's consent lasts. For other loaders "
    "train again with the lock 'open'."
)


@dataclass(frozen=True, eq=False)
class Lock:
    """What locks the LoRA of one person. store: that of the record."""

    store: IdentityStore
    record: str

    def close(self, data: bytes, metadata: dict[str, str]) -> bytes:
        """The bytes of a .safetensors file as a locked one. Its metadata stay readable and cannot be changed.

        Raises InputError when the record may not be used any more.
        """
        header = json.dumps(dict(sorted(metadata.items())), ensure_ascii=False).encode()
        sealed = self.store.seal(self.record, data, _label(self.record, header))
        return _MAGIC + len(header).to_bytes(4, "little") + header + sealed


@dataclass(frozen=True, eq=False)
class LockedLora:
    """A locked file that may be opened now; hosts take it in place of a path."""

    path: Path
    lock: Lock

    @property
    def name(self) -> str:
        return self.path.name

    def open(self, mode: str = "rb") -> Any:
        """The encrypted file, for digests."""
        return self.path.open(mode)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Decrypted in memory. Raises InputError when the file was altered or the record may not be used."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        header, sealed = _parts(self.path)
        data = self.lock.store.unseal(self.lock.record, sealed, _label(self.lock.record, header))
        try:
            if data is not None:
                return load(data)
        except SafetensorError:
            pass
        raise InputError(f"The LoRA '{self.name}' was altered or belongs to another computer; train it again.")


class LockedTensors(dict):
    """Stands where a plain LoRA's tensors would be, and says why there are none to whoever asks for them."""

    def _refuse(self, *_: Any) -> Any:
        raise InputError(WHY_LOCKED)

    __getitem__ = __iter__ = __len__ = __contains__ = _refuse
    keys = items = values = get = copy = pop = _refuse


def is_locked(path: Path) -> bool:
    """Whether a file's name says that it is locked."""
    return path.suffix == SUFFIX


def read_locked_metadata(path: Path) -> dict[str, str]:
    """The metadata of a locked file, not verified. Raises InputError when it is none."""
    header, _ = _parts(path)
    try:
        data = json.loads(header)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise _damaged(path)
    return data


def _parts(path: Path) -> tuple[bytes, bytes]:
    try:
        data = path.read_bytes()
    except OSError:
        raise _damaged(path) from None
    start = len(_MAGIC) + 4
    length = int.from_bytes(data[len(_MAGIC) : start], "little")
    if not data.startswith(_MAGIC) or length > _MOST_HEADER or len(data) < start + length:
        raise _damaged(path)
    return data[start : start + length], data[start + length :]


def _damaged(path: Path) -> InputError:
    return InputError(f"The LoRA '{path.name}' is not a complete locked file; train it again.")


def _label(record: str, header: bytes) -> bytes:
    return f"{record}/lora/{hashlib.sha256(header).hexdigest()}".encode()
