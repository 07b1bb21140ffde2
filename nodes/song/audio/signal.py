"""From any waveform to the one mono signal that the analysis listens to."""

from __future__ import annotations

import numpy as np

from ...base.errors import InputError

ANALYSIS_RATE = 44_100
MIN_RATE, MAX_RATE = 1_000, 768_000
# Peaks below -80 dB of full scale are dither or hum of a silent file, not music.
SILENCE_PEAK = 1e-4
_DC_SAMPLES = 500_000


def checked(waveform: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """The waveform as float32 (channels, samples) and the rate as int, or InputError."""
    samples = np.asarray(waveform)
    if samples.ndim not in (1, 2) or samples.dtype.kind != "f":
        raise InputError(
            f"The audio must be floats of shape (channels, samples), got {samples.dtype} of shape {samples.shape}; "
            "pass one song at a time."
        )
    samples = np.atleast_2d(samples).astype(np.float32, copy=False)
    if samples.size == 0:
        raise InputError(f"The audio is empty: its shape is {samples.shape}; load a file that has sound.")
    if not np.all(np.isfinite(samples)):
        bad = int(np.argmin(np.isfinite(samples).all(axis=0)))
        raise InputError(f"The audio has NaN or infinite values, first at sample {bad}; export the file again.")
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, (int, float, np.integer, np.floating)):
        raise InputError(f"The sample rate must be a number in Hz, got {sample_rate!r}.")
    if not MIN_RATE <= sample_rate <= MAX_RATE or sample_rate != int(sample_rate):
        raise InputError(
            f"The sample rate must be a whole number from {MIN_RATE} to {MAX_RATE} Hz, got {sample_rate:g}."
        )
    return samples, int(sample_rate)


def mono(samples: np.ndarray) -> np.ndarray:
    """Mean of the channels; the loudest channel where the others cancel it. float32 (samples,)."""
    if len(samples) == 1:
        return samples[0]
    mix = samples.mean(axis=0, dtype=np.float32)
    levels = [_level(channel) for channel in samples]
    # One lone channel among n still gives 1 / n of its level in the mix; less means cancellation.
    if _level(mix) < max(levels) / (2 * len(samples)):
        return samples[int(np.argmax(levels))]
    return mix


def analysis_signal(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mono at `ANALYSIS_RATE`, without DC, peak 1 (all zeros for silence). float32 (at least 1,)."""
    import soxr

    signal = mono(samples)
    # The median, since the mean of lopsided sounds would turn the silence around them into a step.
    signal = signal - np.median(signal[:: 1 + len(signal) // _DC_SAMPLES])
    if sample_rate != ANALYSIS_RATE:
        signal = soxr.resample(signal, sample_rate, ANALYSIS_RATE)
    peak = np.abs(signal).max(initial=0.0)
    if peak < SILENCE_PEAK:
        return np.zeros(max(len(signal), 1), dtype=np.float32)
    return signal / peak


def _level(channel: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(channel, dtype=np.float64))))
