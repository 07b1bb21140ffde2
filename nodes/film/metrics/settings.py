"""Which frames of a video are looked at, and who counts as the person."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.settings import Settings, setting
from ...base.timing import MAX_FPS, MIN_FPS
from ...person.face.embedding import SAME_PERSON


@dataclass(frozen=True)
class MetricsSettings(Settings):
    """fps: of pictures that come without a video file. every: 4 looks at one frame in four."""

    fps: float = setting(
        24.0,
        low=float(MIN_FPS),
        high=float(MAX_FPS),
        step=0.01,
        tooltip="Frames per second of 'frames', for the time axis; a video knows its own.",
    )
    every: int = setting(
        1, low=1, high=1000, tooltip="1 looks at every frame, 4 at one frame in four: four times faster."
    )
    threshold: float = setting(
        SAME_PERSON,
        low=0.3,
        high=0.8,
        step=0.01,
        advanced=True,
        tooltip="Largest distance of the same person. At 0.55, 2.6 % of same pairs of public pictures were refused and "
        "0 of 262 different pairs accepted.",
    )
    allow_reduced: bool = setting(False, advanced=True, tooltip="Also take an identity whose light check did not pass.")
