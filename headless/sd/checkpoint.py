"""A checkpoint file as this host's MODEL, CLIP and VAE."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .parts import Clip, Model, Vae, Weights

if TYPE_CHECKING:
    import torch

from songreel.nodes.diffusion.sd15 import checkpoint as _file

CONFIG_KEY = _file.CONFIG_KEY


def load_checkpoint(
    path: Path, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> tuple[Model, Clip, Vae]:
    """Load an SD1.5 checkpoint.

    Parameters
    ----------
    path : Path
        A .safetensors file with UNet, text encoder and autoencoder.
    device : where to compute; a CUDA device when there is one, else the CPU.
    dtype : of UNet and text encoder; float16 on CUDA, else float32. The autoencoder is always float32,
        since float16 overflows in it.

    Raises
    ------
    InputError
        When the file is missing, damaged, a pickle, or not an SD1.5 checkpoint.
    """
    import torch

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = dtype or (torch.float16 if place.type == "cuda" else torch.float32)
    file = _file.CheckpointFile(Path(path))
    kinds = {"unet": dtype, "text_encoder": dtype, "vae": torch.float32}
    loaded = {
        name: Weights(_file.load_part(file, name, device=place, dtype=kind), place) for name, kind in kinds.items()
    }
    return Model(loaded["unet"]), Clip(loaded["text_encoder"]), Vae(loaded["vae"])
