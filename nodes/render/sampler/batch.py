"""A short stretch of a schedule for the standard graph: its noise, prompts and empty latents, a row for each frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...base.errors import InputError
from ...base.types import FrameSchedule, Story
from ...host.port import Host
from ...story.person import NOBODY
from ..interpolate import common_tokens, repeat_tokens
from ..model_inputs import ModelInputs
from ..plan import excerpt_frames
from ..recipe import CARRY, T, recipe_rows, unfollowed
from .settings import ClipSettings

if TYPE_CHECKING:
    import torch

# Curves that one sampler node cannot follow, since it has one value for all rows.
_ONE_FOR_ALL = ("cfg", "steps", "lora_strength")


class FrameNoise:
    """A NOISE for Sampler Custom Advanced: the starting noise of each frame.

    Parameters
    ----------
    seed : of the first frame's shot.
    noise : (n, 4, h, w).
    """

    def __init__(self, seed: int, noise: torch.Tensor):
        self.seed = seed
        self._noise = noise

    def generate_noise(self, input_latent: dict) -> torch.Tensor:
        """The noise (n, 4, h, w). Raises InputError when the latent has another shape."""
        shape = tuple(input_latent["samples"].shape)
        if shape != tuple(self._noise.shape):
            raise InputError(
                f"This noise is for a latent of the shape {tuple(self._noise.shape)}, got {shape}; take the latent of "
                "the same Schedule To Sampler."
            )
        return self._noise.clone()


@dataclass(frozen=True)
class SamplerBatch:
    """Frames for a sampler, a row for each.

    Attributes
    ----------
    frames : of the song.
    positive, negative : prompt embeddings (n, tokens, 768).
    latent : empty, (n, 4, h, w).
    note : what of the schedule a sampler cannot follow, or "".
    """

    frames: range
    noise: FrameNoise
    positive: torch.Tensor
    negative: torch.Tensor
    latent: torch.Tensor
    note: str


def sampler_batch(
    host: Host,
    clip: Any,
    story: Story,
    schedule: FrameSchedule,
    settings: ClipSettings,
    person: str = NOBODY,
) -> SamplerBatch:
    """A short stretch of a schedule as one batch for a sampler.

    Noise and prompts are those that Render Music Video samples in exact mode: noise drift, themes and the weight of the
    shot before included. All prompts are repeated to one number of tokens, which changes no picture.

    Parameters
    ----------
    clip : the host's text encoder.
    settings : size and noise, the start in seconds, and how many frames; the song's end may leave fewer.
    person : how prompts name the main person.

    Raises
    ------
    InputError
        A start outside the song, or a schedule of another story.
    """
    import torch

    pictures = settings.pictures(person)
    if schedule.n_frames and int(max(schedule.shot_a.max(), schedule.shot_b.max())) >= len(story.shots):
        raise InputError("The schedule names shots that the story does not have; make the schedule from this story.")
    first = excerpt_frames(schedule, settings.start, 0.0).start
    chosen = range(first, min(first + settings.frames, schedule.n_frames))
    kept = {name: values for name, values in schedule.curves.items() if name not in _ONE_FOR_ALL}
    rows = recipe_rows(replace(schedule, curves=kept), cfg=pictures.cfg, steps=pictures.steps, likeness=False)
    carries = bool(np.any(rows[:, CARRY] > 0))
    themes = tuple(theme.prompt for theme in schedule.themes.values())

    def extras(shot: int) -> tuple[str, ...]:
        return (story.shots[max(shot - 1, 0) if carries else shot].prompt, *themes)

    pairs = [(int(schedule.shot_a[frame]), int(schedule.shot_b[frame])) for frame in chosen]
    texts = {text for a, _ in pairs for text in extras(a)}
    material = ModelInputs(host, clip, story, pictures, sorted({shot for pair in pairs for shot in pair}), texts)
    made = []
    for frame, (a, b) in zip(chosen, pairs, strict=True):
        row = rows[frame].copy()
        row[T] = 0.0 if a == b else row[T]
        made.append(material.recipe_batch(a, b, [row.tolist()], extras(a)))
    tokens = common_tokens([part for _, positive, negative in made for part in (positive, negative)])
    positive, negative = (torch.cat([repeat_tokens(row[kind], tokens) for row in made]) for kind in (1, 2))
    noise = torch.cat([row[0] for row in made])
    return SamplerBatch(
        chosen,
        FrameNoise(material.seeds[pairs[0][0]], noise),
        positive,
        negative,
        torch.zeros_like(noise),
        _note(schedule, chosen),
    )


def _note(schedule: FrameSchedule, frames: range) -> str:
    parts = []
    stuck = [name for name in _ONE_FOR_ALL if name in schedule.curves]
    if stuck:
        parts.append(f"A sampler has one value for all frames; left out: {', '.join(stuck)}.")
    if "dissolve" in schedule.transition[frames.start : frames.stop]:
        parts.append("A sampler cannot blend finished pictures; dissolves travel instead.")
    return " ".join([*parts, *filter(None, [unfollowed(schedule)])])
