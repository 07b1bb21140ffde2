"""Trains the demo model on the procedural scenes, stage by stage; a killed run goes on where it stopped.

    python -m headless.demo_training DIR

1. autoencoder: on crops of drawn scenes (Rombach et al. 2022, section 3.1, without the adversarial part).
2. small: the denoiser and its text encoder on the whitened latents of scenes of 128 pixels (Ho et al. 2020;
   captions dropped for classifier-free guidance, Ho & Salimans 2022; loss weighted by min-SNR-5, Hang et al. 2023).
3. large: the same at 256 pixels.
4. figures: the same again, two pictures in five with a person, who is hardest to paint.
5. pack: the moving averages of the weights, float16.

A stage that is finished needs neither its pictures nor its latents any more.
"""

from __future__ import annotations

import copy
import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ..sd.text import tokenize
from ..sd.tokenizer import END, START
from . import scenes
from .captions import caption
from .model import SCALING, PromptedUNet, build_autoencoder, pack_model, whiten

log = logging.getLogger(__name__)
MODEL_NAME = "songreel_demo.safetensors"
SAVE_SECONDS = 60
CAPTION_DROP = 0.1
STRANGE_WORDS = 0.25  # share of captions, empty ones too, with words in them that mean nothing
SNR_CAP = 5.0
KL_WEIGHT = 1e-4
# Noise that is added to the noise, on grids of this many points: else the palette can be read off the mean of the
# noisiest latents, and the model paints in the colours of the noise that it starts from, whatever the prompt says
# (Guttenberg 2023, "Diffusion with offset noise").
NOISE_OFFSET = {1: 0.35, 3: 0.2}
EDGE_WEIGHT = 0.5
THUMBNAIL_STEPS = 500
BETAS = (0.00085, 0.012)  # SD1.5's "scaled linear" schedule of 1000 steps


@dataclass(frozen=True)
class Recipe:
    """How much of everything."""

    seed: int = 1
    large_pictures: int = 10_000
    small_pictures: int = 30_000
    autoencoder_steps: int = 2000
    autoencoder_batch: int = 8
    small_steps: int = 4400
    small_batch: int = 64
    large_steps: int = 1050
    large_batch: int = 32
    small_rate: float = 1.2e-3
    large_rate: float = 6e-4
    figures_pictures: int = 8000
    figures_steps: int = 1800
    figures_batch: int = 32
    figures_rate: float = 5e-4


@dataclass(frozen=True)
class Stage:
    """One part of the denoiser's training: `pictures` scenes of `size` pixels, drawn from `seed`.

    emphasis: how many times as often as others some scenes come. Their captions are dropped as much less often,
    so that the empty prompt favours none.
    """

    name: str
    size: int
    pictures: int
    seed: int
    steps: int
    batch: int
    rate: float
    emphasis: dict[str, int] = field(default_factory=dict)

    def scenes(self) -> list[scenes.Scene]:
        """What its pictures show."""
        return scenes.sample_scenes(self.pictures, self.seed, emphasis=self.emphasis)

    def draw(self, folder: Path) -> np.ndarray:
        """uint8 (pictures, size, size, 3) in `folder`, drawn if they are not there yet."""
        return draw_pictures(folder / f"pictures_{self.name}.npy", self.scenes(), self.size)


def stages(recipe: Recipe) -> tuple[Stage, ...]:
    """The parts of the denoiser's training in order: small pictures, large ones, figures."""
    seed = recipe.seed
    return (
        Stage("small", 128, recipe.small_pictures, seed + 1, recipe.small_steps, recipe.small_batch, recipe.small_rate),
        Stage("large", 256, recipe.large_pictures, seed, recipe.large_steps, recipe.large_batch, recipe.large_rate),
        Stage(
            "figures", 256, recipe.figures_pictures, seed + 2, recipe.figures_steps, recipe.figures_batch,
            recipe.figures_rate, emphasis={"person": 6},
        ),
    )  # fmt: skip


# Stages ------------------------------------------------------------------------------------------


def train(folder: Path, recipe: Recipe | None = None) -> Path:
    """Run every stage that is not done yet and pack the model.

    Parameters
    ----------
    folder : Path
        Holds pictures, states and results; about 4 GB.
    recipe : Recipe, optional
        How much of what is trained.

    Returns
    -------
    Path
        The packed model.
    """
    recipe = recipe or Recipe()
    folder.mkdir(parents=True, exist_ok=True)
    autoencoder = train_autoencoder(folder, recipe)
    denoiser = train_denoiser(folder, autoencoder, recipe)
    path = folder / MODEL_NAME
    pack_model(path, denoiser, autoencoder, {"license": "MIT", "songreel.recipe": str(recipe)})
    return path


def draw_pictures(path: Path, chosen: list[scenes.Scene], size: int) -> np.ndarray:
    """Pictures of some scenes, drawn unless they are there already.

    Parameters
    ----------
    path : Path
        A .npy file.
    chosen : list of Scene
        What they show.
    size : int
        Width and height in pixels.

    Returns
    -------
    ndarray
        uint8 (n, size, size, 3), mapped from the file.
    """
    if not path.is_file():
        part = path.with_suffix(".part")
        pictures = np.lib.format.open_memmap(part, "w+", np.uint8, (len(chosen), size, size, 3))
        for n, scene in enumerate(chosen):
            pictures[n] = scenes.draw(scene, size)
            if n % 1000 == 999:
                log.info("%s: %d of %d", path.stem, n + 1, len(chosen))
        pictures.flush()
        os.replace(part, path)
    return np.load(path, mmap_mode="r")


def train_autoencoder(folder: Path, recipe: Recipe) -> torch.nn.Module:
    """The autoencoder, from `folder` or trained on the large pictures there."""
    torch.manual_seed(recipe.seed)
    autoencoder = build_autoencoder()
    done = folder / "autoencoder.pt"
    if done.is_file():
        autoencoder.load_state_dict(torch.load(done))
        return autoencoder
    pictures = next(stage for stage in stages(recipe) if stage.name == "large").draw(folder)
    state = _Training(folder / "autoencoder_state.pt", autoencoder, 2e-3, recipe.autoencoder_steps, decay=0.998)
    for step in state.steps():
        rng = np.random.default_rng((recipe.seed, 2, step))
        x = _to_torch(_crops(pictures, recipe.autoencoder_batch, rng))
        with torch.autocast("cpu", torch.bfloat16):
            posterior = autoencoder.encode(x).latent_dist
            y = autoencoder.decode(posterior.sample()).sample.float()
        loss = functional.l1_loss(y, x) + functional.mse_loss(y, x) + EDGE_WEIGHT * _edge_loss(y, x)
        loss = loss + KL_WEIGHT * posterior.kl().float().mean() / 64
        if step < THUMBNAIL_STEPS:
            # Colour is learnt last, if it is left to itself: at first three latent channels are to be the picture.
            thumbnail = functional.avg_pool2d(x, 8)
            loss = loss + (1 - step / THUMBNAIL_STEPS) * functional.mse_loss(
                posterior.mean[:, :3].float(), 2 * thumbnail
            )
        state.step(loss)
    autoencoder.load_state_dict(state.average.state_dict())
    mean, std = _latent_statistics(autoencoder, pictures)
    whiten(autoencoder, mean, std)
    _save(autoencoder.state_dict(), done)
    return autoencoder


@torch.no_grad()
def encode_pictures(folder: Path, autoencoder: torch.nn.Module, stage: Stage) -> np.ndarray:
    """Latents of a stage's pictures, encoded unless they are there already.

    Returns
    -------
    ndarray
        float16 (n, 4, size // 8, size // 8): the means of the posteriors, of deviation 1; mapped from a file.
    """
    path = folder / f"latents_{stage.name}.npy"
    if not path.is_file():
        pictures = stage.draw(folder)
        part = path.with_suffix(".part")
        n, size = len(pictures), pictures.shape[1] // 8
        latents = np.lib.format.open_memmap(part, "w+", np.float16, (n, 4, size, size))
        for low in range(0, n, 16):
            x = _to_torch(pictures[low : low + 16])
            latents[low : low + 16] = (autoencoder.encode(x).latent_dist.mean * SCALING).numpy()
        latents.flush()
        os.replace(part, path)
    return np.load(path, mmap_mode="r")


def train_denoiser(folder: Path, autoencoder: torch.nn.Module, recipe: Recipe) -> PromptedUNet:
    """UNet and text encoder, each stage from `folder` or trained there on latents of the autoencoder."""
    torch.manual_seed(recipe.seed)
    denoiser = PromptedUNet()
    for number, stage in enumerate(stages(recipe)):
        done = folder / f"denoiser_{stage.name}.pt"
        if not done.is_file():
            latents, told = encode_pictures(folder, autoencoder, stage), stage.scenes()
            state = _Training(
                folder / f"denoiser_{stage.name}_state.pt", denoiser, stage.rate, stage.steps, decay=0.999
            )
            for step in state.steps():
                rng = np.random.default_rng((recipe.seed, 3 + number, step))
                state.step(_denoising_loss(denoiser, latents, told, stage, rng))
            _save(state.average.state_dict(), done)
        denoiser.load_state_dict(torch.load(done))
    return denoiser


# Losses and batches ------------------------------------------------------------------------------


def _to_torch(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (n, h, w, 3) as float (n, 3, h, w) in -1..1."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _crops(pictures: np.ndarray, count: int, rng: np.random.Generator, size: int = 128) -> np.ndarray:
    """Square crops; every second one is a whole picture made half as large, as the small stage sees it."""
    chosen = []
    for n, index in enumerate(rng.integers(len(pictures), size=count)):
        if n % 2:
            halves = pictures[index].reshape(size, 2, size, 2, 3).mean(axis=(1, 3))
            chosen.append(np.rint(halves).astype(np.uint8))
        else:
            y, x = rng.integers(pictures.shape[1] - size + 1, size=2)
            chosen.append(pictures[index, y : y + size, x : x + size])
    return np.stack(chosen)


def _edge_loss(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    difference = y - x
    return difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()


@torch.no_grad()
def _latent_statistics(autoencoder: torch.nn.Module, pictures: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    means = [autoencoder.encode(_to_torch(_crops(pictures, 16, rng))).latent_dist.mean for _ in range(16)]
    latents = torch.cat(means)
    return latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))


def signal_levels() -> torch.Tensor:
    """Cumulative products of alpha, float64 (1000,): the share of the signal in a noisy latent's variance."""
    betas = torch.linspace(BETAS[0] ** 0.5, BETAS[1] ** 0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0)


def prompt_tokens(texts: list[str]) -> torch.Tensor:
    """Token ids int64 (n, 77) of plain prompts, cut off where they are too long."""
    rows = []
    for text in texts:
        ids = tokenize(text)[:75] if text else []
        rows.append([START, *ids] + [END] * (76 - len(ids)))
    return torch.tensor(rows)


def _captions(chosen: list[scenes.Scene], emphasis: dict[str, int], rng: np.random.Generator) -> torch.Tensor:
    drop = [CAPTION_DROP / emphasis.get(scene.scene, 1) for scene in chosen]
    tokens = prompt_tokens(
        ["" if rng.random() < share else caption(scene, rng) for share, scene in zip(drop, chosen, strict=True)]
    )
    for row in tokens:
        length = int((row != END).sum())
        if rng.random() < STRANGE_WORDS:
            count = int(rng.integers(1, 7))
            where = int(rng.integers(1, length + 1))
            strange = torch.from_numpy(rng.integers(0, START, size=count))
            row[:] = torch.cat([row[:where], strange, row[where:]])[:77]
            row[-1] = END
    return tokens


def _denoising_loss(denoiser, latents: np.ndarray, told: list[scenes.Scene], stage: Stage, rng) -> torch.Tensor:
    batch = stage.batch
    chosen = rng.integers(len(latents), size=batch)
    x = torch.from_numpy(latents[np.sort(chosen)].astype(np.float32))
    tokens = _captions([told[n] for n in np.sort(chosen)], stage.emphasis, rng)
    # One timestep from each of `batch` equal parts of the schedule, in random order: less noise in the loss.
    steps = torch.from_numpy(rng.permutation(((np.arange(batch) + rng.random(batch)) * 1000 / batch).astype(np.int64)))
    noise = torch.from_numpy(rng.standard_normal(x.shape, np.float32))
    for grid, strength in NOISE_OFFSET.items():
        coarse = torch.from_numpy(rng.standard_normal((*x.shape[:2], grid, grid), np.float32))
        noise += strength * functional.interpolate(coarse, size=x.shape[2:], mode="bilinear", align_corners=True)
    level = signal_levels()[steps].float()[:, None, None, None]
    predicted = denoiser(level.sqrt() * x + (1 - level).sqrt() * noise, steps, tokens)
    snr = (level / (1 - level)).flatten()
    weight = snr.clamp_max(SNR_CAP) / snr
    return (weight * functional.mse_loss(predicted, noise, reduction="none").mean(dim=(1, 2, 3))).mean()


# The loop ----------------------------------------------------------------------------------------


def _save(state: object, path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


class _Training:
    """AdamW with warm-up and cosine decay, a moving average of the weights, saved every minute."""

    def __init__(self, path: Path, module: torch.nn.Module, rate: float, steps: int, *, decay: float):
        self.path, self.module, self.rate, self.total, self.decay = path, module, rate, steps, decay
        self.done = 0
        self.average = copy.deepcopy(module).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(module.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-3)
        self.losses: list[float] = []
        if path.is_file():
            state = torch.load(path)
            module.load_state_dict(state["module"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.done, self.losses = state["done"], state["losses"]

    def steps(self) -> Iterator[int]:
        saved = time.monotonic()
        while self.done < self.total:
            torch.manual_seed(self.done)
            yield self.done
            self.done += 1
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()

    def save(self) -> None:
        _save(
            {
                "module": self.module.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "done": self.done,
                "losses": self.losses,
            },
            self.path,
        )

    def step(self, loss: torch.Tensor) -> None:
        warm_up = min(1.0, (self.done + 1) / min(200, self.total / 5))
        cosine = 0.5 * (1 + math.cos(math.pi * self.done / self.total))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * warm_up * (0.02 + 0.98 * cosine)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        decay = min(self.decay, (self.done + 1) / (self.done + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.module.parameters()), 1 - decay)
        self.losses.append(loss.item())
        if self.done % 50 == 0:
            log.info("%s: step %d of %d, loss %.4f", self.path.stem, self.done, self.total, np.mean(self.losses[-50:]))
