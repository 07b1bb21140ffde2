"""Beats that a person tapped or typed, the offset, and what the browser's view is drawn from."""

import base64
import json
from fractions import Fraction

import av
import numpy as np
import pytest

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import audio as media
from songreel.nodes.song.audio import beat_times, view


def song(duration=10.0, fps=24, curves=("onset", "rms"), beats=None):
    beats = np.arange(0.5, duration, 0.5) if beats is None else beats
    n_frames = round(duration * fps)
    return types.SongAnalysis(
        duration=duration,
        fps=Fraction(fps),
        curves={name: np.linspace(0, 1, n_frames, dtype=np.float32) for name in curves},
        beats=beats,
        downbeats=beats[1::4],
        onsets=beats,
        tempo=120.0,
        tempo_per_beat=np.full(len(beats), 120.0),
        sections=(types.Section(0.0, duration / 2, "A", 0.4), types.Section(duration / 2, duration, "B", 0.9)),
    )


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("", []),
        (" \n", []),
        (",", []),
        ("0.5", [0.5]),
        ("0.5, 1.25;2\n3.", [0.5, 1.25, 2, 3]),
        ("0:01.250 1:02.5, .75", [0.75, 1.25, 62.5]),
        ("2 1 2", [1, 2]),
    ],
)
def test_times(text, times):
    assert beat_times.parse_times(text, duration=100.0).tolist() == times


def test_one_error_names_every_bad_entry():
    with pytest.raises(InputError) as error:
        beat_times.parse_times("0.5 abc, 1:75 -3 nan 1e3 12 0:11.000 9.999", duration=10.0)
    message = str(error.value)
    for entry in ("abc", "1:75", "-3", "nan", "1e3", "12", "0:11.000"):
        assert f"'{entry}'" in message
    assert "0.5" not in message.replace("12.5", "").replace("12.500", "") and "9.999" not in message
    assert "0:10.000" in message and message.count("\n") == 0


def test_many_bad_entries_are_counted():
    with pytest.raises(InputError, match="'x7' and 92 more cannot be read"):
        beat_times.parse_times(" ".join(f"x{k}" for k in range(100)), duration=10.0)


def test_nothing_to_correct_is_the_same_song():
    heard = song()
    assert beat_times.correct(heard) is heard


def test_own_beats():
    heard = song()
    given = beat_times.correct(heard, beats="\n".join(f"{0.25 + 0.6 * k:.3f}" for k in range(14)))
    assert np.allclose(given.beats, 0.25 + 0.6 * np.arange(14))
    assert given.downbeats.tolist() == given.beats[[0, 4, 8, 12]].tolist()
    assert given.tempo == pytest.approx(100.0, abs=0.1)
    assert len(given.tempo_per_beat) == 14 and np.allclose(given.tempo_per_beat, 100, atol=0.2)
    assert given.curves is heard.curves and given.sections == heard.sections


@pytest.mark.parametrize(
    ("offset", "count", "first"), [(20, 19, 0.52), (-20, 19, 0.48), (600, 18, 1.1), (-600, 18, 0.4)]
)
def test_offset(offset, count, first):
    given = beat_times.correct(song(), offset_ms=offset)
    assert len(given.beats) == len(given.tempo_per_beat) == count
    assert given.beats[0] == pytest.approx(first) and given.tempo == 120
    assert set(given.downbeats) <= set(given.beats)
    assert given.beats[0] >= 0 and given.beats[-1] < given.duration


def test_offset_moves_own_beats_and_may_drop_all():
    assert beat_times.correct(song(), beats="1 2 3", offset_ms=-250).beats.tolist() == [0.75, 1.75, 2.75]
    nothing = beat_times.correct(song(), beats="1 2 3", offset_ms=-3500)
    assert (len(nothing.beats), len(nothing.downbeats), nothing.tempo) == (0, 0, 0.0)
    with pytest.raises(InputError, match="offset_ms must be a finite number"):
        beat_times.correct(song(), offset_ms=float("nan"))


def decoded(text):
    return np.frombuffer(base64.b64decode(text), np.uint8)


def test_view_says_what_was_heard():
    heard = song()
    given = beat_times.correct(heard, beats="1 2 3 4 5", offset_ms=10)
    wave = np.zeros((2, 80_000), dtype=np.float32)
    wave[1, 40_000] = -0.5
    shown = view.view_of(given, heard, wave, 8000)
    assert shown["beats"] == [1.01, 2.01, 3.01, 4.01, 5.01] and shown["downbeats"] == [1.01, 5.01]
    assert shown["detected"]["beats"] == heard.beats.tolist() and shown["tempo"] == 60
    assert [part["label"] for part in shown["sections"]] == ["A", "B"]
    assert decoded(shown["curves"]["onset"]).tolist() == np.round(heard.curves["onset"] * 255).tolist()
    peaks = decoded(shown["peaks"])
    assert len(peaks) == 1000 and peaks[500] == 128 and peaks.sum() == 128


def test_view_of_a_long_song_is_small():
    names = ("onset", "percussive", "bass", "mid", "treble", "rms", "centroid", "flux", "novelty")
    heard = song(300.0, 60, names, np.arange(0.1, 300, 0.3))
    shown = view.view_of(heard, heard, np.random.default_rng(0).normal(size=(1, 300 * 8000)).astype(np.float32), 8000)
    assert len(json.dumps(shown)) < 200_000
    assert len(decoded(shown["peaks"])) == 30_000
    assert {len(decoded(curve)) for curve in shown["curves"].values()} == {5000}
    assert decoded(shown["curves"]["onset"])[-1] == 255


@pytest.mark.parametrize(("rate", "channels", "played"), [(44_100, 2, 44_100), (8000, 1, 8000), (96_000, 6, 48_000)])
def test_the_song_to_listen_to_is_in_time(tmp_path, rate, channels, played):
    wave = np.zeros((channels, rate * 2), dtype=np.float32)
    wave[:, rate] = 1.0
    media.write_flac(tmp_path / "song.flac", wave, rate)
    assert [path.name for path in tmp_path.iterdir()] == ["song.flac"]
    heard, heard_rate = media.read_audio(tmp_path / "song.flac")
    assert heard_rate == played and heard.shape == (min(channels, 2), played * 2)
    assert np.abs(heard[0]).argmax() == played
    with av.open(str(tmp_path / "song.flac")) as container:
        assert container.streams.audio[0].codec_context.name == "flac"
