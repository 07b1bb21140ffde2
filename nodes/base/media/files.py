"""Files that are either whole or not there, and full disks that end in one sentence."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ..errors import InputError

# Bytes that a file's name can have on the usual file systems.
LONGEST_NAME = 255


def part_name(name: str) -> str:
    """The name of the unfinished file of a result, by this process; a long name is told by its digest."""
    part = f"{name}.{os.getpid()}.part"
    if len(os.fsencode(part)) > LONGEST_NAME:
        part = f"{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}.{os.getpid()}.part"
    return part


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        The finished file. Its folder exists.

    Yields
    ------
    Path
        The unfinished file; it is removed when the block fails.
    """
    part = path.with_name(part_name(path.name))
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


class Opens(Protocol):
    """A file, or what has bytes as a file has."""

    def open(self, mode: str = "r") -> Any: ...


def file_digest(path: Path | Opens) -> str:
    """A digest of a file's content.

    Parameters
    ----------
    path : Path
        The file, read in blocks of 1 MiB.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def remove_abandoned(folder: Path, *, older_than: float = 600.0) -> None:
    """Remove the unfinished files that a killed process left.

    Parameters
    ----------
    folder : Path
        Its files that end in .part are looked at.
    older_than : float
        Seconds since they were last written to.
    """
    for part in folder.glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > older_than:
                part.unlink()


@contextlib.contextmanager
def clear_disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into one sentence that says what to do.

    Parameters
    ----------
    folder : Path
        On the disk that the block writes to; its free space is told.

    Raises
    ------
    InputError
        When the block fails because the disk is full or cannot be written to.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"The disk of the work folder is full ({_free_text(folder)} free); free some space and run again, "
                "what is finished is kept."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS):
            raise InputError(
                "The work folder cannot be written to; allow it for the user that runs this program."
            ) from error
        raise


def require_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Parameters
    ----------
    folder : Path
        On the disk in question.
    needed : int
        Bytes.

    Raises
    ------
    InputError
        When less is free.
    """
    if shutil.disk_usage(folder).free < needed:
        raise InputError(
            f"About {needed / 1e6:.0f} MB are needed on the disk of the work folder but only {_free_text(folder)} are "
            "free; free some space, or render fewer seconds or a smaller size."
        )


def _free_text(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free / 1e6:.0f} MB"
