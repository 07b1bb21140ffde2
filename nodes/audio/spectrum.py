"""Short-time spectra of a song and the curves read off them, in numpy and scipy.

Definitions are librosa's (Slaney mel bands, centred frames, zero padding), so that figures can be
compared with it. Spectrograms are time first: (frames, bins).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_FRAMES_PER_BLOCK = 2048


def mel_frequencies(n: int, fmin: float, fmax: float) -> np.ndarray:
    """`n` frequencies in Hz, equally spaced on Slaney's mel scale (linear to 1 kHz, then logarithmic)."""
    step, knee, log_step = 200 / 3, 1000.0, np.log(6.4) / 27

    def to_mel(hertz: float) -> float:
        return hertz / step if hertz < knee else knee / step + np.log(hertz / knee) / log_step

    mels = np.linspace(to_mel(fmin), to_mel(fmax), n)
    return np.where(mels < knee / step, mels * step, knee * np.exp(log_step * (mels - knee / step)))


@lru_cache(maxsize=8)
def mel_filterbank(sample_rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Triangular filters of equal area from 0 Hz to half the sample rate, float32 (bins, n_mels)."""
    edges = mel_frequencies(n_mels + 2, 0.0, sample_rate / 2)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


def band_power(waveform: np.ndarray, filters: np.ndarray, *, n_fft: int, hop: int) -> np.ndarray:
    """Power of a signal in the bands of a filter bank.

    Parameters
    ----------
    waveform : float32 (samples,)
    filters : float32 (n_fft // 2 + 1, bands)
    n_fft, hop : samples; frame k is a Hann window centred on sample k * hop

    Returns
    -------
    float32 (1 + samples // hop, bands)
    """
    from scipy.fft import rfft

    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    padded = np.pad(np.asarray(waveform, dtype=np.float32), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    power = np.empty((1 + len(waveform) // hop, filters.shape[1]), dtype=np.float32)
    for start in range(0, len(power), _FRAMES_PER_BLOCK):
        block = slice(start, min(start + _FRAMES_PER_BLOCK, len(power)))
        spectrum = rfft(frames[block] * window, axis=1)
        np.matmul(spectrum.real**2 + spectrum.imag**2, filters, out=power[block])
    return power


def flux(power: np.ndarray, *, n_fft: int, hop: int, lag: int = 1, top_db: float = 80.0) -> np.ndarray:
    """Mean rise in dB over all bands, float32 (frames,), aligned so that a frame looks back, not ahead."""
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    np.maximum(decibels, decibels.max() - top_db, out=decibels)
    rise = np.maximum(decibels[lag:] - decibels[:-lag], 0).mean(axis=1)
    # A centred window hears an attack half a window before it happens.
    return np.pad(rise, (lag + n_fft // (2 * hop), 0))[: len(power)]


def onset_strength(
    waveform: np.ndarray, sample_rate: int, *, n_fft: int = 2048, hop: int = 512, n_mels: int = 128, lag: int = 1
) -> np.ndarray:
    """Onset strength as librosa defines it: mean rise of the log-power mel spectrogram.

    Parameters
    ----------
    waveform : float32 (samples,)
    sample_rate : Hz
    n_fft, hop, lag : window and step in samples, distance of the compared frames in steps
    n_mels : number of mel bands

    Returns
    -------
    float32 (1 + samples // hop,), dB, value k for the time k * hop / sample_rate
    """
    power = band_power(waveform, mel_filterbank(sample_rate, n_fft, n_mels), n_fft=n_fft, hop=hop)
    return flux(power, n_fft=n_fft, hop=hop, lag=lag)


def rms(waveform: np.ndarray, *, frame_length: int = 2048, hop: int = 512) -> np.ndarray:
    """Root mean square over centred frames, float32 (1 + samples // hop,)."""
    squares = np.square(np.pad(waveform, frame_length // 2), dtype=np.float64)
    total = np.concatenate(([0.0], np.cumsum(squares)))
    start = np.arange(1 + len(waveform) // hop) * hop
    mean = (total[start + frame_length] - total[start]) / frame_length
    return np.sqrt(np.maximum(mean, 0)).astype(np.float32)
