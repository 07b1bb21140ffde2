"""A song -> its mood over time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...base.types import SongAnalysis
from ..audio.signal import SILENCE_PEAK, checked, mono
from . import regressor, rules, smile
from .descriptors import COLUMNS, HOP, RATE, descriptors
from .mood_segments import segments_of
from .settings import EmotionSettings
from .timeline import HOP_SECONDS, EmotionTimeline, count


def hear_emotion(
    waveform: np.ndarray,
    sample_rate: int,
    settings: EmotionSettings | None = None,
    *,
    song: SongAnalysis | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
) -> EmotionTimeline:
    """Arousal and valence every half second, and the moods they make.

    Parameters
    ----------
    waveform : float32 (channels, samples) or (samples,)
    sample_rate : Hz
    settings : model: "auto" is openSMILE where it is installed, else the built-in one. window: seconds that each value
        is heard over; the models know means of whole songs. contrast: where the labels' origin lies. 0: at the middle
        of the scale, so that a gentle song is serene throughout; 1: at the song's own mean, so that its parts are told
        apart. smoother, min_seconds: see `segments_of`
    song : gives tempo and mode to the rules, which do without when it is None
    on_progress : called with the share that is done, 0..1

    Returns
    -------
    EmotionTimeline of the whole song.

    Raises InputError for unusable audio, or a missing package.
    """
    settings = settings or EmotionSettings()
    model, window, contrast = settings.model, settings.window, settings.contrast
    samples, sample_rate = checked(waveform, sample_rate)
    duration = samples.shape[1] / sample_rate
    signal = _at_rate(mono(samples), sample_rate)
    if model == "auto":
        model = "opensmile" if smile.available() else "built-in"
    values = _values(signal, duration, model, song, window, on_progress)
    loud = _loud(signal, count(duration))
    values[~loud] = 0
    origin = contrast * values[loud].mean(axis=0) if loud.any() else np.zeros(2)
    origin = tuple(float(np.float32(value)) for value in origin)
    values[~loud] = origin
    segments = segments_of(
        values, duration, origin=origin, smoother=settings.smoother, min_seconds=settings.min_seconds
    )
    return EmotionTimeline(duration, values[:, 0].copy(), values[:, 1].copy(), segments, origin, model)


def _at_rate(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    import soxr

    return signal if sample_rate == RATE else soxr.resample(signal, sample_rate, RATE)


def _values(
    signal: np.ndarray,
    duration: float,
    model: str,
    song: SongAnalysis | None,
    window: float,
    on_progress: Callable[[float], None],
) -> np.ndarray:
    """(arousal, valence) of each step, float32 (n, 2)."""
    n = count(duration)
    if model == "opensmile":
        judge = regressor.load(model)
        return judge.predict(
            windowed_means(smile.smile_descriptors(signal, judge.columns, on_block=on_progress), n, window)
        )
    means = windowed_means(descriptors(signal), n, window)
    on_progress(1.0)
    if model == "built-in":
        judge = regressor.load(model)
        return judge.predict(means[:, [COLUMNS.index(name) for name in judge.columns]])
    if song is None:
        return rules.rule_values(means)
    # The mode of a bar is a chord; that of half a minute is a key.
    modes = [rules.mode_of(song, max(k * HOP_SECONDS - 15, 0), k * HOP_SECONDS + 15) for k in range(n)]
    return rules.rule_values(means, tempo=song.tempo, mode=np.array(modes))


def windowed_means(rows: np.ndarray, n: int, window: float) -> np.ndarray:
    """Means over `window` seconds about the middle of each step, float64 (n, d); NaN rows count as not heard.

    At the ends of a song the window is moved inwards, so that it keeps its length.
    """
    per_second = RATE / HOP
    heard = ~np.isnan(rows[:, 0])
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(np.where(heard[:, None], rows, 0), 0, np.float64)])
    counts = np.concatenate([[0], np.cumsum(heard)])
    length = min(int(window * per_second), len(rows))
    centres = ((np.arange(n) + 0.5) * HOP_SECONDS * per_second).astype(int)
    first = np.clip(centres - length // 2, 0, len(rows) - length)
    return (sums[first + length] - sums[first]) / np.maximum(counts[first + length] - counts[first], 1)[:, None]


def _loud(signal: np.ndarray, n: int) -> np.ndarray:
    """Which steps have any sound within two seconds, bool (n,)."""
    step = int(HOP_SECONDS * RATE)
    padded = np.pad(np.abs(signal), (0, n * step - len(signal) if n * step > len(signal) else 0))[: n * step]
    peaks = padded.reshape(n, step).max(axis=1) > SILENCE_PEAK
    return np.convolve(peaks, np.ones(9), "same") > 0 if n >= 9 else np.full(n, peaks.any())
