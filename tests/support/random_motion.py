"""A motion module for SD1.5 with AnimateDiff's full key set and random weights, as AnimateDiff-Evolved loads it."""

from __future__ import annotations

import math
import os
from pathlib import Path

CACHED = Path.home() / ".cache" / "songreel-tests" / "random_motion_v3.safetensors"
FRAMES = 32
DOWN, UP = (320, 640, 1280, 1280), (1280, 1280, 640, 320)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of version 3, which has no module in the middle block."""
    places = [(f"down_blocks.{n}.motion_modules.{k}", width) for n, width in enumerate(DOWN) for k in range(2)]
    places += [(f"up_blocks.{n}.motion_modules.{k}", width) for n, width in enumerate(UP) for k in range(3)]
    shapes = {}
    for place, width in places:
        inside = {"norm.weight": (width,), "norm.bias": (width,)}
        for part in ("proj_in", "proj_out"):
            inside |= {f"{part}.weight": (width, width), f"{part}.bias": (width,)}
        for n in range(2):
            attention = f"transformer_blocks.0.attention_blocks.{n}"
            inside |= {f"{attention}.{part}.weight": (width, width) for part in ("to_q", "to_k", "to_v", "to_out.0")}
            inside |= {f"{attention}.to_out.0.bias": (width,), f"{attention}.pos_encoder.pe": (1, FRAMES, width)}
            inside |= {f"transformer_blocks.0.norms.{n}.{part}": (width,) for part in ("weight", "bias")}
        block = "transformer_blocks.0"
        inside |= {f"{block}.ff_norm.{part}": (width,) for part in ("weight", "bias")}
        inside |= {f"{block}.ff.net.0.proj.weight": (8 * width, width), f"{block}.ff.net.0.proj.bias": (8 * width,)}
        inside |= {f"{block}.ff.net.2.weight": (width, 4 * width), f"{block}.ff.net.2.bias": (width,)}
        shapes |= {f"{place}.temporal_transformer.{name}": shape for name, shape in inside.items()}
    return shapes


def cached_random_motion() -> Path:
    """The module's file, 0.8 GB in float16, made once."""
    if CACHED.exists():
        return CACHED
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(11)
    tensors = {}
    for name, shape in _shapes().items():
        noise = torch.randn(shape, generator=generator)
        if name.endswith(".pe"):
            value = noise
        elif len(shape) == 1:
            value = 1 + 0.1 * noise if "norm" in name and name.endswith("weight") else 0.1 * noise
        else:
            value = noise / math.sqrt(shape[1])
        tensors[name] = value.half()
    CACHED.parent.mkdir(parents=True, exist_ok=True)
    part = CACHED.with_suffix(f".{os.getpid()}.tmp")
    save_file(tensors, part)
    part.replace(CACHED)
    return CACHED
