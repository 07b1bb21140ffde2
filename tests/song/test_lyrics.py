import json

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.song.lyrics import lyrics, parse, tidy


def rows(text, **options):
    return [(line.start, line.end, line.text) for line in parse.parse_lyrics(text, **options).lines]


LRC = "[ti:Song]\n[la:EN]\n[00:12.50]First line\n[00:15.00]Second line\n[00:18.00]\n[01:00.00]Last"


def test_lrc_lines_end_where_the_next_starts_or_an_empty_one_says_so():
    sheet = parse.parse_lyrics(LRC)
    assert rows(LRC) == [(12.5, 15.0, "First line"), (15.0, 18.0, "Second line"), (60.0, 63.0, "Last")]
    assert (sheet.language, sheet.source, sheet.timing) == ("en", "lrc", "given")


def test_lrc_repeats_offset_and_word_times():
    assert rows("[offset:+500]\n[00:10.00][00:30.00]Again") == [(9.5, 12.5, "Again"), (29.5, 32.5, "Again")]
    (line,) = parse.parse_lyrics("[00:10.00]<00:10.00>one <00:10.40>two <00:11.00>").lines
    assert [(word.start, word.end, word.text) for word in line.words] == [(10.0, 10.4, "one"), (10.4, 11.0, "two")]
    assert line.text == "one two"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("srt", "1\n00:00:01,000 --> 00:00:04,000\n<i>one</i>\ntwo\n\n2\n00:00:05,500 --> 00:00:07,000\nthree\n"),
        ("vtt", "WEBVTT\n\nNOTE no\n\n00:01.000 --> 00:04.000 align:start\none two\n\n00:05.500 --> 00:07.000\nthree"),
        ("csv", "start,end,text\n1,4,one two\n5.5,7,three\n"),
        ("csv", "0:01;0:04;one two\n0:05.5;0:07;three"),
        ("csv", "text\tend\tstart\none two\t4\t1\nthree\t7\t5.5"),
    ],
)
def test_forms_are_told_apart_and_read_alike(form, text):
    assert parse.detect(text) == form
    assert rows(text) == [(1.0, 4.0, "one two"), (5.5, 7.0, "three")]


def test_music2video_csv_has_a_time_and_a_text():
    assert rows('0:10,hello there\n0:14,"well, again"') == [(10.0, 13.0, "hello there"), (14.0, 17.0, "well, again")]


def test_plain_text_needs_a_duration_and_says_that_it_guesses():
    text = "[Chorus]\none two three\n\nfour"
    with pytest.raises(InputError, match="have no times; connect beat_envelope"):
        parse.parse_lyrics(text)
    sheet = parse.parse_lyrics(text, duration=16.0)
    assert rows(text, duration=16.0) == [(0.0, 8.0, "one two three"), (12.0, 16.0, "four")]
    assert sheet.timing == "guessed" and "a guess" in sheet.notes[0]


def test_nothing_is_no_lyrics():
    for text in ("", " \n\ufeff\n", "[Intro]\n(instrumental)"):
        assert parse.parse_lyrics(text, duration=10.0).lines == ()


def test_overlaps_unordered_and_equal_times_are_put_in_order():
    srt = "1\n00:00:05,000 --> 00:00:09,000\nsecond\n\n2\n00:00:01,000 --> 00:00:07,000\nfirst\n\n"
    srt += "3\n00:00:05,000 --> 00:00:06,000\nboth\n\n4\n00:00:20,000 --> 00:00:20,000\nno length\n"
    assert rows(srt) == [(1.0, 5.0, "first"), (5.0, 9.0, "second / both"), (20.0, 23.0, "no length")]


def test_lines_past_the_end_are_named():
    sheet = parse.parse_lyrics("[00:01.00]in\n[00:09.00]cut\n[00:12.00]out", duration=10.0)
    assert [line.end for line in sheet.lines] == [4.0, 10.0]
    assert sheet.notes == ("1 line starts after the song's end at 10 s and is left out.",)


@pytest.mark.parametrize(
    "text", ["[00:01.00]שלום עולם", "[00:01.00]夜の海を渡る", "[00:01.00]🌊🔥 oh", "[00:01.00]مرحبا\u200f بالعالم"]
)
def test_any_script(text):
    sheet = parse.parse_lyrics(text)
    assert sheet.lines[0].text == " ".join(text[10:].split())
    assert lyrics.Lyrics.of(sheet.to_text()) == sheet


def test_five_thousand_lines():
    sheet = parse.parse_lyrics(
        "\n".join(f"[{i // 60:02d}:{i % 60:02d}.00]line {i}" for i in range(5000)), duration=7200
    )
    assert len(sheet.lines) == 5000 and sheet.lines[-1].start == 4999
    with pytest.raises(InputError, match="more than 2000000; give one song"):
        parse.parse_lyrics("a" * 2_000_001)


def test_wrong_form_is_one_sentence():
    with pytest.raises(InputError, match="no timed line in the lyrics, read as srt"):
        parse.parse_lyrics("just words", form="srt")
    with pytest.raises(InputError, match="must be one of auto, lrc"):
        parse.parse_lyrics("x", form="docx")


def test_json_round_trip_is_exact_and_checked():
    sheet = parse.parse_lyrics("[00:10.10]<00:10.10>one <00:10.40>two <00:11.00>\n[00:13.37]three")
    assert lyrics.Lyrics.of(sheet.to_text()) == sheet
    data = sheet.to_json()
    with pytest.raises(InputError, match="version 9 is unknown"):
        lyrics.Lyrics.of(data | {"version": 9})
    data["lines"][0]["end"] = data["lines"][0]["start"]
    with pytest.raises(InputError, match="line 1 goes from 10.1 s to 10.1 s; it must last"):
        lyrics.Lyrics.of(json.dumps(data))
    data["lines"][0]["end"] = 99.0
    with pytest.raises(InputError, match="lines must not overlap"):
        lyrics.Lyrics.of(data)


def test_snapping_moves_no_farther_than_allowed_and_keeps_every_line():
    sheet = parse.parse_lyrics("1,1.9,a\n2.1,3.4,b\n3.45,3.52,c\n9.3,9.9,d")
    snapped = tidy.snap(sheet, np.arange(0, 8, 0.5), max_move=0.12)
    for before, after in zip(sheet.lines, snapped.lines, strict=True):
        assert abs(before.start - after.start) <= 0.12 and abs(before.end - after.end) <= 0.12
        assert after.end > after.start
    assert (snapped.lines[0].start, snapped.lines[0].end, snapped.lines[1].start) == (1.0, 2.0, 2.0)
    assert (snapped.lines[3].start, snapped.lines[3].end) == (9.3, 9.9)


def test_gaps_and_lines_within_a_time():
    sheet = parse.parse_lyrics("5,8,a\n9,12,b")
    assert sheet.gaps(20.0) == ((0.0, 5.0), (12.0, 20.0))
    assert [line.text for line in sheet.within(6.0, 10.0)] == ["a"]


def test_written_lrc_reads_back():
    sheet = parse.parse_lyrics("5,8,a\n8,10.25,b\n20,21,c")
    assert rows(tidy.to_lrc(sheet)) == [(5.0, 8.0, "a"), (8.0, 10.25, "b"), (20.0, 21.0, "c")]
