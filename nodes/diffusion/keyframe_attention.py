"""Keyframe attention: in-between pictures attend to both keyframes, in the UNet's self-attention layers.

Fused outer interpolated attention, He et al. 2024, "AID: Attention Interpolation of Text-to-Image Diffusion"
(arXiv 2403.17924). The first two rows of a batch are the keyframes and attend to themselves only. A row at position t
has

    (1 - t) * Attention(q, [k_first, k_own], [v_first, v_own]) + t * Attention(q, [k_second, k_own], [v_second, v_own])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..base.errors import InputError

if TYPE_CHECKING:
    import torch

ENDS = 2


def checked(between: Sequence[float], rows: int) -> tuple[float, ...]:
    """The positions as numbers. Raises InputError unless each row after the keyframes has one in 0..1."""
    positions = tuple(float(position) for position in between)
    if not positions or rows != ENDS + len(positions):
        raise InputError(
            f"'between' has {len(positions)} positions for {rows} latents; give the latents of the two ends, "
            "then at least one more, and a position for each of those."
        )
    outside = [position for position in positions if not 0 <= position <= 1]
    if outside:
        raise InputError(f"'between' holds {outside[0]:g}; give positions from 0 (the first end) to 1 (the second).")
    return positions


def attend(
    attention: Callable[..., torch.Tensor],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    between: Sequence[float],
) -> torch.Tensor:
    """The result of a self-attention layer for keyframes and pictures between them, in `attention`'s shape.

    Parameters
    ----------
    attention : callable
        The host's attention(query, key, value); each row of its result belongs to that row of the query.
    query, key, value : Tensor
        (chunks * rows, ..., tokens, channels) with rows = 2 + len(between): one or more chunks, such as those of the
        positive and the negative prompt, each with all rows in order.
    between : sequence of float
        Position of each row after the keyframes, 0..1.
    """
    import torch

    rows = ENDS + len(between)
    query, key, value = (part.unflatten(0, (-1, rows)) for part in (query, key, value))

    def beside(end: int) -> torch.Tensor:
        own = query[:, ENDS:].flatten(0, 1)
        keys, values = (
            torch.cat([part[:, end : end + 1].expand_as(part[:, ENDS:]), part[:, ENDS:]], dim=-2).flatten(0, 1)
            for part in (key, value)
        )
        return attention(own, keys, values).unflatten(0, (-1, len(between)))

    ends = attention(*(part[:, :ENDS].flatten(0, 1) for part in (query, key, value))).unflatten(0, (-1, ENDS))
    first, second = beside(0), beside(1)
    # A number for each row, not a tensor for all: copying one to a GPU would hold up every layer.
    mixed = [first[:, i].lerp(second[:, i], position) for i, position in enumerate(between)]
    return torch.cat([ends, torch.stack(mixed, dim=1)], dim=1).flatten(0, 1)
