"""How a curve is shaped and mapped to a parameter, how beats are corrected and written."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.settings import Settings, setting
from ..audio.names import CURVES, PITCH_CLASSES

NORMALISE = ("as it is", "per song", "per section")
SHAPES = ("linear", "ease in", "ease out", "smooth", "exponential", "step")
HOLD = ("off", "hold at beats", "mean per beat", "hold at bars")
TEMPO = ("as heard", "double", "half")
METRES = ("as heard", "4/4", "3/4", "2/4", "6/8")
FORMATS = ("Audacity labels", "CSV", "Deforum", "Parseq")
_SECONDS = {"low": 0.0, "high": 60.0, "step": 0.005}
_PARAMETER = {"low": -1e6, "high": 1e6, "step": 0.01, "required": True}


@dataclass(frozen=True)
class CurveShape(Settings):
    """How a curve of 0..1 is shaped, in this order."""

    normalise: str = setting(
        "as it is", choices=NORMALISE, tooltip="Stretch so that 1 is reached in the song, or in each of its parts."
    )
    gain: float = setting(1.0, low=0.0, high=100.0, step=0.01, tooltip="Multiplies; what passes 1 is cut off.")
    threshold: float = setting(
        0.0, low=0.0, high=0.99, step=0.01, tooltip="What is below becomes 0, the rest is stretched."
    )
    gamma: float = setting(1.0, low=0.05, high=20.0, step=0.01, tooltip="Exponent: above 1 only strong hits stay.")
    attack: float = setting(0.0, **_SECONDS, tooltip="Seconds to cover 63 % of a rise.")
    release: float = setting(0.0, **_SECONDS, tooltip="Seconds to cover 63 % of a fall: lets hits ring on.")
    floor: float = setting(0.0, low=0.0, high=1.0, step=0.01, tooltip="The lowest value; 0..1 becomes floor..1.")


@dataclass(frozen=True)
class ShapedCurve(CurveShape):
    """A curve of the song, shaped."""

    curve: str = setting(
        "percussive",
        choices=(*CURVES, "driving", *PITCH_CLASSES),
        required=True,
        tooltip="Which curve; letters are pitch classes, driving is what an Envelope Curve before gave.",
    )


@dataclass(frozen=True)
class RangeMapping(Settings):
    """How a curve of 0..1 becomes a parameter; high may be the lower one."""

    low: float = setting(0.0, **_PARAMETER, tooltip="The parameter where the curve is 0.")
    high: float = setting(1.0, **_PARAMETER, tooltip="The parameter where the curve is 1.")
    shape: str = setting(
        "linear", choices=SHAPES, tooltip="How the way from low to high bends; step has only the two ends."
    )
    invert: bool = setting(False, tooltip="0 gives high and 1 gives low.")
    hold: str = setting(
        "off",
        choices=HOLD,
        tooltip="Change on beats or bars only: keep the value there, or the mean over the beat.",
    )


@dataclass(frozen=True)
class MappedCurve(RangeMapping):
    """A curve of the song as a parameter, and how close its schedule text comes."""

    curve: str = setting(
        "driving",
        required=True,
        tooltip="Name of the curve: driving is what Envelope Curve gave; onset, rms, bass_onset ... else.",
    )
    tolerance: float = setting(
        0.01,
        low=0.0001,
        high=1.0,
        step=0.001,
        advanced=True,
        tooltip="How far the schedule text may be off, as a share of the range: larger is shorter.",
    )


@dataclass(frozen=True)
class BeatCorrections(Settings):
    """Beats as somebody knows better. downbeat in seconds, below 0: not given. nudge_ms: later when positive."""

    beats: str = setting(
        "",
        multiline=True,
        required=True,
        tooltip="Beat times that take the place of those heard: 12.5 or 1:02.5, or an Audacity label track, or CSV. "
        "The label 1 opens a bar. Empty keeps what was heard.",
    )
    tempo: str = setting("as heard", choices=TEMPO, required=True, tooltip="Twice as many beats, or every second one.")
    metre: str = setting("as heard", choices=METRES, required=True, tooltip="How many beats make a bar.")
    downbeat: float = setting(
        -1.0,
        low=-1.0,
        high=1e6,
        step=0.01,
        required=True,
        tooltip="Seconds: the beat nearest to it opens a bar; all bars count from there. -1: as heard.",
    )
    nudge_ms: float = setting(
        0.0,
        low=-5000.0,
        high=5000.0,
        step=1.0,
        required=True,
        tooltip="Milliseconds by which all beats move, later when positive.",
    )


@dataclass(frozen=True)
class BeatText(Settings):
    """Which text the beats become."""

    format: str = setting("Audacity labels", choices=FORMATS, required=True, tooltip="What the other program reads.")
