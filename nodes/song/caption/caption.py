"""What the music of each part is like, in a sentence: tempo, metre, key, energy, brightness, density, vocals, mood."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ...base.errors import InputError
from ...base.timing import clock_text
from ...base.types import Section, SongAnalysis
from ..emotion.rules import key_of
from ..emotion.timeline import EmotionTimeline
from ..lyrics.lyrics import Lyrics

# Beats per minute from which a tempo is called so.
_TEMPO_WORDS = ((0, "very slow"), (66, "slow"), (90, "moderate"), (120, "lively"), (140, "fast"), (168, "very fast"))
_LOUDNESS_WORDS = ((0.0, "quiet"), (0.3, "soft"), (0.55, "full"), (0.8, "loud"))
_BRIGHTNESS_WORDS = ((0.0, "dark"), (0.3, "warm"), (0.5, "clear"), (0.7, "bright"))
_DENSITY_WORDS = ((0.0, "sparse"), (1.5, "steady"), (4.0, "busy"), (7.0, "dense"))
_SURE_KEY = 0.03
_ROW = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s+(.+)")


@dataclass(frozen=True)
class Caption:
    """[start, end) in seconds and what the music is like there."""

    start: float
    end: float
    text: str


def caption_song(
    song: SongAnalysis, *, emotion: EmotionTimeline | None = None, lyrics: Lyrics | None = None
) -> tuple[Caption, ...]:
    """A sentence for each part of a song.

    Parameters
    ----------
    song : tempo, bars, parts, chroma and curves; what it does not have is not spoken of
    emotion : adds the mood
    lyrics : adds whether somebody sings

    Returns
    -------
    Captions in order, from 0 to the song's duration.
    """
    parts = song.sections or (Section(0.0, song.duration, "A", 0.5),)
    edges = [0.0, *(part.start for part in parts[1:]), song.duration]
    return tuple(
        Caption(start, end, _sentence(song, part, start, end, emotion, lyrics))
        for part, start, end in zip(parts, edges[:-1], edges[1:], strict=True)
        if end > start
    )


def _sentence(
    song: SongAnalysis, part: Section, start: float, end: float, emotion: EmotionTimeline | None, lyrics: Lyrics | None
) -> str:
    manner = f"{_word(part.energy, _LOUDNESS_WORDS)} and {_word(_density(song, start, end), _DENSITY_WORDS)}"
    facts = [f"A {manner} {part.kind or 'part'} {_pace(song, start, end)}"]
    facts += [
        text for text in (_key(song, start, end), _brightness(song, start, end), _course(song, start, end)) if text
    ]
    if lyrics is not None:
        sung = sum(
            min(line.end, end) - max(line.start, start) for line in lyrics.lines if line.start < end > start < line.end
        )
        facts.append("sung" if sung > 0.5 * (end - start) else "partly sung" if sung > 0.5 else "without vocals")
    if emotion is not None:
        facts.append(emotion.label_of(start, end))
    return ", ".join(facts) + "."


def _word(value: float, words: tuple[tuple[float, str], ...]) -> str:
    return [word for least, word in words if value >= least or least == words[0][0]][-1]


def _pace(song: SongAnalysis, start: float, end: float) -> str:
    beats = song.beats[(song.beats >= start) & (song.beats < end)]
    if len(beats) < 4:
        return "without a beat"
    tempo = 60 / float(np.median(np.diff(beats)))
    word = _word(tempo, _TEMPO_WORDS)
    return f"at a {word} {tempo:.0f} BPM" + (f" in {metre}/4" if (metre := _metre(song)) else "")


def _metre(song: SongAnalysis) -> int:
    """Beats in a bar, 0 where there are no bars."""
    places = np.searchsorted(song.beats, song.downbeats)
    return int(np.median(np.diff(places))) if len(places) > 2 else 0


def _frames(song: SongAnalysis, start: float, end: float) -> slice:
    first = min(int(start * float(song.fps)), song.n_frames - 1)
    return slice(first, max(int(end * float(song.fps)), first + 1))


def _density(song: SongAnalysis, start: float, end: float) -> float:
    """Onsets a second."""
    return float(((song.onsets >= start) & (song.onsets < end)).sum() / (end - start))


def _key(song: SongAnalysis, start: float, end: float) -> str:
    key = None if song.chroma is None else key_of(song.chroma[:, _frames(song, start, end)].mean(axis=1))
    if key is None or abs(key.clarity) < _SURE_KEY:
        return ""
    return f"{key.tonic} {'major' if key.major else 'minor'}"


def _brightness(song: SongAnalysis, start: float, end: float) -> str:
    if "centroid" not in song.curves:
        return ""
    return f"{_word(float(song.curves['centroid'][_frames(song, start, end)].mean()), _BRIGHTNESS_WORDS)} in tone"


def _course(song: SongAnalysis, start: float, end: float) -> str:
    """Whether it swells or fades."""
    level = song.curves["rms"][_frames(song, start, end)] if "rms" in song.curves else np.zeros(0)
    if len(level) < 8 or end - start < 4:
        return ""
    first, last = level[: len(level) // 3].mean(), level[-len(level) // 3 :].mean()
    return "growing" if last > first + 0.2 else "fading" if last < first - 0.2 else ""


def captions_text(captions: tuple[Caption, ...]) -> str:
    """One line a part, `m:ss.mmm sentence`, that `parse_captions` reads back."""
    return "\n".join(f"{clock_text(caption.start)} {caption.text}" for caption in captions)


def parse_captions(text: str, duration: float) -> tuple[Caption, ...]:
    """Captions from lines of `m:ss sentence`; the first counts from 0, each lasts until the next.

    Raises InputError naming the line that has no time, or is not after the one before it.
    """
    rows: list[tuple[float, str]] = []
    before = -1.0
    for number, line in enumerate(text.splitlines(), 1):
        line = " ".join(line.split())
        if not line or line.startswith("#"):
            continue
        match = _ROW.fullmatch(line)
        if match is None:
            raise InputError(f"captions, line {number}: '{line[:40]}' does not begin with a time such as 0:12.")
        seconds = int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
        if seconds <= before:
            raise InputError(f"captions, line {number}: {clock_text(seconds)} does not come after the line before it.")
        before = seconds
        if not rows or seconds < duration:
            rows.append((seconds if rows else 0.0, match[4]))
    if not rows:
        return ()
    ends = [start for start, _ in rows[1:]] + [duration]
    return tuple(Caption(start, end, words) for (start, words), end in zip(rows, ends, strict=True))
