"""The choices of `quality`: how many of exact mode's model calls may be spent, and when a stretch is close enough."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import InputError


@dataclass(frozen=True)
class Quality:
    """One choice of `quality`.

    Attributes
    ----------
    share : largest share of exact mode's model calls in a shot.
    tolerance : largest expected deviation of an in-between latent, relative to the latent's length, at which nothing
        more is sampled.
    blend : largest distance of two latents at which pictures between them are blended and not decoded.
    ssim : mean structural similarity with exact mode's pictures that is aimed at.
    """

    share: float
    tolerance: float
    blend: float
    ssim: float


EXACT = "exact"
QUALITIES = {
    EXACT: Quality(1.0, 0.0, 0.0, 1.0),
    "fine": Quality(0.5, 0.01, 0.04, 0.98),
    "balanced": Quality(0.25, 0.015, 0.08, 0.95),
    "quick": Quality(0.125, 0.03, 0.16, 0.9),
}
DEFAULT_QUALITY = "balanced"
# How frames are made: each by itself (travel), or each from the one before (feedback).
FRAMES = (TRAVEL, FEEDBACK) = "travel", "feedback"


def quality_named(name: str) -> Quality:
    """The quality of that name. Raises InputError, which lists the names, when there is none."""
    if name not in QUALITIES:
        raise InputError(f"quality must be one of {', '.join(QUALITIES)}, got {name!r}.")
    return QUALITIES[name]
