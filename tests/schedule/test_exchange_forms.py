"""What Deforum, Parseq and FizzNodes really write, and what is left out of it."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songreel.nodes.base.errors import InputError
from songreel.nodes.schedule.exchange.read import read_text

TWO = {0: ("a harbour", ""), 48: ("a forest", "text")}


@pytest.mark.parametrize(
    "text",
    [
        '{"0": "a harbour", "48": "a forest --neg text"}',
        '{"0": "a harbour", "48": "a forest --neg text",}',
        '{\n  0: "a harbour",\n  48: "a forest --neg text"\n}',
        "'0': 'a harbour',\n'48': 'a forest --neg text'",
        "{'0': 'a harbour', '48': 'a forest --neg text'}",
        "0: 'a harbour', 48: 'a forest --neg text',",
        "“0”: “a harbour”, “48”: “a forest --neg text”",
        "‘0’: ‘a harbour’, ‘48’: ‘a forest --neg text’",
        '\ufeff"0": "a harbour", "48": "a forest --neg text"',
        json.dumps({"animation_prompts": {"0": "a harbour", "48": "a forest --neg text"}, "fps": 24}),
    ],
)
def test_prompts_in_any_quotes(text):
    reading = read_text(text)
    assert reading is not None and reading.prompts == TWO


def test_an_apostrophe_inside_single_quotes_stays():
    assert read_text("'0': 'the sailor's boat', '9': 'x'").prompts == {0: ("the sailor's boat", ""), 9: ("x", "")}


@pytest.mark.parametrize("names", [("animation_prompts_positive", "animation_prompts_negative"), ("positive_prompts", "negative_prompts")])  # fmt: skip  # noqa: E501
def test_deforums_prompts_for_all_frames(names):
    data = {"prompts": {"0": "a harbour", "9": "a forest --neg fog"}, names[0]: "best", names[1]: "text"}
    assert read_text(json.dumps(data)).prompts == {0: ("best a harbour", "text"), 9: ("best a forest", "fog text")}


def parseq(**prompts):
    rows = [{"frame": 0, "zoom": 1}, {"frame": 9, "zoom": 2}]
    return {"options": {"output_fps": 24}, "managedFields": ["zoom"], "keyframes": rows, "prompts": prompts}


CAT = {"positive": "a cat", "negative": "dog", "allFrames": True}
COMMON = {"positive": "best", "negative": "text"}


@pytest.mark.parametrize(
    ("prompts", "wanted", "left_out"),
    [
        ({"promptList": [CAT], "commonPrompt": COMMON, "commonPromptPos": "append"}, ("a cat, best", "dog, text"), []),
        ({"promptList": [CAT], "commonPrompt": COMMON, "commonPromptPos": "prepend"}, ("best, a cat", "dog, text"), []),
        ({"promptList": [CAT], "commonPrompt": COMMON}, ("a cat, best", "dog, text"), []),
        ({"promptList": [CAT], "commonPrompt": COMMON, "commonPromptPos": "template"}, ("a cat", "dog"), ["commonPrompt (a template)"]),  # noqa: E501
        ({"promptList": [CAT], "enabled": False}, None, ["prompts (they are switched off)"]),
        ({"promptList": [CAT, CAT | {"enabled": False}]}, ("a cat", "dog"), ["prompt 2 (it is switched off)"]),
        ({"promptList": [CAT | {"overlap": {"type": "linear"}}]}, ("a cat", "dog"), ["overlap of prompt 1"]),
    ],
)  # fmt: skip
def test_parseqs_common_and_switched_off_prompts(prompts, wanted, left_out):
    reading = read_text(json.dumps(parseq(**prompts)))
    assert reading.prompts == ({} if wanted is None else {0: wanted}) and reading.left_out == left_out


def test_parseqs_rendered_frames_bring_their_prompts():
    rows = [{"frame": k, "zoom": 1.0, "deforum_prompt": "a --neg x" if k < 5 else "b --neg x"} for k in range(10)]
    formula = [{"positive": "a:${w}", "negative": "", "allFrames": True}]
    reading = read_text(json.dumps(parseq() | {"rendered_frames": rows, "prompts": formula}))
    assert reading.prompts == {0: ("a", "x"), 5: ("b", "x")}
    blended = [row | {"deforum_prompt": f"a:{row['frame'] / 10} AND b"} for row in rows]
    with pytest.raises(InputError, match="change with nearly every frame.*Schedule Themes"):
        read_text(json.dumps(parseq() | {"rendered_frames": blended}))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("'0': 'a cat', 48 'a dog'", "single quotes: a pair is not"),
        ('{"0": 5}', "prompt at frame 0: it is no text"),
        ('{"0": "a" 9: "b"}', 'expected "FRAME": "PROMPT" with a comma'),
        ('{"0": "a", "max_f/2": "b"}', "'max_f/2' is no frame number"),
        ('{"prompts": {"max_f/2": "b"}}', "'max_f/2' is no frame number"),
        ('{"prompts": ["a"]}', "prompts: it is no object"),
        (json.dumps(parseq(promptList=[CAT], commonPrompt={"positive": "${x}"})), "commonPrompt: it has a formula"),
    ],
)
def test_what_cannot_be_read_is_named(text, part):
    with pytest.raises(InputError) as caught:
        read_text(text)
    assert part in str(caught.value)


PIECES = st.sampled_from(
    ['"0"', ":", '"a cat"', ",", "'48'", "'a dog'", "“", "”", "{", "}", "[", "]", '"prompts"', '"keyframes"', '"zoom"', "0:(1.0)", "0:(t)",  # noqa: E501
     '"frame": 0', '"rendered_frames"', "--neg", "\n", "`", "9" * 12, "null", "true"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES | st.text(max_size=4), max_size=14))
def test_any_text_gives_a_reading_or_one_sentence(pieces):
    try:
        reading = read_text("".join(pieces))
    except InputError as error:
        assert len(str(error)) > 20
        return
    assert reading is None or all(frame >= 0 and prompt for frame, (prompt, _) in reading.prompts.items())
