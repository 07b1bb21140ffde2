"""Samples of a person while a LoRA is learnt: painted without a trace in the LoRA, kept for the owner only."""

import asyncio
import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from headless.__main__ import bootstrap
from headless.demo_model import CHECKPOINT
from headless.host import HeadlessHost
from songreel.nodes.base.errors import InputError
from songreel.nodes.person.charcha import store as store_module
from songreel.nodes.person.identity import run, verified_person
from songreel.nodes.person.identity import samples as samples_module
from songreel.nodes.person.identity.settings import TrainSettings as Settings
from support.capture_server import capture_server
from support.store import add, pictures
from support.training import TINY

PICTURE = np.full((64, 64, 3), 120, np.uint8)
SMALL = Settings(**(vars(TINY) | {"steps": 8, "prior_share": 0.0, "validate_every": 8}))


@pytest.fixture
def host(tmp_path):
    host = HeadlessHost(tmp_path, stream=io.StringIO())
    bootstrap(host)
    host.register("checkpoints", CHECKPOINT)
    return host


class Faces:
    """Sees one and the same face in the middle of any picture."""

    def __init__(self, host):
        pass

    def detect(self, picture):
        height, width = picture.shape[:2]
        return [type("Face", (), {"box": (0.4 * width, 0.3 * height, 0.6 * width, 0.6 * height)})]

    def describe(self, picture, face):
        return np.zeros(4)


@pytest.fixture
def record(host, monkeypatch):
    monkeypatch.setattr(verified_person, "FaceFinder", Faces)
    monkeypatch.setattr(samples_module, "STEPS", 2)
    shown = [np.asarray(Image.fromarray(picture).resize((160, 160))) for picture in pictures()]
    return add(store_module.store_of(host), shown=shown)


def learn(host, record_id, samples, settings=SMALL):
    from songreel.nodes.base.types import IdentityRef

    identity = IdentityRef(record_id)
    with torch.inference_mode():
        run = verified_person.TrainRun(samples=samples)
        return verified_person.train_person(host, identity, CHECKPOINT.name, settings, run)


def test_a_set_at_each_quarter_and_one_of_the_step_that_is_kept(host, record):
    record_id, key = record
    store = store_module.store_of(host)
    done = learn(host, record_id, "while training")
    kept = store.previews(record_id)
    best = done.curve.best[0]
    assert {step for step, _, _ in kept} == {2, 4, 6, best}
    assert sorted({style for _, style, _ in kept}) == ["cartoon", "realistic", "sketch"]
    shown = [np.asarray(Image.open(io.BytesIO(data))) for _, _, data in kept]
    assert {picture.shape for picture in shown} == {(64, 64, 3)}
    assert all(picture.std() > 1 for picture in shown)
    assert done.report["sets_of_samples"] == 4
    events = [data for name, data in host.events if name == "songreel.training"]
    assert events[-1]["record"] == record_id and [data["samples"] for data in events] == [1, 2, 2, 3, 3]


def test_samples_leave_no_trace_in_the_lora(host, record, tmp_path):
    from songreel.nodes.person.identity.subject import subject_of

    with_samples = learn(host, record[0], "while training").path.read_bytes()
    other = HeadlessHost(tmp_path / "other", stream=io.StringIO())
    other.register("checkpoints", CHECKPOINT)
    subject = subject_of(store_module.load_identity(host, record[0]), Faces(host))
    with torch.inference_mode():
        assert run.train_lora(other, subject, CHECKPOINT, SMALL).path.read_bytes() == with_samples


def test_nothing_readable_is_on_the_disk_and_all_of_it_goes_with_the_person(host, record):
    record_id, _ = record
    store = store_module.store_of(host)
    done = learn(host, record_id, "at the end", Settings(**(vars(SMALL) | {"text_encoder": True})))
    assert [step for step, _, _ in store.previews(record_id)] == [done.curve.best[0]] * 3
    files = list((host.private_dir() / "charcha" / "previews" / record_id).iterdir())
    assert len(files) == 3 and not any(b"\xff\xd8\xff" in path.read_bytes() for path in files)
    assert not [path for path in host.root.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    # Another record's folder, another step's name: neither can be read.
    moved = files[0].with_name(files[0].name.replace("-0", "-1", 1))
    files[0].rename(moved)
    assert len(store.previews(record_id)) == 2
    store.delete(record_id)
    assert not moved.parent.exists() and not done.path.exists()


def test_off_keeps_nothing(host, record):
    done = learn(host, record[0], "off")
    assert store_module.store_of(host).previews(record[0]) == []
    assert "sets_of_samples" not in done.report
    assert all("record" not in data for name, data in host.events if name == "songreel.training")


def test_a_new_training_takes_the_place_of_the_old_samples(host, record):
    store = store_module.store_of(host)
    store.keep_preview(record[0], "aaaaaaaa", 5, "sketch", PICTURE)
    store.keep_preview(record[0], "aaaaaaaa", 9, "sketch", PICTURE)
    assert [entry[:2] for entry in store.previews(record[0])] == [(5, "sketch"), (9, "sketch")]
    store.keep_preview(record[0], "bbbbbbbb", 3, "cartoon", PICTURE)
    assert [entry[:2] for entry in store.previews(record[0])] == [(3, "cartoon")]


def test_consent_that_is_taken_back_ends_the_training(host, record):
    store = store_module.store_of(host)
    store.revoke(record[0])
    with pytest.raises(InputError, match="taken back"):
        store.keep_preview(record[0], "aaaaaaaa", 5, "sketch", PICTURE)
    with pytest.raises(InputError, match="taken back"):
        store.previews(record[0])


def test_prompts_name_the_person_in_three_styles():
    found = samples_module.prompts_of("vuzokiju woman")
    assert list(found) == ["realistic", "cartoon", "sketch"]
    assert all("a portrait of vuzokiju woman, " in prompt and negative for prompt, negative in found.values())
    assert len({prompt for prompt, _ in found.values()}) == 3


def test_the_owner_sees_them_and_nobody_else(tmp_path):
    async def play():
        async with capture_server(tmp_path, make_models=lambda: (None, None, None)) as server:
            record_id, key = add(server.store)
            server.store.keep_preview(record_id, "aaaaaaaa", 5, "sketch", PICTURE)
            body = {"record": record_id, "do": "previews", "owner_key": key}
            answer = await server.post("identity", body)
            assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
            (entry,) = (await answer.json())["previews"]
            assert (entry["step"], entry["style"]) == (5, "sketch")
            assert Image.open(io.BytesIO(base64.b64decode(entry["jpeg"]))).size == (64, 64)
            for change in ({"owner_key": "x"}, {"owner_key": None}, {"record": "a" * 26}):
                refused = await server.post("identity", body | change)
                assert refused.status == 403 and "jpeg" not in await refused.text()
            assert (await server.post("identity", body, {"Origin": "http://evil.example"})).status == 403
            server.store.revoke(record_id)
            refused = await server.post("identity", body)
            assert refused.status == 400 and "taken back" in (await refused.json())["error"]

    asyncio.run(play())


def test_nothing_after_it_runs_until_it_is_accepted(host):
    from headless.workflow.executor import Executor
    from headless.workflow.registry import registry
    from support.training import training

    graph = training(steps=2)
    graph["10"] = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT.name}}
    inputs = {"model": ["10", 0], "clip": ["10", 1], "identity_lora": ["14", 0]}
    inputs |= {"strength_model": 1.0, "strength_clip": 1.0, "accepted": False}
    graph["15"] = {"class_type": "ApplyIdentityLoRA", "inputs": inputs}
    graph["17"] = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["15", 1], "text": "zuva person"}}
    graph["18"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}}
    sampler = {"model": ["15", 0], "positive": ["17", 0], "negative": ["17", 0], "latent_image": ["18", 0], "seed": 1}
    sampler |= {"steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    graph["19"] = {"class_type": "KSampler", "inputs": sampler}
    graph["20"] = {"class_type": "VAEDecode", "inputs": {"samples": ["19", 0], "vae": ["10", 2]}}
    graph["21"] = {"class_type": "PreviewImage", "inputs": {"images": ["20", 0]}}
    executor = Executor(registry(), host=host)
    result = executor.run(graph)
    assert "21" not in result.outputs and "turn on 'accepted'" in result.blocked[0][1]
    graph["15"]["inputs"]["accepted"] = True
    assert "21" in executor.run(json.loads(json.dumps(graph))).outputs
