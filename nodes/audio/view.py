"""What the browser draws of a song: small enough to travel with the node's outputs."""

from __future__ import annotations

import base64

import numpy as np

from ..types import SongAnalysis
from .signal import mono

PEAK_COLUMNS = 3000
CURVE_POINTS = 6000


def song_view(song: SongAnalysis, waveform: np.ndarray | None = None) -> dict:
    """A JSON object for the song's picture in the browser.

    duration, fps, tempo, confidence; beats, downbeats in seconds; sections [start, end, label, kind, energy]; curves by
    name as base64 of uint8 (0..255 for 0..1), one for each of `curve_points` equal parts of the song; `peaks`: base64
    of int8 pairs (lowest, highest sample of an equal part, -127..127), absent without a waveform.
    """
    points = min(song.n_frames, CURVE_POINTS)
    view = {
        "duration": song.duration,
        "fps": float(song.fps),
        "tempo": round(song.tempo, 2),
        "confidence": song.beat_confidence,
        "beats": np.round(song.beats, 4).tolist(),
        "downbeats": np.round(song.downbeats, 4).tolist(),
        "sections": [[part.start, part.end, part.label, part.kind, part.energy] for part in song.sections],
        "curves": {name: _bytes(_strongest(curve, points) * 255, np.uint8) for name, curve in song.curves.items()},
    }
    if waveform is not None:
        view["peaks"] = _bytes(_peaks(np.atleast_2d(waveform)) * 127, np.int8)
    return view


def _strongest(values: np.ndarray, parts: int) -> np.ndarray:
    return np.maximum.reduceat(values, _starts(len(values), parts))


def _starts(n: int, parts: int) -> np.ndarray:
    return np.arange(parts) * n // parts


def _peaks(samples: np.ndarray) -> np.ndarray:
    """Lowest and highest value of equal parts, float32 (parts, 2), the loudest being 1."""
    signal = mono(samples)
    starts = _starts(len(signal), min(PEAK_COLUMNS, len(signal)))
    pairs = np.stack([np.minimum.reduceat(signal, starts), np.maximum.reduceat(signal, starts)], axis=1)
    return pairs / max(float(np.abs(pairs).max()), 1e-9)


def _bytes(values: np.ndarray, kind: type) -> str:
    return base64.b64encode(np.round(values).astype(kind).tobytes()).decode("ascii")
