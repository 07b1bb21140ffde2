"""What was made of a person, as the ledger lists it, and how it is removed: only what we wrote, told by its digest."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from ...base.media.files import file_digest

# Where a copy under another name may lie: beside the file that was noted, and one folder up.
_LORA_SUFFIXES = (".safetensors", ".locked")


def entry_of(path: Path, digest: str | None) -> dict[str, Any]:
    """How the ledger lists a file or folder. A file that is there already is known by its digest from now on."""
    path, size = Path(os.path.abspath(path)), None
    if digest is None and path.is_file() and not path.is_symlink():
        digest, size = file_digest(path), path.stat().st_size
    return {"path": str(path), "digest": digest, "bytes": size}


def remove_made(entry: dict[str, Any], record_id: str, private: Path) -> list[Path]:
    """Remove what an entry lists, and equal LoRA files beside it; what had to stay.

    Folders go only inside `private`, files only when they are what we wrote. What is gone already is no fault.
    """
    path = Path(entry["path"])
    left = [copy for copy in _copies(path, entry) if not _unlinked(copy)]
    if not os.path.lexists(path):
        return left
    if path.is_dir() and not path.is_symlink():
        if path.resolve().is_relative_to(private.resolve()):
            shutil.rmtree(path, ignore_errors=True)
    elif path.is_file() and not path.is_symlink() and _ours(path, entry["digest"], record_id):
        _unlinked(path)
    return [*left, path] if os.path.lexists(path) else left


def _copies(path: Path, entry: dict[str, Any]) -> list[Path]:
    """Other LoRA files near it with the same content, whatever their names."""
    size, digest = entry.get("bytes"), entry["digest"]
    if digest is None or size is None or path.suffix not in _LORA_SUFFIXES:
        return []
    found = []
    for folder in (path.parent, path.parent.parent):
        with contextlib.suppress(OSError):
            for other in folder.iterdir():
                same_size = other.suffix in _LORA_SUFFIXES and other != path and other.is_file()
                if same_size and size == other.stat().st_size and file_digest(other) == digest:
                    found.append(other)
    return found


def _ours(path: Path, digest: str | None, record_id: str) -> bool:
    if digest is not None:
        return file_digest(path) == digest
    # Noted by an older version before it was written: only the file itself can say whose it is.
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return (file.metadata() or {}).get("songreel.record") == record_id
    except (SafetensorError, ValueError, OSError):
        return False


def _unlinked(path: Path) -> bool:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return not os.path.lexists(path)
