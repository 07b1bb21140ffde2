"""Flicker and musical motion of rendered frames, before encoding, on the demo model.

    python bench/flicker.py [SONG] [--seconds 8] [--fps 24] [--modes onset linear] [--qualities exact balanced]
        [--keyframe-attention]

For every pacing mode and quality: warp error (mean absolute difference between a frame and the one before it, carried
along by dense optical flow, Farneback), temporal SSIM of neighbours, sharpness (variance of the Laplacian), the
correlation of the mean absolute frame difference with the song's onset curve, where a cut onto a new shot counts as
motion, and the seconds it took. The quality "feedback" stands for frames made from each other. Without a song: the demo
song, whose true beats are known. Needs opencv-python-headless and scikit-image.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path

import repository  # noqa: F401

import cv2
import numpy as np
from anchors import PROMPTS, Renderer, onset_motion
from skimage.metrics import structural_similarity

from headless import demo_model
from songreel.nodes.render.motion.flow import warp_error


def sharpness(frame: np.ndarray) -> float:
    """Variance of the Laplacian of a frame's brightness."""
    return float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def measure(frames: np.ndarray, onset: np.ndarray) -> dict:
    """The figures of one render. onset: (n,), the curve at the same frames."""
    pairs = list(zip(frames, frames[1:], strict=False))
    return {
        "warp_error": float(np.mean([warp_error(a, b) for a, b in pairs])),
        "temporal_ssim": float(np.mean([structural_similarity(a, b, channel_axis=2) for a, b in pairs])),
        "sharpness": float(np.mean([sharpness(frame) for frame in frames])),
        "onset_motion": onset_motion(frames, onset),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--fps", default="24")
    parser.add_argument("--size", type=int, default=demo_model.SIZE)
    parser.add_argument("--split-beats", type=int, default=4)
    parser.add_argument("--modes", nargs="+", default=["onset", "linear"])
    parser.add_argument("--qualities", nargs="+", default=["exact", "balanced"])
    parser.add_argument("--smoothing", type=float, nargs="+", default=[0.0])
    parser.add_argument("--raw-pace", action="store_true", help="at the pace of the mix, not of what is seen")
    parser.add_argument("--keyframe-attention", action="store_true", help="in-between pictures attend to keyframes")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from songreel.nodes.base.media import audio as media
    from songreel.nodes.schedule.plan import onset
    from songreel.nodes.song.audio import analysis as audio
    from songreel.nodes.story import timed_prompts

    results = {}
    with tempfile.TemporaryDirectory() as home:
        changes = {"even_pace": not options.raw_pace, "keyframe_attention": options.keyframe_attention}
        renderer = Renderer(Path(home), options.size, **changes)
        if options.song:
            waveform, rate = media.read_audio(options.song)
        else:
            from headless.demo.song import make_demo_song

            waveform, rate = make_demo_song()
        waveform = waveform[:, : int(options.seconds * rate)]
        song = audio.analyze(waveform, rate, fps=options.fps)
        story = timed_prompts.parse_timeline(PROMPTS, song, snap="beat", split_beats=options.split_beats)
        for mode in options.modes:
            schedule = onset.onset_slerp_schedule(song, story, onset.Pacing(gamma=2.0, mode=mode))
            for quality, smoothing in itertools.product(options.qualities, options.smoothing):
                changes = {"quality": "exact", "frames": "feedback"} if quality == "feedback" else {"quality": quality}
                frames, report = renderer.render(story, schedule, waveform, rate, smoothing=smoothing, **changes)
                row = measure(frames, song.curve("onset")) | {"seconds": report["wall"]}
                name = f"{mode}, {quality}" + (f", smoothing {smoothing:g}" if smoothing else "")
                results[name] = row
                print(
                    f"{name:>32} warp error {row['warp_error']:.3f}, temporal SSIM "
                    f"{row['temporal_ssim']:.4f}, sharpness {row['sharpness']:.1f}, onset-motion "
                    f"{row['onset_motion']:.3f}, {row['seconds']:.1f} s",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2), "utf-8")


if __name__ == "__main__":
    main()
