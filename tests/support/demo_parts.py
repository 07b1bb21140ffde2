"""The demo model, loaded once for all tests that need a small MODEL, CLIP and VAE."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def demo_parts():
    """(MODEL, CLIP, VAE) of the demo model, float32 on the CPU."""
    from headless.demo_model import CHECKPOINT
    from headless.sd.checkpoint import load_checkpoint

    return load_checkpoint(CHECKPOINT, device="cpu")
