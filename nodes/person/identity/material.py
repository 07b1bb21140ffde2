"""What training steps are made of, computed once: latents of pictures, embeddings of captions, class pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...base.media.files import atomic_path, clear_disk_errors
from .diffusion import LATENT_FACTOR, ddim
from .settings import TrainSettings
from .subject import Subject, mirrored_caption

if TYPE_CHECKING:
    import torch

_START, _END, _LENGTH = 49406, 49407, 77
CLASS_STEPS, CLASS_CFG = 16, 5.0
HELD_BACK = 2  # class pictures that only validate


@dataclass(frozen=True, eq=False)
class Prompts:
    """All prompts of a training, the empty one first. ids: token ids (n, 77). embeddings: float32 (n, 77, width)."""

    texts: tuple[str, ...]
    ids: torch.Tensor
    embeddings: torch.Tensor

    def rows(self, texts: Iterable[str]) -> list[int]:
        """Where texts stand among them."""
        at = {text: row for row, text in enumerate(self.texts)}
        return [at[text] for text in texts]


@dataclass(frozen=True, eq=False)
class Material:
    """latents: (n, 4, h, w), scaled; the subject's first. caption: which prompt each latent has. subject: how many
    latents are the subject's. held: latents and captions that only validate: mirrored pictures and class pictures held
    back.
    """

    prompts: Prompts
    latents: torch.Tensor
    caption: tuple[int, ...]
    subject: int
    held: torch.Tensor
    held_caption: tuple[int, ...]


def padded_ids(tokens: list[int]) -> list[int]:
    """CLIP's row of 77 ids: begin, at most 75 tokens, end, and ends to the length."""
    row = [_START, *tokens[: _LENGTH - 2]]
    return row + [_END] * (_LENGTH - len(row))


def embed(text_encoder: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Embeddings (n, 77, width) of the last layer after its norm."""
    return text_encoder(ids.to(next(text_encoder.parameters()).device)).last_hidden_state


def encode_pictures(vae: torch.nn.Module, pictures: list[np.ndarray], size: int) -> torch.Tensor:
    """Scaled latents (n, 4, size / 8, size / 8), float32 on the CPU: the posterior's mean."""
    import torch
    from PIL import Image

    first, latents = next(vae.parameters()), []
    for picture in pictures:
        resized = Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS)
        x = torch.from_numpy(np.array(resized)).to(first.device, first.dtype).movedim(-1, 0)[None] / 127.5 - 1
        latents.append(vae.encode(x).latent_dist.mean.float().cpu() * LATENT_FACTOR)
    return torch.cat(latents)


def embed_prompts(subject: Subject, text_encoder: torch.nn.Module, tokenize: Callable[[str], list[int]]) -> Prompts:
    """Every prompt that a training of this subject may use, embedded once."""
    import torch

    mirrored = map(mirrored_caption, subject.captions)
    texts = tuple(dict.fromkeys(["", *subject.captions, *mirrored, *subject.class_captions]))
    ids = torch.tensor([padded_ids(tokenize(text)) for text in texts])
    with torch.no_grad():
        return Prompts(texts, ids, embed(text_encoder, ids).float().cpu())


def make_material(subject: Subject, latents: torch.Tensor, class_latents: torch.Tensor, prompts: Prompts) -> Material:
    """latents: those of the pictures, then of the mirrored ones. class_latents: (n, 4, h, w), may be empty."""
    import torch

    named, n = subject.class_captions, len(subject.pictures)
    plain = prompts.rows(named[index % len(named)] for index in range(len(class_latents)))
    used = len(class_latents) - min(HELD_BACK, max(0, len(class_latents) - 1))
    return Material(
        prompts=prompts,
        latents=torch.cat([latents[:n], class_latents[:used]]),
        caption=(*prompts.rows(subject.captions), *plain[:used]),
        subject=n,
        held=torch.cat([latents[n:], class_latents[used:]]),
        held_caption=(*prompts.rows(map(mirrored_caption, subject.captions)), *plain[used:]),
    )


def class_latents(
    unet: torch.nn.Module,
    prompts: Prompts,
    subject: Subject,
    settings: TrainSettings,
    folder: Path,
    base: str,
    check: Callable[[], None],
) -> torch.Tensor:
    """The model's own pictures of the class as scaled latents, sampled once per checkpoint and kept in `folder`.

    unet: without an adapter.
    """
    import torch
    from safetensors.torch import load_file, save

    count, side = settings.class_pictures, settings.resolution // 8
    if count == 0 or settings.prior_share == 0:
        return torch.zeros(0, 4, side, side)
    texts = subject.class_captions
    key = hashlib.sha256(repr((base, texts, count, side, settings.seed, CLASS_STEPS, CLASS_CFG)).encode()).hexdigest()
    path = folder / f"class_{key[:32]}.safetensors"
    if path.is_file():
        return load_file(path)["latents"]
    device, dtype = unet.conv_in.bias.device, unet.conv_in.bias.dtype
    embeddings = prompts.embeddings.to(device, dtype)
    empty, rows = embeddings[:1], embeddings[prompts.rows(texts)]

    def predict(x: torch.Tensor, t: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
        return unet(x.to(dtype), t, prompt, return_dict=False)[0]

    made = []
    with torch.no_grad():
        for index in range(count):
            generator = torch.Generator().manual_seed((settings.seed + index) % 2**63)
            noise = torch.randn(1, 4, side, side, generator=generator).to(device)
            prompt = rows[index % len(rows)][None]
            made.append(ddim(predict, noise, prompt, empty, steps=CLASS_STEPS, cfg=CLASS_CFG, check=check).cpu())
    latents = torch.cat(made).contiguous()
    with clear_disk_errors(folder), atomic_path(path) as part:
        part.write_bytes(save({"latents": latents}))
    return latents
