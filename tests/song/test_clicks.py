"""Clicks over a song: where they are, and that the song stays below them."""

import numpy as np
import pytest

from songreel.nodes.song.audio.clicks import with_clicks


@pytest.mark.parametrize("rate", [8_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_click_on_every_beat(rate, channels):
    beats = np.array([0.0, 0.5, 1.0, 1.5, 1.99])
    mix = with_clicks(np.zeros((channels, 2 * rate), np.float32), rate, beats, beats[::4])
    assert mix.shape == (channels, 2 * rate) and mix.dtype == np.float32 and np.abs(mix).max() <= 1
    level = np.abs(mix[0])
    for beat in beats[:-1]:
        start = round(beat * rate)
        assert level[start : start + rate // 50].max() > 0.2
        assert level[start + rate // 10 : start + rate // 4].max() < 1e-3


def test_bar_starts_are_an_octave_higher():
    rate = 44_100
    mix = with_clicks(np.zeros((1, rate), np.float32), rate, np.array([0.1, 0.6]), np.array([0.1]))[0]
    crossings = [int((np.diff(np.signbit(mix[s : s + 882])) != 0).sum()) for s in (4410, 26460)]
    assert crossings[0] == pytest.approx(2 * crossings[1], abs=2)


def test_the_song_is_kept_at_half_its_level_and_not_changed():
    song = np.full((2, 1000), 0.8, np.float32)
    mix = with_clicks(song, 1000, np.array([0.5]), np.zeros(0))
    assert mix[:, :490] == pytest.approx(0.4) and (song == np.float32(0.8)).all()
