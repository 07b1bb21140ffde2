"""Lyrics as people have them: every form, its neighbours, and what must be refused or named."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.text_encoding import decoded
from songreel.nodes.song.lyrics.parse import parse_lyrics
from songreel.nodes.song.lyrics.tidy import to_lrc, to_srt


def starts(text, duration=200.0):
    return [(round(line.start, 3), line.text) for line in parse_lyrics(text, duration=duration).lines]


ONE_TWO = [(61.5, "one"), (70.25, "two")]
ASS_HEAD = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
FORMS = {
    "minutes, seconds, hundredths": "[01:01:50]one\n[01:10:25]two",
    "minutes, seconds, milliseconds after a colon": "[01:01:500]one\n[01:10:250]two",
    "decimal comma": "[01:01,50]one\n[01:10,25]two",
    "hours": "[00:01:01.50]one\n[00:01:10.25]two",
    "blanks in the brackets": "[ 01:01.50 ] one\n[01 : 10.25] two",
    "one digit of minutes": "[1:01.5]one\n[1:10.250]two",
    "tags, one unknown": "[ti:x]\n[ve:1]\n[#:note]\n[length:03:20]\n[01:01.50]one\n[01:10.25]two",
    "stamps at both ends": "[01:01.50]one[01:05.00]\n[01:10.25]two[01:12.00]",
    "whisper's console": "[01:01.500 --> 01:05.000]  one\n[01:10.250 --> 01:12.000]  two",
    "QQ's milliseconds": "[61500,3000]one(61500,3000)\n[70250,1000]tw(70250,500)o(70750,500)",
    "Kugou's milliseconds": "[61500,3000]<0,3000,0>one\n[70250,1000]<0,500,0>tw<500,500,0>o",
    "NetEase's words": "[61500,3000](61500,3000,0)one\n[70250,1000](70250,500,0)tw(70750,500,0)o",
    "SRT without numbers or blanks": "00:01:01,500-->00:01:05,000\none\n00:01:10,250-->00:01:12,000\ntwo",
    "SRT with a long arrow": "1\n00:01:01,500 ---> 00:01:05,000\none\n\n2\n00:01:10,250 ---> 00:01:12,000\ntwo",
    "SRT with positions": "1\n00:01:01,500 --> 00:01:05,000 X1:0 X2:9\n{\\an8}one\n\n2\n0:01:10.25 --> 0:01:12.0\n<font color=red>two</font>",  # noqa: E501
    "VTT with voices and notes": "WEBVTT\n\nNOTE a\nb\n\nSTYLE\n::cue{}\n\nc1\n01:01.500 --> 01:05.000 line:0\n<v A>one</v>\n\nc2\n01:10.250 --> 01:12.000\ntwo",  # noqa: E501
    "SBV with a break": "0:01:01.500,0:01:05.000\none\n\n0:01:10.250,0:01:12.000\ntwo",
    "ASS with styles and comments": ASS_HEAD + "Comment: 0,0:00:01.00,0:00:02.00,,,0,0,0,,no\nDialogue: 0,0:01:01.50,0:01:05.00,Default,,0,0,0,,{\\i1}one{\\i0}\nDialogue: 0,0:01:10.25,0:01:12.00,,,0,0,0,,{\\kf20}t{\\kf30}wo",  # noqa: E501
    "SSA's Marked": ASS_HEAD.replace("Layer", "Marked") + "Dialogue: Marked=0,0:01:01.50,0:01:05.00,x,y,0,0,0,,one\nDialogue: Marked=0,0:01:10.25,0:01:12.00,x,y,0,0,0,,two",  # noqa: E501
    "TSV in seconds": "start\tend\ttext\n61.5\t65\tone\n70.25\t72\ttwo",
    "TSV in milliseconds": "start\tend\ttext\n61500\t65000\tone\n70250\t72000\ttwo",
    "named milliseconds": "start_ms,text\n61500,one\n70250,two",
    "quoted decimal commas": 'start,end,text\n"61,5","65,0",one\n"70,25","72,0",two',
    "bars": "61.5|one\n70.25|two",
    "semicolons, clock times": "time;lyrics\n1:01,5;one\n1:10,25;two",
    "Audacity labels": "61.500000\t65.000000\tone\n70.250000\t72.000000\ttwo",
    "m:ss and a dash": "1:01.5 - one\n1:10.25 - two",
    "ranges": "1:01.5 - 1:05 one\n1:10.25 - 1:12 two",
    "list marks": "- 1:01.5 one\n- 1:10.25 two",
    "parentheses": "(1:01.5) one\n(1:10.25) two",
    "times above the words": "1:01.5\none\n1:10.25\ntwo",
    "seconds": "61.5 one\n70.25 two",
    "full-width digits": "［０１：０１．５０］one\n［０１：１０．２５］two",
    "LRCLIB's search": json.dumps([{"id": 1, "plainLyrics": "x", "syncedLyrics": None}, {"syncedLyrics": "[01:01.50]one\n[01:10.25]two"}]),  # noqa: E501
    "NetEase's answer": json.dumps({"code": 200, "lrc": {"lyric": "[01:01.50]one\n[01:10.25]two"}}),
    "Whisper's JSON": json.dumps({"text": "one two", "segments": [{"start": 61.5, "end": 65, "text": " one"}, {"start": 70.25, "end": 72, "text": " two"}]}),  # noqa: E501
    "transformers' chunks": json.dumps({"text": "x", "chunks": [{"timestamp": [61.5, 65.0], "text": " one"}, {"timestamp": [70.25, None], "text": " two"}]}),  # noqa: E501
    "Spotify's lines": json.dumps({"lyrics": {"lines": [{"startTimeMs": "61500", "words": "one"}, {"startTimeMs": "70250", "words": "two"}]}}),  # noqa: E501
    "YouTube's json3": json.dumps({"events": [{"tStartMs": 0, "dDurationMs": 9}, {"tStartMs": 61500, "dDurationMs": 900, "segs": [{"utf8": "o"}, {"utf8": "ne"}]}, {"tStartMs": 70250, "segs": [{"utf8": "two"}]}]}),  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_lines(name):
    assert starts(FORMS[name]) == ONE_TWO


@pytest.mark.parametrize("name", FORMS)
def test_windows_line_ends_and_a_mark_change_nothing(name):
    assert starts("\ufeff" + FORMS[name].replace("\n", "\r\n")) == ONE_TWO


@pytest.mark.parametrize(
    ("text", "duration", "wanted"),
    [
        ("[00:00:12]one two\n[00:00:20]three\n[00:01:05]four\n[00:02:30]five", 200, [12, 20, 65, 150]),
        ("[00:05:50]a\n[00:09:20]b\n[00:14:00]c\n[03:02:99]d", 200, [5.5, 9.2, 14.0, 182.99]),
        ("[00:05:50]a\n[00:09.20]b\n[00:14.00]c", 200, [5.5, 9.2, 14.0]),
        ("[00:01:05.00]a\n[00:02:05]b", 200, [65.0, 125.0]),
        ("[00:03:10]a", None, [3.1]),
        ("[00:03:10]a", 3.05, []),
    ],
)
def test_two_colons_are_decided_for_the_whole_file(text, duration, wanted):
    assert [line.start for line in parse_lyrics(text, duration=duration).lines] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[00:75.00]one", "line 1 '[00:75.00]one'"),
        ("[00:10.00]a\n[-00:01.00]b", "line 2 '[-00:01.00]b'"),
        ("[12.50]one\n[13.50]two", "line 1 '[12.50]one'"),
        ("[00.12.50]one", "line 1 '[00.12.50]one'"),
        ("[00:10.00]a\n[00:12;50]b", "line 2 '[00:12;50]b'"),
        ("1\n00:00:01:12 --> 00:00:02:12\nframes", "line 2 '00:00:01:12 --> 00:00:02:12'"),
        ("1\n00:00:01,0 --> 00:00:02,0\nx\n\n2\n00:61:01,0 --> 00:62:02,0\ny", "line 6 '00:61:01,0"),
        ("over the harbour\nlights\nin the rain\n00:01:12.5 again", "line 4 '00:01:12.5 again'"),
        ("0:10 one\n0:99 two\n0:30 three", "line 2 '0:99 two'"),
        ("start,text\n1,a\n2;3,b\n3,c", "line 3"),
    ],
)
def test_a_line_that_begins_with_a_time_not_understood_is_refused_by_name(text, line):
    with pytest.raises(InputError, match="begins? with a time that is not understood") as error:
        parse_lyrics(text, duration=200.0)
    assert line in str(error.value)


@pytest.mark.parametrize(
    ("text", "wanted", "named"),
    [
        ("[00:01.00]Lyrics by: A. B.\n[00:05.00]one", ["one"], "Lyrics by: A. B."),
        ("[00:01.00]作曲/编曲：某人\n[00:05.00]one", ["one"], "作曲/编曲：某人"),
        ("[ti:Harbour]\n[ar:A. B.]\n[00:00.00]Harbour - A. B.\n[00:05.00]one", ["one"], "Harbour - A. B."),
        ("[00:01.00]作詞：誰\n[00:05.00]one\n[00:08.00]🎵", ["one"], "作詞：誰"),
        ("[00:05.00]one\nloose words", ["one"], "loose words"),
        ("[00:01.00]by RentAnAdviser.com\n[00:05.00]♪ one ♪", ["one"], "RentAnAdviser"),
        ("WEBVTT\n\n00:05.000 --> 00:07.000\none\n\nloose words\n\nNOTE x", ["one"], "loose words"),
        ("0:05 one\n0:09 two\nloose words", ["one", "two"], "loose words"),
        ("start,text\n5,one\n9,two\n,loose words", ["one", "two"], "loose words"),
        ("[offset:9500]\n[00:01.00]a\n[00:03.00]b\n[00:20.00]one", ["one"], "2 lines lie before"),
        ("[00:05.00]one\n[05:00.00]late", ["one"], "1 line starts after the song's end"),
    ],
)
def test_what_is_not_sung_is_left_out_and_named(text, wanted, named):
    sheet = parse_lyrics(text, duration=200.0)
    assert [line.text for line in sheet.lines] == wanted
    assert named in " ".join(sheet.notes)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{title: x}\n{c: Chorus}\n[Am]over the [G/B]harbour\n[F#m7]lights", ["over the harbour", "lights"]),
        ("{soc}\n[C]over\n{eoc}\n# a comment sung", ["over", "# a comment sung"]),
        ("Am      G\nover the harbour\nF  C/E\nlights", ["over the harbour", "lights"]),
        ("[Intro: A & B]\nover\n{Verse 2}\nlights\n(Chorus x2)\n(ooh, ooh)", ["over", "lights", "(ooh, ooh)"]),
        ("over<br>the harbour<br/>lights", ["over", "the harbour", "lights"]),
        ("9:15 on a Saturday\nover the harbour\nlights in rain", ["9:15 on a Saturday", "over the harbour", "lights in rain"]),  # noqa: E501
        ("don&#8217;t &quot;go&quot;", ['don’t "go"']),
        ("3 ContributorsHarbour LyricsOver the quay\nlights in the rainSee A B LiveGet tickets as low as $93You might also like\nagain\n1.2KEmbed", ["Over the quay", "lights in the rain", "again"]),  # noqa: E501
        ("\"Harbour\" lyrics\n\nover the quay\nlights\nagain\nrain\n\nSubmit Corrections\nWriter(s): A. B.", ["over the quay", "lights", "again", "rain"]),  # noqa: E501
        ("over\nlights\nagain\nrain\n\nLyrics licensed & provided by LyricFind", ["over", "lights", "again", "rain"]),
        ("Paroles: A. B.\nsous la pluie\nla mer", ["sous la pluie", "la mer"]),
        ("[Verse 1: A] over the quay\nlights", ["[Verse 1: A] over the quay", "lights"]),
    ],
)  # fmt: skip
def test_plain_text_copied_from_anywhere(text, wanted):
    assert [line.text for line in parse_lyrics(text, duration=100.0).lines] == wanted


def test_rolling_captions_are_sung_once_and_a_chorus_as_often_as_it_is():
    roll = (
        "WEBVTT\n\n00:01.000 --> 00:03.000\n \nover<00:01.500><c> the</c>\n\n00:03.000 --> 00:03.010\nover the\n \n\n"
    )
    roll += "00:03.010 --> 00:05.000\nover the\nharbour<00:04.000><c> now</c>\n\n00:05.000 --> 00:05.010\nharbour now\n \n\n"  # noqa: E501
    roll += "00:05.010 --> 00:07.000\nharbour now\nrain\n"
    assert [text for _, text in starts(roll)] == ["over the", "harbour now", "rain"]
    chorus = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n + 1},000\nla la\n\n" for n in range(1, 5))
    assert [text for _, text in starts(chorus)] == ["la la"] * 4


def test_an_empty_line_inside_a_cue_of_srt_ends_nothing():
    srt = "1\n00:00:01,000 --> 00:00:02,000\none\n\ntwo\n\n2\n00:00:03,000 --> 00:00:04,000\n\nthree\n\n7\n\n3\n00:00:05,0 --> 00:00:06,0\nx"  # noqa: E501
    assert [text for _, text in starts(srt)] == ["one two", "three 7", "x"]


def test_words_in_square_brackets_have_times():
    (line,) = parse_lyrics("[00:10.00]over [00:10.50]the [00:11.00]quay[00:12.00]").lines
    assert [(word.start, word.end, word.text) for word in line.words] == [
        (10.0, 10.5, "over"), (10.5, 11.0, "the"), (11.0, 12.0, "quay"),
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["500", "+500", " +500 ", "500ms", "500.0", "500,0"])
def test_offsets(value):
    assert starts(f"[offset:{value}]\n[00:20.00]one") == [(19.5, "one")]


def test_an_offset_that_is_no_number_is_named():
    assert "[offset:half a second]" in parse_lyrics("[offset:half a second]\n[00:20.00]one").notes[0]


@pytest.mark.parametrize(
    "data", [{"a": 1}, [{"a": 1}], {"segments": [{"text": "x"}]}, [{"start": "soon", "text": "x"}]]
)
def test_json_of_an_unknown_kind_says_what_to_paste(data):
    with pytest.raises(InputError, match="JSON.*paste the lyrics themselves"):
        parse_lyrics(json.dumps(data), duration=100.0)


def test_plain_lines_stay_within_what_is_sung():
    lines = parse_lyrics("one\ntwo", duration=100.0, span=(20.0, 80.0)).lines
    assert [(line.start, line.end) for line in lines] == [(20.0, 50.0), (50.0, 80.0)]


def test_written_srt_and_lrc_read_back():
    sheet = parse_lyrics("5,8.125,a\n3600.5,3601,b")
    for text in (to_srt(sheet), to_lrc(sheet)):
        again = parse_lyrics(text).lines
        assert [line.text for line in again] == ["a", "b"]
        assert [line.start for line in again] == pytest.approx([5.0, 3600.5], abs=0.005)


SAMPLES = {
    "utf-8-sig": "夜の海 naïve", "utf-16": "夜の海", "utf-16-le": "over the quay – naïve", "utf-16-be": "over the quay – ñ",  # noqa: E501
    "utf-32": "夜の海", "cp932": "夜の海を渡る\n君の名前を呼ぶ", "euc_jp": "夜の海を渡る\n君の名前を呼ぶ",
    "gb18030": "海上的月亮\n我在这里等你", "big5": "海上的月亮\n我在這裡等你", "cp949": "바다 위의 달\n나는 여기서 너를 기다려",  # noqa: E501
    "cp1252": "Straße über das Meer – naïve “go”", "cp1250": "łódź na morzu\nżyję dla ciebie", "cp1251": "Над морем луна\nя жду тебя",  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize("page", SAMPLES)
def test_old_code_pages_are_read(page):
    text, guessed = decoded(("[00:01.00]" + SAMPLES[page]).encode(page))
    assert text == "[00:01.00]" + SAMPLES[page]
    assert bool(guessed) == (page not in ("utf-8-sig", "utf-16", "utf-32"))


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(InputError, match="UTF-8"):
        decoded(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe")


PIECES = st.sampled_from(
    ["[00:12.50]", "[00:12:50]", "<00:13.00>", "00:00:01,000 --> 00:00:02,000", "0:01.5", "1,5", ";", "\t", ",", "|", "{", "}",  # noqa: E501
     "[", "]", "\n", "\n\n", "WEBVTT\n", "[offset:-5e3]", "[offset:99999]", "words", "la la", "♪", "&amp;", "作词 : x", "[Am]", "{t: x}",  # noqa: E501
     '{"a":1}', "Embed", "Dialogue: 0,0:00:01.00,0:00:02.00,,,0,0,0,,x", "start\tend\ttext\n", "1500", "9" * 30, "(0:10)", "- ",  # noqa: E501
     "You might also like", "[1,2]", "(3,4)", "０：", "99:99", "-1"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES | st.text(max_size=6), max_size=14), st.sampled_from([None, 30.0, 200.0]))
def test_any_text_gives_lyrics_or_one_sentence(pieces, duration):
    try:
        sheet = parse_lyrics("".join(pieces), duration=duration)
    except InputError as error:
        assert len(str(error)) > 20
        return
    for line in sheet.lines:
        assert 0 <= line.start < line.end and line.text and "[00:" not in line.text and "-->" not in line.text
        assert duration is None or line.end <= duration


WORDS = st.text("abcdefg hij", min_size=1, max_size=12).map(str.strip).filter(lambda text: len(text) > 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(WORDS, min_size=1, max_size=8), st.integers(0, 7), st.sampled_from(["lrc", "srt", "sbv", "tsv", "clock"])
)
def test_no_line_is_lost_and_no_clock_is_wrong(words, step, form):
    times = [3.25 + (step + 2) * index for index in range(len(words))]
    clocks = [f"{int(at // 60)}:{at % 60:05.2f}" for at in times]
    text = {
        "lrc": "\n".join(f"[{clock}]{word}" for clock, word in zip(clocks, words, strict=True)),
        "srt": "\n".join(
            f"{n}\n00:{clock}0 --> 00:{clock}9\n{word}\n"
            for n, (clock, word) in enumerate(zip(clocks, words, strict=True), 1)
        ),
        "sbv": "\n".join(f"0:0{clock}0,0:0{clock}9\n{word}\n" for clock, word in zip(clocks, words, strict=True)),
        "tsv": "start\tend\ttext\n"
        + "\n".join(f"{at}\t{at + 1}\t{word}" for at, word in zip(times, words, strict=True)),
        "clock": "\n".join(f"{clock} {word}" for clock, word in zip(clocks, words, strict=True)),
    }[form]
    assert starts(text) == [(round(at, 3), " ".join(word.split())) for at, word in zip(times, words, strict=True)]
