"""How a LoRA is trained: presets with their cost, and what is checked before any work."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

from ...base.errors import InputError

ATTENTION, ALL_LAYERS = "attention", "attention and convolutions"
LAYERS = (ATTENTION, ALL_LAYERS)
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
MEMORY = ("auto", "save", "plenty")
# When small pictures of the person are painted.
OFF, AT_THE_END, WHILE_TRAINING = "off", "at the end", "while training"
SAMPLES = (OFF, AT_THE_END, WHILE_TRAINING)


@dataclass(frozen=True)
class TrainSettings:
    """What decides a LoRA beside the subject and the checkpoint.

    resolution: pixels of a side. alpha: scale of the change, alpha / rank. min_snr: gamma of the loss weights
    (Hang et al. 2023), 0 for none. prior_share: share of the samples that are class pictures (Ruiz et al. 2022), which
    keep the model's idea of the class. caption_dropout: share of samples with an empty prompt. validate_every: steps.
    """

    steps: int = 800
    rank: int = 16
    alpha: float = 16.0
    learning_rate: float = 1e-4
    resolution: int = 512
    layers: str = ATTENTION
    text_encoder: bool = False
    dropout: float = 0.0
    batch_size: int = 1
    accumulation: int = 1
    min_snr: float = 5.0
    noise_offset: float = 0.0
    prior_share: float = 0.3
    class_pictures: int = 12
    caption_dropout: float = 0.05
    warmup: int = 20
    validate_every: int = 50
    precision: str = "auto"
    memory: str = "auto"
    seed: int = 0

    def __post_init__(self):
        whole = (
            ("steps", 1, 100_000),
            ("rank", 1, 256),
            ("batch_size", 1, 64),
            ("accumulation", 1, 64),
            ("class_pictures", 0, 500),
            ("seed", 0, 2**64 - 1),
        )
        for name, least, most in whole:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InputError(f"{name} must be a whole number from {least} to {most}, got {value!r}.")
        if self.resolution % 64 or not 64 <= self.resolution <= 1024:
            raise InputError(f"resolution must be a multiple of 64 from 64 to 1024, got {self.resolution!r}.")
        shares = (("dropout", 0.9), ("prior_share", 0.9), ("caption_dropout", 0.9), ("noise_offset", 0.5))
        for name, limit in (*shares, ("min_snr", 100.0), ("alpha", 1024.0), ("learning_rate", 0.1)):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= limit):
                raise InputError(f"{name} must be from 0 to {limit:g}, got {value!r}.")
        options = (("layers", LAYERS), ("precision", PRECISIONS), ("memory", MEMORY))
        for name, known in options:
            if getattr(self, name) not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}.")

    def to_json(self) -> dict:
        """All settings as plain values."""
        return asdict(self)


PRESETS = {
    "quick": TrainSettings(steps=300, rank=8, alpha=8.0, learning_rate=2e-4, resolution=384, validate_every=25),
    "balanced": TrainSettings(),
    "best": TrainSettings(steps=1600, rank=32, alpha=32.0, layers=ALL_LAYERS, class_pictures=24),
}


def settings_of(preset: str, **given) -> TrainSettings:
    """A preset with what the user gave in place of its values; None and 0 for steps, rank ... mean the preset's."""
    if preset not in PRESETS:
        raise InputError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}.")
    settings = PRESETS[preset]
    changes = {name: value for name, value in given.items() if value is not None}
    if "rank" in changes and "alpha" not in changes:
        changes["alpha"] = float(changes["rank"])
    return replace(settings, **changes)
