"""Nodes that load models: checkpoints, LoRAs, upscale models."""

from __future__ import annotations

from songreel.nodes.base.errors import InputError
from songreel.nodes.host import current

from ...comfy_api import io


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
        from ...sd.checkpoint import load_checkpoint

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
        from ...sd.lora import apply_lora

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
