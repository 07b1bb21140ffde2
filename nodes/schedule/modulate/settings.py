"""Which setting a curve of the song drives, and how; how far themes come forward."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.modulation import CURVES
from ...base.settings import Settings, like, setting
from ...song.curves.settings import RangeMapping

COMBINE = ("replace", "add", "multiply")


@dataclass(frozen=True)
class Modulation(RangeMapping):
    """A curve of the song, or a pitch class, that drives a setting from frame to frame.

    target: a name of `CURVES`. For "noise_walk" the mapped values are its speed in radians per second. combine: with
    what the schedule has already, its neutral value where it has none.
    """

    curve: str = setting(
        "rms",
        required=True,
        tooltip="Curve of the song that drives: rms, onset, bass_onset ...; driving is what Envelope Curve gave; C to "
        "B are pitch classes.",
    )
    target: str = setting(
        "cfg",
        choices=tuple(CURVES),
        required=True,
        tooltip="Setting that is driven; the help page gives range and unit of each.",
    )
    low: float = like(RangeMapping, "low", default=6.0, tooltip="The setting where the curve is 0.")
    high: float = like(RangeMapping, "high", default=8.0, tooltip="The setting where the curve is 1.")
    combine: str = setting(
        "replace",
        choices=COMBINE,
        tooltip="What happens to values that the schedule has already: replace them, add to them, or multiply them.",
    )


@dataclass(frozen=True)
class ThemeSettings(Settings):
    """Prompts that sounds bring in: lines "C: warm light", and the share that they have together at most, 0..1."""

    themes: str = setting(
        "C: warm golden light\nG: deep blue haze",
        multiline=True,
        required=True,
        tooltip="A theme on each line: a pitch class C to B, or a curve such as bass, a colon, the prompt.",
    )
    amount: float = setting(
        0.4,
        low=0.0,
        high=1.0,
        step=0.01,
        required=True,
        tooltip="Share of the prompt that the themes have together where they are strongest.",
    )
