"""Spherical interpolation of noise and of prompt embeddings (Shoemake 1985)."""

from __future__ import annotations

import math

import torch

# Above this cosine the two directions count as one and slerp, which would divide by sin(0), becomes lerp.
PARALLEL = 0.9995


def slerp(a: torch.Tensor, b: torch.Tensor, t: float, *, dim: int | tuple[int, ...]) -> torch.Tensor:
    """Interpolate directions along the great circle, and lengths linearly.

    Parameters
    ----------
    a, b : tensors of one shape.
    t : 0 gives `a` and 1 gives `b`, exactly.
    dim : dimensions that make up one vector; the others are independent.

    Returns
    -------
    Tensor of the shape and dtype of `a`. Vectors that are parallel, opposite or zero are interpolated linearly.
    """
    if t <= 0:
        return a.clone()
    if t >= 1:
        return b.clone()
    x, y = a.double(), b.double()
    length_x = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    length_y = torch.linalg.vector_norm(y, dim=dim, keepdim=True)
    unit_x = x / length_x.clamp_min(1e-12)
    unit_y = y / length_y.clamp_min(1e-12)
    cosine = (unit_x * unit_y).sum(dim=dim, keepdim=True).clamp(-1, 1)
    angle = torch.arccos(cosine)
    sine = torch.sin(angle).clamp_min(1e-12)
    curved = (torch.sin((1 - t) * angle) / sine * unit_x + torch.sin(t * angle) / sine * unit_y) * (
        (1 - t) * length_x + t * length_y
    )
    straight = (1 - t) * x + t * y
    usable = (cosine.abs() < PARALLEL) & (length_x > 0) & (length_y > 0)
    return torch.where(usable, curved, straight).to(a.dtype)


def repeat_tokens(embedding: torch.Tensor, tokens: int) -> torch.Tensor:
    """An embedding (1, n, d) repeated to (1, tokens, d), tokens a multiple of n.

    Cross-attention over repeated tokens gives what it gives over the tokens once (every softmax weight
    is shared among equal copies), so prompts of different lengths can be interpolated and batched
    without a change to either picture.
    """
    return embedding.repeat(1, tokens // embedding.shape[1], 1)


def common_tokens(embeddings: list[torch.Tensor]) -> int:
    """The least common multiple of the embeddings' numbers of tokens."""
    return math.lcm(*(embedding.shape[1] for embedding in embeddings))
