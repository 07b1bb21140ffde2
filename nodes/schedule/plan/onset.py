"""Pacing by onsets: how far each frame has moved from its shot's picture towards the next one.

The idea is MVP's (arXiv 2502.02610), which paces Giffusion's interpolation by the onset strength
envelope. Giffusion's own rule divides an inclusive cumulative sum by its end, so that a segment
starts past its keyframe and silence divides by zero; here every segment starts on its keyframe.
"""

from __future__ import annotations

import numpy as np
from ...base.errors import InputError
from ...base.settings import check
from ...base.timing import frame_start
from ...base.types import FrameSchedule, SongAnalysis, Story
from .settings import Pacing


def segment_progress(onset: np.ndarray, *, floor: float = 0.05) -> np.ndarray:
    """Progress of one segment, t(f) = (c(f) - c(start)) / (c(end) - c(start)).

    c is the cumulative sum of onset strength plus floor: the strength of a frame moves the picture
    from the frame before onto that frame, so a hit is seen on the frame where it is heard.

    Parameters
    ----------
    onset : float (n + 1,), onset strength on the segment's frames and on the next keyframe's frame,
        which is 0 when there is no such frame. Values must be finite and not negative.
    floor : speed that is always there, in the unit of `onset`. With 0, a stretch without onsets stands still.

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


def onset_slerp_schedule(
    song: SongAnalysis,
    story: Story,
    pacing: Pacing | None = None,
) -> FrameSchedule:
    """Pace every segment of a story by a curve of the song, or by another mode.

    Parameters
    ----------
    song : the curve (n_frames,) in 0..1 and the clock.
    story : its shots are the keyframes; shot k's picture stands on its first frame.
    pacing : the mode and what it goes by; floor: see `segment_progress`.

    Returns
    -------
    FrameSchedule for all frames. The last shot holds its picture.

    Raises
    ------
    InputError
        When story and song do not fit, the song has no such curve, or a shot's record names no mode.
    """
    from .pace import paced, travel_shares

    pacing = pacing or Pacing()
    modes = [str(shot.record.get("pace", pacing.mode)) for shot in story.shots]
    for mode in modes:
        check(Pacing, mode=mode)
    if abs(story.duration - song.duration) > 1e-3:
        raise InputError(
            f"The story lasts {story.duration:.3f} s but the song {song.duration:.3f} s; make the story from this song."
        )
    n_frames = song.n_frames
    strength = np.clip(song.curve(pacing.curve).astype(np.float64), 0, None) ** pacing.gamma
    firsts = story.first_frames(song.fps, n_frames)
    shot_a = np.zeros(n_frames, dtype=np.int64)
    shot_b = np.zeros(n_frames, dtype=np.int64)
    t = np.zeros(n_frames)
    beats = np.array(song.beat_frames(), dtype=np.int64)
    travels = travel_shares(strength, firsts, n_frames)
    for shot, (start, end) in enumerate(zip(firsts, [*firsts[1:], n_frames], strict=True)):
        last = shot == len(firsts) - 1
        shot_a[start:end] = shot
        shot_b[start:end] = shot if last else shot + 1
        if not last:
            t[start:end] = paced(
                modes[shot],
                strength[start : end + 1],
                floor=pacing.floor,
                fps=float(song.fps),
                beats=beats - start,
                travel=travels[shot],
                pulse=pacing.pulse,
                monotone=pacing.monotone,
            )
    return FrameSchedule(
        fps=song.fps, duration=song.duration, shot_a=shot_a, shot_b=shot_b, t=t, transition=("slerp",) * n_frames
    )


def shot_starts(schedule: FrameSchedule) -> list[tuple[int, float]]:
    """(shot, seconds) of every keyframe in a schedule, in order."""
    changes = np.flatnonzero(np.diff(schedule.shot_a, prepend=-1))
    return [(int(schedule.shot_a[frame]), frame_start(int(frame), schedule.fps)) for frame in changes]
