"""A full-size SD1.5 checkpoint with random weights, for tests that need both hosts to load the same file.

Biases and norm weights are random too: zeros would hide a mapping error.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from support.paths import ROOT

CACHED = Path.home() / ".cache" / "songreel-tests" / "random_sd15.safetensors"


def _value(torch, name: str, shape: tuple[int, ...], generator):
    noise = torch.randn(shape, generator=generator)
    if "embedding." in name and "time_embedding" not in name:
        return noise * 0.05
    if len(shape) == 1:
        return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise
    return noise / math.sqrt(math.prod(shape[1:]))


def make_random_sd15(path: Path, seed: int = 0, dtype: str = "float16") -> Path:
    """Write SD1.5's full key set (UNet, VAE, text encoder) with random weights to `path`, 2.1 GB in float16."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPTextConfig, CLIPTextModel

    from songreel.nodes.diffusion.sd15 import keys

    configs = ROOT / "nodes" / "diffusion" / "sd15" / "configs"
    unet, vae, text = (json.loads((configs / f"{name}.json").read_text()) for name in ("unet", "vae", "text_encoder"))
    with torch.device("meta"):
        parts = [
            (UNet2DConditionModel(**unet), keys.unet_key),
            (AutoencoderKL(**vae), keys.vae_key),
            (CLIPTextModel(CLIPTextConfig(**text)), keys.text_key),
        ]
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for module, key_of in parts:
        for name, parameter in module.named_parameters():
            value = _value(torch, name, tuple(parameter.shape), generator)
            key = key_of(name)
            if ".attn_1." in key and value.ndim == 2:
                value = value[:, :, None, None]
            tensors[key] = value.to(getattr(torch, dtype))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(tensors, part)
    os.replace(part, path)
    return path


def cached_random_sd15() -> Path:
    """The float16 checkpoint of seed 0, made on first use outside the repository."""
    return CACHED if CACHED.is_file() else make_random_sd15(CACHED)
