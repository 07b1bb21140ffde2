"""The capture's nodes: verified at every run, also from a cache, and nothing of a face in anything ComfyUI serves."""

import base64
import json
import shutil
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from comfy_server import ComfyServer
from comfyui import find_comfyuis
from test_charcha_store import add, pictures

from headless import pack
from headless.executor import Executor, NodeError, validate
from headless.host import HeadlessHost

store_module = pack.load("nodes.charcha.store")
types = pack.load("nodes.types")


@pytest.fixture
def host(tmp_path):
    port = pack.load("nodes.host")
    before, host = port._installed, HeadlessHost(tmp_path)
    port.install(host)
    yield host
    port.install(before)


@pytest.fixture
def registry(host):
    """Our nodes under the stand-in, and a consumer as a training node will be."""
    import sys

    from headless import comfy_api

    for name, module in comfy_api.modules().items():
        sys.modules.setdefault(name, module)
    from headless.comfy_api import io

    node = pack.load("nodes.charcha.node")

    class Consumer(io.ComfyNode):
        runs = []

        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Consumer",
                inputs=[io.Custom("CHARCHA_IDENTITY").Input("identity"), io.Boolean.Input("fail", default=False)],
                outputs=[],
                is_output_node=True,
            )

        @classmethod
        def execute(cls, identity, fail):
            record = store_module.load_identity(host, types.IdentityRef.of(identity).record)
            cls.runs.append(record.id)
            if fail:
                raise pack.load("nodes.errors").InputError("training failed")
            return io.NodeOutput(ui={"text": [str(len(record.pictures))]})

    return {"CharchaIdentity": node.CharchaIdentity, "CharchaCapture": node.CharchaCapture, "Consumer": Consumer}


def graph(record, kind="CharchaIdentity", fail=False):
    return {
        "1": {"class_type": kind, "inputs": {"record": record}},
        "2": {"class_type": "Consumer", "inputs": {"identity": ["1", 0], "fail": fail}},
    }


@pytest.mark.parametrize("kind", ["CharchaIdentity", "CharchaCapture"])
def test_a_revoked_or_deleted_person_does_not_come_back_from_the_cache(host, registry, kind):
    store = store_module.store_of(host)
    record, _ = add(store)
    executor, consumer = Executor(registry, host=host), registry["Consumer"]
    assert executor.run(graph(record, kind)).outputs["2"] == {"text": ["7"]}
    executor.run(graph(record, kind))
    assert consumer.runs == [record], "an unchanged run comes from the cache"
    store.revoke(record)
    with pytest.raises(NodeError, match="taken back"):
        executor.run(graph(record, kind))
    other, _ = add(store)
    executor.run(graph(other, kind))
    store.delete(other)
    with pytest.raises(NodeError, match="deleted"):
        executor.run(graph(other, kind))
    assert consumer.runs == [record, other]


def test_what_is_no_record_is_refused_in_one_sentence(host, registry):
    executor = Executor(registry, host=host)
    for bad, words in (("", "no identity yet"), ("../../x", "not the id"), ("a" * 26, "no such identity")):
        with pytest.raises(NodeError, match=words):
            executor.run(graph(bad))
    wrong = graph("a" * 26)
    wrong["3"] = {"class_type": "EmptyLatentImage", "inputs": {}}
    from headless.core_nodes import LoadImage

    wrong["1"] = {"class_type": "LoadImage", "inputs": {"image": "x.png"}}
    problems = validate(wrong, registry | {"LoadImage": LoadImage})
    assert any("CHARCHA_IDENTITY" in str(problem) for problem in problems), problems


def test_a_failing_consumer_tells_nothing_of_the_face(host, registry):
    record, key = add(store_module.store_of(host))
    with pytest.raises(NodeError) as failed:
        Executor(registry, host=host).run(graph(record, fail=True))
    assert key not in str(failed.value) and str(host.root) not in str(failed.value)


def test_the_report(host, registry):
    store = store_module.store_of(host)
    record, _ = add(store, "reduced")
    output = registry["CharchaIdentity"].execute(record)
    reference, text = output.args if hasattr(output, "args") else output.result
    assert vars(reference) == {"record": record} and repr(reference) == f"IdentityRef(record='{record}')"
    assert "vuzokiju (person)" in text and "assurance reduced" in text and "light check left out" in text


# In ComfyUI ----------------------------------------------------------------------------------------


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
