"""Work that uses a person: it stops at the step after consent ended, and what was half made is removed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...base.media.files import file_digest
from ...host.permits import Permit, ask_permits, holding
from ...host.port import Host
from .record import RefusedError
from .store import IdentityStore, store_of


def permit_of(host: Host, record_id: str) -> Permit:
    """Leave to use a record, which ends with its consent.

    Every ask costs one `stat` of the ledger; the record is read again when the ledger was written since.
    Whether the caller may use the record at all, `load_identity` decides beforehand.
    """
    store = store_of(host)
    asked = _Asked(store, record_id)

    def note(path: Path, digest: str | None, finished: bool) -> None:
        store.add_file(record_id, path, digest=digest, finished=finished)

    return Permit(record_id, asked.ask, note)


class _Asked:
    """Asks a store whether a record may be used, and remembers the answer until its ledger is written again."""

    def __init__(self, store: IdentityStore, record_id: str):
        self._store, self._record = store, record_id
        self._stamp: tuple[int, ...] | None = None
        self._expires = 0.0

    def ask(self) -> None:
        stamp = self._store.stamp()
        if stamp is not None and stamp == self._stamp and self._store.clock() < self._expires:
            return
        self._expires = self._store.load(self._record, pictures=False).expires
        # The older stamp: a change that came between is then read once more.
        self._stamp = stamp


@contextlib.contextmanager
def likeness_in_use(permits: Iterable[Permit]) -> Iterator[None]:
    """A block that uses persons: they are asked at every step, and once more at the end.

    Raises
    ------
    RefusedError
        When consent ended meanwhile, whatever went wrong because of it. What the block made is removed then; what it
        replaced or found is not.
    """
    made: list[tuple[Path, str | None]] = []
    with holding(_recording(permit, made) for permit in permits):
        try:
            yield
            ask_permits()
        except RefusedError:
            _remove(made)
            raise
        except Exception:
            # A file that was deleted with the person ends in any error; the reason is what the user needs.
            try:
                ask_permits()
            except RefusedError as refused:
                _remove(made)
                raise RefusedError(refused.state, str(refused)) from None
            raise


def _recording(permit: Permit, made: list[tuple[Path, str | None]]) -> Permit:
    def note(path: Path, digest: str | None, finished: bool) -> None:
        permit.note(path, digest, finished)
        if not finished:
            made.append((Path(os.path.abspath(path)), digest))

    return Permit(permit.key, permit.ask, note)


def _remove(made: list[tuple[Path, str | None]]) -> None:
    for path, digest in made:
        with contextlib.suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif digest is not None and path.is_file() and file_digest(path) == digest:
                path.unlink()


def permits_of_file(host: Host, path: Path) -> list[Permit]:
    """The leave that a file needs which was made of persons; empty for any other file.

    Raises InputError when it was made of somebody who has taken consent back since.
    """
    permits = [permit_of(host, record_id) for record_id in store_of(host).records_of(path)]
    for permit in permits:
        permit.ask()
    return permits
