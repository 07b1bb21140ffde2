"""Latents on disk: sampled once, stored whole, found again after a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..base.media.files import atomic_path
from .prediction_reuse import PredictionTrace

KINDS = ("early", "pull", "rest")


def save_batch(path: Path, pictures: list[int], latents: torch.Tensor, trace: PredictionTrace) -> None:
    """Store a batch: which pictures, their latents float32 (B, 4, h, w), and the model's predictions."""
    arrays = {"pictures": np.array(pictures), "latents": latents.numpy(), "rows": np.array(trace.rows)}
    for name, kind in zip(KINDS, trace.kinds(), strict=True):
        arrays |= {f"{name}_{call}": part.numpy() for call, part in kind.items()}
    with atomic_path(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def load_batch(path: Path) -> tuple[list[int], torch.Tensor, PredictionTrace]:
    """A batch as `save_batch` stored it."""
    trace = PredictionTrace()
    with np.load(path) as arrays:
        for name, kind in zip(KINDS, trace.kinds(), strict=True):
            for key in arrays.files:
                if key.startswith(name + "_"):
                    kind[int(key.rpartition("_")[2])] = torch.from_numpy(arrays[key])
        trace.rows = int(arrays["rows"])
        return arrays["pictures"].tolist(), torch.from_numpy(arrays["latents"]), trace
