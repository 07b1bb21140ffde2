"""What a node shows: the names of ComfyUI's `comfy_api.latest.ui` that nodes of this host use."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ..folders import numbered
from .io import FolderType

if TYPE_CHECKING:
    import torch
    from PIL.PngImagePlugin import PngInfo

from songreel.nodes.base.media.files import atomic_path
from songreel.nodes.host import current


class _UIOutput(ABC):
    @abstractmethod
    def as_dict(self) -> dict:
        """The form that goes into the result: name -> list of values."""


class SavedResult(dict):
    """A file in one of the host's folders: {"filename", "subfolder", "type"}."""

    def __init__(self, filename: str, subfolder: str, type: FolderType):
        super().__init__(filename=filename, subfolder=subfolder, type=FolderType(type).value)


class SavedImages(_UIOutput):
    """Pictures in files."""

    def __init__(self, results: list[SavedResult]):
        self.results = results

    def as_dict(self) -> dict:
        return {"images": self.results}


class PreviewVideo(_UIOutput):
    """A video in a file."""

    def __init__(self, values: list[SavedResult | dict], **kwargs: Any):
        self.values = values

    def as_dict(self) -> dict:
        return {"images": self.values, "animated": (True,)}


class ImageSaveHelper:
    """Saves batches of pictures."""

    @staticmethod
    def save_images(
        images: torch.Tensor,
        filename_prefix: str,
        folder_type: FolderType,
        cls: type | None = None,
        compress_level: int = 4,
    ) -> list[SavedResult]:
        """Save pictures as numbered PNG files with the workflow in their metadata.

        Parameters
        ----------
        images : Tensor
            float (B, H, W, 3) in 0..1.
        filename_prefix : str
            See `headless.folders.numbered`.
        folder_type : FolderType
            The temporary folder, else the output folder.
        cls : type, optional
            The node at work, whose hidden values hold the workflow.
        compress_level : int
            PNG's, 0 to 9.
        """
        from PIL import Image as PILImage

        host = current()
        root = host.temp_dir() if folder_type == FolderType.temp else host.output_dir()
        height, width = images[0].shape[:2]
        folder, name, counter, subfolder = numbered(filename_prefix, root, width=width, height=height)
        metadata = _png_metadata(cls)
        results = []
        for index, image in enumerate(images):
            file = f"{name.replace('%batch_num%', str(index))}_{counter + index:05}_.png"
            pixels = (image.detach().cpu() * 255.0).clamp(0, 255).byte().numpy()
            with atomic_path(folder / file) as part:
                PILImage.fromarray(pixels).save(part, format="PNG", pnginfo=metadata, compress_level=compress_level)
            results.append(SavedResult(file, subfolder, folder_type))
        return results

    @staticmethod
    def get_save_images_ui(
        images: torch.Tensor, filename_prefix: str, cls: type | None, compress_level: int = 4
    ) -> SavedImages:
        """Save pictures in the output folder and show them."""
        return SavedImages(ImageSaveHelper.save_images(images, filename_prefix, FolderType.output, cls, compress_level))


def _png_metadata(cls: type | None) -> PngInfo:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, value in workflow_metadata(cls).items():
        info.add_text(key, json.dumps(value))
    return info


def workflow_metadata(cls: type | None) -> dict:
    """What goes into a saved file: the workflow as it ran, and what came with it."""
    hidden = getattr(cls, "hidden", None)
    if hidden is None:
        return {}
    return (dict(hidden.extra_pnginfo or {})) | ({"prompt": hidden.prompt} if hidden.prompt else {})
