"""Renders in a real ComfyUI with AnimateDiff-Evolved and a motion module of random weights, where they are there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.comfy_runs import click_song, saved_video, workflow
from support.comfy_server import ComfyServer
from support.comfyui import find_comfyui
from support.random_motion import cached_random_motion
from support.random_sd15 import full_sd15
from support.videos import frames_of

pytestmark = pytest.mark.comfyui
SIXTEEN = 16 / 12
TEXT = f"0:00 a harbour\n0:0{SIXTEEN:.6f} a city at night"


def animatediff(comfyui: Path) -> Path | None:
    """The folder of AnimateDiff-Evolved in a ComfyUI."""
    found = (entry for entry in (comfyui / "custom_nodes").glob("*") if "animatediff-evolved" in entry.name.lower())
    return next(found, None)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = find_comfyui()
    if found is None:
        pytest.skip("NO COMFYUI FOUND: set COMFYUI_DIR to test the pack inside ComfyUI")
    pack = animatediff(found[0])
    if pack is None:
        pytest.skip("NO ANIMATEDIFF-EVOLVED in ComfyUI's custom_nodes: motion modules are not tested")
    folder = tmp_path_factory.mktemp("animatediff")
    running = ComfyServer(*found, folder, full_sd15())
    (folder / "custom_nodes" / "ComfyUI-AnimateDiff-Evolved").symlink_to(pack)
    (folder / "models" / "animatediff_models").mkdir()
    motion = cached_random_motion()
    (folder / "models" / "animatediff_models" / motion.name).symlink_to(motion)
    click_song(folder / "input" / "clicks.flac")
    running.start()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)


def moving(*, loader=None, context=None, scheduler=None, **render):
    """The shipped workflow with a motion module: two shots, the first of 16 frames, that hold their prompts."""
    # A motion module fits the widths of a full SD1.5 only.
    graph = workflow("random_sd15.safetensors", **({"quality": "balanced", "even_pace": True} | render))
    graph["4"]["inputs"] |= {"text": TEXT, "snap": "off"}
    graph["5"]["inputs"] |= {"mode": "cut"} | (scheduler or {})
    graph["20"] = {
        "class_type": "ADE_AnimateDiffLoaderGen1",
        "inputs": {"model": ["7", 0], "model_name": cached_random_motion().name, "beta_schedule": "autoselect"}
        | (loader or {}),
    }
    if context is not None:
        graph["21"] = {"class_type": "ADE_StandardStaticContextOptions", "inputs": context}
        graph["20"]["inputs"]["context_options"] = ["21", 0]
    graph["8"]["inputs"]["model"] = ["20", 0]
    return graph


def coarse(frames):
    """Means over 4x4 pixels, which the video's coarser colours leave as they are."""
    n, height, width, _ = frames.shape
    return frames.reshape(n, height // 4, 4, width // 4, 4, 3).mean(axis=(2, 4))


def run(server, graph):
    _, entry = server.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]
    return json.loads(entry["outputs"]["8"]["text"][0]), frames_of(saved_video(server, entry)), entry


@pytest.fixture(scope="module")
def rendered(server):
    return run(server, moving())


def test_frames_of_a_shot_are_made_together(rendered):
    report, frames, _ = rendered
    assert frames.shape == (30, 64, 64, 3)
    # One window of 16 frames, one of 14.
    assert (report["pictures_sampled"], report["batches_sampled"], report["model_calls"]) == (30, 2, 30 * 2 * 2)
    assert report["note"].startswith("The motion module makes up to 16 frames together")
    assert all(not np.array_equal(a, b) for a, b in zip(frames, frames[1:], strict=False))


def test_a_shot_of_sixteen_frames_is_what_ksampler_makes_of_a_batch(server, rendered):
    graph = moving()
    settings = {name: graph["8"]["inputs"][name] for name in ("seed", "steps", "cfg", "sampler_name", "scheduler")}
    graph = {key: graph[key] for key in ("7", "20")}
    graph["30"] = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["7", 1], "text": "a harbour"}}
    negative = "text, watermark, low quality"
    graph["31"] = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["7", 1], "text": negative}}
    graph["32"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 16}}
    links = {"model": ["20", 0], "positive": ["30", 0], "negative": ["31", 0], "latent_image": ["32", 0]}
    graph["33"] = {"class_type": "KSampler", "inputs": links | settings | {"denoise": 1.0}}
    graph["34"] = {"class_type": "VAEDecode", "inputs": {"samples": ["33", 0], "vae": ["7", 2]}}
    graph["35"] = {"class_type": "SaveImage", "inputs": {"images": ["34", 0], "filename_prefix": "batch"}}
    _, entry = server.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]
    saved = [server.folder / "output" / image["filename"] for image in entry["outputs"]["35"]["images"]]
    batch = coarse(np.stack([np.asarray(Image.open(path)) for path in saved]))
    shown = coarse(rendered[1][:16])
    apart = np.abs(batch - np.roll(batch, 1, axis=0)).mean()
    off = np.abs(shown - batch).mean()
    assert batch.shape == shown.shape and off < 0.1 * apart, (off, apart)


def test_a_second_run_finds_what_the_first_one_made(server, rendered):
    report, frames, _ = run(server, moving(keep_work=False))
    assert (report["chunks_reused"], report["pictures_sampled"]) == (report["chunks"], 0)
    assert np.array_equal(frames, rendered[1])


def test_another_strength_of_the_module_is_another_video(server, rendered):
    graph = moving(loader={"scale_multival": ["22", 0]})
    graph["22"] = {"class_type": "ADE_MultivalDynamic", "inputs": {"float_val": 0.5}}
    report, frames, _ = run(server, graph)
    assert (report["chunks_reused"], report["pictures_sampled"]) == (0, 30)
    assert not np.array_equal(frames, rendered[1])


def test_the_model_without_the_module_is_as_before(server, rendered):
    plain = moving(quality="exact", even_pace=False)
    plain["8"]["inputs"]["model"] = ["7", 0]
    report, frames, _ = run(server, plain)
    # Each shot holds one picture.
    assert report["pictures_sampled"] == 2 and "note" not in report
    assert np.array_equal(frames[0], frames[15]) and not np.array_equal(frames[0], rendered[1][0])
    again, _, _ = run(server, plain | {"8": {**plain["8"], "inputs": plain["8"]["inputs"] | {"keep_work": False}}})
    assert again["chunks_reused"] == again["chunks"]


def test_context_options_take_a_whole_shot(server):
    context = {"context_length": 8, "context_overlap": 4}
    report, frames, _ = run(server, moving(context=context))
    assert (report["pictures_sampled"], report["batches_sampled"]) == (30, 2)
    assert report["note"].startswith("The motion module makes all frames of a shot together")
    assert all(not np.array_equal(a, b) for a, b in zip(frames, frames[1:], strict=False))


def test_guidance_changes_from_frame_to_frame(server, rendered):
    graph = moving()
    driven = {"curve": "onset", "target": "cfg", "low": 3.0, "high": 9.0}
    links = {"frame_schedule": ["5", 0], "beat_envelope": ["2", 0]}
    graph["40"] = {"class_type": "ModulateSchedule", "inputs": links | driven}
    graph["8"]["inputs"]["frame_schedule"] = ["40", 0]
    report, frames, _ = run(server, graph)
    assert (report["pictures_sampled"], report["model_calls"]) == (30, 120)
    assert not np.array_equal(frames, rendered[1])


def test_feedback_is_refused_in_a_sentence(server):
    _, entry = server.run(moving(frames="feedback"))
    assert entry["status"]["status_str"] == "error"
    (error,) = [data for kind, data in entry["status"]["messages"] if kind == "execution_error"]
    assert "choose travel, or connect the MODEL without AnimateDiff" in error["exception_message"]
