"""What is held and what is hit."""

import numpy as np

from songreel.nodes.song.audio import analysis, percussion

RATE = 22_050


def test_lines_in_time_are_harmonic_and_lines_in_frequency_percussive():
    power = np.full((200, 64), 1e-6, np.float32)
    power[:, 20] = 1
    power[100] = 1
    share = percussion.percussive_share(power, 43.0)
    assert share.dtype == np.float32 and share.min() >= 0 and share.max() <= 1
    assert share[50, 20] < 0.01 and share[100, 40] > 0.99
    assert not percussion.percussive_share(np.zeros((10, 64), np.float32), 43.0).any()


def test_percussive_onsets_are_hits_and_not_notes():
    time = np.arange(8 * RATE) / RATE
    samples = np.zeros(len(time))
    for index, start in enumerate(np.arange(0.5, 7.5, 1.0)):
        span = slice(int(start * RATE), int((start + 0.9) * RATE))
        pitch = (262, 294, 330, 349, 392, 440, 494)[index]
        samples[span] += 0.3 * np.sin(2 * np.pi * pitch * time[span]) * np.minimum((time[span] - start) / 0.05, 1)
    rng = np.random.default_rng(0)
    for start in np.arange(1.0, 7.5, 1.0):
        local = np.arange(int(0.05 * RATE)) / RATE
        at = int(start * RATE)
        samples[at : at + len(local)] += 0.3 * rng.standard_normal(len(local)) * np.exp(-80 * local)
    song = analysis.analyze(samples.astype(np.float32), RATE, fps=20)
    hits = [song.curve("percussive")[20 * n - 1 : 20 * n + 2].max() for n in range(1, 7)]
    notes = [song.curve("percussive")[20 * n + 9 : 20 * n + 12].max() for n in range(1, 7)]
    assert min(hits) > 0.5 and max(notes) < 0.2
    held = song.curve("harmonic").reshape(8, 20)[1:7]
    assert held[:, 13:17].min() > 2 * held[:, 9].max()


def test_band_onsets_hear_their_own_range():
    time = np.arange(9 * RATE) / RATE
    samples = np.zeros(len(time))
    local = np.arange(int(0.2 * RATE)) / RATE
    for index, start in enumerate(np.arange(0.5, 8.5, 0.5)):
        at = int(start * RATE)
        pitch = (60, 700, 6000)[index % 3]
        samples[at : at + len(local)] += 0.5 * np.sin(2 * np.pi * pitch * local) * np.exp(-25 * local)
    song = analysis.analyze(samples.astype(np.float32), RATE, fps=20)
    for band, name in enumerate(("bass", "mid", "treble")):
        level = song.curve(name)
        own = [level[10 * n : 10 * n + 3].max() for n in range(1, 16) if (n - 1) % 3 == band]
        other = [level[10 * n : 10 * n + 3].max() for n in range(1, 16) if (n - 1) % 3 != band]
        assert min(own) > 0.6 and max(other) < 0.1
