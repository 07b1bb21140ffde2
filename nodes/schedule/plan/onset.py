"""The onset slerp schedule: how far each frame has moved from its shot's keyframe towards the next one.

Pacing interpolation by the onset strength envelope is MVP's idea (arXiv 2502.02610), which builds on Giffusion.
Giffusion's own rule divides an inclusive cumulative sum by its end, so that a segment starts past its keyframe and
silence divides by zero. Here every segment starts on its keyframe.
"""

from __future__ import annotations

import numpy as np

from ...base.errors import InputError
from ...base.settings import check
from ...base.timing import frame_start
from ...base.types import FrameSchedule, SongAnalysis, Story
from .pace import paced, travel_shares
from .settings import Pacing


def onset_slerp_schedule(
    song: SongAnalysis,
    story: Story,
    pacing: Pacing | None = None,
) -> FrameSchedule:
    """Pace every shot of a story by a curve of the song, or by another mode.

    Parameters
    ----------
    song : the curve (n_frames,) in 0..1 and the clock.
    story : its shots; shot k's keyframe is shown on its first frame.
    pacing : the mode and its numbers; floor: see `pace.segment_progress`. A shot whose record has a "pace" uses that
        mode instead.

    Returns
    -------
    FrameSchedule for all frames. The last shot holds its picture.

    Raises
    ------
    InputError
        The song has no such curve, a shot's record names an unknown mode, or a story that is not as long as the song.
    """
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
