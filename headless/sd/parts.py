"""What a checkpoint is made of in this host: MODEL, CLIP and VAE values over weights they may share."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

from songreel.nodes.host.digest import Digest as _Digest
from songreel.nodes.host.permits import Permit

_loaded: weakref.WeakSet[Weights] = weakref.WeakSet()


@dataclass(frozen=True, eq=False)
class LoraLayer:
    """Low-rank change of one weight: scale * up @ (mid) @ down, in float32."""

    up: torch.Tensor
    down: torch.Tensor
    mid: torch.Tensor | None
    scale: float

    def delta(self, like: torch.Tensor) -> torch.Tensor:
        """The change at strength 1, float32, in the shape and on the device of `like`."""
        import torch

        up, down = (part.to(like.device, torch.float32) for part in (self.up, self.down))
        if self.mid is not None:
            mid = self.mid.to(like.device, torch.float32)
            # A 3x3 core between two 1x1 convolutions, as LoCon files store it.
            change = torch.einsum("or,rshw,si->oihw", up.flatten(1), mid, down.flatten(1))
            return self.scale * change.reshape(like.shape)
        return self.scale * (up.flatten(1) @ down.flatten(1)).reshape(like.shape)


@dataclass(frozen=True, eq=False)
class Patch:
    """A LoRA at a strength: the layers it changes by parameter name, and the digest of its file."""

    layers: dict[str, LoraLayer]
    strength: float
    digest: str


class Weights:
    """A loaded module that several MODEL or CLIP values share, each with its own patches.

    module: in evaluation mode, without gradients.
    device: where it computes; `offload` moves it away until it is next used.
    """

    def __init__(self, module: torch.nn.Module, device: torch.device):
        self.module = module.requires_grad_(False).eval()
        self.device = device
        self.dtype = next(module.parameters()).dtype
        self._away = False
        self._applied: tuple[Patch, ...] = ()
        self._originals: dict[str, torch.Tensor] = {}
        self._digest: str | None = None
        self._lock = threading.RLock()
        _loaded.add(self)

    def with_patches(self, patches: tuple[Patch, ...]) -> torch.nn.Module:
        """The module with exactly these patches applied, in order."""
        with self._lock:
            if self._away:
                self.module.to(self.device)
                self._away = False
            if patches != self._applied:
                self._restore()
                self._apply(patches)
            return self.module

    def offload(self) -> None:
        """Free the memory of the device it computes on."""
        with self._lock:
            if self.device.type != "cpu":
                self._restore()
                self.module.to("cpu")
                self._away = True

    def digest(self) -> str:
        """Digest of the weights as they were loaded, without patches, and of their dtype."""
        with self._lock:
            if self._digest is None:
                digest = _Digest()
                digest.add(str(self.dtype))
                for name, parameter in sorted(self.module.named_parameters()):
                    # transformers 4 and 5 differ in this prefix; the digest must not.
                    digest.add(name.removeprefix("text_model."))
                    digest.add(self._originals.get(name, parameter.data))
                self._digest = digest.hex()
            return self._digest

    def _restore(self) -> None:
        parameters = dict(self.module.named_parameters())
        for name, original in self._originals.items():
            parameters[name].data = original.to(parameters[name].device)
        self._originals, self._applied = {}, ()

    def _apply(self, patches: tuple[Patch, ...]) -> None:
        import torch

        parameters = dict(self.module.named_parameters())
        # Nodes run in inference mode; weights made there could not be trained on later.
        with torch.inference_mode(False), torch.no_grad():
            for name in {name: None for patch in patches for name in patch.layers}:
                original = parameters[name].data
                value = original.to(torch.float32, copy=True)
                for patch in patches:
                    if name in patch.layers:
                        value += patch.strength * patch.layers[name].delta(value)
                self._originals[name] = original
                parameters[name].data = value.to(original.dtype)
        self._applied = patches


@dataclass(frozen=True, eq=False)
class _Patched:
    weights: Weights
    patches: tuple[Patch, ...] = ()

    def ready(self) -> torch.nn.Module:
        """The module, on its device, with this value's patches applied. Use it before asking for another."""
        return self.weights.with_patches(self.patches)

    def patched(self, patch: Patch):
        """A copy with one more patch; the weights are shared."""
        return replace(self, patches=(*self.patches, patch))


@dataclass(frozen=True, eq=False)
class Model(_Patched):
    """MODEL: an SD1.5 UNet (diffusers' UNet2DConditionModel) that predicts noise.

    permits: leave that it asks for whenever it computes.
    """

    permits: tuple[Permit, ...] = ()

    @property
    def text_width(self) -> int:
        """Width of the prompt embeddings it takes."""
        return self.weights.module.config.cross_attention_dim

    @property
    def latent_channels(self) -> int:
        """Channels of its latents."""
        return self.weights.module.config.in_channels


@dataclass(frozen=True, eq=False)
class Clip(_Patched):
    """CLIP: a text encoder (transformers' CLIPTextModel)."""


@dataclass(frozen=True, eq=False)
class Vae(_Patched):
    """VAE: an autoencoder (diffusers' AutoencoderKL)."""


def fingerprint(part: Model | Clip | Vae) -> str:
    """Digest of the weights, their dtype and the patches in order. Equal across processes."""
    digest = _Digest()
    digest.add(type(part).__name__)
    digest.add(part.weights.digest())
    for patch in part.patches:
        digest.add(patch.digest)
        digest.add(float(patch.strength))
    return digest.hex()


def offload_all() -> None:
    """Free the device memory of everything loaded; each part returns there when it is next used."""
    for weights in list(_loaded):
        weights.offload()
