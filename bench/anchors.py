"""How close the default quality comes to exact mode, and how many model calls it saves.

    python bench/anchors.py [SONG ...] [--seconds 20] [--fps 24] [--quality balanced] [--sheets DIR] [--json OUT]

For every song the demo model renders an excerpt in exact mode and at the quality, and the pictures are compared before
encoding: structural similarity and PSNR per frame. Beside them, at the same number of model calls and from the exact
pictures themselves: frames at equal distances held, and blended. Without songs: a drum loop at 150 BPM with
one-beat shots. `--one-beat` gives every song such shots. Needs what tests/requirements.txt names.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from skimage.metrics import structural_similarity  # noqa: E402

from headless import demo_model, pack  # noqa: E402
from headless.__main__ import bootstrap  # noqa: E402
from headless.host import HeadlessHost  # noqa: E402

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
    """Renders excerpts with the demo model and keeps the pictures as they are before encoding."""

    def __init__(self, home: Path, size: int):
        bootstrap(HeadlessHost(home))
        from headless.sd.checkpoint import load_checkpoint

        self.host = pack.load("nodes.host").current()
        self.stage, self.plan = pack.load("nodes.render.render"), pack.load("nodes.render.plan")
        self.parts = load_checkpoint(demo_model.CHECKPOINT, device="cpu")
        self.size = size
        self.pictures: list[np.ndarray] = []
        write = self.stage.write_segment

        def keep(path, frames, **options):
            # The renderer uses their memory again for its next chunk.
            frames = [frame.copy() for frame in frames]
            self.pictures += frames
            return write(path, frames, **options)

        self.stage.write_segment = keep

    def render(self, story, schedule, waveform, rate, quality: str, **changes) -> tuple[np.ndarray, dict]:
        """Frames uint8 (n, h, w, 3) and the report. changes: other settings."""
        self.pictures.clear()
        # Segments of an earlier render would be reused, and their pictures not seen here.
        shutil.rmtree(self.host.private_dir() / "work", ignore_errors=True)
        settings = self.plan.RenderSettings(
            self.size, self.size, demo_model.STEPS, demo_model.CFG, "dpmpp_2m", "karras", 1, quality=quality, **changes
        )
        with torch.inference_mode():
            begin = time.perf_counter()
            _, report = self.stage.render_music_video(self.host, *self.parts, story, schedule, waveform, rate, settings)
        report["wall"] = time.perf_counter() - begin
        return np.stack(self.pictures), report


def compare(frames: np.ndarray, exact: np.ndarray) -> dict:
    """SSIM and PSNR of frames against exact ones. Frames that are equal count with 60 dB."""
    ssim = [structural_similarity(a, b, channel_axis=2) for a, b in zip(frames, exact, strict=True)]
    squares = np.mean((frames.astype(np.float64) - exact) ** 2, axis=(1, 2, 3))
    psnr = np.minimum(10 * np.log10(255**2 / np.maximum(squares, 1e-9)), 60)
    return {
        "ssim": float(np.mean(ssim)),
        "ssim_lowest": float(min(ssim)),
        "frames_under_085": int(np.sum(np.array(ssim) < 0.85)),
        "psnr": float(psnr.mean()),
        "psnr_of_mean_error": float(10 * np.log10(255**2 / max(squares.mean(), 1e-9))),
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
    audio, timeline = pack.load("nodes.audio.analysis"), pack.load("nodes.story.timeline")
    onset = pack.load("nodes.schedule.onset")
    waveform = waveform[:, : int(options.seconds * rate)]
    song = audio.analyze(waveform, rate, fps=options.fps)
    one_beat = options.one_beat or name == "150 BPM"
    story = timeline.parse_timeline(PROMPTS, song, snap="beat", split_beats=1 if one_beat else 4)
    schedule = onset.onset_slerp_schedule(song, story, gamma=2.0)
    exact, exact_report = renderer.render(story, schedule, waveform, rate, "exact")
    frames, report = renderer.render(story, schedule, waveform, rate, options.quality)
    share = report["model_calls"] / exact_report["model_calls"]
    parts = exact_report["seconds"]
    allowed = (parts["sample"] + parts["decode"]) / (
        share * parts["sample"] + report["pictures_decoded"] / exact_report["pictures_decoded"] * parts["decode"]
    )
    result = {
        "frames": len(exact),
        "shots": len(story.shots),
        "calls_exact": exact_report["model_calls"],
        "calls": report["model_calls"],
        "share": share,
        "decoded": report["pictures_decoded"],
        "wall_exact": exact_report["wall"],
        "wall": report["wall"],
        "speedup": exact_report["wall"] / report["wall"],
        "speedup_allowed": allowed,
        options.quality: compare(frames, exact),
    }
    count = round(share * exact_report["pictures_sampled"])
    result |= {kind: compare(made, exact) for kind, made in at_equal_distances(exact, count).items()}
    if options.sheets:
        save_sheet(options.sheets / f"anchors_{name[:20]}.jpg", frames, exact)
    return result


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("songs", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--fps", default="24")
    parser.add_argument("--size", type=int, default=demo_model.SIZE)
    parser.add_argument("--quality", default=pack.load("nodes.render.quality").DEFAULT_QUALITY)
    parser.add_argument("--one-beat", action="store_true")
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as home:
        renderer = Renderer(Path(home), options.size)
        songs = [(path.stem, *pack.load("nodes.media.audio").read_audio(path)) for path in options.songs]
        for name, waveform, rate in songs or [("150 BPM", drum_loop(options.seconds), RATE)]:
            result = results[name] = measure(renderer, name, waveform, rate, options)
            print(
                f"{name[:40]}: {result['frames']} frames, {result['shots']} shots, UNet calls {result['calls']} of "
                f"{result['calls_exact']} ({result['share']:.3f}), {result['decoded']} decoded, "
                f"{result['speedup']:.2f} x faster of {result['speedup_allowed']:.2f} x"
            )
            for kind in (options.quality, "held", "blended"):
                row = result[kind]
                print(
                    f"  {kind:9} SSIM {row['ssim']:.4f}, lowest {row['ssim_lowest']:.3f} ({row['frames_under_085']} "
                    f"under .85); PSNR {row['psnr']:.2f} dB, of the mean error {row['psnr_of_mean_error']:.2f} dB",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2), "utf-8")


if __name__ == "__main__":
    main()
