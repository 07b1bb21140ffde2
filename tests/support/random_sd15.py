"""SD1.5 checkpoints with random weights, for tests that need both hosts to load the same file.

A thin one has every layer and every key of SD1.5, a UNet of 320 channels at every level, and a quarter of the weights:
enough for everything but speed and memory, and for motion modules. ComfyUI reads its widths from the file; the headless
host has SD1.5's own in a folder of configurations, which `thin_widths` changes for a test, or reads them from
`thin_with_widths`, the same weights in the pack's own form.

Biases and norm weights are random too: zeros would hide a mapping error.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from support.paths import ROOT

CACHE = Path.home() / ".cache" / "songreel-tests"
CONFIGS = ROOT / "nodes" / "diffusion" / "sd15" / "configs"
PARTS = ("unet", "vae", "text_encoder")
THIN = {"block_out_channels": [320, 320, 320, 320]}


def configs_of(*, thin: bool) -> dict[str, dict]:
    """The configuration of every part."""
    configs = {name: json.loads((CONFIGS / f"{name}.json").read_text("utf-8")) for name in PARTS}
    return configs | {"unet": configs["unet"] | THIN} if thin else configs


def _value(torch, name: str, shape: tuple[int, ...], generator):
    noise = torch.randn(shape, generator=generator)
    if "embedding." in name and "time_embedding" not in name:
        return noise * 0.05
    if len(shape) == 1:
        return 1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise
    return noise / math.sqrt(math.prod(shape[1:]))


def make_random_sd15(path: Path, *, thin: bool, own: bool = False, seed: int = 0, dtype: str = "float16") -> Path:
    """Write SD1.5's full key set (UNet, VAE, text encoder) with random weights to `path`.

    own: in the pack's own form, with diffusers' names and the configuration in the file.
    """
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPTextConfig, CLIPTextModel

    from songreel.nodes.diffusion.sd15 import keys
    from songreel.nodes.diffusion.sd15.checkpoint import CONFIG_KEY

    configs = configs_of(thin=thin)
    with torch.device("meta"):
        parts = {
            "unet": (UNet2DConditionModel(**configs["unet"]), keys.unet_key),
            "vae": (AutoencoderKL(**configs["vae"]), keys.vae_key),
            "text_encoder": (CLIPTextModel(CLIPTextConfig(**configs["text_encoder"])), keys.text_key),
        }
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for part, (module, key_of) in parts.items():
        for name, parameter in module.named_parameters():
            value = _value(torch, name, tuple(parameter.shape), generator).to(getattr(torch, dtype))
            key = f"{part}.{name.removeprefix('text_model.')}" if own else key_of(name)
            if ".attn_1." in key and value.ndim == 2:
                value = value[:, :, None, None]
            tensors[key] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    save_file(tensors, unfinished, metadata={CONFIG_KEY: json.dumps(configs)} if own else None)
    os.replace(unfinished, path)
    return path


def _cached(name: str, **form) -> Path:
    path = CACHE / name
    return path if path.is_file() else make_random_sd15(path, **form)


def thin_sd15() -> Path:
    """The thin checkpoint in float16, made on first use outside the repository: for ComfyUI, and with `thin_widths`."""
    return _cached("thin_sd15.safetensors", thin=True)


def thin_with_widths() -> Path:
    """The same weights as a file that the headless host reads as it is, for programs started by a test."""
    return _cached("thin_sd15_own.safetensors", thin=True, own=True)


def full_sd15() -> Path:
    """All of SD1.5, 2.1 GB in float16."""
    return _cached("random_sd15.safetensors", thin=False)


def thin_widths(monkeypatch) -> None:
    """Let this process read usual checkpoints as thin ones while a test runs."""
    from songreel.nodes.diffusion.sd15 import checkpoint

    folder = CACHE / "thin_configs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in configs_of(thin=True).items():
        (folder / f"{name}.json").write_text(json.dumps(config), "utf-8")
    monkeypatch.setattr(checkpoint, "_CONFIGS", folder)
