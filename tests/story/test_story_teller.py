import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headless import demo_model
from songreel.nodes.base import guard, types
from songreel.nodes.base.errors import InputError
from songreel.nodes.song.emotion import timeline
from songreel.nodes.song.lyrics import lyrics
from songreel.nodes.song.lyrics.parse import parse_lyrics as lyrics_of
from songreel.nodes.story import compose, edit, make, shot_times, teller, vocabulary
from support.songs import real_songs, song
from support.stories import WORLD, count, form, moods, valid

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
    with pytest.raises(InputError, match="Shots must last"):
        shot_times.plan_shots(song(), min_seconds=0.0)
    assert shot_times.plan_shots(song(0.7)) == ((0.0, 0.7),)


# Vocabulary and composing ------------------------------------------------------------------------


def test_shipped_styles_and_the_demo_models_words():
    for style in vocabulary.STYLES:
        assert len(vocabulary.shipped(style).places) == 14 and len(vocabulary.shipped(style).style) >= 3
    from headless.demo_training import captions

    known = {word for words in captions.vocabulary().values() for text in words for word in text.split()}
    for group in ("places", "palettes", "weathers"):
        for thing in getattr(DEMO, group):
            for text in (*thing.forms, *thing.details):
                assert set(text.split()) - {"a", "of", "the"} <= known, text
    with pytest.raises(InputError, match="style must be one of realistic, cinematic"):
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


# Stories -----------------------------------------------------------------------------------------

WORDS = (
    "sea",
    "night",
    "love",
    "rain",
    "road",
    "city",
    "dance",
    "tears",
    "snow",
    "fire",
    "home",
    "train",
    "star",
    "gone",
)


def sheet(seed, duration):
    """A synthetic lyric sheet: lines of three to nine words, a pause now and then, a chorus that comes back."""
    rng = np.random.default_rng(seed)
    chorus = [" ".join(rng.choice(WORDS, 6)) for _ in range(2)]
    rows, time = [], float(rng.uniform(0, 8))
    while time < duration - 4:
        end = time + float(rng.uniform(1.2, 4))
        text = str(rng.choice(chorus)) if rng.random() < 0.3 else " ".join(rng.choice(WORDS, int(rng.integers(3, 10))))
        rows.append(f"{time:.2f},{end:.2f},{text}")
        time = end + (float(rng.uniform(3, 9)) if rng.random() < 0.15 else 0.0)
    return lyrics_of("\n".join(rows))


def check_story(story, sung, duration, *, person=""):
    valid(story, duration)
    prompts = [shot.prompt for shot in story.shots]
    assert len({prompt.casefold() for prompt in prompts}) == len(prompts)
    assert max(map(count, prompts)) <= 75
    lines = [" " + " ".join(line.text.casefold().split()) + " " for line in sung.lines]
    for prompt in prompts:
        words = prompt.casefold().replace(",", " ").split()
        for five in zip(*(words[k:] for k in range(5)), strict=False):
            assert not any(f" {' '.join(five)} " in line for line in lines), prompt
    for shot, following in pairwise(story.shots):
        if shot.emotion != following.emotion:
            assert shot.record["palette"] != following.record["palette"]


@pytest.mark.parametrize("seed", range(20))
def test_synthetic_sheets_give_good_stories(seed):
    duration = 90.0 + 7 * seed
    music = form(duration, bpm=80 + 5 * seed, labels="ABABCBB")
    feeling = moods(duration, "melancholy", "euphoric", "serene", "tense", "neutral", "euphoric")
    words = sheet(seed, duration)
    world = DEMO if seed % 2 else WORLD
    wishes = make.Wishes(seed=seed, mode=teller.MODES[seed % 3], theme="a lost letter" if seed % 4 == 0 else "")
    story, _ = make.make_story(music, world, wishes, count=count, lyrics=words, emotion=feeling)
    check_story(story, words, duration)


@pytest.mark.parametrize("path", real_songs(), ids=lambda path: path.stem[:20])
def test_real_songs_give_good_stories(path):
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.song.audio.analysis import analyze
    from songreel.nodes.song.emotion.hear import hear_emotion

    waveform, rate = read_audio(path)
    waveform = waveform[:, : 60 * rate]
    music = analyze(waveform, rate, fps=24)
    feeling = hear_emotion(waveform, rate, model="built-in")
    story, _ = make.make_story(music, WORLD, make.Wishes(), count=count, emotion=feeling)
    check_story(story, lyrics.Lyrics(), music.duration)


def test_a_chorus_comes_back_to_its_place_seen_differently():
    music = form(96.0, labels="ABCB")
    story, _ = make.make_story(music, WORLD, make.Wishes(mode="chain", person_share=0), count=count)
    places = {}
    for shot in story.shots:
        places.setdefault(shot.record["section"], set()).add(shot.record["place"])
    assert all(len(names) == 1 for names in places.values())
    assert len(set.union(*places.values())) == 3
    first, second = ([shot for shot in story.shots if start <= shot.start < start + 24] for start in (24, 72))
    assert not any(shot.record["returns"] for shot in first) and all(shot.record["returns"] for shot in second)
    assert not {shot.prompt for shot in first} & {shot.prompt for shot in second}


def test_words_and_theme_call_for_places():
    words = lyrics_of("0,4,walking in the city streets\n4,8,waves upon the ocean\n8,12,snow in december")
    story, _ = make.make_story(
        form(12.0, labels="A"), WORLD, make.Wishes(mode="literal", person_share=0), count=count, lyrics=words
    )
    assert [shot.record["place"] for shot in story.shots] == ["city street", "sea", "winter village"]
    story, _ = make.make_story(
        form(12.0, labels="A"), WORLD, make.Wishes(theme="the last train", person_share=0), count=count
    )
    assert story.shots[0].record["place"] == "railway station"
    assert all("the last train" in shot.prompt for shot in story.shots)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_the_person_is_in_their_share_of_shots(share):
    wishes = make.Wishes(person="{PERSON}", person_share=share)
    story, _ = make.make_story(form(120.0), WORLD, wishes, count=count)
    shown = ["{PERSON}" in shot.prompt for shot in story.shots]
    assert abs(sum(shown) - share * len(shown)) < 1
    assert all((shot.record.get("figure") == "person") == there for shot, there in zip(story.shots, shown, strict=True))


def test_the_same_input_gives_the_same_story_and_another_seed_another():
    music = form()
    one, two, other = (
        make.make_story(music, WORLD, make.Wishes(seed=seed), count=count)[0].to_text() for seed in (3, 3, 4)
    )
    assert one == two != other


def test_speech_is_calm_and_slow():
    wishes = make.Wishes(content="podcast")
    story, _ = make.make_story(form(60.0), WORLD, wishes, count=count, emotion=moods(60.0, "tense", "euphoric"))
    assert {shot.emotion for shot in story.shots} == {"neutral", "serene"}
    assert np.median([shot.end - shot.start for shot in story.shots]) >= 5


@pytest.mark.parametrize("fusion", ["switch", "halves", "crossfade"])
def test_words_lead_while_they_last(fusion):
    words = lyrics_of("8,12,waves upon the ocean\n12,16,snow in december")
    wishes = make.Wishes(fusion=fusion, mode="literal", person_share=0)
    story, _ = make.make_story(form(24.0, labels="A"), WORLD, wishes, count=count, lyrics=words)
    valid(story, 24.0)
    led = [(shot.start, shot.end, shot.lyric) for shot in story.shots if shot.lyric]
    starts = (10.0, 14.0) if fusion == "halves" else (8.0, 12.0)
    assert [start for start, _, _ in led] == list(starts) and [end for _, end, _ in led] == [12.0, 16.0]
    beside = next(shot for shot in story.shots if shot.end == 8.0)
    assert beside.lyric == "" and (fusion != "crossfade" or beside.record["place"] == "sea")


def test_wrong_wishes_are_one_sentence():
    for wish, words in (
        ({"mode": "epic"}, "mode must be one of narrative"),
        ({"fusion": "blend"}, "fusion must be one of off"),
        ({"content": "film"}, "content must be one of music"),
        ({"person_share": 2}, "person_share must be from 0 to 1, got 2"),
        ({"theme": "n4ked dancers"}, "theme: 'naked' is not shown"),
    ):
        with pytest.raises(InputError, match=words):
            make.Wishes(**wish)
    with pytest.raises(InputError, match="emotion is of another song: it lasts 30.0 s, the song 64.0 s"):
        make.make_story(form(), WORLD, make.Wishes(), count=count, emotion=moods(30.0, "tense"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n".join(f"line {k} of the night" for k in range(5000)),
        "שלום עולם\nלילה טוב",
        "夜の海を渡る\n雨",
        "🌊🔥\n💔",
    ],
    ids=["none", "5000 lines", "right to left", "Japanese", "emoji"],
)
def test_any_lyrics_give_a_story(text):
    words = lyrics_of(text, duration=64.0)
    story, _ = make.make_story(form(), WORLD, make.Wishes(mode="literal"), count=count, lyrics=words)
    check_story(story, words, 64.0)


def test_two_hours_and_lines_past_the_end():
    music = form(7200.0, labels="ABAB" * 30, fps=Fraction(1))
    words = lyrics_of("\n".join(f"{k * 3},{k * 3 + 2},line {k}" for k in range(2600)))
    story, notes = make.make_story(music, DEMO, make.Wishes(), count=count, lyrics=words)
    valid(story, 7200.0)
    assert len(story.shots) > 1400 and len({shot.prompt for shot in story.shots}) == len(story.shots)
    assert "200 lines start after the song's end at 7200 s and are left out." in notes


@st.composite
def cases(draw):
    duration = draw(st.floats(0.3, 200.0))
    bpm = draw(st.sampled_from([0, 50, 97, 120, 180]))
    music = form(
        duration,
        bpm or 120,
        draw(st.text("ABC", min_size=1, max_size=9)),
        draw(st.sampled_from([Fraction(1), Fraction(12), Fraction(24000, 1001)])),
    )
    if bpm == 0:
        music = replace(music, beats=np.zeros(0), downbeats=np.zeros(0), tempo_per_beat=np.zeros(0))
    rows = draw(st.lists(st.tuples(st.floats(0, 250), st.floats(0, 30), st.text(max_size=40)), max_size=25))
    from songreel.nodes.song.lyrics import tidy

    entries = tuple(tidy.Entry(start, start + length, " ".join(text.split())) for start, length, text in rows)
    labels = draw(st.lists(st.sampled_from(timeline.LABELS), min_size=1, max_size=8))
    shortest = draw(st.floats(0.25, 4.0))
    wishes = make.Wishes(
        mode=draw(st.sampled_from(teller.MODES)),
        fusion=draw(st.sampled_from(["off", "switch", "halves", "crossfade"])),
        min_seconds=shortest, max_seconds=1.5 * shortest + draw(st.floats(0.2, 6.0)), seed=draw(st.integers(0, 9)),
    )  # fmt: skip
    return music, tidy.tidy(entries), moods(duration, *labels), wishes


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_stories_are_gap_free_in_order_and_never_too_short(case):
    music, words, feeling, wishes = case
    story, _ = make.make_story(music, DEMO, wishes, count=lambda text: len(text.split()), lyrics=words, emotion=feeling)
    valid(story, music.duration, shortest=min(wishes.min_seconds, music.duration))
    story.first_frames(music.fps, music.n_frames)


# Editing and guarding ----------------------------------------------------------------------------


def test_story_text_reads_back_as_no_change():
    words = lyrics_of("8,12,waves upon the ocean")
    story, _ = make.make_story(
        form(), WORLD, make.Wishes(), count=count, lyrics=words, emotion=moods(64.0, "serene", "tense")
    )
    text = edit.story_text(story)
    assert edit.apply_edits(story, text) == story
    assert "    lyric: waves upon the ocean" in text and "    emotion: tense" in text


def test_one_changed_line_changes_one_shot():
    story, _ = make.make_story(form(), WORLD, make.Wishes(), count=count)
    third = story.shots[2]
    changed = edit.apply_edits(story, "0:08 a red balloon\n    seed: 7\n    negative: people")
    assert changed.shots[2].prompt == "a red balloon" and changed.shots[2].seed == 7
    assert changed.shots[2].record["by_hand"] and changed.shots[2].start == third.start
    assert [shot for k, shot in enumerate(changed.shots) if k != 2] == [
        shot for k, shot in enumerate(story.shots) if k != 2
    ]
    assert changed.shots[2].negative == "people"
    with pytest.raises(InputError, match="line 1: no shot starts at 0:09.000; the nearest starts at 0:08.000"):
        edit.apply_edits(story, "0:09 fog")
    with pytest.raises(InputError, match="2 problem.*line 2: a seed is a whole number, got 'x'; line 3: 'fog'"):
        edit.apply_edits(story, "0:08 fog\n    seed: x\nfog")


def test_retelling_one_shot_keeps_place_and_colours():
    story, _ = make.make_story(form(), WORLD, make.Wishes(), count=count)
    one, other = (teller.retell(story, 3, WORLD, count=count, seed=seed) for seed in (1, 2))
    assert (
        one.shots[2].prompt not in {shot.prompt for shot in story.shots}
        and one.shots[2].prompt != other.shots[2].prompt
    )
    for key in ("place", "palette"):
        assert one.shots[2].record[key] == story.shots[2].record[key]
    assert one.shots[:2] + one.shots[3:] == story.shots[:2] + story.shots[3:]


@pytest.mark.parametrize("text", ["a nude figure", "NAKED", "p0rn", "ｎｕｄｅ", "a swastika flag", "gory scene"])
def test_blocked_content_is_recognised(text):
    assert guard.blocked_words(text)
    with pytest.raises(InputError, match="is not shown in videos made with this pack"):
        guard.check_prompt(text, "shot 1")


@pytest.mark.parametrize("text", ["a knight in Essex", "grapes on a vine", "the gorge", "Scunthorpe"])
def test_innocent_words_pass(text):
    assert not guard.blocked_words(text)


def test_negatives_always_name_quality_and_bias():
    assert guard.guarded_negative("").startswith("text, watermark")
    named = guard.guarded_negative("people, Watermark")
    assert named.startswith("people, Watermark, text, signature") and "harmful stereotype" in named
    story, _ = make.make_story(form(), WORLD, make.Wishes(negative="cars"), count=count)
    assert all(shot.negative.startswith("cars, cartoon") and "nudity" in shot.negative for shot in story.shots)


def test_blocked_content_cannot_be_edited_into_a_story():
    from songreel.nodes.base.timing import clock_text

    story, _ = make.make_story(form(), WORLD, make.Wishes(), count=count)
    data = story.to_json()
    data["shots"][1]["prompt"] = "a nude figure"
    with pytest.raises(InputError, match="shot 2: 'nude' is not shown"):
        types.Story.of(data)
    with pytest.raises(InputError, match="shot 2: 'nude'"):
        edit.apply_edits(story, f"{clock_text(story.shots[1].start)} a nude figure")


def test_the_placeholder_becomes_words_only_when_a_prompt_is_encoded():
    from songreel.nodes.story import person

    assert person.with_person("wide shot of {PERSON} walking", "ohwx woman") == "wide shot of ohwx woman walking"
    assert person.with_person("{PERSON}, {PERSON}") == "a person, a person"
