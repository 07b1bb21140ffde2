"""How shots travel to the next, and what the music decides about how they give way."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.errors import InputError
from ...base.settings import Settings, like, setting

# Modes that never go back, whatever the song.
MONOTONE = ("onset", "onset, whole song", "linear", "ease", "cut", "beats", "hold and hit")
MODES = (*MONOTONE, "cosine + onset", "ping-pong")
_SHARE = {"low": 0.0, "high": 1.0, "step": 0.01}


@dataclass(frozen=True)
class Pacing(Settings):
    """How the way from each shot's picture to the next is paced.

    curve: name of the song's curve that paces. mode: a shot whose record has a "pace" of `MODES` goes by that one.
    pulse, monotone: of the mode "cosine + onset".
    """

    floor: float = setting(
        0.05,
        low=0.0,
        high=10.0,
        step=0.01,
        tooltip="Speed that is always there, where 1 is the song's strongest onset. Larger values even out the pace; 0 "
        "stands still between onsets.",
    )
    gamma: float = setting(
        1.0,
        low=0.1,
        high=8.0,
        step=0.1,
        tooltip="Exponent on the curve: above 1, strong hits move the picture more and weak ones less.",
    )
    curve: str = setting("onset", tooltip="Name of the song's curve that paces, such as onset or rms.")
    mode: str = setting(
        "onset",
        choices=MODES,
        tooltip="How a shot moves to the next: onset (fast where it hits), onset over the whole song (loud shots "
        "travel further), linear, ease, cut, beats (a step on each), hold and hit (holds, then lands on the next "
        "shot), cosine + onset (smooth, pushed by hits), ping-pong (there and back).",
    )
    pulse: float = setting(
        0.15,
        **_SHARE,
        advanced=True,
        tooltip="Of cosine + onset: how far the strongest hit pushes the picture ahead.",
    )
    monotone: bool = setting(True, advanced=True, tooltip="Of cosine + onset: never go back when a push dies away.")


@dataclass(frozen=True)
class EventRules(Settings):
    """Which transition the music calls for, by ranks 0..1 of its onsets, and what a shot does before one."""

    mode: str = like(Pacing, "mode", tooltip="How shots travel, as in Onset Slerp Scheduler.")
    cut_above: float = setting(
        0.75,
        low=0.0,
        high=1.01,
        step=0.01,
        tooltip="Share of the song's onsets that must be weaker for a hard cut; above 1 there is none.",
    )
    dissolve_above: float = setting(
        0.4, **_SHARE, tooltip="Share that must be weaker for a dissolve; below, the shot blends."
    )
    dissolve_seconds: float = setting(
        0.4, low=0.0, high=10.0, step=0.01, tooltip="How long a dissolve takes; at most half of its shot."
    )
    travel: float = setting(
        0.3,
        **_SHARE,
        tooltip="Share of the way to the next shot that a shot goes before a cut or dissolve; 0 holds its picture.",
    )
    max_move: float = setting(
        0.25,
        low=0.0,
        high=5.0,
        step=0.01,
        tooltip="Seconds by which the start of a shot that cuts or dissolves in may move to reach a beat; 0 leaves the "
        "story as it is.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dissolve_above > self.cut_above:
            raise InputError(
                "dissolve_above must not be over cut_above, which is at most 1.01 (never); "
                f"got {self.dissolve_above:g} and {self.cut_above:g}."
            )
        if not self.dissolve_seconds:
            raise InputError("A dissolve takes more than 0 and at most 10 seconds, got 0.")


@dataclass(frozen=True)
class MotionAmounts(Settings):
    """How much moves where the music is at its fullest; carry_seconds: until the shot before is gone."""

    zoom: float = setting(
        0.0,
        low=0.0,
        high=5.0,
        step=0.01,
        advanced=True,
        tooltip="Zoom in where energy rises: growth per second at its fastest. For feedback.",
    )
    drift: float = setting(
        0.0,
        low=0.0,
        high=5.0,
        step=0.01,
        advanced=True,
        tooltip="Share of the width per second that the picture drifts at full energy, in another direction for each "
        "shot. For feedback.",
    )
    walk: float = setting(
        0.0,
        low=0.0,
        high=20.0,
        step=0.01,
        advanced=True,
        tooltip="Radians per second that the noise walks at full energy; it bounces back.",
    )
    carry: float = setting(
        0.0,
        **_SHARE,
        advanced=True,
        tooltip="Weight of the shot before in the prompt when a shot begins; gone after a second.",
    )
    carry_seconds: float = setting(1.0, low=0.0, high=60.0, internal=True, tooltip="Seconds until the weight is gone.")
    intensity_steps: bool = setting(
        False,
        advanced=True,
        tooltip="Fewer sampler steps for shots that play softly (Music2Video's rule), down to a tenth.",
    )
