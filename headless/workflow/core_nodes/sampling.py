"""Nodes from prompts and noise to latents, and between latents and pictures."""

from __future__ import annotations

from typing import Any

from songreel.nodes.base.errors import InputError
from songreel.nodes.host import current
from songreel.nodes.host.port import ADDING_NOISE, SAMPLERS, SCHEDULERS, Sampling

from ...comfy_api import io

MAX_RESOLUTION = 16384
MAX_SEED = 2**64 - 1
# The core's own noise between steps is not ours, so samplers that add some are left to nodes that render videos.
_WITHOUT_NOISE = [name for name in SAMPLERS if name not in ADDING_NOISE]


class CLIPTextEncode(io.ComfyNode):
    """A prompt -> CONDITIONING."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CLIPTextEncode",
            display_name="CLIP Text Encode (Prompt)",
            category="conditioning",
            description="Encodes a prompt for the model.",
            inputs=[
                io.String.Input("text", multiline=True, dynamic_prompts=True, tooltip="The prompt."),
                io.Clip.Input("clip", tooltip="The text encoder."),
            ],
            outputs=[io.Conditioning.Output(tooltip="The encoded prompt.")],
        )

    @classmethod
    def execute(cls, text, clip) -> io.NodeOutput:
        return io.NodeOutput([[current().encode_text(clip, text), {"pooled_output": None}]])


class EmptyLatentImage(io.ComfyNode):
    """A size -> LATENT of zeros."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        side = {"default": 512, "min": 16, "max": MAX_RESOLUTION, "step": 8}
        return io.Schema(
            node_id="EmptyLatentImage",
            display_name="Empty Latent Image",
            category="latent",
            description="Empty latents to start from.",
            inputs=[
                io.Int.Input("width", **side, tooltip="Width of the pictures in pixels."),
                io.Int.Input("height", **side, tooltip="Height of the pictures in pixels."),
                io.Int.Input("batch_size", default=1, min=1, max=4096, tooltip="Number of pictures."),
            ],
            outputs=[io.Latent.Output(tooltip="The empty latents.")],
        )

    @classmethod
    def execute(cls, width, height, batch_size=1) -> io.NodeOutput:
        import torch

        return io.NodeOutput({"samples": torch.zeros(batch_size, 4, height // 8, width // 8)})


class KSampler(io.ComfyNode):
    """Noise and prompts -> LATENT."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KSampler",
            display_name="KSampler",
            category="sampling",
            description="Denoises latents with a model, towards one prompt and away from another.",
            inputs=[
                io.Model.Input("model", tooltip="The model that denoises."),
                io.Int.Input(
                    "seed", default=0, min=0, max=MAX_SEED, control_after_generate=True, tooltip="Decides the noise."
                ),
                io.Int.Input("steps", default=20, min=1, max=10000, tooltip="Number of denoising steps."),
                io.Float.Input(
                    "cfg",
                    default=8.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="How strictly the prompt is followed; 1 ignores the negative prompt.",
                ),
                io.Combo.Input("sampler_name", options=_WITHOUT_NOISE, tooltip="Method of every step."),
                io.Combo.Input("scheduler", options=list(SCHEDULERS), tooltip="How noise falls over the steps."),
                io.Conditioning.Input("positive", tooltip="What the picture is to show."),
                io.Conditioning.Input("negative", tooltip="What the picture is not to show."),
                io.Latent.Input("latent_image", tooltip="The latents to start from."),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much is made anew: 1 all of it, lower values keep the start's composition.",
                ),
            ],
            outputs=[io.Latent.Output(tooltip="The denoised latents.")],
        )

    @classmethod
    def execute(
        cls, model, seed, steps, cfg, sampler_name, scheduler, positive, negative, latent_image, denoise=1.0
    ) -> io.NodeOutput:
        host = current()
        samples = latent_image["samples"]
        mask = latent_image.get("noise_mask")
        if mask is not None and bool((mask < 1).any()):
            raise InputError(
                "This LATENT has a noise mask, which the headless host cannot follow; remove it or use ComfyUI."
            )
        progress = host.progress(steps)
        sampled = host.sample(
            model,
            prepare_noise(samples, seed, latent_image.get("batch_index")),
            _embedding(positive, "positive"),
            _embedding(negative, "negative"),
            Sampling(
                steps=steps,
                cfg=cfg,
                sampler=sampler_name,
                scheduler=scheduler,
                latent=samples,
                denoise=denoise,
                on_step=lambda step, x0: progress.update(step + 1),
            ),
        )
        return io.NodeOutput({**latent_image, "samples": sampled})


def prepare_noise(samples: Any, seed: int, batch_index: list[int] | None = None) -> Any:
    """Noise of a seed in the shape of some latents, as ComfyUI draws it.

    Parameters
    ----------
    samples : Tensor
        Latents (B, 4, h, w).
    seed : int
        Gives the noise of a whole batch.
    batch_index : list of int, optional
        Rows of a larger batch, which is then drawn one by one.

    Returns
    -------
    Tensor
        (B, 4, h, w) on the CPU.
    """
    import torch

    generator = torch.Generator("cpu").manual_seed(seed)
    if batch_index is None:
        return torch.randn(samples.shape, generator=generator, dtype=samples.dtype)
    row = (1, *samples.shape[1:])
    rows = [torch.randn(row, generator=generator, dtype=samples.dtype) for _ in range(max(batch_index) + 1)]
    return torch.cat([rows[index] for index in batch_index])


def _embedding(conditioning: list, name: str) -> Any:
    """The prompt embedding of a plain CONDITIONING.

    Raises
    ------
    InputError
        When it combines prompts, or carries what this host cannot follow.
    """
    if len(conditioning) != 1:
        raise InputError(
            f"'{name}' combines {len(conditioning)} prompts, the headless host follows one; give one CLIP Text Encode."
        )
    embedding, options = conditioning[0]
    unknown = sorted(key for key, value in options.items() if value is not None and key != "pooled_output")
    if unknown:
        raise InputError(
            f"'{name}' carries '{unknown[0]}', which the headless host cannot follow; give a plain CLIP Text Encode."
        )
    return embedding


class VAEDecode(io.ComfyNode):
    """LATENT -> IMAGE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VAEDecode",
            display_name="VAE Decode",
            category="latent",
            description="Turns latents into pictures.",
            inputs=[
                io.Latent.Input("samples", tooltip="The latents."),
                io.Vae.Input("vae", tooltip="The VAE."),
            ],
            outputs=[io.Image.Output(tooltip="The pictures.")],
        )

    @classmethod
    def execute(cls, samples, vae) -> io.NodeOutput:
        return io.NodeOutput(current().vae_decode(vae, samples["samples"]))


class VAEEncode(io.ComfyNode):
    """IMAGE -> LATENT."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="VAEEncode",
            display_name="VAE Encode",
            category="latent",
            description="Turns pictures into latents.",
            inputs=[
                io.Image.Input("pixels", tooltip="The pictures."),
                io.Vae.Input("vae", tooltip="The VAE."),
            ],
            outputs=[io.Latent.Output(tooltip="The latents.")],
        )

    @classmethod
    def execute(cls, pixels, vae) -> io.NodeOutput:
        return io.NodeOutput({"samples": current().vae_encode(vae, pixels[..., :3])})
