"""What a stranger may send as JSON or as a number: one sentence each, soon."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.timing import snap_fps
from songreel.nodes.base.types import FrameSchedule, IdentityRef, SongAnalysis, Story
from songreel.nodes.person.identity.lora import IdentityLora
from songreel.nodes.schedule.exchange.read import read_text
from songreel.nodes.schedule.plan import event_text
from songreel.nodes.song.emotion.timeline import EmotionTimeline
from songreel.nodes.song.lyrics.lyrics import Lyrics
from songreel.nodes.story.vocabulary import vocabulary_of

TYPES = (Story, FrameSchedule, SongAnalysis, EmotionTimeline, Lyrics, IdentityRef, IdentityLora)
DEEP = "[" * 100_000 + "]" * 100_000
LONG = "9" * 5_000
WIDE = "1" + "0" * 400


@pytest.mark.parametrize(
    "fps", ["1e400", "1e3000000", "1/0", "9" * 4000, 10**400, -(10**400), "nan", "inf", float("inf"), "1" * 41, "１e9"]
)
def test_absurd_frame_rates_are_one_short_sentence_at_once(fps):
    begin = time.process_time()
    with pytest.raises(InputError, match="^fps must be") as refused:
        snap_fps(fps)
    assert time.process_time() - begin < 0.5 and len(str(refused.value)) < 160


@pytest.mark.parametrize(
    "text", [DEEP, '{"a":' * 100_000, f'{{"version": {LONG}}}', f'{{"version": 1, "fps": {WIDE}}}']
)
@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_deep_json_and_long_numbers_are_one_sentence(kind, text):
    with pytest.raises(InputError) as refused:
        kind.of(text)
    assert len(str(refused.value)) < 400 and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["start", "end", "seed"])
def test_a_number_of_400_digits_is_refused_by_name(name):
    shot = {"start": 0, "end": 4, "prompt": "a harbour", "seed": 1} | {name: int(WIDE)}
    with pytest.raises(InputError, match=f"'{name}' must be"):
        Story.of(json.dumps({"type": "STORY", "version": 1, "shots": [shot]}))


def test_other_texts_that_are_json_too():
    with pytest.raises(InputError, match="nested too deeply"):
        vocabulary_of(DEEP, "photo")
    with pytest.raises(InputError, match="nested too deeply"):
        list(event_text._entries(DEEP, []))
    with pytest.raises(InputError, match="nested too deeply"):
        read_text('{"a":' * 50_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(int(WIDE)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("type", "version", "shots", "duration", "fps", "n_frames", "curves", "record", "digest", "name", "lines")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), st.sampled_from(TYPES), st.booleans())
def test_nothing_but_input_errors_comes_of_any_json(data, kind, named):
    if named:
        data = data | {"type": kind.io_type, "version": 1}
    try:
        kind.of(data)
    except InputError as refused:
        assert len(str(refused)) < 1000
