"""Noise drift: a shot's noise moves away in a random direction, turns back, and sets out in another.

The noise depends on the distance covered and on the shot's seed only, so that chunks, excerpts and a resumed render see
the same noise. It stays on the sphere through the shot's noise: its length, by which the model takes it for noise,
never changes. (A bounded walk driven by loudness is deep-music-visualizer's idea; there each number bounces by itself.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..host.digest import Digest

if TYPE_CHECKING:
    import torch

# Radians from the shot's own noise at which the drift turns back, so that the composition sways and does not become
# another.
REACH = 0.5


def drifted(noise: torch.Tensor, seed: int, distance: float) -> torch.Tensor:
    """The noise after a drift.

    Parameters
    ----------
    noise : (1, 4, h, w), the shot's own.
    seed : the shot's; the direction of each leg of the drift is drawn from it.
    distance : radians covered, 0 or more; 0 gives the noise itself, bit for bit.

    Returns
    -------
    Tensor of the same shape, type and length, at most `REACH` radians away.
    """
    import torch

    if distance <= 0:
        return noise.clone()
    leg, offset = divmod(distance, 2 * REACH)
    radians = offset if offset <= REACH else 2 * REACH - offset
    generator = torch.Generator("cpu").manual_seed(_leg_seed(seed, int(leg)))
    base = noise.double()
    aside = torch.randn(noise.shape, generator=generator, device="cpu").double()
    length = torch.linalg.vector_norm(base)
    unit = base / length
    aside = aside - (aside * unit).sum() * unit
    aside = aside / torch.linalg.vector_norm(aside)
    angle = torch.tensor(radians, dtype=torch.float64)
    return (length * (torch.cos(angle) * unit + torch.sin(angle) * aside)).to(noise.dtype)


def _leg_seed(seed: int, leg: int) -> int:
    digest = Digest()
    # Part of what every drift is drawn from, so it stays.
    digest.add(["noise walk", seed, leg])
    return int(digest.hex()[:15], 16)
