"""What a batch of pictures is sampled from: noise and prompt embeddings, interpolated between shots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from ..base.types import Story
from ..diffusion.animatediff import WINDOW
from ..host.port import Host
from ..story.person import with_person
from .interpolate import common_tokens, repeat_tokens, slerp
from .noise_drift import drifted
from .plan import shot_seeds
from .recipe import CARRY, DRIFT, THEMES, T
from .settings import RenderSettings


class ModelInputs:
    """Noise (1, 4, H/8, W/8) and prompt embeddings (1, tokens, 768) of some shots.

    Parameters
    ----------
    shots : numbers of the shots whose prompts are encoded; all where None.
    extras : further prompts to encode, see `Recipes.extras`.

    Attributes
    ----------
    seeds : the noise seed of every shot of the story.
    """

    def __init__(
        self,
        host: Host,
        clip: Any,
        story: Story,
        settings: RenderSettings,
        shots: Iterable[int] | None = None,
        extras: Iterable[str] = (),
    ):
        self._story = story
        shots = range(len(story.shots)) if shots is None else shots
        texts = {text for shot in shots for text in (story.shots[shot].prompt, story.shots[shot].negative)}
        texts |= set(extras)
        self._embeddings = {
            text: host.encode_text(clip, with_person(text, settings.person)).cpu() for text in sorted(texts)
        }
        self.seeds = list(shot_seeds(story, settings))
        self._shape = settings.latent_shape

    def noise(self, shot: int, rows: int = 1) -> torch.Tensor:
        """Gaussian noise (rows, 4, H/8, W/8) of a shot, from its own generator: KSampler's for that seed and batch."""
        generator = torch.Generator("cpu").manual_seed(self.seeds[shot])
        return torch.randn((rows, *self._shape), generator=generator, device="cpu")

    def prompts(self, *shots: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """(positive, negative) of shots, all repeated to their common number of tokens."""
        pairs = [
            (self._embeddings[shot.prompt], self._embeddings[shot.negative])
            for shot in (self._story.shots[index] for index in shots)
        ]
        tokens = common_tokens([embedding for pair in pairs for embedding in pair])
        return [(repeat_tokens(positive, tokens), repeat_tokens(negative, tokens)) for positive, negative in pairs]

    def batch(
        self, shot_a: int, shot_b: int, positions: Iterable[float]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(noise, positive, negative), one row per position, 0..1, between two shots.

        Noise is slerped as one vector, embeddings token by token.
        """
        (positive_a, negative_a), (positive_b, negative_b) = self.prompts(shot_a, shot_b)
        noise_a, noise_b = self.noise(shot_a), self.noise(shot_b)
        noise, positive, negative = [], [], []
        for t in positions:
            noise.append(slerp(noise_a, noise_b, t, dim=(1, 2, 3)))
            positive.append(slerp(positive_a, positive_b, t, dim=2))
            negative.append(slerp(negative_a, negative_b, t, dim=2))
        return torch.cat(noise), torch.cat(positive), torch.cat(negative)

    def recipe_batch(
        self,
        shot_a: int,
        shot_b: int,
        rows: Sequence[Sequence[float]],
        extras: Sequence[str],
        places: Sequence[int] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(noise, positive, negative), one row per recipe between two shots.

        The noise of both shots drifts before it is interpolated. The prompt is slerped with the shot before's by that
        one's weight, then with the weighted mean of the themes by the sum of their weights.

        Parameters
        ----------
        rows : the recipe of each picture, see `recipe`.
        extras : prompts that recipes mix in, the shot before's and then the themes'.
        places : with a motion module, each picture's row of a shot's noise (16, 4, H/8, W/8).
        """
        shots = [self._story.shots[shot] for shot in (shot_a, shot_b)]
        texts = [text for shot in shots for text in (shot.prompt, shot.negative)] + list(extras)
        tokens = common_tokens([self._embeddings[text] for text in texts])
        long = [repeat_tokens(self._embeddings[text], tokens) for text in texts]
        positive_a, negative_a, positive_b, negative_b, before, *themes = long
        noise, positive, negative = [], [], []
        own = [(self.seeds[shot], self.noise(shot, WINDOW if places else 1)) for shot in (shot_a, shot_b)]
        for row, place in zip(rows, places or [0] * len(rows), strict=True):
            t = row[T]
            noise_a, noise_b = (drifted(drawn[place : place + 1], seed, row[DRIFT]) for seed, drawn in own)
            noise.append(slerp(noise_a, noise_b, t, dim=(1, 2, 3)))
            prompt = slerp(slerp(positive_a, positive_b, t, dim=2), before, row[CARRY], dim=2)
            weights = row[THEMES:]
            share = float(sum(weights))
            if share > 0:
                mean = sum(theme * (float(weight) / share) for theme, weight in zip(themes, weights, strict=True))
                prompt = slerp(prompt, mean, share, dim=2)
            positive.append(prompt)
            negative.append(slerp(negative_a, negative_b, t, dim=2))
        return torch.cat(noise), torch.cat(positive), torch.cat(negative)
