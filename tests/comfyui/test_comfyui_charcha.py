"""The capture's nodes in a real ComfyUI: owner's keys, caches, and nothing of a face in anything that is served."""

import base64
import json
import shutil
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from songreel.nodes.person.charcha import store as store_module
from support.comfy_server import ComfyServer
from support.comfyui import find_comfyuis
from support.faces import needs_faces
from support.store import add, pictures


def comfy(arguments=()):
    found = find_comfyuis()
    if not found:
        pytest.skip("NO COMFYUI FOUND: set COMFYUI_DIR to test the capture inside ComfyUI")
    return found[0], arguments


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A ComfyUI that other computers could reach, so that the owner's key is needed."""
    (comfyui, python), arguments = comfy(("--listen", "127.0.0.1,0.0.0.0"))
    folder = tmp_path_factory.mktemp("comfyui")
    running = ComfyServer(comfyui, python, folder, arguments=("--listen", "0.0.0.0"))
    running.start()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)


def status_of(server, path, data=None, headers=None):
    request = urllib.request.Request(server.url + path, data, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def queued(server, prompt, **extra):
    """The history entry of a queued prompt."""
    status, body = server.post("/prompt", {"prompt": prompt, "client_id": "test", **extra})
    assert status == 200, body
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        history = server.get(f"/history/{body['prompt_id']}")
        if history:
            return history[body["prompt_id"]]
        time.sleep(0.1)
    raise AssertionError("the run is not in the history")


@pytest.mark.comfyui
def test_in_comfyui_a_run_needs_the_owners_key_and_nothing_of_a_face_or_key_is_served(server):
    private = server.folder / "user" / "__songreel"
    private.mkdir(parents=True, exist_ok=True)
    store = store_module.IdentityStore(private / "charcha")
    record, key = add(store)
    prompt = {
        "1": {"class_type": "CharchaIdentity", "inputs": {"record": record}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 1]}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }

    def told(entry):
        errors = [data for kind, data in entry["status"]["messages"] if kind == "execution_error"]
        return errors[0]["exception_message"] if errors else entry["status"]["status_str"]

    assert "owner's key" in told(queued(server, prompt))
    entry = queued(server, prompt, extra_data={"songreel_owner_keys": {record: key}})
    assert told(entry) == "success" and "vuzokiju" in json.dumps(entry["outputs"])
    assert "owner's key" in told(queued(server, prompt, extra_data={"songreel_owner_keys": {record: key[::-1]}}))
    # The run's id does not lend the key to another run.
    keyed = entry["prompt"][1]
    _, body = server.post("/prompt", {"prompt": prompt, "prompt_id": keyed, "client_id": "test"})
    assert body["prompt_id"] != keyed

    failing = prompt | {"1": {"class_type": "CharchaIdentity", "inputs": {"record": "../" + record}}}
    assert "not the id" in told(queued(server, failing, extra_data={"songreel_owner_keys": {record: key}}))
    store.revoke(record)
    assert "taken back" in told(queued(server, prompt, extra_data={"songreel_owner_keys": {record: key}}))
    store.delete(record)
    again = told(queued(server, prompt, extra_data={"songreel_owner_keys": {record: key}}))
    assert "deleted" in again

    kept, other_key = add(store)
    entry = queued(
        server,
        prompt | {"1": {"class_type": "CharchaCapture", "inputs": {"record": kept}}},
        extra_data={"songreel_owner_keys": {kept: other_key}},
    )
    assert told(entry) == "success"
    paths = ["/history", "/queue", "/object_info/CharchaCapture", "/api/history", "/userdata?dir=__songreel"]
    inside = f"charcha/records/{kept}/record.json"
    for name in ("ledger.json", "key", f"records/{kept}/record.json", f"records/{kept}/0.bin"):
        target = f"__songreel/charcha/{name}"
        paths += [
            f"/view?filename=../user/{target}&type=output",
            f"/view?filename={name.split('/')[-1]}&subfolder=../user/__songreel/charcha&type=temp",
            f"/userdata/..%2F{target.replace('/', '%2F')}",
            f"/userdata/{target.replace('/', '%2F')}",
            f"/extensions/songreel/../../user/{target}",
            f"/extensions/songreel/js/..%2f..%2f..%2f..%2fuser%2f{target.replace('/', '%2f')}",
            f"/songreel/charcha/{name}",
            f"/api/songreel/charcha/{name}",
        ]
    secrets = [
        key.encode(),
        other_key.encode(),
        (private / "charcha" / "key").read_bytes(),
        b"\x89PNG",
        inside.encode(),
    ]
    secrets += [(private / "charcha" / "records" / kept / "0.bin").read_bytes()[:40], b'"signature"']
    for picture in pictures():
        raw = np.ascontiguousarray(picture)[:4].tobytes()
        secrets += [raw, base64.b64encode(raw)[:-4]]
    for path in paths:
        status, body = status_of(server, path)
        assert all(secret not in body for secret in secrets), path
        assert not ("__songreel" in path or "/records/" in path) or status in (200, 400, 403, 404), (path, status)
    log = server.log.encode()
    for secret in (key.encode(), other_key.encode(), str(private).encode() + b"/charcha/records"):
        assert secret not in log


# A node as another pack could have it: it holds the seven pictures when it fails.
CONSUMER = """
import importlib, sys

def pack():
    modules = list(sys.modules.items())
    return next(name for name, module in modules if "songreel" in name and hasattr(module, "comfy_entrypoint"))

class TestConsumer:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"identity": ("CHARCHA_IDENTITY",), "fail": ("BOOLEAN",)}})
    RETURN_TYPES, FUNCTION, OUTPUT_NODE, CATEGORY = (), "run", True, "test"

    def run(self, identity, fail):
        name = pack()
        store = importlib.import_module(f"{name}.nodes.charcha.store")
        host = importlib.import_module(f"{name}.nodes.host").current()
        record = store.load_identity(host, identity.record)
        pixels, picture = record.pictures[0], [entry.tolist() for entry in record.pictures]
        if fail:
            raise ValueError(f"training failed with {record} {identity}")
        return {"ui": {"text": [str(len(picture))]}}

NODE_CLASS_MAPPINGS = {"TestConsumer": TestConsumer}
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A ComfyUI on loopback, whose cache is in use, with a consumer beside the pack."""
    comfyui, python = comfy()[0]
    folder = tmp_path_factory.mktemp("comfyui")
    (folder / "custom_nodes").mkdir()
    (folder / "custom_nodes" / "consumer.py").write_text(CONSUMER)
    running = ComfyServer(comfyui, python, folder)
    running.start()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)


def cached(entry):
    return next(data["nodes"] for kind, data in entry["status"]["messages"] if kind == "execution_cached")


def error_of(entry):
    return next(data for kind, data in entry["status"]["messages"] if kind == "execution_error")


def texts_of(picture):
    """How a picture could show in text: as numbers of its first row, spelt as lists and arrays are."""
    row = picture[0, :4].ravel().tolist()
    return [", ".join(map(str, row)), " ".join(map(str, row)), str(picture[0, :2].tolist())[1:-1]]


@pytest.mark.comfyui
def test_in_comfyui_no_revoked_person_comes_from_the_cache_and_a_failing_node_tells_nothing(local):
    private = local.folder / "user" / "__songreel"
    private.mkdir(parents=True, exist_ok=True)
    store = store_module.IdentityStore(private / "charcha")

    def workflow(record, kind="CharchaIdentity", fail=False):
        made = {"1": {"class_type": kind, "inputs": {"record": record}}}
        return made | {"2": {"class_type": "TestConsumer", "inputs": {"identity": ["1", 0], "fail": fail}}}

    for kind in ("CharchaIdentity", "CharchaCapture"):
        record, _ = add(store)
        assert queued(local, workflow(record, kind))["outputs"]["2"] == {"text": ["7"]}
        assert cached(queued(local, workflow(record, kind))) == ["1", "2"], "an unchanged run comes from the cache"
        store.revoke(record)
        assert "taken back" in error_of(queued(local, workflow(record, kind)))["exception_message"]
        other, _ = add(store)
        queued(local, workflow(other, kind))
        store.delete(other)
        assert "deleted" in error_of(queued(local, workflow(other, kind)))["exception_message"]

    kept, key = add(store)
    failed = error_of(queued(local, workflow(kept, fail=True), extra_data={"songreel_owner_keys": {kept: key}}))
    assert failed["node_type"] == "TestConsumer" and "training failed" in failed["exception_message"]
    images = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}}
    metrics = {
        "1": workflow(kept)["1"],
        "2": {"class_type": "IdentityMetrics", "inputs": {"identity": ["1", 0], "frames": ["3", 0]}},
        "3": images,
    }
    failed = error_of(queued(local, metrics))
    assert "show a face" in failed["exception_message"], failed
    pages = ["/history", "/queue", "/internal/logs", "/internal/logs/raw", "/object_info/IdentityMetrics"]
    pages += [
        "/v2/userdata?path=__songreel/charcha",
        "/userdata?dir=../__songreel&recurse=true",
        "/internal/files/temp",
    ]
    told = {page: status_of(local, page)[1] for page in pages} | {"log": local.log.encode()}
    assert b"training failed" in told["/history"]
    secrets = [str(private / "charcha").encode(), key.encode(), b"\x89PNG", b"ledger.json", b'"signature"']
    for picture in pictures():
        raw = np.ascontiguousarray(picture)[:4].tobytes()
        secrets += [raw, base64.b64encode(raw)[:-4], *(text.encode() for text in texts_of(picture))]
    for page, body in told.items():
        assert all(secret not in body for secret in secrets), page


@needs_faces
@pytest.mark.comfyui
def test_in_comfyui_the_metrics_read_a_video_file_and_pictures_in_memory(local):
    from support.face_puppet import POSES, Puppet, drawn
    from support.videos import made_video

    store = store_module.IdentityStore(local.folder / "user" / "__songreel" / "charcha")
    puppet, other = Puppet("first"), Puppet("second")
    record, _ = add(store, shown=[np.ascontiguousarray(drawn(puppet, pose)[:, 80:560]) for pose in POSES])
    frames = [drawn(puppet), drawn(other), drawn(puppet)[:, :120].repeat(6, 1)[:, :640], drawn(puppet)]
    made_video(local.folder / "input" / "made.mp4", frames)
    common = {"every": 1, "threshold": 0.55, "allow_reduced": False}
    told = {}
    for name, more in (
        ("file", {}),
        ("memory", {"4": {"class_type": "GetVideoComponents", "inputs": {"video": ["2", 0]}}}),
    ):
        source = ["2", 0] if name == "file" else ["5", 0]
        made = {"class_type": "CreateVideo", "inputs": {"images": ["4", 0], "fps": 12.0}}
        workflow = {
            "1": {"class_type": "CharchaIdentity", "inputs": {"record": record}},
            "2": {"class_type": "LoadVideo", "inputs": {"file": "made.mp4"}},
            "3": {"class_type": "IdentityMetrics", "inputs": {"identity": ["1", 0], "video": source} | common},
        }
        workflow |= more | ({"5": made} if more else {})
        entry = queued(local, workflow)
        assert entry["status"]["status_str"] == "success", error_of(entry)
        told[name] = entry["outputs"]["3"]["text"][0]
    assert "4 frames (every frame at 12 fps)" in told["file"] and "75.0%" in told["file"]
    assert "the person in 2 frames: 50.0% of all, 66.7% of those with a face" in told["file"]
    assert told["memory"] == told["file"]


@pytest.mark.comfyui
def test_in_comfyui_other_sites_are_refused_whatever_the_host_name(server):
    body = json.dumps({"consent": "x"}).encode()
    for prefix in ("", "/api"):
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "http://evil.example", "Host": "192.168.1.9:8188"},
            {"Origin": "http://evil.example:8188", "Host": "evil.example:8188"},
            {},
        ):
            for name in ("start", "identity"):
                headers = headers | {"Content-Type": "application/json"}
                assert status_of(server, f"{prefix}/songreel/charcha/{name}", body, headers)[0] == 403
        own = {"Origin": server.url, "Content-Type": "application/json"}
        status, answer = status_of(server, f"{prefix}/songreel/charcha/start", body, own)
        assert status == 400 and b"current text" in answer, (answer, server.log[-3000:])
        status, answer = status_of(server, f"{prefix}/songreel/charcha/consent")
        assert status == 200 and json.loads(answer)["version"]
