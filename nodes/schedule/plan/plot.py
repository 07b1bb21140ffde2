"""A plot of a schedule: the curve that paces, the progress of every shot, how shots begin, and other curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...base.types import FrameSchedule, SongAnalysis, Story

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# How shots begin: colour, and the word that says it.
CUT, DISSOLVE = "#ff5d73", "#c58af0"
# The line at a shot's start: colour, width in points, and alpha, where it is not opaque.
_LINES: dict[str, tuple[str, float, float | None]] = {"cut": (CUT, 2.2, None), "dissolve": (DISSOLVE, 1.6, None)}
LANE_PIXELS = 34


def plot_schedule(
    song: SongAnalysis,
    story: Story,
    schedule: FrameSchedule,
    *,
    curve: str = "onset",
    mode: str = "",
    width: int = 1280,
    height: int = 480,
) -> np.ndarray:
    """Plot a schedule: t, the curve that paces it and how shots begin, with each shot's prompt and mode.

    Below the plot each of the schedule's curves and themes has a lane, which adds to the height.

    Parameters
    ----------
    curve : name of the song's curve that paces.
    mode : pacing mode of shots without one of their own.
    width, height : pixels, without lanes.

    Returns
    -------
    uint8 (height with lanes, width, 3).
    """
    from ...song.audio.plot import BEAT, DOWNBEAT, ENVELOPE, GRID, MUTED, TEXT, dark_figure, dress, figure_to_array

    lanes = _lanes(schedule)
    total = height + LANE_PIXELS * len(lanes)
    drawing = dark_figure(width, total)
    top, panel, low = 0.18 * height / total, 0.72 * height / total, 0.1 * height / total
    axes = drawing.add_axes((0.05, 1 - top - panel, 0.93, panel))
    dress(axes, schedule.duration)
    seconds = (np.arange(schedule.n_frames) + 0.5) / float(schedule.fps)
    axes.fill_between(seconds, song.curve(curve), step="mid", color=BEAT, alpha=0.25, linewidth=0, label=curve)
    _dissolves(axes, schedule)
    axes.step(seconds, schedule.t, where="mid", color=ENVELOPE, linewidth=1.6, label="t, progress to the next shot")
    starts = _starts(schedule)
    for index, (shot, start, kind) in enumerate(starts):
        colour, line, alpha = _LINES.get(kind, (DOWNBEAT, 1.0, 0.6))
        axes.axvline(start, color=colour, linewidth=line, alpha=alpha)
        following = starts[index + 1][1] if index + 1 < len(starts) else schedule.duration
        room = int((following - start) / schedule.duration * width * 0.93 / 6.2) - 1
        _write(axes, start, 1.05, story.shots[shot].prompt, room, color=TEXT)
        pace = str(story.shots[shot].record.get("pace", mode))
        words = " · ".join(
            word for word in (kind if index else "", pace if shot + 1 < len(story.shots) else "") if word
        )
        _write(axes, start, 0.94, f" {words}", room, color=MUTED)
    axes.set_ylim(0, 1.03)
    axes.tick_params(axis="y", colors=MUTED, labelsize=9)
    counts = {kind: sum(found == kind for _, _, found in starts[1:]) for kind in ("cut", "dissolve")}
    more = "".join(f", {count} {kind}{'s' * (count != 1)}" for kind, count in counts.items() if count)
    paced = f", paced by {mode}" if mode else ""
    title = f"{len(starts)} shots{more}{paced}, {schedule.n_frames} frames at {float(schedule.fps):g} fps"
    drawing.text(0.05, 1 - 0.08 * height / total, title, color=TEXT, fontsize=11, weight="bold")
    place = (0.985, 1 - 0.015 * height / total)
    legend = drawing.legend(loc="upper right", bbox_to_anchor=place, ncols=2, fontsize=8, labelcolor=TEXT)
    legend.get_frame().set(facecolor="none", edgecolor=GRID, linewidth=0)
    for index, (name, values, colour) in enumerate(lanes):
        bottom = low + LANE_PIXELS * (len(lanes) - 1 - index) / total
        lane = drawing.add_axes((0.05, bottom - low * 0.75, 0.93, LANE_PIXELS * 0.84 / total))
        _lane(lane, seconds, name, values, colour, schedule.duration)
    return figure_to_array(drawing)


def _starts(schedule: FrameSchedule) -> list[tuple[int, float, str]]:
    """(shot, seconds, how it begins) of every shot in a schedule, in order."""
    from .onset import shot_starts

    found = []
    for shot, start in shot_starts(schedule):
        frame = int(np.floor(start * float(schedule.fps) + 0.5))
        kind = schedule.transition[frame - 1] if frame else ""
        found.append((shot, start, "blend" if kind == "slerp" else kind))
    return found


def _dissolves(axes: Axes, schedule: FrameSchedule) -> None:
    fading = np.array([kind == "dissolve" for kind in schedule.transition])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], fading, [False]]).astype(int)))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        axes.axvspan(first / float(schedule.fps), stop / float(schedule.fps), color=DISSOLVE, alpha=0.25, linewidth=0)


def _write(axes: Axes, x: float, y: float, text: str, room: int, *, color: str) -> None:
    if room > 3 and text.strip():
        short = text if len(text) <= room else text[: room - 1].rstrip(" ,") + "…"
        axes.text(x, y, short, fontsize=8, color=color, va="bottom", clip_on=False)


def _lanes(schedule: FrameSchedule) -> list[tuple[str, np.ndarray, str]]:
    from ...song.audio.plot import PARTS

    named = [(name, values) for name, values in schedule.curves.items()]
    named += [(f"{name}: {theme.prompt[:40]}", theme.weights) for name, theme in schedule.themes.items()]
    return [(name, values, PARTS[index % len(PARTS)]) for index, (name, values) in enumerate(named)]


def _lane(axes: Axes, seconds: np.ndarray, name: str, values: np.ndarray, colour: str, duration: float) -> None:
    """A curve on its own scale, its name and its lowest and highest value beside it."""
    from ...song.audio.plot import MUTED, PANEL, TEXT

    low, high = float(values.min()), float(values.max())
    axes.set_facecolor(PANEL)
    axes.set_xlim(0, duration)
    room = (high - low) or 1.0
    axes.set_ylim(low - 0.1 * room, high + 0.1 * room)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.step(seconds, values, where="mid", color=colour, linewidth=1.3)
    axes.text(0.004, 0.5, name, transform=axes.transAxes, fontsize=8, color=TEXT, va="center",
              bbox={"facecolor": PANEL, "edgecolor": "none", "alpha": 0.9, "pad": 1})  # fmt: skip
    span = f"{low:.3g}" if low == high else f"{low:.3g} … {high:.3g}"
    axes.text(0.998, 0.5, span, transform=axes.transAxes, fontsize=8, color=MUTED, va="center", ha="right",
              bbox={"facecolor": PANEL, "edgecolor": "none", "alpha": 0.9, "pad": 1})  # fmt: skip
