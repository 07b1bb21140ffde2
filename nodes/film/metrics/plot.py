"""A picture of how often a person is in a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...song.audio.plot import BACKGROUND, GRID, MUTED, TEXT, dark_figure, dress, figure_to_array
from .likeness import Likeness

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERSON, OTHER, NOBODY = "#3fb68b", "#f2a65a", "#363a44"


def plot_likeness(likeness: Likeness, *, width: int = 1280, height: int = 420) -> np.ndarray:
    """The distance of every frame's face over time, and a strip: the person, another face, nobody.

    Returns
    -------
    uint8 (height, width, 3)
    """
    fig = dark_figure(width, height)
    above = fig.add_axes((0.055, 0.25, 0.925, 0.56))
    strip = fig.add_axes((0.055, 0.12, 0.925, 0.09), sharex=above)
    for ax in (above, strip):
        dress(ax, likeness.duration)
    _draw_distances(above, likeness)
    _draw_strip(strip, likeness)
    above.tick_params(labelbottom=False, length=0)
    fig.text(0.055, 0.9, _title(likeness), color=TEXT, fontsize=13, weight="bold", va="center")
    return figure_to_array(fig)


def _draw_distances(ax: Axes, likeness: Likeness) -> None:
    times = (np.arange(likeness.n_frames) + 0.5) * likeness.every / float(likeness.fps)
    same = likeness.distances <= likeness.threshold
    other = np.isfinite(likeness.distances) & ~same
    size = float(np.clip(4000 / likeness.n_frames, 3, 22))
    for chosen, colour, label in ((same, PERSON, "the person"), (other, OTHER, "another face, or not near enough")):
        ax.scatter(times[chosen], likeness.distances[chosen], s=size, c=colour, linewidths=0, label=label)
    ax.axhline(likeness.threshold, color=TEXT, linewidth=0.9, linestyle=":", alpha=0.8)
    words = f"same person up to {likeness.threshold:g} "
    ax.text(likeness.duration, likeness.threshold, words, color=MUTED, fontsize=9, ha="right", va="bottom")
    top = float(np.nanmax(likeness.distances, initial=0.9)) if likeness.n_faces else 0.9
    ax.set_ylim(0, max(1.0, top * 1.05))
    ax.set_ylabel("distance", color=MUTED, fontsize=9)
    ax.grid(axis="y", color=GRID, linewidth=0.5)
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.01), ncols=2, frameon=False, labelcolor=MUTED, fontsize=9,
              handletextpad=0.3, borderaxespad=0.1, markerscale=max(1.0, 5 / size**0.5))  # fmt: skip


def _draw_strip(ax: Axes, likeness: Likeness) -> None:
    kinds = np.where(likeness.distances <= likeness.threshold, 2, np.isfinite(likeness.distances).astype(int))
    edges = np.flatnonzero(np.diff(kinds, prepend=-1, append=-1))
    step = likeness.every / float(likeness.fps)
    for kind, colour in enumerate((NOBODY, OTHER, PERSON)):
        spans = [(a * step, (b - a) * step) for a, b in zip(edges, edges[1:], strict=False) if kinds[a] == kind]
        ax.broken_barh(spans, (0, 1), color=colour, linewidth=0)
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    ax.grid(False)
    ax.set_facecolor(BACKGROUND)


def _title(likeness: Likeness) -> str:
    return (
        f"a face in {likeness.faces:.0%} of frames  ·  the person in {likeness.person:.0%} of all, "
        f"{likeness.person_of_faces:.0%} of those with a face"
    )
