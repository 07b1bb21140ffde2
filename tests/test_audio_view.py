"""What the browser is given to draw."""

import base64

import numpy as np
from test_audio_analysis import RATE, drum_loop

from headless import pack

analysis = pack.load("nodes.audio.analysis")
view = pack.load("nodes.audio.view")


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def test_a_view_is_the_song_in_little():
    samples = drum_loop()
    song = analysis.analyze(samples, RATE, fps=24)
    seen = view.song_view(song, samples)
    assert seen["duration"] == song.duration and seen["fps"] == 24 and seen["tempo"] == round(song.tempo, 2)
    assert np.abs(np.array(seen["beats"]) - song.beats).max() < 1e-4
    assert len(seen["sections"]) == len(song.sections) and set(seen["curves"]) == set(song.curves)
    onset = numbers(seen["curves"]["onset"], np.uint8)
    assert np.abs(onset / 255 - song.curve("onset")).max() < 1 / 255
    peaks = numbers(seen["peaks"], np.int8).reshape(-1, 2)
    assert len(peaks) == view.PEAK_COLUMNS and peaks.max() == 127 or peaks.min() == -127
    assert (peaks[:, 0] <= peaks[:, 1]).all()


def test_a_long_song_stays_small():
    n = 20_000
    song = analysis.analyze(drum_loop(), RATE, fps=24)
    long = type(song)(
        duration=n / 24, fps=song.fps, curves={"onset": np.arange(n, dtype=np.float32) / n}, beats=song.beats,
        downbeats=song.downbeats, onsets=song.onsets, tempo=song.tempo, tempo_per_beat=song.tempo_per_beat,
    )  # fmt: skip
    onset = numbers(view.song_view(long)["curves"]["onset"], np.uint8)
    assert len(onset) == view.CURVE_POINTS and onset[-1] == 255 and (np.diff(onset.astype(int)) >= 0).all()
    assert "peaks" not in view.song_view(long)


def test_one_sample_has_a_view():
    song = analysis.analyze(np.ones(1, np.float32), RATE, fps=24)
    seen = view.song_view(song, np.ones(1, np.float32))
    assert len(numbers(seen["curves"]["onset"], np.uint8)) == 1 and len(numbers(seen["peaks"], np.int8)) == 2
