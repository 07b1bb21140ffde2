"""How a song's mood is heard."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.settings import Settings, setting

MODELS = ("auto", "opensmile", "built-in", "rules")
SMOOTHERS = ("viterbi", "cumulative", "none")


@dataclass(frozen=True)
class EmotionSettings(Settings):
    """Which model hears, and how its values become moods. window, min_seconds: seconds."""

    model: str = setting(
        "auto",
        choices=MODELS,
        tooltip="opensmile: the best judge, needs pip install opensmile (research use only). built-in: our own "
        "descriptors, trained on DEAM (CC BY-NC). rules: tempo, loudness, brightness and key, free for any use. auto: "
        "opensmile where it is installed, else built-in.",
    )
    contrast: float = setting(
        0.7,
        low=0.0,
        high=1.0,
        step=0.05,
        tooltip="0: moods on an absolute scale, a gentle song is serene throughout. 1: moods relative to the song's "
        "own mean, so that its parts are told apart.",
    )
    smoother: str = setting(
        "viterbi",
        choices=SMOOTHERS,
        advanced=True,
        tooltip="viterbi: the likeliest moods that each last min_seconds. cumulative: from the running sums, as MVP "
        "has it; hardly changes after the first minute. none: each half second by itself.",
    )
    min_seconds: float = setting(
        8.0, low=0.5, high=120.0, step=0.5, advanced=True, tooltip="Shortest time that a mood lasts, with viterbi."
    )
    window: float = setting(
        8.0,
        low=6.0,
        high=60.0,
        step=0.5,
        advanced=True,
        tooltip="Seconds of music that each value is heard over. The judges know long means; shorter windows would ask "
        "them what they cannot tell.",
    )
