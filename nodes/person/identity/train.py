"""The training loop: deterministic, resumable, and with the step kept that validates best."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.media.files import atomic_path, clear_disk_errors
from .diffusion import N_TRAIN, noisy, snr_weights
from .material import Material, embed
from .settings import TrainSettings

if TYPE_CHECKING:
    import torch

STATE_FORMAT = 1
SAVE_EVERY = 25
VALIDATION_TIMES = (100, 300, 500, 700, 900)


@dataclass
class Curve:
    """What a training measured. losses: of every step. validation: (step, loss of the subject, loss of the class)."""

    losses: list[float] = field(default_factory=list)
    validation: list[tuple[int, float, float]] = field(default_factory=list)

    @property
    def best(self) -> tuple[int, float, float]:
        """The entry of `validation` with the least sum of both losses, the earliest of equals."""
        return min(self.validation, key=lambda entry: (entry[1] + entry[2], entry[0]))


def rate_at(step: int, settings: TrainSettings) -> float:
    """Learning rate: linear warm-up, then half a cosine to zero (Loshchilov & Hutter 2017)."""
    warm = min(settings.warmup, settings.steps // 4)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, settings.steps - warm)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2


class Trainer:
    """Trains the parameters of adapters that are already in the modules.

    parameters: part -> its trained parameters by name. text_encoder: with an adapter, or None when its embeddings stay
    as they are cached. optimizer: over all parameters.
    """

    def __init__(
        self,
        unet: torch.nn.Module,
        text_encoder: torch.nn.Module | None,
        parameters: dict[str, dict[str, torch.nn.Parameter]],
        material: Material,
        settings: TrainSettings,
        optimizer: torch.optim.Optimizer,
    ):
        import torch

        self._unet, self._text, self._parameters = unet, text_encoder, parameters
        self._settings, self._optimizer = settings, optimizer
        # Frozen weights may lie in fewer bits than the arithmetic has.
        first = unet.conv_in.bias
        self._device, self._dtype = first.device, first.dtype
        self._material = material
        self._latents = material.latents.to(self._device)
        self._embeddings = material.prompts.embeddings.to(self._device, self._dtype)
        self._scaler = torch.amp.GradScaler(self._device.type) if self._dtype == torch.float16 else None
        self.step, self.curve, self._best = 0, Curve(), self.weights()

    # Running -----------------------------------------------------------------------------------

    def run(self, state: Path, on_step: Callable[[int, Curve], None]) -> dict[str, dict[str, torch.Tensor]]:
        """Train to the last step, from `state` on where it fits; return the weights that validate best.

        on_step(done, curve): called after every step; what it raises stops the training, which `state` then continues.
        """
        self._resume(state)
        if not self.curve.validation:
            self._validate()
        try:
            while self.step < self._settings.steps:
                self._one_step()
                if self.step % self._settings.validate_every == 0 or self.step == self._settings.steps:
                    self._validate()
                if self.step % SAVE_EVERY == 0:
                    self._save(state)
                on_step(self.step, self.curve)
        finally:
            self._save(state)
        return self._best

    def weights(self) -> dict[str, dict[str, torch.Tensor]]:
        """A copy of the trained weights on the CPU, by part and name."""
        return {
            part: {name: value.detach().cpu().clone() for name, value in values.items()}
            for part, values in self._parameters.items()
        }

    def _one_step(self) -> None:
        import torch

        settings = self._settings
        for group in self._optimizer.param_groups:
            group["lr"] = rate_at(self.step, settings)
        self._unet.train()
        total = 0.0
        # Dropout draws from the global generator.
        with torch.random.fork_rng(devices=[] if self._device.type == "cpu" else None):
            torch.manual_seed((settings.seed * 1_000_003 + self.step) % 2**63)
            generator = torch.Generator().manual_seed((settings.seed * 2_000_003 + self.step) % 2**63)
            for _ in range(settings.accumulation):
                loss = self._loss(*self._draw(generator)) / settings.accumulation
                (self._scaler.scale(loss) if self._scaler else loss).backward()
                total += float(loss.detach())
        if self._scaler:
            self._scaler.unscale_(self._optimizer)
        everything = [value for values in self._parameters.values() for value in values.values()]
        torch.nn.utils.clip_grad_norm_(everything, 1.0)
        if self._scaler:
            self._scaler.step(self._optimizer)
            self._scaler.update()
        else:
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.curve.losses.append(total)

    def _draw(self, generator: torch.Generator) -> tuple:
        """Which latents, with which captions, noise and times: decided by the seed and the step alone."""
        import torch

        settings, material = self._settings, self._material
        plain = len(material.latents) - material.subject
        rows, captions = [], []
        for _ in range(settings.batch_size):
            chance = torch.rand(3, generator=generator)
            if plain and float(chance[0]) < settings.prior_share:
                row = material.subject + int(float(chance[1]) * plain)
            else:
                row = int(float(chance[1]) * material.subject)
            rows.append(row)
            captions.append(0 if float(chance[2]) < settings.caption_dropout else material.caption[row])
        shape = (len(rows), *material.latents.shape[1:])
        noise = torch.randn(shape, generator=generator)
        if settings.noise_offset:
            noise = noise + settings.noise_offset * torch.randn(*shape[:2], 1, 1, generator=generator)
        t = torch.randint(0, N_TRAIN, (len(rows),), generator=generator)
        return self._latents[rows], captions, noise.to(self._device), t.to(self._device)

    def _loss(self, latents: torch.Tensor, captions: list[int], noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        error = (self._predict(noisy(latents, noise, t), t, captions) - noise) ** 2
        return (error.mean((1, 2, 3)) * snr_weights(t, self._settings.min_snr)).mean()

    def _predict(self, x: torch.Tensor, t: torch.Tensor, captions: list[int]) -> torch.Tensor:
        if self._text is None:
            prompt = self._embeddings[captions]
        else:
            prompt = embed(self._text, self._material.prompts.ids[captions]).to(self._dtype)
        return self._unet(x.to(self._dtype), t, prompt, return_dict=False)[0].float()

    def _validate(self) -> None:
        """Loss on pictures that are not trained on, on the same noise and times every time."""
        import torch

        material = self._material
        self._unet.eval()
        losses: list[list[float]] = [[], []]
        with torch.no_grad():
            for index, caption in enumerate(material.held_caption):
                generator = torch.Generator().manual_seed(index)
                latent = material.held[index : index + 1].to(self._device)
                t = torch.tensor([VALIDATION_TIMES[index % len(VALIDATION_TIMES)]], device=self._device)
                noise = torch.randn(latent.shape, generator=generator).to(self._device)
                kind = 0 if index < material.subject else 1
                losses[kind].append(float(self._loss(latent, [caption], noise, t)))
        subject, plain = (sum(values) / len(values) if values else 0.0 for values in losses)
        self.curve.validation.append((self.step, subject, plain))
        if self.curve.best[0] == self.step:
            self._best = self.weights()

    # State -------------------------------------------------------------------------------------

    def _save(self, path: Path) -> None:
        import torch

        state = {
            "format": STATE_FORMAT,
            "step": self.step,
            "losses": self.curve.losses,
            "validation": self.curve.validation,
            "weights": self.weights(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict() if self._scaler else None,
        }
        # A file object: by a path, torch reports a full disk as a RuntimeError without a reason.
        with clear_disk_errors(path.parent), atomic_path(path) as part, part.open("wb") as file:
            torch.save(state, file)

    def _resume(self, path: Path) -> None:
        import torch

        if not path.is_file():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] != STATE_FORMAT:
            return
        for part, values in self._parameters.items():
            for name, value in values.items():
                value.data.copy_(state["weights"][part][name])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._scaler:
            self._scaler.load_state_dict(state["scaler"])
        self.step, self._best = state["step"], state["best"]
        self.curve = Curve(state["losses"], [tuple(entry) for entry in state["validation"]])
