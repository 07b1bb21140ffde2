"""The UNet's self-attention while pictures on a way are sampled with their ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

from songreel.nodes.diffusion import keyframe_attention as _between


class _Processor:
    """In place of diffusers' AttnProcessor2_0, for the self-attention of a transformer block."""

    def __init__(self, between: Sequence[float]):
        self._positions = between

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None) -> torch.Tensor:
        """From (chunks * rows, tokens, channels) to the same shape."""
        from torch.nn.functional import scaled_dot_product_attention

        query, key, value = (
            project(hidden_states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        out = _between.attend(scaled_dot_product_attention, query, key, value, self._positions)
        out = out.transpose(1, 2).flatten(2)
        for layer in attn.to_out:
            out = layer(out)
        return out


@contextlib.contextmanager
def attending_between(unet: torch.nn.Module, between: Sequence[float] | None) -> Iterator[None]:
    """Self-attention of in-between pictures that looks at both of their keyframes, as long as the block runs.

    Parameters
    ----------
    unet : Module
        diffusers' UNet2DConditionModel.
    between : sequence of float, optional
        Positions of the rows after the first two between those, 0..1; None leaves the UNet as it is. See
        `songreel.nodes.diffusion.keyframe_attention`.
    """
    if between is None:
        yield
        return
    before = unet.attn_processors
    own = _Processor(between)
    try:
        # set_attn_processor empties the dict that it is given.
        unet.set_attn_processor({name: own if ".attn1." in name else kept for name, kept in before.items()})
        yield
    finally:
        unet.set_attn_processor(dict(before))
