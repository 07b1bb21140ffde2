"""A picture of one or two curves over the song's beats."""

from __future__ import annotations

import numpy as np

from ..audio.plot import DOWNBEAT, ENVELOPE, GRID, MUTED, TEXT, WAVE_CORE, dark_figure, dress, figure_to_array


def plot_curve(
    values: np.ndarray, fps, *, title: str, before: np.ndarray | None = None, bars: np.ndarray | tuple[()] = (),
    width: int = 1280, height: int = 300,
) -> np.ndarray:  # fmt: skip
    """Draw a curve (n_frames,), thinly the one it was made from, and the bar lines: uint8 (height, width, 3)."""
    fig = dark_figure(width, height)
    ax = fig.subplots(gridspec_kw={"left": 0.055, "right": 0.975, "top": 0.84, "bottom": 0.14})
    duration = len(values) / float(fps)
    dress(ax, duration)
    edges = np.arange(len(values) + 1) / float(fps)
    low, high = float(np.min(values)), float(np.max(values))
    span = max(high - low, 1e-6)
    if before is not None:
        scaled = low + span * np.asarray(before) / max(float(np.max(before)), 1e-9)
        ax.stairs(scaled, edges, color=WAVE_CORE, linewidth=0.7, alpha=0.6)
    ax.stairs(values, edges, baseline=low, fill=True, color=ENVELOPE, alpha=0.28)
    ax.stairs(values, edges, baseline=None, color=ENVELOPE, linewidth=1.1)
    ax.vlines(bars, 0, 1, transform=ax.get_xaxis_transform(), colors=DOWNBEAT, alpha=0.35, linewidth=0.8)
    ax.set_ylim(low - 0.04 * span, high + 0.08 * span)
    ax.tick_params(axis="y", colors=MUTED)
    ax.grid(axis="y", color=GRID, linewidth=0.5)
    fig.text(0.055, 0.91, title, color=TEXT, fontsize=12, weight="bold", va="center")
    return figure_to_array(fig)
