"""How well the picture moves with the music: the rendered demo song, whose true beats are known.

    python bench/sync.py [--seconds 12] [--fps 12] [--size 256] [--quality balanced] [--json OUT]

For every pacing mode the demo model renders an excerpt, and the pictures are compared before encoding. Motion
is the mean absolute difference of a frame to the one before; its correlation with the song's onset curve is Pearson's,
over all frames but the first. Starts: distance of the frames on which shots begin to the nearest true downbeat, in
frames, from first to last over the whole song. Needs what tests/requirements.txt names.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import repository  # noqa: F401

import numpy as np
from anchors import PROMPTS, Renderer, onset_motion

from headless.demo.song import make_demo_song, true_downbeats

PACINGS = ("onset", "onset, whole song", "cosine + onset", "hold and hit", "linear", "events")


def schedules(song, story):
    """(name, story, schedule) of every pacing mode; events is the plan of Event Plan's defaults."""
    from songreel.nodes.schedule.plan import events, onset

    for pacing in PACINGS[:-1]:
        yield pacing, story, onset.onset_slerp_schedule(song, story, onset.Pacing(mode=pacing))
    planned = events.plan_events(song, story)
    told = events.on_the_beat(song, story, planned)
    yield PACINGS[-1], told, events.event_schedule(song, told, planned)


def distances(schedule) -> np.ndarray:
    """Frames from each shot's start to the nearest true downbeat, over the whole song; the first shot's is 0 s."""
    starts = (np.flatnonzero(np.diff(schedule.shot_a)) + 1) / float(schedule.fps)
    beats = true_downbeats()
    return np.array([np.abs(beats - start).min() for start in starts]) * float(schedule.fps)


def excerpt(schedule, story, waveform, rate: int, seconds: float):
    """Story, schedule and song up to `seconds`, which is a song of its own."""
    from songreel.nodes.base import types

    n = int(seconds * schedule.fps)
    shots = [shot for shot in story.shots if shot.start < seconds]
    shots[-1] = types.Shot(**(vars(shots[-1]) | {"end": seconds}))
    last = len(shots) - 1
    a, b = np.minimum(schedule.shot_a[:n], last), np.minimum(schedule.shot_b[:n], last)
    short = types.FrameSchedule(
        schedule.fps, seconds, a, b, np.where(a == b, 0, schedule.t[:n]), schedule.transition[:n]
    )
    return types.Story(tuple(shots)), short, waveform[:, : int(seconds * rate)]


def main() -> None:
    from songreel.nodes.base.timing import snap_fps
    from songreel.nodes.song.audio.analysis import analyze
    from songreel.nodes.story.timed_prompts import parse_timeline

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--fps", default="12")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--only", nargs="*", choices=PACINGS, default=PACINGS)
    parser.add_argument("--keyframe-attention", action="store_true", help="pictures look at the two shots' own")
    parser.add_argument("--raw-pace", action="store_true", help="at the pace of the mix, not of what is seen")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    waveform, rate = make_demo_song()
    fps = snap_fps(options.fps)
    song = analyze(waveform, rate, fps=fps)
    text = "\n".join(
        f"downbeat {n} {prompt}"
        for n, prompt in enumerate(PROMPTS.splitlines() * (len(song.downbeats) // 5 + 1))
        if n < len(song.downbeats)
    )
    story = parse_timeline(text, song)
    results = {}
    print(f"{'mode':20} {'onset-motion r':>14} {'starts, frames':>22} {'model calls':>12}")
    with tempfile.TemporaryDirectory() as home:
        changes = {"even_pace": not options.raw_pace, "keyframe_attention": options.keyframe_attention}
        renderer = Renderer(Path(home), options.size, **changes)
        for pacing, told, schedule in schedules(song, story):
            if pacing not in options.only:
                continue
            off = distances(schedule)
            made = excerpt(schedule, told, waveform, rate, options.seconds)
            frames, report = renderer.render(*made[:2], made[2], rate, options.quality)
            r = onset_motion(frames, song.curve("onset"))
            results[pacing] = {
                "correlation": r,
                "starts_mean": float(off.mean()),
                "starts_most": float(off.max()),
                "starts_last": float(off[-1]),
                "frames": len(frames),
                "calls": report["model_calls"],
                "calls_exact": report["model_calls_in_exact_mode"],
            }
            print(
                f"{pacing:20} {r:14.3f} {off.mean():8.2f} (most {off.max():.2f}) {report['model_calls']:12}", flush=True
            )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
