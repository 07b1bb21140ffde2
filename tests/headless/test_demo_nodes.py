"""The drawn person in the headless host: its nodes, its workflow, the command `train`, and that no face gets in."""

import io
import json

import numpy as np
import pytest

from headless.__main__ import bootstrap
from headless.cli import main as cli
from headless.cli import render as render_command
from headless.demo_model import CHECKPOINT
from headless.host import HeadlessHost, Interrupted
from headless.workflow.executor import Executor, NodeError
from headless.workflow.options import ROLES, apply_role, find_role, schemas_of
from headless.workflow.validate import validate
from songreel.nodes.person.identity import lora as lora_module
from support.paths import ROOT
from support.training import training


@pytest.fixture
def host(tmp_path):
    host = HeadlessHost(tmp_path, stream=io.StringIO())
    bootstrap(host)
    host.register("checkpoints", CHECKPOINT)
    return host


@pytest.fixture
def registry(host):
    from headless.workflow.registry import registry

    return registry()


def test_comfyui_never_lists_them_and_this_host_does(registry):
    from songreel.nodes import node_classes

    ours = {"DrawnSubject", "TrainDrawnSubjectLoRA"}
    assert ours <= set(registry)
    assert not ours & {cls.__name__ for cls in node_classes()}
    assert [socket.get_io_type() for socket in registry["DrawnSubject"].GET_SCHEMA().outputs] == ["DEMO_SUBJECT"]


def test_the_demo_workflow_is_the_story_with_a_drawn_person():
    demo = json.loads(render_command.DEMO_WORKFLOW.read_text("utf-8"))
    story = json.loads((ROOT / "workflows" / "api" / "story.json").read_text("utf-8"))
    added = {key: demo.pop(key)["class_type"] for key in ("13", "14", "15")}
    assert list(added.values()) == ["DrawnSubject", "TrainDrawnSubjectLoRA", "ApplyIdentityLoRA"]
    story["7"]["inputs"]["person"] = "{PERSON}"
    story["11"]["inputs"] |= {"model": ["15", 0], "clip": ["15", 1], "identity_lora": ["14", 0]}
    assert demo == story


def test_a_drawn_person_is_learnt_once_and_marked_as_drawn(host, registry):
    executor = Executor(registry, host=host)
    result = executor.run(training())
    lora, name = result.values["14"][0][0], result.values["14"][1][0]
    assert lora.record == "drawn" and name == lora.name and name.startswith("songreel/zuva-")
    assert lora_module.read_metadata(host.model_file("loras", name))["songreel.words"] == "zuva person"
    assert result.values["14"][3][0].shape == (1, 420, 960, 3)
    written = host.model_file("loras", name).stat().st_mtime_ns
    again = Executor(registry, host=host).run(training())
    assert again.values["14"][0][0] == lora and host.model_file("loras", name).stat().st_mtime_ns == written
    assert Executor(registry, host=host).run(training(seed=1)).values["14"][0][0].digest != lora.digest


def test_a_drawn_person_is_no_identity_and_an_identity_no_drawn_person(registry):
    graph = training()
    graph["14"]["class_type"] = "TrainIdentityLoRA"
    (problem,) = validate(graph, registry)
    assert "takes CHARCHA_IDENTITY, but output 0 of" in str(problem) and "DEMO_SUBJECT" in str(problem)
    graph = training()
    graph["13"] = {"class_type": "CharchaIdentity", "inputs": {"record": ""}}
    (problem,) = validate(graph, registry)
    assert "takes DEMO_SUBJECT, but output 0 of" in str(problem)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": "CHARCHA_IDENTITY", "version": 1, "record": "a" * 26}, "another type"),
        ({"type": "DEMO_SUBJECT", "version": 1, "look": "me.png"}, "look must be one of zuva, milo"),
        ({"type": "DEMO_SUBJECT", "version": 1, "look": "zuva", "pictures": [[0]]}, None),
    ],
)
def test_json_that_is_no_drawn_person(host, registry, given, message):
    graph = training(identity=given)
    del graph["13"]
    executor = Executor(registry, host=host)
    if message is None:
        # What a name has no place for is not looked at: the pictures are drawn.
        assert (
            executor.run(graph).values["14"][0][0] == Executor(registry, host=host).run(training()).values["14"][0][0]
        )
        return
    with pytest.raises(NodeError, match=message):
        executor.run(graph)


def test_no_array_gets_into_a_drawn_person(registry):
    with pytest.raises(Exception, match="unhashable|look must be one of"):
        registry["DrawnSubject"].execute(np.zeros((7, 64, 64, 3), np.uint8))


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ([], str(render_command.DEMO_WORKFLOW)),
        (["--lyrics", "x.lrc"], str(render_command.DEMO_WORKFLOW)),
        (["--draft"], "story"),
        (["--checkpoint", "x"], "story"),
        (["--server", "http://localhost"], "story"),
        (["--identity", "x"], "story"),
        (["--prompt", "fog"], "beat_video"),
    ],
)
def test_which_workflow_the_demo_song_gets(more, name):
    arguments = cli.parser().parse_args(["render", "demo", "--out", "x.mp4", *more])
    assert render_command._usual_workflow(arguments) == name
    own = cli.parser().parse_args(["render", "song.mp3", "--out", "x.mp4", *more])
    assert render_command._usual_workflow(own) == ("beat_video" if "--prompt" in more else "story")


@pytest.mark.parametrize("name", ["music_video", str(render_command.DEMO_WORKFLOW)])
def test_steps_and_seed_are_the_samplers_where_a_training_has_them_too(registry, name):
    schemas = schemas_of({name: cls.GET_NODE_INFO_V1() for name, cls in registry.items()})
    graph = render_command.load_workflow(name)
    for role in ("steps", "seed", "guidance"):
        assert find_role(graph, schemas, ROLES[role])[0] == "11"
    changed = apply_role(graph, schemas, ROLES["checkpoint"], "mine.safetensors")
    assert {changed[key]["inputs"]["ckpt_name"] for key in ("10", "14")} == {"mine.safetensors"}


# The command ---------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs the program in this process with a home of its own: (exit status, standard error)."""
    monkeypatch.setenv("SONGREEL_HOME", str(tmp_path / "home"))

    def main(*args):
        status = cli.main([str(entry) for entry in args], bootstrap)
        return status, capsys.readouterr().err

    return main


def test_train_writes_a_lora_and_finds_it_again(run, tmp_path):
    out, plot = tmp_path / "new" / "zuva.safetensors", tmp_path / "p.png"
    tiny = ["--steps", "4", "--rank", "2", "--resolution", "64", "--prior-share", "0"]
    command = ["train", "demo", "--out", out, "--plot", plot, *tiny]
    status, said = run(*command)
    assert status == 0 and "'zuva person', step" in said
    metadata, data = lora_module.read_metadata(out), out.read_bytes()
    assert metadata["ss_network_dim"] == "2" and metadata["songreel.record"] == "drawn"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in out.parent.iterdir()] == ["zuva.safetensors"]
    assert not list((tmp_path / "home").rglob("*-*.safetensors"))  # no second copy
    status, said = run(*command)
    assert status == 0 and "Training" not in said and out.read_bytes() == data
    status, said = run(*command, "--seed", "1")
    assert status == 0 and "Training: 4/4" in said and out.read_bytes() != data


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["train"], "required: ID, --out"),
        (["train", "demo"], "required: --out"),
        (["train", "demo", "--out", "{tmp}/x.ckpt"], "is a .safetensors file"),
        (["train", "abc", "--out", "{out}"], "--checkpoint is missing"),
        (["train", "demo", "--out", "{out}", "--steps", "0"], "steps must be a whole number from 1 to 100000, got 0"),
        (["train", "demo", "--out", "{out}", "--resolution", "100"], "resolution must be a multiple of 64"),
        (["train", "demo", "--out", "{out}", "--preset", "huge"], "invalid choice: 'huge'"),
        (["train", "demo", "--out", "{out}", "--checkpoint", "none.safetensors"], "There is no checkpoint 'none"),
        (["train", "demo", "--out", "{out}", "--models", "none"], "There is no folder 'none' for --models"),
        (["train", "demo", "--out", "{mine}"], "is there and is no LoRA of this person"),
    ],
)
def test_train_wrong_usage(args, part, run, tmp_path):
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(b"something else")
    names = {"tmp": tmp_path, "out": tmp_path / "out.safetensors", "mine": mine}
    status, said = run(*(text.format(**names) for text in args))
    assert status == 2 and part in said and len(said.splitlines()) == 1
    assert mine.read_bytes() == b"something else" and not names["out"].exists()


def test_a_stopped_training_leaves_no_file_and_goes_on(run, tmp_path, monkeypatch):
    out, stop = tmp_path / "x.safetensors", [True]
    send = HeadlessHost.send_event

    def stopping(self, event, data):
        send(self, event, data)
        if event == "training" and stop:
            stop.clear()
            raise Interrupted

    monkeypatch.setattr(HeadlessHost, "send_event", stopping)
    command = ["train", "demo", "--out", out, "--steps", "8", "--rank", "2", "--resolution", "64"]
    command += ["--prior-share", "0"]
    status, said = run(*command)
    assert status == 130 and "goes on from there" in said
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    status, said = run(*command)
    assert status == 0 and out.is_file()
    whole = tmp_path / "whole"
    monkeypatch.setenv("SONGREEL_HOME", str(whole))
    again = tmp_path / "y.safetensors"
    assert run(*command[:3], again, *command[4:])[0] == 0
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("record", ["abc", "a" * 26])
def test_train_refuses_whom_it_does_not_know(record, run, tmp_path):
    out = tmp_path / "x.safetensors"
    status, said = run("train", record, "--checkpoint", CHECKPOINT, "--out", out)
    assert status == 1 and len(said.splitlines()) == 1 and "identity" in said.lower()
    assert not out.exists()


def test_train_refuses_what_is_no_sd15(run, tmp_path):
    wrong, out = tmp_path / "w.safetensors", tmp_path / "x.safetensors"
    wrong.write_bytes(b"no checkpoint")
    status, said = run("train", "demo", "--checkpoint", wrong, "--out", out)
    assert status == 1 and len(said.splitlines()) == 1 and "w.safetensors" in said
    assert not out.exists()
