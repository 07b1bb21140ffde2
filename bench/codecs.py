"""Size, time and closeness of every codec, on pictures of the demo model.

    python bench/codecs.py [VIDEO] [--seconds 6] [--repeat 1] [--pictures FOLDER]

VIDEO: a lossless render; without it one of the demo song is made. Its frames, --repeat times over, are encoded as the
renderer does it: segments of 48 frames, joined, with a song of that length. Prints per codec: MB and seconds of
processor time per minute of video at 24 frames per second, bytes per pixel, processor seconds per megapixel (encoding
and joining, all threads together), mean SSIM against the frames. --pictures writes the middle frame of each as PNG.
Needs scikit-image.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from repository import ROOT

import numpy as np
from skimage.metrics import structural_similarity

FPS, CHUNK, RATE = Fraction(24), 48, 44_100
# Settings beside each codec's defaults that are worth a line.
LINES = [
    ("h264", "8", 18),
    ("h264", "10", 18),
    ("hevc", "8", 18),
    ("hevc", "10", 18),
    ("av1", "8", 18),
    ("av1", "10", 18),
    ("av1", "8", 30),
    ("av1 webm", "8", 18),
    ("prores", "10", 18),
    ("lossless", "8", 18),
    ("gif", "8", 18),
]


def demo_frames(folder: Path, seconds: float) -> Path:
    """A lossless render of the demo song's start by the demo model."""
    out = folder / "demo.mp4"
    command = [sys.executable, "-m", "headless", "render", "demo", "--workflow", "story"]
    command += ["--out", str(out), "--seconds", str(seconds)]
    command += ["--set", "RenderMusicVideo.codec=lossless"]
    subprocess.run(command, cwd=ROOT, check=True)
    return out


def measure(folder: Path, frames: list[np.ndarray], codec: str, depth: str, crf: int) -> dict:
    """Encode and join frames; sizes, seconds, and how close they come back."""
    from songreel.nodes.base.media import codecs, video

    encoding = codecs.Encoding(codec, depth, crf)
    shown = frames if encoding.levels is np.uint8 else [frame.astype(np.uint16) * 257 for frame in frames]
    t = np.arange(int(len(frames) / FPS * RATE)) / RATE
    song = np.stack([0.3 * np.sin(2 * np.pi * note * t) for note in (220, 330)]).astype(np.float32)
    segments, begin = [], time.process_time()
    for first in range(0, len(shown), CHUNK):
        path = folder / f"{first:06d}{encoding.segment_suffix}"
        part = shown[first : first + CHUNK]
        video.write_segment(path, part, fps=FPS, crf=crf, codec=codec, bit_depth=depth)
        segments.append((path, len(part)))
    encoded = time.process_time() - begin
    out = folder / f"out_{codec}_{depth}_{crf}{encoding.kind.suffix}"
    video.join_segments(out, segments, fps=FPS, waveform=song, sample_rate=RATE, codec=codec)
    joined = time.process_time() - begin - encoded
    back = list(video.read_frames(out))
    assert len(back) == len(frames)
    some = range(0, len(frames), max(len(frames) // 24, 1))
    ssim = np.mean([structural_similarity(frames[n], back[n], channel_axis=2) for n in some])
    size = out.stat().st_size
    pixels = len(frames) * frames[0].shape[0] * frames[0].shape[1]
    minutes = len(frames) / FPS / 60
    return {
        "MB": size / 1e6 / float(minutes),
        "seconds": (encoded + joined) / float(minutes),
        "bytes": size / pixels,
        "speed": (encoded + joined) / pixels * 1e6,
        "ssim": float(ssim),
        "middle": back[len(back) // 2],
    }


def main() -> None:
    """Print the table."""
    from songreel.nodes.base.media.codecs import CODECS
    from songreel.nodes.base.media.video import read_frames

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = args.video or demo_frames(folder, args.seconds)
        once = list(read_frames(source))
        frames = once * args.repeat
        height, width = frames[0].shape[:2]
        print(f"{len(frames)} frames of {width}x{height}")
        print("| codec | bits | crf | MB/min | CPU s/min | bytes/pixel | CPU s/megapixel | SSIM |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for codec, depth, crf in LINES:
            row = measure(folder, frames, codec, depth, crf)
            scale = crf if CODECS[codec].crf else ""
            print(
                f"| {codec} | {depth} | {scale} | {row['MB']:.1f} | {row['seconds']:.1f} | {row['bytes']:.3f} | "
                f"{row['speed']:.3f} | {row['ssim']:.4f} |",
                flush=True,
            )
            if args.pictures:
                from PIL import Image

                args.pictures.mkdir(parents=True, exist_ok=True)
                Image.fromarray(row["middle"]).save(args.pictures / f"{codec} {depth} {crf}.png")


if __name__ == "__main__":
    main()
