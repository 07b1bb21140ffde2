"""The story workflow in a real ComfyUI, over HTTP; the headless host tells the same story."""

import json
import shutil

import av
import pytest
import soundfile

from headless.demo.song import LYRICS, make_demo_song
from headless.host import HeadlessHost
from headless.workflow import executor
from support.comfy_server import ROOT, ComfyServer
from support.comfyui import find_comfyui
from support.random_sd15 import thin_sd15

pytestmark = pytest.mark.comfyui
SECONDS = 9.0
# What leaves the picture out: all up to the story.
STORY_NODES = ("1", "2", "3", "4", "6", "7")


def workflow():
    graph = json.loads((ROOT / "workflows" / "api" / "story.json").read_text("utf-8"))
    graph["1"]["inputs"]["audio"] = "song.wav"
    graph["3"]["inputs"]["text"] = LYRICS.read_text("utf-8")
    graph["4"]["inputs"]["model"] = "built-in"
    graph["7"]["inputs"] |= {"theme": "a lost letter", "person": "{PERSON}"}
    graph["10"]["inputs"]["ckpt_name"] = "thin_sd15.safetensors"
    graph["11"]["inputs"] |= {"steps": 1, "width": 64, "height": 64, "seconds": 0.25, "batch_size": 1}
    return graph


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = find_comfyui()
    if found is None:
        pytest.skip("NO COMFYUI FOUND: set COMFYUI_DIR to test the pack inside ComfyUI")
    folder = tmp_path_factory.mktemp("comfyui")
    running = ComfyServer(*found, folder, thin_sd15())
    waveform, rate = make_demo_song()
    soundfile.write(folder / "input" / "song.wav", waveform[:, : int(SECONDS * rate)].T, rate)
    running.start()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)


def test_the_story_workflow_makes_a_video_and_both_hosts_tell_the_same_story(server, tmp_path):
    _, entry = server.run(workflow(), timeout=900)
    assert entry["status"]["status_str"] == "success", entry["status"]
    (saved,) = entry["outputs"]["12"]["images"]
    with av.open(str(server.folder / saved["type"] / saved["subfolder"] / saved["filename"])) as film:
        assert abs(film.duration / av.time_base - 0.25) < 0.1
    told = entry["outputs"]["7"]["text"][0]
    assert told.count("a lost letter") >= 2 and "lyric: Down at the harbour" in told and "{PERSON}" in told
    assert "BPM in 4/4" in entry["outputs"]["6"]["text"][0]
    assert entry["outputs"]["3"]["text"][0].startswith("[la:en]\n[00:04.5")
    assert len(entry["outputs"]["5"]["images"]) == 1

    from headless.__main__ import bootstrap
    from headless.workflow.registry import registry

    host = HeadlessHost(tmp_path, inputs=server.folder / "input")
    bootstrap(host)
    host.register("input", server.folder / "input" / "song.wav")
    graph = {name: node for name, node in workflow().items() if name in STORY_NODES}
    classes = registry()
    from songreel.nodes.story.node import LyricsToStoryPrompts

    texts = []
    execute = LyricsToStoryPrompts.execute.__func__

    def kept(cls, **inputs):
        output = execute(cls, **inputs)
        texts.append(output.args[1])
        return output

    LyricsToStoryPrompts.execute = classmethod(kept)
    try:
        graph["98"] = {"class_type": "StoryShot", "inputs": {"story": ["7", 0], "shot": 1}}
        graph["8"] = workflow()["8"]
        graph["9"] = workflow()["9"]
        executor.Executor(classes, host=host).run(graph)
    finally:
        LyricsToStoryPrompts.execute = classmethod(execute)
    assert texts == [told]


def test_tokens_are_counted_alike(server):
    """Prompts at the limit: ComfyUI's tokenizer kept as much of them as ours does."""
    graph = {name: node for name, node in workflow().items() if name in STORY_NODES}
    long = "an endless parade of brass bands, jugglers, acrobats and giants on stilts " * 3
    graph["7"]["inputs"] |= {"theme": long.strip(), "style": "cinematic"}
    graph["8"], graph["9"] = workflow()["8"], workflow()["9"]
    _, entry = server.run(graph)
    assert entry["status"]["status_str"] == "success", entry["status"]
    told = entry["outputs"]["7"]["text"]
    from headless.sd.text import tokenize

    prompts = [line.split(" ", 1)[1] for line in told[0].splitlines() if not line.startswith(" ")]
    assert max(len(tokenize(prompt)) for prompt in prompts) <= 75
    assert any("prompts were shortened to what CLIP reads" in line for line in told[1:])


def test_errors_are_one_sentence_without_paths(server):
    graph = {name: node for name, node in workflow().items() if name in STORY_NODES} | {
        "8": workflow()["8"],
        "9": workflow()["9"],
    }
    graph["7"]["inputs"]["storyteller"] = "llm"
    messages, _ = server.run(graph)
    error = next(message["data"] for message in messages if message["type"] == "execution_error")
    assert error["exception_message"].strip().startswith(("There is no language model", "The package openai is not"))
    assert str(server.folder) not in error["exception_message"]
