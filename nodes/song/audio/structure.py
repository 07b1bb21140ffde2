"""The form of a song: where it changes, which parts return, and what the energy does.

Features are averaged over steps of half a second: timbre (log mel bands) and harmony (chroma). Changes are
peaks of novelty along the diagonal of their self-similarity (Foote 2000, "Automatic audio segmentation using a
measure of audio novelty"); parts that repeat share a stripe of high similarity (Müller 2015, section 4.2).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ...base.types import Cut, Section

STEP_S = 0.5
KERNEL_S, _FINE_S = 8.0, 2.0  # on each side of a moment: to find a change, and to place it
_SHORTEST_S = 6.0
_PEAK = 0.12  # a boundary's novelty stands out from its surroundings by this share of the largest
_SAME = 0.5  # mean cosine along the stripe of two parts that count as one
_SMOOTH = 5  # steps
_CUTS_PER_MINUTE = 30


def step_features(mel_power: np.ndarray, rate: float, chroma: np.ndarray, chroma_rate: float, duration: float):
    """Timbre and harmony over 2.5 s around each step (steps, 28), timbre of the step (steps, 16); standardised."""
    from scipy.ndimage import uniform_filter1d

    edges = np.arange(0, max(duration, STEP_S), STEP_S)
    level = np.log1p(1e4 * mel_power / max(float(mel_power.max(initial=0)), 1e-12))
    level = level[:, : level.shape[1] // 4 * 4].reshape(len(level), -1, 4).mean(axis=2)
    timbre = _means(level, np.round(edges * rate).astype(int))
    harmony = _means(chroma.T, np.round(edges * chroma_rate).astype(int))
    both = np.hstack((_standard(timbre), _standard(harmony)))
    return _standard(uniform_filter1d(both, _SMOOTH, axis=0, mode="nearest")), _standard(timbre)


def _means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    starts = np.minimum(starts, len(values) - 1)
    total = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)))
    ends = np.maximum(np.append(starts[1:], len(values)), starts + 1)
    return (total[ends] - total[starts]) / (ends - starts)[:, None]


def _standard(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(axis=0)
    return rows / (np.sqrt((rows**2).mean()) * np.sqrt(rows.shape[1]) + 1e-9)


def self_similarity(features: np.ndarray) -> np.ndarray:
    """Cosine of every two steps, float64 (steps, steps), -1..1; 0 for a step without sound."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(length, 1e-9)
    return unit @ unit.T


def novelty(features: np.ndarray, reach: int) -> np.ndarray:
    """Foote's novelty of every step, 0 and more, float64 (steps,).

    Correlation of the self-similarity with a checkerboard of `reach` steps on each side, tapered by a Gaussian.
    Only the band along the diagonal is computed, so that long mixes need no square matrix.
    """
    n = len(features)
    offsets = np.arange(-reach, reach) + 0.5
    bell = np.exp(-2 * (offsets / reach) ** 2)
    kernel = np.outer(bell * np.sign(offsets), bell * np.sign(offsets))
    padded = np.pad(features, ((reach, reach), (0, 0)), mode="edge")
    result = np.empty(n)
    for step in range(n):
        result[step] = (self_similarity(padded[step : step + 2 * reach]) * kernel).sum()
    # At the very ends silence meets music; that is no change within the song.
    inside = np.minimum(np.arange(n), n - 1 - np.arange(n)) / (reach / 2)
    return np.maximum(result, 0) / np.abs(kernel).sum() * np.clip(inside, 0, 1)


def boundaries(curve: np.ndarray, sharp: np.ndarray) -> np.ndarray:
    """Steps at which a new part begins, int64: peaks of novelty that stand out, at least `_SHORTEST_S` apart.

    Each is placed where a shorter kernel sees the change in `sharp`.
    """
    from scipy.signal import find_peaks

    top = float(curve.max(initial=0))
    if top <= 1e-6:
        return np.zeros(0, dtype=np.int64)
    apart, reach = int(_SHORTEST_S / STEP_S), int(_FINE_S / STEP_S)
    found, _ = find_peaks(curve, prominence=_PEAK * top, distance=apart)
    found = found[(found >= apart) & (found <= len(curve) - apart)]
    fine = curve * novelty(sharp, reach)
    return np.array([step - reach + fine[step - reach : step + reach + 1].argmax() for step in found], dtype=np.int64)


def sections_of(
    features: np.ndarray, sharp: np.ndarray, curve: np.ndarray, loudness: np.ndarray, bars: np.ndarray, duration: float
) -> tuple[Section, ...]:
    """The parts of a song in order.

    Parameters
    ----------
    features, sharp : what `step_features` gives
    curve : novelty per step
    loudness : level 0..1 per step
    bars : seconds of the downbeats (or beats); a part that begins near one begins on it
    """
    found = boundaries(curve, sharp)
    steps = np.concatenate(([0], found, [len(curve)])).astype(int)
    labels = _labels(features, steps)
    times = np.concatenate(([0.0], [_nearest(step * STEP_S, bars) for step in found], [duration]))
    levels = [loudness[a:b] for a, b in pairwise(steps)]
    means = np.array([level.mean() if len(level) else 0.0 for level in levels])
    top = max(float(means.max()), 1e-9)
    parts = [
        Section(float(a), float(b), label, round(float(mean) / top, 4))
        for (a, b), label, mean in zip(pairwise(times), labels, means, strict=True)
    ]
    return tuple(_with_kinds(parts, [level / top for level in levels]))


def _nearest(time: float, bars: np.ndarray, within: float = 1.1) -> float:
    if not len(bars):
        return time
    closest = float(bars[np.abs(bars - time).argmin()])
    return closest if abs(closest - time) <= within else time


def _labels(features: np.ndarray, steps: np.ndarray) -> list[str]:
    """A, B, A ...: a part gets the letter of the earlier part that it repeats best, or a new one."""
    parts = [features[a:b] for a, b in pairwise(steps)]
    letters: list[int] = []
    for index, part in enumerate(parts):
        likeness = [_likeness(parts[other], part) for other in range(index)]
        best = int(np.argmax(likeness)) if likeness else -1
        letters.append(letters[best] if likeness and likeness[best] > _SAME else max(letters, default=-1) + 1)
    return [chr(ord("A") + letter % 26) * (1 + letter // 26) for letter in letters]


def _likeness(one: np.ndarray, two: np.ndarray) -> float:
    """How well the shorter part runs along with the longer one at the best shift: mean similarity, 0..1."""
    if len(one) > len(two):
        one, two = two, one
    if not len(one):
        return 0.0
    similarity = self_similarity(np.concatenate((one, two)))[: len(one), len(one) :]
    return max(float(np.trace(similarity, offset=shift)) / len(one) for shift in range(len(two) - len(one) + 1))


def _with_kinds(parts: list[Section], levels: list[np.ndarray]) -> list[Section]:
    """Names what the energy says: rules on the level of a part beside its neighbours'. Few parts say nothing."""
    if len(parts) < 3:
        return parts
    energy = np.array([part.energy for part in parts])
    usual = float(np.median(energy))
    kinds = [""] * len(parts)
    for index in range(1, len(parts) - 1):
        before, here, after = energy[index - 1 : index + 2]
        rise = _slope(levels[index])
        if after >= 0.8 and rise > 0.15 and here < after:
            kinds[index] = "build"
        elif here < 0.75 * min(before, after):
            kinds[index] = "break"
    for index in range(1, len(parts)):
        led_to = kinds[index - 1] in ("build", "break") or energy[index - 1] < 0.6 * energy[index]
        if energy[index] >= 0.85 and led_to:
            kinds[index] = "drop"
    if energy[0] < 0.8 * usual or energy[0] < 0.8 * energy[1]:
        kinds[0] = "intro"
    if energy[-1] < 0.8 * usual or energy[-1] < 0.7 * energy[-2]:
        kinds[-1] = "outro"
    return [replace(part, kind=kind) for part, kind in zip(parts, kinds, strict=True)]


def _slope(levels: np.ndarray) -> float:
    """Rise of the level from the first third to the last."""
    third = max(len(levels) // 3, 1)
    return float(levels[-third:].mean() - levels[:third].mean()) if len(levels) else 0.0


def cuts_of(
    downbeats: np.ndarray, beats: np.ndarray, curve: np.ndarray, strength_at, duration: float
) -> tuple[Cut, ...]:
    """Where a cut is felt, the strongest first: beats, ranked by novelty, by being a downbeat and by their attack.

    `strength_at` gives the onset strength 0..1 at times in seconds.
    """
    if not len(beats):
        return ()
    steps = np.clip(np.round(beats / STEP_S).astype(int), 0, len(curve) - 1)
    top = float(curve.max(initial=0))
    change = curve[steps] / top if top > 0 else np.zeros(len(beats))
    strength = 0.6 * change + 0.25 * np.isin(beats, downbeats) + 0.15 * strength_at(beats)
    order = np.argsort(-strength, kind="stable")[: max(int(duration / 60 * _CUTS_PER_MINUTE), 4)]
    return tuple(Cut(float(beats[n]), round(float(strength[n]), 4)) for n in order)
