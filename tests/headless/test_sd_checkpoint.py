import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from headless.demo_model import CHECKPOINT
from headless.demo_training.model import CONFIG
from headless.sd.checkpoint import CONFIG_KEY, load_checkpoint
from songreel.nodes.base.errors import InputError
from songreel.nodes.diffusion.sd15 import keys
from support.demo_parts import demo_parts
from support.paths import ROOT

UNET_IN = keys.UNET_PREFIX + "input_blocks.0.0.weight"
UNET_LCM = "model.diffusion_model.time_embed.cond_proj.weight"
ATTENTION = keys.UNET_PREFIX + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


@pytest.mark.parametrize(
    "function, name, key",
    [
        (keys.unet_key, "conv_in.weight", "input_blocks.0.0.weight"),
        (keys.unet_key, "time_embedding.linear_2.bias", "time_embed.2.bias"),
        (keys.unet_key, "down_blocks.0.resnets.1.time_emb_proj.weight", "input_blocks.2.0.emb_layers.1.weight"),
        (keys.unet_key, "down_blocks.1.downsamplers.0.conv.bias", "input_blocks.6.0.op.bias"),
        (keys.unet_key, "down_blocks.2.attentions.0.proj_in.weight", "input_blocks.7.1.proj_in.weight"),
        (keys.unet_key, "mid_block.resnets.1.conv2.weight", "middle_block.2.out_layers.3.weight"),
        (keys.unet_key, "mid_block.attentions.0.norm.weight", "middle_block.1.norm.weight"),
        (keys.unet_key, "up_blocks.0.upsamplers.0.conv.weight", "output_blocks.2.1.conv.weight"),
        (keys.unet_key, "up_blocks.1.upsamplers.0.conv.weight", "output_blocks.5.2.conv.weight"),
        (keys.unet_key, "up_blocks.3.resnets.2.conv_shortcut.bias", "output_blocks.11.0.skip_connection.bias"),
        (keys.unet_key, "conv_norm_out.weight", "out.0.weight"),
        (
            keys.vae_key,
            "encoder.down_blocks.1.resnets.0.conv_shortcut.bias",
            "encoder.down.1.block.0.nin_shortcut.bias",
        ),
        (keys.vae_key, "encoder.down_blocks.2.downsamplers.0.conv.bias", "encoder.down.2.downsample.conv.bias"),
        (keys.vae_key, "decoder.up_blocks.0.upsamplers.0.conv.bias", "decoder.up.3.upsample.conv.bias"),
        (keys.vae_key, "decoder.mid_block.attentions.0.to_out.0.weight", "decoder.mid.attn_1.proj_out.weight"),
        (keys.vae_key, "decoder.mid_block.resnets.1.norm1.bias", "decoder.mid.block_2.norm1.bias"),
        (keys.vae_key, "post_quant_conv.weight", "post_quant_conv.weight"),
        (keys.text_key, "final_layer_norm.weight", "final_layer_norm.weight"),
        (keys.text_key, "text_model.final_layer_norm.weight", "final_layer_norm.weight"),
    ],
)
def test_key_names(function, name, key):
    prefix = {keys.unet_key: keys.UNET_PREFIX, keys.vae_key: keys.VAE_PREFIX, keys.text_key: keys.TEXT_PREFIX}
    assert function(name) == prefix[function] + key


def test_the_configs_give_sd15s_686_248_and_196_weights():
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    folder = ROOT / "nodes" / "diffusion" / "sd15" / "configs"
    configs = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    with torch.device("meta"):
        modules = [
            (UNet2DConditionModel(**configs["unet"]), keys.unet_key, 686, 859_520_964),
            (AutoencoderKL(**configs["vae"]), keys.vae_key, 248, 83_653_863),
            (CLIPTextModel(CLIPTextConfig(**configs["text_encoder"])), keys.text_key, 196, 123_060_480),
        ]
    for module, key_of, n_keys, n_weights in modules:
        assert len({key_of(name) for name, _ in module.named_parameters()}) == n_keys
        assert sum(parameter.numel() for parameter in module.parameters()) == n_weights


def test_the_demo_model_loads():
    model, clip, vae = demo_parts()
    assert model.latent_channels == 4 and model.text_width == 64
    assert {part.weights.dtype for part in (model, clip, vae)} == {torch.float32}
    assert not any(tensor.is_meta for part in (model, clip, vae) for tensor in part.weights.module.buffers())
    assert not any(p.requires_grad for p in model.weights.module.parameters())


def test_dtype():
    model, clip, vae = load_checkpoint(CHECKPOINT, device="cpu", dtype=torch.bfloat16)
    assert [part.weights.dtype for part in (model, clip, vae)] == [torch.bfloat16, torch.bfloat16, torch.float32]


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ({"unet.a": torch.float16, "unet.b": torch.float16, "vae.c": torch.float32}, torch.float16),
        ({"model.diffusion_model.a": torch.bfloat16, "cond_stage_model.b": torch.float16}, torch.bfloat16),
        # One weight in more bits would lose some.
        ({"unet.a": torch.float16, "unet.b": torch.float32}, torch.float32),
        ({"vae.c": torch.float16}, torch.float32),
    ],
)
def test_what_the_unet_is_stored_in(tmp_path, dtypes, expected):
    from songreel.nodes.diffusion.sd15.checkpoint import CheckpointFile

    save_file({name: torch.zeros(2, dtype=dtype) for name, dtype in dtypes.items()}, tmp_path / "x.safetensors")
    assert CheckpointFile(tmp_path / "x.safetensors").unet_dtype() == expected


def _saved(path: Path, shapes: dict, metadata=None) -> Path:
    save_file({key: torch.zeros(shape, dtype=torch.float16) for key, shape in shapes.items()}, path, metadata)
    return path


def _broken(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


CASES = {
    "missing": (lambda p: p, "no file 'x.safetensors'"),
    "empty": (lambda p: _broken(p, b""), "not a complete .safetensors"),
    "text": (lambda p: _broken(p, b"<html>not found</html>" * 9), "not a complete .safetensors"),
    "truncated": (lambda p: _broken(p, _saved(p, {UNET_IN: (320, 4, 3, 3)}).read_bytes()[:-9]), "download it again"),
    "zip pickle": (lambda p: _broken(p, b"PK\x03\x04" + b"0" * 99), "convert it to .safetensors"),
    "old pickle": (lambda p: _broken(p, b"\x80\x02" + b"0" * 99), "convert it to .safetensors"),
    "git lfs": (lambda p: _broken(p, b"version https://git-lfs"), "Git LFS"),
    "LCM": (lambda p: _saved(p, {UNET_IN: (320, 4, 3, 3), UNET_LCM: (320, 256)}), "it is an LCM checkpoint"),
    "LCM in diffusers' names": (
        lambda p: _saved(p, {UNET_IN: (320, 4, 3, 3), "unet.time_embedding.cond_proj.weight": (1,)}),
        "LCM",
    ),
    "v-prediction by key": (
        lambda p: _saved(p, {UNET_IN: (320, 4, 3, 3), "v_pred": (1,)}),
        "it predicts v and not noise",
    ),
    "v-prediction by metadata": (
        lambda p: _saved(p, {UNET_IN: (320, 4, 3, 3)}, {"modelspec.prediction_type": "v"}),
        "predicts v",
    ),
    "v-prediction, long": (
        lambda p: _saved(p, {UNET_IN: (320, 4, 3, 3)}, {"modelspec.prediction_type": "v_prediction"}),
        "v and",
    ),
    "lora": (lambda p: _saved(p, {"lora_unet_conv_in.lora_down.weight": (4, 4)}), "it is a LoRA"),
    "peft lora": (lambda p: _saved(p, {"base_model.model.conv_in.lora_A.weight": (4, 4)}), "it is a LoRA"),
    "sdxl": (lambda p: _saved(p, {"conditioner.embedders.0.x": (1,), UNET_IN: (320, 4, 3, 3)}), "SDXL"),
    "sd2": (lambda p: _saved(p, {UNET_IN: (320, 4, 3, 3), ATTENTION: (320, 1024)}), "SD2"),
    "inpainting": (lambda p: _saved(p, {UNET_IN: (320, 9, 3, 3), ATTENTION: (320, 768)}), "9 channels"),
    "vae only": (lambda p: _saved(p, {"decoder.conv_in.bias": (4,)}), "no SD1.5 UNet.*decoder.conv_in.bias"),
    "nothing": (lambda p: _saved(p, {}), "no SD1.5 UNet"),
    "missing keys": (lambda p: _saved(p, {UNET_IN: (320, 4, 3, 3)}), "lacks 'model.diffusion_model.input_blocks"),
    "wrong shape": (lambda p: _saved(p, {UNET_IN: (64, 4, 3, 3)}), r"\(64, 4, 3, 3\) where SD1.5 has \(320, 4, 3, 3\)"),
    "bad config": (lambda p: _saved(p, {"a": (1,)}, {CONFIG_KEY: "{"}), "metadata"),
    "odd config": (
        lambda p: _saved(
            p, {"a": (1,)}, {CONFIG_KEY: json.dumps({"unet": {"sample": 1}, "vae": {}, "text_encoder": {}})}
        ),
        "unet",
    ),
    "own form without weights": (
        lambda p: _saved(p, {"a": (1,)}, {CONFIG_KEY: json.dumps(CONFIG)}),
        "unet lacks 'unet.conv_in.weight'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_loaded_is_refused_in_one_sentence(tmp_path, case):
    make, message = CASES[case]
    with pytest.raises(InputError, match=message) as caught:
        load_checkpoint(make(tmp_path / "x.safetensors"))
    text = str(caught.value)
    assert str(tmp_path) not in text and "\n" not in text and text.endswith(".")
