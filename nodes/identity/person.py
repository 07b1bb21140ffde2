"""Training on a verified person: the record is loaded, its pictures are checked, and what is made is noted in it."""

from __future__ import annotations

from pathlib import Path

from ..charcha.store import load_identity, store_of
from ..host import Host
from ..types import IdentityRef
from .run import Trained, train_lora
from .settings import TrainSettings
from .subject import FaceFinder, subject_of


def train_person(
    host: Host,
    identity: IdentityRef,
    checkpoint: str,
    settings: TrainSettings,
    *,
    allow_reduced: bool = False,
    out: Path | None = None,
) -> Trained:
    """The LoRA of a consenting person. checkpoint: its name in the folder of checkpoints.
    out: the file to make; one in the folder of LoRAs when absent.

    Raises InputError when the record may not be used, a picture is of no use, or the checkpoint is no SD1.5.
    """
    record = load_identity(host, identity.record, allow_reduced=allow_reduced)
    path = host.model_file("checkpoints", checkpoint)
    subject = subject_of(record, FaceFinder(host))
    store = store_of(host)
    trained = train_lora(host, subject, path, settings, out=out, on_file=lambda made: store.add_file(record.id, made))
    # Noted again, now with the digest of the finished file.
    store.add_file(record.id, trained.path)
    # The consent may have been taken back meanwhile.
    load_identity(host, record.id, allow_reduced=allow_reduced, pictures=False)
    return trained
