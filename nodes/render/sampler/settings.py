"""The stretch of a schedule that goes to the standard graph."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.settings import Settings, like, setting
from ..settings import RenderRun, RenderSettings

# All frames are in memory at once, and a sampler gives them to the model in one batch.
MOST_FRAMES = 240


@dataclass(frozen=True)
class ClipSettings(Settings):
    """Size and noise of the pictures; start in seconds, and how many frames."""

    width: int = like(RenderSettings, "width", tooltip="Width in pixels.")
    height: int = like(RenderSettings, "height", tooltip="Height in pixels.")
    seed: int = like(
        RenderSettings, "seed", tooltip="Seed of the noise, as in Render Music Video: shot k has seed + k."
    )
    start: float = like(RenderRun, "start", required=True, tooltip="Where the stretch begins, in seconds.")
    frames: int = setting(
        16,
        low=1,
        high=MOST_FRAMES,
        required=True,
        tooltip="How many frames. All are sampled in one batch: as many as memory holds.",
    )
    noise_mode: str = like(RenderSettings, "noise", tooltip="As noise in Render Music Video.")

    def pictures(self, person: str) -> RenderSettings:
        """The settings of the renderer for these pictures. Steps and guidance are the sampler's own."""
        return RenderSettings(
            self.width, self.height, steps=1, seed=self.seed, noise=self.noise_mode, person=person, sampler="euler"
        )
