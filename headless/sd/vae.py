"""Pictures to latents and back. One picture at a time, so that its bits and the memory do not depend on the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parts import Vae

if TYPE_CHECKING:
    import torch

from songreel.nodes.base.errors import InputError

_SCALE = 8


def vae_encode(vae: Vae, pixels: torch.Tensor) -> torch.Tensor:
    """Pictures to latents: the mean of the posterior, unscaled.

    Parameters
    ----------
    vae : Vae
        Of the checkpoint.
    pixels : Tensor
        (B, H, W, 3) in 0..1; what passes the last multiple of 8 is cropped evenly, as ComfyUI does.

    Returns
    -------
    Tensor
        float32 (B, 4, H // 8, W // 8) on the CPU.

    Raises
    ------
    InputError
        When the picture is smaller than 8x8.
    """
    import torch

    if pixels.ndim != 4 or min(pixels.shape[1:3]) < _SCALE or pixels.shape[3] < 3:
        raise InputError(f"The picture has the shape {tuple(pixels.shape)}; give (B, H, W, 3), at least 8x8 pixels.")
    height, width = (size // _SCALE * _SCALE for size in pixels.shape[1:3])
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    pixels = pixels[:, top : top + height, left : left + width, :3]
    module, latents = vae.ready(), []
    with torch.no_grad():
        for picture in pixels:
            x = picture.movedim(-1, 0)[None].to(vae.weights.device, vae.weights.dtype) * 2 - 1
            latents.append(module.encode(x).latent_dist.mean.float().cpu())
    return torch.cat(latents)


def vae_decode(vae: Vae, latent: torch.Tensor) -> torch.Tensor:
    """Latents to pictures.

    Parameters
    ----------
    vae : Vae
        Of the checkpoint.
    latent : Tensor
        (B, 4, h, w) as `sample` and `vae_encode` give it.

    Returns
    -------
    Tensor
        float32 (B, 8h, 8w, 3) in 0..1 on the CPU.

    Raises
    ------
    InputError
        When the latent has another number of channels.
    """
    import torch

    channels = vae.weights.module.config.latent_channels
    if latent.ndim != 4 or latent.shape[1] != channels:
        raise InputError(
            f"The latent has the shape {tuple(latent.shape)}, this VAE takes (B, {channels}, h, w); "
            "use parts of the same checkpoint."
        )
    module, pictures = vae.ready(), []
    with torch.no_grad():
        for row in latent:
            x = module.decode(row[None].to(vae.weights.device, vae.weights.dtype)).sample
            pictures.append((x.float() / 2 + 0.5).clamp(0, 1).movedim(1, -1).cpu())
    return torch.cat(pictures)
