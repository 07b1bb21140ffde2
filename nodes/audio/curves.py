"""From values per analysis hop to values per video frame, and the peaks in between."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def hop_frames(half_steps: np.ndarray, step: Fraction, fps: Fraction) -> np.ndarray:
    """The video frame that holds each time half_steps * step / 2 seconds: int64, exact for any length."""
    ratio = step * fps / 2
    return half_steps.astype(np.int64) * ratio.numerator // ratio.denominator


def per_frame(
    values: np.ndarray, half_steps: np.ndarray, step: Fraction, fps: Fraction, n_frames: int, *, reduce: np.ufunc
) -> np.ndarray:
    """Reduce hop values over the interval of every frame.

    Parameters
    ----------
    values : (hops,) or (hops, k), value j for the time half_steps[j] * step / 2 seconds
    half_steps : whole numbers, ascending
    step : seconds between two hops, exact
    fps, n_frames : the video's clock
    reduce : np.maximum, or np.add for the mean

    Returns
    -------
    float32 (n_frames,) or (n_frames, k). Each hop counts in exactly one frame. A frame without a hop
    takes the value interpolated at its middle.
    """
    frames = hop_frames(half_steps, step, fps)
    inside = (frames >= 0) & (frames < n_frames)
    table = np.asarray(values, dtype=np.float64)
    columns = table[:, None] if table.ndim == 1 else table
    counts = np.bincount(frames[inside], minlength=n_frames)
    result = np.zeros((n_frames, columns.shape[1]))
    filled = np.flatnonzero(counts)
    if len(filled):
        starts = np.concatenate(([0], np.cumsum(counts[filled])[:-1]))
        result[filled] = reduce.reduceat(columns[inside], starts, axis=0)
    if reduce is np.add:
        result /= np.maximum(counts, 1)[:, None]
    gaps = np.flatnonzero(counts == 0)
    if len(gaps):
        middles = (gaps + 0.5) / float(fps)
        times = half_steps * float(step / 2)
        for column in range(columns.shape[1]):
            result[gaps, column] = np.interp(middles, times, columns[:, column])
    return result.astype(np.float32).reshape((n_frames, *table.shape[1:]))


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


def onset_scale(strength: np.ndarray, onsets: np.ndarray) -> float:
    """The height that becomes 1: the 95th percentile of the onsets, so that one hard cut does not flatten the rest."""
    if not len(onsets):
        return float(strength.max(initial=0))
    return float(np.percentile(strength[onsets], 95))
