"""Which beats open a bar, in 4/4 or 3/4."""

from __future__ import annotations

import numpy as np

from .beat import Activation

# A bar starts where harmony and bass change; in popular music the snare marks the beats between.
_WEIGHTS = {"bass": 1.0, "change": 1.0, "snare": -0.4}
_SLIP = 4.0
_WALTZ_HANDICAP = 0.25
_MIN_BEATS = 8


def downbeats(beats: np.ndarray, beat: Activation, mel_power: np.ndarray, rate: float) -> np.ndarray:
    """The beats that open a bar.

    Parameters
    ----------
    beats : float64 (beats,), seconds
    beat : the activation whose bands tell bass from snare
    mel_power : float32 (hops, 64)
    rate : hops per second

    Returns
    -------
    float64 (downbeats,), some of `beats`; empty for fewer than 8 beats
    """
    if len(beats) < _MIN_BEATS:
        return np.zeros(0)
    features = beat_features(beats, beat, mel_power, rate)
    evidence = sum((weight * features[name] for name, weight in _WEIGHTS.items()), np.zeros(len(beats)))
    (score4, four), (score3, three) = (_bars(evidence, meter) for meter in (4, 3))
    return beats[three if score3 > score4 + _WALTZ_HANDICAP else four]


def beat_features(beats: np.ndarray, beat: Activation, mel_power: np.ndarray, rate: float) -> dict[str, np.ndarray]:
    """Per beat and standardised: attack in the bass, attack in the snare's range, change of the spectrum."""
    positions = np.round(beats * beat.rate).astype(int)
    nearby = np.clip(positions[:, None] + np.arange(-3, 4), 0, beat.bands.shape[1] - 1)
    attack = beat.bands[:, nearby].max(axis=2)
    edges = np.clip(np.round(beats * rate).astype(int), 0, len(mel_power) - 1)
    level = np.log1p(np.sqrt(mel_power / max(float(mel_power.max(initial=0)), 1e-12)) * 100)
    total = np.concatenate((np.zeros((1, level.shape[1])), np.cumsum(level, axis=0, dtype=np.float64)))
    ends = np.append(edges[1:], min(2 * edges[-1] - edges[-2], len(level)))
    ends = np.maximum(ends, edges + 1)
    mean = (total[ends] - total[edges]) / (ends - edges)[:, None]
    change = np.zeros(len(beats))
    # Two beats before against two beats after: one passing note is no change of harmony.
    before = 0.5 * (mean[1:-2] + mean[:-3])
    after = 0.5 * (mean[2:-1] + mean[3:])
    change[2:-1] = np.abs(after - before)[:, :40].sum(axis=1)
    change[[0, 1, -1]] = change[2:-1].mean()
    raw = {"bass": attack[:3].mean(axis=0), "snare": attack[5:9].mean(axis=0), "change": change}
    return {name: (values - values.mean()) / (values.std() + 1e-9) for name, values in raw.items()}


def _bars(evidence: np.ndarray, meter: int) -> tuple[float, np.ndarray]:
    """Mean evidence on downbeats over the mean elsewhere, and the indices of the downbeats."""
    n = len(evidence)
    gain = np.zeros((n, meter))
    gain[:, 0] = evidence
    score, origin = gain[0].copy(), np.zeros((n, meter), dtype=int)
    for index in range(1, n):
        step = np.roll(score, 1)
        slip = score.max() - _SLIP
        origin[index] = np.where(step >= slip, np.roll(np.arange(meter), 1), int(score.argmax()))
        score = np.maximum(step, slip) + gain[index]
    place = int(score.argmax())
    places = np.empty(n, dtype=int)
    for index in range(n - 1, -1, -1):
        places[index] = place
        place = origin[index, place]
    first = places == 0
    if first.all() or not first.any():
        return -np.inf, np.flatnonzero(first)
    return float(evidence[first].mean() - evidence[~first].mean()), np.flatnonzero(first)
