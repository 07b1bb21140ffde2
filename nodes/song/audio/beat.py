"""Where the beats are: activation per hop, tempo likelihood, and the best path through both.

The path is a sequence of beat intervals. It collects, per second of music, activation at the beats,
periodicity of the interval (tempogram) and a prior on tempo, and pays for changes of tempo; dynamic
programming finds the sequence with the highest sum, so that tempo may drift with the music.
Constants were tuned on two of the four clips per genre; bench/beats.py reports the other two.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

BPM_RANGE = (45.0, 230.0)
# Mel band edges (of 64) between which rises are pooled: narrow for bass, wide for treble.
_POOLS = (0, 2, 4, 8, 12, 16, 24, 32, 40, 48, 56, 64)
# Bass is in few bands, and a beat is often only there.
_POOL_WEIGHTS = (2.0,) * 3 + (1.0,) * 8
_COMPRESSION = 1000.0
_LAG = 3
_LOCAL_MEAN_S, _LOCAL_LEVEL_S = 0.4, 1.5
_WINDOW_S, _STEP_S = 8.0, 0.5
_COMB = (1.0, 0.8, 0.6, 0.4)
_PRIOR_BPM, _PRIOR_OCTAVES = 120.0, 0.65
_ACTIVATION, _PERIODICITY, _PRIOR, _CHANGE, _OFFBEAT = 0.8, 1.2, 1.0, 150.0, 0.1
# The rise of a centred window peaks this long before the attack as listeners tap it (tuning clips' mean).
LATENCY_S = 0.011
# Noise reaches 0.06, speech and clicks at random times 0.05 to 0.13, the tuning clips 0.165 to 0.63.
_NOISE_CONFIDENCE, _SPEECH_CONFIDENCE, _MIN_BEATS = 0.06, 0.16, 4
# Share of hops that are quiet for their second: 0 to 0.23 in the tuning clips, 0.26 to 0.47 in speech.
_MUSIC_GAPS, _SPEECH_GAPS = 0.1, 0.25


@dataclass(frozen=True)
class Activation:
    """How likely a beat is: `values` float32 (n,), value k at second k / rate; `bands` float32 (11, n)."""

    values: np.ndarray
    bands: np.ndarray
    rate: float


@dataclass(frozen=True)
class Track:
    """beats: float64 seconds. confidence: mean periodicity along the path, 0..1."""

    beats: np.ndarray
    confidence: float


def activation(mel_power: np.ndarray, rate: float) -> Activation:
    """Beat activation from mel power (hops, 64), `rate` hops per second; half as many values come back."""
    from scipy.ndimage import gaussian_filter1d, uniform_filter1d

    magnitude = np.sqrt(mel_power)
    level = np.log1p(magnitude * (_COMPRESSION / max(float(magnitude.max(initial=0)), 1e-12)))
    rise = np.maximum(level[_LAG:] - level[:-_LAG], 0)
    rise = np.pad(rise, ((_LAG, len(rise) % 2 + _LAG % 2), (0, 0)))
    rise = rise[: len(rise) // 2 * 2]
    bands = np.stack([rise[:, low:high].mean(axis=1) for low, high in pairwise(_POOLS)])
    bands = bands.reshape(len(bands), -1, 2).sum(axis=2)
    rate /= 2
    bands = gaussian_filter1d(bands, 1.0, axis=1)
    bands = np.maximum(bands - uniform_filter1d(bands, int(_LOCAL_MEAN_S * rate) | 1, axis=1), 0)
    power = uniform_filter1d(bands**2, int(_LOCAL_LEVEL_S * rate) | 1, axis=1, mode="reflect")
    local = np.sqrt(np.maximum(power, 0))
    overall = local.mean(axis=1, keepdims=True)
    bands /= local + 0.1 * overall + 0.02 * overall.max(initial=0) + 1e-9
    return Activation(np.average(bands, axis=0, weights=_POOL_WEIGHTS), bands, rate)


def tempogram(values: np.ndarray, rate: float, lags: np.ndarray) -> np.ndarray:
    """Comb-filtered local autocorrelation: float64 (windows, lags), one window each `_STEP_S`, 1 is periodic."""
    size, step = int(_WINDOW_S * rate), int(_STEP_S * rate)
    padded = np.pad(values - values.mean(), size // 2)
    taper = np.hanning(size)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::step] * taper
    correlation = _autocorrelation(frames)
    reach = _autocorrelation(taper[None])[0]
    correlation /= (correlation[:, :1] + 1e-9) * np.maximum(reach / reach[0], 0.1)
    combed = np.zeros((len(frames), len(lags)))
    for multiple, weight in enumerate(_COMB, 1):
        usable = lags * multiple < 0.7 * size
        combed[:, usable] += weight * correlation[:, lags[usable] * multiple]
    return np.maximum(combed / sum(_COMB), 0)


def track(beat: Activation) -> Track:
    """The most likely beats of a song. An empty track when nothing in it is periodic."""
    values, rate = beat.values, beat.rate
    if len(values) < rate or not values.any():
        return Track(np.zeros(0), 0.0)
    slowest, fastest = 60 * rate / BPM_RANGE[0], 60 * rate / BPM_RANGE[1]
    lags = np.unique(np.round(np.geomspace(fastest, slowest, 90)).astype(int))
    salience = tempogram(values, rate, lags)
    windows = np.minimum(np.arange(len(values)) // int(_STEP_S * rate), len(salience) - 1)
    path, intervals = _best_path(values, rate, lags, salience, windows)
    if len(path) < _MIN_BEATS:
        return Track(np.zeros(0), 0.0)
    confidence = float(np.mean(salience[windows[path], intervals]))
    return Track(_between_samples(values, path) / rate + LATENCY_S, confidence)


def _best_path(
    values: np.ndarray, rate: float, lags: np.ndarray, salience: np.ndarray, windows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Beat positions (index into values) and, for each, which lag led to it."""
    n, k = len(values), len(lags)
    seconds = lags / rate
    prior = -0.5 * (np.log2(60 / seconds / _PRIOR_BPM) / _PRIOR_OCTAVES) ** 2
    periodic = salience / (salience.max(axis=1, keepdims=True) + 1e-9)
    tempo_rate = (_PERIODICITY * periodic + _PRIOR * prior).astype(np.float32)
    log_lags = np.log(lags)
    change = (-_CHANGE * (log_lags[:, None] - log_lags[None, :]) ** 2).astype(np.float32)
    # arrived[t, i]: best sum of a path whose last beat is t and whose last interval is lags[i].
    # onward[t, i]: best sum of a path with a beat at t that goes on with interval lags[i].
    arrived = np.empty((n, k), dtype=np.float32)
    onward = np.empty((n, k), dtype=np.float32)
    previous = np.zeros((n, k), dtype=np.int16)
    columns, block = np.arange(k), int(lags.min())
    # Nothing within the shortest interval depends on itself, so that many positions go at once.
    for start in range(0, n, block):
        times = np.arange(start, min(start + block, n))
        tempo = tempo_rate[windows[times]]
        source = times[:, None] - lags
        lead_in = (times[:, None] / rate) * tempo
        offbeat = values[np.maximum(times[:, None] - lags // 2, 0)]
        gain = seconds * (_ACTIVATION * (values[times, None] - _OFFBEAT * offbeat) + tempo)
        arrived[times] = np.where(source >= 0, onward[np.maximum(source, 0), columns], lead_in) + gain
        choices = arrived[times][:, None, :] + change
        best = choices.argmax(axis=2)
        previous[times] = best
        onward[times] = np.take_along_axis(choices, best[:, :, None], axis=2)[:, :, 0]
    ending = arrived + ((n - np.arange(n))[:, None] / rate) * tempo_rate[-1]
    ending[np.arange(n)[:, None] < n - lags] = -np.inf
    position, lag = np.unravel_index(int(ending.argmax()), ending.shape)
    path, chosen = [], []
    while position >= 0:
        path.append(position)
        chosen.append(lag)
        source = position - lags[lag]
        if source >= 0:
            lag = previous[source, lag]
        position = source
    return np.array(path[::-1]), np.array(chosen[::-1])


def needed_confidence(loudness: np.ndarray, rate: float) -> float:
    """The confidence from which a track's beats are believed, from the RMS of every hop of a song.

    Speech pauses between its syllables: the more hops have less than half the mean level of their second (Scheirer &
    Slaney 1997, "low-energy frames"), the more periodic the song has to be.
    """
    from scipy.ndimage import uniform_filter1d

    gaps = np.mean(loudness < 0.5 * uniform_filter1d(loudness, max(int(rate), 1)))
    speech = np.clip((gaps - _MUSIC_GAPS) / (_SPEECH_GAPS - _MUSIC_GAPS), 0, 1)
    return float(_NOISE_CONFIDENCE + (_SPEECH_CONFIDENCE - _NOISE_CONFIDENCE) * speech)


def tempo_curve(beats: np.ndarray) -> np.ndarray:
    """Tempo at every beat in BPM, float64 (beats,): the mean interval of about eight around it."""
    if len(beats) < 2:
        return np.zeros(len(beats))
    index = np.arange(len(beats))
    first, last = np.maximum(index - 4, 0), np.minimum(index + 4, len(beats) - 1)
    return 60 * (last - first) / (beats[last] - beats[first])


def _autocorrelation(frames: np.ndarray) -> np.ndarray:
    from scipy.fft import irfft, next_fast_len, rfft

    size = frames.shape[1]
    spectrum = rfft(frames, next_fast_len(2 * size, real=True), axis=1)
    return irfft(spectrum.real**2 + spectrum.imag**2, axis=1)[:, :size]


def _between_samples(values: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Each position moved to the top of the parabola through it, where it is a peak or beside one."""
    inner = np.clip(path, 2, len(values) - 3)
    nearby = values[inner[:, None] + np.arange(-1, 2)]
    peak = inner + nearby.argmax(axis=1) - 1
    left, top, right = values[peak - 1], values[peak], values[peak + 1]
    bend = left - 2 * top + right
    offset = np.where(bend < -1e-6, 0.5 * (left - right) / np.where(bend < -1e-6, bend, -1), 0)
    is_peak = (top >= left) & (top >= right) & (bend < -1e-6)
    return np.where(is_peak, peak + np.clip(offset, -0.5, 0.5), path)
