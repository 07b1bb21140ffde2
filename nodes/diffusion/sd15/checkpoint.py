"""Reads SD1.5's modules from one .safetensors file, without a model hub.

Two forms are read: the usual single-file checkpoint (float16, bfloat16 or float32), and a file that
carries its own configuration in its metadata under `CONFIG_KEY`, whose tensors are named `unet.*`,
`vae.*` and `text_encoder.*` by module.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.errors import InputError
from . import keys

if TYPE_CHECKING:
    import torch

CONFIG_KEY = "songreel.config"
_CONFIGS = Path(__file__).with_name("configs")
_ATTENTION_KEY = keys.UNET_PREFIX + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_LORA_ENDS = (".lora_down.weight", ".lora_A.weight", ".lora.down.weight", ".lora_linear_layer.down.weight")
_PICKLE = "it is a pickle file, which can run code when it is opened; convert it to .safetensors"


def _dtypes() -> dict[str, torch.dtype]:
    import torch

    return {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}


class CheckpointFile:
    """An open .safetensors file. Errors name the file, never its folder."""

    def __init__(self, path: Path):
        from safetensors import SafetensorError, safe_open

        self.name = path.name
        if not path.is_file():
            raise InputError(f"There is no file '{path.name}'; put the checkpoint there or pick another.")
        with path.open("rb") as file:
            start = file.read(16)
        if start.startswith(b"PK\x03\x04") or start[:2] in (b"\x80\x02", b"\x80\x04"):
            raise self.error(_PICKLE)
        if start.startswith(b"version https://"):
            raise self.error("it is a Git LFS pointer, not the file itself; download the real file")
        try:
            self._file = safe_open(path, framework="pt")
        except (SafetensorError, ValueError, OSError) as error:
            reason = str(error).rstrip(".").splitlines()[0] if str(error) else type(error).__name__
            raise self.error(f"it is not a complete .safetensors file ({reason}); download it again") from None
        self.keys = frozenset(self._file.keys())
        self._path = path
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            self._header = json.loads(file.read(length))
        self._start = 8 + length

    def error(self, problem: str) -> InputError:
        return InputError(f"'{self.name}' cannot be loaded as an SD1.5 checkpoint: {problem}.")

    def metadata(self) -> dict[str, str]:
        return self._file.metadata() or {}

    def shape(self, key: str) -> tuple[int, ...]:
        return tuple(self._file.get_slice(key).get_shape())

    def weights(self) -> int:
        """How many weights there are in the file."""
        return sum(math.prod(self.shape(key)) for key in self.keys)

    def unet_dtype(self) -> torch.dtype:
        """What the UNet's weights are stored in, all of them: float16 or bfloat16; else float32."""
        import torch

        names = {self._header[key]["dtype"] for key in self.keys if key.startswith((keys.UNET_PREFIX, "unet."))}
        return _dtypes().get(names.pop(), torch.float32) if len(names) == 1 else torch.float32

    def tensor(self, key: str) -> torch.Tensor:
        """A tensor, read and not mapped: mapped pages are memory of this process until the file is closed."""
        import torch

        entry = self._header[key]
        dtype = _dtypes().get(entry["dtype"])
        begin, end = entry["data_offsets"]
        if dtype is None or begin == end:
            return self._file.get_tensor(key)
        data = bytearray(end - begin)
        with self._path.open("rb") as file:
            file.seek(self._start + begin)
            file.readinto(data)
        return torch.frombuffer(data, dtype=dtype).view(entry["shape"])


@dataclass(frozen=True)
class _Part:
    """One module: what builds it, and where its parameters are in the file."""

    name: str
    build: Callable[[dict], Any]
    key_of: Callable[[str], str]


def _unet(config: dict) -> torch.nn.Module:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**config)


def _vae(config: dict) -> torch.nn.Module:
    from diffusers import AutoencoderKL

    return AutoencoderKL(**config)


def _text_encoder(config: dict) -> torch.nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(CLIPTextConfig(**config))


_PARTS = (
    _Part("unet", _unet, keys.unet_key),
    _Part("text_encoder", _text_encoder, keys.text_key),
    _Part("vae", _vae, keys.vae_key),
)


def _own_key(part: str) -> Callable[[str], str]:
    # transformers 5 dropped the prefix `text_model.` from CLIPTextModel's names; files are written without it.
    return lambda name: f"{part}.{name.removeprefix('text_model.')}"


def _check_kind(file: CheckpointFile) -> None:
    """Raises InputError for the files that people mistake for an SD1.5 checkpoint."""
    if any(key.endswith(_LORA_ENDS) for key in file.keys):
        raise file.error("it is a LoRA; load it with a LoRA loader, on top of an SD1.5 checkpoint")
    if any(key.startswith("conditioner.embedders.") for key in file.keys):
        raise file.error("it is an SDXL checkpoint; use an SD1.5 one")
    if _ATTENTION_KEY in file.keys:
        width = file.shape(_ATTENTION_KEY)[1]
        if width != 768:
            kind = {1024: "SD2", 2048: "SDXL"}.get(width, "different")
            raise file.error(f"it is a {kind} checkpoint (text {width} wide, SD1.5 has 768); use an SD1.5 one")
    channels = file.shape(key)[1] if (key := keys.UNET_PREFIX + "input_blocks.0.0.weight") in file.keys else 4
    if channels != 4:
        raise file.error(f"its UNet takes {channels} channels, as inpainting models do; use one that takes 4")
    guided = [key for key in file.keys if key.endswith(("time_embed_condition.weight", ".cond_proj.weight"))]
    if guided:
        raise file.error(f"it is an LCM checkpoint ('{guided[0]}'), sampled in another way; use an ordinary SD1.5 one")
    kind = str(file.metadata().get("modelspec.prediction_type", "")).lower()
    if "v_pred" in file.keys or kind in ("v", "v_prediction", "v-prediction"):
        raise file.error("it predicts v and not noise, as SD2 and some fine-tunes do; use an ordinary SD1.5 one")
    if not any(key.startswith(keys.UNET_PREFIX) for key in file.keys):
        found = f", its first key is '{min(file.keys)}'" if file.keys else ", it is empty"
        raise file.error(f"it has no SD1.5 UNet ('{keys.UNET_PREFIX}...'){found}; pick a full SD1.5 checkpoint")


def _configs(file: CheckpointFile) -> dict[str, dict] | None:
    """The configuration in the file's metadata, if it has one."""
    text = file.metadata().get(CONFIG_KEY)
    if text is None:
        return None
    try:
        config = json.loads(text)
        return {part.name: dict(config[part.name]) for part in _PARTS}
    except (ValueError, TypeError, KeyError) as error:
        raise file.error(f"its metadata '{CONFIG_KEY}' is not valid ({error}); make the file again") from None


def _load_part(
    file: CheckpointFile,
    part: _Part,
    config: dict,
    key_of: Callable[[str], str],
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> torch.nn.Module:
    import torch

    try:
        with torch.device("meta"):
            module = part.build(config)
    except (TypeError, ValueError) as error:
        raise file.error(f"its {part.name} configuration is not valid ({error}); make the file again") from None
    tensors = {}
    for name, parameter in module.named_parameters():
        key = key_of(name)
        if key not in file.keys:
            # Some old checkpoints lack this level of the text encoder's names.
            short = key.replace("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer.")
            if short not in file.keys:
                raise file.error(f"its {part.name} lacks '{key}'; pick a full SD1.5 checkpoint")
            key = short
        value = file.tensor(key)
        if not value.is_floating_point() or value.element_size() == 1:
            raise file.error(f"'{key}' is stored as {value.dtype}; use a float16, bfloat16 or float32 file")
        # Attention of the autoencoder is stored as 1x1 convolutions.
        if value.shape != parameter.shape and value.squeeze().shape != parameter.squeeze().shape:
            raise file.error(
                f"'{key}' has the shape {tuple(value.shape)} where SD1.5 has {tuple(parameter.shape)}; use an SD1.5 one"
            )
        tensors[name] = value.reshape(parameter.shape).to(device, dtype, copy=True)
    module.load_state_dict(tensors, strict=False, assign=True)
    for owner in module.modules():
        for name, buffer in owner.named_buffers(recurse=False):
            if buffer.is_meta and name == "position_ids":
                owner.register_buffer(name, torch.arange(buffer.shape[-1], device=device)[None], persistent=False)
    return module.requires_grad_(False).eval()


def load_part(
    file: CheckpointFile, name: str, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> torch.nn.Module:
    """One module of a checkpoint, in evaluation mode and without gradients.

    Parameters
    ----------
    name : str
        "unet" (diffusers' UNet2DConditionModel), "text_encoder" (transformers' CLIPTextModel) or "vae"
        (diffusers' AutoencoderKL).
    dtype : torch.dtype, optional
        float32 when absent.

    Raises
    ------
    InputError
        When the file is damaged or no SD1.5 checkpoint.
    """
    import torch

    configs = _configs(file)
    part = next(part for part in _PARTS if part.name == name)
    if configs is None:
        _check_kind(file)
        config, key_of = json.loads((_CONFIGS / f"{name}.json").read_text("utf-8")), part.key_of
    else:
        config, key_of = configs[name], _own_key(name)
    # Nodes run in inference mode; weights made there could not be trained on later.
    with torch.inference_mode(False):
        return _load_part(file, part, config, key_of, device=torch.device(device), dtype=dtype or torch.float32)
