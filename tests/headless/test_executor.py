"""The executor: what it refuses before anything runs, what it runs in which order, what it keeps."""

import json
import math

import pytest

from headless.workflow import executor
from headless.workflow.validate import WorkflowError, validate
from support.executor_nodes import REGISTRY, Host, calls, chain


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


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
