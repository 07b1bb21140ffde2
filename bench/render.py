"""What RenderMusicVideo costs beside its bare model calls, and whether memory grows with the song.

    python bench/render.py [--checkpoint SD15.safetensors] [--size 256] [--steps 4] [--frames 16] [--check] [--json OUT]

Overhead: wall time of one render over the time inside its UNet and VAE calls, which are timed in that very
run, so that the machine's noise meets both. Memory: peak resident size of whole processes that render the
demo model, one with ten times the frames of the other. Beside it (--beside): the same frames by a loop of one
KSampler and one decode per frame, by the prompt-walk method of stable-diffusion-videos and Giffusion (all noise and
embeddings first, embeddings lerped, batches of four), by exact mode and by the default quality. --comfyui adds the
KSampler loop in a real ComfyUI (COMFYUI_DIR or ~/ComfyUI) on the same noise and prompts; it needs --checkpoint, and
does not encode what it paints. --methods names those to run. Without --checkpoint the demo model stands for all; it is
so small that its overhead says little about SD1.5; --checkpoint random takes an SD1.5 with random weights.
--only-beside leaves the rest out. --check ends with status 1 where the overhead is over 3 % or memory grows by more
than 5 %.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from repository import ROOT, judged

MOST_OVERHEAD, MOST_GROWTH = 0.03, 0.05


def moving_song(frames: int, fps: int = 12):
    """(story, schedule, waveform, rate) of a video in which every frame is a picture of its own but one."""
    import numpy as np

    from songreel.nodes.base import types
    from songreel.nodes.schedule.plan import onset

    duration = frames / fps
    last = (frames - 1) / fps
    song = types.SongAnalysis(
        duration=duration,
        fps=Fraction(fps),
        curves={"onset": np.random.default_rng(0).random(frames).astype(np.float32)},
        beats=np.array([]),
        downbeats=np.array([]),
        onsets=np.array([]),
        tempo=0.0,
        tempo_per_beat=np.array([]),
    )
    story = types.Story((types.Shot(0.0, last, "a harbour at dawn"), types.Shot(last, duration, "a city at night")))
    waveform = np.zeros((2, round(duration * 44_100)), np.float32)
    return story, onset.onset_slerp_schedule(song, story), waveform, 44_100


def render(checkpoint: Path | None, *, size: int, steps: int, frames: int) -> dict:
    """Render in this process; seconds of wall, of UNet and of VAE calls, and peak memory in MB."""
    from headless.__main__ import bootstrap
    from headless.host import HeadlessHost
    from songreel.nodes.host import current

    bootstrap(HeadlessHost())
    import torch

    from headless.demo_model import CHECKPOINT
    from headless.sd.checkpoint import load_checkpoint

    host = current()
    from songreel.nodes.render import plan
    from songreel.nodes.render import render as stage

    model, clip, vae = load_checkpoint(checkpoint or CHECKPOINT)
    inside = {"unet": 0.0, "vae": 0.0}
    calls = {"unet": 0, "vae": 0}

    def timed(name, function):
        def call(*args, **kwargs):
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                inside[name] += time.perf_counter() - begin
                calls[name] += 1

        return call

    model.weights.module.forward = timed("unet", model.weights.module.forward)
    vae.weights.module.decode = timed("vae", vae.weights.module.decode)
    settings = plan.RenderSettings(size, size, steps, 7.0, "dpmpp_2m", "karras", 0, quality="exact", even_pace=False)
    with torch.inference_mode():
        for part in (model, clip, vae):
            host.fingerprint(part)
        begin = time.perf_counter()
        _, report = stage.render_music_video(host, model, clip, vae, *moving_song(frames), settings)
        wall = time.perf_counter() - begin
    # ru_maxrss counts bytes on macOS and KiB elsewhere.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "frames": frames,
        "wall_s": wall,
        "unet_s": inside["unet"],
        "vae_s": inside["vae"],
        "unet_calls": calls["unet"],
        "vae_calls": calls["vae"],
        "overhead": wall / (inside["unet"] + inside["vae"]),
        "peak_mb": peak,
        "stages_s": report["seconds"],
    }


METHODS = ("ksampler loop", "prompt walk", "exact", "balanced")


def beside(
    checkpoint: Path | None, *, size: int, steps: int, frames: int, comfyui: bool = False, methods=METHODS
) -> dict:
    """Seconds for the same frames by two plain loops, by exact mode and by the default quality, in this process.

    Each encodes its frames with the same settings. A shot of `frames` frames and the next shot's picture.
    """
    from headless.__main__ import bootstrap
    from headless.host import HeadlessHost
    from songreel.nodes.host import current

    bootstrap(HeadlessHost())
    import torch

    from headless.demo_model import CHECKPOINT
    from headless.sd.checkpoint import load_checkpoint

    host = current()
    from songreel.nodes.base.media import video
    from songreel.nodes.host.port import Sampling
    from songreel.nodes.render import model_inputs, plan
    from songreel.nodes.render import render as stage
    from songreel.nodes.render.chunk_pictures import to_uint8
    from songreel.nodes.render.interpolate import slerp
    from songreel.nodes.render.quality import DEFAULT_QUALITY

    model, clip, vae = load_checkpoint(checkpoint or CHECKPOINT)
    story, schedule, waveform, rate = moving_song(frames + 1)
    options = {"steps": steps, "cfg": 7.0, "sampler": "dpmpp_2m", "scheduler": "karras"}
    settings = plan.RenderSettings(size, size, steps, 7.0, "dpmpp_2m", "karras", 0, quality="exact", even_pace=False)
    positions = [*schedule.t[:frames].tolist(), 1.0]

    def encode(name: str, shown) -> None:
        video.write_segment(host.temp_dir() / f"{name}.mp4", shown, fps=schedule.fps)

    def ksampler_loop() -> None:
        """One graph run per frame: the prompts are encoded once, each frame is sampled and decoded alone."""
        material = model_inputs.ModelInputs(host, clip, story, settings)
        batches = (material.batch(0, 1, [t]) for t in positions)
        latents = (host.sample(model, *batch, Sampling(**options)) for batch in batches)
        encode("ksampler", (to_uint8(host.vae_decode(vae, latent))[0] for latent in latents))

    def prompt_walk() -> None:
        """All in memory: noise slerped, embeddings lerped, batches of four, frames encoded at the end."""
        material = model_inputs.ModelInputs(host, clip, story, settings)
        (a, negative), (b, _) = material.prompts(0, 1)
        noise = torch.cat([slerp(material.noise(0), material.noise(1), t, dim=(1, 2, 3)) for t in positions])
        embeddings = torch.cat([torch.lerp(a, b, t) for t in positions])
        shown = []
        for x, text in zip(noise.split(4), embeddings.split(4), strict=True):
            latent = host.sample(model, x, text, negative, Sampling(**options))
            shown += list(to_uint8(host.vae_decode(vae, latent)))
        encode("walk", shown)

    def ours(name: str) -> None:
        # The node's defaults; exact mode shows the loops' own pictures.
        even = name != "exact"
        chosen = plan.RenderSettings(size, size, steps, 7.0, "dpmpp_2m", "karras", 0, quality=name, even_pace=even)
        _, report = stage.render_music_video(host, model, clip, vae, story, schedule, waveform, rate, chosen)
        calls[name] = report["model_calls"], report["pictures_decoded"]

    found, calls = {}, {}
    with torch.inference_mode():
        batch = model_inputs.ModelInputs(host, clip, story, settings).batch(0, 0, [0.0])
        host.sample(model, *batch, Sampling(**options))
        for part in (model, clip, vae):
            host.fingerprint(part)
        for name, work in (
            ("ksampler loop", ksampler_loop),
            ("prompt walk", prompt_walk),
            ("exact", lambda: ours("exact")),
            (DEFAULT_QUALITY, lambda: ours(DEFAULT_QUALITY)),
        ):
            if name not in methods:
                continue
            begin = time.perf_counter()
            work()
            found[name] = time.perf_counter() - begin
        if comfyui:
            material = model_inputs.ModelInputs(host, clip, story, settings)
            negative = material.prompts(0, 1)[0][1]
            rows = [material.batch(0, 1, [t]) for t in positions]
            found["ComfyUI loop"] = comfyui_loop(checkpoint, rows, negative, options)
    return {"seconds": found, "calls": calls}


def comfyui_loop(checkpoint: Path, rows: list, negative, options: dict) -> float:
    """Seconds of the same frames by a KSampler loop in a real ComfyUI, in a process of its own."""
    import numpy as np
    import torch

    from support.comfyui import find_comfyui

    place = find_comfyui()
    if place is None:
        sys.exit("There is no ComfyUI; set COMFYUI_DIR.")
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npz"
        np.savez(
            inputs,
            noise=torch.cat([row[0] for row in rows]).numpy(),
            positive=torch.cat([row[1] for row in rows]).numpy(),
            negative=negative.numpy(),
        )
        command = [place[1], str(ROOT / "bench" / "render_comfyui.py"), str(place[0]), str(checkpoint), str(inputs)]
        done = subprocess.run([*command, json.dumps(options)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])["seconds"]


def in_a_process(function: str = "render", **options) -> dict:
    """`render` or `beside` in a process and a home folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        prelude = f"import json, sys; sys.path.insert(0, {str(ROOT / 'bench')!r}); import render\n"
        code = "from pathlib import Path, PosixPath, WindowsPath\n"
        code += f"print(json.dumps(render.{function}(**{options!r})))"
        import os

        done = subprocess.run(
            [sys.executable, "-c", prelude + code],
            capture_output=True,
            text=True,
            env=os.environ | {"SONGREEL_HOME": home},
        )
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help='a file, or "random"')
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--memory-frames", type=int, default=60)
    parser.add_argument("--beside", action="store_true", help="time the plain loops beside both modes")
    parser.add_argument("--comfyui", action="store_true", help="and the KSampler loop of a real ComfyUI")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="what is timed beside")
    parser.add_argument("--only-beside", action="store_true", help="neither overhead nor memory")
    parser.add_argument("--check", action="store_true", help="end with status 1 over the bars")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.checkpoint == Path("random"):
        from support.random_sd15 import full_sd15

        options.checkpoint = full_sd15()
    if options.check and options.checkpoint is None:
        parser.error("--check needs a --checkpoint: what the demo model costs says little about SD1.5")
    if options.comfyui and options.checkpoint is None:
        parser.error("--comfyui needs a --checkpoint that ComfyUI can load")
    if options.beside or options.comfyui or options.only_beside:
        given = {
            name: getattr(options, name) for name in ("checkpoint", "size", "steps", "frames", "comfyui", "methods")
        }
        found = in_a_process("beside", **given)
        seconds = found["seconds"]
        ours = {"exact", *found["calls"]}
        fastest = min((value for name, value in seconds.items() if name not in ours), default=min(seconds.values()))
        print("beside    " + ", ".join(f"{name} {s:.2f} s ({fastest / s:.2f} x)" for name, s in seconds.items()))
        for name, (calls, decoded) in found["calls"].items():
            print(f"          {name}: {calls} model rows, {decoded} pictures decoded")
    if options.only_beside:
        return
    one = in_a_process(checkpoint=options.checkpoint, size=options.size, steps=options.steps, frames=options.frames)
    print(
        f"overhead  {one['overhead']:.4f}  (wall {one['wall_s']:.1f} s, {one['unet_calls']} UNet calls "
        f"{one['unet_s']:.1f} s, {one['vae_calls']} VAE calls {one['vae_s']:.1f} s; {options.size}x{options.size}, "
        f"{options.frames} frames)"
    )
    print("stages    " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in one["stages_s"].items()))
    short, long = (
        in_a_process(checkpoint=None, size=options.size, steps=1, frames=count)
        for count in (options.memory_frames, 10 * options.memory_frames)
    )
    growth = long["peak_mb"] / short["peak_mb"] - 1
    print(
        f"memory    {short['peak_mb']:.0f} MB at {short['frames']} frames, {long['peak_mb']:.0f} MB at "
        f"{long['frames']} frames: {growth:+.1%}"
    )
    if options.json:
        options.json.write_text(json.dumps({"render": one, "short": short, "long": long}, indent=2), "utf-8")
    if options.check:
        bars = [("overhead", one["overhead"] - 1, "<=", MOST_OVERHEAD), ("growth of memory", growth, "<=", MOST_GROWTH)]
        judged(bars)


if __name__ == "__main__":
    main()
