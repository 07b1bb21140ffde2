"""The faces of schedules, one after the other: what comes out of one fits the next."""

import json
import subprocess
import sys

import pytest

from support.paths import ROOT

CODE = """
import json, sys
from fractions import Fraction
sys.path.insert(0, "tests")
import numpy as np, torch
from headless.__main__ import bootstrap
from headless.host import HeadlessHost
bootstrap(HeadlessHost())
from support.songs import song
from songreel.nodes.base import types
from songreel.nodes.schedule.plan.node import EventPlan as events
from songreel.nodes.schedule.modulate import node as faces
from songreel.nodes.schedule.exchange import node as exchange

analysis = song(10.0, Fraction(24))
story = types.Story(tuple(types.Shot(a, a + 2.5, f"place {k}") for k, a in enumerate((0.0, 2.5, 5.0, 7.5))))
seen = {}
def run(node, **inputs):
    with torch.inference_mode():
        output = node.execute(**inputs)
    seen.setdefault("ui", {})[node.__name__] = getattr(output, "ui", None)
    return output.result if hasattr(output, "result") else output.args

# What travels as JSON text is what a program would send.
told, schedule, text, plot = run(events, beat_envelope=analysis.to_text(), story=story.to_text(),
                                 edits="0:05 dissolve 0.5\\n0:07.5 cut", walk=1.0, zoom=0.2)
seen["transitions"] = [schedule.transition[frame] for frame in (59, 119, 179)]
seen["events"] = text.splitlines()
seen["plot"] = list(plot.shape)
schedule, values, plot = run(faces.ModulateSchedule, frame_schedule=schedule, beat_envelope=analysis, curve="onset",
                             target="cfg", low=5.0, high=9.0)
seen["cfg"] = [len(values), min(values), max(values), list(plot.shape)[-1]]
schedule, = run(faces.ScheduleThemes, frame_schedule=schedule, beat_envelope=analysis, themes="onset: sparks",
                amount=0.5)
schedule, numbers = run(faces.ScheduleCurve, frame_schedule=schedule.to_text(), curve="angle", values=[2.0] * 240)
seen["angle"] = [numbers[0], len(numbers)]
_, numbers = run(faces.ScheduleCurve, frame_schedule=schedule, curve="onset")
seen["theme"] = round(max(numbers), 3)
deforum, report = run(exchange.ScheduleToText, frame_schedule=schedule, story=told, format="Deforum settings")
seen["report"] = report
again, other, said = run(exchange.TextToSchedule, beat_envelope=analysis, text=deforum)
seen["again"] = [[shot.prompt for shot in again.shots], sorted(other.curves), said]
print("RESULT" + json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))[6:])


def test_the_plan_takes_the_edits_and_shows_itself(seen):
    assert seen["transitions"][1:] == ["dissolve", "cut"]
    assert [line.split("  #")[0] for line in seen["events"]][1:] == ["0:05.000 dissolve 0.5", "0:07.500 cut"]
    assert seen["ui"]["EventPlan"] == {"text": ["\n".join(seen["events"])]}
    # Two lanes: zoom and noise_walk.
    assert seen["plot"] == [1, 480 + 2 * 34, 1280, 3]


def test_curves_and_themes_go_in_and_out(seen):
    assert seen["cfg"] == [240, 5.0, 9.0, 3]
    assert seen["angle"] == [2.0, 240] and seen["theme"] == pytest.approx(0.5, abs=0.01)


def test_deforum_takes_what_it_can_and_the_rest_is_said(seen):
    assert seen["report"] == "This format does not carry: noise_walk, theme onset, cuts and dissolves."
    prompts, curves, said = seen["again"]
    assert prompts == ["place 0", "place 1", "place 2", "place 3"]
    assert curves == ["angle", "cfg", "zoom"] and said.startswith("Read at 24 fps: 4 shots; zoom: ")
    assert seen["ui"]["TextToSchedule"]["text"] == [said]
