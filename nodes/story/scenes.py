"""Scenes: what the song says about each shot, before its prompt is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..base.types import Section, SongAnalysis
from ..song.caption.caption import Caption
from ..song.emotion.timeline import NEUTRAL, EmotionTimeline
from ..song.lyrics.lyrics import Lyrics

# What moods become where somebody speaks.
_CALM = {"tense": NEUTRAL, "euphoric": "serene"}


@dataclass(frozen=True)
class Scene:
    """What the song says about a shot.

    Attributes
    ----------
    start, end : seconds.
    emotion : the shot's mood.
    section : index of the song's part that the shot's middle lies in.
    label : of that part, by repetition.
    lyric : text of the lines sung during the shot.
    words : stems of the lyric's words.
    music : caption of the music.
    returns : whether a part with that label came before.
    """

    start: float
    end: float
    emotion: str
    section: int
    label: str
    lyric: str
    words: frozenset[str]
    music: str
    returns: bool


def scenes_of(
    shots: tuple[tuple[float, float], ...],
    song: SongAnalysis,
    *,
    lyrics: Lyrics | None = None,
    emotion: EmotionTimeline | None = None,
    captions: tuple[Caption, ...] = (),
    calm: bool = False,
) -> list[Scene]:
    """Make the scene of each shot.

    Parameters
    ----------
    shots : (start, end) in seconds.
    calm : for speech: tense and euphoric moods become neutral and serene.
    """
    sections = song.sections or (Section(0.0, song.duration, "A", 0.5),)
    seen: dict[str, int] = {}
    for index, part in enumerate(sections):
        seen.setdefault(part.label, index)
    scenes = []
    for start, end in shots:
        middle = (start + end) / 2
        index = max((k for k, part in enumerate(sections) if part.start <= middle), default=0)
        lines = lyrics.within(start, end) if lyrics is not None else ()
        text = " / ".join(line.text for line in lines)
        mood = emotion.label_of(start, end) if emotion is not None else NEUTRAL
        music = next((caption.text for caption in captions if caption.start <= middle < caption.end), "")
        label = sections[index].label
        scenes.append(
            Scene(
                start=start,
                end=end,
                emotion=_CALM.get(mood, mood) if calm else mood,
                section=index,
                label=label,
                lyric=text,
                words=frozenset(words_of(text)),
                music=music,
                returns=seen[label] < index,
            )
        )
    return scenes


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, without common endings."""
    return [stem(word) for word in re.findall(r"[^\W\d_]+", text.casefold())]


def stem(word: str) -> str:
    """A word without a plural or verb ending; only good enough to find the same word again."""
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
