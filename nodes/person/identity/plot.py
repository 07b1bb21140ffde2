"""A picture of a training: the loss of its steps, and the validation by which the best step was kept."""

from __future__ import annotations

import numpy as np

from .train import Curve


def plot_training(curve: Curve, *, width: int = 960, height: int = 420) -> np.ndarray:
    """Plot smoothed loss and validation over steps. uint8 (height, width, 3)."""
    from ...song.audio.plot import BEAT, DOWNBEAT, ENVELOPE, GRID, MUTED, TEXT, dark_figure, figure_to_array

    drawing = dark_figure(width, height)
    axes = drawing.add_axes((0.08, 0.14, 0.89, 0.7))
    axes.set_facecolor("none")
    window = max(1, len(curve.losses) // 20)
    smooth = np.convolve(curve.losses, np.ones(window) / window, "valid")
    axes.plot(np.arange(len(smooth)) + window, smooth, color=BEAT, alpha=0.6, linewidth=1.2, label="loss, smoothed")
    steps = [step for step, _, _ in curve.validation]
    axes.plot(
        steps, [entry[1] for entry in curve.validation], color=ENVELOPE, marker="o", ms=4, label="subject, unseen"
    )
    if any(entry[2] for entry in curve.validation):
        axes.plot(
            steps, [entry[2] for entry in curve.validation], color=DOWNBEAT, marker="o", ms=4, label="class, kept"
        )
    best = curve.best
    axes.axvline(best[0], color=MUTED, linewidth=1.0, linestyle="--")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step", color=MUTED, fontsize=9)
    axes.tick_params(colors=MUTED, labelsize=9)
    axes.grid(color=GRID, linewidth=0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    first = curve.validation[0][1]
    fall = 1 - best[1] / first if first else 0.0
    title = f"step {best[0]} kept: loss on unseen pictures {first:.3f} to {best[1]:.3f} ({-fall:+.0%})"
    drawing.text(0.08, 0.91, title, color=TEXT, fontsize=11, weight="bold")
    legend = drawing.legend(loc="upper right", bbox_to_anchor=(0.985, 0.99), ncols=3, fontsize=8, labelcolor=TEXT)
    legend.get_frame().set(facecolor="none", edgecolor=GRID, linewidth=0)
    return figure_to_array(drawing)
