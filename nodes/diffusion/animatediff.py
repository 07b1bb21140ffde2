"""What AnimateDiff-Evolved leaves on a MODEL: a motion module, which relates the pictures of a batch to each other.

(AnimateDiff: Guo et al. 2023, arXiv 2307.04725.) Only attributes are read here, so that the pack works where
AnimateDiff-Evolved is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Frames at once that AnimateDiff's modules for SD1.5 were trained on.
WINDOW = 16
# A motion module's weights among the UNet's, where it is injected while the MODEL is loaded.
INJECTED = ".temporal_transformer."

_MODULES, _PARAMS, _SAMPLING = "ADE", "ADE_params", "ADE_sample_settings"
# Attributes that remain from the last use, by the beginnings of their names: positions in schedules, times, results.
_LEFT_OVER: tuple[str, ...]
_LEFT_OVER = ("_", "cached_", "camera_features", "combined_", "curr", "end_t", "freq_filter", "img_features")
_LEFT_OVER += ("img_latents_shape", "prev", "start_t", "sub_idxs", "timestep_range", "was_")
_FOREIGN = ("builtins", "comfy", "numpy", "torch")


@dataclass(frozen=True)
class MotionModule:
    """A motion module in a MODEL.

    Attributes
    ----------
    window : frames that it takes at once; None where it slides over any number of them.
    """

    window: int | None

    def windows(self, frames: int) -> tuple[range, ...]:
        """Split frames 0..frames into runs that are sampled together, of nearly equal length."""
        count = 1 if self.window is None else -(-frames // self.window)
        edges = [n * frames // count for n in range(count + 1)]
        return tuple(map(range, edges, edges[1:]))


def motion_module_of(model: Any) -> MotionModule | None:
    """The motion module of a ComfyUI MODEL, or None."""
    modules = getattr(model, "additional_models", {}).get(_MODULES)
    if not modules:
        return None
    params = model.attachments.get(_PARAMS)
    if params is not None and params.context_options.context_length:
        return MotionModule(None)
    return MotionModule(min([WINDOW, *(module.model.encoding_max_len or WINDOW for module in modules)]))


def guides_itself(model: Any) -> bool:
    """Whether the sample settings on a ComfyUI MODEL bring a guidance of their own."""
    settings = getattr(model, "attachments", {}).get(_SAMPLING)
    return getattr(settings, "custom_cfg", None) is not None


def as_set(value: Any, depth: int = 8) -> Any:
    """The settings in an attachment: objects as dicts of their attributes, without those that remain from a use.

    depth: how many levels are read; objects may hold each other.
    """
    if not depth:
        return type(value).__qualname__
    if isinstance(value, dict):
        return {str(key): as_set(item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_set(item, depth - 1) for item in value]
    if type(value).__module__.partition(".")[0] in _FOREIGN or callable(value) or not hasattr(value, "__dict__"):
        return value
    kept = {name: as_set(part, depth - 1) for name, part in vars(value).items() if not name.startswith(_LEFT_OVER)}
    return {"": type(value).__qualname__} | kept
