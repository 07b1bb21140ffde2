"""A picture of a song analysis: waveform, form, onset strength, beats and bars over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...base.types import SongAnalysis
from .signal import mono

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BACKGROUND, PANEL = "#1b1c21", "#23252c"
TEXT, MUTED, GRID = "#e4e6eb", "#9a9faa", "#363a44"
WAVE, WAVE_CORE, ENVELOPE, BEAT, DOWNBEAT = "#3f5b7d", "#7fb2e5", "#f2a65a", "#aab2c0", "#ff5d73"
PARTS = ("#5b8def", "#e07a5f", "#3fb68b", "#c58af0", "#e2b93b", "#5cc4d6", "#d96c9f", "#8a94a6")
DPI = 100


def figure_to_array(fig: Figure) -> np.ndarray:
    """Draw a matplotlib figure: uint8 (H, W, 3). Leaves pyplot and its global state alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])


def dark_figure(width: int, height: int) -> Figure:
    """An empty figure of that many pixels in the pack's colours."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=BACKGROUND)


def dress(ax: Axes, duration: float) -> None:
    """Colours, grid and a time axis in m:ss from 0 to `duration` seconds."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.set_facecolor(PANEL)
    ax.set_xlim(0, duration)
    steps = [1, 1.5, 2, 3, 6, 10] if duration >= 60 else [1, 2, 5, 10]
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=steps, integer=duration >= 12))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: minutes(seconds, duration)))
    ax.tick_params(colors=MUTED, labelsize=9, length=3)
    ax.grid(axis="x", color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    for spine in ax.spines.values():
        spine.set_color(GRID)


def minutes(seconds: float, duration: float) -> str:
    """m:ss, with tenths (or milliseconds) where the whole axis is only a few seconds (or less)."""
    if duration >= 12:
        total = round(seconds)
        return f"{total // 60}:{total % 60:02d}"
    digits = 1 if duration >= 1 else 3
    return f"0:{seconds:0{3 + digits}.{digits}f}"


def plot_analysis(
    waveform: np.ndarray, sample_rate: int, analysis: SongAnalysis, *, width: int = 1280, height: int = 480
) -> np.ndarray:
    """Draw waveform, the song's parts and onset strength with the beats and bar starts over them.

    Parameters
    ----------
    waveform : float32 (channels, samples) or (samples,)
    sample_rate : Hz
    analysis : what `analyze` heard in it
    width, height : pixels

    Returns
    -------
    uint8 (height, width, 3)
    """
    fig = dark_figure(width, height)
    wave, form, envelope = fig.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": (6, 0.8, 4), "hspace": 0.08,
                                        "left": 0.055, "right": 0.975, "top": 0.87, "bottom": 0.1}
    )  # fmt: skip
    for ax in (wave, form, envelope):
        dress(ax, analysis.duration)
    _draw_form(form, analysis)
    _draw_wave(wave, np.atleast_2d(waveform), sample_rate, analysis.duration, columns=width)
    _draw_envelope(envelope, analysis)
    _draw_beats(wave, envelope, analysis)
    for ax in (wave, form):
        ax.tick_params(labelbottom=False, length=0)
    fig.text(0.055, 0.925, _title(analysis), color=TEXT, fontsize=13, weight="bold", va="center")
    handles, labels = [], []
    for ax in (wave, envelope):
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.append(handle)
            labels.append(label)
    fig.legend(handles, labels, loc="center right", bbox_to_anchor=(0.98, 0.927), ncols=len(labels), frameon=False,
               labelcolor=MUTED, fontsize=9, handlelength=1.6, columnspacing=1.4)  # fmt: skip
    return figure_to_array(fig)


def _draw_wave(ax: Axes, samples: np.ndarray, sample_rate: int, duration: float, *, columns: int) -> None:
    signal = mono(samples)
    edges = np.unique(np.linspace(0, len(signal), min(columns, len(signal)) + 1).astype(int))
    starts = edges[:-1]
    low, high = np.minimum.reduceat(signal, starts), np.maximum.reduceat(signal, starts)
    power = np.add.reduceat(np.square(signal, dtype=np.float64), starts) / np.diff(edges)
    level = np.sqrt(power)
    times = (edges[:-1] + edges[1:]) / (2 * sample_rate)
    if len(times) == 1:
        times, low, high, level = np.array([0, duration]), low.repeat(2), high.repeat(2), level.repeat(2)
    ax.fill_between(times, low, high, color=WAVE, linewidth=0, label="peak")
    ax.fill_between(times, -level, level, color=WAVE_CORE, linewidth=0, alpha=0.9, label="RMS")
    top = max(float(np.abs(signal).max(initial=0)), 1e-4) * 1.08
    ax.set_ylim(-top, top)
    ax.set_yticks([0])
    ax.set_yticklabels([])
    ax.set_ylabel("waveform", color=MUTED, fontsize=9)


def _draw_form(ax: Axes, analysis: SongAnalysis) -> None:
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    letters = sorted({part.label for part in analysis.sections})
    for part in analysis.sections:
        color = PARTS[letters.index(part.label) % len(PARTS)]
        ax.axvspan(part.start, part.end, color=color, alpha=0.25 + 0.55 * part.energy, linewidth=0)
        ax.axvline(part.start, color=BACKGROUND, linewidth=1.5)
        width = (part.end - part.start) / analysis.duration
        text = f"{part.label} {part.kind}".strip() if width > 0.07 else part.label if width > 0.015 else ""
        ax.text((part.start + part.end) / 2, 0.48, text, color=TEXT, fontsize=9, ha="center", va="center")
    ax.set_ylabel("form", color=MUTED, fontsize=9, rotation=0, ha="right", va="center")


def _draw_envelope(ax: Axes, analysis: SongAnalysis) -> None:
    curve = analysis.curve("onset")
    edges = np.minimum(np.arange(len(curve) + 1) / float(analysis.fps), analysis.duration)
    ax.stairs(curve, edges, fill=True, color=ENVELOPE, alpha=0.28)
    ax.stairs(curve, edges, color=ENVELOPE, linewidth=0.9, label="onset strength")
    ax.set_ylim(0, 1.08)
    ax.set_yticks([0, 0.5, 1])
    ax.set_ylabel("onset", color=MUTED, fontsize=9)


def _draw_beats(wave: Axes, envelope: Axes, analysis: SongAnalysis) -> None:
    bars = np.isin(analysis.beats, analysis.downbeats)
    # Every beat of a long song as a full line would be a grey wall: there, beats are ticks at the edges.
    crowded = len(analysis.beats) > 120
    for ax in (wave, envelope):
        marks = [(analysis.beats[~bars], BEAT, 0.55, 0.7, 0.0, 0.05 if crowded else 1.0, "beat")]
        marks.append((analysis.downbeats, DOWNBEAT, 0.4 if crowded else 0.8, 1.0, 0.0, 1.0, "downbeat"))
        for times, color, alpha, line, bottom, top, label in marks:
            ax.vlines(times, bottom, top, transform=ax.get_xaxis_transform(), colors=color, alpha=alpha, linewidth=line)
            if ax is envelope and len(times):
                ax.plot([], [], color=color, linewidth=1.4, label=label)


def _title(analysis: SongAnalysis) -> str:
    from ...base.timing import clock_text

    length = clock_text(analysis.duration)[:-2]
    frames = f"{analysis.n_frames} frame{'s' if analysis.n_frames != 1 else ''} at {float(analysis.fps):.5g} fps"
    if not len(analysis.beats):
        return f"no beat found  ·  {length}  ·  {frames}"
    beats = f"{len(analysis.beats)} beats, {len(analysis.downbeats)} bars"
    return f"{analysis.tempo:.1f} BPM  ·  {beats}  ·  {length}  ·  {frames}"
