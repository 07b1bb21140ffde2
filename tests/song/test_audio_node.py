"""The node's face, run under the stand-in `comfy_api` in a process of its own."""

import json
import subprocess
import sys

import pytest

from support.paths import ROOT

CODE = """
import json, sys
from collections.abc import Mapping
import numpy as np, torch
from headless.__main__ import bootstrap
from headless.host import HeadlessHost
bootstrap(HeadlessHost())
from songreel.nodes.song.audio.node import AudioBeatEnvelope as node
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.types import SongAnalysis

class Lazy(Mapping):
    def __init__(self, values): self.values_ = values
    def __getitem__(self, key): return self.values_[key]
    def __iter__(self): return iter(self.values_)
    def __len__(self): return len(self.values_)

wave = torch.zeros(1, 2, 8000 * 10)
for start in range(0, 80000, 4000): wave[:, :, start:start + 60] = 0.9
copy = wave.clone()
with torch.inference_mode():
    output = node.execute(Lazy({"waveform": wave, "sample_rate": 8000}), fps=23.976)
song, envelope, beats, tempo, count, plot, first = output.result if hasattr(output, "result") else output.args
errors = {}
for name, audio in {
    "batch": {"waveform": torch.zeros(2, 1, 100), "sample_rate": 8000},
    "no rate": {"waveform": torch.zeros(1, 1, 100)},
    "none": None,
    "empty": {"waveform": torch.zeros(1, 2, 0), "sample_rate": 8000},
    "nan": {"waveform": torch.full((1, 1, 100), float("nan")), "sample_rate": 8000},
    "rate": {"waveform": torch.zeros(1, 1, 100), "sample_rate": 1},
}.items():
    try: node.execute(audio, fps=12.0); errors[name] = None
    except InputError as error: errors[name] = str(error)
schema = node.define_schema()
json.dump({
    "song": isinstance(song, SongAnalysis), "fps": str(song.fps), "envelope": [type(envelope).__name__, len(envelope)],
    "types": sorted({type(v).__name__ for v in envelope}), "beats": beats,
    "beat_types": sorted({type(v).__name__ for v in beats}),
    "tempo": tempo, "first": first, "heard": float(song.beats[0]), "count": count,
    "plot": [list(plot.shape), str(plot.dtype), float(plot.min()), float(plot.max())],
    "ui": output.ui, "same": bool(torch.equal(wave, copy)), "errors": errors, "id": schema.node_id,
    "about": schema.description,
    "inputs": {i.id: i.tooltip for i in schema.inputs}, "outputs": {o.id: o.tooltip for o in schema.outputs},
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def ran():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_outputs(ran):
    assert ran["song"] and ran["fps"] == "24000/1001"
    assert ran["count"] == 240 and ran["envelope"] == ["list", 240] and ran["types"] == ["float"]
    assert ran["tempo"] == pytest.approx(120, rel=0.01)
    assert ran["beat_types"] == ["int"] and len(ran["beats"]) in (19, 20)
    assert all(
        abs(frame - round(0.5 * k * 24000 / 1001)) <= 1 for k, frame in enumerate(ran["beats"], 20 - len(ran["beats"]))
    )
    assert ran["first"] == ran["heard"]
    shape, dtype, low, high = ran["plot"]
    assert shape == [1, 480, 1280, 3] and dtype == "torch.float32" and 0 <= low < high <= 1
    assert "BPM" in ran["ui"]["text"][0] and "240 frames" in ran["ui"]["text"][0]
    assert ran["same"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("batch", "(2, 1, 100)"),
        ("no rate", "sample_rate"),
        ("none", "NoneType"),
        ("empty", "empty"),
        ("nan", "NaN"),
        ("rate", "1000 to 768000 Hz"),
    ],
)
def test_bad_audio(ran, case, message):
    assert message in ran["errors"][case]


def test_schema(ran):
    assert ran["id"] == "AudioBeatEnvelope" and ran["about"].endswith(".")
    assert list(ran["inputs"]) == ["audio", "fps", "curve", "beats", "offset_ms"]
    assert list(ran["outputs"]) == [
        "beat_envelope",
        "envelope",
        "beat_frames",
        "tempo",
        "frame_count",
        "plot",
        "first_beat",
    ]
    assert all(ran["inputs"].values()) and all(ran["outputs"].values())
    page = (ROOT / "web" / "docs" / "AudioBeatEnvelope.md").read_text("utf-8")
    assert all(f"**{name}**" in page for name in [*ran["inputs"], *ran["outputs"]])
