"""Nodes that load, show and save pictures."""

from __future__ import annotations

import secrets
from typing import Any

from songreel.nodes.base.errors import InputError

from ...comfy_api import io, ui
from .input_files import check_input, digest_input, this_host

PREFIX_TOOLTIP = "Start of the file name; a folder, and %width%, %height%, %year% and so on, may be part of it."


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
                    options=this_host().input_names(),
                    upload=io.UploadType.image,
                    tooltip="File name of the picture.",
                )
            ],
            outputs=[io.Image.Output(), io.Mask.Output()],
        )

    @classmethod
    def validate_inputs(cls, image) -> bool | str:
        return check_input(image)

    @classmethod
    def fingerprint_inputs(cls, image) -> str | None:
        return digest_input(image)

    @classmethod
    def execute(cls, image) -> io.NodeOutput:
        import torch
        from PIL import Image, UnidentifiedImageError

        path = this_host().input_file(image)
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

    frames: list[tuple] = []
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
        prefix = f"ComfyUI_temp_{secrets.token_hex(3)}"
        saved = ui.ImageSaveHelper.save_images(images, prefix, io.FolderType.temp, cls, compress_level=1)
        return io.NodeOutput(ui=ui.SavedImages(saved))


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
                io.String.Input("filename_prefix", default="ComfyUI", tooltip=PREFIX_TOOLTIP),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images, filename_prefix="ComfyUI") -> io.NodeOutput:
        return io.NodeOutput(ui=ui.ImageSaveHelper.get_save_images_ui(images, filename_prefix, cls))
