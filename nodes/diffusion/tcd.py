"""Trajectory consistency distillation sampling, for TCD's and Hyper-SD's few-step LoRAs.

(Zheng et al. 2024, arXiv 2402.19159, strategic stochastic sampling.) From the model's estimate each step goes down the
trajectory past the level that follows, to the training step (1 - GAMMA) times as high, and comes back up with
fresh noise. At GAMMA = 0 that is Euler's method, at 1 it is nearly LCM's. With whole training steps the levels
are those of diffusers' TCDScheduler; the noise is the picture's own, see `fresh_noise`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from .fresh_noise import fresh_noise

if TYPE_CHECKING:
    import torch

# The share of stochasticity that paper and diffusers use (there called eta).
GAMMA = 0.3


def sample_tcd(
    denoise: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    sigmas: torch.Tensor,
    on_step: Callable[[int, torch.Tensor, torch.Tensor], None],
    noise: torch.Tensor,
    step_at: Callable[[torch.Tensor], torch.Tensor],
    level_at: Callable[[torch.Tensor], torch.Tensor],
    gamma: float = GAMMA,
) -> torch.Tensor:
    """Sample from x at sigmas[0] down to the last level.

    Parameters
    ----------
    denoise : denoise(x, sigma) gives the model's estimate of the latents.
    x : (B, C, h, w), noise of the level sigmas[0].
    sigmas : noise levels, descending.
    on_step : on_step(i, x, x0) is called after each estimate.
    noise : (B, C, h, w), the starting noise, of unit variance.
    step_at : step_at(sigma) gives the training step of a level.
    level_at : level_at(step) gives the level of a training step.
    gamma : share of stochasticity, 0..1.

    Returns
    -------
    Latents (B, C, h, w).
    """
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        on_step(i, x, x0)
        if following <= 0:
            x = x0
            continue
        level = min(float(level_at(((1 - gamma) * step_at(following)).floor())), float(following))
        up = math.sqrt(float(following) ** 2 - level**2)
        x = x0 + (x - x0) / sigma * level + up * fresh_noise(noise, i)
    return x
