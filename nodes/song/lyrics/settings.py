"""How lyrics are read, heard and put on the beat."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.settings import Settings, setting

FORMATS = ("auto", "lrc", "srt", "vtt", "csv", "plain", "sbv", "ass", "clock")
BACKENDS = ("auto", "faster-whisper", "openai-whisper")


@dataclass(frozen=True)
class ReadSettings(Settings):
    """How a text of lyrics is read."""

    form: str = setting("auto", choices=FORMATS, tooltip="How the text is written; auto looks at it.")


@dataclass(frozen=True)
class HearSettings(Settings):
    """Who hears the words. model: a Whisper model's name, or a file or folder in the models folder "whisper"."""

    model: str = setting(
        "base",
        tooltip="A Whisper model: tiny, base, small, medium, large-v3 ... as fetched before, or a file or folder in "
        "the models folder whisper. Larger ones hear better and take longer.",
    )
    language: str = setting(
        "", tooltip="Code of the language that is sung, such as en, de, ja. Empty: it is recognised."
    )
    backend: str = setting(
        "auto",
        choices=BACKENDS,
        advanced=True,
        tooltip="auto: faster-whisper where it is installed, else openai-whisper.",
    )


@dataclass(frozen=True)
class SnapSettings(Settings):
    """How far lines move to the beats, in seconds."""

    max_move: float = setting(
        0.15,
        low=0.0,
        high=2.0,
        step=0.01,
        advanced=True,
        tooltip="Largest move of a line's start or end to the nearest beat, in seconds. 0: no move.",
    )
