"""A short click song through the beat video workflow of a running ComfyUI."""

from __future__ import annotations

import json

import numpy as np
import soundfile

from support.comfy_server import ROOT

SECONDS = 2.5
# The second shot starts on frame 29 of 30: 30 pictures in exact mode, 9 batches (each keyframe is one), 2 chunks.
TEXT = "0:00 a harbour\n0:02.4 (a city:1.2) at night"


def click_song(path, seconds=SECONDS, rate=22_050):
    t = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * 880 * t) * np.exp(-30 * (t % 0.5)) + 0.05 * np.sin(2 * np.pi * 110 * t)
    soundfile.write(path, np.stack([wave, wave], 1).astype(np.float32), rate)


def workflow(checkpoint="thin_sd15.safetensors", **render):
    graph = json.loads((ROOT / "workflows" / "api" / "beat_video.json").read_text("utf-8"))
    graph["1"]["inputs"]["audio"] = "clicks.flac"
    graph["4"]["inputs"]["text"] = TEXT
    graph["7"]["inputs"]["ckpt_name"] = checkpoint
    # Without an even pace batches and calls are those that are counted here.
    plain = {"steps": 2, "width": 64, "height": 64, "crf": 0, "quality": "exact", "even_pace": False}
    graph["8"]["inputs"] |= plain | render
    return graph


def saved_video(server, entry):
    (saved,) = entry["outputs"]["9"]["images"]
    return server.folder / saved["type"] / saved["subfolder"] / saved["filename"]
