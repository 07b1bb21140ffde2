"""A small classifier that names the scene and the palette of a picture; it has seen procedural scenes only."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from . import scenes

log = logging.getLogger(__name__)
SIZE = 64  # pixels that it looks at
CHANNELS = (24, 48, 72, 96)


class Judge(nn.Module):
    """Four convolutions, each halving the picture, and one linear layer for each question."""

    def __init__(self):
        super().__init__()
        layers, width = [], 3
        for channels in CHANNELS:
            layers += [
                nn.Conv2d(width, channels, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, channels, 3, padding=1, groups=8, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            width = channels
        self.features = nn.Sequential(*layers)
        self.scene = nn.Linear(2 * width, len(scenes.SCENES))
        self.palette = nn.Linear(2 * width, len(scenes.PALETTES))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, scenes) and (n, palettes) of pictures (n, 3, h, w) in 0..1, any size."""
        small = functional.interpolate(pictures, size=(SIZE, SIZE), mode="area")
        features = self.features(small * 2 - 1)
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        return self.scene(pooled), self.palette(pooled)

    @torch.no_grad()
    def probabilities(self, pictures: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Softmax (n, scenes) and (n, palettes) of pictures (n, h, w, 3) in 0..1, as the VAE decodes them."""
        parts = [self(part.permute(0, 3, 1, 2).float()) for part in pictures.split(64)]
        return tuple(torch.cat(logits).softmax(dim=1).numpy() for logits in zip(*parts, strict=True))


def load_judge(path: Path) -> Judge:
    """The judge that a file holds, ready to answer."""
    from safetensors.torch import load_file

    judge = Judge()
    judge.load_state_dict({name: value.float() for name, value in load_file(path).items()}, strict=False)
    return judge.eval()


def drawn(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scenes drawn from a seed, with what they show.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        Of `scenes.sample_scenes`.

    Returns
    -------
    tuple of Tensor
        Pictures float32 (n, 3, 64, 64) in 0..1, scene indices (n,), palette indices (n,).
    """
    chosen = scenes.sample_scenes(count, seed)
    pictures = torch.from_numpy(np.stack([scenes.draw(scene, SIZE) for scene in chosen]))
    return (
        pictures.permute(0, 3, 1, 2).float() / 255,
        torch.tensor([scenes.SCENES.index(scene.scene) for scene in chosen]),
        torch.tensor([scenes.PALETTES.index(scene.palette) for scene in chosen]),
    )


def train_judge(path: Path, *, seed: int = 101, count: int = 12_000, epochs: int = 10, batch: int = 64) -> Judge:
    """Train a judge and save it as float16; about four minutes on two cores.

    Parameters
    ----------
    path : Path
        The .safetensors file, which is written whole or not at all.
    seed : int
        Of the pictures, one that nothing else uses, and of the training.
    count : int
        Number of pictures.
    epochs, batch : int
        How often each picture comes, and how many at a time.
    """
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    pictures, scene, palette = drawn(count, seed)
    judge = Judge().train()
    total = epochs * (count // batch)
    optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=1e-2)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=total)
    for step in range(total):
        chosen = torch.randint(count, (batch,))
        answers = judge(_disturbed(pictures[chosen]))
        loss = sum(
            functional.cross_entropy(answer, truth[chosen], label_smoothing=0.02)
            for answer, truth in zip(answers, (scene, palette), strict=True)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace.step()
        if step % 200 == 0:
            log.info("judge: step %d of %d, loss %.4f", step, total, loss.item())
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    save_file({name: value.half() for name, value in judge.state_dict().items() if value.is_floating_point()}, part)
    os.replace(part, path)
    return judge.eval()


def _disturbed(pictures: torch.Tensor) -> torch.Tensor:
    """Mirrored, blurred, faintly noisy or dimmed at random, so that it is not small traces that are learnt."""
    if torch.rand(()) < 0.5:
        pictures = pictures.flip(3)
    if torch.rand(()) < 0.5:
        pictures = functional.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
    gain = 1 + 0.06 * torch.randn(len(pictures), 3, 1, 1)
    return (pictures * gain + 0.03 * torch.rand(()) * torch.randn_like(pictures)).clamp(0, 1)


def accuracy(judge: Judge, *, seed: int = 202, count: int = 1200) -> tuple[float, float]:
    """How good a judge is on pictures that it has not seen.

    Parameters
    ----------
    judge : Judge
        The trained judge.
    seed, count : int
        Which pictures, and how many.

    Returns
    -------
    tuple of float
        Shares of right scenes and of right palettes, 0..1.
    """
    pictures, scene, palette = drawn(count, seed)
    answers = judge.probabilities(pictures.permute(0, 2, 3, 1))
    right_scenes, right_palettes = (
        float((answer.argmax(axis=1) == truth.numpy()).mean())
        for answer, truth in zip(answers, (scene, palette), strict=True)
    )
    return right_scenes, right_palettes
