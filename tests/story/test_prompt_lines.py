"""Timed prompts as people write them: every form, its neighbours, and what must be refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.guard import guarded_negative
from songreel.nodes.base.types import Shot, Story
from songreel.nodes.story.edit import story_text
from songreel.nodes.story.timed_prompts import parse_timeline, read_timeline, timeline_text
from support.songs import song


def shots(text, **options):
    return [(round(shot.start, 2), shot.prompt) for shot in parse_timeline(text, song(), **options).shots]


TWO = [(0.0, "a harbour"), (4.5, "a forest")]


@pytest.mark.parametrize(
    "text",
    [
        "0:00-0:04.5 a harbour\n0:04.5-0:10 a forest",
        "0:00 – 0:04.5: a harbour\n0:04.5 – 0:10: a forest",
        "[0:00 - 0:04.5] a harbour\n[0:04.5 - 0:10] a forest",
        "0:00 --> 0:04,500 a harbour\n0:04,500 --> 0:10,000 a forest",
        "00:00:00 to 00:00:04.5 a harbour\n00:00:04.5 to 00:00:10 a forest",
        "0s-4.5s: a harbour\n4.5s-10s: a forest",
        "[0:00] a harbour\n[0:04.5] a forest",
        "(0:00): a harbour\n(0:04.5): a forest",
        "1. 0:00 a harbour\n2. 0:04.5 a forest",
        "* **0:00** a harbour\n* **0:04.5** - a forest",
        "Shot 1 (0:00-0:04.5): a harbour\nShot 2 (0:04.5-0:10): a forest",
        "| 0:00 | a harbour |\n| 0:04.5 | a forest |",
        "0 s a harbour\n4.5 seconds a forest",
        "0m0s a harbour\n0m 4.5s a forest",
        "0s a harbour\n4,5s a forest",
        "0% a harbour\n45% a forest",
        "beat 0-9 a harbour\nbeat 9-19: a forest",
        "frame 0 a harbour\n[frame 54] a forest",
        "０：０0 a harbour\n0：04.5 a forest",
        '{"0": "a harbour", "54": "a forest",}',
        '0: "a harbour",\n54: "a forest"',
        "“0”: “a harbour”, “54”: “a forest”",
        json.dumps({"fps": 24, "prompts": {"0": "a harbour", "108": "a forest --neg text"}}),
        json.dumps([{"time": 0, "prompt": "a harbour"}, {"time": "0:04.5", "prompt": "a forest"}]),
        json.dumps([{"start": 0, "end": 4.5, "text": "a harbour"}, {"frame": 54, "text": "a forest"}]),
    ],
)
def test_every_form_gives_the_same_shots(text):
    assert shots(text) == TWO


@pytest.mark.parametrize(
    "text",
    [
        "90s grunge poster\n70s disco", "50% grey wall\nthe sea", "4k photo of the sea\n8k photo", "80s neon city",
        "1st light over the quay\n2nd light", "(golden light:1.2) harbour\na forest", "[a|b] harbour\na forest",
        "2.5D harbour\n3D forest", "35mm film still\n50mm portrait",
    ],
)  # fmt: skip
def test_words_with_numbers_stay_words(text):
    assert [prompt for _, prompt in shots(text)] == text.split("\n")


def test_seconds_without_a_blank_are_times_where_all_lines_agree():
    assert shots("0s a harbour\n8s neon city") == [(0.0, "a harbour"), (8.0, "neon city")]
    assert shots("0:00 a harbour\n8s neon city") == [(0.0, "a harbour"), (8.0, "neon city")]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0:00 a\nbar 4 b", "line 2: 'bar 4' can be counted from 0 or from 1; write downbeat 3"),
        ("0:00 a\n00:00:04:12 b", "line 2: it begins like a time, '00:00:04:12 b'"),
        ("0;00 a\n0;05 b", "line 1: it begins like a time, '0;00 a'"),
        ("[12.5] a\n[18] b", "line 1: it begins like a time, '[12.5] a'"),
        ("0.0: a\n4.5: b", "line 1: it begins like a time, '0.0: a'"),
        ("-0:01 a", "line 1: it begins like a time"),
        ("0 a\n5 b", "begin with numbers without a unit"),
        ("0:00 a\n0:05,3 dogs", "line 2: '0:05,3' is not clear"),
        ("0:05-0:03 a\n0:08 b", "line 1: '0:05-0:03' ends before it begins"),
        ("0:00 a\n0:00:75 b", "has 75 seconds in a minute"),
        ("1:75:00 a", "has 75 minutes in an hour"),
        ('{"0": "a", 48 "b"}', "looks like JSON and cannot be read"),
        ('{"zoom": "0:(1)"}', "JSON of an unknown kind"),
        ('[{"prompt": "a"}]', 'entry 1 has no "prompt", or no "time"'),
        ("0:00, 0:05, a", "has a second time that is not understood"),
        ('{"0": ["a"]}', "no text at frame 0"),
    ],
)
def test_a_time_that_is_not_understood_is_refused_by_name(text, part):
    with pytest.raises(InputError) as caught:
        parse_timeline(text, song())
    assert part in str(caught.value)


def test_a_range_that_ends_before_the_next_shot_is_named():
    story, notes = read_timeline("0:00-0:02 a\n0:05-0:10 b", song())
    assert [shot.start for shot in story.shots] == [0.0, 5.0]
    assert notes == ("A shot lasts until the next one starts; other ends are not kept: line 1 (0:02.000).",)


def test_shots_snap_to_the_nearest_onset():
    heard = replace(song(), onsets=np.array([0.3, 4.62, 5.9]))
    story = parse_timeline("0:00 a\n0:04.5 b\n0:07 c", heard, snap="onset", max_move=0.2)
    assert [shot.start for shot in story.shots] == [0.0, 4.62, 7.0]


def test_what_the_pack_writes_reads_back_into_a_story():
    negative = guarded_negative("text, blur")
    story = Story(
        (
            Shot(0.0, 4.0, "a harbour", negative, lyric="over the sea", emotion="calm"),
            Shot(4.0, 7.5, "a city", negative, seed=7),
            Shot(7.5, 10.0, "9:15 on a clock", guarded_negative("people")),
        )
    )
    assert parse_timeline(story_text(story), song(), negative="x") == story
    assert parse_timeline(story.to_text(), song()) == story
    again = parse_timeline(timeline_text(story, song().fps), song())
    assert [(shot.start, shot.prompt) for shot in again.shots] == [(shot.start, shot.prompt) for shot in story.shots]


def test_a_story_of_another_song_is_refused():
    with pytest.raises(InputError, match=r"story ends at 12\.00 s and the song at 10\.00 s"):
        parse_timeline(Story((Shot(0.0, 12.0, "a"),)).to_text(), song())


PIECES = st.sampled_from(
    ["0:00", "0:04.5", "4s", "80s", " ", "-", "[", "]", "(", ")", "\n", "beat 3", "frame 9", "bar 2", "a harbour", ":", ",", "{", "}",  # noqa: E501
     '"0": "a"', "%", "12", "0:05-0:09", "\n    seed: 3", "\n    negative: x", "| ", "**", "1. ", "：", "99999999999", "to", "1m30s"]  # noqa: E501
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES | st.text(max_size=5), max_size=12))
def test_any_text_gives_a_story_or_one_sentence(pieces):
    try:
        story = parse_timeline("".join(pieces), song())
    except InputError as error:
        assert len(str(error)) > 20
        return
    assert story.shots[0].start == 0 and story.shots[-1].end == 10.0
    assert all(shot.prompt for shot in story.shots)
