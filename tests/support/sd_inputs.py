"""What the small SD model is asked in tests of sampling."""

import torch

OPTIONS = {"steps": 3, "cfg": 5.0, "sampler": "euler", "scheduler": "normal"}


def noise(rows=1, seed=0, size=8):
    return torch.randn(rows, 4, size, size, generator=torch.Generator().manual_seed(seed))
