"""The pack in a real ComfyUI: the shipped API workflow over HTTP, cancel, kill and restart, start-up, errors."""

import copy
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from support.comfy_runs import SECONDS, TEXT, click_song, saved_video, workflow
from support.comfy_server import ROOT, ComfyServer
from support.comfyui import find_comfyui
from support.random_sd15 import thin_sd15, thin_with_widths
from support.videos import frames_of

pytestmark = pytest.mark.comfyui
log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = find_comfyui()
    if found is None:
        pytest.skip("NO COMFYUI FOUND: set COMFYUI_DIR to test the pack inside ComfyUI")
    folder = tmp_path_factory.mktemp("comfyui")
    running = ComfyServer(*found, folder, thin_sd15())
    click_song(folder / "input" / "clicks.flac")
    running.start()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)


def write_lora(path):
    """A kohya-named LoRA on two attention layers of the UNet."""
    generator = torch.Generator().manual_seed(3)
    tensors = {}
    for name in ("down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", "mid_block_attentions_0_proj_in"):
        width = 320 if name.startswith("down") else 1280
        tail = () if name.startswith("down") else (1, 1)
        tensors[f"lora_unet_{name}.lora_down.weight"] = torch.randn((4, width, *tail), generator=generator)
        tensors[f"lora_unet_{name}.lora_up.weight"] = torch.randn((width, 4, *tail), generator=generator)
        tensors[f"lora_unet_{name}.alpha"] = torch.tensor(4.0)
    save_file(tensors, path)


@pytest.fixture(scope="module")
def first_run(server):
    messages, entry = server.run(workflow())
    assert entry["status"]["status_str"] == "success", entry["status"]
    path = saved_video(server, entry)
    return messages, entry, path, frames_of(path)


def test_the_shipped_workflow_makes_a_video(first_run):
    messages, entry, path, frames = first_run
    assert frames.shape == (30, 64, 64, 3)
    assert frames.std() > 5
    with av.open(str(path)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert picture.average_rate == 12
        assert abs(float(picture.duration * picture.time_base) - float(sound.duration * sound.time_base)) <= 1 / 12
    progress = [m["data"] for m in messages if m["type"] == "progress" and m["data"]["node"] == "8"]
    assert progress[-1]["value"] == progress[-1]["max"] == 30 * 2 + 30
    # Frame previews (kind 1, or 4 with metadata) and the estimate as text (kind 3).
    kinds = [m["kind"] for m in messages if m["type"] == "binary"]
    assert sum(kind in (1, 4) for kind in kinds) >= 8
    text = next(m["data"] for m in messages if m["type"] == "binary" and m["kind"] == 3)
    assert b"30 frames from 30 pictures left to sample, 120 model calls" in text


def test_the_default_quality_makes_a_quarter_of_the_calls_and_shows_the_keyframes(server, first_run):
    _, entry = server.run(workflow(quality="balanced"))
    assert entry["status"]["status_str"] == "success", entry["status"]
    report = json.loads(entry["outputs"]["8"]["text"][0])
    assert report["model_calls_in_exact_mode"] == 120
    # Seven pictures' worth of calls in the interval to the second shot, and the second shot, which holds one picture.
    assert 4 < report["model_calls"] <= 7 * 4 + 4
    frames = frames_of(saved_video(server, entry))
    assert np.array_equal(frames[0], first_run[3][0]) and np.array_equal(frames[29], first_run[3][29])
    assert not np.array_equal(frames[14], frames[15])


@pytest.fixture(scope="module")
def feedback_run(server, first_run):
    _, entry = server.run(workflow(frames="feedback", border="wrap"))
    assert entry["status"]["status_str"] == "success", entry["status"]
    return entry, frames_of(saved_video(server, entry))


def test_feedback_moves_the_picture_between_the_keyframes(feedback_run, first_run):
    entry, frames = feedback_run
    report = json.loads(entry["outputs"]["8"]["text"][0])
    # Both keyframes, and about eight pictures a second between them: one or two of the two steps each, with guidance.
    assert report["made_by"] == "feedback" and report["pictures_sampled"] == 21
    assert report["model_calls"] == report["estimate"]["model_calls"] >= 2 * 4 + 19 * 2
    assert np.array_equal(frames[0], first_run[3][0]) and np.array_equal(frames[29], first_run[3][29])
    assert all(not np.array_equal(a, b) for a, b in zip(frames, frames[1:], strict=False))


def test_feedback_begins_the_same_in_the_headless_host(server, feedback_run, tmp_path):
    """Random weights blow up what differs: a millionth of the first painted latent gives 81 dB on the frame after it,
    56 on the ninth, and another picture (12 dB) from the twentieth on, in one host.
    """
    _, frames = feedback_run
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "headless", "render", str(server.folder / "input" / "clicks.flac")]
    command += ["--out", str(out), "--size", "64x64", "--steps", "2", "--prompt", TEXT]
    command += ["--checkpoint", str(thin_with_widths())]
    for choice in ("crf=0", "frames=feedback", "border=wrap"):
        command += ["--set", f"RenderMusicVideo.{choice}"]
    environment = os.environ | {"SONGREEL_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    errors = np.array([((a.astype(float) - b) ** 2).mean() for a, b in zip(frames_of(out), frames, strict=True)])
    psnr = 10 * np.log10(255**2 / np.maximum(errors, 1e-9))
    log.info("feedback, PSNR of every frame: %s dB", np.round(psnr, 1).tolist())
    # The first shot's own picture, the first painted ones and what lies between; the second shot's own picture.
    assert min(psnr[:5]) >= 60 and psnr[29] >= 60


def test_history_carries_the_report_and_what_was_heard(first_run):
    _, entry, _, _ = first_run
    report = json.loads(entry["outputs"]["8"]["text"][0])
    assert report["frames"] == 30 and report["seconds"]["sample"] > 0
    assert any("BPM" in line for line in entry["outputs"]["2"]["text"])
    assert len(entry["outputs"]["3"]["images"]) == 1


def test_the_command_line_on_this_server(server, first_run, tmp_path):
    out = tmp_path / "out.mp4"
    command = [
        sys.executable,
        "-m",
        "headless",
        "render",
        str(server.folder / "input" / "clicks.flac"),
        "--out",
        str(out),
    ]
    command += ["--server", server.url, "--checkpoint", "thin_sd15.safetensors", "--size", "64x64", "--steps", "2"]
    command += ["--prompt", TEXT, "--set", "RenderMusicVideo.crf=0", "--set", "RenderMusicVideo.quality=exact"]
    command += ["--set", "RenderMusicVideo.even_pace=false"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(frames_of(out), first_run[3])
    assert "Uploading clicks.flac" in done.stderr and "Wrote" in done.stderr


@pytest.mark.parametrize("even", [False, True], ids=["pace of the mix", "even pace"])
def test_the_headless_host_gives_the_same_frames(server, first_run, tmp_path, even):
    """Both encode without loss (crf 0), so what differs is what was there before encoding."""
    theirs = first_run[3]
    if even:
        _, entry = server.run(workflow(even_pace=True))
        theirs = frames_of(saved_video(server, entry))
        assert np.array_equal(theirs[[0, 29]], first_run[3][[0, 29]]) and not np.array_equal(theirs, first_run[3])
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "headless", "render", str(server.folder / "input" / "clicks.flac")]
    command += ["--out", str(out), "--size", "64x64", "--steps", "2", "--prompt", TEXT]
    command += ["--checkpoint", str(thin_with_widths())]
    for choice in ("crf=0", "quality=exact", f"even_pace={str(even).lower()}"):
        command += ["--set", f"RenderMusicVideo.{choice}"]
    environment = os.environ | {"SONGREEL_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    worst = max(((a.astype(float) - b) ** 2).mean() for a, b in zip(frames_of(out), theirs, strict=True))
    psnr = 10 * np.log10(255**2 / max(worst, 1e-9))
    log.info("worst frame of %d: PSNR %.1f dB", len(theirs), psnr)
    assert psnr >= 40


def test_cancel_stops_within_one_sampler_step(server):
    graph = workflow(seed=77, steps=6)
    marks = {}

    def watch(message, seconds):
        kind, data = message["type"], message.get("data")
        if kind == "progress" and data["node"] == "8":
            marks.setdefault("steps", []).append(seconds)
            if len(marks["steps"]) == 9:
                marks["cancelled"] = time.monotonic()
                server.post("/interrupt", {})
        if kind == "execution_interrupted":
            marks["stopped"] = time.monotonic()

    messages, entry = server.run(graph, watch)
    assert messages[-1]["type"] == "execution_interrupted" and messages[-1]["data"]["node_id"] == "8"
    assert len(marks["steps"]) <= 10
    longest = max(np.diff(marks["steps"]))
    assert marks["stopped"] - marks["cancelled"] <= longest + 0.5
    assert not list((server.folder / "output").rglob("*.part"))
    # What was finished before is not sampled again.
    _, entry = server.run(graph)
    report = json.loads(entry["outputs"]["8"]["text"][0])
    assert report["batches_reused"] == 1 and report["batches_sampled"] == 8


def test_killed_and_restarted_gives_the_same_video(server, first_run):
    graph = workflow(seed=123)
    whole = frames_of(saved_video(server, server.run(graph)[1]))
    shutil.rmtree(server.folder / "user" / "__songreel" / "work")
    before = sorted((server.folder / "output").rglob("*"))
    for after_updates in (3, 11, 17):
        server.kill()
        server.start()
        seen = []

        def die(message, _seconds, seen=seen, after_updates=after_updates):
            if message["type"] == "progress" and message["data"]["node"] == "8":
                seen.append(message["data"]["value"])
                if len(seen) == after_updates:
                    server.kill()
                    return True
            return False

        server.run(graph, die)
        assert sorted((server.folder / "output").rglob("*")) == before
    server.start()
    _, entry = server.run(graph)
    report = json.loads(entry["outputs"]["8"]["text"][0])
    assert report["batches_reused"] + 7 * report["chunks_reused"] >= 5
    assert np.array_equal(frames_of(saved_video(server, entry)), whole)
    assert not [path for path in (server.folder / "user").rglob("*.part") if str(server.process.pid) in path.name]


def test_a_lora_changes_the_fingerprint_and_the_frames(server):
    _, entry = server.run(workflow(seconds=29.0))
    plain = json.loads(entry["outputs"]["8"]["text"][0])
    frames = frames_of(saved_video(server, entry))
    write_lora(server.folder / "models" / "loras" / "random.safetensors")
    graph = workflow()
    graph["20"] = {
        "class_type": "LoraLoader",
        "inputs": {
            "model": ["7", 0],
            "clip": ["7", 1],
            "lora_name": "random.safetensors",
            "strength_model": 1.0,
            "strength_clip": 1.0,
        },
    }
    graph["8"]["inputs"] |= {"model": ["20", 0], "clip": ["20", 1]}
    _, entry = server.run(graph)
    report = json.loads(entry["outputs"]["8"]["text"][0])
    assert report["key"] != plain["key"] and report["batches_sampled"] == 9
    assert not np.array_equal(frames_of(saved_video(server, entry)), frames)
    # Without the LoRA again: the weights were restored, the fingerprint is the first one, nothing is sampled.
    _, entry = server.run(workflow(seconds=30.0))
    again = json.loads(entry["outputs"]["8"]["text"][0])
    assert again["key"] == plain["key"]
    assert again["batches_sampled"] == 0 and again["chunks_reused"] == again["chunks"] == 2


def test_the_pack_is_loaded_without_a_complaint(server):
    """How long it takes is bench/start.py's to say; what it must not load, test_architecture's."""
    (seconds,) = re.findall(r"^\s*([\d.]+) seconds: .*songreel\s*$", server.log, re.MULTILINE)
    log.info("loaded in %s s, as ComfyUI counts", seconds)
    assert "IMPORT FAILED" not in server.log


@pytest.mark.parametrize(
    ("node", "name", "value", "message"),
    [
        ("8", "width", 65, "width must be a multiple of 8 from 64 to 4096, got 65"),
        ("8", "sampler_name", "ddpm", "sampler_name must be one of euler, heun, dpmpp_2m, lcm, tcd, got 'ddpm'"),
        ("4", "text", "0:00 a\n9:00 b", "line 2: 9:00.000 is at or after the end of the song"),
        ("4", "beat_envelope", '{"version": 9}', "BEAT_ENVELOPE: version 9 is unknown"),
        ("5", "story", {"version": 1, "shots": []}, "STORY: there is no shot in it"),
        ("8", "frame_schedule", 5, "FRAME_SCHEDULE: expected the output of a node of this type or its JSON, got int"),
    ],
)
def test_errors_are_one_sentence_and_leave_nothing(server, node, name, value, message):
    graph = workflow(seed=5)
    graph[node]["inputs"][name] = value
    before = sorted((server.folder / "output").rglob("*"))
    status, body = server.post("/prompt", {"prompt": copy.deepcopy(graph)})
    if body.get("node_errors"):  # Found before anything ran; 200 means that other outputs of the graph are good.
        assert status in (200, 400) and name in json.dumps(body["node_errors"][node]), body
        return
    messages, _ = server.run(graph)
    error = messages[-1]
    assert error["type"] == "execution_error" and error["data"]["node_id"] == node
    assert message in error["data"]["exception_message"]
    assert error["data"]["exception_message"].strip().count("\n") == 0
    assert sorted((server.folder / "output").rglob("*")) == before


def test_out_of_range_values_are_refused_before_anything_runs(server):
    graph = workflow()
    graph["2"]["inputs"]["fps"] = 0
    status, body = server.post("/prompt", {"prompt": graph})
    assert status == 400 and "fps" in json.dumps(body["node_errors"]["2"])


def test_private_folder_is_not_served(server, first_run):
    folder = server.folder / "user" / "__songreel"
    assert folder.is_dir() and (folder.stat().st_mode & 0o777) == 0o700
    import urllib.error

    for path in (
        "/userdata/..%2F__songreel%2Fcache%2Fspeeds.json",
        "/view?filename=speeds.json&subfolder=../user/__songreel/cache",
    ):
        with pytest.raises(urllib.error.HTTPError):
            server.get(path)


def test_json_text_in_place_of_links(server, first_run):
    """A program may pass a story it made itself as JSON."""
    graph = workflow(seed=9)
    story = {
        "version": 1,
        "shots": [{"start": 0, "end": 1.0, "prompt": "a"}, {"start": 1.0, "end": SECONDS, "prompt": "b"}],
    }
    graph["5"]["inputs"]["story"] = graph["8"]["inputs"]["story"] = story
    del graph["4"]
    _, entry = server.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]
    assert len(frames_of(saved_video(server, entry))) == 30


def test_no_private_path_in_the_saved_file(first_run):
    with av.open(str(first_run[2])) as container:
        metadata = json.dumps(dict(container.metadata))
    assert "RenderMusicVideo" in metadata and str(Path.home()) not in metadata
