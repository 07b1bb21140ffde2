"""What the demo model has learnt: scenes and palettes by name, clean pictures, smooth interpolation between prompts.

    python bench/demo_model.py [--model FILE] [--judge FILE] [--sheets DIR] [--json OUT] [--cfg 5] [--steps 8]

A judge (a small classifier that has seen procedural scenes only) looks at pictures of prompts that were written by
hand and are in no training caption. Its own accuracy on scenes that it has not seen comes first. Needs what
tests/requirements.txt names. About ten minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter
from pathlib import Path

import repository  # noqa: F401

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from headless import demo_model
from headless.demo_training import scenes
from headless.demo_training.judge import Judge, accuracy, load_judge
from headless.demo_training.prompts import HELD_OUT
from headless.sd.checkpoint import load_checkpoint
from headless.sd.sampling import sample
from headless.sd.text import encode_text
from headless.sd.vae import vae_decode, vae_encode
from songreel.nodes.host.port import Sampling
from songreel.nodes.render.interpolate import slerp

SIZE = 256
FRAMES = 25  # of one interpolation between two prompts: two seconds at 12 fps


class Painter:
    """The demo model with one choice of sampler, steps and guidance."""

    def __init__(self, model_file: Path, *, steps: int, cfg: float):
        self.model, self.clip, self.vae = load_checkpoint(model_file, device="cpu")
        self.steps, self.cfg = steps, cfg

    def prompt(self, text: str) -> torch.Tensor:
        return encode_text(self.clip, text)

    @staticmethod
    def noise(seed: int) -> torch.Tensor:
        return torch.randn(1, 4, SIZE // 8, SIZE // 8, generator=torch.Generator().manual_seed(seed))

    def paint(self, noise: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
        """Pictures (n, h, w, 3) in 0..1, sixteen at a time."""
        pictures = []
        for x, prompt in zip(noise.split(16), positive.split(16), strict=True):
            latent = sample(
                self.model, x, prompt, self.prompt(""),
                Sampling(steps=self.steps, cfg=self.cfg, sampler="dpmpp_2m", scheduler="karras"))  # fmt: skip
            pictures.append(vae_decode(self.vae, latent))
        return torch.cat(pictures)


def held_out_prompts(painter: Painter, judge: Judge, seeds: int) -> tuple[dict, torch.Tensor]:
    told = [entry for entry in HELD_OUT for _ in range(seeds)]
    noise = torch.cat([painter.noise(n) for n in range(len(told))])
    pictures = painter.paint(noise, torch.cat([painter.prompt(text) for _, _, text in told]))
    scene, palette = (answer.argmax(axis=1) for answer in judge.probabilities(pictures))
    right_scene = [scenes.SCENES[n] == entry[0] for n, entry in zip(scene, told, strict=True)]
    right_palette = [scenes.PALETTES[n] == entry[1] for n, entry in zip(palette, told, strict=True)]
    mistakes = Counter(
        f"{entry[2]}: {scenes.SCENES[s]}, {scenes.PALETTES[p]}"
        for entry, s, p, ok_s, ok_p in zip(told, scene, palette, right_scene, right_palette, strict=True)
        if not (ok_s and ok_p)
    )
    return {
        "pictures": len(told),
        "scene_right": float(np.mean(right_scene)),
        "palette_right": float(np.mean(right_palette)),
        "scene_right_by_scene": _shares(right_scene, [entry[0] for entry in told]),
        "palette_right_by_palette": _shares(right_palette, [entry[1] for entry in told]),
        "mistakes": dict(mistakes.most_common()),
    }, pictures[::seeds]


def _shares(right: list[bool], names: list[str]) -> dict[str, float]:
    return {
        name: float(np.mean([ok for ok, other in zip(right, names, strict=True) if other == name]))
        for name in dict.fromkeys(names)
    }


def empty_prompt(painter: Painter, judge: Judge, count: int) -> tuple[dict, torch.Tensor]:
    noise = torch.cat([painter.noise(10_000 + n) for n in range(count)])
    pictures = painter.paint(noise, painter.prompt("").repeat(count, 1, 1))
    scene, _ = judge.probabilities(pictures)
    found = Counter(scenes.SCENES[n] for n in scene.argmax(axis=1))
    return {"pictures": count, "largest_share": max(found.values()) / count, "scenes": dict(found)}, pictures


def autoencoder(painter: Painter, count: int) -> tuple[dict, torch.Tensor, torch.Tensor]:
    drawn = torch.from_numpy(np.stack([scenes.draw(scene, SIZE) for scene in scenes.sample_scenes(count, 303)]))
    pictures = drawn.float() / 255
    back = torch.cat([vae_decode(painter.vae, vae_encode(painter.vae, part)) for part in pictures.split(16)])
    ratios = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1.0) for a, b in zip(pictures, back, strict=True)
    ]
    return {"pictures": count, "psnr_mean": float(np.mean(ratios)), "psnr_worst": float(min(ratios))}, pictures, back


def interpolation(painter: Painter, judge: Judge, count: int) -> tuple[dict, torch.Tensor]:
    """Slerp of noise and prompt from one held-out prompt to another of a different scene, at equal steps."""
    rng = np.random.default_rng(404)
    clean, smooth, steps, ends, frame_ssim, end_ssim, shown = 0, 0, [], [], [], [], []
    for pair in range(count):
        a, b = (HELD_OUT[n] for n in rng.choice(len(HELD_OUT), 2, replace=False))
        while a[0] == b[0]:
            b = HELD_OUT[rng.integers(len(HELD_OUT))]
        times = np.linspace(0, 1, FRAMES)
        x, y = painter.noise(20_000 + 2 * pair), painter.noise(20_001 + 2 * pair)
        p, q = painter.prompt(a[2]), painter.prompt(b[2])
        frames = painter.paint(
            torch.cat([slerp(x, y, float(t), dim=(1, 2, 3)) for t in times]),
            torch.cat([slerp(p, q, float(t), dim=2) for t in times]),
        )
        scene, _ = judge.probabilities(frames)
        others = [n for n, name in enumerate(scenes.SCENES) if name not in (a[0], b[0])]
        clean += bool(scene[:, others].max() <= 0.5)
        images = frames.numpy()
        moved = [float(np.abs(one - two).mean()) for one, two in itertools.pairwise(images)]
        whole = float(np.abs(images[0] - images[-1]).mean())
        smooth += max(moved) < whole
        steps += moved
        ends.append(whole)
        frame_ssim += [_ssim(one, two) for one, two in itertools.pairwise(images)]
        end_ssim.append(_ssim(images[0], images[-1]))
        if pair < 8:
            shown.append(frames[:: (FRAMES - 1) // 8])
    return {
        "pairs": count,
        "no_third_scene": clean / count,
        "every_step_smaller_than_the_whole_way": smooth / count,
        "mean_absolute_difference": {
            "frames_mean": float(np.mean(steps)),
            "frames_largest": float(max(steps)),
            "keyframes_mean": float(np.mean(ends)),
        },
        "ssim": {
            "frames_mean": float(np.mean(frame_ssim)),
            "frames_lowest": float(min(frame_ssim)),
            "keyframes_mean": float(np.mean(end_ssim)),
        },
    }, torch.cat(shown)


def _ssim(one: np.ndarray, two: np.ndarray) -> float:
    return float(structural_similarity(one, two, channel_axis=2, data_range=1.0))


def save_sheet(path: Path, pictures: torch.Tensor, columns: int, size: int = 128) -> None:
    from PIL import Image

    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * size, rows * size))
    for n, picture in enumerate(pictures):
        image = Image.fromarray((picture.clamp(0, 1) * 255).round().byte().numpy())
        sheet.paste(image.resize((size, size), Image.Resampling.LANCZOS), (n % columns * size, n // columns * size))
    sheet.save(path, quality=82, optimize=True)


def training_pictures() -> torch.Tensor:
    """A drawn scene for every held-out prompt, in the same order."""
    pool = {(scene.scene, scene.palette): scene for scene in scenes.sample_scenes(len(HELD_OUT), 505)}
    return torch.from_numpy(np.stack([scenes.draw(pool[entry[:2]], SIZE) for entry in HELD_OUT])).float() / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=demo_model.CHECKPOINT)
    parser.add_argument("--judge", type=Path, default=demo_model.JUDGE)
    parser.add_argument("--steps", type=int, default=demo_model.STEPS)
    parser.add_argument("--cfg", type=float, default=demo_model.CFG)
    parser.add_argument("--seeds", type=int, default=4, help="pictures for each held-out prompt")
    parser.add_argument("--empty", type=int, default=120, help="pictures of the empty prompt")
    parser.add_argument("--pairs", type=int, default=30, help="interpolations between two prompts")
    parser.add_argument("--sheets", type=Path, help="folder for JPEG sheets of what was judged")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    judge = load_judge(args.judge)
    painter = Painter(args.model, steps=args.steps, cfg=args.cfg)
    right = accuracy(judge)
    result = {"steps": args.steps, "cfg": args.cfg, "judge": {"scene_right": right[0], "palette_right": right[1]}}
    result["held_out_prompts"], prompted = held_out_prompts(painter, judge, args.seeds)
    result["empty_prompt"], unprompted = empty_prompt(painter, judge, args.empty)
    result["autoencoder"], drawn, back = autoencoder(painter, 64)
    sheets = {
        "generated": (prompted, 6),
        "training": (training_pictures(), 6),
        "empty_prompt": (unprompted[:36], 6),
        "autoencoder": (torch.stack([drawn[:18], back[:18]], dim=1).flatten(0, 1), 6),
    }
    if args.pairs:
        result["interpolation"], shown = interpolation(painter, judge, args.pairs)
        sheets["interpolation"] = (shown, 9)
    text = json.dumps(result, indent=2)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", "utf-8")
    if args.sheets:
        args.sheets.mkdir(parents=True, exist_ok=True)
        for name, (pictures, columns) in sheets.items():
            save_sheet(args.sheets / f"{name}.jpg", pictures, columns, 96)


if __name__ == "__main__":
    main()
