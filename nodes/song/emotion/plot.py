"""A picture of a song's mood: the plane of arousal and valence, and both over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...base.timing import clock_text
from ..audio.plot import BACKGROUND, GRID, MUTED, PANEL, TEXT, dark_figure, dress, figure_to_array
from .timeline import COLOURS, HOP_SECONDS, QUADRANTS, EmotionTimeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AROUSAL, VALENCE = "#f2a65a", "#5cc4d6"


def plot_emotion(emotion: EmotionTimeline, *, width: int = 1280, height: int = 480) -> np.ndarray:
    """Draw the path through the plane on the left, both values and the moods over time on the right.

    Returns
    -------
    uint8 (height, width, 3)
    """
    fig = dark_figure(width, height)
    plane = fig.add_axes((0.06, 0.1, 0.29, 0.76))
    time = fig.add_axes((0.405, 0.23, 0.575, 0.63))
    strip = fig.add_axes((0.405, 0.1, 0.575, 0.11), sharex=time)
    _draw_plane(plane, emotion)
    _draw_time(time, emotion)
    _draw_strip(strip, emotion)
    time.tick_params(labelbottom=False, length=0)
    fig.text(0.06, 0.925, _title(emotion), color=TEXT, fontsize=13, weight="bold", va="center")
    return figure_to_array(fig)


def _step_colours(emotion: EmotionTimeline) -> list[str]:
    return [COLOURS[emotion.label_at((k + 0.5) * HOP_SECONDS)] for k in range(len(emotion.arousal))]


def _limits(emotion: EmotionTimeline) -> float:
    """How far the values reach, so that a quiet path still fills the plane."""
    reach = max(np.abs(emotion.arousal).max(), np.abs(emotion.valence).max(), 0.3)
    return float(min(1.0, reach * 1.15))


def _draw_plane(ax: Axes, emotion: EmotionTimeline) -> None:
    reach = _limits(emotion)
    ax.set_facecolor(PANEL)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    aroused, pleasant = emotion.origin
    for label, (arousal, valence) in QUADRANTS.items():
        x, y = sorted((pleasant, valence * 2)), sorted((aroused, arousal * 2))
        ax.fill_between(x, y[0], y[1], color=COLOURS[label], alpha=0.10, linewidth=0)
        ax.text(valence * reach * 0.95, arousal * reach * 0.93, label, color=COLOURS[label], fontsize=10, weight="bold",
                ha="right" if valence > 0 else "left", va="center")  # fmt: skip
    ax.axhline(aroused, color=GRID, linewidth=1)
    ax.axvline(pleasant, color=GRID, linewidth=1)
    ax.plot(emotion.valence, emotion.arousal, color=MUTED, linewidth=0.8, alpha=0.5)
    ax.scatter(emotion.valence, emotion.arousal, c=_step_colours(emotion), s=14, alpha=0.85, linewidths=0)
    ax.scatter(emotion.valence[:1], emotion.arousal[:1], s=70, facecolors="none", edgecolors=TEXT, linewidths=1.4)
    ax.annotate("start", (emotion.valence[0], emotion.arousal[0]), textcoords="offset points", xytext=(8, 6),
                color=TEXT, fontsize=9)  # fmt: skip
    _dress(ax)
    ax.set_xlabel("valence", color=MUTED, fontsize=9)
    ax.set_ylabel("arousal", color=MUTED, fontsize=9)


def _draw_time(ax: Axes, emotion: EmotionTimeline) -> None:
    dress(ax, emotion.duration)
    edges = np.minimum(np.arange(len(emotion.arousal) + 1) * HOP_SECONDS, emotion.duration)
    reach = _limits(emotion)
    for name, colour, origin in zip(("arousal", "valence"), (AROUSAL, VALENCE), emotion.origin, strict=True):
        ax.stairs(getattr(emotion, name), edges, baseline=None, color=colour, linewidth=1.8, label=name)
        ax.axhline(origin, color=colour, linewidth=0.8, linestyle=":", alpha=0.7)
    for segment in emotion.segments:
        ax.axvspan(segment.start, segment.end, color=COLOURS[segment.label], alpha=0.09, linewidth=0)
    ax.set_ylim(-reach, reach)
    ax.set_yticks([-round(reach * 0.8, 1), 0, round(reach * 0.8, 1)])
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 1.16), ncols=2, frameon=False, labelcolor=MUTED, fontsize=9)


def _draw_strip(ax: Axes, emotion: EmotionTimeline) -> None:
    dress(ax, emotion.duration)
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    for segment in emotion.segments:
        ax.axvspan(segment.start, segment.end, color=COLOURS[segment.label], alpha=0.75, linewidth=0)
        ax.axvline(segment.start, color=BACKGROUND, linewidth=1.5)
        share = (segment.end - segment.start) / emotion.duration
        if share > 0.13:
            ax.text((segment.start + segment.end) / 2, 0.47, segment.label, color=BACKGROUND, fontsize=9,
                    weight="bold", ha="center", va="center")  # fmt: skip


def _dress(ax: Axes) -> None:
    ax.tick_params(colors=MUTED, labelsize=9, length=3)
    for spine in ax.spines.values():
        spine.set_color(GRID)


def _title(emotion: EmotionTimeline) -> str:
    changes = len(emotion.segments) - 1
    moods = "one mood throughout" if not changes else f"{changes} change{'s' if changes != 1 else ''} of mood"
    judge = {"built-in": "built-in model", "rules": "rules"}.get(emotion.model, emotion.model)
    return f"{moods}  ·  {clock_text(emotion.duration)[:-2]}  ·  heard by {judge}"
