"""How pictures are sampled and encoded: every setting of a render, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ..base.errors import InputError
from ..base.media.codecs import AUTO_DEPTH, DEFAULT_CODEC, DEFAULT_CRF, Encoding
from ..host.port import LATENT_SCALE, SAMPLERS, SCHEDULERS
from ..story.person import NOBODY
from .motion.warp import BORDERS
from .quality import EXACT, FRAMES, TRAVEL, quality_named

NOISE_MODES = ("per shot", "shared")


@dataclass(frozen=True)
class RenderSettings:
    """How pictures are sampled. width, height in pixels; seed of shot k's noise is seed + k.

    person: what prompts say where a story has the main person. frames: `TRAVEL` or `FEEDBACK`; border (one of
    `BORDERS`) and anchor_colours are of the latter, smoothing (0..1, see `motion.smooth`), even_pace (see
    `even_pace`) and keyframe_attention (pictures look at the two shots' own, see `keyframe_attention`) of the former.
    codec, bit_depth, crf: see `media.codecs.Encoding`.
    """

    width: int
    height: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    seed: int
    batch_size: int = 4
    noise: str = "per shot"
    crf: int = DEFAULT_CRF
    quality: str = EXACT
    person: str = NOBODY
    frames: str = TRAVEL
    border: str = "reflect"
    anchor_colours: bool = True
    codec: str = DEFAULT_CODEC
    bit_depth: str = AUTO_DEPTH
    smoothing: float = 0.0
    even_pace: bool = False
    keyframe_attention: bool = False

    def __post_init__(self):
        for name in ("width", "height"):
            value = getattr(self, name)
            if value % LATENT_SCALE or not 64 <= value <= 4096:
                raise InputError(f"{name} must be a multiple of 8 from 64 to 4096, got {value}.")
        for name, least, most in (("steps", 1, 1000), ("batch_size", 1, 256), ("seed", 0, 2**64 - 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InputError(f"{name} must be a whole number from {least} to {most}, got {value!r}.")
        for name, most in (("cfg", 100), ("smoothing", 1)):
            value = getattr(self, name)
            if not (np.isfinite(value) and 0 <= value <= most):
                raise InputError(f"{name} must be from 0 to {most}, got {value!r}.")
        options = (("sampler_name", self.sampler, SAMPLERS), ("scheduler", self.scheduler, SCHEDULERS))
        options += (("noise", self.noise, NOISE_MODES), ("frames", self.frames, FRAMES))
        for name, value, known in (*options, ("border", self.border, BORDERS)):
            if value not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
        quality_named(self.quality)
        self.encoding.require_size(self.width, self.height)

    @property
    def encoding(self) -> Encoding:
        """How the video is encoded."""
        return Encoding(self.codec, self.bit_depth, self.crf)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height / 8, width / 8) of one latent."""
        return (4, self.height // LATENT_SCALE, self.width // LATENT_SCALE)

    @property
    def calls_per_picture(self) -> int:
        """Model rows of one picture: sampler steps, twice with guidance."""
        return self.calls_for(self.steps, guided=self.cfg != 1)

    def calls_for(self, steps: int, *, guided: bool) -> int:
        """Model rows of one picture with so many sampler steps."""
        return (2 * steps - 1 if self.sampler == "heun" else steps) * (2 if guided else 1)

    def one_by_one(self) -> RenderSettings:
        """Every frame sampled, after the one before it."""
        return replace(self, quality=EXACT, batch_size=1)

    def together(self) -> RenderSettings:
        """Every frame sampled, with others, where the schedule puts it."""
        return replace(self, quality=EXACT, even_pace=False, keyframe_attention=False)

    def draft(self) -> RenderSettings:
        """Half the size (not under 128 pixels on the short side), at most 6 steps, lighter encoding."""
        scale = max(0.5, min(1.0, 128 / min(self.width, self.height)))
        size = [max(64, round(side * scale / 64) * 64) for side in (self.width, self.height)]
        changes = {"width": size[0], "height": size[1], "steps": min(self.steps, 6), "crf": self.encoding.draft()}
        return replace(self, **changes)
