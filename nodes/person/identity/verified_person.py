"""Training on a verified person: the record is loaded, its pictures are checked, and what is made is noted in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...base.types import IdentityRef
from ...host.port import Host
from ..charcha.in_use import likeness_in_use, permit_of
from ..charcha.record import IdentityRecord
from ..charcha.store import load_identity, store_of
from .locked import Lock
from .run import Trained, train_lora
from .samples import Samples
from .settings import LOCKED, OFF, WHILE_TRAINING, TrainRun, TrainSettings
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

    Consent is asked for at every step; when it ends, the training ends and what it half made is removed.
    Raises InputError when the record may not be used, a picture is of no use, or the checkpoint is no SD1.5.
    """
    run = run or TrainRun()
    record = load_identity(host, identity.record, allow_reduced=run.allow_reduced)
    with likeness_in_use([permit_of(host, record.id)]):
        return _train(host, record, checkpoint, settings, run, out)


def _train(
    host: Host, record: IdentityRecord, checkpoint: str, settings: TrainSettings, run: TrainRun, out: Path | None
) -> Trained:
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
        samples=wanted,
        lock=Lock(store, record.id) if run.lock == LOCKED else None,
    )
    # Noted again, now with its size, by which copies are found.
    store.add_file(record.id, trained.path)
    return trained
