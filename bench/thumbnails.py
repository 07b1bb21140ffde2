"""The pictures beside the workflows: frames of the demo song's video above what was heard in it.

    python bench/thumbnails.py VIDEO.mp4 OUT.jpg

VIDEO is what `python -m headless render demo --workflow workflows/api/NAME.json --out VIDEO.mp4` made.
"""

from __future__ import annotations

import sys
from pathlib import Path

import repository  # noqa: F401

import numpy as np
from PIL import Image

COLUMNS, ROWS, WIDTH, PLOT_HEIGHT = 6, 2, 1280, 320


def thumbnail(video: Path) -> Image.Image:
    """Twelve frames from equal parts of the video, and the plot of its sound."""
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.base.media.video import read_frames
    from songreel.nodes.song.audio.analysis import analyze
    from songreel.nodes.song.audio.plot import plot_analysis

    frames = list(read_frames(video))
    waveform, rate = read_audio(video)
    song = analyze(waveform, rate, fps=12)
    plot = plot_analysis(waveform, rate, song, width=WIDTH, height=PLOT_HEIGHT)
    side = WIDTH // COLUMNS
    sheet = Image.new("RGB", (side * COLUMNS, side * ROWS + PLOT_HEIGHT))
    middles = (np.arange(COLUMNS * ROWS) + 0.5) * len(frames) / (COLUMNS * ROWS)
    for number, middle in enumerate(middles.astype(int)):
        picture = Image.fromarray(frames[middle]).resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(picture, (number % COLUMNS * side, number // COLUMNS * side))
    sheet.paste(Image.fromarray(plot).resize((sheet.width, PLOT_HEIGHT)), (0, side * ROWS))
    return sheet


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    thumbnail(Path(sys.argv[1])).save(sys.argv[2], quality=85, optimize=True)
