"""The faces of lyrics, emotion, caption and story under the stand-in `comfy_api`, in a process of their own."""

import json
import subprocess
import sys

import pytest

from songreel.nodes.base.guard import guarded_negative
from support.paths import ROOT

SCRIPT = """
import json, sys
from headless.__main__ import bootstrap
from headless.host import HeadlessHost
host = HeadlessHost(sys.argv[1])
bootstrap(host)
from songreel.nodes import node_classes
from songreel.nodes.host import install
install(host)
import torch
from headless.demo.song import LYRICS, make_demo_song
waveform, rate = make_demo_song()
audio = {"waveform": torch.from_numpy(waveform)[None], "sample_rate": rate}
nodes = {cls.__name__: cls for cls in node_classes()}
run = lambda name, **inputs: nodes[name].execute(**inputs)
song = run("AudioBeatEnvelope", audio=audio, fps=12.0).args[0]
lyrics = run("LoadLyrics", text=LYRICS.read_text(), beat_envelope=song)
emotion = run("MusicEmotion", audio=audio, model="built-in")
captions = run("MusicCaption", beat_envelope=song, emotion=emotion.args[0], lyrics=lyrics.args[0])
told = run("LyricsToStoryPrompts", beat_envelope=song.to_text(), lyrics=lyrics.args[0].to_text(),
           emotion=emotion.args[0].to_text(), captions=captions.args[0], story_seed=3)
edits = "0:00.000 a red balloon"
edited = run("LyricsToStoryPrompts", beat_envelope=song, lyrics=lyrics.args[0], emotion=emotion.args[0],
             captions=captions.args[0], story_seed=3, edits=edits)
shot = run("StoryShot", story=told.args[0].to_json(), shot=2, variation=5, shot_seed=9)
timed = [run("PromptTimeline", beat_envelope=song, text="a fox", **more).args[0].shots[0].negative
         for more in ({}, {"negative": "fog"})]
errors = []
for name, inputs in (("StoryShot", {"story": told.args[0], "shot": 99}),
                     ("StoryShot", {"story": told.args[0], "shot": 1, "prompt": "a nude"}),
                     ("LyricsToStoryPrompts", {"beat_envelope": song, "storyteller": "oracle"}),
                     ("LyricsToStoryPrompts", {"beat_envelope": song, "captions": "loud"}),
                     ("MusicEmotion", {"audio": audio, "model": "ear"})):
    try:
        run(name, **inputs)
    except Exception as error:
        errors.append(f"{type(error).__name__}: {error}")
print(json.dumps({
    "lrc": lyrics.args[1], "plot": list(emotion.args[1].shape), "steps": len(emotion.args[2]),
    "captions": captions.args[0], "told": told.args[1], "table": told.ui["songreel_story"][0]["shots"],
    "edited": edited.args[0].to_json()["shots"], "shots": told.args[0].to_json()["shots"],
    "shot": shot.args[0].to_json()["shots"], "prompt": shot.args[1], "errors": errors, "timed": timed,
}))
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path_factory.mktemp("home"))], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_from_song_to_story(result):
    assert result["lrc"].splitlines()[1].startswith("[00:04.5") and result["plot"] == [1, 480, 1280, 3]
    assert result["steps"] == 56
    assert all("BPM" in line for line in result["captions"].splitlines())
    assert len(result["table"]) == len(result["shots"]) >= 8
    assert [row["prompt"] for row in result["table"]] == [shot["prompt"] for shot in result["shots"]]
    assert result["table"][0]["colour"].startswith("#") and not result["table"][0]["by_hand"]


def test_edits_and_story_shot_change_one_shot(result):
    assert result["edited"][0]["prompt"] == "a red balloon"
    assert result["edited"][1:] == result["shots"][1:]
    assert result["shot"][1]["seed"] == 9 and result["shot"][1]["prompt"] == result["prompt"]
    assert result["prompt"] != result["shots"][1]["prompt"]
    assert result["shot"][:1] + result["shot"][2:] == result["shots"][:1] + result["shots"][2:]


def test_wrong_inputs_are_one_sentence(result):
    for error, words in zip(
        result["errors"],
        (
            "InputError: There is no shot 99; the story has shots 1 to ",
            "InputError: shot 1: 'nude' is not shown",
            "InputError: storyteller must be one of offline, llm, got 'oracle'",
            "InputError: captions, line 1: 'loud' does not begin with a time",
            "InputError: model must be one of auto, opensmile",
        ),
        strict=True,
    ):
        assert error.startswith(words)


def test_a_call_that_leaves_the_negative_prompt_out_has_only_what_every_shot_has(result):
    assert result["timed"] == [guarded_negative(""), guarded_negative("fog")]
