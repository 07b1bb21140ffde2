"""The signed list of every record there ever was, its state, and the files made from it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

from .crypto import Locksmith, canonical, write_private
from .locks import file_lock
from .record import RefusedError

_LOCK = threading.RLock()


class Ledger:
    """record id -> {"state": active, revoked or deleted, "digest": of its payload, "files": made from it,
    "finished": results in the owner's output folder, "accepted": trainings whose samples the person accepted}.

    Raises RefusedError when the file is gone or was altered: then no record can be used.
    """

    def __init__(self, folder: Path, locks: Locksmith, name: str = "ledger.json"):
        self._path, self._lock_path, self._locks = folder / name, folder / "lock", locks

    def begin(self, *, unless: bool) -> None:
        """Make an empty ledger where there is none; not where records lie that it would have to know (`unless`)."""
        with self._locked():
            if not self._path.exists() and not unless:
                self.save({})

    @contextlib.contextmanager
    def open(self) -> Iterator[dict]:
        """The entries, under a lock across threads and processes; saved when the block changed them."""
        with self._locked():
            entries = self._read()
            before = canonical(entries)
            yield entries
            if canonical(entries) != before:
                self.save(entries)

    def stamp(self) -> tuple[int, ...] | None:
        """What changes whenever the ledger is written, from one `stat`; None while there is no ledger."""
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def save(self, entries: dict) -> None:
        """Write the entries now; call it inside `open`, where a crash must not lose what was changed so far."""
        content = {"ledger": entries, "signature": self._locks.sign(entries)}
        write_private(self._path, canonical(content))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with _LOCK, file_lock(self._lock_path):
            yield

    def _read(self) -> dict:
        try:
            content = json.loads(self._path.read_bytes())
            entries, signature = content["ledger"], content["signature"]
        except FileNotFoundError:
            raise RefusedError(
                "altered", "The ledger of the identity records is gone; no record can be used."
            ) from None
        except (ValueError, KeyError, TypeError, RecursionError):
            entries, signature = None, ""
        if not isinstance(entries, dict) or not self._locks.signed(entries, signature):
            raise RefusedError("altered", "The ledger of the identity records was altered; no record can be used.")
        return entries
