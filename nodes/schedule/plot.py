"""A picture of the pacing: the curve, the progress of every shot, and where shots start."""

from __future__ import annotations

import numpy as np

from ..types import FrameSchedule, SongAnalysis, Story


def plot_schedule(
    song: SongAnalysis,
    story: Story,
    schedule: FrameSchedule,
    *,
    curve: str = "onset",
    width: int = 1280,
    height: int = 480,
) -> np.ndarray:
    """Plot t and the curve that paces it over the song, with each shot's prompt. uint8 (height, width, 3)."""
    from ..audio.plot import ACCENT, BEAT, CURVE, figure, figure_to_array, style_time_axis
    from .onset import shot_starts

    drawing = figure(width, height)
    axes = drawing.add_axes((0.06, 0.14, 0.92, 0.70))
    seconds = (np.arange(schedule.n_frames) + 0.5) / float(schedule.fps)
    axes.fill_between(seconds, song.curve(curve), color=CURVE, alpha=0.35, linewidth=0, label=curve)
    axes.step(seconds, schedule.t, where="mid", color=ACCENT, linewidth=1.4, label="t")
    starts = shot_starts(schedule)
    for index, (shot, start) in enumerate(starts):
        axes.axvline(start, color=BEAT, linewidth=0.8, alpha=0.8)
        if len(starts) <= 40:
            following = starts[index + 1][1] if index + 1 < len(starts) else schedule.duration
            room = int((following - start) / schedule.duration * width * 0.92 / 6.5)
            prompt = story.shots[shot].prompt
            label = prompt if len(prompt) <= room else prompt[: max(room - 1, 0)] + "…"
            axes.text(
                start, 1.04, f" {label}" if room > 3 else "", fontsize=8, color="white", va="bottom", clip_on=False
            )
    axes.set_ylim(0, 1.02)
    style_time_axis(axes, schedule.duration)
    drawing.text(
        0.06, 0.93, f"{len(starts)} shots, {schedule.n_frames} frames at {float(schedule.fps):g} fps", color="white"
    )
    axes.legend(loc="upper right", fontsize=8, frameon=False, labelcolor="white")
    return figure_to_array(drawing)
