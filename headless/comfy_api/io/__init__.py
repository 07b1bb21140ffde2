"""Sockets, schemas and node classes: the names of ComfyUI's `comfy_api.latest.io` that this pack's nodes use.

A node written for ComfyUI 0.3.64 gets the same schema here; a contract test compares them.
"""

from __future__ import annotations

from .node import ComfyNode, NodeOutput, Schema
from .sockets import Custom, Input, Output, WidgetInput
from .types import (
    AnyType,
    Audio,
    Boolean,
    Clip,
    Combo,
    Conditioning,
    Float,
    Image,
    Int,
    Latent,
    LoraModel,
    Mask,
    Model,
    Noise,
    String,
    UpscaleModel,
    Vae,
    Video,
)
from .values import ExecutionBlocker, FolderType, Hidden, HiddenHolder, UploadType

__all__ = [
    "AnyType",
    "Audio",
    "Boolean",
    "Clip",
    "Combo",
    "ComfyNode",
    "Conditioning",
    "Custom",
    "ExecutionBlocker",
    "Float",
    "FolderType",
    "Hidden",
    "HiddenHolder",
    "Image",
    "Input",
    "Int",
    "Latent",
    "LoraModel",
    "Mask",
    "Model",
    "NodeOutput",
    "Noise",
    "Output",
    "Schema",
    "String",
    "UploadType",
    "UpscaleModel",
    "Vae",
    "Video",
    "WidgetInput",
]
