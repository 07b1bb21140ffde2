"""From a subject and a checkpoint to a LoRA file: loads, trains, saves, and gives memory back."""

from __future__ import annotations

import gc
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...base.errors import InputError
from ...base.media.files import atomic_path, file_digest
from ...diffusion.sd15.checkpoint import CheckpointFile, load_part
from ...diffusion.sd15.frozen import computes_in_bfloat16, freeze_layers
from ..charcha.store import store_of
from .adapter import add_adapter, kohya_tensors, trained
from .locked import SUFFIX, Lock
from .lora import DRAWN, RECORD, TRAINING, IdentityLora, metadata_of, read_metadata, save_lora
from .material import class_latents, embed_prompts, encode_pictures, make_material
from .samples import Sampler, Samples
from .settings import TrainSettings
from .subject import Subject
from .train import Curve, Trainer

if TYPE_CHECKING:
    import torch

    from ...host.port import Host

# Counts up whenever the same inputs would give another file.
TRAINING_VERSION = 3
FOLDER = "songreel"
# A model below this many weights is trained in float32 on a CPU: conversion would cost more than it saves.
_SMALL = 100_000_000
_GB = 1024**3
# What float32 weights, activations at 512 pixels and the program around them take on a CPU.
_CPU_NEEDS = 7 * _GB


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished LoRA: its reference, file, what was measured, and the report. made: trained now, not found."""

    lora: IdentityLora
    path: Path
    curve: Curve
    report: dict
    made: bool


def train_lora(
    host: Host,
    subject: Subject,
    checkpoint: Path,
    settings: TrainSettings,
    *,
    out: Path | None = None,
    samples: Samples | None = None,
    lock: Lock | None = None,
) -> Trained:
    """Train a LoRA of a subject, or return the one that the same inputs gave before.

    Parameters
    ----------
    out : Path, optional
        The file to make; one in the folder of songreel's LoRAs when absent.
    samples : Samples, optional
        When to paint small pictures of the subject, and who keeps them. They change nothing of the LoRA.
    lock : Lock, optional
        Encrypts the file, which then ends in ".locked"; a plain .safetensors file when absent.

    Raises
    ------
    InputError
        When the checkpoint is no SD1.5, memory or disk do not suffice, or a library is missing.
    """
    import torch

    base = _checkpoint_digest(host, checkpoint)
    identity = [TRAINING_VERSION, subject.digest, subject.words, list(subject.captions), base, settings.to_json()]
    training = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    suffix = ".safetensors" if lock is None else SUFFIX
    path = out or host.lora_folder() / FOLDER / f"{subject.token}-{training[:8]}{suffix}"
    work = host.work_dir(f"train-{training[:24]}")
    log = work / "curve.json"
    if path.is_file() and read_metadata(path).get(TRAINING) == training and log.is_file():
        found = _found(path, base, log)
        # One that the signed ledger does not know is of no use; it is trained anew.
        store, digest = store_of(host), found.lora.digest
        if store.made(subject.record, digest) if subject.record else store.drawn(digest):
            return found
    host.free_memory()
    begin = time.perf_counter()
    try:
        # Nodes run in inference mode, whose tensors no gradient can flow through.
        with torch.inference_mode(False), torch.enable_grad():
            weights, curve, facts = _train(
                host, subject, checkpoint, settings, base, work / "state.pt", training, samples
            )
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "alloc" in str(error).lower():
            raise InputError(advice(settings)) from error
        raise
    finally:
        gc.collect()
        host.free_memory()
    tensors: dict[str, torch.Tensor] = {}
    for part, values in weights.items():
        tensors |= kohya_tensors(part, values, settings.alpha)
    metadata = metadata_of(subject, settings, checkpoint.name, base, training, curve.best)
    host.check_interrupt()
    digest = save_lora(path, tensors, metadata, lock)
    if not subject.record:
        store_of(host).add_drawn(digest)
    facts["seconds"] = round(time.perf_counter() - begin, 2)
    with atomic_path(log) as part:
        part.write_text(json.dumps({"curve": vars(curve), "facts": facts}), "utf-8")
    (work / "state.pt").unlink(missing_ok=True)
    lora = IdentityLora(_name(path), digest, base, subject.record or DRAWN)
    return Trained(lora, path, curve, facts, True)


def advice(settings: TrainSettings) -> str:
    """What to do when memory did not suffice."""
    ways = []
    if settings.memory != "save":
        ways.append("set memory to save (gradient checkpointing, 8-bit Adam where bitsandbytes is installed)")
    if settings.batch_size > 1:
        ways.append(f"lower batch_size from {settings.batch_size} and raise accumulation instead")
    if settings.resolution > 256:
        ways.append(f"lower resolution from {settings.resolution} to {settings.resolution - 128}")
    if settings.layers != "attention":
        ways.append("train attention only")
    ways.append("close other programs")
    return f"Memory did not suffice for this training: {', or '.join(ways[:3])}. What is trained so far is kept."


def _found(path: Path, base: str, log: Path) -> Trained:
    kept = json.loads(log.read_text("utf-8"))
    curve = Curve(kept["curve"]["losses"], [tuple(entry) for entry in kept["curve"]["validation"]])
    lora = IdentityLora(_name(path), file_digest(path), base, read_metadata(path)[RECORD])
    return Trained(lora, path, curve, kept["facts"], False)


def _name(path: Path) -> str:
    return f"{FOLDER}/{path.name}" if path.parent.name == FOLDER else path.name


def _checkpoint_digest(host: Host, path: Path) -> str:
    """SHA-256 of a checkpoint, remembered by size and time: reading 4 GB takes a while."""
    CheckpointFile(path)  # complains about what is no checkpoint
    stat = path.stat()
    memory = host.cache_dir() / "checkpoint_digests.json"
    known = json.loads(memory.read_text("utf-8")) if memory.is_file() else {}
    key = f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}"
    if key not in known:
        known[key] = file_digest(path)
        with atomic_path(memory) as part:
            part.write_text(json.dumps(known), "utf-8")
    return known[key]


def _precision(settings: TrainSettings, device: torch.device, weights: int) -> torch.dtype:
    import torch

    if settings.precision != "auto":
        return getattr(torch, settings.precision)
    if device.type == "cuda":
        return torch.bfloat16 if computes_in_bfloat16(device) else torch.float16
    if weights < _SMALL or device.type != "cpu":
        return torch.float32
    return torch.bfloat16 if computes_in_bfloat16(device) or settings.memory == "save" else torch.float32


def _kept_in(file: CheckpointFile, dtype: torch.dtype, settings: TrainSettings, device: torch.device) -> torch.dtype:
    """What frozen weights lie in: on a CPU that of the file, which loses nothing and may take half the memory."""
    import torch

    if dtype != torch.float32 or device.type != "cpu" or settings.memory == "plenty" or file.weights() < _SMALL:
        return dtype
    return file.unet_dtype()


def _save_memory(settings: TrainSettings, device: torch.device) -> bool:
    import torch

    if settings.memory != "auto":
        return settings.memory == "save"
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] < 10 * _GB
    memory = Path("/proc/meminfo")
    if device.type != "cpu" or not memory.is_file():
        return False
    free = next(line for line in memory.read_text("ascii").splitlines() if line.startswith("MemAvailable"))
    return int(free.split()[1]) * 1024 < _CPU_NEEDS


def _train(
    host: Host,
    subject: Subject,
    checkpoint: Path,
    settings: TrainSettings,
    base: str,
    state: Path,
    training: str,
    samples: Samples | None,
) -> tuple[dict, Curve, dict]:
    import torch

    device = host.device()
    file = CheckpointFile(checkpoint)
    begin = time.perf_counter()
    # One module at a time in memory: autoencoder, text encoder, UNet.
    vae = load_part(file, "vae", device=device)
    with torch.no_grad():
        mirrored = [np.ascontiguousarray(picture[:, ::-1]) for picture in subject.pictures]
        latents = encode_pictures(vae, [*subject.pictures, *mirrored], settings.resolution)
    del vae
    host.check_interrupt()
    text_encoder = load_part(file, "text_encoder", device=device)
    prompts = embed_prompts(subject, text_encoder, host.tokenize)
    sampler = None
    if samples is not None:
        sampler = Sampler(file, text_encoder, settings, subject.words, host.tokenize, check=host.check_interrupt)
    dtype = _precision(settings, device, file.weights())
    if not settings.text_encoder:
        text_encoder = None
    kept = _kept_in(file, dtype, settings, device)
    unet = load_part(file, "unet", device=device, dtype=kept)
    if dtype != torch.bfloat16 or not computes_in_bfloat16(device):
        freeze_layers(unet)
    own = class_latents(
        unet,
        prompts,
        subject,
        settings,
        host.cache_dir(),
        base,
        host.check_interrupt,
    )
    material = make_material(subject, latents, own, prompts)
    add_adapter(unet, "unet", settings)
    parameters = {"unet": trained(unet)}
    if text_encoder is not None:
        add_adapter(text_encoder, "text_encoder", settings)
        parameters["text_encoder"] = trained(text_encoder)
    saving = _save_memory(settings, device)
    if saving:
        unet.enable_gradient_checkpointing()
    everything = [value for values in parameters.values() for value in values.values()]
    trainer = Trainer(unet, text_encoder, parameters, material, settings, _optimizer(everything, settings, saving))
    ready = time.perf_counter()
    progress = host.progress(settings.steps)
    first, taken, seconds_sampling = None, 0, 0.0

    def take(step: int) -> None:
        nonlocal taken, seconds_sampling
        assert sampler is not None and samples is not None
        begin = time.perf_counter()
        for style, picture in sampler.pictures(unet).items():
            samples.keep(training[:8], step, style, picture)
        taken += 1
        seconds_sampling += time.perf_counter() - begin

    def on_step(done: int, curve: Curve) -> None:
        nonlocal first
        first = done - 1 if first is None else first
        due = samples is not None and samples.due(done, settings.steps)
        if due:
            take(done)
        if due or done % 5 == 0 or done == settings.steps:
            more = {} if sampler is None else {"record": subject.record, "samples": taken}
            host.send_event("training", live(host.node_id(), done, settings.steps, curve) | more)
        progress.update(done)
        host.check_interrupt()

    best = trainer.run(state, on_step)
    if sampler is not None:
        with torch.no_grad():
            for part, values in parameters.items():
                for name, value in values.items():
                    value.copy_(best[part][name])
        take(trainer.curve.best[0])
    facts = {
        "weights_trained": sum(value.numel() for value in everything),
        "precision": str(dtype).removeprefix("torch."),
        "weights_kept_in": str(kept).removeprefix("torch."),
        "arithmetic": str(unet.conv_in.bias.dtype).removeprefix("torch."),
        "gradient_checkpointing": saving,
        "steps": settings.steps,
        "first_step_of_this_run": first or 0,
        "seconds_loading": round(ready - begin, 2),
        "seconds_training": round(time.perf_counter() - ready - seconds_sampling, 2),
    }
    if sampler is not None:
        facts |= {"sets_of_samples": taken, "seconds_sampling": round(seconds_sampling, 2)}
    return best, trainer.curve, facts


def live(node: str | None, done: int, steps: int, curve: Curve) -> dict[str, Any]:
    """What an open page shows while it trains: smoothed loss (at most 200 points) and validation."""
    window = max(1, len(curve.losses) // 20)
    smooth = np.convolve(curve.losses, np.ones(window) / window, "valid")
    stride = max(1, len(smooth) // 200)
    points = [[int(i) + window, round(float(smooth[i]), 5)] for i in range(0, len(smooth), stride)]
    checks = [[step, round(subject, 5), round(plain, 5)] for step, subject, plain in curve.validation]
    return {"node": node, "done": done, "steps": steps, "loss": points, "validation": checks}


def _optimizer(parameters: list, settings: TrainSettings, saving: bool) -> torch.optim.Optimizer:
    import torch

    if saving and parameters[0].device.type == "cuda":
        try:
            from bitsandbytes.optim import AdamW8bit
        except ImportError:
            pass
        else:
            return AdamW8bit(parameters, lr=settings.learning_rate)
    return torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=1e-2)
