"""What a node shows: the names of ComfyUI's `comfy_api.latest.ui` that this pack's nodes use."""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from .io import FolderType

if TYPE_CHECKING:
    import torch


class _UIOutput(ABC):
    @abstractmethod
    def as_dict(self) -> dict:
        """The form that goes into the result: name -> list of values."""


class SavedResult(dict):
    """A file in one of the host's folders."""

    def __init__(self, filename: str, subfolder: str, type: FolderType):
        super().__init__(filename=filename, subfolder=subfolder, type=FolderType(type).value)

    @property
    def filename(self) -> str:
        return self["filename"]

    @property
    def subfolder(self) -> str:
        return self["subfolder"]

    @property
    def type(self) -> FolderType:
        return FolderType(self["type"])


class SavedImages(_UIOutput):
    """Pictures in files."""

    def __init__(self, results: list[SavedResult], is_animated: bool = False):
        self.results = results
        self.is_animated = is_animated

    def as_dict(self) -> dict:
        return {"images": self.results} | ({"animated": (True,)} if self.is_animated else {})


class SavedAudios(_UIOutput):
    """Sounds in files."""

    def __init__(self, results: list[SavedResult]):
        self.results = results

    def as_dict(self) -> dict:
        return {"audio": self.results}


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
        """Save float pictures (B, H, W, 3) in 0..1 as numbered PNG files with the workflow in their metadata."""
        from ..host import atomic_path, numbered
        from PIL import Image as PILImage

        from songreel.nodes.host import current

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
    def get_save_images_ui(images, filename_prefix: str, cls: type | None, compress_level: int = 4) -> SavedImages:
        """Save pictures in the output folder and show them."""
        return SavedImages(ImageSaveHelper.save_images(images, filename_prefix, FolderType.output, cls, compress_level))


def _png_metadata(cls: type | None) -> Any:
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


class PreviewImage(_UIOutput):
    """Pictures shown but not kept."""

    def __init__(self, image: torch.Tensor, animated: bool = False, cls: type | None = None, **kwargs: Any):
        prefix = f"ComfyUI_temp_{secrets.token_hex(3)}"
        self.values = ImageSaveHelper.save_images(image, prefix, FolderType.temp, cls, compress_level=1)
        self.animated = animated

    def as_dict(self) -> dict:
        return {"images": self.values, "animated": (self.animated,)}


class PreviewMask(PreviewImage):
    """Masks shown but not kept."""

    def __init__(self, mask: torch.Tensor, animated: bool = False, cls: type | None = None, **kwargs: Any):
        image = mask.reshape(-1, *mask.shape[-2:], 1).expand(-1, -1, -1, 3)
        super().__init__(image, animated, cls, **kwargs)


class PreviewVideo(_UIOutput):
    """A video in a file."""

    def __init__(self, values: list[SavedResult | dict], **kwargs: Any):
        self.values = values

    def as_dict(self) -> dict:
        return {"images": self.values, "animated": (True,)}


class PreviewText(_UIOutput):
    """A text."""

    def __init__(self, value: str, **kwargs: Any):
        self.value = value

    def as_dict(self) -> dict:
        return {"text": (self.value,)}
