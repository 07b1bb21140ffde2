"""How options reach the inputs of a workflow: by title, by name, with the right type."""

import pytest

from headless.workflow import options
from headless.workflow.options import ROLES, UsageError, apply_role, apply_set, find_output, find_role, schemas_of

SCHEMAS = {
    "LoadAudio": {"audio": ("COMBO", {"options": []})},
    "Envelope": {"audio": ("AUDIO", {}), "fps": ("FLOAT", {"min": 1})},
    "Rate": {"fps": ("STRING", {})},
    "Text": {"text": ("STRING", {"multiline": True}), "story": ("STORY", {})},
    "Render": {
        "model": ("MODEL", {}),
        "steps": ("INT", {}),
        "cfg": ("FLOAT", {}),
        "width": ("INT", {}),
        "height": ("INT", {}),
        "noise_seed": ("INT", {}),
        "draft": ("BOOLEAN", {}),
        "sampler": ("COMBO", {"options": ["euler", 2]}),
    },
    "SaveVideo": {"video": ("VIDEO", {}), "filename_prefix": ("STRING", {})},
    "PreviewImage": {"images": ("IMAGE", {})},
}


def workflow(**titles):
    """One node of each class but for the second Text; `titles` are by node id with a leading n."""
    classes = {"1": "LoadAudio", "2": "Envelope", "3": "Text", "4": "Text", "5": "Render", "6": "SaveVideo"}
    nodes = {node_id: {"class_type": name, "inputs": {}} for node_id, name in classes.items()}
    nodes["2"]["inputs"]["audio"] = ["1", 0]
    for node_id, title in titles.items():
        nodes[node_id[1:]]["_meta"] = {"title": title}
    return nodes


# Options -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "titles", "found"),
    [
        ("song", {}, ("1", ["audio"])),
        ("song", {"n1": "Song: pick a file"}, ("1", ["audio"])),
        ("song", {"n2": "Song"}, ("1", ["audio"])),
        ("prompt", {"n4": "prompt"}, ("4", ["text"])),
        ("prompt", {"n3": "PROMPT (what it shows)", "n4": "Prompts"}, ("3", ["text"])),
        ("prompt", {"n3": "Negative prompt", "n4": "Prompt"}, ("4", ["text"])),
        ("frame rate", {}, ("2", ["fps"])),
        ("size", {}, ("5", ["width", "height"])),
        ("seed", {}, ("5", ["noise_seed"])),
        ("draft", {}, ("5", ["draft"])),
        ("checkpoint", {}, None),
        ("lyrics", {}, None),
        ("lyrics", {"n4": "Lyrics"}, ("4", ["text"])),
    ],
)
def test_a_role_finds_its_node(role, titles, found):
    assert find_role(workflow(**titles), SCHEMAS, ROLES[role]) == found


@pytest.mark.parametrize("titles", [{}, {"n3": "Prompt", "n4": "Prompt 2"}])
def test_a_role_that_could_mean_several_nodes(titles):
    with pytest.raises(
        UsageError, match=r"--prompt could mean several nodes \(Node 3 .*; Node 4 .*title one of them 'Prompt'"
    ):
        find_role(workflow(**titles), SCHEMAS, ROLES["prompt"])


def test_a_linked_input_is_no_candidate_unless_titled():
    nodes = workflow()
    nodes["3"]["inputs"]["text"] = ["4", 0]
    assert find_role(nodes, SCHEMAS, ROLES["prompt"]) == ("4", ["text"])
    nodes["3"]["_meta"] = {"title": "Prompt"}
    assert find_role(nodes, SCHEMAS, ROLES["prompt"]) == ("3", ["text"])


def test_a_role_sets_a_copy():
    before = workflow()
    after = apply_role(before, SCHEMAS, ROLES["size"], 512, 768)
    assert after["5"]["inputs"] == {"width": 512, "height": 768}
    assert before["5"]["inputs"] == {}


@pytest.mark.parametrize(
    ("role", "text", "node_id", "name", "value"),
    [
        ("steps", "8", "5", "steps", 8),
        ("seed", "18446744073709551615", "5", "noise_seed", 2**64 - 1),
        ("frame rate", "23.976", "2", "fps", 23.976),
        ("frame rate", "24000/1001", "2", "fps", 24000 / 1001),
        ("draft", True, "5", "draft", True),
    ],
)
def test_texts_are_typed_as_the_input_is(role, text, node_id, name, value):
    assert apply_role(workflow(), SCHEMAS, ROLES[role], text)[node_id]["inputs"][name] == value


def test_a_frame_rate_stays_text_where_the_input_is_text():
    nodes = {"1": {"class_type": "Rate", "inputs": {}}}
    assert apply_role(nodes, SCHEMAS, ROLES["frame rate"], "24000/1001")["1"]["inputs"] == {"fps": "24000/1001"}


@pytest.mark.parametrize(
    ("role", "text", "part"),
    [
        ("steps", "many", "--steps must be a whole number, got 'many'"),
        ("frame rate", "fast", "--fps must be a number, got 'fast'"),
        ("frame rate", "24/0", "--fps must be a number"),
        ("checkpoint", "x", "--checkpoint has nowhere to go: no node of this workflow has an input ckpt_name"),
        ("lyrics", "x", "--lyrics has nowhere to go"),
    ],
)
def test_options_that_do_not_fit(role, text, part):
    with pytest.raises(UsageError, match=part):
        apply_role(workflow(), SCHEMAS, ROLES[role], text)


def test_the_title_without_the_input_is_mentioned():
    with pytest.raises(UsageError, match=r'Node 6 "Checkpoint" \(SaveVideo\) has the title, but not the input'):
        apply_role(workflow(n6="Checkpoint"), SCHEMAS, ROLES["checkpoint"], "x")


@pytest.mark.parametrize(
    ("assignment", "node_id", "name", "value"),
    [
        ("5.steps=7", "5", "steps", 7),
        ("render.cfg=1.5", "5", "cfg", 1.5),
        ("My film, v1.2.draft=yes", "5", "draft", True),
        ("Render.sampler=euler", "5", "sampler", "euler"),
        ("Render.sampler=2", "5", "sampler", 2),
        ("4.text=a=b.c", "4", "text", "a=b.c"),
        ("4.text=", "4", "text", ""),
        ('4.story={"a": [1]}', "4", "story", {"a": [1]}),
        ("4.story=[1, 2]", "4", "story", {"__value__": [1, 2]}),
        ("SaveVideo.filename_prefix=x/y", "6", "filename_prefix", "x/y"),
    ],
)
def test_set(assignment, node_id, name, value):
    changed = apply_set(workflow(n5="My film, v1.2"), SCHEMAS, assignment)[node_id]["inputs"][name]
    assert changed == value
    assert type(changed) is type(value)


@pytest.mark.parametrize(
    ("assignment", "part"),
    [
        ("steps=7", "takes NODE.INPUT=VALUE, got 'steps=7'"),
        ("5.steps", "takes NODE.INPUT=VALUE"),
        (".steps=1", "takes NODE.INPUT=VALUE"),
        ("9.steps=1", "has no node '9'; there are Node 1"),
        ("Rendr.steps=1", "no node 'Rendr'; did you mean 'Render'"),
        ("Text.text=1", r"several nodes have the class 'Text' \(Node 3 \(Text\); Node 4 \(Text\)\)"),
        ("5.stepz=1", "no input 'stepz'; did you mean 'steps'"),
        ("5.qqq=1", "no input 'qqq'; it has model, steps"),
        ("5.steps=1.5", "must be a whole number, got '1.5'"),
        ("5.draft=maybe", "must be true or false, got 'maybe'"),
    ],
)
def test_set_that_does_not_fit(assignment, part):
    with pytest.raises(UsageError, match=part):
        apply_set(workflow(), SCHEMAS, assignment)


@pytest.mark.parametrize(("text", "size"), [("512x512", (512, 512)), (" 640 X 360 ", (640, 360)), ("8×16", (8, 16))])
def test_sizes(text, size):
    assert options.parse_size(text) == size


@pytest.mark.parametrize("text", ["512", "512x", "x512", "-8x8", "512x512x3", "big"])
def test_sizes_that_are_none(text):
    with pytest.raises(UsageError, match="--size takes WIDTHxHEIGHT"):
        options.parse_size(text)


def test_the_output_node():
    nodes = workflow() | {"7": {"class_type": "PreviewImage", "inputs": {}}}
    classes = ["SaveVideo", "PreviewImage"]
    assert find_output(nodes, classes) == "6"
    nodes["8"] = {"class_type": "SaveVideo", "inputs": {}, "_meta": {"title": "Output"}}
    assert find_output(nodes, classes) == "8"
    nodes["8"]["_meta"] = {"title": "Second"}
    with pytest.raises(UsageError, match="one output node with the title 'Output', this workflow has: Node 6"):
        find_output(nodes, classes)
    with pytest.raises(UsageError, match="this workflow has: none"):
        find_output({}, classes)


def test_schemas_of_an_older_server():
    infos = {"A": {"input": {"required": {"x": [["a", "b"], {"tooltip": "t"}]}, "optional": {"y": ["INT"]}}}}
    assert schemas_of(infos) == {"A": {"x": ("COMBO", {"options": ["a", "b"], "tooltip": "t"}), "y": ("INT", {})}}
