"""Arousal and valence by rule, for those who may use neither openSMILE nor weights trained on DEAM.

What music psychology agrees on (Gabrielsson & Lindstroem 2010, "The role of structure in the musical expression of
emotions"): loud, fast, bright and busy music is aroused; major mode and a fast tempo are positive, minor is negative.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...base.types import SongAnalysis
from .descriptors import COLUMNS

# Typical values in recorded music, and how many octaves about them are usual: loudness (sum of compressed bands),
# spectral centroid in Hz, spectral flux as a multiple of the level.
_TYPICAL = ((2.0, 0.5), (720.0, 0.5), (8.0, 0.4))
_AROUSAL_WEIGHTS = (0.19, 0.06, 0.08)
_TEMPO, _TEMPO_OCTAVE = 110.0, 0.12
_MODE_WEIGHT = 0.15
# Krumhansl & Kessler 1982: how well each pitch class fits a key, from its tonic on.
_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
TONICS = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")


@dataclass(frozen=True)
class Key:
    """A key: its tonic, whether it is major, and by how much it fits better than the best of the other mode, -2..2."""

    tonic: str
    major: bool
    clarity: float


def key_of(chroma: np.ndarray) -> Key | None:
    """The key whose profile correlates best with mean chroma, float (12,), C first; None where nothing has a pitch."""
    if not np.any(chroma) or np.ptp(chroma) < 1e-6:
        return None
    fits = {
        major: [float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1]) for tonic in range(12)]
        for major, profile in ((True, _MAJOR), (False, _MINOR))
    }
    best = {major: max(values) for major, values in fits.items()}
    major = best[True] >= best[False]
    return Key(TONICS[int(np.argmax(fits[major]))], major, best[major] - best[not major])


def rule_values(means: np.ndarray, *, tempo: float = 0.0, mode: np.ndarray | float = 0.0) -> np.ndarray:
    """(arousal, valence) in -1..1, float32 (n, 2).

    Parameters
    ----------
    means : float (n, d), means of descriptors in the order of `descriptors.COLUMNS`
    tempo : BPM, 0 where there is no beat
    mode : -1 (clearly minor) .. 1 (clearly major), one for all or (n,)
    """
    names = ("audspec_lengthL1norm_sma", "pcm_fftMag_spectralCentroid_sma", "pcm_fftMag_spectralFlux_sma")
    loudness, centroid, flux = (means[:, COLUMNS.index(name)] for name in names)
    # Flux relative to the level: how busy the music is does not depend on the volume.
    busyness = flux / np.maximum(means[:, COLUMNS.index("pcm_RMSenergy_sma")], 1e-6)
    levels = [
        np.clip(np.log2(np.maximum(values, 1e-6) / typical) / spread, -3, 3)
        for values, (typical, spread) in zip((loudness, centroid, busyness), _TYPICAL, strict=True)
    ]
    pace = _TEMPO_OCTAVE * np.clip(np.log2(tempo / _TEMPO), -1, 1) if tempo > 0 else 0.0
    arousal = sum(weight * level for weight, level in zip(_AROUSAL_WEIGHTS, levels, strict=True)) + pace
    valence = _MODE_WEIGHT * np.asarray(mode) + 0.5 * pace + 0.25 * arousal
    return np.clip(np.stack(np.broadcast_arrays(arousal, valence), axis=1), -1, 1).astype(np.float32)


def mode_of(song: SongAnalysis, start: float, end: float) -> float:
    """How major (1) or minor (-1) a stretch of a song is; 0 where it is unclear or has no pitch."""
    if song.chroma is None:
        return 0.0
    fps = float(song.fps)
    first = min(int(start * fps), song.n_frames - 1)
    key = key_of(song.chroma[:, first : max(int(end * fps), first + 1)].mean(axis=1))
    return 0.0 if key is None else float(np.clip(8 * key.clarity, 0, 1)) * (1 if key.major else -1)
