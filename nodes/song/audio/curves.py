"""From values per analysis hop to values per video frame; onsets and their exact times."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def frames_at(positions: np.ndarray, sample_rate: int, fps: Fraction) -> np.ndarray:
    """The video frame that holds each sample position: int64, exact for any length."""
    ratio = fps / sample_rate
    return positions.astype(np.int64) * ratio.numerator // ratio.denominator


def per_frame(values: np.ndarray, frames: np.ndarray, n_frames: int, *, reduce: np.ufunc) -> np.ndarray:
    """Reduce hop values over the interval of every frame.

    Parameters
    ----------
    values : (hops,) or (hops, k)
    frames : int64 (hops,), the frame each hop lands in; hops outside 0..n_frames-1 are left out
    reduce : np.maximum, or np.add for the mean

    Returns
    -------
    float32 (n_frames,) or (n_frames, k). A frame without a hop is interpolated between its neighbours.
    """
    order = np.argsort(frames, kind="stable")
    order = order[(frames[order] >= 0) & (frames[order] < n_frames)]
    result = np.zeros((n_frames, *values.shape[1:]), dtype=np.float64)
    if not len(order):
        return result.astype(np.float32)
    filled, starts, counts = np.unique(frames[order], return_index=True, return_counts=True)
    result[filled] = reduce.reduceat(values[order].astype(np.float64), starts, axis=0)
    if reduce is np.add:
        result[filled] /= counts.reshape(-1, *[1] * (values.ndim - 1))
    if len(filled) < n_frames:
        every = np.arange(n_frames)
        columns = result.reshape(n_frames, -1)
        for column in columns.T:
            column[:] = np.interp(every, filled, column[filled])
    return result.astype(np.float32)


def peaks(strength: np.ndarray, rate: float) -> np.ndarray:
    """Indices of onsets in an onset strength curve with `rate` values per second, int64 (onsets,).

    An onset is the highest value within 30 ms, stands out from the mean of 0.2 s around it, and is at
    least 30 ms after the one before.
    """
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    top = float(strength.max(initial=0))
    if top <= 0:
        return np.zeros(0, dtype=np.int64)
    reach = max(round(0.03 * rate), 1)
    highest = maximum_filter1d(strength, 2 * reach + 1, mode="constant")
    around = uniform_filter1d(strength, 2 * round(0.1 * rate) + 1, mode="constant")
    spread = float(np.percentile(strength, 95))
    found = np.flatnonzero((strength == highest) & (strength > around + 0.25 * spread) & (strength > 0.02 * top))
    keep: list[int] = []
    for index in found:
        if not keep or index - keep[-1] > reach:
            keep.append(int(index))
    return np.array(keep, dtype=np.int64)


def attack_positions(signal: np.ndarray, onsets: np.ndarray, hop: int) -> np.ndarray:
    """The sample at which each onset sets in: int64 (onsets,), within a hop and a half of where the rise was seen.

    It is where the level of the next 3 ms most exceeds that of the 3 ms before.
    """
    width, reach = hop // 2, 3 * hop // 2
    if not len(onsets):
        return np.zeros(0, dtype=np.int64)
    shifts = np.arange(-reach, reach // 2 + 1)
    first = onsets * hop - hop // 2 - reach - width
    near = first[:, None] + np.arange(len(shifts) + 2 * width)
    inside = (near >= 0) & (near < len(signal))
    squares = np.square(signal[np.clip(near, 0, len(signal) - 1)], dtype=np.float64) * inside
    total = np.pad(np.cumsum(squares, axis=1), ((0, 0), (1, 0)))
    at = np.arange(len(shifts)) + width
    after, before = total[:, at + width] - total[:, at], total[:, at] - total[:, at - width]
    floor = 1e-2 * after.max(axis=1, keepdims=True) + 1e-9
    best = (after / (before + floor)).argmax(axis=1)
    return np.maximum(onsets * hop - hop // 2 + shifts[best], 0)


def onset_scale(strength: np.ndarray, onsets: np.ndarray) -> float:
    """The height that becomes 1: the 95th percentile of the onsets, so that one hard cut does not flatten the rest."""
    if not len(onsets):
        return float(strength.max(initial=0))
    return float(np.percentile(strength[onsets], 95))
