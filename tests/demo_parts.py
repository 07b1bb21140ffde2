"""The stand-in model, loaded once for all tests that need a small MODEL, CLIP and VAE."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def demo_parts():
    """(MODEL, CLIP, VAE) of the stand-in checkpoint, float32 on the CPU."""
    from headless.demo_model import ensure_demo_model
    from headless.sd.checkpoint import load_checkpoint

    with tempfile.TemporaryDirectory() as folder:
        return load_checkpoint(ensure_demo_model(Path(folder)), device="cpu")
