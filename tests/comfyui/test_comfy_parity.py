"""The headless host and ComfyUI give the same embeddings, latents and pictures from the same checkpoint.

Both compute in float32 on the CPU. A sampled latent is judged by the change that sampling made,
|a - b| / |reference - initial latent|, since a random UNet hardly moves the latent.
`pytest --log-cli-level=INFO` shows every figure.
"""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path

import numpy as np
import pytest

from songreel.nodes.host.port import SCHEDULERS
from support import comfy_parity
from support.comfyui import find_comfyui
from support.paths import SUPPORT
from support.random_lora import random_lora
from support.random_sd15 import thin_sd15, thin_widths

log = logging.getLogger(__name__)

COMFYUI = find_comfyui()
TOLERANCE = 1e-5

pytestmark = [
    pytest.mark.comfyui,
    pytest.mark.slow,
    pytest.mark.skipif(COMFYUI is None, reason="NO COMFYUI FOUND: parity is not tested; set COMFYUI_DIR to test it"),
]

PLAIN = "a misty harbour at dawn, oil painting"
EMPTY = ""
WEIGHTED = "a (red fox:1.3) in the ((snow)), (blurry:0.6) \\(film\\) (a (nested:1.4) one:0.8)"
LONG = ", ".join(f"{adjective} city street number {i}" for i, adjective in enumerate(["wide", "dark", "bright"] * 7))
TEXTS = {
    "plain": PLAIN,
    "empty": EMPTY,
    "weighted": WEIGHTED,
    "long": LONG,
    "long and weighted": f"({LONG}:1.2), (small words at the end:1.5) and (more:0.9)",
    "seam": "word " * 72 + "(five tokens in here:1.1) tail",
    "unbalanced": "a) b (c (d:1.2) e ((f)",
    "odd weights": "(a:b) (:1.2) () (x:) (time: 2) [y:1.3] (ratio 1:2:1.5)",
    "unicode": "Cafe\u0301 AM\u00c9LIE, \u4e1c\u4eac  \n tab\t it's 3.14!",
}


WAY = [PLAIN, WEIGHTED, "a harbour", "a fox"]


def _case(
    sampler,
    scheduler,
    positive,
    negative,
    *,
    denoise=1.0,
    cfg=7.5,
    steps=4,
    lora=False,
    between=None,
    predict=False,
):
    positive = [positive] if isinstance(positive, str) else positive
    kind = "img2img" if denoise < 1 else "txt2img"
    kind += f" {denoise:g}" if denoise not in (0.5, 1.0) else ""
    more = f"{' lora' if lora else ''}{' cfg 1' if cfg == 1 else ''}{' rows' if len(positive) > 1 else ''}"
    more += f"{' between' if between else ''}{' predict' if predict else ''}"
    return {
        "name": f"{sampler} {scheduler} {kind}{more}",
        "sampler": sampler,
        "scheduler": scheduler,
        "positive": positive,
        "negative": negative,
        "denoise": denoise,
        "cfg": cfg,
        "steps": steps,
        "lora": lora,
        "rows": len(positive),
        "between": between,
        "predict": predict,
    }


SAMPLES = [
    _case("euler", "normal", PLAIN, EMPTY),
    _case("euler", "karras", LONG, EMPTY),
    _case("heun", "normal", WEIGHTED, PLAIN),
    _case("heun", "karras", PLAIN, EMPTY),
    _case("dpmpp_2m", "normal", EMPTY, PLAIN),
    _case("dpmpp_2m", "karras", WEIGHTED, LONG),
    _case("euler", "normal", WEIGHTED, EMPTY, denoise=0.5),
    _case("euler", "karras", PLAIN, EMPTY, denoise=0.5),
    _case("heun", "normal", PLAIN, LONG, denoise=0.5),
    _case("heun", "karras", EMPTY, PLAIN, denoise=0.5),
    _case("dpmpp_2m", "normal", LONG, EMPTY, denoise=0.5),
    _case("dpmpp_2m", "karras", PLAIN, WEIGHTED, denoise=0.5),
    # What feedback asks for: the last steps of a longer schedule.
    _case("dpmpp_2m", "karras", PLAIN, EMPTY, denoise=0.35, steps=3),
    _case("dpmpp_2m", "karras", PLAIN, EMPTY, denoise=0.47, steps=10),
    _case("euler", "normal", PLAIN, EMPTY, denoise=0.1, steps=2),
    _case("euler", "exponential", PLAIN, EMPTY),
    _case("heun", "sgm_uniform", PLAIN, EMPTY),
    _case("dpmpp_2m", "simple", PLAIN, EMPTY),
    _case("euler", "normal", PLAIN, EMPTY, cfg=1),
    _case("euler", "normal", [PLAIN, WEIGHTED], EMPTY),
    _case("euler", "normal", PLAIN, EMPTY, lora=True),
    # With few steps, as few-step LoRAs want it, and as feedback asks for it.
    _case("lcm", "sgm_uniform", PLAIN, EMPTY, cfg=1),
    _case("lcm", "sgm_uniform", [PLAIN, WEIGHTED], EMPTY, cfg=1.5),
    _case("lcm", "simple", PLAIN, EMPTY, denoise=0.5),
    _case("tcd", "sgm_uniform", PLAIN, EMPTY, cfg=1),
    _case("tcd", "sgm_uniform", [PLAIN, WEIGHTED], EMPTY, cfg=1.5),
    _case("tcd", "simple", PLAIN, EMPTY, denoise=0.5),
    # Two ends and two pictures between them, which attend to the ends.
    _case("euler", "normal", WAY, EMPTY, between=[0.25, 0.8]),
    _case("dpmpp_2m", "karras", WAY, EMPTY, denoise=0.5, between=[0.25, 0.8], lora=True),
    _case("heun", "karras", WAY, EMPTY, between=[0.25, 0.8], predict=True),
    _case("lcm", "sgm_uniform", WAY, EMPTY, cfg=1, between=[0.25, 0.8]),
]
LORA_STRENGTHS = (0.8, 0.6)

STEPS = (1, 2, 4, 7, 20, 33)


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    return thin_sd15()


@pytest.fixture(scope="module")
def ours(checkpoint):
    from headless.sd.checkpoint import load_checkpoint

    with pytest.MonkeyPatch.context() as patch:
        thin_widths(patch)
        return load_checkpoint(checkpoint, device="cpu")


@pytest.fixture(scope="module")
def lora(tmp_path_factory, ours) -> Path:
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("lora") / "random.safetensors"
    save_file(random_lora(*ours[:2], rank=4, seed=5), path)
    return path


@pytest.fixture(scope="module")
def inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "noise": rng.standard_normal((4, 4, 8, 8)).astype(np.float32),
        "latent": (rng.standard_normal((4, 4, 8, 8)) * 4).astype(np.float32),
        "pixels": rng.random((2, 70, 67, 3)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def theirs(tmp_path_factory, checkpoint, lora, inputs) -> dict[str, np.ndarray]:
    """Everything ComfyUI gives, computed in one process of its own."""
    folder = tmp_path_factory.mktemp("parity")
    cases = {
        "schedulers": SCHEDULERS,
        "steps": STEPS,
        "texts": list(TEXTS.values()),
        "lora_text": PLAIN,
        "lora_strengths": LORA_STRENGTHS,
        "samples": SAMPLES,
    }
    (folder / "cases.json").write_text(json.dumps(cases), "utf-8")
    np.savez(folder / "inputs.npz", **inputs)
    comfyui, python = COMFYUI
    script = SUPPORT / "comfy_parity.py"
    files = [checkpoint, lora, folder / "cases.json", folder / "inputs.npz", folder / "out.npz"]
    run = subprocess.run(
        [python, script, comfyui, *files], cwd=folder, capture_output=True, text=True, timeout=1500, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return dict(np.load(folder / "out.npz"))


def _difference(what: str, ours, reference, origin=0.0) -> float:
    value = float(np.linalg.norm(ours - reference) / np.linalg.norm(reference - origin))
    log.info("%s: %.2e", what, value)
    return value


def _sampled(parts, case, inputs):
    import torch

    from headless.sd.sampling import sample
    from headless.sd.text import encode_text
    from songreel.nodes.host.port import Sampling

    model, clip = parts
    noise, latent = (torch.from_numpy(inputs[name][: case["rows"]]) for name in ("noise", "latent"))
    estimates = []
    result = sample(
        model,
        noise,
        torch.cat([encode_text(clip, text) for text in case["positive"]]),
        encode_text(clip, case["negative"]),
        Sampling(
            steps=case["steps"],
            cfg=case["cfg"],
            sampler=case["sampler"],
            scheduler=case["scheduler"],
            latent=latent if case["denoise"] < 1 else None,
            denoise=case["denoise"],
            on_step=lambda i, x0: estimates.append(x0.clone()),
            predict=comfy_parity.plain_rule(case["cfg"]) if case["predict"] else None,
            between=case["between"],
        ),
    )
    return result.numpy(), estimates[1].numpy()


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_schedules_are_equal_to_the_bit(scheduler, theirs):
    from headless.sd.sampling import schedule

    for steps in STEPS:
        assert np.array_equal(schedule(scheduler, steps).numpy(), theirs[f"{scheduler} {steps}"])


@pytest.mark.parametrize("name", TEXTS)
def test_embeddings_are_equal(name, ours, theirs):
    from headless.sd.text import encode_text

    reference = theirs[f"text{list(TEXTS).index(name)}"]
    embedding = encode_text(ours[1], TEXTS[name]).numpy()
    assert embedding.shape == reference.shape
    assert _difference(name, embedding, reference) <= TOLERANCE


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case["name"])
def test_latents_are_equal(case, ours, lora, theirs, inputs):
    from headless.sd.lora import apply_lora

    parts = apply_lora(*ours[:2], lora, *LORA_STRENGTHS) if case["lora"] else ours[:2]
    latent, estimate = _sampled(parts, case, inputs)
    origin = inputs["latent"][: case["rows"]] if case["denoise"] < 1 else 0.0
    assert _difference(case["name"], latent, theirs[case["name"]], origin) <= TOLERANCE
    assert _difference("x0 " + case["name"], estimate, theirs[case["name"] + " x0"]) <= TOLERANCE


def test_a_lora_changes_text_and_picture_as_in_comfyui(ours, lora, theirs):
    from headless.sd.lora import apply_lora
    from headless.sd.text import encode_text

    clip = apply_lora(*ours[:2], lora, *LORA_STRENGTHS)[1]
    plain = theirs[f"text{list(TEXTS).index('plain')}"]
    assert _difference("text lora", encode_text(clip, PLAIN).numpy(), theirs["text_lora"], plain) <= TOLERANCE
    assert _difference("change", theirs["euler normal txt2img lora"], theirs["euler normal txt2img"]) > 0.01


def test_chunks_of_rows_between_ends_may_come_in_any_order_and_one_by_one(theirs):
    assert theirs["between chunks"].tolist() == [2, 2, 2, 2, 1, 1, 1, 1]
    assert theirs["between firsts"][0] != theirs["between firsts"][2]
    for name in ("turned", "apart"):
        assert _difference(name, theirs[f"between {name}"], theirs["between usual"]) <= TOLERANCE
    changes = np.abs(theirs["between without"] - theirs["between usual"]).max(axis=(1, 2, 3))
    assert changes[:2].max() < 1e-4 and changes[2:].min() > 0.01


def test_attending_to_the_ends_leaves_the_model_and_refuses_one_that_is_not_free(theirs):
    assert theirs["between kept"].all()
    said = [bytes(theirs[f"between {name}"].astype(np.uint8)).decode() for name in ("replaced", "tiled")]
    assert "Another node has replaced the self-attention" in said[0]
    assert "16 rows where 8 are sampled" in said[1]


def test_vae_is_equal(ours, theirs, inputs):
    import torch

    from headless.sd.vae import vae_decode, vae_encode

    encoded = vae_encode(ours[2], torch.from_numpy(inputs["pixels"])).numpy()
    decoded = vae_decode(ours[2], torch.from_numpy(inputs["latent"])).numpy()
    assert encoded.shape == theirs["encoded"].shape and decoded.shape == theirs["decoded"].shape
    assert _difference("encode", encoded, theirs["encoded"]) <= TOLERANCE
    assert _difference("decode", decoded, theirs["decoded"]) <= TOLERANCE


def test_tokens_equal_those_of_comfyuis_tokenizer_files():
    from transformers import CLIPTokenizer

    from headless.sd.tokenizer import clip_tokenizer

    theirs = CLIPTokenizer.from_pretrained(str(COMFYUI[0] / "comfy" / "sd1_tokenizer"))
    ours = clip_tokenizer()
    assert ours.get_vocab() == theirs.get_vocab() and len(ours.get_vocab()) == 49408
    rng = np.random.default_rng(0)
    letters = [chr(c) for c in [*range(32, 127), *range(160, 0x250), *range(0x370, 0x500), *range(0x3040, 0x30FF)]]
    letters += [" ", "'", "\n", "\t", *"\u0301\u200d\ufe0f\u4e2d\U0001f600\U0001f680"] * 10
    texts = [*TEXTS.values()] + ["".join(rng.choice(letters, rng.integers(0, 40))) for _ in range(2000)]
    for text in texts:
        assert ours.encode(text).ids == theirs(text)["input_ids"][1:-1], text
