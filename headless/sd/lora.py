"""LoRAs for the UNet and the text encoder, in kohya's names or in diffusers' and peft's."""

from __future__ import annotations

import logging
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .parts import Clip, LoraLayer, Model, Patch

if TYPE_CHECKING:
    import torch

from songreel.nodes.base.errors import InputError
from songreel.nodes.diffusion.sd15 import keys
from songreel.nodes.host.digest import Digest as _Digest

log = logging.getLogger(__name__)

_UP_ENDS = {
    ".lora_down.weight": ".lora_up.weight",
    ".lora_A.weight": ".lora_B.weight",
    ".lora_A.default.weight": ".lora_B.default.weight",
    ".lora.down.weight": ".lora.up.weight",
    ".lora_linear_layer.down.weight": ".lora_linear_layer.up.weight",
}
_OTHER_KINDS = {"hada_w1_a": "LoHa", "lokr_w1": "LoKr", "lokr_w1_a": "LoKr", "dora_scale": "DoRA", "oft_blocks": "OFT"}
_OTHER_ENDS = {
    ".diff": "change of full weights (.diff)", ".diff_b": "change of full weights (.diff_b)",
    ".set_weight": "change of full weights (.set_weight)", ".a1.weight": "GLoRA", ".on_input": "IA3",
    ".reshape_weight": "LoRA with reshaped weights",
}  # fmt: skip
_PEFT = "base_model.model."
# diffusers to 0.20 named layers after attention processors: attn1.processor.to_q_lora.up, self_attn.to_q_lora.up.
_PROCESSOR = re.compile(r"(.*)\.processor\.to_(q|k|v|out)_lora\.(up|down)\.weight")
_OLD_TEXT = re.compile(r"(.*self_attn)\.to_(q|k|v|out)_lora\.(up|down)\.weight")
_OF_IMAGES = ("lora_unet_", "unet.", "diffusion_model.", "transformer.", "lora_transformer_", "lora_prior_", "model.")


def _layers(module: torch.nn.Module) -> list[str]:
    import torch

    return [name for name, part in module.named_modules() if isinstance(part, (torch.nn.Linear, torch.nn.Conv2d))]


def unet_names(module: torch.nn.Module) -> dict[str, str]:
    """Every name a LoRA file may give a layer of the UNet -> its parameter."""
    names = {}
    for layer in _layers(module):
        single = keys.unet_key(layer + ".").removeprefix(keys.UNET_PREFIX).removesuffix(".")
        for path in (layer, single):
            names["lora_unet_" + path.replace(".", "_")] = f"{layer}.weight"
        for prefix in ("unet.", "diffusion_model.", ""):
            names[prefix + layer] = f"{layer}.weight"
        names["diffusion_model." + single] = f"{layer}.weight"
    return names


def text_names(module: torch.nn.Module) -> dict[str, str]:
    """Every name a LoRA file may give a layer of the text encoder -> its parameter."""
    names = {}
    for layer in _layers(module):
        path = "text_model." + layer.removeprefix("text_model.")
        for prefix in ("lora_te_", "lora_te1_"):
            names[prefix + path.replace(".", "_")] = f"{layer}.weight"
        for prefix in ("text_encoder.", ""):
            names[prefix + path] = f"{layer}.weight"
    return names


def read_lora(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a LoRA file by name.

    Raises
    ------
    InputError
        When it is missing, damaged or a pickle.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = Path(file)
    if not file.is_file():
        raise InputError(f"There is no LoRA '{file.name}'; put the file there or pick another.")
    with file.open("rb") as stream:
        if stream.read(2) in (b"PK", b"\x80\x02", b"\x80\x04"):
            raise InputError(
                f"The LoRA '{file.name}' is a pickle file, which can run code; convert it to .safetensors."
            )
    try:
        return load_file(file)
    except (SafetensorError, ValueError, OSError) as error:
        raise InputError(
            f"The LoRA '{file.name}' is not a complete .safetensors file ({error}); download it again."
        ) from None


def _plain_name(key: str) -> str:
    """A key in today's names where it is in diffusers' old ones."""
    if match := _PROCESSOR.fullmatch(key):
        part, letter, half = match.groups()
        return f"{part}.to_{letter}{'.0' if letter == 'out' else ''}.lora_{half}.weight"
    if match := _OLD_TEXT.fullmatch(key):
        part, letter, half = match.groups()
        return f"{part}.{letter}_proj.lora_{half}.weight"
    return key


def _check_kind(tensors: dict[str, torch.Tensor], name: str) -> None:
    """Raises InputError for what is no plain LoRA, by its name, and for weights that are no numbers."""
    import torch

    for key, value in tensors.items():
        kind = _OTHER_KINDS.get(key.rpartition(".")[2])
        kind = kind or ("DoRA" if "lora_magnitude_vector" in key else None)
        kind = kind or next((kind for end, kind in _OTHER_ENDS.items() if key.endswith(end)), None)
        if kind:
            raise InputError(
                f"The LoRA '{name}' is a {kind} ('{key}'), which this host cannot apply; use a plain LoRA."
            )
        if value.is_floating_point() and not torch.isfinite(value.float()).all():
            raise InputError(
                f"The LoRA '{name}' has weights that are NaN or infinite ('{key}'), as a failed training leaves "
                "them; use an earlier file of that training."
            )


def _check_model(layers: dict[str, LoraLayer], on_model: dict[str, LoraLayer], name: str) -> None:
    """Raises InputError where most layers for images belong to another model than SD1.5."""
    of_images = [target for target in layers if target.startswith(_OF_IMAGES) and not target.startswith("text_model.")]
    second = [target for target in layers if target.startswith("lora_te2_")]
    foreign = len(of_images) > 2 * len(on_model)
    if foreign or second:
        target = second[0] if second else of_images[0]
        raise InputError(
            f"The LoRA '{name}' is made for another model than SD1.5 ({len(on_model)} of its {len(of_images)} layers "
            f"for images fit; it has '{target}'); use a LoRA made for SD1.5."
        )


def _split(tensors: dict[str, torch.Tensor], name: str) -> tuple[dict[str, LoraLayer], set[str]]:
    """The layers of a LoRA by the name of what they change, and the keys that they use."""
    layers, used = {}, set()
    for key, down in tensors.items():
        end = next((end for end in _UP_ENDS if key.endswith(end)), None)
        if end is None:
            continue
        target = key.removesuffix(end)
        up_key, alpha_key, mid_key = target + _UP_ENDS[end], target + ".alpha", target + ".lora_mid.weight"
        if up_key not in tensors:
            raise InputError(f"The LoRA '{name}' has '{key}' without '{up_key}'; use an intact file.")
        target = target.removeprefix(_PEFT)
        rank = down.shape[0]
        scale = float(tensors[alpha_key]) / rank if alpha_key in tensors else 1.0
        layers[target] = LoraLayer(tensors[up_key], down, tensors.get(mid_key), scale)
        used |= {key, up_key, alpha_key, mid_key} & set(tensors)
    return layers, used


def _fit(layers: dict[str, LoraLayer], names: dict[str, str], part: Model | Clip, name: str) -> dict[str, LoraLayer]:
    """The layers that belong to a part, by parameter. Raises InputError when one has the wrong shape."""
    parameters = dict(part.weights.module.named_parameters())
    fitting = {}
    for target, layer in layers.items():
        if target not in names:
            continue
        shape = tuple(parameters[names[target]].shape)
        ends = (layer.up.shape[0], layer.down.shape[1])
        kernel = (layer.down if layer.mid is None else layer.mid)[0, 0].numel()
        if ends != shape[:2] or kernel != math.prod(shape[2:]):
            raise InputError(
                f"The LoRA '{name}' does not fit this checkpoint: '{target}' changes {ends[0]}x{ends[1]} "
                f"where the model has {shape[0]}x{shape[1]}; use a LoRA made for SD1.5."
            )
        fitting[names[target]] = layer
    return fitting


def apply_lora(
    model: Model | None,
    clip: Clip | None,
    file: Path | dict[str, torch.Tensor],
    strength_model: float,
    strength_clip: float,
) -> tuple[Model | None, Clip | None]:
    """(model, clip) with a LoRA on top of what they carry; what was passed stays as it was.

    Parameters
    ----------
    model, clip : either may be None when only the other is wanted.
    file : Path or dict
        A .safetensors file, or its tensors by name.
    strength_model, strength_clip : float
        Factors of its change; 0 leaves that part alone.

    Raises
    ------
    InputError
        When the file cannot be read, is of a kind other than LoRA, or changes nothing in this checkpoint.
    """
    if isinstance(file, dict):
        tensors, name = file, "given"
    else:
        tensors, name = read_lora(file), Path(file).name
    _check_kind(tensors, name)
    tensors = {_plain_name(key): value for key, value in tensors.items()}
    layers, used = _split(tensors, name)
    if not layers:
        raise InputError(f"'{name}' holds no LoRA: none of its {len(tensors)} keys ends in '.lora_down.weight'.")
    on_model = _fit(layers, unet_names(model.weights.module), model, name) if model else {}
    on_clip = _fit(layers, text_names(clip.weights.module), clip, name) if clip else {}
    matched = len(on_model) + len(on_clip)
    if model and (matched or not on_clip):
        _check_model(layers, on_model, name)
    if matched == 0:
        raise InputError(
            f"The LoRA '{name}' changes nothing in this checkpoint: no layer is called '{min(layers)}'; "
            "use a LoRA made for SD1.5."
        )
    # With one part only, the layers of the other are left out on purpose.
    homeless = len(layers) - matched if model and clip else 0
    unread = len(tensors) - len(used)
    if homeless or unread:
        log.warning("LoRA '%s': %d layers and %d other keys do not fit this checkpoint.", name, homeless, unread)
    digest = _Digest()
    digest.add(tensors)
    if model is not None and on_model and strength_model:
        model = model.patched(Patch(on_model, float(strength_model), digest.hex()))
    if clip is not None and on_clip and strength_clip:
        clip = clip.patched(Patch(on_clip, float(strength_clip), digest.hex()))
    return model, clip
