"""The demo model's three parts, SD1.5's form in small, and the file that they are packed into."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from ..sd.checkpoint import CONFIG_KEY

CHANNELS = (32, 80, 144)
TEXT_WIDTH = 64
SCALING = 0.18215  # of latents, as in SD1.5; `whiten` makes it true

CONFIG = {
    "unet": {
        "sample_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "block_out_channels": list(CHANNELS),
        "layers_per_block": 1,
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": 4,
        "norm_num_groups": 16,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
    },
    "vae": {
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 4,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "block_out_channels": [16, 32, 64, 64],
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "scaling_factor": SCALING,
        "mid_block_add_attention": False,
    },
    "text_encoder": {
        "vocab_size": 49408,
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 4 * TEXT_WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
        "hidden_act": "quick_gelu",
        "projection_dim": TEXT_WIDTH,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": 49407,
    },
}


def build_autoencoder() -> AutoencoderKL:
    """With a posterior that starts narrow: at deviation 1 its noise would drown colours, which then are learnt late."""
    autoencoder = AutoencoderKL(**CONFIG["vae"])
    with torch.no_grad():
        autoencoder.quant_conv.bias[4:] = -5.0
    return autoencoder


class PromptedUNet(torch.nn.Module):
    """UNet and text encoder, trained together."""

    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(**CONFIG["unet"])
        self.text = CLIPTextModel(CLIPTextConfig(**CONFIG["text_encoder"]))
        for name, parameter in self.text.named_parameters():
            if name.endswith("token_embedding.weight"):
                # Words that are never trained stay near nothing, so that an unknown word says nothing.
                torch.nn.init.normal_(parameter, std=0.005)

    def forward(self, noisy: torch.Tensor, steps: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """The noise in noisy latents.

        Parameters
        ----------
        noisy : Tensor
            (B, 4, h, w).
        steps : Tensor
            Training timesteps int64 (B,).
        tokens : Tensor
            Of the prompts, int64 (B, 77).

        Returns
        -------
        Tensor
            (B, 4, h, w).
        """
        said = self.text(input_ids=tokens).last_hidden_state
        return self.unet(noisy, steps, said).sample


@torch.no_grad()
def whiten(autoencoder: AutoencoderKL, mean: torch.Tensor, std: torch.Tensor) -> None:
    """Fold the latents' mean and deviation (4,) into the 1x1 convolutions around them, in place.

    Afterwards latents times `SCALING` have mean 0 and deviation 1 per channel, and pictures are what they were.
    """
    gain = 1 / (std * SCALING)
    into, out = autoencoder.quant_conv, autoencoder.post_quant_conv
    into.weight[:4] *= gain[:, None, None, None]
    into.bias[:4] = (into.bias[:4] - mean) * gain
    into.bias[4:] += 2 * gain.log()
    out.bias += (out.weight[:, :, 0, 0] * mean).sum(dim=1)
    out.weight /= gain[None, :, None, None]


def pack_model(path: Path, denoiser: PromptedUNet, autoencoder: AutoencoderKL, about: dict[str, str]) -> None:
    """Write the three parts as one float16 .safetensors that the headless host loads; whole or not at all.

    Parameters
    ----------
    path : Path
        The new file.
    denoiser : PromptedUNet
        UNet and text encoder.
    autoencoder : AutoencoderKL
        After `whiten`.
    about : dict
        Texts for the file's metadata.
    """
    from safetensors.torch import save_file

    parts = {"unet": denoiser.unet, "vae": autoencoder, "text_encoder": denoiser.text}
    tensors = {
        f"{part}.{name.removeprefix('text_model.')}": value.detach().to(torch.float16).contiguous()
        for part, module in parts.items()
        for name, value in module.named_parameters()
    }
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    save_file(tensors, part, metadata={CONFIG_KEY: json.dumps(CONFIG), **about})
    os.replace(part, path)
