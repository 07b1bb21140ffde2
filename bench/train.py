"""Training a LoRA beside ComfyUI's TrainLoraNode and diffusers' DreamBooth-LoRA recipe: seconds a step, peak memory.

    python bench/train.py [--checkpoint SD15.safetensors] [--steps 4] [--only NAME ...] [--json OUT]

All of them: the same SD1.5 with random weights (or the one given), seven pictures, rank 16, 256x256, batch 1, AdamW,
each in a process of its own, one after the other. A step is the time between the ends of two optimizer steps, the
first left out, the median of the rest; beside it the processor time of all threads, which other programs on the
machine disturb less. Peak memory is the largest resident size of the whole process, loading included.

Ours is `train_lora`, what Train Identity LoRA runs, without class pictures, since the others have none. TrainLoraNode
is the one of ~/ComfyUI or $COMFYUI_DIR, in its own Python, on the CPU, called as the executor does with the node's
defaults (gradient checkpointing on, LoRA in the training's dtype). The recipe is diffusers'
examples/dreambooth/train_dreambooth_lora.py as a plain loop with its defaults, which encodes picture and prompt at
every step, and once more with both encoded once. The presets' own sizes run with --only preset.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from repository import ROOT

RANK, SIDE = 16, 256
ALL = "attention and convolutions"
# name -> (program, layers, precision)
CASES = {
    "ours, attention, fp32": ("ours", "attention", "float32"),
    "ours, attention, bf16": ("ours", "attention", "bfloat16"),
    "ours, all, fp32": ("ours", ALL, "float32"),
    "ours, all, bf16": ("ours", ALL, "bfloat16"),
    "recipe, attention, fp32": ("recipe", "attention", "float32"),
    "recipe, attention, bf16": ("recipe", "attention", "bfloat16"),
    "recipe, all, fp32": ("recipe", ALL, "float32"),
    "recipe, all, bf16": ("recipe", ALL, "bfloat16"),
    "recipe encoded once, attention, fp32": ("recipe-cached", "attention", "float32"),
    "recipe encoded once, attention, bf16": ("recipe-cached", "attention", "bfloat16"),
    "recipe encoded once, all, fp32": ("recipe-cached", ALL, "float32"),
    "recipe encoded once, all, bf16": ("recipe-cached", ALL, "bfloat16"),
    "TrainLoraNode, fp32": ("comfyui", "", "float32"),
    "TrainLoraNode, bf16": ("comfyui", "", "bfloat16"),
    "preset quick": ("preset", "quick", "auto"),
    "preset balanced": ("preset", "balanced", "auto"),
    "preset balanced, memory save": ("preset", "balanced", "save"),
    "preset best": ("preset", "best", "auto"),
}
# (what, ours, theirs, figure, target): steps a second must be at least, peak memory at most the target.
TARGETS = [
    ("speed", "ours, attention, fp32", "TrainLoraNode, fp32", 4.0),
    ("speed", "ours, attention, bf16", "TrainLoraNode, bf16", 2.0),
    ("speed", "ours, all, bf16", "TrainLoraNode, bf16", 1.4),
    ("memory", "ours, attention, fp32", "TrainLoraNode, fp32", 0.55),
    ("memory", "ours, attention, bf16", "TrainLoraNode, bf16", 0.55),
    ("memory", "ours, all, bf16", "TrainLoraNode, bf16", 0.55),
    *(
        ("speed", f"ours, {layers}, {kind}", f"{recipe}, {layers}, {kind}", 1.1)
        for recipe in ("recipe", "recipe encoded once")
        for layers in ("attention", "all")
        for kind in ("fp32", "bf16")
    ),
]


class Clock:
    """When each optimizer step ended, in whatever program runs in this process."""

    def __init__(self):
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self.ends: list[tuple[float, float]] = []
        self._hook = register_optimizer_step_post_hook(
            lambda *_: self.ends.append((time.perf_counter(), time.process_time()))
        )

    def report(self, **more) -> None:
        """Print what was measured as the process's last line."""
        import torch

        steps = list(zip(self.ends[:-1], self.ends[1:], strict=True))
        seconds, cpu = ([end[kind] - begin[kind] for begin, end in steps] for kind in (0, 1))
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        peak = int(status["VmHWM"].split()[0]) / 1024
        result = {"seconds": seconds, "cpu": cpu, "peak_mb": round(peak), "threads": torch.get_num_threads()}
        print(json.dumps(result | {"torch": torch.__version__} | more))


def ours(checkpoint: Path, steps: int, *, preset: str = "", **given) -> None:
    """The pack's own training, from the pictures to the file. Without a preset: the settings of all programs here."""
    import dataclasses

    import torch

    from headless.demo.subject import DemoSubject
    from headless.host import HeadlessHost
    from songreel.nodes.person.identity.run import train_lora
    from songreel.nodes.person.identity.settings import PRESETS

    if not preset:
        given |= {"rank": RANK, "alpha": float(RANK), "resolution": SIDE}
    settings = dataclasses.replace(
        PRESETS[preset or "balanced"],
        steps=steps, class_pictures=0, prior_share=0.0, validate_every=steps, **given,
    )  # fmt: skip
    whole = DemoSubject("zuva").training_subject(settings.resolution)
    # Two of the seven: a step does not get slower by more, validation before the first one does.
    subject = dataclasses.replace(whole, pictures=whole.pictures[:2], captions=whole.captions[:2])
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        host = HeadlessHost(Path(folder))
        (Path(folder) / "models" / "loras").mkdir(parents=True)
        done = train_lora(host, subject, checkpoint, settings)
        from safetensors import safe_open

        size = done.path.stat().st_size / 1e6
        with safe_open(done.path, framework="pt") as file:
            adapted = sum(key.endswith("lora_down.weight") for key in file.keys())  # noqa: SIM118
    weights = done.report["weights_trained"]
    told = f"{adapted} layers, {weights / 1e6:.2f} M weights ({size:.1f} MB file)"
    clock.report(adapts=told, losses=done.curve.losses, report=done.report)


def recipe(checkpoint: Path, layers: str, precision: str, steps: int, cached: bool) -> None:
    """diffusers' train_dreambooth_lora.py, its UNet part, with accelerate's mixed precision written out."""
    import contextlib

    import numpy as np
    import torch
    from diffusers import DDPMScheduler
    from diffusers.optimization import get_scheduler
    from peft import LoraConfig

    from headless.demo.subject import DemoSubject
    from songreel.nodes.diffusion.sd15 import checkpoint as sd15
    from songreel.nodes.person.identity import adapter, material

    dtype, clock = getattr(torch, precision), Clock()
    file = sd15.CheckpointFile(checkpoint)
    unet, vae, text = (sd15.load_part(file, name, dtype=dtype) for name in ("unet", "vae", "text_encoder"))
    unet.add_adapter(
        LoraConfig(
            r=RANK, lora_alpha=RANK, init_lora_weights="gaussian", target_modules=adapter.target_of("unet", layers)
        )
    )
    trained = [value for value in unet.parameters() if value.requires_grad]
    for value in trained:
        value.data = value.data.float()
    optimizer = torch.optim.AdamW(trained, lr=5e-4, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8)
    rates = get_scheduler("constant", optimizer, num_warmup_steps=0, num_training_steps=steps)
    noise_scheduler = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    subject = DemoSubject("zuva").training_subject(SIDE)
    pictures = [torch.from_numpy(np.ascontiguousarray(entry)).movedim(-1, 0) / 127.5 - 1 for entry in subject.pictures]
    # The clip tokens decide nothing about speed; every prompt has 77.
    ids = torch.tensor([material.padded_ids(list(range(320, 328)))])
    mixed = torch.autocast("cpu", dtype) if dtype == torch.bfloat16 else contextlib.nullcontext()

    def encode(picture):
        with torch.no_grad():
            return vae.encode(picture[None].to(dtype)).latent_dist.sample() * 0.18215, text(ids).last_hidden_state

    known = [encode(picture) for picture in pictures] if cached else None
    losses = []
    unet.train()
    for step in range(steps):
        index = step % len(pictures)
        latents, prompt = known[index] if known else encode(pictures[index])
        noise = torch.randn_like(latents)
        times = torch.randint(0, 1000, (1,))
        noisy = noise_scheduler.add_noise(latents, noise, times)
        with mixed:
            predicted = unet(noisy, times, prompt, return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(predicted.float(), noise.float(), reduction="mean")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    count, weights = len(trained) // 2, sum(value.numel() for value in trained)
    clock.report(adapts=f"{count} layers, {weights / 1e6:.2f} M weights", losses=losses)


def run_case(name: str, checkpoint: Path, steps: int) -> dict:
    """One case in a process of its own."""
    from support.comfyui import find_comfyui

    program, layers, precision = CASES[name]
    if program == "comfyui":
        found = find_comfyui()
        if found is None:
            return {"error": "NO COMFYUI FOUND: set COMFYUI_DIR"}
        folder, python = found
        # Its cheapest step takes several of ours; one after the first is enough.
        command = [python, ROOT / "bench" / "train_comfyui.py", folder, checkpoint, precision, max(2, steps // 2)]
    else:
        command = [sys.executable, __file__, "--worker", program, layers, precision]
        command += ["--checkpoint", checkpoint, "--steps", steps]
    # Threads that spin while they wait would only steal from whatever else runs on this machine.
    environment = os.environ | {"OMP_NUM_THREADS": str(os.cpu_count()), "OMP_WAIT_POLICY": "PASSIVE"}
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, check=False)
    if run.returncode:
        return {"error": run.stderr.strip()[-1500:]}
    return json.loads(run.stdout.splitlines()[-1])


def table(results: dict[str, dict]) -> str:
    """What was measured and how it stands to the targets."""
    lines = [f"{'':38} s a step   (least-most)   CPU s  peak GB  adapts"]
    for name, got in results.items():
        if "error" in got:
            lines.append(f"{name:38} {got['error'].splitlines()[-1]}")
            continue
        seconds = got["seconds"]
        spread = f"({min(seconds):.2f}-{max(seconds):.2f})"
        median = statistics.median(seconds)
        cpu, peak = statistics.median(got["cpu"]), got["peak_mb"] / 1024
        lines.append(f"{name:38} {median:8.2f} {spread:>16} {cpu:6.1f} {peak:8.2f}  {got['adapts']}")
    lines.append("")
    for kind, mine, other, target in TARGETS:
        if any("error" in results.get(name, {"error": ""}) for name in (mine, other)):
            continue
        if kind == "speed":
            ratio, cpu = (
                statistics.median(results[other][clock]) / statistics.median(results[mine][clock])
                for clock in ("seconds", "cpu")
            )
            text = f"{ratio:.2f} x the steps/s of {other} (>= {target}), {cpu:.2f} x by processor time"
            met = ratio >= target
        else:
            ratio = results[mine]["peak_mb"] / results[other]["peak_mb"]
            text, met = f"{ratio:.2f} x the peak memory of {other} (<= {target})", ratio <= target
        lines.append(f"{'ok    ' if met else 'MISSED'} {mine}: {text}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--only", nargs="+", help="parts of the names of the cases that run")
    parser.add_argument("--json", type=Path, help="every figure; cases that it has and that do not run are kept")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        program, layers, precision = args.worker
        if program == "ours":
            ours(args.checkpoint, args.steps, layers=layers, precision=precision)
        elif program == "preset":
            ours(args.checkpoint, args.steps, preset=layers, memory=precision)
        else:
            recipe(args.checkpoint, layers, precision, args.steps, program == "recipe-cached")
        return
    if args.checkpoint is None:
        from support.random_sd15 import full_sd15

        args.checkpoint = full_sd15()
    known = json.loads(args.json.read_text("utf-8")) if args.json and args.json.is_file() else {}
    results = {name: known[name] for name in CASES if name in known}
    for name in CASES:
        if not any(part in name for part in args.only) if args.only else name.startswith("preset"):
            continue
        results[name] = run_case(name, args.checkpoint.absolute(), args.steps)
        print(name, results[name].get("seconds", results[name]), file=sys.stderr, flush=True)
        if args.json:
            args.json.write_text(json.dumps(results, indent=1), "utf-8")
    print(table({name: results[name] for name in CASES if name in results}))


if __name__ == "__main__":
    main()
