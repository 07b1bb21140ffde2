"""Beats as other programs write them, both ways."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songreel.nodes.base.errors import InputError
from songreel.nodes.song.curves.labels import read_beats, write_beats
from support.songs import a_song

BEATS, BARS = [0.5, 1.0, 1.5, 2.0, 2.5], [0.5, 2.5]


@pytest.mark.parametrize(
    "text",
    [
        "0.5 1\n1.0 2\n1.5 3\n2.0 4\n2.5 1",
        "0.5 1.1\n1.0 1.2\n1.5 1.3\n2.0 1.4\n2.5 2.1",
        "0.5;1\n1.0;2\n1.5;3\n2.0;4\n2.5;1",
        "0,5;1\n1,0;2\n1,5;3\n2,0;4\n2,5;1",
        "0.5\tbar\n1.0\tbeat\n1.5\tbeat\n2.0\tbeat\n2.5\tbar",
        "0.5,0.1,1\n1.0,0.1,2\n1.5,0.1,3\n2.0,0.1,4\n2.5,0.1,1",
        "0.5\t0.5\tbar\n1.0\t1.0\t\n1.5\t1.5\t\n2.0\t2.0\t\n2.5\t2.5\tbar",
        '"Time","Label"\n"0.5","1.1"\n"1.0","1.2"\n"1.5","1.3"\n"2.0","1.4"\n"2.5","2.1"',
        "TIME (s),LABEL\n0.5,1\n1.0,2\n1.5,3\n2.0,4\n2.5,1",
        "#,Name,Start,End,Length\nM1,bar,0:00.500,,\nM2,,0:01.000,,\nM3,,0:01.500,,\nM4,,0:02,,\nM5,bar,0:02.5,,",
        "Name\tStart\tDuration\nbar\t0:00.500\t0\n\t0:01.000\t0\n\t0:01.500\t0\n\t0:02.000\t0\nbar\t0:02.500\t0",
        json.dumps([[0.5, 1], [1.0, 2], [1.5, 3], [2.0, 4], [2.5, 1]]),
        json.dumps({"beats": BEATS, "downbeats": BARS}),
        json.dumps([{"time": time, "position": 1 if time in BARS else 2} for time in BEATS]),
    ],
)
def test_times_and_bars(text):
    beats, bars = read_beats(text, 200.0)
    assert beats.tolist() == BEATS and bars.tolist() == BARS


@pytest.mark.parametrize(
    "text",
    [
        "[0.5 1.  1.5 2.  2.5]", "(0.5, 1.0, 1.5, 2.0, 2.5)", "0,5;1,0;1,5;2,0;2,5", "0.5,1.0,1.5,2.0,2.5", "0.5\n1\n1.5\n2\n2.5s",  # noqa: E501
        "\ufeff0:00.5 0:01 0:01.5 0:02 0:02.5", "0.5\t0.6\n1.0\t1.1\n1.5\t1.6\n2.0\t2.1\n2.5\t2.6", "0.5 1.0\n1.5 2.0\n2.5",  # noqa: E501
    ],
)  # fmt: skip
def test_times_alone(text):
    beats, bars = read_beats(text, 200.0)
    assert beats.tolist() == BEATS and bars.tolist() == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0,5 1,0 1,5", "'0,5' can be one time with a decimal comma or two"),
        ("0,5\n0,9\n1,4", "'0,5' can be one time with a decimal comma or two"),
        ("time,label\n", "There is no beat in the text"),
        ("[]", "There is no beat"),
        ('{"a": 1}', "There is no beat"),
        ("# 0.5", "There is no beat"),
        ("00:00:01:12", "'00:00:01:12' is no time"),
        ("1:75 2", "'1:75' is no time"),
        ("999999999 1", "after the song's end"),
        ("start,label\nsoon,1", "line 2: 'soon' is no time"),
        ('{"keyframes": [{"frame": 1, "info": "beat"}]}', "does not say its output_fps"),
        ("[0.5, null]", "line 2: 'None' is no time"),
    ],
)
def test_what_cannot_be_read_is_told(text, part):
    with pytest.raises(InputError) as caught:
        read_beats(text, 200.0)
    assert part in str(caught.value)


@pytest.mark.parametrize("form", ["Audacity labels", "CSV", "Deforum", "Parseq"])
def test_all_that_is_written_reads_back(form):
    song = a_song(beats=np.arange(0.5, 8, 0.4), downbeats=np.arange(0.5, 8, 0.4)[1::3])
    beats, bars = read_beats(write_beats(song, form), song.duration, fps=song.fps)
    frames = form in ("Deforum", "Parseq")
    assert np.abs(beats - song.beats).max() <= (0.5 / float(song.fps) + 1e-6 if frames else 1e-6)
    # Keyframes of one curve do not say where bars begin.
    assert len(bars) == (0 if form == "Deforum" else len(song.downbeats))


PIECES = st.sampled_from(
    ["0.5", "1,5", "1:02", "\t", ",", ";", " ", "\n", "1", "1.1", "bar", "#", "\\", "[", "]", "{", '"', "time,label\n", "9" * 20, "-"]  # noqa: E501
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES | st.text(max_size=4), max_size=14))
def test_any_text_gives_beats_or_one_sentence(pieces):
    text = "".join(pieces)
    try:
        beats, bars = read_beats(text, 200.0, fps=None)
    except InputError as error:
        assert len(str(error)) > 20
        return
    assert bool(len(beats)) == bool(text.strip()) or not text.strip("\ufeff \n\t\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
    assert np.all(np.diff(beats) > 0) and set(bars) <= set(beats)
