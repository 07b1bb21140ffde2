"""Stable Diffusion 1.5's noise: the schedule, the weights of its loss, and DDIM for class pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from diffusers import DDIMScheduler

N_TRAIN = 1000
LATENT_FACTOR = 0.18215


def ddim_scheduler() -> DDIMScheduler:
    """diffusers' DDIM (Song et al. 2021) with SD1.5's scaled linear betas, begun at the last training step."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=N_TRAIN,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        timestep_spacing="trailing",
    )


@lru_cache(maxsize=1)
def signal_levels() -> torch.Tensor:
    """Cumulative product of alphas, float32 (1000,): Ho et al. 2020."""
    return ddim_scheduler().alphas_cumprod


def noisy(latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Latents (B, 4, h, w) at the training steps t (B,)."""
    signal = signal_levels().to(latents.device)[t][:, None, None, None]
    return signal.sqrt() * latents + (1 - signal).sqrt() * noise


def snr_weights(t: torch.Tensor, gamma: float) -> torch.Tensor:
    """Weights (B,) of the squared error of predicted noise: min(SNR, gamma) / SNR (Hang et al. 2023, section 3.4)."""
    import torch

    if gamma <= 0:
        return torch.ones(t.shape, device=t.device)
    signal = signal_levels().to(t.device)[t]
    snr = signal / (1 - signal)
    return snr.clamp(max=gamma) / snr


def ddim(
    predict: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    noise: torch.Tensor,
    positive: torch.Tensor,
    negative: torch.Tensor,
    *,
    steps: int,
    cfg: float,
    check: Callable[[], None] = lambda: None,
) -> torch.Tensor:
    """Noise (B, 4, h, w) to scaled latents by DDIM, which adds no noise between steps.

    predict(x, t, embedding) -> noise. positive, negative: (B, 77, width).
    """
    import torch

    scheduler = ddim_scheduler()
    scheduler.set_timesteps(steps, device=noise.device)
    x, both = noise, torch.cat([positive, negative])
    for t in scheduler.timesteps:
        check()
        wanted, unwanted = predict(torch.cat([x, x]), t.expand(2 * x.shape[0]), both).float().chunk(2)
        x = scheduler.step(unwanted + cfg * (wanted - unwanted), t, x).prev_sample
    return x
