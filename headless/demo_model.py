"""A stand-in for an SD1.5 checkpoint: a few megabytes of random weights, made on this machine from a fixed seed.

It has learnt nothing: it shows that everything runs, not what a prompt means. Its random weights are shaped so
that the pictures are worth looking at: convolutions blur (random mixing of channels times a binomial kernel), the
UNet passes its input on through one skip connection and takes fine detail for noise, and the prompt enters
with a strong gain. So a prompt sets palette and structure, and pictures follow noise and prompt smoothly.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

NAME = "songreel_demo_1.safetensors"
SEED = 6

UNET = {
    "sample_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [24, 24],
    "layers_per_block": 1,
    "cross_attention_dim": 64,
    "attention_head_dim": 2,
    "norm_num_groups": 2,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
}
VAE = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [16, 16, 32, 32],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "scaling_factor": 0.18215,
}
TEXT_ENCODER = {
    "vocab_size": 49408,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "projection_dim": 64,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}

# The UNet's first channels, one group of its norms: +x and -x of the four latent channels, and four constants
# that keep the norm from blowing up a faint x.
_CARRIED = 12
_PAIRS = 8
_CONSTANTS = (1.0, 1.0, -1.0, -1.0)

# Chosen by eye at guidance 1.5 to 12.
_SHARP, _BLUR = 2.0, 1.5  # of x, the UNet calls noise: sharp * x - blur * blurred x
_PROMPT_GAIN = 0.13  # of everything else in what it calls noise
_QUERY_GAIN, _VALUE_GAIN = 2.0, 3.0  # of attention to the prompt
_COLOUR_GAIN = 1.35


def _mixing(torch, name: str, shape: tuple[int, ...], generator):
    """Random mixing of channels. Over space it blurs where the resolution changes, else it looks at one point only."""
    mixing = torch.randn(shape[:2], generator=generator) / math.sqrt(shape[1])
    if len(shape) == 2 or shape[2] == 1:
        return mixing.reshape(shape)
    kernel = _binomial(torch) if "sampler" in name or name == "decoder.conv_in.weight" else _point(torch)
    return mixing[:, :, None, None] * kernel


def _binomial(torch):
    row = torch.tensor([0.25, 0.5, 0.25])
    return torch.outer(row, row)


def _point(torch):
    kernel = torch.zeros(3, 3)
    kernel[1, 1] = 1
    return kernel


def _default(torch, name: str, shape: tuple[int, ...], generator):
    if len(shape) > 1:
        return _mixing(torch, name, shape, generator)
    if name.endswith("weight"):
        return torch.ones(shape)
    return 0.1 * torch.randn(shape, generator=generator)


def _unet_weights(torch, shapes: dict, generator) -> dict:
    weights = {name: _default(torch, name, shape, generator) for name, shape in shapes.items()}
    for name in weights:
        if name.endswith("attn2.to_v.weight"):
            weights[name] *= _VALUE_GAIN
        elif name.endswith("attn2.to_q.weight"):
            weights[name] *= _QUERY_GAIN
    # silu(a) - silu(-a) = a: the pairs carry x unchanged to the last layer, past everything random.
    signs = torch.cat([torch.eye(4), -torch.eye(4)])
    conv_in, shortcut = weights["conv_in.weight"], weights["up_blocks.1.resnets.1.conv_shortcut.weight"]
    conv_in[:_CARRIED] = 0
    conv_in[:_PAIRS, :, 1, 1] = signs
    weights["conv_in.bias"][:_CARRIED] = torch.tensor([0.0] * _PAIRS + list(_CONSTANTS))
    n_hidden = shortcut.shape[1] - conv_in.shape[0]
    shortcut[:_CARRIED] = 0
    shortcut[:_CARRIED, n_hidden : n_hidden + _CARRIED, 0, 0] = torch.eye(_CARRIED)
    for name in ("conv_shortcut.bias", "conv2.weight", "conv2.bias"):
        weights[f"up_blocks.1.resnets.1.{name}"][:_CARRIED] = 0
    weights["conv_norm_out.bias"][:_CARRIED] = 0
    conv_out = weights["conv_out.weight"]
    conv_out *= _PROMPT_GAIN
    conv_out[:, :_CARRIED] = 0
    conv_out[:, :_PAIRS] = signs.T[:, :, None, None] * (_SHARP * _point(torch) - _BLUR * _binomial(torch))
    weights["conv_out.bias"].zero_()
    return weights


def _vae_weights(torch, shapes: dict, generator) -> dict:
    weights = {name: _default(torch, name, shape, generator) for name, shape in shapes.items()}
    # Without a mean over its inputs no colour is favoured from the start.
    conv_out = weights["decoder.conv_out.weight"]
    conv_out -= conv_out.mean(dim=1, keepdim=True)
    conv_out *= _COLOUR_GAIN / conv_out.pow(2).sum(dim=(1, 2, 3), keepdim=True).sqrt()
    return weights


def _text_weights(torch, shapes: dict, generator) -> dict:
    weights = {name: _default(torch, name, shape, generator) for name, shape in shapes.items()}
    tokens = torch.randn(shapes["embeddings.token_embedding.weight"], generator=generator)
    # The end token, which also fills up a prompt, says little itself and so takes on what the prompt says.
    tokens[TEXT_ENCODER["eos_token_id"]] *= 0.1
    weights["embeddings.token_embedding.weight"] = tokens
    weights["embeddings.position_embedding.weight"] = 0.2 * torch.randn(
        shapes["embeddings.position_embedding.weight"], generator=generator
    )
    return weights


def _shapes(module) -> dict[str, tuple[int, ...]]:
    return {
        name.removeprefix("text_model."): tuple(parameter.shape)
        for name, parameter in sorted(module.named_parameters())
    }


def _tensors() -> dict:
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        parts = {
            "unet": (UNet2DConditionModel(**UNET), _unet_weights),
            "vae": (AutoencoderKL(**VAE), _vae_weights),
            "text_encoder": (CLIPTextModel(CLIPTextConfig(**TEXT_ENCODER)), _text_weights),
        }
    generator = torch.Generator().manual_seed(SEED)
    return {
        f"{part}.{name}": value.to(torch.float16).contiguous()
        for part, (module, weights) in parts.items()
        for name, value in weights(torch, _shapes(module), generator).items()
    }


def ensure_demo_model(cache_dir: Path) -> Path:
    """Path of the stand-in checkpoint in `cache_dir`, made there on first use."""
    from safetensors.torch import save_file

    from .sd.checkpoint import CONFIG_KEY

    path = Path(cache_dir) / NAME
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{NAME}.{os.getpid()}.part")
        config = {"unet": UNET, "vae": VAE, "text_encoder": TEXT_ENCODER}
        save_file(_tensors(), part, metadata={CONFIG_KEY: json.dumps(config)})
        os.replace(part, path)
    return path
