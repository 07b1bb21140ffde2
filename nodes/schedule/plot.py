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
    from ..audio.plot import BEAT, DOWNBEAT, ENVELOPE, GRID, MUTED, TEXT, dark_figure, dress, figure_to_array
    from .onset import shot_starts

    drawing = dark_figure(width, height)
    axes = drawing.add_axes((0.05, 0.1, 0.93, 0.72))
    dress(axes, schedule.duration)
    seconds = (np.arange(schedule.n_frames) + 0.5) / float(schedule.fps)
    axes.fill_between(seconds, song.curve(curve), step="mid", color=BEAT, alpha=0.25, linewidth=0, label=curve)
    axes.step(seconds, schedule.t, where="mid", color=ENVELOPE, linewidth=1.6, label="t, progress to the next shot")
    starts = shot_starts(schedule)
    for index, (shot, start) in enumerate(starts):
        axes.axvline(start, color=DOWNBEAT, linewidth=1.0)
        following = starts[index + 1][1] if index + 1 < len(starts) else schedule.duration
        room = int((following - start) / schedule.duration * width * 0.93 / 6.2) - 1
        label = story.shots[shot].prompt
        if room > 3:
            label = label if len(label) <= room else label[: room - 1].rstrip(" ,") + "…"
            axes.text(start, 1.05, label, fontsize=8, color=TEXT, va="bottom", clip_on=False)
    axes.set_ylim(0, 1.03)
    axes.tick_params(axis="y", colors=MUTED, labelsize=9)
    title = f"{len(starts)} shots, {schedule.n_frames} frames at {float(schedule.fps):g} fps"
    drawing.text(0.05, 0.92, title, color=TEXT, fontsize=11, weight="bold")
    legend = drawing.legend(loc="upper right", bbox_to_anchor=(0.985, 0.985), ncols=2, fontsize=8, labelcolor=TEXT)
    legend.get_frame().set(facecolor="none", edgecolor=GRID, linewidth=0)
    return figure_to_array(drawing)
