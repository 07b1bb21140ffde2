"""Stable Diffusion 1.5's noise: the schedule, the weights of its loss, and a plain DDIM sampler for class pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

N_TRAIN = 1000
LATENT_FACTOR = 0.18215


@lru_cache(maxsize=1)
def signal_levels() -> torch.Tensor:
    """Cumulative product of alphas, float32 (1000,): Ho et al. 2020 with SD1.5's scaled linear betas."""
    import torch

    betas = torch.linspace(0.00085**0.5, 0.012**0.5, N_TRAIN, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


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
    """Noise (B, 4, h, w) to scaled latents by DDIM without noise on the way (Song et al. 2021, eq. 12).

    predict(x, t, embedding) -> noise. positive, negative: (B, 77, width).
    """
    import torch

    levels = signal_levels().to(noise.device)
    times = torch.linspace(N_TRAIN - 1, 0, steps + 1, device=noise.device).round().long()
    x, both = noise, torch.cat([positive, negative])
    for now, following in zip(times[:-1], times[1:], strict=True):
        check()
        rows = now.expand(2 * x.shape[0])
        wanted, unwanted = predict(torch.cat([x, x]), rows, both).float().chunk(2)
        e = unwanted + cfg * (wanted - unwanted)
        x0 = (x - (1 - levels[now]).sqrt() * e) / levels[now].sqrt()
        signal = levels[following] if following > 0 else levels.new_tensor(1.0)
        x = signal.sqrt() * x0 + (1 - signal).sqrt() * e
    return x
