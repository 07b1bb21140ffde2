"""Clicks over a song, to hear whether its beats are right."""

from __future__ import annotations

import numpy as np

# Short tones: bar starts an octave higher than the other beats.
_BAR_HZ, _BEAT_HZ, _DECAY_S, _LENGTH_S = 2000.0, 1000.0, 0.012, 0.06
_SONG, _CLICK = 0.5, 0.5


def with_clicks(waveform: np.ndarray, sample_rate: int, beats: np.ndarray, downbeats: np.ndarray) -> np.ndarray:
    """The song at half its level with a click on every beat.

    Parameters
    ----------
    waveform : float32 (channels, samples)
    sample_rate : Hz
    beats, downbeats : float64, seconds; a downbeat is one of the beats

    Returns
    -------
    float32 (channels, samples), -1..1
    """
    mix = _SONG * waveform.astype(np.float32)
    time = np.arange(int(_LENGTH_S * sample_rate)) / sample_rate
    opens = set(downbeats.tolist())
    clicks = {
        bar: (_CLICK * np.sin(2 * np.pi * hertz * time) * np.exp(-time / _DECAY_S)).astype(np.float32)
        for bar, hertz in ((True, _BAR_HZ), (False, _BEAT_HZ))
    }
    for beat in beats.tolist():
        start, click = round(beat * sample_rate), clicks[beat in opens]
        part = mix[:, start : start + len(click)]
        part += click[: part.shape[1]]
    return np.clip(mix, -1, 1)
