"""Workflows that run: values, lists, laziness, failures, and what is kept between runs."""

import math

import pytest

from headless.host import Interrupted
from headless.workflow import executor
from headless.workflow.executor import Executor, NodeError
from support.executor_nodes import REGISTRY, Host, Watched, calls, chain


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


# Running -------------------------------------------------------------------------------------------


def test_values_flow_and_outputs_are_collected():
    workflow = {
        "1": {"class_type": "Number", "inputs": {"value": 2.0}},
        "2": {"class_type": "Double", "inputs": {"value": ["1", 0]}},
        "3": {"class_type": "Add", "inputs": {"a": ["1", 0], "b": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    }
    events = []
    result = executor.run(workflow, REGISTRY, host=Host(), on_event=lambda name, data: events.append((name, data)))
    assert result.outputs == {"4": {"text": [6.0]}}
    assert result.values["2"] == [[4.0]]
    assert result.executed == ["1", "2", "3", "4"]
    assert [name for name, data in events if not name.startswith("execut") or name == "execution_success"] == [
        "execution_success"
    ]
    assert [data["node"] for name, data in events if name == "executing"] == ["1", "2", "3", "4"]


def test_every_node_runs_in_inference_mode():
    workflow = {"1": {"class_type": "Mode", "inputs": {"value": 1.0}}}
    assert executor.run(workflow, REGISTRY, host=Host()).outputs["1"] == {"text": [True]}


@pytest.mark.parametrize(("which", "ran"), [(True, ["2", "1", "5"]), (False, ["3", "1", "5"])])
def test_lazy_inputs_run_only_when_asked_for(which, ran):
    workflow = {
        "1": {"class_type": "Branch", "inputs": {"which": which, "yes": ["2", 0], "no": ["3", 0]}},
        "2": {"class_type": "Number", "inputs": {"value": 1.0}},
        "3": {"class_type": "Number", "inputs": {"value": 2.0}},
        "5": {"class_type": "Show", "inputs": {"value": ["1", 0]}},
    }
    result = executor.run(workflow, REGISTRY, host=Host())
    assert result.executed == ran
    assert result.outputs["5"] == {"text": [1.0 if which else 2.0]}
    unknown = "no" if which else "yes"
    assert dict(calls)["Branch"][unknown] is None


def test_lists_are_mapped_and_joined():
    workflow = {
        "1": {"class_type": "Split", "inputs": {"value": 10.0}},
        "2": {"class_type": "Add", "inputs": {"a": ["1", 0], "b": 1.0}},
        "3": {"class_type": "Sum", "inputs": {"value": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["2", 0]}},
        "5": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    }
    result = executor.run(workflow, REGISTRY, host=Host())
    assert result.outputs == {"4": {"text": [11.0, 12.0, 13.0]}, "5": {"text": [36.0]}}


def test_a_shorter_list_repeats_its_last_item():
    two = {"class_type": "Split", "inputs": {"value": ["1", 0]}}
    workflow = {
        "1": {"class_type": "Split", "inputs": {"value": 0.0}},
        "2": two,
        "3": {"class_type": "Add", "inputs": {"a": ["1", 0], "b": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    }
    shown = executor.run(workflow, REGISTRY, host=Host()).outputs["4"]["text"]
    assert shown == [0, 2, 4, 3, 4, 5, 4, 5, 6]


def test_a_blocked_output_stops_what_hangs_on_it():
    workflow = chain("Block", 3.0) | {
        "3": {"class_type": "Number", "inputs": {"value": ["1", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
        "5": {"class_type": "Show", "inputs": {"value": 1}},
    }
    result = executor.run(workflow, REGISTRY, host=Host())
    assert sorted(result.blocked) == [("2", "3.0 is not allowed"), ("3", "3.0 is not allowed")]
    assert result.outputs == {"5": {"text": [1]}}


@pytest.mark.parametrize(
    ("class_type", "text"),
    [
        ("Break", "Node 1 (Break) failed with RuntimeError: no such thing"),
        ("Refuse", "The song is empty; give another."),
        ("Short", "Node 1 (Short) failed with RuntimeError: it gave 0 of its 1 outputs"),
    ],
)
def test_a_node_that_fails(class_type, text):
    events = []
    with pytest.raises(NodeError) as caught:
        executor.run(chain(class_type), REGISTRY, host=Host(), on_event=lambda name, data: events.append(name))
    assert str(caught.value) == text
    assert (caught.value.node_id, caught.value.class_type) == ("1", class_type)
    assert events[-1] == "execution_error"


def test_expansion_is_refused():
    workflow = {"1": {"class_type": "Expand", "inputs": {}}, "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}}}
    with pytest.raises(NodeError, match="only ComfyUI does"):
        executor.run(workflow, REGISTRY, host=Host())


def test_an_interrupt_passes_through():
    host, events = Host(), []
    host.stop_at = 2
    with pytest.raises(Interrupted):
        executor.run(chain("Number"), REGISTRY, host=host, on_event=lambda name, data: events.append(name))
    assert events[-1] == "execution_interrupted"
    assert [name for name, kwargs in calls] == ["Number"]


# Cache ---------------------------------------------------------------------------------------------


def test_the_second_run_repeats_only_what_changed():
    keep = Executor(REGISTRY, host=Host())
    workflow = {
        "1": {"class_type": "Number", "inputs": {"value": 1.0}},
        "2": {"class_type": "Number", "inputs": {"value": 2.0}},
        "3": {"class_type": "Add", "inputs": {"a": ["1", 0], "b": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    }
    assert keep.run(workflow).executed == ["1", "2", "3", "4"]
    again = keep.run(workflow)
    assert (again.executed, again.cached) == ([], ["4"])
    assert again.outputs == {"4": {"text": [3.0]}}
    workflow["2"]["inputs"]["value"] = 5.0
    changed = keep.run(workflow)
    assert (changed.executed, changed.cached) == (["2", "3", "4"], ["1"])
    assert changed.outputs == {"4": {"text": [6.0]}}


def test_equal_nodes_share_their_result():
    workflow = {
        "1": {"class_type": "Number", "inputs": {"value": 1.0}},
        "2": {"class_type": "Number", "inputs": {"value": 1.0}},
        "3": {"class_type": "Add", "inputs": {"a": ["1", 0], "b": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    }
    result = executor.run(workflow, REGISTRY, host=Host())
    assert (result.executed, result.cached) == (["1", "3", "4"], ["2"])


def test_nodes_that_know_their_id_do_not_share():
    workflow = {
        "1": {"class_type": "Unique", "inputs": {"value": 1.0}},
        "2": {"class_type": "Unique", "inputs": {"value": 1.0}},
        "3": {"class_type": "Add", "inputs": {"a": ["1", 0], "b": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    }
    assert executor.run(workflow, REGISTRY, host=Host()).executed == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [
        ("a", "a", 1),
        ("a", "b", 2),
        (math.nan, math.nan, 2),
        (OSError("gone"), OSError("gone"), 2),
    ],
)
def test_the_fingerprint_decides(monkeypatch, before, after, runs):
    keep = Executor(REGISTRY, host=Host())
    for fingerprint in (before, after):
        monkeypatch.setattr(Watched, "fingerprint", fingerprint)
        keep.run(chain("Watched"))
    assert [name for name, kwargs in calls].count("Watched") == runs


def test_what_is_no_longer_used_is_let_go():
    keep = Executor(REGISTRY, host=Host())
    keep.run(chain("Number", 1.0))
    keep.run(chain("Number", 2.0))
    keep.run(chain("Number", 1.0))
    assert [name for name, kwargs in calls].count("Number") == 3


def test_what_was_done_before_a_failure_is_kept():
    keep = Executor(REGISTRY, host=Host())
    workflow = {
        "1": {"class_type": "Number", "inputs": {"value": 1.0}},
        "2": {"class_type": "Break", "inputs": {"value": ["1", 0]}},
        "3": {"class_type": "Show", "inputs": {"value": ["2", 0]}},
    }
    for _ in range(2):
        with pytest.raises(NodeError):
            keep.run(workflow)
    assert [name for name, kwargs in calls].count("Number") == 1


def test_a_long_chain_needs_no_deep_stack():
    workflow = {"0": {"class_type": "Number", "inputs": {"value": 0.0}}}
    for index in range(1, 3000):
        workflow[str(index)] = {"class_type": "Add", "inputs": {"a": [str(index - 1), 0], "b": float(index)}}
    workflow["end"] = {"class_type": "Show", "inputs": {"value": ["2999", 0]}}
    result = executor.run(workflow, REGISTRY, host=Host())
    assert result.outputs["end"] == {"text": [2999 * 3000 / 2]}
