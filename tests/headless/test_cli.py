"""The command line: how options find their nodes, what it refuses, exit codes, files."""

import argparse
import errno
import io
import json
import os
import subprocess
import sys
import wave

import pytest

from headless.cli import catalogue
from headless.cli import main as cli
from headless.cli import render as render_command
from headless.host import HeadlessHost, Interrupted
from headless.workflow.options import ROLES, find_output, find_role, schemas_of
from support.paths import ROOT


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

    out, plot, click = tmp_path / "deep" / "a.json", tmp_path / "a.png", tmp_path / "deep" / "click.wav"
    given = ("--json", out, "--plot", plot, "--click", click, "--fps", "10")
    done = run("analyze", "demo", *given, tmp_path=tmp_path, check=0)
    analysis = SongAnalysis.of(out.read_text("utf-8"))
    assert analysis.fps == 10
    assert 20 <= analysis.duration <= 30
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.parent.iterdir()) == ["a.json", "click.wav"]
    with wave.open(str(click)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 44_100)
        assert file.getnframes() == round(analysis.duration * 44_100)
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
    assert "argument --style: invalid choice: 'baroque'" in wrong.stderr


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
