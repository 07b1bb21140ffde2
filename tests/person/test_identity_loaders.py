"""A file as our trainer writes it, in ComfyUI's LoraLoader, in diffusers' loader and in the headless host.

On a thin SD1.5 with random weights, in float32 on the CPU. What a LoRA does is judged by the change it makes:
|a - b| / |change|. `pytest --log-cli-level=INFO` shows every figure.
"""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from songreel.nodes.person.identity import adapter
from songreel.nodes.person.identity import lora as lora_module
from songreel.nodes.person.identity import settings as settings_module
from support.comfyui import find_comfyuis
from support.paths import SUPPORT
from support.random_sd15 import configs_of, thin_sd15, thin_widths

log = logging.getLogger(__name__)

STRENGTH, RANK, TOLERANCE = 0.7, 4, 1e-5
PROMPT = "photo of zuva person, smiling"
# Layers of the UNet and of the text encoder that a file holds: three tensors each.
# The thin SD1.5 has two layers less than SD1.5: its blocks of one width need no shortcut.
COUNTS = {"attention": (128, 0), "all": (276, 48)}


def shapes(text_encoder: bool) -> dict[str, torch.nn.Module]:
    """The thin SD1.5's modules without weights."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    configs = configs_of(thin=True)
    with torch.device("meta"):
        parts = {"unet": UNet2DConditionModel(**configs["unet"])}
        if text_encoder:
            parts["text_encoder"] = CLIPTextModel(CLIPTextConfig(**configs["text_encoder"]))
    return parts


def write(path: Path, layers: str, parts: dict[str, torch.nn.Module]) -> Path:
    """A file by the trainer's own names and writer, every weight random: a trained one starts with zeros."""
    settings = settings_module.TrainSettings(rank=RANK, alpha=2.0, layers=layers)
    generator, tensors = torch.Generator().manual_seed(7), {}
    for part, module in parts.items():
        adapter.add_adapter(module, part, settings)
        weights = {}
        for name, value in adapter.trained(module).items():
            size = 0.3 if ".lora_B." in name else value[0].numel() ** -0.5
            weights[name] = torch.randn(value.shape, generator=generator) * size
        tensors |= adapter.kohya_tensors(part, weights, settings.alpha)
    lora_module.save_lora(path, tensors, {"modelspec.title": "zuva person"})
    return path


def inputs_of(width: int) -> dict[str, np.ndarray]:
    """What the UNet is asked."""
    rng = np.random.default_rng(3)
    return {
        "x": rng.standard_normal((1, 4, 8, 8)).astype(np.float32),
        "t": np.array([321.0], np.float32),
        "context": rng.standard_normal((1, 77, width)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("loras")
    return {
        "attention": write(folder / "attention.safetensors", settings_module.ATTENTION, shapes(False)),
        "all": write(folder / "all.safetensors", settings_module.ALL_LAYERS, shapes(True)),
    }


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> tuple[Path, dict[str, np.ndarray]]:
    path = tmp_path_factory.mktemp("inputs") / "inputs.npz"
    np.savez(path, **inputs_of(768))
    return path, inputs_of(768)


@pytest.fixture(scope="module")
def ours():
    from headless.sd.checkpoint import load_checkpoint

    with pytest.MonkeyPatch.context() as patch:
        thin_widths(patch)
        return load_checkpoint(thin_sd15(), device="cpu")


def answers(model, clip, values: dict) -> tuple[np.ndarray, np.ndarray]:
    """What the headless host's UNet and text encoder say."""
    from headless.sd.text import encode_text

    x, t, context = (torch.from_numpy(values[name]) for name in ("x", "t", "context"))
    with torch.no_grad():
        return model.ready()(x, t, context, return_dict=False)[0].numpy(), encode_text(clip, PROMPT).numpy()


@pytest.fixture(scope="module")
def reference(ours, files, inputs) -> tuple:
    """The answers of the headless host without and with the LoRA of all layers."""
    from headless.sd.lora import apply_lora

    model, clip, _ = ours
    plain = answers(model, clip, inputs[1])
    return plain, answers(*apply_lora(model, clip, files["all"], STRENGTH, STRENGTH), inputs[1])


def of_the_change(what: str, base, learnt, other_base, other_learnt) -> float:
    """How far two changes lie apart, as a share of the first; the change itself must be worth the name."""
    change = learnt - base
    assert np.linalg.norm(change) > 0.05 * np.linalg.norm(base), f"{what}: the LoRA hardly changes anything"
    value = float(np.linalg.norm(change - (other_learnt - other_base)) / np.linalg.norm(change))
    log.info("%s: %.1e of the change", what, value)
    return value


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_the_headless_host_places_every_key(name, files, ours, caplog):
    from safetensors.torch import load_file

    from headless.sd.lora import apply_lora

    changed = apply_lora(*ours[:2], files[name], 1.0, 1.0)
    assert not caplog.records
    unet, text = COUNTS[name]
    assert len(load_file(files[name])) == 3 * (unet + text)
    assert len(changed[0].patches[0].layers) == unet
    assert len(changed[1].patches[0].layers if changed[1].patches else ()) == text


@pytest.mark.slow
@pytest.mark.comfyui
@pytest.mark.parametrize("version", (0, 1, 2), ids=("the ComfyUI preferred", "another", "a third"))
def test_comfyui_places_every_key_and_changes_the_model_as_much(version, files, inputs, reference, tmp_path):
    found = find_comfyuis()
    if len(found) <= version:
        pytest.skip(f"NO COMFYUI FOUND: a LoRA's keys are tried in {len(found)} only; name more in COMFYUI_DIR")
    comfyui, python = found[version]
    script = SUPPORT / "comfy_lora.py"
    command = [python, script, comfyui, thin_sd15(), files["all"], STRENGTH, inputs[0], tmp_path / "out.npz"]
    run = subprocess.run(
        list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    unet, text = COUNTS["all"]
    assert told == {"unet": unet, "text": text, "unmatched": []}
    assert "lora key not loaded" not in run.stderr + run.stdout
    theirs = dict(np.load(tmp_path / "out.npz"))
    for part, (plain, learnt) in zip(("unet", "text"), zip(*reference, strict=True), strict=True):
        assert of_the_change(part, plain, learnt, theirs[part], theirs[f"{part}_lora"]) <= TOLERANCE


def through_diffusers(model, clip, file: Path, values: dict, caplog) -> tuple:
    """As a user of diffusers does it: a pipeline, `load_lora_weights`, `set_adapters`.

    Returns its answers without and with the LoRA, and how many layers of UNet and text encoder it reached.
    """
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    from headless.sd.tokenizer import clip_tokenizer
    from songreel.nodes.person.identity import material

    ids = torch.tensor([material.padded_ids(clip_tokenizer().encode(PROMPT).ids)])
    x, t, context = (torch.from_numpy(values[part]) for part in ("x", "t", "context"))
    pipeline = StableDiffusionPipeline(
        vae=None,
        text_encoder=clip.ready(),
        tokenizer=None,
        unet=model.ready(),
        scheduler=DDIMScheduler(clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )

    def say() -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            unet = pipeline.unet(x, t, context, return_dict=False)[0].numpy()
            return unet, pipeline.text_encoder(ids).last_hidden_state.numpy()

    plain = say()
    with caplog.at_level(logging.WARNING):
        pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name="person")
    try:
        pipeline.set_adapters("person", STRENGTH)
        learnt = say()
        parts = (pipeline.unet, pipeline.text_encoder)
        reached = tuple(sum(hasattr(layer, "lora_A") for layer in part.modules()) for part in parts)
    finally:
        # The headless host's own modules come back as they were.
        pipeline.unload_lora_weights()
    assert not [record for record in caplog.records if "key" in record.getMessage().lower()], caplog.text
    return plain, learnt, reached


def test_diffusers_loads_a_file_of_the_demo_model(tmp_path, caplog):
    from headless.demo_model import CHECKPOINT
    from headless.sd.lora import apply_lora
    from songreel.nodes.diffusion.sd15 import checkpoint as sd15
    from support.demo_parts import demo_parts

    file = sd15.CheckpointFile(CHECKPOINT)
    model, clip, _ = demo_parts()
    parts = {name: sd15.load_part(file, name) for name in ("unet", "text_encoder")}
    path = write(tmp_path / "demo.safetensors", settings_module.ALL_LAYERS, parts)
    values = inputs_of(model.text_width)
    plain, learnt, reached = through_diffusers(model, clip, path, values, caplog)
    ours, changed = answers(model, clip, values), answers(*apply_lora(model, clip, path, STRENGTH, STRENGTH), values)
    assert reached == tuple(len(adapter.trained(part)) // 2 for part in parts.values())
    for index, name in enumerate(("UNet", "text")):
        value = of_the_change(f"diffusers' {name}", ours[index], changed[index], plain[index], learnt[index])
        assert value <= TOLERANCE


@pytest.mark.slow
def test_diffusers_loads_a_file_of_sd15(ours, files, inputs, reference, caplog):
    plain, learnt, reached = through_diffusers(*ours[:2], files["all"], inputs[1], caplog)
    assert reached == COUNTS["all"]
    for index, name in enumerate(("UNet", "text")):
        base, changed = reference[0][index], reference[1][index]
        assert of_the_change(f"diffusers' {name}", base, changed, plain[index], learnt[index]) <= TOLERANCE
