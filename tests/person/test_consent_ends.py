"""Consent that ends while work runs: no further step, nothing half made, one sentence."""

import hashlib
import io
import os
import random
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from headless.__main__ import bootstrap
from headless.demo_model import CHECKPOINT
from headless.host import HeadlessHost
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.types import IdentityRef
from songreel.nodes.host.permits import Permit, holding, note_made
from songreel.nodes.host.port import Sampling
from songreel.nodes.person.charcha import store as store_module
from songreel.nodes.person.charcha.in_use import likeness_in_use, permit_of
from songreel.nodes.person.charcha.record import RefusedError
from songreel.nodes.person.identity import lora as lora_module
from songreel.nodes.person.identity import verified_person
from songreel.nodes.person.identity.locked import LockedLora, LockedTensors
from songreel.nodes.person.identity.settings import LOCKED, OPEN, TrainRun
from songreel.nodes.person.identity.settings import TrainSettings as Settings
from songreel.nodes.person.identity.train import Trainer
from support.consent import AskingHost, take_back
from support.renders import render
from support.store import add, pictures
from support.training import TINY

STEPS = 12
SMALL = Settings(**(vars(TINY) | {"steps": STEPS, "prior_share": 0.0, "validate_every": STEPS, "class_pictures": 0}))
# The whole claim is 20 times each; the first few run with every change.
TIMES = [pytest.param(seed, marks=[pytest.mark.slow] if seed >= 2 else []) for seed in range(20)]
WORDS = {"revoke": "taken back", "delete": "deleted by its owner"}


@pytest.fixture
def host(tmp_path):
    host = HeadlessHost(tmp_path, stream=io.StringIO())
    bootstrap(host)
    host.register("checkpoints", CHECKPOINT)
    return host


@pytest.fixture
def record(host, monkeypatch):
    class Faces:
        def __init__(self, host):
            pass

        def detect(self, picture):
            height, width = picture.shape[:2]
            return [type("Face", (), {"box": (0.4 * width, 0.3 * height, 0.6 * width, 0.6 * height)})]

        def describe(self, picture, face):
            return np.zeros(4)

    monkeypatch.setattr(verified_person, "FaceFinder", Faces)
    shown = [np.asarray(Image.fromarray(picture).resize((160, 160))) for picture in pictures()]
    return add(store_module.store_of(host), shown=shown)[0]


def learn(host, record_id, lock=OPEN, settings=SMALL):
    with torch.inference_mode():
        return verified_person.train_person(
            host, IdentityRef(record_id), CHECKPOINT.name, settings, TrainRun(lock=lock)
        )


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("how", WORDS)
@pytest.mark.parametrize("seed", TIMES)
def test_training_takes_no_step_after_consent_ended(host, record, monkeypatch, seed, how):
    last, taken, step = random.Random(seed).randint(1, STEPS - 1), [], Trainer._one_step

    def counted(self):
        step(self)
        taken.append(self.step)
        if self.step == last:
            take_back(host, record, how)

    monkeypatch.setattr(Trainer, "_one_step", counted)
    with pytest.raises(InputError, match=WORDS[how]) as refused:
        learn(host, record)
    assert taken == list(range(1, last + 1))
    assert str(host.root) not in str(refused.value) and refused.value.__suppress_context__ or how == "revoke"
    assert files_below(host.root / "models") == []
    assert [name for name in files_below(host.private_dir() / "work") if name != "lock"] == []


def test_consent_that_ends_before_the_file_is_in_its_place_leaves_none(host, record, monkeypatch):
    save = lora_module.atomic_path

    def late(path):
        take_back(host, record, "revoke")
        return save(path)

    monkeypatch.setattr(lora_module, "atomic_path", late)
    with pytest.raises(InputError, match="taken back"):
        learn(host, record)
    assert files_below(host.root / "models") == []


def test_what_was_finished_before_stays_until_it_is_deleted(host, record):
    done = learn(host, record)
    copy = done.path.with_name("renamed.safetensors")
    shutil.copy(done.path, copy)
    take_back(host, record, "revoke")
    with pytest.raises(InputError, match="taken back"):
        learn(host, record, settings=Settings(**(vars(SMALL) | {"seed": 2})))
    assert done.path.is_file()
    other = done.path.with_name("of-somebody-else.safetensors")
    other.write_bytes(b"x" * done.path.stat().st_size)
    assert take_back(host, record, "delete") == []
    assert files_below(host.root / "models") == ["of-somebody-else.safetensors"]


@pytest.mark.parametrize("how", WORDS)
@pytest.mark.parametrize("seed", range(20))
def test_a_render_takes_no_step_after_consent_ended(tmp_path, seed, how):
    last = random.Random(seed).randint(1, 40)
    host = AskingHost(tmp_path, at_step=last, act=lambda: take_back(host, record_id, how))
    record_id, _ = add(store_module.store_of(host))
    with pytest.raises(InputError, match=WORDS[how]) as refused, likeness_in_use([permit_of(host, record_id)]):
        render(host)
    assert host.sampled == last
    assert str(tmp_path) not in str(refused.value)
    assert files_below(host.private_dir() / "work") == [] and files_below(host.temp_dir()) == []


def test_a_render_that_is_stopped_keeps_its_work_and_delete_removes_it_unfinished(tmp_path):
    from support.small_host import Killed

    class Dying(AskingHost):
        def check_interrupt(self):
            super().check_interrupt()
            if self.sampled >= 60:
                raise Killed

    host = Dying(tmp_path)
    record_id, _ = add(store_module.store_of(host))
    with pytest.raises(Killed), likeness_in_use([permit_of(host, record_id)]):
        render(host)
    assert files_below(host.private_dir() / "work")
    assert take_back(host, record_id, "delete") == []
    assert files_below(host.private_dir() / "work") == []


def stop():
    raise KeyboardInterrupt


def test_a_resumed_render_is_the_same_film(tmp_path):
    films = []
    for at_step in (60, None):
        host = AskingHost(
            tmp_path / str(at_step), at_step=at_step, act=lambda: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        record_id, _ = add(store_module.store_of(host))
        if at_step:
            with pytest.raises(KeyboardInterrupt), likeness_in_use([permit_of(host, record_id)]):
                render(host)
        with likeness_in_use([permit_of(host, record_id)]):
            films.append(render(host)[0].read_bytes())
    assert films[0] == films[1]


def test_any_error_after_a_deletion_is_told_as_what_it_is(tmp_path):
    host = AskingHost(tmp_path)
    record_id, _ = add(store_module.store_of(host))
    with (
        pytest.raises(RefusedError, match="deleted by its owner") as refused,
        likeness_in_use([permit_of(host, record_id)]),
    ):
        folder = host.work_dir("film")
        take_back(host, record_id, "delete")
        assert not folder.exists()
        (folder / "part").write_bytes(b"x")
    assert refused.value.__suppress_context__ and str(tmp_path) not in str(refused.value)
    with pytest.raises(FileNotFoundError), likeness_in_use([]):
        (tmp_path / "nowhere" / "part").write_bytes(b"x")


def test_a_model_with_a_likeness_asks_at_every_estimate_in_any_sampler(host, record):
    from support.demo_parts import demo_parts

    model, clip, _ = demo_parts()
    asked = []
    permit = permit_of(host, record)
    counting = Permit(permit.key, lambda: (asked.append(1), permit.ask()), permit.note)
    changed = host.with_permit(model, counting)
    assert host.with_permit(changed, counting) is changed
    assert [held.key for held in host.permits_of(changed)] == [record] and host.permits_of(model) == ()
    assert host.fingerprint(changed) == host.fingerprint(model)
    text = host.encode_text(clip, "a harbour")
    noise = torch.zeros(1, 4, 8, 8)
    host.sample(changed, noise, text, text, Sampling(4, 7.0, "euler", "normal"))
    assert len(asked) == 4
    steps = []

    def revoke(index, x0):
        steps.append(index)
        if index == 1:
            take_back(host, record, "revoke")

    with pytest.raises(InputError, match="taken back"):
        host.sample(changed, noise, text, text, Sampling(6, 7.0, "euler", "normal", on_step=revoke))
    assert steps == [0, 1]


def test_asking_costs_one_stat_while_nothing_changes(tmp_path, monkeypatch):
    host = AskingHost(tmp_path)
    record_id, _ = add(store_module.store_of(host))
    permit = permit_of(host, record_id)
    permit.ask()
    monkeypatch.setattr(store_module.IdentityStore, "load", lambda *_, **__: pytest.fail("the record was read again"))
    for _ in range(1000):
        permit.ask()


def test_expiry_ends_work_too_and_deletes_the_pictures(tmp_path):
    class Wall:
        now = 1_800_000_000.0

        def __call__(self):
            return self.now

    wall = Wall()
    store = store_module.IdentityStore(tmp_path / "charcha", clock=wall)
    record_id, _ = add(store)
    store.keep_preview(record_id, "ab" * 16, 3, "sketch", np.zeros((8, 8, 3), np.uint8))
    wall.now += 366 * 86_400
    with pytest.raises(InputError, match="expired and its pictures are deleted"):
        store.load(record_id)
    assert files_below(tmp_path / "charcha" / "records") == ["record.json"]
    assert not (tmp_path / "charcha" / "previews" / record_id).exists()


# Locked ---------------------------------------------------------------------------------------------


def test_a_locked_lora_opens_in_memory_while_consent_lasts_and_never_after(host, record):
    from support.demo_parts import demo_parts

    done = learn(host, record, LOCKED)
    assert done.path.suffix == ".locked" and files_below(host.root / "models") == [done.path.name]
    assert b"lora_unet" not in done.path.read_bytes()
    found = lora_module.verified(host, done.lora)
    assert isinstance(found.path, LockedLora) and found.words == "vuzokiju person"
    model, clip, _ = demo_parts()
    changed, _ = host.apply_lora(model, clip, found.path, 1.0, 1.0)
    assert changed.patches
    plain = learn(host, record, OPEN)
    assert host.fingerprint(changed) == host.fingerprint(host.apply_lora(model, clip, plain.path, 1.0, 1.0)[0])
    assert not learn(host, record, LOCKED).made
    secret = next(host.private_dir().rglob("secret.bin"))
    kept = secret.read_bytes()
    take_back(host, record, "revoke")
    assert not secret.exists()
    with pytest.raises(InputError, match="taken back"):
        found.path.tensors()
    # Put back with the ledger as it is: the state alone refuses.
    secret.write_bytes(kept)
    with pytest.raises(InputError, match="taken back"):
        found.path.tensors()


def test_a_locked_file_that_was_changed_or_moved_is_refused(host, record, tmp_path):
    done = learn(host, record, LOCKED)
    data = done.path.read_bytes()
    for changed in (
        data[:-1] + bytes([data[-1] ^ 1]),
        data[:40],
        b"",
        data.replace(b"vuzokiju person", b"vuzokija person"),
    ):
        done.path.write_bytes(changed)
        with pytest.raises(InputError, match="locked file|altered|not the one"):
            lora_module.verified(host, done.lora)
            LockedLora(done.path, lora_module.verified(host, done.lora).path.lock).tensors()
    done.path.write_bytes(data)
    lora_module.verified(host, done.lora).path.tensors()


def test_what_stands_for_a_locked_files_tensors_says_why():
    tensors = LockedTensors()
    for use in (lambda: tensors["x"], lambda: list(tensors), tensors.items, tensors.keys, lambda: len(tensors)):
        with pytest.raises(InputError, match="locked: only Apply Identity LoRA"):
            use()


# Labels ---------------------------------------------------------------------------------------------


def relabelled(path, **changes):
    from safetensors.torch import load_file, save_file

    target = path.with_name("other.safetensors")
    save_file(load_file(path), target, metadata=lora_module.read_metadata(path) | changes)
    return target


@pytest.mark.parametrize("label", ["drawn", "another"])
def test_a_re_labelled_file_does_not_pass(host, record, label):
    from songreel.nodes.base.media.files import file_digest

    done = learn(host, record)
    other = "drawn" if label == "drawn" else add(store_module.store_of(host))[0]
    path = relabelled(done.path, **{"songreel.record": other})
    forged = lora_module.IdentityLora(f"songreel/{path.name}", file_digest(path), done.lora.base, other)
    take_back(host, record, "revoke")
    with pytest.raises(InputError, match="was not trained on this computer"):
        lora_module.verified(host, forged)


def test_delete_spares_what_we_did_not_write(host, record, tmp_path):
    store = store_module.store_of(host)
    ours, theirs, link = (tmp_path / name for name in ("ours.safetensors", "theirs.safetensors", "link.safetensors"))
    with holding([permit_of(host, record)]):
        note_made(ours, hashlib.sha256(b"a lora").hexdigest())
    ours.write_bytes(b"a lora")
    store.add_file(record, theirs)
    theirs.write_bytes(b"another program's")
    folder = tmp_path.parent / "a folder of the user's"
    folder.mkdir(exist_ok=True)
    (folder / "x").write_bytes(b"x")
    store.add_file(record, folder)
    link.symlink_to(theirs)
    store.add_file(record, link)
    assert sorted(store.delete(record)) == ["a folder of the user's", "link.safetensors", "theirs.safetensors"]
    assert not ours.exists() and theirs.exists() and link.is_symlink() and os.listdir(folder) == ["x"]


def test_finished_videos_are_listed_and_left(host, record):
    store = store_module.store_of(host)
    video = host.output_dir() / "film.mp4"
    video.write_bytes(b"film")
    with holding([permit_of(host, record)]):
        note_made(video, finished=True)
    assert store.records_of(video) == [record]
    assert store.delete(record) == [] and store.finished(record) == ["film.mp4"] and video.exists()
