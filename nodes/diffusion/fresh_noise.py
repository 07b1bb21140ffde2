"""The noise that a stochastic sampler adds between its steps, so that neighbouring frames get nearly the same.

The usual sampler draws it anew, by seed and place in the batch. Here it is the picture's own starting noise with its
values shuffled: white again, of the same length, and not correlated with the start. Shuffling is linear, so noise
that is slerped between shots at the start is slerped alike at every step, and a picture does not depend on the other
pictures of its batch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SEED = 0x5EED


def fresh_noise(noise: torch.Tensor, step: int) -> torch.Tensor:
    """Noise for the end of sampler step `step`, from the starting noise (B, C, h, w): same shape, dtype and device."""
    values = noise.flatten(1)
    return values[:, _order(values.shape[1], step).to(noise.device)].view(noise.shape)


@lru_cache(maxsize=64)
def _order(n: int, step: int) -> torch.Tensor:
    import torch

    return torch.randperm(n, generator=torch.Generator().manual_seed(SEED + step))
