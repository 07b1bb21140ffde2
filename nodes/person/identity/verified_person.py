"""Training on a verified person: the record is loaded, its pictures are checked, and what is made is noted in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...base.types import IdentityRef
from ...host.port import Host
from ..charcha.store import load_identity, store_of
from .run import Trained, train_lora
from .samples import Samples
from .settings import OFF, WHILE_TRAINING, TrainRun, TrainSettings
from .subject import FaceFinder, subject_of

if TYPE_CHECKING:
    import numpy as np


def train_person(
    host: Host,
    identity: IdentityRef,
    checkpoint: str,
    settings: TrainSettings,
    run: TrainRun | None = None,
    *,
    out: Path | None = None,
) -> Trained:
    """The LoRA of a consenting person. checkpoint: its name in the folder of checkpoints.
    out: the file to make; one in the folder of LoRAs when absent.
    run: whom it takes and what it shows; sample pictures go into the store, encrypted, for the owner only.

    Raises InputError when the record may not be used, a picture is of no use, or the checkpoint is no SD1.5.
    """
    run = run or TrainRun()
    record = load_identity(host, identity.record, allow_reduced=run.allow_reduced)
    path = host.model_file("checkpoints", checkpoint)
    subject = subject_of(record, FaceFinder(host))
    store = store_of(host)

    def keep(training: str, step: int, style: str, picture: np.ndarray) -> None:
        store.keep_preview(record.id, training, step, style, picture)

    wanted = None if run.samples == OFF else Samples(keep, while_training=run.samples == WHILE_TRAINING)
    trained = train_lora(
        host,
        subject,
        path,
        settings,
        out=out,
        on_file=lambda made: store.add_file(record.id, made),
        samples=wanted,
    )
    # Noted again, now with the digest of the finished file.
    store.add_file(record.id, trained.path)
    # The consent may have been taken back meanwhile.
    load_identity(host, record.id, allow_reduced=run.allow_reduced, pictures=False)
    return trained
