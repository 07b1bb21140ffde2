"""ComfyUI's own nodes that our workflows use: the same names, inputs and results, on this host."""

from __future__ import annotations

from ...comfy_api import io
from .audio import LoadAudio
from .images import LoadImage, PreviewImage, SaveImage
from .loaders import CheckpointLoaderSimple, LoraLoader, LoraModelLoader, UpscaleModelLoader
from .sampling import CLIPTextEncode, EmptyLatentImage, KSampler, VAEDecode, VAEEncode
from .video import CreateVideo, SaveVideo


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
