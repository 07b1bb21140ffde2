"""The trained layers: peft's LoRA on diffusers' UNet and on the text encoder, and kohya's names for their tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.errors import InputError
from .settings import ATTENTION, TrainSettings

if TYPE_CHECKING:
    import torch

_ATTENTION = r".*\.(to_q|to_k|to_v|to_out\.0)"
_EVERY = (
    r"(down_blocks|mid_block|up_blocks)\..*\.(to_q|to_k|to_v|to_out\.0|proj_in|proj_out|ff\.net\.0\.proj|ff\.net\.2"
    r"|conv1|conv2|conv_shortcut|time_emb_proj|conv)"
)
_TEXT = r".*self_attn\.(q_proj|k_proj|v_proj|out_proj)"
PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te_"}


def target_of(part: str, layers: str) -> str:
    """Which modules of a part learn: a regular expression that their whole name matches."""
    return _TEXT if part == "text_encoder" else (_ATTENTION if layers == ATTENTION else _EVERY)


def add_adapter(module: torch.nn.Module, part: str, settings: TrainSettings) -> list[torch.nn.Parameter]:
    """Give a module's layers low-rank changes (Hu et al. 2021), zero at the start; return their float32 parameters.

    part: "unet" or "text_encoder".
    Raises InputError when peft is not installed.
    """
    import torch

    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise InputError("LoRAs are trained with the library peft; install it: pip install peft") from None
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=target_of(part, settings.layers),
    )
    module.requires_grad_(False)
    inject_adapter_in_model(config, module)
    parameters = trained(module)
    generator = torch.Generator().manual_seed(settings.seed)
    for name, parameter in parameters.items():
        parameter.data = parameter.data.float()
        if "lora_A" in name:
            # peft's own start (Kaiming uniform, a = sqrt 5), from our generator.
            bound = parameter[0].numel() ** -0.5
            start = torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator)
            parameter.data = start.to(parameter.device)
        parameter.requires_grad_(True)
    return list(parameters.values())


def trained(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The adapter's parameters by name."""
    return {
        name: parameter for name, parameter in module.named_parameters() if ".lora_A." in name or ".lora_B." in name
    }


def kohya_tensors(part: str, weights: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """Adapter weights by peft's names -> tensors by kohya's, on the CPU, with one alpha per layer."""
    import torch

    tensors = {}
    for name, value in weights.items():
        layer, _, rest = name.partition(".lora_")
        path = layer if part == "unet" else "text_model." + layer.removeprefix("text_model.")
        key = PREFIXES[part] + path.replace(".", "_")
        end = "lora_down" if rest.startswith("A.") else "lora_up"
        tensors[f"{key}.{end}.weight"] = value.detach().float().cpu().contiguous().clone()
        tensors[f"{key}.alpha"] = torch.tensor(float(alpha))
    return tensors
