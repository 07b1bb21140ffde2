"""Pacing modes: rules for how far each frame of a shot has moved towards the next shot's keyframe.

Every rule gives t = 0 on the shot's first frame and stays in 0..1. The next shot's first frame shows the next keyframe,
wherever t has got to. The cosine with a pulse on onsets is the audio-driven-video survey's smooth blend. Giffusion's
own rules (linear, sine) return or start late; these do not unless asked to.
"""

from __future__ import annotations

import numpy as np

# A pulse on an onset dies away to 1/e in this many seconds.
PULSE_SECONDS = 0.12
# Hold and hit: the share of the shot that holds, and the longest time that the move then takes, in seconds.
HOLD_SHARE, HIT_SECONDS = 0.6, 0.35
# The quietest shot of a song travels at least this share of the interval to the next keyframe.
LEAST_TRAVEL = 0.15


def segment_progress(onset: np.ndarray, *, floor: float = 0.05) -> np.ndarray:
    """Progress of one shot, t(f) = (c(f) - c(start)) / (c(end) - c(start)).

    c is the cumulative sum of onset strength plus floor: the strength of a frame moves the picture
    from the frame before onto that frame, so a hit is seen on the frame where it is heard.

    Parameters
    ----------
    onset : float (n + 1,), onset strength on the shot's frames and on the next keyframe's frame,
        which is 0 when there is no such frame. Values must be finite and not negative.
    floor : least speed, in the unit of `onset`. With 0, t does not change in a stretch without onsets.

    Returns
    -------
    float64 (n,) : starts at exactly 0, never goes back, stays below 1 where floor > 0, and would reach
        1 on the next keyframe's frame. Linear where nothing sounds at all.
    """
    steps = np.asarray(onset, dtype=np.float64)[1:] + floor
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    if travelled[-1] <= 0:
        travelled = np.arange(len(travelled), dtype=np.float64)
    return travelled[:-1] / travelled[-1]


def linear(n: int) -> np.ndarray:
    """t of n frames at equal steps, float64 (n,)."""
    return np.arange(n) / n


def ease(n: int) -> np.ndarray:
    """t that is slow at both ends: 3 u^2 - 2 u^3, float64 (n,)."""
    u = linear(n)
    return u * u * (3 - 2 * u)


def cut(n: int) -> np.ndarray:
    """The shot's keyframe until the next shot cuts in: zeros, float64 (n,)."""
    return np.zeros(n)


def beat_steps(n: int, beats: np.ndarray) -> np.ndarray:
    """Equal steps on the beats inside the shot, float64 (n,). Without beats, the keyframe holds.

    beats: frames of the beats, counted from the shot's first frame.
    """
    inside = np.unique(beats[(beats > 0) & (beats < n)])
    return np.searchsorted(inside, np.arange(n), side="right") / (len(inside) + 1)


def ping_pong(progress: np.ndarray) -> np.ndarray:
    """Towards the next keyframe and back: a triangle over a progress from 0 to below 1, float64 (n,)."""
    return 1 - np.abs(1 - 2 * progress)


def hold_and_hit(n: int, fps: float) -> np.ndarray:
    """Hold, then accelerate towards the next shot's first frame: float64 (n,). fps: frames per second."""
    move = max(min(round((1 - HOLD_SHARE) * n), round(HIT_SECONDS * fps)), 1)
    u = np.clip((np.arange(n) - (n - move)) / move, 0, 1)
    return u * u


def cosine_with_pulses(onset: np.ndarray, fps: float, pulse: float, monotone: bool) -> np.ndarray:
    """(1 - cos(pi u)) / 2, pushed ahead on onsets by up to `pulse`, clamped to 0..1.

    Parameters
    ----------
    onset : float (n,), onset strength of the shot's frames.
    pulse : how far the strongest onset pushes.
    monotone : never go back when a pulse dies away.
    """
    n = len(onset)
    pushed, level = np.zeros(n), 0.0
    decay = np.exp(-1 / (PULSE_SECONDS * fps))
    for frame in range(n):
        level = max(level * decay, float(onset[frame]))
        pushed[frame] = level
    t = np.clip((1 - np.cos(np.pi * linear(n))) / 2 + pulse * pushed, 0, 1)
    t[0] = 0.0
    return np.maximum.accumulate(t) if monotone else t


def travel_shares(strength: np.ndarray, firsts: list[int], n_frames: int) -> list[float]:
    """How far each shot travels in the mode "onset, whole song": its mean strength over that of the strongest shot.

    Parameters
    ----------
    strength : float (n_frames,), onset strength of the song.
    firsts : first frame of every shot.

    Returns
    -------
    A share per shot, `LEAST_TRAVEL`..1; 1 for every shot in silence.
    """
    means = [float(strength[start:end].mean()) for start, end in zip(firsts, [*firsts[1:], n_frames], strict=True)]
    liveliest = max(means)
    return [1.0 if liveliest <= 0 else max(mean / liveliest, LEAST_TRAVEL) for mean in means]


def paced(
    mode: str,
    strength: np.ndarray,
    *,
    floor: float,
    fps: float,
    beats: np.ndarray,
    travel: float = 1.0,
    pulse: float = 0.15,
    monotone: bool = True,
) -> np.ndarray:
    """t of one shot by the name of a mode.

    Parameters
    ----------
    mode : one of `MODES`.
    strength : float (n + 1,), onset strength, see `segment_progress`.
    floor : see `segment_progress`.
    fps : frames per second.
    beats : frames of the beats, counted from the shot's first frame.
    travel : how far "onset, whole song" goes, 0..1, see `travel_shares`.
    pulse, monotone : see `cosine_with_pulses`.

    Returns
    -------
    float64 (n,), 0..1.
    """
    n = len(strength) - 1
    if mode == "linear":
        return linear(n)
    if mode == "ease":
        return ease(n)
    if mode == "cut":
        return cut(n)
    if mode == "beats":
        return beat_steps(n, beats)
    if mode == "hold and hit":
        return hold_and_hit(n, fps)
    if mode == "cosine + onset":
        return cosine_with_pulses(strength[:n], fps, pulse, monotone)
    progress = segment_progress(strength, floor=floor)
    if mode == "ping-pong":
        return ping_pong(progress)
    return progress * travel if mode == "onset, whole song" else progress
