"""How a LoRA is trained: presets with their cost, and what is checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...base.settings import Settings, check, from_inputs, given_values, setting

ATTENTION, ALL_LAYERS = "attention", "attention and convolutions"
LAYERS = (ATTENTION, ALL_LAYERS)
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
MEMORY = ("auto", "save", "plenty")
# When small pictures of the person are painted.
OFF, AT_THE_END, WHILE_TRAINING = "off", "at the end", "while training"
SAMPLES = (OFF, AT_THE_END, WHILE_TRAINING)
# Whether other loaders can read a person's LoRA.
OPEN, LOCKED = "open", "locked"
LOCKS = (OPEN, LOCKED)
# What a node's input shows where a choice is the preset's.
PRESET = "preset"
_SHARE = {"low": 0.0, "high": 0.9, "step": 0.05}


@dataclass(frozen=True)
class TrainSettings(Settings):
    """What decides a LoRA beside the subject and the checkpoint; see the paper of each for more.

    min_snr: Hang et al. 2023. prior_share: Ruiz et al. 2022, which keep the model's idea of the class.
    """

    steps: int = setting(800, low=1, high=100_000, step=1, unset=0, tooltip="Training steps")
    rank: int = setting(
        16, low=1, high=256, step=1, unset=0, tooltip="Rank of the change: more holds more, and a larger file"
    )
    alpha: float = setting(
        16.0, low=0.0, high=1024.0, internal=True, tooltip="The change is scaled by alpha / rank; it follows the rank."
    )
    learning_rate: float = setting(
        1e-4,
        low=0.0,
        high=0.1,
        step=0.00001,
        exact=True,
        unset=0.0,
        advanced=True,
        tooltip="Largest step of the optimizer",
    )
    resolution: int = setting(
        512,
        low=64,
        high=1024,
        step=64,
        multiple=True,
        unset=0,
        tooltip="Side of the training pictures in pixels, a multiple of 64",
    )
    layers: str = setting(
        ATTENTION,
        choices=LAYERS,
        unset=PRESET,
        advanced=True,
        tooltip="Which layers of the UNet learn. Attention is faster and enough for most faces.",
    )
    text_encoder: bool = setting(
        False,
        advanced=True,
        tooltip="Let the text encoder learn too: closer to the person, easier to over-train.",
    )
    dropout: float = setting(0.0, low=0.0, high=0.9, internal=True, tooltip="Share of the change left out in a step.")
    batch_size: int = setting(
        1, low=1, high=64, advanced=True, tooltip="Pictures per step. More is steadier and takes memory."
    )
    accumulation: int = setting(1, low=1, high=64, internal=True, tooltip="Batches that make a step.")
    min_snr: float = setting(5.0, low=0.0, high=100.0, internal=True, tooltip="Gamma of the loss weights, 0 for none.")
    noise_offset: float = setting(0.0, low=0.0, high=0.5, internal=True, tooltip="Share of noise that is one colour.")
    prior_share: float = setting(
        0.3,
        **_SHARE,
        advanced=True,
        tooltip="Share of the steps spent on the model's own pictures of the class, so that it keeps them.",
    )
    class_pictures: int = setting(12, low=0, high=500, internal=True, tooltip="Pictures of the class, made beforehand.")
    caption_dropout: float = setting(
        0.05, low=0.0, high=0.9, internal=True, tooltip="Share of the samples with an empty prompt."
    )
    warmup: int = setting(20, low=0, high=100_000, internal=True, tooltip="Steps until the learning rate is reached.")
    validate_every: int = setting(50, low=1, high=100_000, internal=True, tooltip="Steps between two validations.")
    precision: str = setting(
        "auto",
        choices=PRECISIONS,
        advanced=True,
        tooltip="Numbers that the model computes with; auto takes the fastest that the device has. The LoRA itself is "
        "float32.",
    )
    memory: str = setting(
        "auto",
        choices=MEMORY,
        advanced=True,
        tooltip="save: gradient checkpointing, and 8-bit Adam where bitsandbytes is installed; slower. auto decides by "
        "the free memory of the GPU.",
    )
    seed: int = setting(
        0,
        low=0,
        high=0xFFFFFFFF,
        # ComfyUI would add a widget that changes the seed after every run, and so train anew.
        control=False,
        required=True,
        tooltip="Decides all chance: same seed, same file.",
    )


PRESETS = {
    "quick": TrainSettings(steps=300, rank=8, alpha=8.0, learning_rate=2e-4, resolution=384, validate_every=25),
    "balanced": TrainSettings(),
    "best": TrainSettings(steps=1600, rank=32, alpha=32.0, layers=ALL_LAYERS, class_pictures=24),
}


@dataclass(frozen=True)
class TrainRun(Settings):
    """What a training is asked beside its settings: where these start from, whom it takes, what it shows."""

    preset: str = setting(
        "balanced",
        choices=tuple(PRESETS),
        required=True,
        tooltip="quick: 300 steps, rank 8, 384 pixels. balanced: 800, 16, 512. best: 1600, 32, 512, convolutions too.",
    )
    allow_reduced: bool = setting(
        False,
        advanced=True,
        tooltip="Also take a capture whose light check was not passed. It may then be a recording.",
    )
    samples: str = setting(
        OFF,
        choices=SAMPLES,
        tooltip="Small pictures of the person, realistic, as a cartoon and as a sketch, kept encrypted and shown here "
        "to who has the owner's key. Each set of three asks the model as often as some 20 steps do: one at the end, or "
        "four while training.",
    )
    lock: str = setting(
        OPEN,
        choices=LOCKS,
        tooltip="locked: the LoRA is encrypted, and only Apply Identity LoRA can open it, while the person's consent "
        "lasts. open: a plain file in models/loras, which any program can load, also after consent was taken back.",
    )


def train_settings(given: Mapping[str, Any]) -> tuple[TrainSettings, TrainRun]:
    """What the inputs of a training node mean."""
    run = from_inputs(TrainRun, given)
    return settings_of(run.preset, **given_values(TrainSettings, given)), run


@dataclass(frozen=True)
class ApplySettings(Settings):
    """How much of a likeness a model gets, and whether the person has accepted it."""

    strength_model: float = setting(
        1.0,
        low=-10.0,
        high=10.0,
        step=0.01,
        required=True,
        tooltip="How much of the likeness goes into the model; 0 is none.",
    )
    strength_clip: float = setting(
        1.0,
        low=-10.0,
        high=10.0,
        step=0.01,
        required=True,
        tooltip="How much of the likeness goes into the text encoder; 0 is none.",
    )
    accepted: bool = setting(
        True,
        tooltip="Off: nothing after this node runs, so that the person can look at the samples of the training before "
        "a long render. On: go on.",
    )


def settings_of(preset: str, **given) -> TrainSettings:
    """A preset with what the user gave in place of its values; None and 0 for steps, rank ... mean the preset's."""
    check(TrainRun, preset=preset)
    settings = PRESETS[preset]
    changes = {name: value for name, value in given.items() if value is not None}
    if "rank" in changes and "alpha" not in changes:
        changes["alpha"] = float(changes["rank"])
    return replace(settings, **changes)
