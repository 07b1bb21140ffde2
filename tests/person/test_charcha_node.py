"""The capture's nodes: verified at every run, also from a cache, and nothing of a face in anything ComfyUI serves."""

import json
import shutil
import time

import pytest

from headless.host import HeadlessHost
from headless.workflow.executor import Executor, NodeError
from headless.workflow.validate import validate
from songreel.nodes.base import types
from songreel.nodes.person.charcha import store as store_module
from support.store import add


@pytest.fixture
def host(tmp_path):
    from songreel.nodes import host as port

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
    from songreel.nodes.person.charcha import node

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
            from songreel.nodes.base.errors import InputError

            record = store_module.load_identity(host, types.IdentityRef.of(identity).record)
            cls.runs.append(record.id)
            if fail:
                raise InputError("training failed")
            return io.NodeOutput(ui={"text": [str(len(record.pictures))]})

    class Grey(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(node_id="Grey", inputs=[], outputs=[io.Image.Output()])

        @classmethod
        def execute(cls):
            import torch

            return io.NodeOutput(torch.full((1, 64, 64, 3), 0.5))

    from songreel.nodes.film.metrics import node as metrics

    classes = (node.CharchaIdentity, node.CharchaCapture, metrics.IdentityMetrics, Consumer, Grey)
    return {cls.__name__: cls for cls in classes}


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


def spoil(host, state):
    """The id of a record that is in a bad state."""
    store, folder = store_module.store_of(host), host.private_dir() / "charcha"
    record, _ = add(store)
    path = folder / "records" / record
    if state == "unknown":
        return "b" * 26
    if state == "expired":
        past = store_module.IdentityStore(folder, clock=lambda: time.time() - 366 * 86_400)
        return add(past)[0]
    if state == "revoked":
        store.revoke(record)
    elif state == "deleted":
        store.delete(record)
    elif state == "put back":
        shutil.copytree(path, folder / "copy")
        store.delete(record)
        shutil.copytree(folder / "copy", path)
    elif state == "altered":
        content = json.loads((path / "record.json").read_text())
        content["payload"]["expires"] += 1
        (path / "record.json").write_text(json.dumps(content))
    elif state == "forged":
        other = store_module.IdentityStore(host.root / "elsewhere")
        forged, _ = add(other)
        shutil.copytree(host.root / "elsewhere" / "records" / forged, folder / "records" / forged)
        return forged
    elif state == "copied":
        other, _ = add(store)
        shutil.rmtree(folder / "records" / other)
        shutil.copytree(path, folder / "records" / other)
        return other
    return record


STATES = {
    "unknown": "no such identity",
    "expired": "expired",
    "revoked": "taken back",
    "deleted": "deleted",
    "put back": "deleted",
    "altered": "altered",
    "forged": "no such identity",
    "copied": "altered or copied",
}


@pytest.mark.parametrize("state", STATES)
def test_every_consumer_refuses_it(host, registry, state):
    record = spoil(host, state)
    runs = [graph(record, "CharchaIdentity"), graph(record, "CharchaCapture")]
    # A consumer that is handed the id itself, past the nodes that verify it.
    literal = types.IdentityRef(record).to_text()
    runs.append({"1": {"class_type": "Consumer", "inputs": {"identity": literal, "fail": False}}})
    runs.append({"1": {"class_type": "IdentityMetrics", "inputs": {"identity": literal, "frames": ["2", 0]}}})
    runs[-1]["2"] = {"class_type": "Grey", "inputs": {}}
    for workflow in runs:
        with pytest.raises(NodeError, match=STATES[state]):
            Executor(registry, host=host).run(workflow)
    assert registry["Consumer"].runs == []


def test_what_is_no_record_is_refused_in_one_sentence(host, registry):
    executor = Executor(registry, host=host)
    for bad, words in (("", "no identity yet"), ("../../x", "not the id"), ("a" * 26, "no such identity")):
        with pytest.raises(NodeError, match=words):
            executor.run(graph(bad))
    wrong = graph("a" * 26)
    wrong["3"] = {"class_type": "EmptyLatentImage", "inputs": {}}
    from headless.workflow.core_nodes import LoadImage

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
