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
from songreel.nodes.story import edit, make, teller, vocabulary
from songreel.nodes.story import settings as story_settings
from support.songs import real_songs
from support.stories import WORLD, count, form, moods, valid

DEMO = vocabulary.vocabulary_of(demo_model.VOCABULARY.read_text("utf-8"), "cinematic")
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
    wishes = make.Wishes(seed=seed, mode=story_settings.MODES[seed % 3], theme="a lost letter" if seed % 4 == 0 else "")
    story, _ = make.make_story(music, world, wishes, count=count, lyrics=words, emotion=feeling)
    check_story(story, words, duration)


@pytest.mark.parametrize("path", real_songs(), ids=lambda path: path.stem[:20])
def test_real_songs_give_good_stories(path):
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.song.audio.analysis import analyze
    from songreel.nodes.song.emotion import hear

    waveform, rate = read_audio(path)
    waveform = waveform[:, : 60 * rate]
    music = analyze(waveform, rate, fps=24)
    feeling = hear.hear_emotion(waveform, rate, hear.EmotionSettings(model="built-in"))
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
        mode=draw(st.sampled_from(story_settings.MODES)),
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
    assert changed.shots[2].negative == guard.guarded_negative("people")
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
