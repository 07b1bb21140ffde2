"""The records of consenting persons, in the pack's private folder.

    key                      what signs and encrypts (0600)
    ledger.json              signed: every id ever given, its state, and the model files made from it
    records/ID/record.json   signed: who, when, what was checked, digests of the pictures
    records/ID/N.bin         picture N, encrypted, bound to its record and place
    previews/ID/*.bin        what a model painted of the person while it learnt, encrypted

A record counts only while the ledger says so: an old copy that is put back stays revoked, a deleted one stays a
tombstone. Whoever owns this folder and its key is not stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ...base.errors import InputError
from ...base.media.files import file_digest
from ...host.port import Host, private_folder
from .consent import KEPT_DAYS
from .crypto import Locksmith
from .ledger import Ledger
from .previews import Previews
from .record import FORMAT, IdentityRecord, RecordFiles, RefusedError, payload_digest, png

ID = re.compile(r"[a-z2-7]{26}")
N_PICTURES = 7
FULL, REDUCED = "full", "reduced"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class IdentityStore:
    """Reads and writes records. clock: seconds since 1970."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time):
        locks = Locksmith(private_folder(folder) / "key")
        self._files, self._ledger = RecordFiles(folder / "records", locks), Ledger(folder, locks)
        self._clock, self._previews = clock, Previews(folder / "previews", locks)
        self._ledger.begin(unless=self._files.any())

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
        data = [png(picture) for picture in pictures]
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
        try:
            self._files.write(payload, data)
            with self._ledger.open() as ledger:
                ledger[record_id] = {"state": "active", "digest": payload_digest(payload), "files": []}
        except BaseException:
            self._files.remove(record_id)
            raise
        return record_id, owner_key

    def add_file(self, record_id: str, path: Path) -> None:
        """Note a file or folder made from a person's pictures, so that it is deleted with them."""
        self._payload(record_id)
        with self._ledger.open() as ledger:
            path = Path(os.path.abspath(path))
            entry = {"path": str(path), "digest": file_digest(path) if path.is_file() else None}
            kept = [other for other in ledger[record_id]["files"] if other["path"] != str(path)]
            ledger[record_id]["files"] = [*kept, entry]

    def keep_preview(self, record_id: str, training: str, step: int, style: str, picture) -> None:
        """Keep what a model painted of a person, uint8 (H, W, 3), encrypted; it is deleted with the person.

        Raises InputError when the record may not be used any more.
        """
        self._payload(record_id)
        if not self._previews.folder(record_id).is_dir():
            self.add_file(record_id, self._previews.folder(record_id))
        self._previews.keep(record_id, training, step, style, picture)

    def revoke(self, record_id: str) -> None:
        """Stop all use, for good; the pictures stay until they are deleted."""
        self._known(record_id)
        with self._ledger.open() as ledger:
            if ledger[record_id]["state"] == "active":
                ledger[record_id]["state"] = "revoked"

    def delete(self, record_id: str) -> list[str]:
        """Delete pictures, record and the known files made from them; the names of files that were left, if changed.

        A tombstone stays in the ledger, which our nodes refuse for ever.
        """
        self._known(record_id)
        left = []
        with self._ledger.open() as ledger:
            entry = ledger[record_id]
            # The tombstone comes first: a crash leaves files behind, never a usable record.
            entry["state"] = "deleted"
            self._ledger.save(ledger)
            for made in entry["files"]:
                path = Path(made["path"])
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.is_file() and made["digest"] in (None, file_digest(path)):
                    path.unlink(missing_ok=True)
                elif path.exists():
                    left.append(path.name)
            self._files.remove(record_id)
            self._previews.remove(record_id)
            entry["files"] = []
        return left

    # Reading -----------------------------------------------------------------------------------

    def load(self, record_id: str, *, pictures: bool = True) -> IdentityRecord:
        """A record that may be used now. Raises InputError that says why when it may not."""
        payload = self._payload(record_id)
        wanted = payload["pictures"] if pictures else ()
        names = ("id", "token", "class_word", "created", "expires", "consent", "assurance", "scores")
        return IdentityRecord(
            **{name: payload[name] for name in names},
            labels=tuple(payload["labels"]),
            digest=payload_digest(payload),
            pictures=tuple(self._files.picture(record_id, *entry) for entry in enumerate(wanted)),
        )

    def status(self, record_id: str) -> str:
        """In one word, for caches and lists: active, revoked, deleted, expired, altered or unknown.

        An active one has its digest beside it.
        """
        try:
            return f"active {payload_digest(self._payload(record_id))}"
        except RefusedError as refused:
            return refused.state

    def owned(self, record_id: str, owner_key: object) -> bool:
        """Whether the key is the one its owner was shown. False for an unknown record."""
        try:
            payload = self._files.read(self._known(record_id))
        except RefusedError:
            return False
        if not isinstance(owner_key, str) or len(owner_key) > 100:
            return False
        return hmac.compare_digest(payload["owner"], _owner_digest(record_id, owner_key))

    def previews(self, record_id: str) -> list[tuple[int, str, bytes]]:
        """(step, style, JPEG) of the newest training with samples. Raises InputError when the record may not be used.

        For the owner: ask `owned` first.
        """
        self._payload(record_id)
        return self._previews.read(record_id)

    def entries(self) -> list[dict]:
        """Every record there is or was, the newest last: id, state, and of those still there who, when, how sure."""
        result = []
        with self._ledger.open() as ledger:
            for record_id in ledger:
                entry = {"id": record_id, "state": self.status(record_id).split()[0]}
                with contextlib.suppress(RefusedError):
                    payload = self._files.read(record_id)
                    entry |= {
                        name: payload[name] for name in ("token", "class_word", "created", "expires", "assurance")
                    }
                result.append(entry)
        return sorted(result, key=lambda entry: entry.get("created", 0.0))

    # Parts -------------------------------------------------------------------------------------

    def _known(self, record_id: object) -> str:
        if not isinstance(record_id, str) or not ID.fullmatch(record_id):
            raise RefusedError("unknown", "This is not the id of an identity record; copy it from CHARCHA Capture.")
        with self._ledger.open() as ledger:
            if record_id not in ledger:
                raise RefusedError(
                    "unknown",
                    "There is no such identity record on this computer; capture anew.",
                )
        return record_id

    def _payload(self, record_id: object) -> dict:
        record_id = self._known(record_id)
        with self._ledger.open() as ledger:
            entry = ledger[record_id]
        if entry["state"] == "deleted":
            raise RefusedError("deleted", "This identity was deleted by its owner and cannot be used again.")
        if entry["state"] != "active":
            raise RefusedError("revoked", "The consent to use this identity was taken back.")
        payload = self._files.read(record_id)
        if payload_digest(payload) != entry["digest"]:
            raise RefusedError(
                "altered", "This identity record is not the one that was made at the capture; capture anew."
            )
        now = self._clock()
        if not payload["created"] - 60 <= now < payload["expires"]:
            raise RefusedError("expired", "This identity record has expired; capture anew, with consent.")
        return payload


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


def _owner_digest(record_id: str, owner_key: str) -> str:
    # The key has 192 random bits: a plain digest cannot be searched.
    return hashlib.sha256(f"{record_id}:{owner_key}".encode()).hexdigest()
