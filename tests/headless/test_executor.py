"""The executor: what it refuses before anything runs, what it runs in which order, what it keeps."""

import asyncio
import contextlib
import json
import math

import pytest

from headless.comfy_api import io
from headless.host import Interrupted
from headless.workflow import executor
from headless.workflow.executor import Executor, NodeError
from headless.workflow.validate import WorkflowError, validate
from songreel.nodes.base.errors import InputError


class Host:
    """Just what the executor asks of a host."""

    def __init__(self):
        self.nodes, self.stop_at = [], None

    def check_interrupt(self):
        if self.stop_at is not None and len(self.nodes) >= self.stop_at:
            raise Interrupted

    @contextlib.contextmanager
    def executing(self, node_id, title):
        self.nodes.append(node_id)
        yield


calls: list[tuple] = []


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


def node(name, inputs=(), outputs=(), execute=None, **schema):
    """A node class from a few words; every execution is noted in `calls`."""

    def define_schema(cls):
        made = [make() for make in inputs]
        return io.Schema(node_id=name, inputs=made, outputs=[make() for make in outputs], **schema)

    def run(cls, **kwargs):
        calls.append((name, kwargs))
        return execute(cls, **kwargs)

    async def run_async(cls, **kwargs):
        calls.append((name, kwargs))
        return await execute(cls, **kwargs)

    body = {
        "define_schema": classmethod(define_schema),
        "execute": classmethod(run_async if asyncio.iscoroutinefunction(execute) else run),
    }
    return type(name, (io.ComfyNode,), body)


def number(name="value", **options):
    return lambda: io.Float.Input(name, **options)


FLOAT, INT, STRING, IMAGE, ANY = (
    lambda kind=kind: kind.Output() for kind in (io.Float, io.Int, io.String, io.Image, io.AnyType)
)


class Picky(io.ComfyNode):
    """Refuses odd counts itself, and any range check is its own."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Picky",
            inputs=[io.Int.Input("count", min=0, max=5), io.Float.Input("rate", min=0.0, max=1.0)],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, count):
        return True if count % 2 == 0 else f"The count must be even, got {count}."

    @classmethod
    def execute(cls, count, rate):
        return io.NodeOutput(ui={"text": [f"{count} {rate}"]})


class Branch(io.ComfyNode):
    """Asks for one of two lazy inputs."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Branch",
            inputs=[
                io.Boolean.Input("which"),
                io.Float.Input("yes", lazy=True),
                io.Float.Input("no", lazy=True),
            ],
            outputs=[io.Float.Output()],
        )

    @classmethod
    def check_lazy_status(cls, which, yes, no):
        name, value = ("yes", yes) if which else ("no", no)
        return [name] if value is None else []

    @classmethod
    def execute(cls, which, yes, no):
        calls.append(("Branch", {"yes": yes, "no": no}))
        return io.NodeOutput(yes if which else no)


class Watched(io.ComfyNode):
    """Has a fingerprint that a test sets."""

    fingerprint = "a"

    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="Watched", inputs=[io.Float.Input("value")], outputs=[io.Float.Output()])

    @classmethod
    def fingerprint_inputs(cls, value):
        if isinstance(cls.fingerprint, Exception):
            raise cls.fingerprint
        return cls.fingerprint

    @classmethod
    def execute(cls, value):
        calls.append(("Watched", {"value": value}))
        return io.NodeOutput(value)


async def _slow_double(cls, value):
    await asyncio.sleep(0)
    return io.NodeOutput(value * 2)


def _raise(error):
    def execute(cls, **kwargs):
        raise error

    return execute


def _needs_grad(cls, value):
    import torch

    return io.NodeOutput(ui={"text": [torch.is_inference_mode_enabled()]})


NODES = [
    node(
        "Settings",
        [
            lambda: io.Int.Input("steps", default=4, min=1, max=100),
            lambda: io.Float.Input("cfg", default=7.0, min=0.0, max=30.0),
            lambda: io.Combo.Input("sampler", options=["euler", "heun"]),
            lambda: io.String.Input("text", optional=True),
            lambda: io.Boolean.Input("draft", optional=True),
            lambda: io.Image.Input("image", optional=True),
            lambda: io.Custom("STORY").Input("story", optional=True),
            lambda: io.Custom("INT,FLOAT").Input("either", optional=True),
            lambda: io.AnyType.Input("any", optional=True),
        ],
        [FLOAT],
        lambda cls, cfg, **rest: io.NodeOutput(cfg, ui={"steps": [rest["steps"]]}),
    ),
    node("Number", [number()], [FLOAT], lambda cls, value: io.NodeOutput(value)),
    node("Text", [lambda: io.String.Input("text")], [STRING], lambda cls, text: (text,)),
    node("Picture", [], [IMAGE, FLOAT], lambda cls: io.NodeOutput("picture", 1.0)),
    node("Add", [number("a"), number("b")], [FLOAT], lambda cls, a, b: {"result": (a + b,)}),
    node("Double", [number()], [FLOAT], _slow_double),
    node(
        "Split",
        [number()],
        [lambda: io.Float.Output(is_output_list=True)],
        lambda cls, value: io.NodeOutput([value + i for i in range(3)]),
    ),
    node("Sum", [number()], [FLOAT], lambda cls, value: io.NodeOutput(sum(value)), is_input_list=True),
    node(
        "Block",
        [number()],
        [FLOAT],
        lambda cls, value: io.NodeOutput(block_execution=f"{value} is not allowed"),
    ),
    node("Break", [number()], [FLOAT], _raise(RuntimeError("no such\nthing"))),
    node("Refuse", [number()], [FLOAT], _raise(InputError("The song is empty; give another."))),
    node("Short", [number()], [FLOAT], lambda cls, value: io.NodeOutput()),
    node("Expand", [], [FLOAT], lambda cls: io.NodeOutput(1.0, expand={"x": {}}), enable_expand=True),
    node("Unique", [number()], [FLOAT], lambda cls, value: io.NodeOutput(value), hidden=[io.Hidden.unique_id]),
    node(
        "Show",
        [lambda: io.AnyType.Input("value")],
        [],
        lambda cls, value: io.NodeOutput(ui={"text": [value]}),
        is_output_node=True,
    ),
    node("Mode", [number()], [], _needs_grad, is_output_node=True),
    Branch,
    Picky,
    Watched,
]
REGISTRY = {cls.define_schema().node_id: cls for cls in NODES}


def settings(**inputs):
    """A workflow of one Settings node with some inputs changed, and something that shows it."""
    given = {"steps": 4, "cfg": 7.0, "sampler": "euler"} | inputs
    return {
        "1": {
            "class_type": "Settings",
            "inputs": {k: v for k, v in given.items() if v is not ...},
            "_meta": {"title": "Look"},
        },
        "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}},
    }


def chain(class_type, value=1.0, **more):
    return {
        "1": {"class_type": class_type, "inputs": {"value": value} | more},
        "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}},
    }


SOURCES = {
    "5": {"class_type": "Text", "inputs": {"text": "x"}},
    "6": {"class_type": "Picture", "inputs": {}},
    "7": {"class_type": "Number", "inputs": {"value": 1.0}},
}

REFUSED = [
    # what, workflow, the node and the input that the one sentence names, a part of it
    ("not an object", [], None, None, "must be a JSON object"),
    ("empty", {}, None, None, "no output node"),
    ("ui format", {"nodes": [], "links": []}, None, None, "UI format"),
    ("node not an object", {"1": 5}, "1", None, "must be an object"),
    ("no class_type", {"1": {"inputs": {}}}, "1", None, "no class_type"),
    ("class_type not a text", {"1": {"class_type": 3}}, "1", None, "no class_type"),
    ("inputs not an object", {"1": {"class_type": "Show", "inputs": [1]}}, "1", None, "must be an object"),
    ("unknown node", {"1": {"class_type": "Setings"}}, "1", None, "did you mean 'Settings'"),
    ("unknown node, nothing close", {"1": {"class_type": "Qqq"}}, "1", None, "lists those there are"),
    ("no output node", {"7": SOURCES["7"]}, None, None, "no output node"),
    ("missing input", settings(steps=...), "1", "steps", "is missing"),
    ("missing node", settings(cfg=["9", 0]), "1", "cfg", "node 9, which does not exist"),
    ("missing slot", settings(image=["6", 2]) | SOURCES, "1", "image", "output 2 of Node 6 (Picture), which has 2"),
    ("negative slot", settings(image=["6", -1]) | SOURCES, "1", "image", "output -1"),
    ("text into combo", settings(sampler=["5", 0]) | SOURCES, "1", "sampler", "takes COMBO"),
    ("picture into number", settings(cfg=["6", 0]) | SOURCES, "1", "cfg", "takes FLOAT"),
    ("float into int", settings(steps=["7", 0]) | SOURCES, "1", "steps", "gives FLOAT"),
    ("picture into either", settings(either=["6", 0]) | SOURCES, "1", "either", "takes INT,FLOAT"),
    ("link to an unknown input", settings(imgae=["6", 0]) | SOURCES, "1", "imgae", "did you mean 'image'"),
    ("list that is no link", settings(cfg=[1.0, 2.0]), "1", "cfg", "must be a link"),
    ("list of three", settings(story=["6", 0, 0]), "1", "story", "must be a link"),
    ("int is a word", settings(steps="many"), "1", "steps", 'must be a whole number, got "many"'),
    ("int is null", settings(steps=None), "1", "steps", "must be a whole number, got null"),
    ("float is a word", settings(cfg="7,5"), "1", "cfg", "must be a number"),
    ("float is nan", settings(cfg=math.nan), "1", "cfg", "must be a number, got NaN"),
    ("float is an object", settings(cfg={"a": 1}), "1", "cfg", "must be a number"),
    ("text is null", settings(text=None), "1", "text", "must be a text, got null"),
    ("text is a wrapped list", settings(text={"__value__": ["a"]}), "1", "text", "must be a text"),
    ("bool is null", settings(draft=None), "1", "draft", "must be true or false"),
    ("below the minimum", settings(steps=0), "1", "steps", "must be at least 1, got 0"),
    ("above the maximum", settings(cfg=31), "1", "cfg", "must be at most 30.0, got 31.0"),
    ("not in the list", settings(sampler="ddim"), "1", "sampler", 'must be one of "euler", "heun", got "ddim"'),
    ("constant picture", settings(image="cat.png"), "1", "image", "only a link can give"),
    ("circle", chain("Number", ["1", 0]), "1", "value", "circle of links (1 -> 1)"),
    ("node says no", {"1": {"class_type": "Picky", "inputs": {"count": 3, "rate": 0.5}}}, "1", "count", "must be even"),
]


@pytest.mark.parametrize(
    ("workflow", "node_id", "name", "part"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_refused(workflow, node_id, name, part):
    before = json.dumps(workflow)
    problems = validate(workflow, REGISTRY)
    assert len(problems) == 1
    assert (problems[0].node_id, problems[0].input) == (node_id, name)
    text = str(problems[0])
    assert part in text
    assert "\n" not in text
    assert node_id is None or f"Node {node_id}" in text
    assert name is None or f"'{name}'" in text
    assert json.dumps(workflow) == before
    with pytest.raises(WorkflowError):
        executor.run(workflow, REGISTRY, host=Host())
    assert calls == []


def test_a_problem_names_the_title():
    assert str(validate(settings(steps=0), REGISTRY)[0]) == (
        "Node 1 \"Look\" (Settings): input 'steps' must be at least 1, got 0."
    )


def test_all_problems_are_found_at_once():
    workflow = settings(steps=0, sampler="ddim", cfg=...) | {
        "3": {"class_type": "Show", "inputs": {}},
    }
    assert [(problem.node_id, problem.input) for problem in validate(workflow, REGISTRY)] == [
        ("1", "steps"),
        ("1", "cfg"),
        ("1", "sampler"),
        ("3", "value"),
    ]


def test_a_long_circle_is_named():
    workflow = {
        "1": {"class_type": "Number", "inputs": {"value": ["3", 0]}},
        "2": {"class_type": "Number", "inputs": {"value": ["1", 0]}},
        "3": {"class_type": "Number", "inputs": {"value": ["2", 0]}},
        "4": {"class_type": "Show", "inputs": {"value": ["3", 0]}},
    }
    problems = validate(workflow, REGISTRY)
    assert len(problems) == 1
    assert "circle of links" in str(problems[0])


@pytest.mark.parametrize(
    ("inputs", "name", "seen"),
    [
        ({"steps": "12"}, "steps", 12),
        ({"steps": 3.7}, "steps", 3),
        ({"cfg": "2.5"}, "cfg", 2.5),
        ({"cfg": 2}, "cfg", 2.0),
        ({"text": 5}, "text", "5"),
        ({"draft": 1}, "draft", True),
        ({"story": {"a": 1}}, "story", {"a": 1}),
        ({"story": {"__value__": [1, 2]}}, "story", [1, 2]),
        ({"any": {"__value__": [1]}}, "any", [1]),
    ],
)
def test_constants_are_converted(inputs, name, seen):
    executor.run(settings(**inputs), REGISTRY, host=Host())
    value = dict(calls)["Settings"][name]
    assert value == seen
    assert type(value) is type(seen)


def test_unknown_constants_are_ignored():
    executor.run(settings(future="x"), REGISTRY, host=Host())
    assert "future" not in dict(calls)["Settings"]


def test_what_no_output_needs_is_neither_checked_nor_run():
    workflow = settings() | {"8": {"class_type": "Number", "inputs": {}}}
    assert validate(workflow, REGISTRY) == []
    assert executor.run(workflow, REGISTRY, host=Host()).executed == ["1", "2"]


def test_an_own_check_replaces_the_range_of_its_inputs_only():
    picky = {"1": {"class_type": "Picky", "inputs": {"count": 8, "rate": 0.5}}}
    assert validate(picky, REGISTRY) == []
    picky["1"]["inputs"]["rate"] = 2.0
    assert [problem.input for problem in validate(picky, REGISTRY)] == ["rate"]


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
