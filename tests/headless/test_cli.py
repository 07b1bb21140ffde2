"""The command line: how options find their nodes, what it refuses, exit codes, files."""

import argparse
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from headless.cli import catalogue, common
from headless.cli import main as cli
from headless.cli import render as render_command
from headless.folders import numbered
from headless.host import HeadlessHost, Interrupted
from headless.workflow import options
from headless.workflow.options import ROLES, UsageError, apply_role, apply_set, find_output, find_role, schemas_of
from songreel.nodes.base.errors import InputError
from support.paths import ROOT

SCHEMAS = {
    "LoadAudio": {"audio": ("COMBO", {"options": []})},
    "Envelope": {"audio": ("AUDIO", {}), "fps": ("FLOAT", {"min": 1})},
    "Rate": {"fps": ("STRING", {})},
    "Text": {"text": ("STRING", {"multiline": True}), "story": ("STORY", {})},
    "Render": {
        "model": ("MODEL", {}),
        "steps": ("INT", {}),
        "cfg": ("FLOAT", {}),
        "width": ("INT", {}),
        "height": ("INT", {}),
        "noise_seed": ("INT", {}),
        "draft": ("BOOLEAN", {}),
        "sampler": ("COMBO", {"options": ["euler", 2]}),
    },
    "SaveVideo": {"video": ("VIDEO", {}), "filename_prefix": ("STRING", {})},
    "PreviewImage": {"images": ("IMAGE", {})},
}


def workflow(**titles):
    """One node of each class but for the second Text; `titles` are by node id with a leading n."""
    classes = {"1": "LoadAudio", "2": "Envelope", "3": "Text", "4": "Text", "5": "Render", "6": "SaveVideo"}
    nodes = {node_id: {"class_type": name, "inputs": {}} for node_id, name in classes.items()}
    nodes["2"]["inputs"]["audio"] = ["1", 0]
    for node_id, title in titles.items():
        nodes[node_id[1:]]["_meta"] = {"title": title}
    return nodes


# Options -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "titles", "found"),
    [
        ("song", {}, ("1", ["audio"])),
        ("song", {"n1": "Song: pick a file"}, ("1", ["audio"])),
        ("song", {"n2": "Song"}, ("1", ["audio"])),
        ("prompt", {"n4": "prompt"}, ("4", ["text"])),
        ("prompt", {"n3": "PROMPT (what it shows)", "n4": "Prompts"}, ("3", ["text"])),
        ("prompt", {"n3": "Negative prompt", "n4": "Prompt"}, ("4", ["text"])),
        ("frame rate", {}, ("2", ["fps"])),
        ("size", {}, ("5", ["width", "height"])),
        ("seed", {}, ("5", ["noise_seed"])),
        ("draft", {}, ("5", ["draft"])),
        ("checkpoint", {}, None),
        ("lyrics", {}, None),
        ("lyrics", {"n4": "Lyrics"}, ("4", ["text"])),
    ],
)
def test_a_role_finds_its_node(role, titles, found):
    assert find_role(workflow(**titles), SCHEMAS, ROLES[role]) == found


@pytest.mark.parametrize("titles", [{}, {"n3": "Prompt", "n4": "Prompt 2"}])
def test_a_role_that_could_mean_several_nodes(titles):
    with pytest.raises(
        UsageError, match=r"--prompt could mean several nodes \(Node 3 .*; Node 4 .*title one of them 'Prompt'"
    ):
        find_role(workflow(**titles), SCHEMAS, ROLES["prompt"])


def test_a_linked_input_is_no_candidate_unless_titled():
    nodes = workflow()
    nodes["3"]["inputs"]["text"] = ["4", 0]
    assert find_role(nodes, SCHEMAS, ROLES["prompt"]) == ("4", ["text"])
    nodes["3"]["_meta"] = {"title": "Prompt"}
    assert find_role(nodes, SCHEMAS, ROLES["prompt"]) == ("3", ["text"])


def test_a_role_sets_a_copy():
    before = workflow()
    after = apply_role(before, SCHEMAS, ROLES["size"], 512, 768)
    assert after["5"]["inputs"] == {"width": 512, "height": 768}
    assert before["5"]["inputs"] == {}


@pytest.mark.parametrize(
    ("role", "text", "node_id", "name", "value"),
    [
        ("steps", "8", "5", "steps", 8),
        ("seed", "18446744073709551615", "5", "noise_seed", 2**64 - 1),
        ("frame rate", "23.976", "2", "fps", 23.976),
        ("frame rate", "24000/1001", "2", "fps", 24000 / 1001),
        ("draft", True, "5", "draft", True),
    ],
)
def test_texts_are_typed_as_the_input_is(role, text, node_id, name, value):
    assert apply_role(workflow(), SCHEMAS, ROLES[role], text)[node_id]["inputs"][name] == value


def test_a_frame_rate_stays_text_where_the_input_is_text():
    nodes = {"1": {"class_type": "Rate", "inputs": {}}}
    assert apply_role(nodes, SCHEMAS, ROLES["frame rate"], "24000/1001")["1"]["inputs"] == {"fps": "24000/1001"}


@pytest.mark.parametrize(
    ("role", "text", "part"),
    [
        ("steps", "many", "--steps must be a whole number, got 'many'"),
        ("frame rate", "fast", "--fps must be a number, got 'fast'"),
        ("frame rate", "24/0", "--fps must be a number"),
        ("checkpoint", "x", "--checkpoint has nowhere to go: no node of this workflow has an input ckpt_name"),
        ("lyrics", "x", "--lyrics has nowhere to go"),
    ],
)
def test_options_that_do_not_fit(role, text, part):
    with pytest.raises(UsageError, match=part):
        apply_role(workflow(), SCHEMAS, ROLES[role], text)


def test_the_title_without_the_input_is_mentioned():
    with pytest.raises(UsageError, match=r'Node 6 "Checkpoint" \(SaveVideo\) has the title, but not the input'):
        apply_role(workflow(n6="Checkpoint"), SCHEMAS, ROLES["checkpoint"], "x")


@pytest.mark.parametrize(
    ("assignment", "node_id", "name", "value"),
    [
        ("5.steps=7", "5", "steps", 7),
        ("render.cfg=1.5", "5", "cfg", 1.5),
        ("My film, v1.2.draft=yes", "5", "draft", True),
        ("Render.sampler=euler", "5", "sampler", "euler"),
        ("Render.sampler=2", "5", "sampler", 2),
        ("4.text=a=b.c", "4", "text", "a=b.c"),
        ("4.text=", "4", "text", ""),
        ('4.story={"a": [1]}', "4", "story", {"a": [1]}),
        ("4.story=[1, 2]", "4", "story", {"__value__": [1, 2]}),
        ("SaveVideo.filename_prefix=x/y", "6", "filename_prefix", "x/y"),
    ],
)
def test_set(assignment, node_id, name, value):
    changed = apply_set(workflow(n5="My film, v1.2"), SCHEMAS, assignment)[node_id]["inputs"][name]
    assert changed == value
    assert type(changed) is type(value)


@pytest.mark.parametrize(
    ("assignment", "part"),
    [
        ("steps=7", "takes NODE.INPUT=VALUE, got 'steps=7'"),
        ("5.steps", "takes NODE.INPUT=VALUE"),
        (".steps=1", "takes NODE.INPUT=VALUE"),
        ("9.steps=1", "has no node '9'; there are Node 1"),
        ("Rendr.steps=1", "no node 'Rendr'; did you mean 'Render'"),
        ("Text.text=1", r"several nodes have the class 'Text' \(Node 3 \(Text\); Node 4 \(Text\)\)"),
        ("5.stepz=1", "no input 'stepz'; did you mean 'steps'"),
        ("5.qqq=1", "no input 'qqq'; it has model, steps"),
        ("5.steps=1.5", "must be a whole number, got '1.5'"),
        ("5.draft=maybe", "must be true or false, got 'maybe'"),
    ],
)
def test_set_that_does_not_fit(assignment, part):
    with pytest.raises(UsageError, match=part):
        apply_set(workflow(), SCHEMAS, assignment)


@pytest.mark.parametrize(("text", "size"), [("512x512", (512, 512)), (" 640 X 360 ", (640, 360)), ("8×16", (8, 16))])
def test_sizes(text, size):
    assert options.parse_size(text) == size


@pytest.mark.parametrize("text", ["512", "512x", "x512", "-8x8", "512x512x3", "big"])
def test_sizes_that_are_none(text):
    with pytest.raises(UsageError, match="--size takes WIDTHxHEIGHT"):
        options.parse_size(text)


def test_the_output_node():
    nodes = workflow() | {"7": {"class_type": "PreviewImage", "inputs": {}}}
    classes = ["SaveVideo", "PreviewImage"]
    assert find_output(nodes, classes) == "6"
    nodes["8"] = {"class_type": "SaveVideo", "inputs": {}, "_meta": {"title": "Output"}}
    assert find_output(nodes, classes) == "8"
    nodes["8"]["_meta"] = {"title": "Second"}
    with pytest.raises(UsageError, match="one output node with the title 'Output', this workflow has: Node 6"):
        find_output(nodes, classes)
    with pytest.raises(UsageError, match="this workflow has: none"):
        find_output({}, classes)


def test_schemas_of_an_older_server():
    infos = {"A": {"input": {"required": {"x": [["a", "b"], {"tooltip": "t"}]}, "optional": {"y": ["INT"]}}}}
    assert schemas_of(infos) == {"A": {"x": ("COMBO", {"options": ["a", "b"], "tooltip": "t"}), "y": ("INT", {})}}


# The host ------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.delenv("SONGREEL_MODELS", raising=False)
    return HeadlessHost(tmp_path / "home", inputs=tmp_path, stream=io.StringIO())


def test_folders(host, tmp_path, monkeypatch):
    assert host.private_dir() == tmp_path / "home" / "private"
    if os.name == "posix":
        assert host.private_dir().stat().st_mode & 0o777 == 0o700
    assert host.temp_dir() != host.output_dir()
    assert host.model_folders("checkpoints") == []
    more = tmp_path / "more"
    for folder in (tmp_path / "home" / "models", more):
        (folder / "checkpoints" / "sub").mkdir(parents=True)
        (folder / "checkpoints" / "sub" / f"{folder.name}.safetensors").touch()
    monkeypatch.setenv("SONGREEL_MODELS", str(more))
    again = HeadlessHost(tmp_path / "home")
    assert again.model_names("checkpoints") == ["sub/models.safetensors", "sub/more.safetensors"]
    assert again.model_file("checkpoints", "sub/more.safetensors") == more / "checkpoints" / "sub" / "more.safetensors"
    with pytest.raises(InputError, match="no model '../x'"):
        again.model_file("checkpoints", "../x")


def test_files_are_known_by_their_base_name(host, tmp_path):
    first, second = tmp_path / "a" / "song.wav", tmp_path / "b" / "song.wav"
    for path in (first, second):
        path.parent.mkdir()
        path.touch()
    assert host.register("input", first) == host.register("input", first) == "song.wav"
    assert host.register("input", second) == "song-2.wav"
    assert (host.input_file("song.wav"), host.input_file("song-2.wav")) == (first, second)
    assert host.register("checkpoints", first) == "song.wav"
    assert host.model_file("checkpoints", "song.wav") == first


@pytest.mark.parametrize("name", ["none.wav", "../x.wav", "a [output]", "../../etc/hosts [temp]"])
def test_input_files_that_are_none(host, name):
    with pytest.raises(InputError, match="no input file"):
        host.input_file(name)


def test_files_are_numbered_on(tmp_path):
    assert numbered("video/beat", tmp_path)[1:] == ("beat", 1, "video")
    for name in ("beat_00007_.mp4", "beat_00002_.png", "beats_00099_.mp4"):
        (tmp_path / "video" / name).touch()
    assert numbered("video/beat", tmp_path)[1:] == ("beat", 8, "video")
    assert numbered("%width%x%height%", tmp_path, width=8, height=16)[1:] == ("8x16", 1, "")
    for prefix in ("../x", "/tmp/x", "a/../../x"):
        with pytest.raises(InputError, match="filename_prefix must stay inside"):
            numbered(prefix, tmp_path)


def test_progress_in_a_log_is_sparse(host):
    with host.executing("3", "Film"):
        assert host.node_id() == "3"
        progress = host.progress(100)
        for done in range(101):
            progress.update(done)
        progress.status("240 frames")
    lines = host.terminal.stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Film: 100/100 100%")
    assert lines[1] == "Film: 240 frames"
    assert host.node_id() is None


def test_previews_are_written(tmp_path):
    host = HeadlessHost(tmp_path / "home", preview=tmp_path / "p.jpg", stream=io.StringIO())
    host.progress(2).update(1, np.full((8, 12, 3), 200, np.uint8))
    from PIL import Image

    with Image.open(tmp_path / "p.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (12, 8))
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_ctrl_c_is_seen_at_the_next_check(host):
    with host.catching_ctrl_c():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted):
            host.progress(3).update(1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert "Ctrl-C again" in host.terminal.stream.getvalue()


def test_temporary_folders_of_killed_processes_go(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    left = tmp_path / "temp" / f"{dead.pid}-abc"
    left.mkdir(parents=True)
    HeadlessHost(tmp_path).temp_dir()
    assert not left.exists()


def test_an_unwritable_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="set SONGREEL_HOME"):
        HeadlessHost(tmp_path / "file").temp_dir()


def test_publish_across_disks(tmp_path, monkeypatch):
    source, out = tmp_path / "source", tmp_path / "out.mp4"
    source.write_bytes(b"video")
    replace = os.replace

    def other_disk(a, b):
        if Path(a) == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(a, b)

    monkeypatch.setattr(os, "replace", other_disk)
    common.publish(source, out)
    assert out.read_bytes() == b"video"
    assert not source.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


# The program ---------------------------------------------------------------------------------------


def run(*args, tmp_path, check=None, **environment):
    """Run the program with a home of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "headless", *map(str, args)],
        cwd=ROOT,
        env=os.environ | {"SONGREEL_HOME": str(tmp_path / "home")} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    if check is not None:
        assert done.returncode == check, done.stderr
    return done


UI_WORKFLOW = {"nodes": [], "links": [], "version": 0.4}


@pytest.mark.parametrize(
    ("args", "part"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["render"], "required: SONG, --out"),
        (["render", "{song}"], "required: --out"),
        (["render", "{song}", "--out", "{out}", "--what"], "unrecognized arguments: --what"),
        (["render", "none.wav", "--out", "{out}"], "There is no song 'none.wav'"),
        (
            ["render", "{song}", "--out", "{tmp}/x.avi"],
            "x.avi' is no kind of video that can be written; end its name in",
        ),
        (["render", "{song}", "--out", "{tmp}/x"], ".mp4 (h264, hevc, av1, lossless); .webm (av1 webm); .mov (prores)"),
        (["render", "{song}", "--out", "{out}", "--models", "none"], "There is no folder 'none' for --models"),
        (["render", "{song}", "--out", "{folder}"], "is a folder; give the name of a file"),
        (["render", "{song}", "--out", "{song}/x.mp4"], "cannot be made"),
        (["render", "{song}", "--out", "{out}", "--workflow", "none"], "There is no workflow 'none'"),
        (["render", "{song}", "--out", "{out}", "--workflow", "{ui}"], "is in ComfyUI's UI format"),
        (["render", "{song}", "--out", "{out}", "--workflow", "{song}"], "is not a workflow"),
        (["render", "{song}", "--out", "{out}", "--server", "nowhere"], "--server takes an address"),
        (["analyze", "{song}"], "required: --json"),
        (["analyze", "{song}", "--json", "-", "--fps", "0"], "fps must be from 1 to 120, got 0"),
        (["analyze", "{song}", "--json", "-", "--fps", "fast"], "fps must be a number"),
        (["analyze", "none.wav", "--json", "-"], "There is no song 'none.wav'"),
    ],
)
def test_wrong_usage(args, part, tmp_path):
    (tmp_path / "song.wav").write_bytes(b"not a song")
    (tmp_path / "ui.json").write_text(json.dumps(UI_WORKFLOW))
    (tmp_path / "folder.mp4").mkdir()
    names = {
        "folder": tmp_path / "folder.mp4",
        "song": tmp_path / "song.wav",
        "out": tmp_path / "out.mp4",
        "tmp": tmp_path,
        "ui": tmp_path / "ui.json",
    }
    done = run(*(text.format(**names) for text in args), tmp_path=tmp_path, check=2)
    assert part in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not (tmp_path / "out.mp4").exists()


def test_a_job_that_fails(tmp_path):
    (tmp_path / "song.wav").write_bytes(b"not a song")
    done = run("analyze", tmp_path / "song.wav", "--json", tmp_path / "a.json", tmp_path=tmp_path, check=1)
    assert done.stderr.startswith("'song.wav' cannot be read as audio")
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == ["song.wav"]


def _stopped(args, bootstrap):
    raise Interrupted


def _crashed(args, bootstrap):
    raise KeyError("x")


def _full(args, bootstrap):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("job", "status", "text"),
    [
        (_stopped, 130, "Interrupted; what is finished is kept, the same command goes on from there."),
        (_crashed, 1, "KeyError: 'x' (--debug shows where)."),
        (_full, 1, "The disk is full; free some space and run the same command again."),
        (lambda args, bootstrap: 0, 0, ""),
    ],
)
def test_exit_codes(job, status, text, monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "_nodes", job)
    assert cli.main(["nodes"], lambda host: None) == status
    assert capsys.readouterr().err.strip() == text


def test_debug_shows_where(monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "_nodes", _crashed)
    assert cli.main(["nodes", "--debug"], lambda host: None) == 1
    assert "Traceback" in capsys.readouterr().err


def test_nodes_are_listed_without_anything_heavy(tmp_path):
    code = (
        "import sys\nfrom headless.__main__ import bootstrap\nfrom headless.cli.main import main\n"
        "status = main(['nodes', '--json'], bootstrap)\n"
        "sys.stderr.write(' '.join(sorted({'torch', 'numba', 'librosa', 'diffusers', 'av'} & set(sys.modules))))\n"
        "sys.exit(status)"
    )
    environment = os.environ | {"SONGREEL_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    names = [entry["name"] for entry in json.loads(done.stdout)]
    assert {"KSampler", "SaveVideo", "AudioBeatEnvelope", "RenderMusicVideo"} <= set(names)


def test_workflows_are_listed(tmp_path):
    entries = json.loads(run("workflows", "--json", tmp_path=tmp_path, check=0).stdout)
    assert [entry["name"] for entry in entries if entry["default"]] == ["story"]
    assert "beat_video" in run("workflows", tmp_path=tmp_path, check=0).stdout


def test_options_reach_the_shipped_workflow():
    from headless.__main__ import bootstrap
    from headless.demo.song import LYRICS
    from headless.workflow.registry import registry

    bootstrap(HeadlessHost(stream=io.StringIO()))
    schemas = schemas_of({name: cls.GET_NODE_INFO_V1() for name, cls in registry().items()})
    args = cli.parser().parse_args(
        ["render", "demo", "--out", "x.mp4", "--prompt", "0:00 fog", "--fps", "10", "--size", "256x192", "--steps", "3"]
        + ["--seed", "5", "--start", "1", "--seconds", "2.5", "--draft"]
    )
    args.checkpoint = "demo.safetensors"
    nodes = render_command.with_options(render_command.load_workflow(None), schemas, args, "demo.wav")
    found = {role: find_role(nodes, schemas, ROLES[role]) for role in ROLES if role != "identity"}
    values = {role: [nodes[node]["inputs"][name] for name in names] for role, (node, names) in found.items()}
    assert values == {
        "song": ["demo.wav"],
        "prompt": ["0:00 fog"],
        "lyrics": [LYRICS.read_text("utf-8")],
        "vocabulary": [""],
        "checkpoint": ["demo.safetensors"],
        "frame rate": [10.0],
        "size": [256, 192],
        "seed": [5],
        "steps": [3],
        "start": [1.0],
        "guidance": [7.0],
        "seconds": [2.5],
        "draft": [True],
    }
    assert nodes[find_output(nodes, ["SaveVideo", "PreviewImage"])]["class_type"] == "SaveVideo"


def test_analyze(tmp_path):
    from songreel.nodes.base.types import SongAnalysis

    out, plot = tmp_path / "deep" / "a.json", tmp_path / "a.png"
    done = run("analyze", "demo", "--json", out, "--plot", plot, "--fps", "10", tmp_path=tmp_path, check=0)
    analysis = SongAnalysis.of(out.read_text("utf-8"))
    assert analysis.fps == 10
    assert 20 <= analysis.duration <= 30
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.parent.iterdir()) == ["a.json"]
    printed = run("analyze", "demo", "--json", "-", "--fps", "10", tmp_path=tmp_path, check=0)
    assert json.loads(printed.stdout) == json.loads(out.read_text("utf-8"))
    assert done.stdout == ""


def test_emotion_and_story(tmp_path):
    from headless.demo.song import LYRICS
    from headless.demo_model import VOCABULARY
    from songreel.nodes.base.types import Story
    from songreel.nodes.song.emotion.timeline import EmotionTimeline

    out, plot = tmp_path / "e.json", tmp_path / "e.png"
    run("emotion", "demo", "--json", out, "--plot", plot, "--model", "built-in", tmp_path=tmp_path, check=0)
    emotion = EmotionTimeline.of(out.read_text("utf-8"))
    assert emotion.model == "built-in" and len(emotion.arousal) == 56
    assert plot.read_bytes().startswith(b"\x89PNG")
    text = tmp_path / "story.txt"
    command = ["story", "demo", "--json", "-", "--lyrics", LYRICS, "--vocabulary", VOCABULARY, "--text", text]
    done = run(*command, "--mode", "literal", "--fps", "12", tmp_path=tmp_path, check=0)
    story = Story.of(done.stdout)
    assert story.duration == emotion.duration
    assert [shot.record["place"] for shot in story.shots if "harbour" in shot.lyric] == ["harbour"]
    assert text.read_text("utf-8").startswith("0:00.000 ")
    wrong = run("story", "demo", "--json", "-", "--style", "baroque", tmp_path=tmp_path, check=2)
    assert "The style must be one of" in wrong.stderr


@pytest.mark.slow
def test_render(tmp_path):
    import av

    out = tmp_path / "new" / "film.mp4"
    command = ["render", "demo", "--out", out, "--draft", "--seconds", "2", "--preview", tmp_path / "p.jpg"]
    done = run(*command, tmp_path=tmp_path, check=0)
    with av.open(str(out)) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio"]
        assert abs(film.duration / av.time_base - 2) < 0.2
        prompt = film.metadata["prompt"]
    assert str(tmp_path) not in prompt
    assert "Wrote" in done.stderr
    assert (tmp_path / "p.jpg").exists()
    assert sorted(path.name for path in out.parent.iterdir()) == ["film.mp4"]
    assert list((tmp_path / "home" / "temp").iterdir()) == []


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (["--steps", "0"], "input 'steps' must be at least 1, got 0"),
        (["--fps", "0"], "input 'fps' must be"),
        (["--fps", "fast"], "--fps must be a number"),
        (["--size", "wide"], "--size takes WIDTHxHEIGHT"),
        (["--set", "x.y=1"], "no node 'x'"),
        (["--lyrics", "{song}", "--workflow", "beat_video"], "--lyrics has nowhere to go"),
        (["--lyrics", "none.lrc"], "There is no lyrics file 'none.lrc'"),
        (["--identity", "abc"], "--identity has nowhere to go"),
        (["--checkpoint", "none.safetensors"], "There is no checkpoint 'none.safetensors'"),
    ],
)
def test_options_that_cannot_work(more, part, tmp_path):
    checkpoint = tmp_path / "model.safetensors"
    checkpoint.write_bytes(b"never read")
    (tmp_path / "song.wav").write_bytes(b"never read")
    given = ["--checkpoint", checkpoint] if "--checkpoint" not in more else []
    args = ["render", tmp_path / "song.wav", "--out", tmp_path / "out.mp4", *given]
    done = run(*args, *(text.format(song=tmp_path / "song.wav") for text in more), tmp_path=tmp_path, check=2)
    assert part in done.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_the_parser_knows_the_contract():
    args = cli.parser().parse_args(["render", "s", "--out", "o.mp4"])
    assert isinstance(args, argparse.Namespace)
    assert {"workflow", "checkpoint", "lyrics", "prompt", "identity", "fps", "size", "steps", "seed", "start"} <= set(
        vars(args)
    )
    assert {"seconds", "set", "draft", "server", "preview", "debug"} <= set(vars(args))
