"""A stretch of a schedule for the standard graph: equal to what the renderer samples, here and in a real ComfyUI."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.host.port import Sampling
from songreel.nodes.render import latents as latents_stage
from songreel.nodes.render import model_inputs
from songreel.nodes.render import plan as plan_stage
from songreel.nodes.render.sampler import batch as batch_stage
from support.comfy_server import ComfyServer
from support.comfyui import find_comfyui
from support.renders import OPTIONS, film, lively, settings
from support.small_host import SmallHost

log = logging.getLogger(__name__)


def exact_latents(host, parts, story, schedule, changed, folder):
    """The latents (n_frames, 4, h, w) that Render Music Video samples in exact mode."""
    from songreel.nodes.render.report import StageClock

    folder.mkdir(parents=True, exist_ok=True)
    plan = plan_stage.make_plan(story, schedule, changed)
    extras = {
        text
        for part in plan.segments
        if part.recipes is not None
        for end in (None, *part.ends())
        for text in part.recipes.extras(story, end)
    }
    material = model_inputs.ModelInputs(host, parts[1], story, changed, extras=extras)
    clock = StageClock()
    source = latents_stage.LatentSource(host, parts[0], material, plan, story, folder, clock, lambda steps: None)
    found = []
    for part in plan.segments:
        latents = source.exact_latents(part, np.arange(len(part.t)))
        found += [latents[number] for number in part.picture.tolist()]
    return np.stack(found)


def even(made):
    """A film without what one sampler cannot follow."""
    story, schedule, waveform = made
    curves = {name: values for name, values in schedule.curves.items() if name not in ("cfg", "steps")}
    transition = tuple("slerp" if kind == "dissolve" else kind for kind in schedule.transition)
    return story, replace(schedule, curves=curves, transition=transition), waveform


def stretch(**changes):
    """The size and the seed of `settings`."""
    return batch_stage.ClipSettings(**({"width": 64, "height": 72, "seed": 5} | changes))


@pytest.mark.parametrize("made", [film(), even(lively())], ids=["plain", "lively"])
def test_rows_are_what_the_renderer_samples(tmp_path, made):
    host, (story, schedule, _) = SmallHost(tmp_path), made
    clip = batch_stage.sampler_batch(host, "clip", story, schedule, stretch(start=1.5, frames=40))
    assert clip.frames == range(18, 58) and clip.note == ""
    assert clip.latent.shape == (40, 4, 9, 8) and not clip.latent.any()
    # Prompts of one and of two parts stand in one batch.
    assert clip.positive.shape == clip.negative.shape == (40, 154, 768)
    noise = clip.noise.generate_noise({"samples": clip.latent})
    sampled = host.sample("model", noise, clip.positive, clip.negative, Sampling(**OPTIONS)).numpy()
    expected = exact_latents(host, ("model", "clip"), story, schedule, settings(), tmp_path / "work")
    assert np.abs(sampled - expected[18:58]).max() < 1e-5
    assert np.abs(np.diff(sampled, axis=0)).max() > 1e-3


def test_the_noise_is_a_noise_object(tmp_path):
    story, schedule, _ = film()
    clip = batch_stage.sampler_batch(SmallHost(tmp_path), "clip", story, schedule, stretch(seed=9, start=2.0, frames=3))
    assert clip.noise.seed == 10
    first = clip.noise.generate_noise({"samples": clip.latent})
    first.zero_()  # what a sampler does with it stays its own
    assert clip.noise.generate_noise({"samples": clip.latent}).std() == pytest.approx(1, abs=0.1)
    with pytest.raises(
        InputError, match=r"for a latent of the shape \(3, 4, 9, 8\), got \(1, 4, 9, 8\); take the latent"
    ):
        clip.noise.generate_noise({"samples": torch.zeros(1, 4, 9, 8)})


def test_the_songs_end_and_what_is_left_out(tmp_path):
    story, schedule, _ = lively()
    host = SmallHost(tmp_path)
    clip = batch_stage.sampler_batch(host, "clip", story, schedule, stretch(start=5.9, frames=100))
    assert len(clip.frames) == 1
    assert clip.note == "A sampler has one value for all frames; left out: cfg, steps."
    clip = batch_stage.sampler_batch(host, "clip", story, schedule, stretch(start=3.0, frames=12))
    assert clip.note.endswith("A sampler cannot blend finished pictures; dissolves travel instead.")
    moved = replace(schedule, curves={"zoom": np.full(72, 2.0), "lora_strength": np.full(72, 0.5)})
    clip = batch_stage.sampler_batch(host, "clip", story, moved, stretch(frames=1))
    assert "left out: lora_strength." in clip.note and "left out: zoom;" in clip.note


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0}, "frames must be a whole number from 1 to 240, got 0"),
        ({"frames": 241}, "frames must be a whole number from 1 to 240, got 241"),
        ({"start": 6.0}, "start must lie in the song, 0 to 6.00 s"),
    ],
)
def test_bad_stretches(tmp_path, options, message):
    story, schedule, _ = film()
    with pytest.raises(InputError, match=message):
        batch_stage.sampler_batch(SmallHost(tmp_path), "clip", story, schedule, stretch(**options))
    short = types.Story((types.Shot(0.0, 6.0, "a"),))
    with pytest.raises(InputError, match="names shots that the story does not have"):
        batch_stage.sampler_batch(SmallHost(tmp_path), "clip", short, schedule, stretch())


# In ComfyUI ---------------------------------------------------------------------------------------


def graph(story, schedule, changed, frames):
    """Sampler Custom Advanced over a stretch, saved as latents."""
    nodes = {
        "checkpoint": ("CheckpointLoaderSimple", {"ckpt_name": "thin_sd15.safetensors"}),
        "clip": (
            "ScheduleToSampler",
            {
                "clip": ["checkpoint", 1],
                "story": story.to_text(),
                "frame_schedule": schedule.to_text(),
                "width": changed.width,
                "height": changed.height,
                "seed": changed.seed,
                "start": 0.0,
                "frames": frames,
            },
        ),
        "guider": (
            "CFGGuider",
            {"model": ["checkpoint", 0], "positive": ["clip", 1], "negative": ["clip", 2], "cfg": changed.cfg},
        ),
        "sampler": ("KSamplerSelect", {"sampler_name": changed.sampler}),
        "sigmas": (
            "BasicScheduler",
            {"model": ["checkpoint", 0], "scheduler": changed.scheduler, "steps": changed.steps, "denoise": 1.0},
        ),
        "sample": (
            "SamplerCustomAdvanced",
            {
                "noise": ["clip", 0],
                "guider": ["guider", 0],
                "sampler": ["sampler", 0],
                "sigmas": ["sigmas", 0],
                "latent_image": ["clip", 3],
            },
        ),
        "save": ("SaveLatent", {"samples": ["sample", 0], "filename_prefix": "clip"}),
    }
    return {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}


@pytest.mark.comfyui
@pytest.mark.slow
def test_sampler_custom_advanced_gives_the_renderers_latents(tmp_path, monkeypatch):
    from safetensors.torch import load_file

    from headless.host import HeadlessHost
    from headless.sd.checkpoint import load_checkpoint
    from support.random_sd15 import thin_sd15, thin_widths

    found = find_comfyui()
    if found is None:
        pytest.skip("NO COMFYUI FOUND: set COMFYUI_DIR to test the pack inside ComfyUI")
    story, schedule, _ = film(noise_walk=lambda f: 0.02 * f, carry=lambda f: 0.2)
    # Six frames on both sides of a shot's start.
    story = types.Story((replace(story.shots[0], end=0.25), types.Shot(0.25, 6.0, "a city of glass " * 12, "text")))
    shots = np.repeat([0, 1], [3, 69])
    schedule = replace(schedule, shot_a=shots, shot_b=np.ones(72, np.int64), t=np.r_[np.arange(3) / 3, np.zeros(69)])
    changed = settings(width=64, height=64, steps=2, cfg=7.0, sampler="dpmpp_2m", scheduler="karras", seed=11)
    folder = tmp_path / "comfyui"
    arguments = ("--force-fp32", "--fp32-vae", "--fp32-text-enc")
    server = ComfyServer(*found, folder, thin_sd15(), arguments).start()
    try:
        _, entry = server.run(graph(story, schedule, changed, 6))
    finally:
        server.kill()
    assert entry["status"]["status_str"] == "success", entry["status"]
    (saved,) = entry["outputs"]["save"]["latents"]
    theirs = load_file(folder / saved["type"] / saved["subfolder"] / saved["filename"])["latent_tensor"].numpy()
    shutil.rmtree(folder, ignore_errors=True)
    host = HeadlessHost(tmp_path / "home")
    thin_widths(monkeypatch)
    parts = load_checkpoint(thin_sd15(), device="cpu")
    short = types.FrameSchedule(
        schedule.fps, 0.5, shots[:6], np.ones(6, np.int64), schedule.t[:6], ("slerp",) * 6,
        {name: values[:6] for name, values in schedule.curves.items()},
    )  # fmt: skip
    told = types.Story((story.shots[0], replace(story.shots[1], end=0.5)))
    with torch.inference_mode():
        ours = exact_latents(host, parts, told, short, changed, tmp_path / "work")
    assert theirs.shape == ours.shape == (6, 4, 8, 8)
    difference = np.linalg.norm(theirs - ours) / np.linalg.norm(ours)
    log.info("SamplerCustomAdvanced against exact mode: %.2e", difference)
    assert difference < 1e-5
    assert np.linalg.norm(np.diff(ours, axis=0)) / np.linalg.norm(ours) > 0.01
