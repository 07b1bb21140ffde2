"""Digests of models and settings that are equal across processes: by them finished work is found again."""

from __future__ import annotations

import hashlib
import inspect
import types
import weakref
from typing import Any

from ..diffusion.animatediff import INJECTED, as_set

_weights_digests: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

# CLIP's projection of the pooled embedding, which SD1.5 does not use: most of its checkpoints have none, and ComfyUI
# then leaves whatever the memory held before, which is another in every process.
UNUSED_WEIGHT = "text_projection.weight"


class Digest:
    """Collects tensors and plain values into one digest that is equal across processes."""

    def __init__(self):
        self._hash = hashlib.blake2b(digest_size=20)

    def add(self, value: Any, depth: int = 0) -> None:
        """Add a value. Objects count by class and attributes, functions by name and what they close over."""
        import numpy as np
        import torch

        self._hash.update(type(value).__qualname__.encode())
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().contiguous()
            self._hash.update(f"{tuple(value.shape)}{value.dtype}".encode())
            self._hash.update(memoryview(value.reshape(-1).view(torch.uint8).numpy()))
        elif isinstance(value, np.ndarray):
            self._hash.update(f"{value.shape}{value.dtype}".encode())
            self._hash.update(np.ascontiguousarray(value).tobytes())
        elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, torch.dtype)):
            self._hash.update(repr(value).encode())
        elif depth > 6:
            return
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                self._hash.update(str(key).encode())
                self.add(value[key], depth + 1)
        elif isinstance(value, (set, frozenset)):
            self.add(sorted(value, key=str), depth + 1)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.add(item, depth + 1)
        elif isinstance(value, types.MethodType):
            self.add(value.__func__, depth + 1)
            self.add(value.__self__, depth + 1)
        elif isinstance(value, types.FunctionType):
            self._hash.update(f"{value.__module__}.{value.__qualname__}".encode())
            self.add(inspect.getclosurevars(value).nonlocals, depth + 1)
            self.add(value.__defaults__, depth + 1)
        elif isinstance(value, torch.nn.Module):
            self.add(dict(value.named_parameters()) | dict(value.named_buffers()), depth + 1)
        else:
            self.add(getattr(value, "__dict__", {}), depth + 1)

    def hex(self) -> str:
        """The digest as 40 hexadecimal digits."""
        return self._hash.hexdigest()


def patcher_digest(patcher: Any, *more: Any) -> str:
    """Digest of a ComfyUI ModelPatcher: its unpatched weights, its patches and its options."""
    weights = _weights_digests.get(patcher.model)
    if weights is None:
        digest = Digest()
        for key, tensor in sorted(patcher.model.state_dict().items()):
            if key.endswith(UNUSED_WEIGHT) or INJECTED in key:
                continue
            # While a model is loaded its weights are patched in place; the originals are in the backup.
            original = patcher.backup.get(key)
            digest.add(key)
            digest.add(tensor if original is None else original.weight)
        weights = _weights_digests[patcher.model] = digest.hex()
    digest = Digest()
    digest.add(weights)
    digest.add(str(patcher.model_dtype()))
    digest.add(patcher.patches)
    digest.add(patcher.object_patches)
    digest.add(patcher.model_options)
    digest.add(more)
    for name, models in sorted(patcher.additional_models.items()):
        digest.add([name, *(patcher_digest(model) for model in models)])
    if patcher.attachments:
        digest.add(as_set(patcher.attachments))
    return digest.hex()
