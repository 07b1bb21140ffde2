"""Short-time spectra of a song and the curves read off them, in numpy and scipy.

Definitions are librosa's (Slaney mel bands, centred frames, zero padding), so that figures can be
compared with it. Spectrograms are time first: (frames, bins).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache

import numpy as np

_VALUES_PER_BLOCK = 1 << 20


def mel_frequencies(n: int, fmin: float, fmax: float) -> np.ndarray:
    """`n` frequencies in Hz, equally spaced on Slaney's mel scale (linear to 1 kHz, then logarithmic)."""
    step, knee, log_step = 200 / 3, 1000.0, np.log(6.4) / 27

    def to_mel(hertz: float) -> float:
        return hertz / step if hertz < knee else knee / step + np.log(hertz / knee) / log_step

    mels = np.linspace(to_mel(fmin), to_mel(fmax), n)
    return np.where(mels < knee / step, mels * step, knee * np.exp(log_step * (mels - knee / step)))


@lru_cache(maxsize=8)
def mel_filterbank(sample_rate: int, n_fft: int, n_mels: int, fmax: float | None = None) -> np.ndarray:
    """Triangular filters of equal area from 0 Hz to `fmax` (half the sample rate), float32 (bins, n_mels)."""
    edges = mel_frequencies(n_mels + 2, 0.0, fmax or sample_rate / 2)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


def for_each_spectrum(waveform: np.ndarray, work: Callable[[slice, np.ndarray], None], *, n_fft: int, hop: int) -> None:
    """Power spectra of a signal, a block of frames at a time on every core, so that memory does not grow with the song.

    Parameters
    ----------
    waveform : float32 (samples,)
    work : called with (frames, power): which of the 1 + samples // hop frames, and float32 (frames, n_fft // 2 + 1),
        |STFT| squared; in any order and from several threads
    n_fft, hop : samples; frame k is a Hann window centred on sample k * hop
    """
    from concurrent.futures import ThreadPoolExecutor

    from scipy.fft import rfft

    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    padded = np.pad(np.asarray(waveform, dtype=np.float32), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    n_frames, step = 1 + len(waveform) // hop, max(_VALUES_PER_BLOCK // n_fft, 1)

    def one(start: int) -> None:
        block = slice(start, min(start + step, n_frames))
        spectrum = rfft(frames[block] * window, axis=1, overwrite_x=True)
        parts = np.square(spectrum.view(np.float32)).reshape(*spectrum.shape, 2)
        work(block, parts[:, :, 0] + parts[:, :, 1])

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        # Reading the results raises what a thread raised.
        list(pool.map(one, range(0, n_frames, step)))


def centroid_of(power: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean frequency of magnitude spectra, Hz, float32 (frames,), from their power (frames, bins); 0 in silence."""
    magnitude = np.sqrt(power)
    total = magnitude.sum(axis=1)
    frequencies = np.linspace(0, sample_rate / 2, power.shape[1], dtype=np.float32)
    return np.where(total > 0, magnitude @ frequencies / np.maximum(total, 1e-30), 0).astype(np.float32)


def decibel_rise(power: np.ndarray, *, lag: int = 1, top_db: float = 80.0) -> np.ndarray:
    """Rise of each band over `lag` frames in dB, never below 0, float32 (frames - lag, bands).

    What is more than `top_db` below the loudest value counts as equally quiet.
    """
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    np.maximum(decibels, decibels.max() - top_db, out=decibels)
    return np.maximum(decibels[lag:] - decibels[:-lag], 0)


def aligned(rise: np.ndarray, n: int, *, n_fft: int, hop: int, lag: int = 1) -> np.ndarray:
    """A mean rise (frames - lag,) as (n,) values whose frames look back: a centred window hears half a window ahead."""
    return np.pad(rise, (lag + n_fft // (2 * hop), 0))[:n]


def rms(waveform: np.ndarray, *, frame_length: int = 2048, hop: int = 512) -> np.ndarray:
    """Root mean square over centred frames, float32 (1 + samples // hop,). `frame_length` is a multiple of 2 * hop."""
    reach, n = frame_length // (2 * hop), 1 + len(waveform) // hop
    whole = len(waveform) // hop * hop
    blocks = waveform[:whole].reshape(-1, hop)
    energy = np.zeros(n + 2 * reach)
    energy[reach : reach + len(blocks)] = np.einsum("ij,ij->i", blocks, blocks)
    energy[reach + len(blocks)] = np.square(waveform[whole:], dtype=np.float64).sum()
    total = np.concatenate(([0.0], np.cumsum(energy)))
    mean = (total[2 * reach :][:n] - total[:n]) / frame_length
    return np.sqrt(np.maximum(mean, 0)).astype(np.float32)
