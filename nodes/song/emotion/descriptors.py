"""Low-level descriptors of music as openSMILE's ComParE set defines them, in numpy: the columns that we reproduce.

Definitions: Weninger et al. 2013, "On the Acoustics of Emotion in Audio", and openSMILE's ComParE_2016 configuration.
Names are those of the DEAM data set. `bench/emotion.py` holds each column beside openSMILE's.
"""

from __future__ import annotations

import os

import numpy as np

RATE, HOP, WINDOW, N_FFT = 44_100, 441, 882, 1024
_ZCR_WINDOW = 2646
_BANDS, _LOW_HZ, _HIGH_HZ = 26, 20.0, 8000.0
_CEPSTRA, _LIFTER = 14, 22
_BLOCK = 2048
_ROLL_OFFS = (25.0, 50.0, 75.0, 90.0)
_POWER_BANDS = ((250, 650), (1000, 4000))

COLUMNS = (
    "audspec_lengthL1norm_sma",
    "pcm_RMSenergy_sma",
    "pcm_zcr_sma",
    *(f"pcm_fftMag_fband{low}-{high}_sma" for low, high in _POWER_BANDS),
    *(f"pcm_fftMag_spectralRollOff{share}_sma" for share in _ROLL_OFFS),
    *(f"pcm_fftMag_spectral{name}_sma" for name in ("Flux", "Centroid", "Entropy", "Variance", "Skewness", "Kurtosis")),
    "pcm_fftMag_spectralSlope_sma",
    "pcm_fftMag_psySharpness_sma",
    *(f"pcm_fftMag_mfcc_sma[{index}]" for index in range(1, _CEPSTRA + 1)),
)


def descriptors(signal: np.ndarray) -> np.ndarray:
    """Descriptors every 10 ms.

    Parameters
    ----------
    signal : float32 (samples,), mono at `RATE`, full scale -1..1

    Returns
    -------
    float32 (frames, len(COLUMNS)); frame k starts at k * HOP / RATE seconds. A signal shorter than one window is
    padded with silence to one frame.
    """
    from concurrent.futures import ThreadPoolExecutor

    if len(signal) < _ZCR_WINDOW:
        signal = np.pad(signal, (0, _ZCR_WINDOW - len(signal)))
    n = (len(signal) - WINDOW) // HOP + 1
    result = np.empty((n, len(COLUMNS)), np.float32)
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 4)) as pool:
        # Reading the results raises what a thread raised.
        list(pool.map(lambda start: _block(signal, start, result), range(0, n, _BLOCK)))
    result[:, COLUMNS.index("pcm_zcr_sma")] = _zero_crossings(signal, n)
    return result


def _block(signal: np.ndarray, start: int, result: np.ndarray) -> None:
    from scipy.fft import rfft

    stop = min(start + _BLOCK, len(result))
    frames = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::HOP]
    # One frame more at the front, for the flux of the first.
    with_previous = frames[max(start - 1, 0) : stop]
    power = np.square(np.abs(rfft(with_previous * _HAMMING, N_FFT, axis=1)))
    magnitude = np.sqrt(power)
    flux = np.linalg.norm(np.diff(magnitude, axis=0), axis=1) / np.sqrt(power.shape[1])
    if start == 0:
        flux = np.concatenate(([0.0], flux))
    else:
        power = power[1:]
    energy = power @ _MEL
    columns = [
        np.power(energy * _LOUDNESS, 0.33).sum(axis=1) * _LOUDNESS_SCALE,
        np.sqrt(np.mean(np.square(frames[start:stop], dtype=np.float32), axis=1)),
        np.zeros(stop - start, np.float32),
        *((power[:, band].sum(axis=1) / power.shape[1]) for band in _BAND_BINS),
        *_shape(power, flux),
        *_cepstra(energy).T,
    ]
    result[start:stop] = np.stack(columns, axis=1)


def _shape(power: np.ndarray, flux: np.ndarray) -> list[np.ndarray]:
    """Roll-offs, flux, moments, slope and sharpness of power spectra (frames, bins)."""
    total = power.sum(axis=1) + 1e-20
    share = power / total[:, None]
    summed = np.cumsum(share, axis=1)
    roll_offs = [_HERTZ[np.minimum((summed < part / 100).sum(axis=1), len(_HERTZ) - 1)] for part in _ROLL_OFFS]
    # Moments about the centroid, from those about 0 of the frequency in kHz: no (frames, bins) array for each.
    first, second, third, fourth = (share @ _KILOHERTZ_POWERS).T
    variance = np.maximum(second - first**2, 1e-6)
    skewness = (third - 3 * first * second + 2 * first**3) / variance**1.5
    kurtosis = (fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4) / variance**2
    entropy = -(share * np.log2(share + 1e-12)).sum(axis=1)
    return [*roll_offs, flux, first * 1e3, entropy, variance * 1e6, skewness, kurtosis, power @ _SLOPE,
            share @ _SHARPNESS]  # fmt: skip


def _cepstra(energy: np.ndarray) -> np.ndarray:
    """Mel-frequency cepstral coefficients as HTK scales them, (frames, 14), from mel power (frames, 26)."""
    return np.log(np.maximum(energy * np.float32(32767.0**2), 1.0)) @ _DCT


def _zero_crossings(signal: np.ndarray, n: int) -> np.ndarray:
    crossings = np.concatenate(([0], np.cumsum(signal[1:] * signal[:-1] < 0)))
    starts = np.minimum(np.arange(n) * HOP, len(signal) - _ZCR_WINDOW)
    return (crossings[starts + _ZCR_WINDOW - 1] - crossings[starts]) / _ZCR_WINDOW


def _mel_bank() -> tuple[np.ndarray, np.ndarray]:
    """Triangles equally spaced in mel, (bins, bands), and their centres in Hz."""
    low, high = (1127 * np.log1p(hertz / 700) for hertz in (_LOW_HZ, _HIGH_HZ))
    edges = np.linspace(low, high, _BANDS + 2)
    mel = 1127 * np.log1p(_HERTZ / 700)[:, None]
    rising, falling = (mel - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - mel) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32), 700 * np.expm1(edges[1:-1] / 1127)


def _equal_loudness(hertz: np.ndarray) -> np.ndarray:
    """Weight of a frequency's power to the ear (Hermansky 1990, PLP, eq. 7)."""
    squared = np.square(2 * np.pi * hertz)
    return squared**2 * (squared + 56.8e6) / ((squared + 6.3e6) ** 2 * (squared + 0.38e9))


def _sharpness() -> np.ndarray:
    """Zwicker's sharpness weights over the Bark scale (Traunmueller 1990)."""
    bark = 26.81 * _HERTZ / (1960 + _HERTZ) - 0.53
    bark = np.where(bark < 2, bark + 0.15 * (2 - bark), bark)
    bark = np.where(bark > 20.1, bark + 0.22 * (bark - 20.1), bark)
    return 0.11 * bark * np.where(bark <= 16, 1.0, 0.066 * np.exp(0.171 * bark))


_HERTZ = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
_HAMMING = np.hamming(WINDOW).astype(np.float32)
_MEL, _CENTRES = _mel_bank()
_LOUDNESS = _equal_loudness(_CENTRES).astype(np.float32)
# openSMILE scales the mel power before it compresses it; this is the factor on the sum, measured on 45 clips.
_LOUDNESS_SCALE = 0.0634
_BAND_BINS = [(low <= _HERTZ) & (high >= _HERTZ) for low, high in _POWER_BANDS]
_KILOHERTZ_POWERS = np.stack([(_HERTZ / 1000) ** power for power in (1, 2, 3, 4)], axis=1)
_SLOPE = (_HERTZ - _HERTZ.mean()) / np.square(_HERTZ - _HERTZ.mean()).sum() * len(_HERTZ)
_SHARPNESS = _sharpness()
_ORDER = np.arange(1, _CEPSTRA + 1)
_DCT = (
    np.sqrt(2 / _BANDS)
    * np.cos(np.pi * np.outer(np.arange(_BANDS) + 0.5, _ORDER) / _BANDS)
    * (1 + _LIFTER / 2 * np.sin(np.pi * _ORDER / _LIFTER))
).astype(np.float32)
