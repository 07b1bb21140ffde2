"""The records of consenting persons, in the pack's private folder.

    key                      what signs and encrypts (0600)
    ledger.json              signed: every id ever given, its state, and the model files made from it
    drawn.json               signed: digests of the LoRAs that were trained here on drawn subjects
    records/ID/record.json   signed: who, when, what was checked, digests of the pictures
    records/ID/N.bin         picture N, encrypted, bound to its record and place
    records/ID/secret.bin    what locked LoRAs of the person need beside the machine's key, encrypted
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
import time
from collections.abc import Callable
from pathlib import Path

from ...base.errors import InputError
from ...host.port import Host, private_folder
from .consent import KEPT_DAYS
from .crypto import Locksmith
from .ledger import Ledger
from .made_files import entry_of, remove_made
from .previews import Previews
from .record import FORMAT, IdentityRecord, RecordFiles, RefusedError, payload_digest, png

ID = re.compile(r"[a-z2-7]{26}")
N_PICTURES = 7
FULL, REDUCED = "full", "reduced"
# In the private settings, where no caller and no workflow reaches.
ALLOW_REDUCED = "allow_reduced"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class IdentityStore:
    """Reads and writes records. clock: seconds since 1970."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time):
        self._locks = locks = Locksmith(private_folder(folder) / "key")
        self._files, self._ledger = RecordFiles(folder / "records", locks), Ledger(folder, locks)
        self.clock, self._previews, self._private = clock, Previews(folder / "previews", locks), folder.parent
        self._ledger.begin(unless=self._files.any())
        self._drawn = Ledger(folder, locks, "drawn.json")
        self._drawn.begin(unless=False)

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
        now = self.clock()
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

    def add_file(self, record_id: str, path: Path, *, digest: str | None = None, finished: bool = False) -> None:
        """Note a file or folder made from a person's pictures, so that it is deleted with them.

        digest: SHA-256 of a file that is about to be written. finished: a result in the output folder, which is the
        owner's to keep or delete; it is listed and left.
        Raises InputError when the record may not be used any more.
        """
        self._payload(record_id)
        with self._ledger.open() as ledger:
            entry = ledger[record_id]
            if finished:
                path = Path(os.path.abspath(path))
                entry["finished"] = sorted({*entry.get("finished", []), str(path)})
                return
            made = entry_of(path, digest)
            entry["files"] = [*(other for other in entry["files"] if other["path"] != made["path"]), made]

    def made(self, record_id: str, digest: str) -> bool:
        """Whether a file of this SHA-256 was made here from this person's pictures."""
        with self._ledger.open() as ledger:
            return any(made["digest"] == digest for made in ledger.get(record_id, {}).get("files", []))

    def records_of(self, path: Path) -> list[str]:
        """The records of the persons that a file was made from, those that were revoked or deleted too."""
        place = os.path.abspath(path)
        with self._ledger.open() as ledger:
            return [
                record_id
                for record_id, entry in ledger.items()
                if place in {made["path"] for made in entry["files"]} or place in entry.get("finished", [])
            ]

    def finished(self, record_id: str) -> list[str]:
        """Names of the finished results with this person that are still in the output folder."""
        with self._ledger.open() as ledger:
            paths = [Path(path) for path in ledger[self._known(record_id)].get("finished", [])]
        return [path.name for path in paths if path.exists()]

    def accept(self, record_id: str, training: str) -> None:
        """The person accepts what a training learnt; training: the beginning of its digest. Ask `owned` first."""
        self._payload(record_id)
        with self._ledger.open() as ledger:
            ledger[record_id]["accepted"] = sorted({*ledger[record_id].get("accepted", []), training[:8]})

    def accepted(self, record_id: str, training: str) -> bool:
        """Whether the person accepted a training, or was shown no samples of it that could be accepted."""
        with self._ledger.open() as ledger:
            if training[:8] in ledger.get(record_id, {}).get("accepted", []):
                return True
        return not self._previews.of(record_id, training[:8])

    def seal(self, record_id: str, data: bytes, label: bytes) -> bytes:
        """Encrypt what was made of a person under a key that ends with the record. Raises InputError when it has."""
        self._payload(record_id)
        return self._locks.sealed(self._files.secret(record_id, make=True), data, label)

    def unseal(self, record_id: str, data: bytes, label: bytes) -> bytes | None:
        """What `seal` took, None when it was altered. Raises InputError when the record may not be used any more."""
        self._payload(record_id)
        return self._locks.opened(self._files.secret(record_id), data, label)

    def add_drawn(self, digest: str) -> None:
        """Note the SHA-256 of a LoRA that was trained here on a drawn subject, of which no record speaks."""
        with self._drawn.open() as drawn:
            drawn[digest] = True

    def drawn(self, digest: str) -> bool:
        """Whether a file of this SHA-256 was trained here on a drawn subject; no person's file can pass for one."""
        with self._drawn.open() as drawn:
            return digest in drawn

    def keep_preview(self, record_id: str, training: str, step: int, style: str, picture) -> None:
        """Keep what a model painted of a person, uint8 (H, W, 3), encrypted; it is deleted with the person.

        Raises InputError when the record may not be used any more.
        """
        self._payload(record_id)
        if not self._previews.folder(record_id).is_dir():
            self.add_file(record_id, self._previews.folder(record_id))
        self._previews.keep(record_id, training, step, style, picture)

    def revoke(self, record_id: str) -> None:
        """Stop all use, for good; the pictures stay until they are deleted. Locked LoRAs can never be opened again."""
        self._known(record_id)
        with self._ledger.open() as ledger:
            if ledger[record_id]["state"] == "active":
                ledger[record_id]["state"] = "revoked"
        self._files.remove_secret(record_id)

    def delete(self, record_id: str) -> list[str]:
        """Delete pictures, record and the known files made from them; the names of those that could not be removed.

        A file that was changed since is not ours to remove, and is named too. What could not be removed is tried again
        when delete is called again. A tombstone stays in the ledger, which our nodes refuse for ever.
        """
        self._known(record_id)
        left: list[Path] = []
        with self._ledger.open() as ledger:
            entry = ledger[record_id]
            # The tombstone comes first: a crash leaves files behind, never a usable record.
            entry["state"] = "deleted"
            self._ledger.save(ledger)
            remaining = []
            for made in entry["files"]:
                stayed = remove_made(made, record_id, self._private)
                left += stayed
                remaining += [made] if stayed else []
            left += self._files.remove(record_id) + self._previews.remove(record_id)
            entry["files"] = remaining
        return [path.name for path in left]

    def stamp(self) -> tuple[int, ...] | None:
        """What changes whenever a record's state changes; costs one `stat`."""
        return self._ledger.stamp()

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

    def shown_training(self, record_id: str) -> str:
        """Which training `previews` are of, for `accept`; "" when there are none."""
        return self._previews.training(self._known(record_id))

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
        now = self.clock()
        if now >= payload["expires"]:
            self._files.remove_pictures(record_id)
            self._previews.remove(record_id)
            raise RefusedError(
                "expired", "This identity record has expired and its pictures are deleted; capture anew, with consent."
            )
        if now < payload["created"] - 60:
            raise RefusedError("expired", "This identity record is from the future; set this computer's clock.")
        return payload


def store_of(host: Host) -> IdentityStore:
    """The store in a host's private folder."""
    return IdentityStore(host.private_dir() / "charcha")


def load_identity(
    host: Host, record_id: str, *, token: str | None = None, allow_reduced: bool | None = False, pictures: bool = True
) -> IdentityRecord:
    """A verified record with its seven pictures in memory. Call it at every execution; keep nothing of it.

    token: the owner's key, needed where the program can be reached from other machines; the host may hold it for the
    run at hand. allow_reduced: take also a record whose light check did not pass, which works only where the owner of
    this program allows it in the private settings; None where the record is named and nothing of it is used.
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
    if allow_reduced is not None and record.assurance != FULL:
        _check_reduced(host, allow_reduced)
    return store.load(record_id) if pictures else record


def _check_reduced(host: Host, wanted: bool) -> None:
    """Raises InputError unless a record of reduced assurance is wanted here and this program's owner allows it."""
    begin = "The light check of this identity was not passed, so it may be a recording; capture again in a darker room"
    if host.setting(ALLOW_REDUCED, False) is not True:
        raise InputError(
            f"{begin}. Whoever runs this program can allow it: '{ALLOW_REDUCED}': true in settings.json of the private "
            "folder."
        )
    if not wanted:
        raise InputError(f"{begin}, or turn on {ALLOW_REDUCED}.")


def _owner_digest(record_id: str, owner_key: str) -> str:
    # The key has 192 random bits: a plain digest cannot be searched.
    return hashlib.sha256(f"{record_id}:{owner_key}".encode()).hexdigest()
