"""Names of SD1.5's weights: from diffusers' and transformers' modules to the keys of a single-file checkpoint."""

from __future__ import annotations

import re

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
TEXT_PREFIX = "cond_stage_model.transformer.text_model."

_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}


def _renamed(path: str, names: dict[str, str]) -> str:
    """`path` with a leading module name of `names` replaced."""
    for name, other in names.items():
        if path == name or path.startswith(name + "."):
            return other + path[len(name) :]
    return path


def _unet_block(kind: str, block: int, part: str, index: int) -> str:
    if kind == "down":
        number = 3 * (block + 1) if part == "downsamplers" else 1 + 3 * block + index
        place = {"resnets": "0", "attentions": "1", "downsamplers": "0"}[part]
        return f"input_blocks.{number}.{place}"
    # The first up block has no attention, so its upsampler comes one place earlier.
    place = {"resnets": "0", "attentions": "1", "upsamplers": "1" if block == 0 else "2"}[part]
    return f"output_blocks.{3 * block + (2 if part == 'upsamplers' else index)}.{place}"


def unet_key(name: str) -> str:
    """Checkpoint key of a parameter of diffusers' UNet2DConditionModel."""
    match = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", name)
    if match:
        kind, block, part, index, rest = match.groups()
        if part == "resnets":
            rest = _renamed(rest, _UNET_RESNET)
        elif part == "downsamplers":
            rest = _renamed(rest, {"conv": "op"})
        return f"{UNET_PREFIX}{_unet_block(kind, int(block), part, int(index))}.{rest}"
    match = re.fullmatch(r"(mid_block\.resnets\.\d)\.(.+)", name)
    if match:
        return f"{UNET_PREFIX}{_UNET_ENDS[match[1]]}.{_renamed(match[2], _UNET_RESNET)}"
    return UNET_PREFIX + _renamed(name, _UNET_ENDS)


def vae_key(name: str, *, n_blocks: int = 4) -> str:
    """Checkpoint key of a parameter of diffusers' AutoencoderKL."""
    half, _, rest = name.partition(".")
    if half not in ("encoder", "decoder"):
        return VAE_PREFIX + name
    match = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", rest)
    if match:
        kind, block, part, index, tail = match.groups()
        # The autoencoder of the checkpoint counts its upward blocks from the finest.
        number = int(block) if kind == "down" else n_blocks - 1 - int(block)
        place = f"block.{index}" if part == "resnets" else f"{kind}sample"
        rest = f"{kind}.{number}.{place}.{_renamed(tail, {'conv_shortcut': 'nin_shortcut'})}"
    elif rest.startswith("mid_block.attentions.0."):
        rest = "mid.attn_1." + _renamed(rest.removeprefix("mid_block.attentions.0."), _VAE_ATTENTION)
    elif rest.startswith("mid_block.resnets."):
        index, _, tail = rest.removeprefix("mid_block.resnets.").partition(".")
        rest = f"mid.block_{int(index) + 1}.{tail}"
    else:
        rest = _renamed(rest, {"conv_norm_out": "norm_out"})
    return f"{VAE_PREFIX}{half}.{rest}"


def text_key(name: str) -> str:
    """Checkpoint key of a parameter of CLIPTextModel (transformers 4 writes `text_model.` before it, 5 does not)."""
    return TEXT_PREFIX + name.removeprefix("text_model.")
