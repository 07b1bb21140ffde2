"""Files of every codec, made from runs of frames with a tone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from songreel.nodes.base.media import codecs, video

NTSC = Fraction(24000, 1001)
# Runs that a shot list can bring about: a single frame before a long run made H.264's decoding times go back.
RUNS = (1, 3, 20, 2, 1, 9)
RATE = 44_100
ENCODINGS = [
    ("h264", 8),
    ("h264", 10),
    ("hevc", 8),
    ("hevc", 10),
    ("av1", 8),
    ("av1", 10),
    ("av1 webm", 8),
    ("av1 webm", 10),
    ("prores", 10),
    ("lossless", 8),
    ("lossless", 10),
    ("gif", 8),
]


def pictures(count, first=0, depth=16, height=64, width=96):
    """Soft colours that move, uint16 or uint8."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    for index in range(first, first + count):
        ways = ((1, 0, 0), (0, 1, 0.3), (1, 1, 0.6))
        waves = [0.5 + 0.4 * np.sin(6.28 * (x * a + y * b + index / 50 + c)) for a, b, c in ways]
        levels = 65535 if depth == 16 else 255
        yield np.round(np.stack(waves, -1) * levels).astype(np.uint16 if depth == 16 else np.uint8)


def tone(seconds, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * 440 * t), 0.25 * np.sin(2 * np.pi * 660 * t)]).astype(np.float32)


def made(folder, codec, depth, runs=RUNS, fps=NTSC, crf=18, **size):
    """A finished file of a codec, from runs of frames, with a tone."""
    encoding = codecs.Encoding(codec, str(depth), crf)
    segments, first = [], 0
    for number, count in enumerate(runs):
        path = folder / f"{number}{encoding.segment_suffix}"
        frames = pictures(count, first, 16 if depth == 10 else 8, **size)
        assert video.write_segment(path, frames, fps=fps, crf=crf, codec=codec, bit_depth=str(depth)) == count
        segments.append((path, count))
        first += count
    out = folder / f"out{encoding.kind.suffix}"
    wave = tone(float(first / fps))
    video.join_segments(out, segments, fps=fps, waveform=wave, sample_rate=RATE, codec=codec)
    return out, first, wave
