"""What language models and their servers really answer."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songreel.nodes.story.llm_answer import answer_in
from songreel.nodes.story.llm_reply import NoReplyError, reason_of, reply_of
from songreel.nodes.story.llm_schema import KeywordsAnswer, ScenesAnswer, StoryAnswer, in_words, strict_schema

SHOTS = [{"number": 1, "narrative": "a kite"}, {"number": 2, "narrative": "a roof"}]
BARE = json.dumps({"shots": SHOTS})


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        "\ufeff" + BARE,
        '<think>{"number": 9, "narrative": "no"}</think>' + BARE,
        "I plan. {1: 2}\n</think>\n" + BARE,
        "<reasoning>x</reasoning>\n```json\n" + BARE + "\n```",
        "```JSON5\r\n" + BARE + "\r\n```\nEnjoy!",
        "~~~\n" + BARE + "\n~~~",
        "```\n" + BARE,
        "Sure [as asked]! " + BARE + " Anything else {or not}?",
        BARE.replace("}]", "},]"),
        str({"shots": SHOTS, "note": None}),
        json.dumps(SHOTS),
        json.dumps({"result": {"story": {"shots": SHOTS}}}),
        json.dumps({"shots": {"1": {"narrative": "a kite"}, "shot 2": {"narrative": "a roof"}}}),
        json.dumps({"shot_1": {"description": "a kite"}, "shot_2": {"description": "a roof"}}),
        "\n".join(json.dumps(shot) for shot in SHOTS),
        json.dumps({"shots": [{"shot": "Shot 1", "Description": "a kite"}, {"shot": 2, "prompt": "a roof"}]}),
        json.dumps({"shots": [{"narrative": "a kite"}, {"narrative": "a roof"}]}),
        BARE[:-2] + ', {"number": 3, "narr',
        json.dumps({"shots": [*SHOTS, {"number": 3, "narrative": None}, "words", None]}),
        BARE.replace('"narrative"', '// a comment\n"narrative"'),
    ],
)
def test_good_shots_are_taken_out_of_anything(text):
    shots = answer_in(text, StoryAnswer, wanted=(1, 2)).shots
    assert [(shot.number, shot.narrative) for shot in shots] == [(1, "a kite"), (2, "a roof")]


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (None, ""),
        (["a", "b"], "a, b"),
        (3, "3"),
        ({"x": 1}, ""),
        ("  a\n b ", "a b"),
        ("N/A", ""),
        ("null", ""),
        ([], ""),
    ],
)
def test_fields_of_other_kinds(given_value, kept):
    text = json.dumps({"shots": [{"number": 1, "narrative": "x", "props": given_value, "mood": "calm"}]})
    assert answer_in(text, StoryAnswer).shots[0].props == kept


@pytest.mark.parametrize(
    "text", ["", "1. A kite.", "{}", "[]", '{"shots": []}', "<think>" + BARE + "</think>", "[[[[[[[[" * 999, "nan"]
)
def test_no_shots(text):
    with pytest.raises(ValueError):
        answer_in(text, StoryAnswer)


@pytest.mark.parametrize(
    "text",
    [
        '{"scenes": ["a", "b"]}', '["a", "b"]', '{"scenes": [{"scene": "a"}, {"text": "b"}]}', '{"parts": {"A": "a", "B": "b"}}',  # noqa: E501
        'Here: {"scenes": ["a", "b",]}',
    ],
)  # fmt: skip
def test_scenes_and_keywords(text):
    assert answer_in(text, ScenesAnswer).scenes == ["a", "b"]
    assert answer_in(text.replace("scenes", "keywords"), KeywordsAnswer).keywords == ["a", "b"]


def body(message, finish="stop", **more):
    return json.dumps({"choices": [{"message": message, "finish_reason": finish}]} | more)


STREAM = "".join(f'data: {{"choices": [{{"delta": {{"content": "{c}"}}}}]}}\n\n' for c in "abc") + "data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("text", "wanted", "tokens", "cut"),
    [
        (body({"content": "abc"}, usage={"total_tokens": 7}), "abc", 7, False),
        (body({"content": "abc"}, "length", usage=None), "abc", 0, True),
        (body({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "bc"}, "!"]}), "abc!", 0, False),
        (body({"content": None, "tool_calls": [{"function": {"arguments": "abc"}}]}), "abc", 0, False),
        (body({"content": "", "function_call": {"arguments": {"a": 1}}}), '{"a": 1}', 0, False),
        (json.dumps({"choices": [{"text": "abc"}]}), "abc", 0, False),
        (json.dumps({"message": {"content": "abc"}, "done": True}), "abc", 0, False),
        (STREAM, "abc", 0, False),
        (": ping\n\n" + STREAM, "abc", 0, False),
        ("\ufeff" + body({"content": "abc", "refusal": None}), "abc", 0, False),
    ],
)
def test_replies(text, wanted, tokens, cut):
    reply = reply_of(text)
    assert (reply.text, reply.tokens, reply.cut) == (wanted, tokens, cut)


@pytest.mark.parametrize(
    ("text", "message", "retry"),
    [
        ("<html>login</html>", "web page", False),
        ("", "not of OpenAI's protocol", True),
        ("[]", "not of OpenAI's protocol", True),
        (json.dumps({"choices": []}), "not of OpenAI's protocol", True),
        (json.dumps({"error": {"message": "Provider is busy"}}), "an error: Provider is busy", True),
        (body({"content": None}, "length"), "cut off at the token limit", False),
        (body({"content": "  "}), "is empty", True),
        (body({"content": None, "refusal": "no"}), "refused", False),
        (body({"content": "x"}, "content_filter"), "refused", False),
        ("data: [DONE]\n", "is empty", True),
    ],
)
def test_no_reply(text, message, retry):
    with pytest.raises(NoReplyError, match=message) as caught:
        reply_of(text)
    assert caught.value.retry == retry


def test_a_reason_holds_no_secret():
    told = reason_of(
        {"error": {"message": "bad key hunter22 at https://a.b/v1,\n sk-abc*** " + "x" * 300}}, secrets=("hunter22",)
    )
    assert told.startswith("bad key ... at ... ... xxx") and len(told) == 160
    assert (
        reason_of({"detail": "busy"}) == "busy" and reason_of({"message": "busy"}) == "busy" and reason_of(None) == ""
    )


def test_the_shape_is_said_in_words_and_the_schema_stays_strict():
    assert '"shots": [{"number": 1, "narrative": "", "location"' in in_words(StoryAnswer)
    assert '"scenes": ["...", ...]' in in_words(ScenesAnswer)
    schema = json.dumps(strict_schema(StoryAnswer))
    assert '"default"' not in schema and '"additionalProperties": false' in schema


PIECES = st.sampled_from(["{", "}", "[", "]", '"shots"', ":", ",", '"number"', "1", '"narrative"', '"x"', "```", "<think>", "</think>", "'", "None", "data:", "\n", "//"])  # fmt: skip  # noqa: E501


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES | st.text(max_size=4), max_size=20))
def test_any_text_is_read_or_refused(pieces):
    text = "".join(pieces)
    for form in (StoryAnswer, ScenesAnswer):
        try:
            assert answer_in(text, form)
        except ValueError as error:
            assert str(error)
    try:
        assert reply_of(text).text.strip()
    except NoReplyError as error:
        assert str(error)
