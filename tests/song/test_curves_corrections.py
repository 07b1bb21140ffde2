"""Typed, tapped and imported beats; tempo, bars and shifts; and text for other programs."""

import json

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.song.curves import corrections, labels
from support.songs import a_song


@pytest.mark.parametrize(
    ("text", "beats", "bars"),
    [
        ("0.5 1.0, 1.5\n0:02.0", [0.5, 1.0, 1.5, 2.0], []),
        ("# tapped\n\n1.5s\n0.5s\n", [0.5, 1.5], []),
        ("0.5\t0.5\t1\n1.0\t1.0\t2\n1.5\t1.5\t1\n", [0.5, 1.0, 1.5], [0.5, 1.5]),
        ("0.5\t0.6\tbar\n1.0\t1.1\tbeat", [0.5, 1.0], [0.5]),
        ("0.5\t0.5\n1.0\t1.0", [0.5, 1.0], []),
        ("time,position\n0.5,1\n1.0,2\n1.5,3\n2.0,1", [0.5, 1.0, 1.5, 2.0], [0.5, 2.0]),
        ("time;label\n0.5;1.1\n1.0;1.2", [0.5, 1.0], [0.5]),
        ("0:00:01.25", [1.25], []),
        ("0.5, 1\n1.0, 2\n1.5, 1", [0.5, 1.0, 1.5], [0.5, 1.5]),
        ("1 2 3", [1, 2, 3], []),
        ("0.5, 0.9", [0.5, 0.9], []),
    ],
)
def test_beats_are_read(text, beats, bars):
    found, opening = labels.read_beats(text, 8.0)
    assert found.tolist() == beats and opening.tolist() == bars


def test_every_wrong_entry_is_told_with_its_line():
    with pytest.raises(InputError) as error:
        labels.read_beats("0.5 later\n1.0\n9.5\n-1", 8.0)
    assert str(error.value) == (
        "The beats cannot be read: line 1: 'later' is no time such as 12.5 or 1:02.5; line 3: 9.5 is after the song's "
        "end at 8 s; line 4: '-1' is no time such as 12.5 or 1:02.5."
    )


@pytest.mark.parametrize("form", ["Audacity labels", "CSV"])
def test_text_comes_back_the_same(form):
    song = a_song(beats=np.arange(0.5, 8, 0.41), downbeats=np.arange(0.5, 8, 0.41)[1::3])
    beats, bars = labels.read_beats(labels.write_beats(song, form), song.duration)
    assert np.abs(beats - song.beats).max() < 1e-6 and np.abs(bars - song.downbeats).max() < 1e-6


def test_deforum_and_parseq():
    song = a_song(beats=np.array([0.0, 1.0, 2.05]), downbeats=np.array([1.0]))
    assert labels.write_beats(song, "Deforum") == ("0:(1), 1:(0), 9:(0), 10:(1), 11:(0), 20:(0), 21:(1), 22:(0)")
    document = json.loads(labels.write_beats(song, "Parseq"))
    assert document["options"] == {"bpm": 120.0, "output_fps": 10.0, "input_fps": 10.0}
    assert [(key["frame"], key["info"]) for key in document["keyframes"]] == [(0, "beat"), (10, "bar"), (21, "beat")]
    with pytest.raises(InputError, match="format must be one of"):
        labels.write_beats(song, "MIDI")


def test_nothing_changes_by_default():
    song = a_song()
    same = corrections.correct_beats(song, corrections.BeatCorrections())
    assert np.array_equal(same.beats, song.beats) and np.array_equal(same.downbeats, song.downbeats)
    assert same.tempo == pytest.approx(120) and same.curves is song.curves and same.sections == song.sections


def test_typed_beats_take_the_place():
    song = corrections.correct_beats(a_song(), corrections.BeatCorrections(beats="1 2 3 4 5 6"))
    assert song.beats.tolist() == [1, 2, 3, 4, 5, 6] and song.downbeats.tolist() == [1, 5]
    assert song.tempo == pytest.approx(60) and song.tempo_per_beat == pytest.approx([60] * 6)


def test_double_and_half():
    song = a_song()
    double = corrections.correct_beats(song, corrections.BeatCorrections(tempo="double"))
    assert len(double.beats) == 29 and double.tempo == pytest.approx(240)
    half = corrections.correct_beats(double, corrections.BeatCorrections(tempo="half"))
    assert half.tempo == pytest.approx(120) and len(half.beats) in (14, 15)


def test_half_keeps_the_stronger_beats():
    song = a_song(beats=np.arange(0.2, 8, 0.2), downbeats=np.zeros(0))
    kept = corrections.correct_beats(song, corrections.BeatCorrections(tempo="half")).beats
    assert kept == pytest.approx(np.arange(0.4, 8, 0.4))


@pytest.mark.parametrize(("metre", "bars"), [("3/4", [1.0, 2.5, 4.0, 5.5, 7.0]), ("4/4", [1.0, 3.0, 5.0, 7.0])])
def test_a_downbeat_sets_all_bars(metre, bars):
    song = corrections.correct_beats(
        a_song(), corrections.BeatCorrections(metre=metre, downbeat=4.05 if metre == "3/4" else 4.95)
    )
    assert song.downbeats.tolist() == bars and set(song.downbeats) <= set(song.beats)


def test_a_nudge_moves_everything_and_drops_what_leaves_the_song():
    later = corrections.correct_beats(a_song(), corrections.BeatCorrections(nudge_ms=600.0))
    assert later.beats[0] == pytest.approx(1.1) and len(later.beats) == 14
    earlier = corrections.correct_beats(a_song(), corrections.BeatCorrections(nudge_ms=-550.0))
    assert earlier.beats[0] == pytest.approx(0.45) and earlier.downbeats[0] == pytest.approx(1.95)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(tempo="triple"), "tempo must be one of as heard, double, half, got 'triple'"),
        (dict(metre="5/4"), "metre must be one of"),
        (dict(beats="soon"), "line 1: 'soon'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        corrections.correct_beats(a_song(), corrections.BeatCorrections(**options))


def test_a_downbeat_needs_beats():
    empty = a_song(beats=np.zeros(0), downbeats=np.zeros(0), tempo=0.0, tempo_per_beat=np.zeros(0))
    with pytest.raises(InputError, match="no beats"):
        corrections.correct_beats(empty, corrections.BeatCorrections(downbeat=3.0))
