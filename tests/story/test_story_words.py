"""Where shots begin, and how a vocabulary and a moment become a prompt."""

import json

import numpy as np
import pytest

from headless import demo_model
from songreel.nodes.base.errors import InputError
from songreel.nodes.song.emotion import timeline
from songreel.nodes.song.lyrics.parse import parse_lyrics as lyrics_of
from songreel.nodes.story import compose, shot_times, vocabulary
from songreel.nodes.story import settings as story_settings
from support.songs import song
from support.stories import WORLD, count, form, moods

DEMO = vocabulary.vocabulary_of(demo_model.VOCABULARY.read_text("utf-8"), "cinematic")


# Shots -------------------------------------------------------------------------------------------


def test_shots_are_the_most_whole_bars_under_the_limit():
    assert shot_times.wanted_length(song(60, bpm=120), 5.0) == pytest.approx(4.0)
    assert shot_times.wanted_length(song(60, bpm=149), 5.0) == pytest.approx(12 * 60 / 149)
    assert shot_times.wanted_length(song(60, bpm=40), 5.0) == pytest.approx(4.5)
    assert shot_times.wanted_length(song(60, beats=np.zeros(0)), 5.0) == pytest.approx(4.0)
    shots = shot_times.plan_shots(song(32.0, bpm=120))
    assert [end - start for start, end in shots] == [4.0] * 8


def test_parts_are_always_cut_apart_and_cuts_are_on_beats():
    music = form(60.0, bpm=97.0, labels="ABAC")
    shots = shot_times.plan_shots(music, emotion=moods(60.0, "serene", "tense", "serene"))
    starts = [start for start, _ in shots]
    for part in music.sections[1:]:
        assert min(abs(start - part.start) for start in starts) <= 0.35
    for start in starts[1:]:
        assert np.abs(music.beats - start).min() < 1e-9
    for change in (20.0, 40.0):
        assert min(abs(start - change) for start in starts) <= 0.7


def test_a_line_a_shot():
    sheet = lyrics_of("4,6.5,a\n6.5,9,b\n9,9.4,too short\n20,24,c")
    shots = shot_times.plan_shots(song(32.0), lyrics=sheet, line_a_shot=True)
    starts = [start for start, _ in shots]
    assert {4.0, 6.5, 9.0, 20.0, 24.0} <= set(starts)
    assert min(end - start for start, end in shots) >= 1.5


@pytest.mark.parametrize("beats", [np.zeros(0), np.array([3.0]), np.array([0.1, 40.0, 40.2])])
def test_songs_with_hardly_a_beat(beats):
    shots = shot_times.plan_shots(song(60.0, beats=beats))
    assert all(1.5 <= end - start <= 5.1 for start, end in shots) and shots[-1][1] == 60.0


def test_limits_are_told():
    with pytest.raises(InputError, match="longest shot .2 s. must be at least 1.5 times the shortest .1.5 s."):
        shot_times.plan_shots(song(), max_seconds=2.0)
    with pytest.raises(InputError, match="min_seconds must be from 0.25 to 30, got 0.0"):
        shot_times.plan_shots(song(), min_seconds=0.0)
    assert shot_times.plan_shots(song(0.7)) == ((0.0, 0.7),)


# Vocabulary and composing ------------------------------------------------------------------------


def test_shipped_styles_and_the_demo_models_words():
    for style in story_settings.STYLES:
        assert len(vocabulary.shipped(style).places) == 14 and len(vocabulary.shipped(style).style) >= 3
    from headless.demo_training import captions

    known = {word for words in captions.vocabulary().values() for text in words for word in text.split()}
    for group in ("places", "palettes", "weathers"):
        for thing in getattr(DEMO, group):
            for text in (*thing.forms, *thing.details):
                assert set(text.split()) - {"a", "of", "the"} <= known, text
    with pytest.raises(InputError, match="style must be one of cinematic, realistic"):
        vocabulary.shipped("baroque")


def test_every_mood_has_colours_in_both_worlds():
    for world in (WORLD, DEMO):
        for label in timeline.LABELS:
            assert sum(label in palette.moods for palette in world.palettes) >= 2, label


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"places": ["only one"]}, "'places' must have at least two"),
        ({"palettes": [{"name": "x", "moods": ["angry"]}, "y"]}, "mood 'angry' is none of"),
        ({"places": [{"forms": [3]}, "y"]}, "'forms' must be a list of texts"),
        ({"places": [{}, "y"]}, "the field 'name' is missing"),
        ({"places": ["naked people", "y"]}, "'naked' is not shown"),
        ({"figure_in_place": "yes"}, "must be true or false"),
    ],
)
def test_own_vocabularies_are_checked(change, words):
    data = {"places": ["a", "b"], "palettes": ["c", "d"]}
    assert vocabulary.vocabulary_of(json.dumps(data), "sketch").name == "own"
    with pytest.raises(InputError, match=words):
        vocabulary.vocabulary_of(json.dumps(data | change), "sketch")
    with pytest.raises(InputError, match="vocabulary: the text is not JSON"):
        vocabulary.vocabulary_of("{", "sketch")


def test_the_least_important_part_goes_first():
    parts = [compose.Part("a wide sea"), compose.Part("gulls", 4), compose.Part("blue", 8), compose.Part("film", 1)]
    words = lambda text: len(text.replace(",", " ").split())  # noqa: E731
    assert compose.compose(parts, words) == ("a wide sea, gulls, blue, film", ())
    assert compose.compose(parts, words, limit=4) == ("a wide sea, blue", ("film", "gulls"))
    assert compose.compose(parts, words, limit=1)[0] == "a wide sea"


@pytest.mark.parametrize("text", ["a sea, " * 60, "word " * 300, "夜の海" * 100, "🌊" * 200, "x" * 3000])
def test_finished_prompts_are_cut_to_what_clip_reads(text):
    short, dropped = compose.fit_prompt(text, count)
    assert 0 < count(short) <= 75 and dropped
    assert compose.fit_prompt("a misty harbour", count) == ("a misty harbour", ())
