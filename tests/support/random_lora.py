"""Synthetic LoRAs in kohya's names."""

from __future__ import annotations


def random_lora(model, clip, *, rank: int = 4, seed: int = 0, scale: float = 0.5, alpha: float = 2.0) -> dict:
    """A LoRA for every linear and convolution of a MODEL and a CLIP (either may be None), as tensors by name."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for part, prefix in ((model, "lora_unet_"), (clip, "lora_te_text_model_")):
        if part is None:
            continue
        for name, layer in part.weights.module.named_modules():
            if not isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
                continue
            out, into, *kernel = layer.weight.shape
            fan_in = layer.weight[0].numel()
            key = prefix + name.removeprefix("text_model.").replace(".", "_")
            down = torch.randn(rank, into, *kernel, generator=generator) / fan_in**0.5
            up = torch.randn(out, rank, *[1] * len(kernel), generator=generator) * scale / rank**0.5
            tensors |= {
                f"{key}.lora_down.weight": down,
                f"{key}.lora_up.weight": up,
                f"{key}.alpha": torch.tensor(alpha),
            }
    return tensors
