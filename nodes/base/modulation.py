"""What a schedule can change from frame to frame besides t: its curves and its themes.

Motion is per second, so that a schedule means the same at every frame rate: the value of a frame is the speed with
which the picture moves from the frame before onto this one. A zoom of 1.2 makes the picture grow by a fifth in a
second; from one frame to the next the factor is 1.2 ** (1 / fps), and an angle or shift is divided by fps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import InputError
from .guard import check_prompt
from .json_type import Fields, numbers


@dataclass(frozen=True)
class CurveRange:
    """Values that a curve may have. neutral: changes nothing; None where an absent curve leaves it to the renderer."""

    low: float
    high: float
    neutral: float | None
    unit: str


CURVES = {
    "cfg": CurveRange(0.0, 100.0, None, "classifier-free guidance, in place of the renderer's"),
    "denoise": CurveRange(0.0, 1.0, None, "share of the noise schedule in feedback mode; 0 keeps the frame before"),
    "steps": CurveRange(0.1, 4.0, 1.0, "factor on the renderer's sampler steps"),
    "lora_strength": CurveRange(0.0, 4.0, 1.0, "strength of the person's LoRA, which the model has at 1"),
    "noise_walk": CurveRange(0.0, 1e6, 0.0, "radians that the shot's noise has drifted since the song began"),
    "carry": CurveRange(0.0, 1.0, 0.0, "weight of the prompt of the shot before"),
    "zoom": CurveRange(0.01, 100.0, 1.0, "factor by which the picture grows per second"),
    "angle": CurveRange(-3600.0, 3600.0, 0.0, "degrees per second, anticlockwise"),
    "dx": CurveRange(-10.0, 10.0, 0.0, "share of the width per second, the picture moves right"),
    "dy": CurveRange(-10.0, 10.0, 0.0, "share of the height per second, the picture moves down"),
}
WEIGHT = CurveRange(0.0, 1.0, 0.0, "weight of a theme's prompt")


def check_curve(name: str, values: np.ndarray, n_frames: int, limits: CurveRange) -> None:
    """Raises InputError when values (n_frames,) are not one per frame, finite and in the range."""
    values = np.asarray(values)
    if values.shape != (n_frames,):
        raise InputError(f"{name} must have {n_frames} values, one per frame, got {values.size}.")
    if n_frames and not (np.isfinite(values).all() and values.min() >= limits.low and values.max() <= limits.high):
        raise InputError(
            f"{name} must stay in {limits.low:g}..{limits.high:g} ({limits.unit}), it reaches "
            f"{values.min():g}..{values.max():g}."
        )


@dataclass(frozen=True, eq=False)
class Theme:
    """A prompt that is mixed into the shots' prompts. weights: float64 (n_frames,) in 0..1, its share per frame.

    Where the weights of all themes together pass 1, they are scaled down to 1.
    """

    prompt: str
    weights: np.ndarray

    def check(self, name: str, n_frames: int) -> None:
        """Raises InputError for an empty or forbidden prompt, or weights that do not fit."""
        if not self.prompt.strip():
            raise InputError(f"{name} has no prompt; write what it shows.")
        check_prompt(self.prompt, name)
        check_curve(name, self.weights, n_frames, WEIGHT)

    def to_json(self) -> dict:
        """{"prompt": text, "weights": [...]}"""
        return {"prompt": self.prompt, "weights": numbers(self.weights)}

    @classmethod
    def from_json(cls, data: Any) -> Theme:
        """The theme of such an object."""
        fields = Fields("FRAME_SCHEDULE theme", data)
        return cls(fields.text("prompt"), fields.array("weights"))
