"""What the browser's view of a song is drawn from, small enough for a websocket message."""

from __future__ import annotations

import base64

import numpy as np

from ...base.types import SongAnalysis

VERSION = 1
PEAKS_PER_SECOND, MAX_PEAKS = 100, 30_000
MAX_CURVE_VALUES = 5_000


def view_of(song: SongAnalysis, detected: SongAnalysis, waveform: np.ndarray, sample_rate: int) -> dict:
    """A JSON object: times in seconds, curves and waveform peaks as base64 of one byte per value (255 is 1).

    song: as the node gives it. detected: before corrections. waveform: float32 (channels, samples).
    Values are spread evenly: a curve's over n_frames / fps seconds, the peaks over the duration.
    """
    return {
        "version": VERSION,
        "duration": song.duration,
        "fps": float(song.fps),
        "n_frames": song.n_frames,
        "tempo": round(song.tempo, 3),
        "beats": _times(song.beats),
        "downbeats": _times(song.downbeats),
        "detected": {"beats": _times(detected.beats), "downbeats": _times(detected.downbeats)},
        "onsets": _times(song.onsets),
        "sections": [
            {"start": round(part.start, 4), "end": round(part.end, 4), "label": part.label, "energy": part.energy}
            for part in song.sections
        ],
        "curves": {name: _bytes(_maxima(curve, MAX_CURVE_VALUES)) for name, curve in song.curves.items()},
        "peaks": _bytes(peaks(waveform, sample_rate)),
    }


def peaks(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Largest magnitude in even steps of about 10 ms, over all channels: float32 (up to 30,000,)."""
    count = min(MAX_PEAKS, max(1, round(PEAKS_PER_SECOND * waveform.shape[1] / sample_rate)))
    return np.max([np.maximum(_maxima(row, count), _maxima(-row, count)) for row in waveform], axis=0)


def _maxima(values: np.ndarray, count: int) -> np.ndarray:
    """At most `count` values: the maximum of each of as many even parts."""
    if len(values) <= count:
        return values
    starts = np.arange(count) * len(values) // count
    return np.maximum.reduceat(values, starts)


def _times(seconds: np.ndarray) -> list[float]:
    return np.round(seconds, 4).tolist()


def _bytes(values: np.ndarray) -> str:
    return base64.b64encode(np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)).decode("ascii")
