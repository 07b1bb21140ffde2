"""A trained likeness: the LoRA file with what it says about itself, and the socket type that names it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...base.errors import InputError
from ...base.json_type import JsonType
from ...base.media.files import atomic_path, clear_disk_errors, file_digest, remove_abandoned, require_space
from ...host.permits import Permit, note_made
from .locked import Lock, LockedLora, is_locked, read_locked_metadata

if TYPE_CHECKING:
    import torch

    from ...host.port import Host
    from .settings import TrainSettings
    from .subject import Subject

RECORD, TRAINING, WORDS = "songreel.record", "songreel.training", "songreel.words"
DRAWN = "drawn"  # in place of a record's id: a subject that a program drew


@dataclass(frozen=True)
class IdentityLora(JsonType):
    """A LoRA of a person or of a drawn subject (IDENTITY_LORA).

    name: file in the loras folder. digest: SHA-256 of the file. base: SHA-256 of the checkpoint. record: id of the
    consent record, "drawn" for a drawn subject. It proves nothing by itself: `verified` looks at file and record.
    """

    io_type: ClassVar[str] = "IDENTITY_LORA"

    name: str
    digest: str
    base: str
    record: str

    def __post_init__(self):
        for name, pattern in (
            ("digest", r"[0-9a-f]{64}"),
            ("base", r"[0-9a-f]{64}"),
            ("record", r"[a-z2-7]{26}|drawn"),
        ):
            if not re.fullmatch(pattern, getattr(self, name)):
                raise InputError(f"{self.io_type}: '{name}' is not valid; take it from Train Identity LoRA.")

    def to_json(self) -> dict:
        return self._head() | dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> IdentityLora:
        fields = cls._open(data)
        return cls(*(fields.text(name) for name in ("name", "digest", "base", "record")))


@dataclass(frozen=True)
class VerifiedLora:
    """A LoRA that may be used now.

    path: its file, or the locked one, which hosts open in memory. words: how prompts name the subject, "TOKEN class".
    permits: the leave that its use needs at every step; empty for a drawn subject. accepted: not while samples of its
    training wait for the person's word, which needs the owner's key.
    """

    path: Path | LockedLora
    words: str
    permits: tuple[Permit, ...] = ()
    accepted: bool = True


def verified(host: Host, value: Any) -> VerifiedLora:
    """The file of an IDENTITY_LORA, unchanged, whose person still consents. Call it at every execution.

    What a file says about itself counts only where this computer's signed ledger knows the file by its digest: a
    person's file that was re-labelled is nobody's.
    Raises InputError when the file is gone or changed, was not made here, or its record may not be used.
    """
    from ..charcha.in_use import permit_of
    from ..charcha.store import load_identity, store_of

    lora, store = IdentityLora.of(value), store_of(host)
    if lora.record != DRAWN:
        load_identity(host, lora.record, allow_reduced=True, pictures=False)
    path = host.model_file("loras", lora.name)
    metadata, digest = read_metadata(path), file_digest(path)
    if digest != lora.digest or metadata.get(RECORD) != lora.record:
        raise InputError(f"The LoRA '{path.name}' is not the one that was trained; train it again.")
    known = store.drawn(digest) if lora.record == DRAWN else store.made(lora.record, digest)
    if not known:
        raise InputError(f"The LoRA '{path.name}' was not trained on this computer; train it again.")
    permits = () if lora.record == DRAWN else (permit_of(host, lora.record),)
    file = LockedLora(path, Lock(store, lora.record)) if is_locked(path) else path
    accepted = lora.record == DRAWN or store.accepted(lora.record, metadata.get(TRAINING, ""))
    return VerifiedLora(file, metadata.get(WORDS, ""), permits, accepted)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a .safetensors file or a locked one. Raises InputError when it is damaged."""
    from safetensors import SafetensorError, safe_open

    if is_locked(path):
        return read_locked_metadata(path)
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, ValueError, OSError):
        raise InputError(f"The LoRA '{path.name}' is not a complete .safetensors file; train it again.") from None


def save_lora(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str], lock: Lock | None = None) -> str:
    """Write a LoRA, whole or not at all, and return its SHA-256. Equal input gives equal bytes, without a lock.

    Whoever's leave is needed is told of the digest before the file is in its place.
    """
    from safetensors.torch import save

    data = save(dict(sorted(tensors.items())), metadata=dict(sorted(metadata.items())))
    data = _ordered(data)
    if lock is not None:
        data = lock.close(data, metadata)
    digest = hashlib.sha256(data).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    with clear_disk_errors(path.parent):
        require_space(path.parent, len(data))
        with atomic_path(path) as part:
            part.write_bytes(data)
            note_made(path, digest)
    return digest


def _ordered(data: bytes) -> bytes:
    """The file with its metadata sorted: safetensors writes it in an order that changes from process to process."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def metadata_of(
    subject: Subject, settings: TrainSettings, base_name: str, base: str, training: str, best: tuple[int, float, float]
) -> dict[str, str]:
    """What the file says about itself: kohya's and modelspec's usual fields; of the person the token only."""
    return {
        "ss_base_model_version": "sd_v1",
        "ss_sd_model_name": base_name,
        "ss_new_sd_model_hash": base,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(settings.rank),
        "ss_network_alpha": str(settings.alpha),
        "ss_network_args": json.dumps({"conv_dim": settings.rank} if settings.layers != "attention" else {}),
        "ss_learning_rate": str(settings.learning_rate),
        "ss_max_train_steps": str(settings.steps),
        "ss_steps": str(best[0]),
        "ss_lr_scheduler": "cosine",
        "ss_optimizer": "AdamW",
        "ss_resolution": f"({settings.resolution}, {settings.resolution})",
        "ss_batch_size_per_device": str(settings.batch_size),
        "ss_gradient_accumulation_steps": str(settings.accumulation),
        "ss_min_snr_gamma": str(settings.min_snr),
        "ss_noise_offset": str(settings.noise_offset),
        "ss_caption_dropout_rate": str(settings.caption_dropout),
        "ss_seed": str(settings.seed),
        "ss_num_train_images": str(len(subject.pictures)),
        "ss_tag_frequency": json.dumps({"subject": {subject.words: len(subject.pictures)}}),
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.prediction_type": "epsilon",
        "modelspec.resolution": f"{settings.resolution}x{settings.resolution}",
        "modelspec.title": subject.words,
        "modelspec.trigger_phrase": subject.words,
        RECORD: subject.record or DRAWN,
        TRAINING: training,
        WORDS: subject.words,
    }
