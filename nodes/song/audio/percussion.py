"""Harmonic and percussive parts of a spectrogram by median filtering (Fitzgerald 2010)."""

from __future__ import annotations

import numpy as np

# Windows of the medians: held sounds last, hits are wide.
HARMONIC_S, PERCUSSIVE_BANDS = 0.4, 9


def percussive_share(power: np.ndarray, rate: float) -> np.ndarray:
    """The percussive part of each cell of a mel spectrogram, as a share of its power.

    Soft masks, power 2 (Fitzgerald, equations 5 and 6) of medians over time (harmonic) and over bands (percussive).

    Parameters
    ----------
    power : float32 (frames, bands)
    rate : frames per second

    Returns
    -------
    float32 (frames, bands), 0..1; the harmonic part is what is left. 0 in silence.
    """
    from scipy.ndimage import median_filter

    magnitude = np.sqrt(power)
    harmonic = median_filter(magnitude, (max(round(HARMONIC_S * rate), 1) | 1, 1), mode="nearest") ** 2
    percussive = median_filter(magnitude, (1, PERCUSSIVE_BANDS), mode="nearest") ** 2
    total = harmonic + percussive
    return np.where(total > 0, percussive / np.maximum(total, 1e-30), 0).astype(np.float32)
