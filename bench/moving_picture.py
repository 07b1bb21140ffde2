"""README's moving picture: an excerpt of a rendered video above the waveform of its song, as an animated WebP.

    python bench/moving_picture.py VIDEO.mp4 OUT.webp [START SECONDS]

VIDEO is what `python -m headless render demo --workflow story --out VIDEO.mp4` made. The line in the waveform is the
instant that is shown; the song itself cannot be in a WebP. Needs Pillow and PyAV, which the headless host has.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw

STRIP, QUALITY = 48, 80
BACK, WAVE, CURSOR = (24, 24, 28), (120, 160, 220), (255, 120, 60)


def frames_of(video: Path, start: float, seconds: float) -> tuple[list[Image.Image], float]:
    """The frames shown from `start` on, and how many milliseconds each lasts."""
    with av.open(str(video)) as file:
        stream = file.streams.video[0]
        shown = [frame.to_image() for frame in file.decode(stream) if start <= frame.time < start + seconds]
        return shown, 1000 / float(stream.average_rate)


def peaks_of(video: Path, start: float, seconds: float, columns: int) -> np.ndarray:
    """Largest amplitude of the excerpt in each of `columns` equal parts: float (columns,) in 0..1."""
    with av.open(str(video)) as file:
        stream = file.streams.audio[0]
        rate = stream.rate
        samples = np.concatenate([np.abs(frame.to_ndarray()).max(axis=0) for frame in file.decode(stream)])
    part = samples[round(start * rate) : round((start + seconds) * rate)]
    peaks = np.array([each.max(initial=0.0) for each in np.array_split(part, columns)])
    return peaks / max(peaks.max(), 1e-9)


def with_strip(frame: Image.Image, peaks: np.ndarray, share: float) -> Image.Image:
    """A frame above the waveform, with a line at `share` (0..1) of it."""
    sheet = Image.new("RGB", (frame.width, frame.height + STRIP), BACK)
    sheet.paste(frame, (0, 0))
    draw, middle = ImageDraw.Draw(sheet), frame.height + STRIP // 2
    for column, peak in enumerate(peaks):
        reach = round(peak * (STRIP // 2 - 4))
        draw.line([(column, middle - reach), (column, middle + reach)], fill=WAVE)
    place = round(share * (frame.width - 1))
    draw.line([(place, frame.height), (place, sheet.height)], fill=CURSOR, width=2)
    return sheet


def main(video: Path, out: Path, start: float = 0.0, seconds: float = 8.0) -> None:
    """Write the animation and say how large it is."""
    frames, milliseconds = frames_of(video, start, seconds)
    peaks = peaks_of(video, start, seconds, frames[0].width)
    sheets = [with_strip(frame, peaks, n / len(frames)) for n, frame in enumerate(frames)]
    durations = np.diff(np.round(np.arange(len(sheets) + 1) * milliseconds)).astype(int).tolist()
    sheets[0].save(out, save_all=True, append_images=sheets[1:], duration=durations, loop=0, quality=QUALITY, method=6)
    sys.stdout.write(f"{out}: {len(sheets)} frames, {out.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(float, sys.argv[3:]))
