"""The records of consenting persons, in the pack's private folder.

    key                      what signs and encrypts (0600)
    ledger.json              signed: every id ever given, its state, and the model files made from it
    records/ID/record.json   signed: who, when, what was checked, digests of the pictures
    records/ID/N.bin         picture N, encrypted, bound to its record and place

A record counts only while the ledger says so: an old copy that is put back stays revoked, a deleted one stays a
tombstone. Whoever owns this folder and its key is not stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..host import Host, private_folder
from .consent import KEPT_DAYS
from .crypto import Locksmith, canonical, write_private
from .locks import file_lock

if TYPE_CHECKING:
    import numpy as np

ID = re.compile(r"[a-z2-7]{26}")
N_PICTURES = 7
FORMAT = 1
FULL, REDUCED = "full", "reduced"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_LOCK = threading.RLock()


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


class IdentityStore:
    """Reads and writes records. clock: seconds since 1970."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time):
        self._folder = private_folder(folder)
        self._records = private_folder(folder / "records")
        self._locks = Locksmith(folder / "key")
        self._clock = clock
        with _LOCK, file_lock(self._folder / "lock"):
            if not (self._folder / "ledger.json").exists() and not any(self._records.iterdir()):
                self._save({})

    # Writing -----------------------------------------------------------------------------------

    def add(
        self, *, token: str, class_word: str, consent: str, assurance: str, scores: dict, pictures, labels
    ) -> tuple[str, str]:
        """Keep seven pictures of a person who passed and return (record id, owner's key).

        pictures: uint8 RGB (S, S, 3). The owner's key is shown once and only its digest is kept.
        """
        if len(pictures) != N_PICTURES or len(labels) != N_PICTURES:
            raise ValueError(f"a record has {N_PICTURES} pictures")
        record_id = "".join(secrets.choice(_ALPHABET) for _ in range(26))
        owner_key = secrets.token_urlsafe(24)
        data = [_png(picture) for picture in pictures]
        now = self._clock()
        payload = {
            "format": FORMAT,
            "id": record_id,
            "token": token,
            "class_word": class_word,
            "created": now,
            "expires": now + KEPT_DAYS * 86_400,
            "consent": consent,
            "assurance": assurance,
            "scores": scores,
            "labels": list(labels),
            "pictures": [hashlib.sha256(entry).hexdigest() for entry in data],
            "owner": _owner_digest(record_id, owner_key),
        }
        folder = private_folder(self._records / record_id)
        try:
            for number, entry in enumerate(data):
                write_private(folder / f"{number}.bin", self._locks.encrypt(entry, f"{record_id}/{number}"))
            text = canonical({"payload": payload, "signature": self._locks.sign(payload)})
            write_private(folder / "record.json", text)
            with self._ledger() as ledger:
                ledger[record_id] = {"state": "active", "digest": _digest(payload), "files": []}
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return record_id, owner_key

    def add_file(self, record_id: str, path: Path) -> None:
        """Note a file or folder made from a person's pictures, so that it is deleted with them."""
        self._payload(record_id)
        with self._ledger() as ledger:
            path = Path(os.path.abspath(path))
            entry = {"path": str(path), "digest": _file_digest(path) if path.is_file() else None}
            kept = [other for other in ledger[record_id]["files"] if other["path"] != str(path)]
            ledger[record_id]["files"] = [*kept, entry]

    def revoke(self, record_id: str) -> None:
        """Stop all use, for good; the pictures stay until they are deleted."""
        self._known(record_id)
        with self._ledger() as ledger:
            if ledger[record_id]["state"] == "active":
                ledger[record_id]["state"] = "revoked"

    def delete(self, record_id: str) -> list[str]:
        """Delete pictures, record and the known files made from them; the names of files that were left, if changed.

        A tombstone stays in the ledger, which our nodes refuse for ever.
        """
        self._known(record_id)
        left = []
        with self._ledger() as ledger:
            entry = ledger[record_id]
            # The tombstone comes first: a crash leaves files behind, never a usable record.
            entry["state"] = "deleted"
            self._save(ledger)
            for made in entry["files"]:
                path = Path(made["path"])
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.is_file() and made["digest"] in (None, _file_digest(path)):
                    path.unlink(missing_ok=True)
                elif path.exists():
                    left.append(path.name)
            shutil.rmtree(self._records / record_id, ignore_errors=True)
            entry["files"] = []
        return left

    # Reading -----------------------------------------------------------------------------------

    def load(self, record_id: str, *, pictures: bool = True) -> IdentityRecord:
        """A record that may be used now. Raises InputError that says why when it may not."""
        payload = self._payload(record_id)
        data: list[np.ndarray] = []
        if pictures:
            for number, wanted in enumerate(payload["pictures"]):
                data.append(self._picture(record_id, number, wanted))
        names = ("id", "token", "class_word", "created", "expires", "consent", "assurance", "scores")
        return IdentityRecord(
            **{name: payload[name] for name in names},
            labels=tuple(payload["labels"]),
            digest=_digest(payload),
            pictures=tuple(data),
        )

    def status(self, record_id: str) -> str:
        """In one word, for caches and lists: active, revoked, deleted, expired, altered or unknown.

        An active one has its digest beside it.
        """
        try:
            return f"active {_digest(self._payload(record_id))}"
        except RefusedError as refused:
            return refused.state

    def owned(self, record_id: str, owner_key: object) -> bool:
        """Whether the key is the one its owner was shown. False for an unknown record."""
        try:
            payload = self._signed(self._known(record_id))
        except RefusedError:
            return False
        if not isinstance(owner_key, str) or len(owner_key) > 100:
            return False
        return hmac.compare_digest(payload["owner"], _owner_digest(record_id, owner_key))

    def entries(self) -> list[dict]:
        """Every record there is or was, the newest last: id, state, and of those still there who, when, how sure."""
        result = []
        with self._ledger() as ledger:
            for record_id in ledger:
                entry = {"id": record_id, "state": self.status(record_id).split()[0]}
                with contextlib.suppress(RefusedError):
                    payload = self._signed(record_id)
                    entry |= {
                        name: payload[name] for name in ("token", "class_word", "created", "expires", "assurance")
                    }
                result.append(entry)
        return sorted(result, key=lambda entry: entry.get("created", 0.0))

    # Parts -------------------------------------------------------------------------------------

    def _known(self, record_id: object) -> str:
        if not isinstance(record_id, str) or not ID.fullmatch(record_id):
            raise RefusedError("unknown", "This is not the id of an identity record; copy it from CHARCHA Capture.")
        with self._ledger() as ledger:
            if record_id not in ledger:
                raise RefusedError(
                    "unknown",
                    "There is no such identity record on this computer; capture anew.",
                )
        return record_id

    def _payload(self, record_id: object) -> dict:
        record_id = self._known(record_id)
        with self._ledger() as ledger:
            entry = ledger[record_id]
        if entry["state"] == "deleted":
            raise RefusedError("deleted", "This identity was deleted by its owner and cannot be used again.")
        if entry["state"] != "active":
            raise RefusedError("revoked", "The consent to use this identity was taken back.")
        payload = self._signed(record_id)
        if _digest(payload) != entry["digest"]:
            raise RefusedError(
                "altered", "This identity record is not the one that was made at the capture; capture anew."
            )
        now = self._clock()
        if not payload["created"] - 60 <= now < payload["expires"]:
            raise RefusedError("expired", "This identity record has expired; capture anew, with consent.")
        return payload

    def _signed(self, record_id: str) -> dict:
        altered = RefusedError("altered", "This identity record was altered or copied from elsewhere; capture anew.")
        try:
            content = json.loads((self._records / record_id / "record.json").read_bytes())
            payload, signature = content["payload"], content["signature"]
        except (OSError, ValueError, KeyError, TypeError):
            raise altered from None
        if not self._locks.signed(payload, signature) or payload["id"] != record_id or payload["format"] != FORMAT:
            raise altered
        return payload

    def _picture(self, record_id: str, number: int, wanted: str):
        import numpy as np
        from PIL import Image

        try:
            data = self._locks.decrypt(
                (self._records / record_id / f"{number}.bin").read_bytes(), f"{record_id}/{number}"
            )
        except OSError:
            data = None
        if data is None or hashlib.sha256(data).hexdigest() != wanted:
            raise RefusedError("altered", "A picture of this identity record is missing or was altered; capture anew.")
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))

    @contextlib.contextmanager
    def _ledger(self) -> Iterator[dict]:
        """The ledger, under a lock across threads and processes; saved when the block changed it."""
        with _LOCK, file_lock(self._folder / "lock"):
            ledger = self._read_ledger()
            before = canonical(ledger)
            yield ledger
            if canonical(ledger) != before:
                self._save(ledger)

    def _read_ledger(self) -> dict:
        path = self._folder / "ledger.json"
        try:
            content = json.loads(path.read_bytes())
            ledger, signature = content["ledger"], content["signature"]
        except FileNotFoundError:
            raise RefusedError(
                "altered", "The ledger of the identity records is gone; no record can be used."
            ) from None
        except (ValueError, KeyError, TypeError):
            ledger, signature = None, ""
        if not self._locks.signed(ledger, signature):
            raise RefusedError("altered", "The ledger of the identity records was altered; no record can be used.")
        return ledger

    def _save(self, ledger: dict) -> None:
        content = {"ledger": ledger, "signature": self._locks.sign(ledger)}
        write_private(self._folder / "ledger.json", canonical(content))


class RefusedError(InputError):
    """Why a record may not be used, with its state in one word."""

    def __init__(self, state: str, message: str):
        super().__init__(message)
        self.state = state


def store_of(host: Host) -> IdentityStore:
    """The store in a host's private folder."""
    return IdentityStore(host.private_dir() / "charcha")


def load_identity(
    host: Host, record_id: str, *, token: str | None = None, allow_reduced: bool = False, pictures: bool = True
) -> IdentityRecord:
    """A verified record with its seven pictures in memory. Call it at every execution; keep nothing of it.

    token: the owner's key, needed where the program can be reached from other machines; the host may hold it for the
    run at hand. allow_reduced: take also a record whose light check did not pass.
    Raises InputError for a record that is unknown, altered, expired, revoked, deleted or of reduced assurance, and
    without the owner's key.
    """
    store = store_of(host)
    record = store.load(record_id, pictures=False)
    if not host.local_only() and not store.owned(record_id, token if token is not None else host.owner_key(record_id)):
        raise InputError(
            "This program can be reached from other machines, so an identity needs its owner's key with every run; see "
            "the help page of CharchaIdentity."
        )
    if not allow_reduced and record.assurance != FULL:
        raise InputError(
            "The light check of this identity was not passed, so it may be a recording; capture again in a darker "
            "room, or allow reduced assurance."
        )
    return store.load(record_id) if pictures else record


def _digest(payload: dict) -> str:
    return hashlib.sha256(canonical(payload)).hexdigest()


def _owner_digest(record_id: str, owner_key: str) -> str:
    # The key has 192 random bits: a plain digest cannot be searched.
    return hashlib.sha256(f"{record_id}:{owner_key}".encode()).hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()
