"""What happens to a song between the instruments and the listener: amplifiers, rooms, compressors, noise, filters."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from .figures import pick

_LEVEL = 0.15
_EQ_HZ = (40, 100, 250, 600, 1500, 4000, 10000)


def leveled(samples: np.ndarray, to: float = _LEVEL) -> np.ndarray:
    """Scaled to this root mean square; silence stays silence."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return samples * np.float32(to / level) if level > 1e-7 else samples


def amplifier(rng: np.random.Generator, samples: np.ndarray, rate: int) -> np.ndarray:
    """An overdriven guitar amplifier and its box."""
    driven = np.tanh(leveled(samples) * rng.uniform(5, 60))
    band = butter(2, (rng.uniform(60, 150), rng.uniform(2800, 6500)), "band", fs=rate, output="sos")
    return sosfilt(band, driven).astype(np.float32)


def equalised(rng: np.random.Generator, samples: np.ndarray, rate: int) -> np.ndarray:
    """A smooth response by chance, up to 10 dB either way; perhaps without treble or bass."""
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    gains = rng.normal(0, pick(rng, (1, 3, 5)), len(_EQ_HZ)).clip(-10, 10)
    response = 10 ** (np.interp(np.log(np.maximum(hertz, 20)), np.log(_EQ_HZ), gains) / 20)
    if rng.random() < 0.25:
        response *= 1 / (1 + (hertz / rng.uniform(2800, 9000)) ** 8)
    if rng.random() < 0.2:
        low = rng.uniform(40, 160)
        response *= (hertz / low) ** 2 / (1 + (hertz / low) ** 2)
    return np.fft.irfft(np.fft.rfft(samples) * response, len(samples)).astype(np.float32)


def room(rng: np.random.Generator, samples: np.ndarray, rate: int) -> np.ndarray:
    """Reverberation of 0.15 to 2.5 s, on top of the dry sound."""
    n = int(np.exp(rng.uniform(np.log(0.15), np.log(2.5))) * rate)
    response = rng.normal(size=n) * np.exp(-np.arange(n) * rng.uniform(4, 7) / n)
    response /= np.sqrt(np.square(response).sum())
    wet = fftconvolve(samples, response)[: len(samples)]
    return (samples + rng.uniform(0.1, 0.7) * wet).astype(np.float32)


def compressed(rng: np.random.Generator, samples: np.ndarray, rate: int) -> np.ndarray:
    """A compressor with a follower of 10 to 150 ms."""
    keep = np.exp(-1 / (rng.uniform(0.01, 0.15) * rate))
    level = np.sqrt(lfilter([1 - keep], [1, -keep], samples**2) + 1e-8)
    threshold, ratio = _LEVEL * rng.uniform(0.3, 1), rng.uniform(0.2, 0.8)
    return (samples * np.where(level > threshold, (threshold / level) ** ratio, 1)).astype(np.float32)


def noise(rng: np.random.Generator, n: int, rate: int) -> np.ndarray:
    """White, pink, brown or crackling noise that may swell: float32 (n,), root mean square 1."""
    kind = pick(rng, ("white", "pink", "pink", "brown", "crackle"))
    if kind == "crackle":
        sound = (rng.random(n) < rng.uniform(2, 60) / rate) * rng.normal(size=n)
        sound = np.convolve(sound, rng.normal(size=int(0.002 * rate)) * np.linspace(1, 0, int(0.002 * rate)), "same")
    else:
        hertz = np.maximum(np.fft.rfftfreq(n, 1 / rate), 20)
        slope = {"white": 0, "pink": 0.5, "brown": 1}[kind]
        sound = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) / hertz**slope, n)
    if rng.random() < 0.3:
        anchors = int(rng.integers(4, 30))
        sound = sound * np.interp(np.arange(n), np.linspace(0, n, anchors), np.exp(rng.normal(0, 0.7, anchors)))
    return leveled(sound.astype(np.float32), 1.0)


def master(rng: np.random.Generator, samples: np.ndarray, rate: int, *, loud: bool = False) -> np.ndarray:
    """A finished record of a mix.

    Parameters
    ----------
    rng : chooses what is done and how much
    samples : float32 (n,)
    rate : samples per second
    loud : a style that is driven hard

    Returns
    -------
    float32 (n,)
    """
    samples = leveled(equalised(rng, leveled(samples), rate))
    if rng.random() < 0.35:
        samples = leveled(room(rng, samples, rate))
    if rng.random() < 0.55:
        samples = compressed(rng, samples, rate)
    drive = pick(rng, (1, 2, 4, 8, 12) if loud else (0, 0, 1, 2, 4, 8))
    if drive:
        samples = np.tanh(samples * (drive / 0.3))
    if rng.random() < 0.4:
        level = float(np.sqrt(np.mean(samples**2))) * 10 ** (-rng.uniform(12, 45) / 20)
        samples = samples + level * noise(rng, len(samples), rate)
    if rng.random() < 0.15:
        samples = equalised(rng, samples, rate)
    return samples.astype(np.float32)
