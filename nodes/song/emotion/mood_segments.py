"""From arousal and valence over time to moods that last."""

from __future__ import annotations

import numpy as np

from .timeline import HOP_SECONDS, LABELS, NEUTRAL, QUADRANTS, EmotionSegment

# Steepness of the border between two moods per unit of arousal or valence; width of neutral about the origin, and by
# how much it is likelier than the others there.
_STEEPNESS, _NEUTRAL_WIDTH, _NEUTRAL_LEAD = 10.0, 0.08, 0.5
_CHANGE_COST = 2.0
_SHRINK = 0.2


def segments_of(
    values: np.ndarray,
    duration: float,
    *,
    origin: tuple[float, float] = (0.0, 0.0),
    smoother: str = "viterbi",
    min_seconds: float = 8.0,
) -> tuple[EmotionSegment, ...]:
    """Moods over a song.

    Parameters
    ----------
    values : float (n, 2), arousal and valence every `HOP_SECONDS`
    duration : seconds
    origin : the point about which the quadrants lie
    smoother : "viterbi": the most likely sequence in which every mood lasts at least `min_seconds`. "cumulative":
        the quadrant of the sums from the start, as MVP has it (arXiv 2502.02610); it hardly changes after the first
        minute, and is here for comparison. "none": each step by itself.
    min_seconds : for "viterbi"

    Returns
    -------
    Segments in order, from 0 to the duration.
    """
    about = np.asarray(values, dtype=np.float64) - np.asarray(origin)
    if smoother == "cumulative":
        shrunk = (1 - _SHRINK) * about + _SHRINK * about.mean(axis=0)
        labels = [_quadrant(arousal, valence) for arousal, valence in np.cumsum(shrunk, axis=0)]
    else:
        scores = _scores(about)
        steps = max(round(min_seconds / HOP_SECONDS), 1)
        best = _viterbi(scores, steps) if smoother == "viterbi" else np.argmax(scores, axis=1)
        labels = [LABELS[index] for index in best]
    changes = [k for k in range(1, len(labels)) if labels[k] != labels[k - 1]]
    starts = [0, *changes]
    ends = [*(k * HOP_SECONDS for k in changes), duration]
    return tuple(EmotionSegment(k * HOP_SECONDS, end, labels[k]) for k, end in zip(starts, ends, strict=True))


def _quadrant(arousal: float, valence: float) -> str:
    signs = (1 if arousal >= 0 else -1, 1 if valence >= 0 else -1)
    return next(label for label, quadrant in QUADRANTS.items() if quadrant == signs)


def _scores(about: np.ndarray) -> np.ndarray:
    """Log-likelihood of each of `LABELS` at each step, (n, 5)."""

    def log_sigmoid(x: np.ndarray) -> np.ndarray:
        return -np.logaddexp(0, -_STEEPNESS * x)

    columns = {
        label: log_sigmoid(arousal * about[:, 0]) + log_sigmoid(valence * about[:, 1])
        for label, (arousal, valence) in QUADRANTS.items()
    }
    at_origin = 2 * np.log(0.5) + _NEUTRAL_LEAD
    columns[NEUTRAL] = at_origin - 0.5 * np.square(about / _NEUTRAL_WIDTH).sum(axis=1)
    return np.stack([columns[label] for label in LABELS], axis=1)


def _viterbi(scores: np.ndarray, steps: int) -> np.ndarray:
    """The best sequence of states whose every run lasts at least `steps`; (n, states) scores -> int (n,).

    A semi-Markov chain: a run of a state either goes on, or a new one of `steps` begins after the best other state.
    """
    n, states = scores.shape
    if n < 2 * steps:
        return np.full(n, int(np.argmax(scores.sum(axis=0))))
    summed = np.concatenate([np.zeros((1, states)), np.cumsum(scores, axis=0)])
    best = np.full((n + 1, states), -np.inf)
    # came[t, s]: the state of the run before the one of s that ends at t, or -1 when the run goes on from t - 1.
    came = np.full((n + 1, states), -1)
    best[steps] = summed[steps]
    for t in range(steps + 1, n + 1):
        best[t] = best[t - 1] + scores[t - 1]
        before = best[t - steps]
        if not np.isfinite(before).any():
            continue
        order = np.argsort(before)
        for state in range(states):
            other = order[-1] if order[-1] != state else order[-2]
            fresh = before[other] - _CHANGE_COST + summed[t, state] - summed[t - steps, state]
            if fresh > best[t, state]:
                best[t, state], came[t, state] = fresh, other
    path = np.empty(n, dtype=int)
    t, state = n, int(np.argmax(best[n]))
    while t > 0:
        if came[t, state] < 0:
            path[t - 1] = state
            t -= 1
        else:
            path[t - steps : t] = state
            t, state = t - steps, int(came[t, state])
    return path
