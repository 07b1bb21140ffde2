"""What a LoRA learns of seven drawn pictures on the demo model, and what the model keeps.

    python bench/identity.py [--steps 180] [--rank 16] [--sheet OUT.png] [--plot OUT.png]

Loss is on mirrored pictures of the subject, and on class pictures held back, on the same noise every time.
Distance: of a sample to the nearest of the seven pictures, mean absolute difference of RGB at 32x32, 0..1, mean over
the captions of the seven, on the same noise with and without the LoRA. Kept: the same difference between the samples
of prompts without the token with and without it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import repository  # noqa: F401

import numpy as np
import torch
from PIL import Image

from headless.demo.subject import LOOKS, DemoSubject
from headless.demo_model import CHECKPOINT
from headless.host import HeadlessHost
from headless.sd.checkpoint import load_checkpoint
from headless.sd.vae import vae_decode
from songreel.nodes.host.port import Sampling

SIDE, SEED = 256, 500
KEPT = (
    "mountains at dawn",
    "a city skyline at night",
    "a sailing boat on the sea, blue sky",
    "a forest, emerald green",
)


def paint(host: HeadlessHost, model, clip, vae, prompts: tuple[str, ...]) -> list[np.ndarray]:
    """A picture of each prompt, uint8 (SIDE, SIDE, 3)."""
    pictures, negative = [], host.encode_text(clip, "")
    for index, prompt in enumerate(prompts):
        noise = torch.randn(1, 4, SIDE // 8, SIDE // 8, generator=torch.Generator().manual_seed(SEED + index))
        latent = host.sample(
            model, noise, host.encode_text(clip, prompt), negative, Sampling(steps=16, cfg=3.0, sampler="dpmpp_2m",
            scheduler="karras"))  # fmt: skip
        picture = vae_decode(vae, latent)[0]
        pictures.append((picture.float().cpu().numpy() * 255).round().clip(0, 255).astype(np.uint8))
    return pictures


def difference(one: np.ndarray, two: np.ndarray) -> float:
    """Mean absolute difference at 32x32, 0..1."""
    small = [np.asarray(Image.fromarray(entry).resize((32, 32), Image.Resampling.BOX), float) for entry in (one, two)]
    return float(np.abs(small[0] - small[1]).mean() / 255)


def nearest(pictures: list[np.ndarray], subject: tuple[np.ndarray, ...]) -> float:
    return float(np.mean([min(difference(picture, known) for known in subject) for picture in pictures]))


def main() -> None:
    from songreel.nodes.person.identity.plot import plot_training
    from songreel.nodes.person.identity.run import train_lora
    from songreel.nodes.person.identity.settings import LAYERS, settings_of

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--look", choices=list(LOOKS), default="zuva")
    parser.add_argument("--steps", type=int, default=180)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--layers", choices=LAYERS, default="attention and convolutions")
    parser.add_argument("--sheet", type=Path, help="samples without (above) and with the LoRA")
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    subject = DemoSubject(args.look).training_subject(SIDE)
    settings = settings_of(
        "quick", steps=args.steps, rank=args.rank, resolution=SIDE, learning_rate=args.learning_rate, text_encoder=True,
        layers=args.layers,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        host = HeadlessHost(Path(folder))
        (Path(folder) / "models" / "loras").mkdir(parents=True)
        begin = time.perf_counter()
        done = train_lora(host, subject, CHECKPOINT, settings)
        seconds = time.perf_counter() - begin
        model, clip, vae = load_checkpoint(CHECKPOINT)
        with_lora = host.apply_lora(model, clip, done.path, 1.0, 1.0)
        plain = [paint(host, model, clip, vae, prompts) for prompts in (subject.captions, KEPT)]
        learnt = [paint(host, *with_lora, vae, prompts) for prompts in (subject.captions, KEPT)]
    (_, first, first_class), (step, best, best_class) = done.curve.validation[0], done.curve.best
    moved = np.mean([difference(*pair) for pair in zip(plain[1], learnt[1], strict=True)])
    print(f"{seconds:.0f} s, {done.report['seconds_training']:.0f} s of it {args.steps} steps; step {step} kept")
    print(f"loss on unseen pictures {first:.4f} -> {best:.4f} ({best / first - 1:+.0%}), "
          f"of the class {first_class:.4f} -> {best_class:.4f}")  # fmt: skip
    print(f"distance to the subject {nearest(plain[0], subject.pictures):.4f} without, "
          f"{nearest(learnt[0], subject.pictures):.4f} with the LoRA")  # fmt: skip
    print(f"prompts without the token move by {moved:.4f}")
    if args.sheet:
        rows = [np.concatenate(plain[0] + plain[1], 1), np.concatenate(learnt[0] + learnt[1], 1)]
        Image.fromarray(np.concatenate(rows)).save(args.sheet)
    if args.plot:
        Image.fromarray(plot_training(done.curve)).save(args.plot)


if __name__ == "__main__":
    main()
