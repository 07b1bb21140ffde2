"""A walk of a shot's noise: it drifts away in a direction of its own, bounces back, and sets out in another.

The place depends on the distance walked and on the shot's seed only, so that chunks, excerpts and a continued render
see the same noise. The walk stays on the sphere through the shot's noise: its length, and with it what the model takes
for noise, never changes. (A bounded walk driven by loudness is deep-music-visualizer's idea, where each number bounces
for itself.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..host.digest import Digest

if TYPE_CHECKING:
    import torch

# Radians from the shot's own noise at which the walk turns back: the composition sways and does not become another.
REACH = 0.5


def walked(noise: torch.Tensor, seed: int, distance: float) -> torch.Tensor:
    """The noise after a walk.

    Parameters
    ----------
    noise : (1, 4, h, w), the shot's own.
    seed : the shot's; each leg of the walk goes a way drawn from it.
    distance : radians walked, 0 or more; 0 gives the noise itself, bit for bit.

    Returns
    -------
    Tensor of the same shape, type and length, at most `REACH` radians away.
    """
    import torch

    if distance <= 0:
        return noise.clone()
    leg, way = divmod(distance, 2 * REACH)
    angle = way if way <= REACH else 2 * REACH - way
    generator = torch.Generator("cpu").manual_seed(_leg_seed(seed, int(leg)))
    base = noise.double()
    aside = torch.randn(noise.shape, generator=generator, device="cpu").double()
    length = torch.linalg.vector_norm(base)
    unit = base / length
    aside = aside - (aside * unit).sum() * unit
    aside = aside / torch.linalg.vector_norm(aside)
    turn = torch.tensor(angle, dtype=torch.float64)
    return (length * (torch.cos(turn) * unit + torch.sin(turn) * aside)).to(noise.dtype)


def _leg_seed(seed: int, leg: int) -> int:
    digest = Digest()
    digest.add(["noise walk", seed, leg])
    return int(digest.hex()[:15], 16)
