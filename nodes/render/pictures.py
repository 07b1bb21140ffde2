"""Noise and prompt embeddings of the shots, and what a micro-batch of pictures is sampled from."""

from __future__ import annotations

from typing import Any

import torch

from ..host import Host
from ..types import Story
from .interpolate import common_tokens, repeat_tokens, slerp
from .plan import Picture, RenderSettings, shot_seeds


class ShotMaterial:
    """Every shot's noise (1, 4, H/8, W/8) and prompt embeddings (1, tokens, 768), made once."""

    def __init__(self, host: Host, clip: Any, story: Story, settings: RenderSettings):
        texts = {text for shot in story.shots for text in (shot.prompt, shot.negative)}
        embeddings = {text: host.encode_text(clip, text).cpu() for text in sorted(texts)}
        tokens = common_tokens(list(embeddings.values()))
        embeddings = {text: repeat_tokens(embedding, tokens) for text, embedding in embeddings.items()}
        self.positive = [embeddings[shot.prompt] for shot in story.shots]
        self.negative = [embeddings[shot.negative] for shot in story.shots]
        self._seeds = list(shot_seeds(story, settings))
        self._shape = (1, *settings.latent_shape)

    def noise(self, shot: int) -> torch.Tensor:
        """Gaussian noise (1, 4, H/8, W/8) of a shot, from its own generator: what KSampler draws for that seed."""
        generator = torch.Generator("cpu").manual_seed(self._seeds[shot])
        return torch.randn(self._shape, generator=generator, device="cpu")

    def batch(self, pictures: list[Picture]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(noise, positive, negative), one row per picture.

        Noise is interpolated as one vector, embeddings token by token.
        """
        noise, positive, negative = [], [], []
        for picture in pictures:
            a, b, t = picture.shot_a, picture.shot_b, picture.t
            noise.append(slerp(self.noise(a), self.noise(b), t, dim=(1, 2, 3)))
            positive.append(slerp(self.positive[a], self.positive[b], t, dim=2))
            negative.append(slerp(self.negative[a], self.negative[b], t, dim=2))
        return torch.cat(noise), torch.cat(positive), torch.cat(negative)
