"""Records of consenting persons: what is kept, who may use it, and what is refused."""

import json
import os
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest

from headless.host import HeadlessHost
from songreel.nodes.base.errors import InputError
from songreel.nodes.host import owner_keys as host_port
from songreel.nodes.person.charcha import consent
from songreel.nodes.person.charcha import store as store_module
from support.paths import ROOT
from support.store import add, pictures

DAY = 86_400


class Wall:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def store(tmp_path, wall):
    return store_module.IdentityStore(tmp_path / "charcha", clock=wall)


def state(store, record):
    return store.status(record).split()[0]


def test_what_is_kept_comes_back_exactly_and_is_encrypted_and_private(store, tmp_path):
    record_id, key = add(store)
    record = store.load(record_id)
    assert [entry.tobytes() for entry in record.pictures] == [entry.tobytes() for entry in pictures()]
    assert (record.token, record.class_word, record.assurance, record.labels[6]) == ("vuzokiju", "person", "full", "p6")
    assert record.expires - record.created == 365 * DAY
    assert len(record_id) == 26 and len(key) == 32
    for path in (tmp_path / "charcha").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        if path.is_file():
            data = path.read_bytes()
            assert b"PNG" not in data and key.encode() not in data
    assert stat.S_IMODE((tmp_path / "charcha").stat().st_mode) == 0o700
    assert "array" not in repr(record)


def test_revoked_deleted_and_expired_records_are_refused(store, wall):
    record_id, _ = add(store)
    other, _ = add(store)
    third, _ = add(store)
    store.revoke(record_id)
    with pytest.raises(InputError, match="taken back"):
        store.load(record_id)
    assert state(store, record_id) == "revoked"
    store.delete(other)
    with pytest.raises(InputError, match="deleted by its owner"):
        store.load(other)
    store.revoke(other)
    assert state(store, other) == "deleted"
    wall.now += 365 * DAY - 1
    store.load(third)
    wall.now += 1
    with pytest.raises(InputError, match="expired"):
        store.load(third)
    states = {entry["id"]: entry["state"] for entry in store.entries()}
    assert states == {record_id: "revoked", other: "deleted", third: "expired"}
    wall.now -= 400 * DAY
    assert state(store, third) == "expired"


def test_delete_removes_pictures_data_sets_and_known_files_and_spares_what_was_changed(store, tmp_path):
    record_id, _ = add(store)
    lora, changed, dataset = tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "data"
    lora.write_bytes(b"lora")
    changed.write_bytes(b"lora")
    dataset.mkdir()
    (dataset / "0.png").write_bytes(b"x")
    for path in (lora, changed, dataset):
        store.add_file(record_id, path)
    changed.write_bytes(b"another file of that name")
    assert store.delete(record_id) == ["b.safetensors"]
    assert not lora.exists() and not dataset.exists() and changed.exists()
    assert list((tmp_path / "charcha" / "records").iterdir()) == []
    assert store.delete(record_id) == ["b.safetensors"]
    changed.unlink()
    assert store.delete(record_id) == []


def test_altered_records_and_pictures_are_refused(store, tmp_path):
    record_id, _ = add(store)
    folder = tmp_path / "charcha" / "records" / record_id
    path = folder / "record.json"
    good = path.read_bytes()
    for change in (
        lambda content: content["payload"].update(assurance="reduced"),
        lambda content: content["payload"].update(expires=9e9),
        lambda content: content.update(signature="00" * 64),
        lambda content: content.update(signature=None),
        lambda content: content.pop("payload"),
    ):
        content = json.loads(good)
        change(content)
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match="altered"):
            store.load(record_id)
        assert state(store, record_id) == "altered"
    for damaged in (b"", b"[]", b"{}", b"\x00"):
        path.write_bytes(damaged)
        assert state(store, record_id) == "altered"
    path.write_bytes(good)
    store.load(record_id)
    first, second = (folder / "0.bin").read_bytes(), (folder / "1.bin").read_bytes()
    for damaged in (second, first[:-1] + bytes([first[-1] ^ 1]), b"", first[:5]):
        (folder / "0.bin").write_bytes(damaged)
        with pytest.raises(InputError, match="picture"):
            store.load(record_id)
    (folder / "0.bin").unlink()
    with pytest.raises(InputError, match="picture"):
        store.load(record_id)


def test_records_copied_to_another_id_or_computer_are_refused(store, tmp_path, wall):
    record_id, _ = add(store)
    records = tmp_path / "charcha" / "records"
    other_id, _ = add(store)
    shutil.rmtree(records / other_id)
    shutil.copytree(records / record_id, records / other_id)
    assert state(store, other_id) == "altered"
    unknown = "a" * 26
    shutil.copytree(records / record_id, records / unknown)
    assert state(store, unknown) == "unknown"

    elsewhere = store_module.IdentityStore(tmp_path / "elsewhere", clock=wall)
    add(elsewhere)
    shutil.copytree(records / record_id, tmp_path / "elsewhere" / "records" / record_id)
    assert state(elsewhere, record_id) == "unknown"
    shutil.copy(tmp_path / "charcha" / "ledger.json", tmp_path / "elsewhere" / "ledger.json")
    with pytest.raises(InputError, match="ledger"):
        elsewhere.load(record_id)


def test_a_deleted_record_put_back_from_a_copy_stays_a_tombstone(store, tmp_path):
    record_id, _ = add(store)
    folder = tmp_path / "charcha" / "records" / record_id
    shutil.copytree(folder, tmp_path / "copy")
    store.delete(record_id)
    shutil.copytree(tmp_path / "copy", folder)
    with pytest.raises(InputError, match="deleted"):
        store.load(record_id)


def test_a_crash_while_deleting_leaves_files_and_never_a_usable_record(store, tmp_path, monkeypatch):
    record_id, _ = add(store)

    def crash(path, **_):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", crash)
        with pytest.raises(SystemExit):
            store.delete(record_id)
    assert (tmp_path / "charcha" / "records" / record_id / "0.bin").exists()
    again = store_module.IdentityStore(tmp_path / "charcha")
    assert state(again, record_id) == "deleted"
    again.delete(record_id)
    assert list((tmp_path / "charcha" / "records").iterdir()) == []


def test_a_full_disk_while_a_record_is_written_leaves_nothing(store, tmp_path, monkeypatch):
    real, calls = os.replace, []

    def full(source, target):
        calls.append(target)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        add(store)
    assert list((tmp_path / "charcha" / "records").iterdir()) == [] and store.entries() == []


def test_a_lost_or_forged_ledger_makes_no_record_usable(store, tmp_path):
    record_id, _ = add(store)
    path = tmp_path / "charcha" / "ledger.json"
    good = path.read_bytes()
    content = json.loads(good)
    content["ledger"]["b" * 26] = {"state": "active", "digest": "", "files": []}
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="ledger"):
        store.load(record_id)
    path.unlink()
    with pytest.raises(InputError, match="ledger"):
        store.load(record_id)
    path.write_bytes(good)
    store.load(record_id)


@pytest.mark.parametrize(
    "bad", ["", "../../etc/passwd", "A" * 26, "a" * 25, "a" * 27, "a" * 25 + "\n", "a" * 25 + "/", None, 7, ["a" * 26]]
)
def test_what_is_no_id_is_refused_before_any_path_is_made(store, bad):
    for call in (store.load, store.revoke, store.delete):
        with pytest.raises(InputError, match="not the id"):
            call(bad)
    assert state(store, bad) == "unknown"
    assert store.owned(bad, "x") is False


def test_the_owners_key(store):
    record_id, key = add(store)
    other, other_key = add(store)
    assert store.owned(record_id, key) and not store.owned(record_id, other_key)
    for wrong in (None, "", key[:-1], key + "a", 5, "x" * 10_000):
        assert not store.owned(record_id, wrong)
    store.revoke(record_id)
    assert store.owned(record_id, key)


def test_a_key_that_others_can_read_or_that_is_damaged_is_refused(store, tmp_path):
    add(store)
    path = tmp_path / "charcha" / "key"
    os.chmod(path, 0o644)
    with pytest.raises(InputError, match="chmod 600"):
        store_module.IdentityStore(tmp_path / "charcha")
    os.chmod(path, 0o600)
    path.write_bytes(b"short")
    with pytest.raises(InputError, match="damaged"):
        store_module.IdentityStore(tmp_path / "charcha")


def test_several_processes_write_one_ledger(tmp_path):
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "import headless, numpy as np, pathlib\n"
        "from songreel.nodes.person.charcha.store import IdentityStore\n"
        "s = IdentityStore(pathlib.Path(sys.argv[2]))\n"
        "for _ in range(5): s.add(token='vuzokiju', class_word='person', consent='x', assurance='full', scores={},\n"
        "  pictures=[np.zeros((8, 8, 3), np.uint8)] * 7, labels=['x'] * 7)"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(ROOT), str(tmp_path / "c")]) for _ in range(3)]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    entries = store_module.IdentityStore(tmp_path / "c").entries()
    assert [entry["state"] for entry in entries] == ["active"] * 15


def test_load_identity_asks_for_the_light_check_and_beyond_loopback_for_the_owners_key(tmp_path):
    host = HeadlessHost(tmp_path)
    store = store_module.store_of(host)
    record_id, key = add(store, "reduced")
    for wanted in (False, True):
        with pytest.raises(InputError, match="light check .*'allow_reduced': true in settings.json"):
            store_module.load_identity(host, record_id, allow_reduced=wanted)
    assert store_module.load_identity(host, record_id, allow_reduced=None).assurance == "reduced"
    (host.private_dir() / "settings.json").write_text('{"allow_reduced": true}')
    with pytest.raises(InputError, match="light check .* turn on allow_reduced"):
        store_module.load_identity(host, record_id)
    assert len(store_module.load_identity(host, record_id, allow_reduced=True).pictures) == 7
    record_id, key = add(store)
    assert len(store_module.load_identity(host, record_id).pictures) == 7
    assert store_module.load_identity(host, record_id, pictures=False).pictures == ()

    class Reachable(HeadlessHost):
        held = None

        def local_only(self):
            return False

        def owner_key(self, record_id):
            return self.held

    host = Reachable(tmp_path)
    with pytest.raises(InputError, match="owner's key"):
        store_module.load_identity(host, record_id)
    with pytest.raises(InputError, match="owner's key"):
        store_module.load_identity(host, record_id, token=key[::-1])
    assert store_module.load_identity(host, record_id, token=key).id == record_id
    host.held = key
    assert store_module.load_identity(host, record_id).id == record_id


def test_owners_keys_are_taken_out_of_a_run_and_serve_that_run_only():
    keys = host_port.OwnerKeys()
    body = {"prompt": {}, "prompt_id": "mine", "extra_data": {"songreel_owner_keys": {"r": "k"}, "other": 1}}
    queued = keys.on_prompt(body)
    assert queued["extra_data"] == {"other": 1} and queued["prompt_id"] != "mine"
    run = queued["prompt_id"]
    assert keys.of(run) == {"r": "k"}
    assert "prompt_id" not in keys.on_prompt({"prompt_id": run})
    assert keys.on_prompt({"prompt_id": "free"})["prompt_id"] == "free"
    assert keys.of("free") == {} and keys.of("mine") == {}
    for odd in ({}, {"extra_data": None}, {"extra_data": {"songreel_owner_keys": "x"}}, {"prompt_id": ["x"]}):
        keys.on_prompt(odd)
    for _ in range(300):
        keys.on_prompt({"extra_data": {"songreel_owner_keys": {"r": "k"}}})
    assert keys.of(run) == {} and len(keys._held) == keys.LIMIT


def test_keys_leave_memory_after_their_run():
    now = [0.0]
    keys = host_port.OwnerKeys(clock=lambda: now[0])
    run = keys.on_prompt({"extra_data": {"songreel_owner_keys": {"r": "k"}}})["prompt_id"]
    keys.forget_ended(set())
    assert keys.of(run) == {"r": "k"}, "it may not be queued yet"
    now[0] += keys.GRACE + 1
    keys.forget_ended({run})
    assert keys.of(run) == {"r": "k"} and keys.count == 1
    keys.forget_ended({"another"})
    assert keys.of(run) == {} and keys.count == 0 and keys._came == {}


@pytest.mark.parametrize("name", ["X-Forwarded-For", "forwarded", "Via", "X-Real-IP", "CF-Connecting-IP"])
def test_a_request_through_a_proxy_is_noticed(name):
    assert host_port.was_forwarded(["Host", name]) and not host_port.was_forwarded(["Host", "Origin", "User-Agent"])


def test_one_client_cannot_use_up_what_another_needs():
    from songreel.nodes.person.charcha.limits import MOST_CLIENTS, Limit

    now = [0.0]
    limit = Limit(3, 60.0, lambda: now[0])
    assert [limit.take("stranger") for _ in range(5)] == [True, True, True, False, False]
    assert limit.take("owner")
    now[0] = 61.0
    assert limit.take("stranger")
    for number in range(2 * MOST_CLIENTS):
        limit.take(str(number))
    assert len(limit._times) == MOST_CLIENTS


def test_tokens_are_letters_and_no_words():
    import random

    for seed in range(200):
        token = consent.propose_token(random.Random(seed))
        assert consent.check_token(token) == token and len(token) == 8
    for bad in ("", "abc", "Vuzokiju", "vuz0kiju", "vuzo kiju", "a" * 21, "person", "woman", None, 5):
        with pytest.raises(InputError, match="name must"):
            consent.check_token(bad)
    count = HeadlessHost().count_tokens
    assert all(count(consent.propose_token(random.Random(seed))) > 1 for seed in range(200))
    bad = "kitten cathedral jennifer prostitute pornstar schoolgirl thimble catgirl redhead whore xxnakedxx vuznazi"
    for word in bad.split():
        with pytest.raises(InputError, match="must not be a word"):
            consent.check_token(word)
    assert len(consent.english_words()) == 285_064
    for name in ("vuzokiju", "zuvalo", "qwixozy", "ohwxkt"):
        assert consent.check_token(name) == name
    with pytest.raises(InputError, match="must not be a word"):
        consent.check_token("ohwxkt", lambda name: name == "ohwxkt")
    with pytest.raises(InputError, match="class word"):
        consent.check_class_word("dog")
    with pytest.raises(InputError, match="current text"):
        consent.check_version("2020-01")


def test_identity_reference_carries_the_id_only():
    from songreel.nodes.base.types import IdentityRef

    value = IdentityRef("a" * 26)
    assert IdentityRef.of(value.to_text()) == value and value.to_json() == {
        "type": "CHARCHA_IDENTITY",
        "version": 1,
        "record": "a" * 26,
    }
    for bad in ("", "x", "../" + "a" * 23):
        with pytest.raises(InputError, match="not the id"):
            IdentityRef(bad)
    with pytest.raises(InputError, match="CHARCHA_IDENTITY"):
        IdentityRef.of(np.zeros((1, 8, 8, 3)))
