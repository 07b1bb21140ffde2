"""How close the default quality comes to exact mode, and how many model calls it saves.

    python bench/anchors.py [--songs FILE-or-folder ...] [--seconds 20] [--quality balanced] [--cache DIR] [--json OUT]

For every song the demo model renders an excerpt in exact mode and at the quality, and the pictures are compared before
encoding: structural similarity and PSNR per frame. Beside them, at the same number of model calls and from the exact
pictures themselves: frames at equal distances held, and blended. Without songs: a drum loop at 150 BPM with
one-beat shots; `--drum-loop` adds it to the songs. `--one-beat` gives every song such shots. With `--cache` the exact
pictures and their times are kept there, so that a second run renders the quality alone; its speed-up then holds only
if the machine was as busy both times. `--bound` adds what could be reached by someone who knows every exact picture:
the best choice of as many of them, their latents interpolated. Needs what tests/requirements.txt names.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import repository  # noqa: F401

import numpy as np
import torch
from skimage.metrics import structural_similarity

from headless import demo_model
from headless.__main__ import bootstrap
from headless.host import HeadlessHost

PROMPTS = """a misty harbour at dawn, fishing boats, soft golden light
a city of glass towers at noon, reflections, blue sky
an old forest in the rain, moss and ferns, green light
a desert at dusk, red dunes, long shadows
the open sea at night, waves, under the stars"""
RATE = 22_050


def drum_loop(seconds: float, bpm: float = 150.0) -> np.ndarray:
    """Kick and snare on the beats, hats on the halves: float32 (1, samples) at `RATE`."""
    rng = np.random.default_rng(0)
    wave = np.zeros(int(seconds * RATE))
    time_of = np.arange(int(0.25 * RATE)) / RATE
    kick = np.sin(2 * np.pi * 55 * time_of + 6 * np.exp(-30 * time_of)) * np.exp(-14 * time_of)
    snare = rng.standard_normal(len(time_of)) * np.exp(-22 * time_of) * 0.6
    hat = np.diff(rng.standard_normal(len(time_of) + 1)) * np.exp(-70 * time_of) * 0.15
    for half in range(int(seconds * bpm / 30)):
        sound = hat if half % 2 else (snare if half % 4 == 2 else kick)
        start = int(half * 30 / bpm * RATE)
        wave[start : start + len(sound)] += sound[: len(wave) - start]
    return (0.7 * wave / np.abs(wave).max()).astype(np.float32)[None]


class Renderer:
    """Renders excerpts with the demo model and keeps the pictures as they are before encoding.

    defaults: settings that are not the demo model's; an even pace unless it is among them.
    """

    def __init__(self, home: Path, size: int, **defaults):
        from songreel.nodes.host import current
        from songreel.nodes.render import plan, render

        bootstrap(HeadlessHost(home))
        from headless.sd.checkpoint import load_checkpoint

        self.host = current()
        self.stage, self.plan = render, plan
        self.parts = load_checkpoint(demo_model.CHECKPOINT, device="cpu")
        self.size, self.defaults = size, {"even_pace": True} | defaults
        self.pictures: list[np.ndarray] = []
        self.latents: dict[tuple[int, int], np.ndarray] = {}
        write = self.stage.write_segment
        exact_latents = self.stage.LatentSource.exact_latents

        def keep(path, frames, **options):
            def copied():
                for frame in frames:
                    # The renderer's pictures are good until its next chunk.
                    self.pictures.append(frame.copy())
                    yield frame

            return write(path, copied(), **options)

        def keep_latents(source, segment, pictures):
            found = exact_latents(source, segment, pictures)
            self.latents |= {(segment.first_frame, picture): latent for picture, latent in found.items()}
            return found

        self.stage.write_segment = keep
        self.stage.LatentSource.exact_latents = keep_latents

    def settings(self, quality: str, **changes):
        """The demo model's settings at a quality."""
        return self.plan.RenderSettings(
            self.size, self.size, demo_model.STEPS, demo_model.CFG, "dpmpp_2m", "karras", 1, quality=quality,
            **(self.defaults | changes),
        )  # fmt: skip

    def key(self, story, schedule) -> str:
        """Name of the exact render of a story: a digest of all that its pictures depend on."""
        plan = self.plan.make_plan(story, schedule, self.settings("exact"))
        return self.plan.plan_key(plan, story, schedule, [self.host.fingerprint(part) for part in self.parts])

    def render(self, story, schedule, waveform, rate, quality: str, **changes) -> tuple[np.ndarray, dict]:
        """Frames uint8 (n, h, w, 3) and the report. changes: other settings."""
        self.pictures.clear()
        self.latents.clear()
        # Segments of an earlier render would be reused, and their pictures not seen here.
        shutil.rmtree(self.host.private_dir() / "work", ignore_errors=True)
        settings = self.settings(quality, **changes)
        with torch.inference_mode():
            begin = time.perf_counter()
            _, report = self.stage.render_music_video(self.host, *self.parts, story, schedule, waveform, rate, settings)
        report["wall"] = time.perf_counter() - begin
        return np.stack(self.pictures), report

    def exact(self, story, schedule, waveform, rate, cache: Path | None) -> tuple[np.ndarray, np.ndarray, dict]:
        """Frames and latents (n, 4, h / 8, w / 8) of exact mode, and its report; from the cache if they are there."""
        path = cache / f"exact_{self.key(story, schedule)}.npz" if cache else None
        if path and path.exists():
            with np.load(path) as stored:
                return stored["frames"], stored["latents"], json.loads(str(stored["report"])) | {"cached": True}
        frames, report = self.render(story, schedule, waveform, rate, "exact")
        segments = self.plan.make_plan(story, schedule, self.settings("exact")).segments
        latents = np.stack([self.latents[part.first_frame, n] for part in segments for n in part.picture.tolist()])
        if path:
            cache.mkdir(parents=True, exist_ok=True)
            np.savez(path, frames=frames, latents=latents, report=json.dumps(report))
        return frames, latents, report


def similarities(frames: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Structural similarity of each frame with its exact one, (n,)."""
    return np.array([structural_similarity(a, b, channel_axis=2) for a, b in zip(frames, exact, strict=True)])


def onset_motion(frames: np.ndarray, onset: np.ndarray) -> float:
    """Pearson's correlation of motion, the mean absolute difference of a frame to the one before, with the onset curve.

    Over all frames but the first.
    """
    moved = [np.abs(b.astype(np.int16) - a).mean() for a, b in zip(frames, frames[1:], strict=False)]
    return float(np.corrcoef(moved, onset[1 : len(frames)])[0, 1])


def compare(frames: np.ndarray, exact: np.ndarray) -> dict:
    """SSIM and PSNR of frames against exact ones. Frames that are equal count with 60 dB."""
    ssim = similarities(frames, exact)
    squares = np.array([np.mean((a.astype(np.float32) - b) ** 2) for a, b in zip(frames, exact, strict=True)])
    psnr = np.minimum(10 * np.log10(255**2 / np.maximum(squares, 1e-9)), 60)
    return {
        "ssim": float(ssim.mean()),
        "ssim_lowest": float(ssim.min()),
        "lowest_frame": int(ssim.argmin()),
        "frames_under_085": int(np.sum(ssim < 0.85)),
        "psnr": float(psnr.mean()),
        "psnr_of_mean_error": float(10 * np.log10(255**2 / max(squares.mean(), 1e-9))),
        "under_085": np.flatnonzero(ssim < 0.85).tolist(),
    }


def at_equal_distances(exact: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Frames of `count` exact ones, held and blended."""
    chosen = np.unique(np.round(np.linspace(0, len(exact) - 1, max(count, 2))).astype(int))
    frames = np.arange(len(exact))
    held = exact[chosen[np.abs(frames[:, None] - chosen).argmin(axis=1)]]
    high = np.searchsorted(chosen, frames)
    low = np.maximum(high - 1, 0)
    share = ((frames - chosen[low]) / np.maximum(chosen[high] - chosen[low], 1))[:, None, None, None]
    blended = np.rint(exact[chosen[low]] * (1 - share) + exact[chosen[high]] * share).astype(np.uint8)
    return {"held": held, "blended": blended}


def measure(renderer: Renderer, name: str, waveform: np.ndarray, rate: int, options) -> dict:
    """One song: exact, the quality, held and blended frames."""
    from songreel.nodes.schedule.plan import onset
    from songreel.nodes.song.audio import analysis as audio
    from songreel.nodes.story import timed_prompts

    waveform = waveform[:, : int(options.seconds * rate)]
    song = audio.analyze(waveform, rate, fps=options.fps)
    one_beat = options.one_beat or name == "150 BPM"
    story = timed_prompts.parse_timeline(PROMPTS, song, snap="beat", split_beats=1 if one_beat else 4)
    schedule = onset.onset_slerp_schedule(song, story, onset.Pacing(gamma=2.0))
    exact, latents, exact_report = renderer.exact(story, schedule, waveform, rate, options.cache)
    frames, report = renderer.render(story, schedule, waveform, rate, options.quality)
    # Exact mode's own calls may include those that measure the intervals.
    share = report["model_calls"] / report["model_calls_in_exact_mode"]
    parts = exact_report["seconds"]
    ratio = {name: report[name] / exact_report[name] for name in ("model_calls", "pictures_decoded")}
    least = ratio["model_calls"] * parts["sample"] + ratio["pictures_decoded"] * parts["decode"]
    allowed = (parts["sample"] + parts["decode"]) / least
    result = {
        "frames": len(exact),
        "shots": len(story.shots),
        "calls_exact": report["model_calls_in_exact_mode"],
        "calls": report["model_calls"],
        "share": share,
        "decoded": report["pictures_decoded"],
        "wall_exact": exact_report["wall"],
        "wall": report["wall"],
        "speedup": exact_report["wall"] / report["wall"],
        "speedup_allowed": allowed,
        "exact_from_cache": exact_report.get("cached", False),
        options.quality: compare(frames, exact),
        "onset_motion": {
            kind: onset_motion(made, song.curve("onset"))
            for kind, made in (("exact", exact), (options.quality, frames))
        },
    }
    count = round(share * exact_report["pictures_decoded"])
    result |= {kind: compare(made, exact) for kind, made in at_equal_distances(exact, count).items()}
    if options.bound:
        result["bound"] = compare(best_choice(renderer, story, schedule, exact, latents, count), exact)
    if options.sheets:
        save_sheet(options.sheets / f"anchors_{name[:20]}.jpg", frames, exact)
    return result


def best_choice(renderer: Renderer, story, schedule, exact, latents, count: int) -> np.ndarray:
    """Frames from the best `count` exact latents and the lines between them, by squared error of the latents.

    Which are best is found by dynamic programming over the pictures of each segment, and the pictures are then shared
    out to segments where the next one saves most. Keyframes are always among them, as in the renderer.
    """
    from songreel.nodes.render.chunk_pictures import to_uint8

    segments = renderer.plan.make_plan(story, schedule, renderer.settings("exact")).segments
    intervals, start = [], 0
    for part in segments:
        frames = range(part.first_frame, part.last_frame)
        end = latents[part.last_frame] if part.last_frame < len(latents) else latents[frames[-1]]
        points = np.concatenate([latents[frames.start : frames.stop], end[None]]).reshape(len(frames) + 1, -1)
        t = np.append(schedule.t[frames.start : frames.stop], 1.0)
        intervals.append(_choices(points.astype(np.float64), t, limit=max(2, len(frames) // 2)))
        start = frames.stop
    assert start == len(latents)
    used = [0] * len(intervals)
    for _ in range(count - len(segments)):
        gains = [
            costs[n] - costs[n + 1] if n + 1 < len(costs) else -1.0
            for (costs, _), n in zip(intervals, used, strict=True)
        ]
        used[int(np.argmax(gains))] += 1
    shown = exact.copy()
    for part, (_, chosen), n in zip(segments, intervals, used, strict=True):
        for low, high in zip(chosen[n], chosen[n][1:], strict=False):
            for inside in range(low + 1, high):
                ends = [min(part.first_frame + place, len(latents) - 1) for place in (low, high)]
                t = [
                    1.0 if place == len(part.picture) else schedule.t[part.first_frame + place] for place in (low, high)
                ]
                share = (schedule.t[part.first_frame + inside] - t[0]) / max(t[1] - t[0], 1e-12)
                latent = latents[ends[0]] * (1 - share) + latents[ends[1]] * share
                picture = renderer.host.vae_decode(renderer.parts[2], torch.from_numpy(latent[None].astype(np.float32)))
                shown[part.first_frame + inside] = to_uint8(picture)[0]
    return shown


def _choices(points: np.ndarray, t: np.ndarray, limit: int) -> tuple[list[float], list[list[int]]]:
    """For 0, 1, 2 ... inner points of an interval: the least squared error of the lines between, and the points."""
    n = len(points)
    error = np.full((n, n), np.inf)
    for low in range(n):
        for high in range(low + 1, n):
            u = ((t[low + 1 : high] - t[low]) / max(t[high] - t[low], 1e-12))[:, None]
            line = points[low] * (1 - u) + points[high] * u
            error[low, high] = ((points[low + 1 : high] - line) ** 2).sum()
    best, before = error[0].copy(), []
    costs, chosen = [float(best[-1])], [[0, n - 1]]
    for _ in range(limit):
        through = best[:, None] + error
        before.append(through.argmin(axis=0))
        best = through.min(axis=0)
        if not np.isfinite(best[-1]):
            break
        path = [n - 1]
        for step in reversed(before):
            path.append(int(step[path[-1]]))
        costs.append(float(best[-1]))
        chosen.append([0, *reversed(path)])
    return costs, chosen


def save_sheet(path: Path, frames: np.ndarray, exact: np.ndarray) -> None:
    """Exact frames above those of the quality, evenly spaced and around the worst one."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    error = np.mean((frames.astype(float) - exact) ** 2, axis=(1, 2, 3))
    worst = int(error.argmax())
    around = [n for n in range(worst - 3, worst + 4) if 0 <= n < len(exact)]
    chosen = [*np.linspace(0, len(exact) - 1, 6).astype(int).tolist(), *around]
    rows = [np.concatenate([part[n][::2, ::2] for n in chosen], axis=1) for part in (exact, frames)]
    Image.fromarray(np.concatenate(rows)).save(path, quality=88)


def main() -> None:
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.render.quality import DEFAULT_QUALITY

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", nargs="*", type=Path, default=[], help="files, or folders of them")
    parser.add_argument("--drum-loop", action="store_true", help="the 150 BPM loop as well")
    parser.add_argument("--cache", type=Path, help="folder that keeps the exact pictures")
    parser.add_argument("--bound", action="store_true", help="also the best choice of exact pictures")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--fps", default="24")
    parser.add_argument("--size", type=int, default=demo_model.SIZE)
    parser.add_argument("--quality", default=DEFAULT_QUALITY)
    parser.add_argument("--one-beat", action="store_true")
    parser.add_argument("--raw-pace", action="store_true", help="at the pace of the mix, not of what is seen")
    parser.add_argument("--keyframe-attention", action="store_true", help="in-between pictures attend to keyframes")
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as home:
        changes = {"even_pace": not options.raw_pace, "keyframe_attention": options.keyframe_attention}
        renderer = Renderer(Path(home), options.size, **changes)
        files = [
            path for entry in options.songs for path in (sorted(entry.glob("*.ogg")) if entry.is_dir() else [entry])
        ]
        songs = [(path.stem, *read_audio(path)) for path in files]
        if options.drum_loop or not songs:
            songs.append(("150 BPM", drum_loop(options.seconds), RATE))
        for name, waveform, rate in songs:
            result = results[name] = measure(renderer, name, waveform, rate, options)
            print(
                f"{name[:40]}: {result['frames']} frames, {result['shots']} shots, UNet calls {result['calls']} of "
                f"{result['calls_exact']} ({result['share']:.3f}), {result['decoded']} decoded, "
                f"{result['speedup']:.2f} x faster of {result['speedup_allowed']:.2f} x"
                f", onset-motion r {result['onset_motion']['exact']:.3f} exact, "
                f"{result['onset_motion'][options.quality]:.3f}"
                + (" (exact from the cache)" if result["exact_from_cache"] else "")
            )
            for kind in (options.quality, "held", "blended", *(["bound"] if options.bound else [])):
                row = result[kind]
                print(
                    f"  {kind:9} SSIM {row['ssim']:.4f}, lowest {row['ssim_lowest']:.3f} at frame "
                    f"{row['lowest_frame']} ({row['frames_under_085']} under .85); PSNR {row['psnr']:.2f} dB, "
                    f"of the mean error {row['psnr_of_mean_error']:.2f} dB",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2), "utf-8")


if __name__ == "__main__":
    main()
