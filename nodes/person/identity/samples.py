"""Small pictures of a person in three styles, painted by the model as it learns, for the owner's eyes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...diffusion.sd15.checkpoint import CheckpointFile, load_part
from ...story.vocabulary import shipped
from .diffusion import LATENT_FACTOR, ddim
from .material import embed, padded_ids

if TYPE_CHECKING:
    import torch

    from .settings import TrainSettings

STYLES = ("realistic", "cartoon", "sketch")
# A set of three takes as many passes of the UNet as some twenty training steps at the same size.
STEPS, CFG, LARGEST = 10, 7.0, 384
TIMES = 4  # sets while training, the last one of the step that is kept


@dataclass(frozen=True)
class Samples:
    """keep(training, step, style, picture): told of every picture, uint8 (H, W, 3). training: its digest's beginning.

    while_training: not only at the end.
    """

    keep: Callable[[str, int, str, np.ndarray], None]
    while_training: bool = False

    def due(self, done: int, steps: int) -> bool:
        """Whether pictures are wanted after a step that is not the last."""
        return self.while_training and done < steps and done in {steps * part // TIMES for part in range(1, TIMES)}


def prompts_of(words: str) -> dict[str, tuple[str, str]]:
    """Style -> prompt and negative prompt of a person's sample, in the words of the styles of stories."""
    return {
        style: (f"a portrait of {words}, {', '.join(shipped(style).style)}", shipped(style).negative)
        for style in STYLES
    }


class Sampler:
    """Paints the samples with the modules as they are when asked.

    text_encoder: embeds the prompts: once now, or each time anew where it learns too.
    """

    def __init__(
        self,
        file: CheckpointFile,
        text_encoder: torch.nn.Module,
        settings: TrainSettings,
        words: str,
        tokenize: Callable[[str], list[int]],
        *,
        check: Callable[[], None],
    ):
        import torch

        self._file, self._check, self._seed = file, check, settings.seed
        self._side = min(settings.resolution, LARGEST) // 8
        texts = [text for pair in prompts_of(words).values() for text in pair]
        self._ids = torch.tensor([padded_ids(tokenize(text)) for text in texts])
        self._text = text_encoder if settings.text_encoder else None
        self._embeddings = None if settings.text_encoder else self._embed(text_encoder)

    def _embed(self, text_encoder: torch.nn.Module) -> torch.Tensor:
        import torch

        with torch.no_grad():
            return embed(text_encoder, self._ids).float().cpu()

    def pictures(self, unet: torch.nn.Module) -> dict[str, np.ndarray]:
        """Style -> uint8 (S, S, 3). The noise is the same every time; no chance of the training is used up."""
        import torch

        weight = unet.conv_in.bias
        embeddings = self._embed(self._text) if self._embeddings is None else self._embeddings
        embeddings = embeddings.to(weight.device, weight.dtype)
        noise = torch.randn(1, 4, self._side, self._side, generator=torch.Generator().manual_seed(self._seed))

        def predict(x: torch.Tensor, t: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
            return unet(x.to(weight.dtype), t, prompt, return_dict=False)[0]

        unet.eval()
        made = {}
        with torch.no_grad():
            latents = [
                ddim(
                    predict,
                    noise.to(weight.device),
                    embeddings[2 * row : 2 * row + 1],
                    embeddings[2 * row + 1 : 2 * row + 2],
                    steps=STEPS,
                    cfg=CFG,
                    check=self._check,
                )
                for row in range(len(STYLES))
            ]
            # The autoencoder is in memory only as long as it is needed.
            vae = load_part(self._file, "vae", device=weight.device)
            for style, latent in zip(STYLES, latents, strict=True):
                decoded = vae.decode(latent / LATENT_FACTOR, return_dict=False)[0][0]
                pixels = ((decoded.float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
                made[style] = pixels.movedim(0, -1).contiguous().numpy()
        return made
