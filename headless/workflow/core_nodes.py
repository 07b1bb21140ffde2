"""ComfyUI's own nodes that our workflows use: the same names, inputs and results, on this host."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..comfy_api import VideoCodec, VideoComponents, VideoContainer, io, ui
from ..host import numbered

from songreel.nodes.base.errors import InputError
from songreel.nodes.host import current
from songreel.nodes.host import port as _port
from songreel.nodes.host.port import Sampling

MAX_RESOLUTION = 16384
# The core's own noise between steps is not ours, so samplers that add some are left to nodes that render videos.
_QUIET = [name for name in _port.SAMPLERS if name not in _port.ADDING_NOISE]
MAX_SEED = 2**64 - 1


# Loaders -------------------------------------------------------------------------------------------


class CheckpointLoaderSimple(io.ComfyNode):
    """A checkpoint file -> MODEL, CLIP, VAE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CheckpointLoaderSimple",
            display_name="Load Checkpoint",
            category="loaders",
            description="Loads an SD1.5 checkpoint.",
            inputs=[
                io.Combo.Input(
                    "ckpt_name", options=current().model_names("checkpoints"), tooltip="File name of the checkpoint."
                )
            ],
            outputs=[
                io.Model.Output(tooltip="Denoises latents."),
                io.Clip.Output(tooltip="Encodes prompts."),
                io.Vae.Output(tooltip="Turns latents into pictures and back."),
            ],
        )

    @classmethod
    def execute(cls, ckpt_name) -> io.NodeOutput:
        from ..sd.checkpoint import load_checkpoint

        return io.NodeOutput(*load_checkpoint(current().model_file("checkpoints", ckpt_name)))


def _strength(name: str, what: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=1.0,
        min=-100.0,
        max=100.0,
        step=0.01,
        tooltip=f"How much of the LoRA goes into the {what}; 0 is none, negative values turn it round.",
    )


class LoraLoader(io.ComfyNode):
    """MODEL and CLIP with a LoRA file applied."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoraLoader",
            display_name="Load LoRA",
            category="loaders",
            description="Applies a LoRA file to a model and its text encoder.",
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                io.Clip.Input("clip", tooltip="The text encoder to change."),
                io.Combo.Input("lora_name", options=current().model_names("loras"), tooltip="File name of the LoRA."),
                _strength("strength_model", "model"),
                _strength("strength_clip", "text encoder"),
            ],
            outputs=[
                io.Model.Output(tooltip="The changed model."),
                io.Clip.Output(tooltip="The changed text encoder."),
            ],
        )

    @classmethod
    def execute(cls, model, clip, lora_name, strength_model, strength_clip) -> io.NodeOutput:
        if strength_model == 0 and strength_clip == 0:
            return io.NodeOutput(model, clip)
        file = current().model_file("loras", lora_name)
        return io.NodeOutput(*current().apply_lora(model, clip, file, strength_model, strength_clip))


class LoraModelLoader(io.ComfyNode):
    """MODEL with a trained LoRA applied."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoraModelLoader",
            display_name="Load LoRA Model",
            category="loaders",
            description="Applies a LoRA that another node trained.",
            is_experimental=True,
            inputs=[
                io.Model.Input("model", tooltip="The model to change."),
                io.LoraModel.Input("lora", tooltip="The trained LoRA."),
                _strength("strength_model", "model"),
            ],
            outputs=[io.Model.Output(tooltip="The changed model.")],
        )

    @classmethod
    def execute(cls, model, lora, strength_model) -> io.NodeOutput:
        if strength_model == 0:
            return io.NodeOutput(model)
        from ..sd.lora import apply_lora

        return io.NodeOutput(apply_lora(model, None, lora, strength_model, 0.0)[0])


class UpscaleModelLoader(io.ComfyNode):
    """An upscale model's file -> UPSCALE_MODEL."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="UpscaleModelLoader",
            display_name="Load Upscale Model",
            category="loaders",
            description="Loads a model that enlarges pictures.",
            inputs=[
                io.Combo.Input(
                    "model_name", options=current().model_names("upscale_models"), tooltip="File name of the model."
                )
            ],
            outputs=[io.UpscaleModel.Output(tooltip="Enlarges pictures.")],
        )

    @classmethod
    def execute(cls, model_name) -> io.NodeOutput:
        file = current().model_file("upscale_models", model_name)
        try:
            from spandrel import ImageModelDescriptor, ModelLoader
        except (ImportError, RuntimeError):  # the latter: a torchvision that was built for another torch
            raise InputError(
                "Load Upscale Model needs spandrel, with the torchvision of your torch: pip install spandrel."
            ) from None
        try:
            model = ModelLoader().load_from_file(str(file))
        except Exception:  # noqa: BLE001 (spandrel raises what each of its forty architectures raises)
            raise InputError(f"'{file.name}' is no upscale model that spandrel knows; pick another.") from None
        if not isinstance(model, ImageModelDescriptor):
            raise InputError(f"'{file.name}' does not turn one picture into one; pick an upscale model.")
        return io.NodeOutput(model.eval())


class _File:
    """Shared by the nodes that load an input file."""

    @staticmethod
    def digest(name: str) -> str:
        from songreel.nodes.base.media.files import file_digest

        return file_digest(current().input_file(name))

    @staticmethod
    def check(name: Any) -> bool | str:
        try:
            current().input_file(str(name))
        except InputError as error:
            return str(error)
        return True


class LoadAudio(io.ComfyNode):
    """An audio file -> AUDIO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadAudio",
            display_name="LoadAudio",
            category="audio",
            description="Loads a song from a file.",
            inputs=[
                io.Combo.Input(
                    "audio",
                    options=current().input_names(),
                    upload=io.UploadType.audio,
                    tooltip="File name of the song.",
                )
            ],
            outputs=[io.Audio.Output()],
        )

    @classmethod
    def validate_inputs(cls, audio) -> bool | str:
        return audio is None or _File.check(audio)

    @classmethod
    def fingerprint_inputs(cls, audio) -> str | None:
        return None if audio is None else _File.digest(audio)

    @classmethod
    def execute(cls, audio) -> io.NodeOutput:
        import torch

        from songreel.nodes.base.media.audio import read_audio

        waveform, sample_rate = read_audio(current().input_file(audio))
        return io.NodeOutput({"waveform": torch.from_numpy(waveform)[None], "sample_rate": sample_rate})


class LoadImage(io.ComfyNode):
    """A picture file -> IMAGE, MASK."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadImage",
            display_name="Load Image",
            category="image",
            description="Loads a picture from a file; where it is transparent, the mask is 1.",
            inputs=[
                io.Combo.Input(
                    "image",
                    options=current().input_names(),
                    upload=io.UploadType.image,
                    tooltip="File name of the picture.",
                )
            ],
            outputs=[io.Image.Output(), io.Mask.Output()],
        )

    @classmethod
    def validate_inputs(cls, image) -> bool | str:
        return image is None or _File.check(image)

    @classmethod
    def fingerprint_inputs(cls, image) -> str | None:
        return None if image is None else _File.digest(image)

    @classmethod
    def execute(cls, image) -> io.NodeOutput:
        import torch
        from PIL import Image, UnidentifiedImageError

        path = current().input_file(image)
        try:
            with Image.open(path) as file:
                frames = _frames_of(file)
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            raise InputError(f"'{path.name}' cannot be read as a picture; give a png, jpg or webp file.") from None
        images, masks = zip(*frames, strict=True)
        return io.NodeOutput(torch.cat(images), torch.cat(masks))


def _frames_of(file: Any) -> list[tuple]:
    """Pictures (1, H, W, 3) and masks (1, H, W) of a file, upright; frames of another size are left out."""
    import numpy as np
    import torch
    from PIL import ImageOps, ImageSequence

    frames = []
    for frame in ImageSequence.Iterator(file):
        frame = ImageOps.exif_transpose(frame)
        if frame.mode.startswith("I"):
            frame = frame.point(lambda value: value * (1 / 255)).convert("L")
        picture = torch.from_numpy(np.asarray(frame.convert("RGB"), dtype=np.float32) / 255)[None]
        if "A" in frame.getbands() or "transparency" in frame.info:
            alpha = np.asarray(frame.convert("RGBA").getchannel("A"), dtype=np.float32) / 255
            mask = 1 - torch.from_numpy(alpha)[None]
        else:
            mask = torch.zeros(1, 64, 64)
        if not frames or picture.shape == frames[0][0].shape:
            frames.append((picture, mask))
        if file.format == "MPO":
            break
    return frames


# Sampling ------------------------------------------------------------------------------------------


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
                io.Combo.Input("sampler_name", options=_QUIET, tooltip="Method of every step."),
                io.Combo.Input("scheduler", options=list(_port.SCHEDULERS), tooltip="How noise falls over the steps."),
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
    """Noise in the shape of the latents (B, 4, h, w), on the CPU.

    One seed gives the noise of a whole batch; batch_index picks rows of a larger batch, one by one.
    """
    import torch

    generator = torch.Generator("cpu").manual_seed(seed)
    if batch_index is None:
        return torch.randn(samples.shape, generator=generator, dtype=samples.dtype)
    row = (1, *samples.shape[1:])
    rows = [torch.randn(row, generator=generator, dtype=samples.dtype) for _ in range(max(batch_index) + 1)]
    return torch.cat([rows[index] for index in batch_index])


def _embedding(conditioning: list, name: str) -> Any:
    """The prompt embedding of a plain CONDITIONING."""
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


# Pictures and videos -------------------------------------------------------------------------------


class PreviewImage(io.ComfyNode):
    """Shows pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PreviewImage",
            display_name="Preview Image",
            category="image",
            description="Shows pictures without keeping them.",
            inputs=[io.Image.Input("images", tooltip="The pictures.")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images) -> io.NodeOutput:
        return io.NodeOutput(ui=ui.SavedImages(ui.PreviewImage(images, cls=cls).values))


_PREFIX_TOOLTIP = "Start of the file name; a folder, and %width%, %height%, %year% and so on, may be part of it."


class SaveImage(io.ComfyNode):
    """Saves pictures as PNG."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveImage",
            display_name="Save Image",
            category="image",
            description="Saves pictures in the output folder.",
            inputs=[
                io.Image.Input("images", tooltip="The pictures."),
                io.String.Input("filename_prefix", default="ComfyUI", tooltip=_PREFIX_TOOLTIP),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images, filename_prefix="ComfyUI") -> io.NodeOutput:
        return io.NodeOutput(ui=ui.ImageSaveHelper.get_save_images_ui(images, filename_prefix, cls))


class CreateVideo(io.ComfyNode):
    """IMAGE and AUDIO -> VIDEO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CreateVideo",
            display_name="Create Video",
            category="image/video",
            description="Makes a video of pictures and a sound.",
            inputs=[
                io.Image.Input("images", tooltip="The pictures, one per frame."),
                io.Float.Input("fps", default=30.0, min=1.0, max=120.0, step=1.0, tooltip="Frames per second."),
                io.Audio.Input("audio", optional=True, tooltip="The sound."),
            ],
            outputs=[io.Video.Output()],
        )

    @classmethod
    def execute(cls, images, fps, audio=None) -> io.NodeOutput:
        from ..comfy_api.video import VideoFromComponents

        components = VideoComponents(images=images, frame_rate=Fraction(fps), audio=audio)
        return io.NodeOutput(VideoFromComponents(components))


class SaveVideo(io.ComfyNode):
    """Saves a VIDEO as a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveVideo",
            display_name="Save Video",
            category="image/video",
            description="Saves a video in the output folder.",
            inputs=[
                io.Video.Input("video", tooltip="The video."),
                io.String.Input("filename_prefix", default="video/ComfyUI", tooltip=_PREFIX_TOOLTIP),
                io.Combo.Input("format", options=VideoContainer.as_input(), default="auto", tooltip="File format."),
                io.Combo.Input("codec", options=VideoCodec.as_input(), default="auto", tooltip="Codec."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, video, filename_prefix, format, codec) -> io.NodeOutput:
        width, height = video.get_dimensions()
        folder, name, counter, subfolder = numbered(filename_prefix, current().output_dir(), width=width, height=height)
        file = f"{name}_{counter:05}_.{VideoContainer.get_extension(format)}"
        metadata = ui.workflow_metadata(cls) or None
        video.save_to(str(folder / file), format=VideoContainer(format), codec=VideoCodec(codec), metadata=metadata)
        return io.NodeOutput(ui=ui.PreviewVideo([ui.SavedResult(file, subfolder, io.FolderType.output)]))


def node_classes() -> list[type[io.ComfyNode]]:
    """The classes, in the order data flows."""
    return [
        CheckpointLoaderSimple,
        LoraLoader,
        LoraModelLoader,
        UpscaleModelLoader,
        CLIPTextEncode,
        LoadAudio,
        LoadImage,
        EmptyLatentImage,
        KSampler,
        VAEDecode,
        VAEEncode,
        PreviewImage,
        SaveImage,
        CreateVideo,
        SaveVideo,
    ]


def registry() -> dict[str, type[io.ComfyNode]]:
    """Every node of this host and of the pack, by id. `comfy_api` must be in place (see `__main__`)."""
    from ..demo import nodes as demo_nodes

    from songreel import nodes

    classes = [*node_classes(), *nodes.node_classes(), *demo_nodes.node_classes()]
    return {cls.define_schema().node_id: cls for cls in classes}
