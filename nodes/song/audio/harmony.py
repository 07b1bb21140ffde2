"""Pitch classes of a song and how its harmony moves."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .spectrum import for_each_spectrum

CHROMA_RATE, CHROMA_FFT, CHROMA_HOP = 11_025, 4096, 1024
_A4 = 440.0
# Weight of a frequency: a bell over octaves, centred on the fifth above 27.5 Hz (880 Hz), two octaves wide.
_CENTRE_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0
_TUNING_RANGE = (80.0, 2000.0)


@lru_cache(maxsize=4)
def chroma_filterbank(sample_rate: int, n_fft: int, tuning: float = 0.0) -> np.ndarray:
    """Weights of spectrum bins in the 12 pitch classes, C first, float32 (n_fft // 2 + 1, 12); librosa's definition.

    Each bin has a bell over pitch classes as wide as the bin itself (Ellis 2007, "Chroma feature analysis and
    synthesis"). `tuning` is the song's deviation from A = 440 Hz in semitones.
    """
    reference = _A4 * 2 ** (tuning / 12) / 16
    pitch = 12 * np.log2(np.arange(1, n_fft) * (sample_rate / n_fft) / reference)
    # Bin 0 has no pitch: it is put an octave and a half below bin 1.
    pitch = np.concatenate(([pitch[0] - 18], pitch))
    width = np.append(np.maximum(np.diff(pitch), 1.0), 1.0)
    distance = np.mod(pitch[:, None] - np.arange(12) + 6, 12) - 6
    weights = np.exp(-0.5 * (2 * distance / width[:, None]) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    weights *= np.exp(-0.5 * ((pitch / 12 - _CENTRE_OCTAVE) / _OCTAVE_WIDTH) ** 2)[:, None]
    # Pitch 0 is A.
    weights = np.roll(weights, -3, axis=1)[: n_fft // 2 + 1].astype(np.float32)
    weights.setflags(write=False)
    return weights


def _power(waveform: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    power = np.empty((1 + len(waveform) // hop, n_fft // 2 + 1), np.float32)
    for_each_spectrum(waveform, power.__setitem__, n_fft=n_fft, hop=hop)
    return power


def _scaled(rows: np.ndarray) -> np.ndarray:
    top = rows.max(axis=1, keepdims=True)
    return np.where(top > np.finfo(np.float32).tiny, rows / np.maximum(top, 1e-30), 0)


def song_chroma(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """Chroma at `CHROMA_RATE / CHROMA_HOP` values per second, tuned to the song: float32 (12, frames).

    The transform that onsets need (46 ms) cannot tell low semitones apart, so the lower octaves are looked at
    once more, 0.37 s at a time, at a quarter of the rate.
    """
    import soxr

    low = soxr.resample(signal, sample_rate, CHROMA_RATE, quality="MQ")
    power = _power(low, CHROMA_FFT, CHROMA_HOP)
    filters = chroma_filterbank(CHROMA_RATE, CHROMA_FFT, tuning_of(power, CHROMA_RATE, CHROMA_FFT))
    rows = power @ filters
    # 60 dB below the song's loudest moment there is no harmony to speak of.
    quiet = power.sum(axis=1) < 1e-6 * power.sum(axis=1).max(initial=0)
    rows[quiet] = 0
    return np.ascontiguousarray(_scaled(rows).T)


def tuning_of(power: np.ndarray, sample_rate: int, n_fft: int) -> float:
    """Deviation of a song from A = 440 Hz in semitones, -0.5..0.5, in steps of 0.01.

    The commonest deviation among the spectra's peaks, which are placed between bins by a parabola through their
    magnitudes (Smith & Serra 1987).
    """
    low, high = (int(f * n_fft / sample_rate) for f in _TUNING_RANGE)
    low, high = max(low, 1), min(high, power.shape[1] - 2)
    magnitude = np.sqrt(power[:, low - 1 : high + 2])
    left, middle, right = magnitude[:, :-2], magnitude[:, 1:-1], magnitude[:, 2:]
    peak = (middle > left) & (middle >= right) & (middle > 0.1 * magnitude.max(axis=1, keepdims=True, initial=1e-9))
    frames, bins = np.nonzero(peak)
    if not len(frames):
        return 0.0
    left, middle, right = left[peak], middle[peak], right[peak]
    offset = 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-12)
    pitch = 12 * np.log2((bins + low + np.clip(offset, -0.5, 0.5)) * (sample_rate / n_fft) / _A4)
    counts, edges = np.histogram(np.mod(pitch + 0.5, 1) - 0.5, bins=100, range=(-0.5, 0.5), weights=middle)
    # Neighbouring steps support each other, round the circle.
    support = np.sum([np.roll(counts, shift) for shift in range(-3, 4)], axis=0)
    return round(float(edges[int(support.argmax())]) + 0.005, 3)


def tonal_centroids(chroma: np.ndarray) -> np.ndarray:
    """Six coordinates per frame on the circles of fifths, minor and major thirds, float64 (6, frames).

    Harte, Sandler & Gasser 2006, "Detecting harmonic change in musical audio", section 3.
    """
    pitch = np.arange(12)
    angles = np.stack([pitch * 7 * np.pi / 6, pitch * 3 * np.pi / 2, pitch * 2 * np.pi / 3])
    circles = np.stack([np.sin(angles), np.cos(angles)], axis=1).reshape(6, 12)
    circles *= np.repeat((1.0, 1.0, 0.5), 2)[:, None]
    return circles @ (chroma / np.maximum(chroma.sum(axis=0, keepdims=True), 1e-9))


def harmonic_change(chroma: np.ndarray, rate: float) -> np.ndarray:
    """Distance of the tonal centroids before and after each frame, float64 (frames,) (ibid., section 4)."""
    from scipy.ndimage import gaussian_filter1d

    centroids = gaussian_filter1d(tonal_centroids(chroma), 0.25 * rate, axis=1)
    step = max(round(0.2 * rate), 1)
    padded = np.pad(centroids, ((0, 0), (step, step)), mode="edge")
    return np.linalg.norm(padded[:, 2 * step :] - padded[:, : -2 * step], axis=0)
