"""Noise to latent, with the schedules and samplers of ComfyUI's KSampler."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from .attention import attending_between
from .parts import Model

if TYPE_CHECKING:
    import torch

from songreel.nodes.base.errors import InputError
from songreel.nodes.diffusion.fresh_noise import fresh_noise
from songreel.nodes.diffusion.keyframe_attention import checked as checked_between
from songreel.nodes.diffusion.tcd import sample_tcd
from songreel.nodes.host.port import SAMPLERS, SCHEDULERS, Predict, Sampling

LATENT_FACTOR = 0.18215  # a latent's scale inside the sampler over its scale outside
N_TRAIN = 1000

OnStep = Callable[[int, "torch.Tensor"], None]
Denoiser = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


# Schedules ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def log_sigmas() -> torch.Tensor:
    """Logarithm of the noise level of each of the 1000 training steps, float32, ascending."""
    return _sigma_table()[1]


@lru_cache(maxsize=1)
def _sigma_table() -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    betas = torch.linspace(0.00085**0.5, 0.012**0.5, N_TRAIN, dtype=torch.float64) ** 2
    signal = torch.cumprod(1 - betas, dim=0)
    sigmas = ((1 - signal) / signal) ** 0.5
    return sigmas.float(), sigmas.log().float()


def _sigma_at(t: torch.Tensor) -> torch.Tensor:
    """Noise level at fractional training steps: linear in its logarithm."""
    table = log_sigmas()
    low, high, part = t.floor().long(), t.ceil().long(), t.frac()
    return ((1 - part) * table[low] + part * table[high]).exp()


def _levels(scheduler: str, n: int) -> torch.Tensor:
    import torch

    table = _sigma_table()[0]
    first, last = float(table[-1]), float(table[0])
    if scheduler == "normal":
        return _sigma_at(torch.linspace(N_TRAIN - 1, 0, n))
    if scheduler == "sgm_uniform":
        return _sigma_at(torch.linspace(N_TRAIN - 1, 0, n + 1)[:-1])
    if scheduler == "simple":
        return table[[-1 - int(i * (N_TRAIN / n)) for i in range(n)]]
    if scheduler == "karras":
        ramp, rho = torch.linspace(0, 1, n), 7.0
        return (first ** (1 / rho) + ramp * (last ** (1 / rho) - first ** (1 / rho))) ** rho
    if scheduler == "exponential":
        return torch.linspace(math.log(first), math.log(last), n).exp()
    raise InputError(f"There is no scheduler '{scheduler}'; pick one of {', '.join(SCHEDULERS)}.")


def schedule(scheduler: str, steps: int, denoise: float = 1.0) -> torch.Tensor:
    """Noise levels float32 (steps + 1,), descending to 0.

    With `denoise` below 1 they are the last ones of a schedule of int(steps / denoise) steps.
    """
    import torch

    n = steps if denoise > 0.9999 else int(steps / denoise)
    return torch.cat([_levels(scheduler, n), torch.zeros(1)])[-(steps + 1) :]


# Samplers ----------------------------------------------------------------------------------------
# Each takes x at sigmas[0], a denoiser (x, sigma) -> x0 and the noise in x, and returns x at the last level.


def _euler(denoise: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, on_step: OnStep, _noise) -> torch.Tensor:
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        on_step(i, x0)
        x = x + (x - x0) / sigma * (following - sigma)
    return x


def _heun(denoise: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, on_step: OnStep, _noise) -> torch.Tensor:
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        on_step(i, x0)
        slope = (x - x0) / sigma
        if following > 0:
            guess = x + slope * (following - sigma)
            slope = (slope + (guess - denoise(guess, following)) / following) / 2
        x = x + slope * (following - sigma)
    return x


def _dpmpp_2m(denoise: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, on_step: OnStep, _noise) -> torch.Tensor:
    previous, h_previous = None, None
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        on_step(i, x0)
        h = sigma.log() - following.log()  # infinite at the last step, which lands on the estimate itself
        estimate = x0
        if previous is not None and following > 0:
            ratio = h_previous / h
            estimate = (1 + 1 / (2 * ratio)) * x0 - 1 / (2 * ratio) * previous
        x = following / sigma * x - (-h).expm1() * estimate
        previous, h_previous = x0, h
    return x


def _lcm(denoise: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, on_step: OnStep, noise) -> torch.Tensor:
    """Latent consistency model sampling (Luo et al. 2023, arXiv 2310.04378): jump to the estimate, add noise again."""
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        x = denoise(x, sigma)
        on_step(i, x)
        if following > 0:
            x = x + following * fresh_noise(noise, i)
    return x


def _tcd(denoise: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, on_step: OnStep, noise) -> torch.Tensor:
    def step_at(sigma: torch.Tensor) -> torch.Tensor:
        return (sigma.log() - log_sigmas()).abs().argmin()

    return sample_tcd(denoise, x, sigmas, lambda i, x, x0: on_step(i, x0), noise, step_at, _sigma_at)


_SAMPLERS = {"euler": _euler, "heun": _heun, "dpmpp_2m": _dpmpp_2m, "lcm": _lcm, "tcd": _tcd}


# The model ---------------------------------------------------------------------------------------


def _rows(name: str, embedding: torch.Tensor, n: int, width: int) -> torch.Tensor:
    """The conditioning with one row per latent."""
    if embedding.ndim != 3 or embedding.shape[-1] != width:
        raise InputError(
            f"The {name} conditioning has the shape {tuple(embedding.shape)}, this MODEL takes "
            f"(rows, tokens, {width}); use the CLIP of the same checkpoint."
        )
    if embedding.shape[0] not in (1, n):
        raise InputError(
            f"The {name} conditioning has {embedding.shape[0]} rows for {n} latents; give one row, or one per latent."
        )
    return embedding.expand(n, -1, -1)


def _same_length(positive: torch.Tensor, negative: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both repeated to the lowest common multiple of their lengths; attention is the same over a repeated prompt."""
    length = math.lcm(positive.shape[1], negative.shape[1])
    return tuple(part.repeat(1, length // part.shape[1], 1) for part in (positive, negative))


def _denoiser(
    model: Model,
    positive: torch.Tensor,
    negative: torch.Tensor,
    n: int,
    cfg: float,
    predict: Predict | None = None,
) -> Denoiser:
    import torch

    weights, width = model.weights, model.text_width
    conditioning = _rows("positive", positive, n, width)
    guided = not math.isclose(cfg, 1.0)
    if guided:
        conditioning = torch.cat(_same_length(conditioning, _rows("negative", negative, n, width)))
    conditioning = conditioning.to(weights.device, weights.dtype)
    unet = model.ready()
    table = log_sigmas()

    def ask(x: torch.Tensor, sigma: torch.Tensor, both: bool) -> tuple:
        for permit in model.permits:
            permit.ask()
        t = (sigma.log() - table).abs().argmin().to(x.device)
        scaled = (x / (sigma**2 + 1) ** 0.5).to(weights.dtype)
        if both:
            scaled = torch.cat([scaled, scaled])
        rows = conditioning[: scaled.shape[0]]
        noise = unet(scaled, t.expand(scaled.shape[0]), rows, return_dict=False)[0].float()
        x0 = (torch.cat([x, x]) if both else x) - noise * sigma
        return tuple(x0.chunk(2)) if both else (x0, None)

    def guide(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        wanted, unwanted = ask(x, sigma, guided)
        return unwanted + (wanted - unwanted) * cfg if guided else wanted

    if predict is None:
        return guide
    calls = itertools.count()

    if predict is None:
        return guide

    def follow(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return predict(next(calls), x, float(sigma), lambda both: ask(x, sigma, both))

    return follow


def sample(
    model: Model, noise: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, sampling: Sampling
) -> torch.Tensor:
    """Turn noise into latents as ComfyUI's KSampler does.

    Parameters
    ----------
    noise : Tensor
        float32 (B, 4, h, w), unit variance.
    positive, negative : Tensor
        Prompt embeddings (1 or B, 77 * k, width). Their lengths may differ.
    sampling : Sampling
        How it is sampled. `on_step` sees estimates in the sampler's own scale, `LATENT_FACTOR` times the latent.

    Returns
    -------
    Tensor
        float32 (B, 4, h, w) on the CPU.

    Raises
    ------
    InputError
        For an unknown sampler or scheduler, shapes that do not fit the model, or positions that do not fit the rows.
    """
    import torch

    if sampling.sampler not in _SAMPLERS:
        raise InputError(f"There is no sampler '{sampling.sampler}'; pick one of {', '.join(SAMPLERS)}.")
    if sampling.steps < 1:
        raise InputError(f"'steps' is {sampling.steps}; sampling needs at least 1.")
    if noise.ndim != 4 or noise.shape[1] != model.latent_channels:
        raise InputError(
            f"The noise has the shape {tuple(noise.shape)}, this MODEL takes (B, {model.latent_channels}, h, w); "
            "use a latent made for SD1.5."
        )
    between = None if sampling.between is None else checked_between(sampling.between, noise.shape[0])
    start = torch.zeros_like(noise) if sampling.latent is None else sampling.latent
    if start.shape[0] not in (1, noise.shape[0]) or start.shape[1:] != noise.shape[1:]:
        raise InputError(
            f"The latent has the shape {tuple(start.shape)} and its noise {tuple(noise.shape)}; make them equal."
        )
    start = start.expand_as(noise)
    if sampling.denoise <= 0:
        return start.float().cpu().clone()
    # Noise levels stay on the CPU as float32 numbers, where every device takes them from.
    sigmas = schedule(sampling.scheduler, sampling.steps, sampling.denoise)
    device = model.weights.device
    noise, start = noise.to(device, torch.float32), start.to(device, torch.float32) * LATENT_FACTOR
    full = math.isclose(float(sigmas[0]), float(_sigma_table()[0][-1]), rel_tol=1e-5)
    x = noise * (torch.sqrt(1 + sigmas[0] ** 2) if full else sigmas[0]) + start
    with torch.no_grad(), attending_between(model.weights.module, between):
        denoiser = _denoiser(model, positive, negative, noise.shape[0], sampling.cfg, sampling.predict)
        on_step = sampling.on_step or (lambda i, x0: None)
        x = _SAMPLERS[sampling.sampler](denoiser, x, sigmas, on_step, noise)
    return (x / LATENT_FACTOR).cpu()
