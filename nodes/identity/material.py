"""What training steps are made of, computed once: latents of pictures, embeddings of captions, class pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..media.files import atomic_path
from .diffusion import LATENT_FACTOR, ddim
from .settings import TrainSettings
from .subject import Subject, mirrored_caption

if TYPE_CHECKING:
    import torch

_START, _END, _LENGTH = 49406, 49407, 77
CLASS_STEPS, CLASS_CFG = 16, 5.0
HELD_BACK = 2  # class pictures that only validate


@dataclass(frozen=True, eq=False)
class Material:
    """latents: (n, 4, h, w), scaled; the subject's first. caption: which text each latent has. texts: all prompts, the
    empty one first. ids: token ids (texts, 77). embeddings: (texts, 77, width). subject: how many latents are the
    subject's. held: latents and captions that only validate: mirrored pictures and class pictures held back.
    """

    latents: torch.Tensor
    caption: tuple[int, ...]
    texts: tuple[str, ...]
    ids: torch.Tensor
    embeddings: torch.Tensor
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


def make_material(
    subject: Subject,
    settings: TrainSettings,
    latents: torch.Tensor,
    class_latents: torch.Tensor,
    text_encoder: torch.nn.Module,
    tokenize: Callable[[str], list[int]],
) -> Material:
    """latents: those of the pictures, then of the mirrored ones. class_latents: (n, 4, h, w), may be empty."""
    import torch

    mirrored = [mirrored_caption(text) for text in subject.captions]
    texts = tuple(dict.fromkeys(["", *subject.captions, *mirrored, *subject.class_captions]))
    at = {text: index for index, text in enumerate(texts)}
    plain = [at[subject.class_captions[index % len(subject.class_captions)]] for index in range(len(class_latents))]
    n = len(subject.pictures)
    held = min(HELD_BACK, max(0, len(class_latents) - 1))
    used = len(class_latents) - held
    ids = torch.tensor([padded_ids(tokenize(text)) for text in texts])
    with torch.no_grad():
        embeddings = embed(text_encoder, ids).float().cpu()
    return Material(
        latents=torch.cat([latents[:n], class_latents[:used]]),
        caption=(*(at[text] for text in subject.captions), *plain[:used]),
        texts=texts,
        ids=ids,
        embeddings=embeddings,
        subject=n,
        held=torch.cat([latents[n:], class_latents[used:]]),
        held_caption=(*(at[text] for text in mirrored), *plain[used:]),
    )


def class_latents(
    unet: torch.nn.Module,
    embeddings: Callable[[tuple[str, ...]], torch.Tensor],
    subject: Subject,
    settings: TrainSettings,
    folder: Path,
    base: str,
    check: Callable[[], None],
) -> torch.Tensor:
    """The model's own pictures of the class as scaled latents, sampled once per checkpoint and kept in `folder`.

    unet: without an adapter. embeddings: gives (n, 77, width) of prompts.
    """
    import torch
    from safetensors.torch import load_file, save_file

    count, side = settings.class_pictures, settings.resolution // 8
    if count == 0 or settings.prior_share == 0:
        return torch.zeros(0, 4, side, side)
    texts = subject.class_captions
    key = hashlib.sha256(repr((base, texts, count, side, settings.seed, CLASS_STEPS, CLASS_CFG)).encode()).hexdigest()
    path = folder / f"class_{key[:32]}.safetensors"
    if path.is_file():
        return load_file(path)["latents"]
    device, dtype = next(unet.parameters()).device, next(unet.parameters()).dtype
    empty = embeddings(("",)).to(device, dtype)
    rows = embeddings(texts).to(device, dtype)

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
    with atomic_path(path) as part:
        save_file({"latents": latents}, part)
    return latents
