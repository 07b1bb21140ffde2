"""Eight states of a record x everything that uses a person: every cell, with one sentence each."""

import io
import json
import shutil

import numpy as np
import pytest
import torch

from headless.__main__ import bootstrap
from headless.cli.main import main
from headless.demo_model import CHECKPOINT
from headless.host import HeadlessHost
from headless.workflow.registry import registry
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.types import IdentityRef
from songreel.nodes.person.charcha import store as store_module
from songreel.nodes.person.identity.lora import IdentityLora, save_lora
from support.store import add
from support.videos import made_video

ALTERED, LIGHT = "altered or copied", "light check .* was not passed"
STATES = {
    "unknown": "no such identity record",
    "forged": ALTERED,
    "altered": ALTERED,
    "expired": "expired and its pictures are deleted",
    "revoked": "taken back",
    "deleted": "deleted by its owner",
    "reduced": LIGHT,
    "foreign": "no such identity record",
}
# What only names a record passes a reduced one on; whoever uses it refuses.
NAMES = ("CharchaCapture", "CharchaIdentity")
USES = ("TrainIdentityLoRA", "ApplyIdentityLoRA", "RenderMusicVideo", "ScheduleToSampler", "IdentityMetrics")
COMMANDS = ("train", "metrics")


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setenv("SONGREEL_HOME", str(tmp_path))
    host = HeadlessHost(stream=io.StringIO())
    bootstrap(host)
    host.register("checkpoints", CHECKPOINT)
    return host


def made(host, record_id):
    """A LoRA of the record, as a training leaves it."""
    path = host.lora_folder() / "songreel" / "vuzokiju.safetensors"
    words = {"songreel.record": record_id, "songreel.words": "vuzokiju person", "songreel.training": "ab" * 32}
    digest = save_lora(path, {"lora_unet_x.alpha": torch.ones(1)}, words)
    return path, IdentityLora("songreel/vuzokiju.safetensors", digest, "0" * 64, record_id)


def rewritten(path, change):
    content = json.loads(path.read_text())
    change(content["payload"])
    path.write_text(json.dumps(content))


def in_state(host, state, tmp_path, monkeypatch):
    """(record id, its LoRA), brought into the state."""
    store = store_module.store_of(host)
    record_id, _ = add(store, "reduced" if state == "reduced" else "full")
    path, lora = made(host, record_id)
    store.add_file(record_id, path)
    folder = host.private_dir() / "charcha" / "records" / record_id
    if state == "unknown":
        return "a" * 26, IdentityLora(lora.name, lora.digest, lora.base, "a" * 26)
    if state == "forged":
        rewritten(folder / "record.json", lambda payload: payload.update(assurance="full", expires=9e9))
    elif state == "altered":
        (folder / "record.json").write_bytes(b"{}")
    elif state == "expired":
        later = store_module.time.time() + 366 * 86_400
        init = store_module.IdentityStore.__init__
        monkeypatch.setattr(
            store_module.IdentityStore, "__init__", lambda self, folder: init(self, folder, clock=lambda: later)
        )
    elif state in ("revoked", "deleted"):
        getattr(store, "revoke" if state == "revoked" else "delete")(record_id)
    elif state == "foreign":
        other = store_module.IdentityStore(tmp_path / "elsewhere" / "charcha")
        foreign, _ = add(other)
        shutil.copytree(tmp_path / "elsewhere" / "charcha" / "records" / foreign, folder.with_name(foreign))
        return foreign, IdentityLora(lora.name, lora.digest, lora.base, foreign)
    return record_id, lora


def run(name, record_id, lora):
    """One node, given a record or its LoRA."""
    node = registry()[name]
    nothing = {"clip": None, "vae": None, "story": None, "frame_schedule": None, "audio": None}
    if name in NAMES:
        return node.execute(record=record_id)
    if name == "TrainIdentityLoRA":
        return node.execute(identity=IdentityRef(record_id), ckpt_name=CHECKPOINT.name, preset="quick", seed=0)
    if name == "ApplyIdentityLoRA":
        return node.execute(model=None, clip=None, identity_lora=lora, strength_model=0.0, strength_clip=0.0)
    if name == "RenderMusicVideo":
        return node.execute(model=None, **nothing, identity_lora=lora)
    if name == "ScheduleToSampler":
        return node.execute(clip=None, story=None, frame_schedule=None, identity_lora=lora)
    return node.execute(identity=IdentityRef(record_id), frames=torch.zeros(1, 64, 64, 3))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", (*NAMES, *USES))
def test_every_node_in_every_state(host, tmp_path, monkeypatch, state, name):
    record_id, lora = in_state(host, state, tmp_path, monkeypatch)
    if state == "reduced" and name in NAMES:
        assert run(name, record_id, lora).args[0] == IdentityRef(record_id)
        return
    with pytest.raises(InputError, match=STATES[state]) as refused:
        run(name, record_id, lora)
    assert str(tmp_path) not in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_what_names_a_good_record_passes_it_on(host, name):
    record_id, _ = add(store_module.store_of(host))
    assert run(name, record_id, None).args[0] == IdentityRef(record_id)


def test_a_good_likeness_is_applied(host):
    store = store_module.store_of(host)
    record_id, _ = add(store)
    path, lora = made(host, record_id)
    store.add_file(record_id, path)
    assert run("ApplyIdentityLoRA", record_id, lora).args[2] == "vuzokiju person"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_every_state(host, tmp_path, monkeypatch, capsys, state, command):
    import re

    record_id, _ = in_state(host, state, tmp_path, monkeypatch)
    if command == "train":
        out = tmp_path / "out.safetensors"
        arguments = ["train", record_id, "--checkpoint", str(CHECKPOINT), "--out", str(out)]
    else:
        out = tmp_path / "out.json"
        video = made_video(tmp_path / "film.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3)
        arguments = ["metrics", str(video), "--identity", record_id, "--json", str(out)]
    assert main(arguments, bootstrap) == 1
    assert re.search(STATES[state], capsys.readouterr().err) and not out.exists()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "name", (*NAMES, "TrainIdentityLoRA", "ApplyIdentityLoRA", "ScheduleToSampler", "IdentityMetrics")
)
def test_no_cache_brings_a_record_back(host, tmp_path, monkeypatch, state, name):
    """The key that caches go by differs from the one that the same record had while it was good, or equals nothing."""
    node = registry()[name]
    store = store_module.store_of(host)
    good, _ = add(store)

    def key(record_id, lora):
        if name in NAMES:
            return node.fingerprint_inputs(record=record_id)
        if name in ("TrainIdentityLoRA", "IdentityMetrics"):
            return node.fingerprint_inputs(identity=IdentityRef(record_id))
        return node.fingerprint_inputs(identity_lora=lora)

    before = key(good, IdentityLora("x", "0" * 64, "0" * 64, good))
    now = key(*in_state(host, state, tmp_path, monkeypatch))
    assert now != before or now != now


def test_an_older_consent_is_not_compared(host):
    store = store_module.store_of(host)
    record_id, _ = store.add(
        token="vuzokiju",
        class_word="person",
        consent="2026-11",
        assurance="full",
        scores={},
        pictures=[np.zeros((48, 48, 3), np.uint8)] * 7,
        labels=["x"] * 7,
    )
    with pytest.raises(InputError, match="agreed to an older text"):
        run("IdentityMetrics", record_id, None)
