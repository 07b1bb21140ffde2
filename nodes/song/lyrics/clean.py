"""What speech recognition invents over music, recognised and taken out."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from .align import plain_words
from .inventions import is_invented, is_sound, is_subtitle_credit
from .lyrics import Line, Word

_NOTES = re.compile(r"^[\s♪♫🎵🎶*()\[\].…-]*$")
_LONGEST_LINE_SECONDS, _LONGEST_LINE_WORDS, _PAUSE_SECONDS = 8.0, 12, 0.7
_LOOP = 4
# The longest that a first word is sung, unless it has many letters.
_FIRST_WORD_SECONDS, _LETTER_SECONDS, _LONGEST_WORD_SECONDS = 0.3, 0.07, 4.0
_SILENT_DB = -55.0


@dataclass(frozen=True)
class HeardSegment:
    """What was recognised in [start, end) seconds, and how sure the recogniser was.

    no_speech: probability that nobody speaks. log_probability: mean of the tokens'. compression: of the recogniser's
    window, of which the segment may be a small part.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    no_speech: float = 0.0
    log_probability: float = 0.0
    compression: float = 1.0


def clean(
    segments: list[HeardSegment], waveform: np.ndarray, sample_rate: int
) -> tuple[list[HeardSegment], tuple[str, ...]]:
    """Leave out what was not sung.

    Parameters
    ----------
    segments : in order
    waveform : float32 (samples,), mono
    sample_rate : Hz

    Returns
    -------
    The segments that stay, and a note for each kind of what was left out.
    """
    reasons: dict[str, list[HeardSegment]] = {}
    kept: list[HeardSegment] = []
    for segment in segments:
        reason = _invented(segment, waveform, sample_rate)
        if reason is None:
            kept.append(segment)
        else:
            reasons.setdefault(reason, []).append(segment)
    kept, loops = _without_loops(kept)
    if loops:
        reasons.setdefault("a phrase that repeats without end", []).extend(loops)
    notes = tuple(
        f"{len(dropped)} recognised line{'s' if len(dropped) != 1 else ''} left out as {reason}, the first at "
        f"{dropped[0].start:.1f} s."
        for reason, dropped in reasons.items()
    )
    return kept, notes


def _invented(segment: HeardSegment, waveform: np.ndarray, sample_rate: int) -> str | None:
    plain = " ".join(plain_words(segment.text))
    if not plain or _NOTES.match(segment.text):
        return "no words"
    if is_sound(segment.text):
        return "a sound without words"
    if is_subtitle_credit(segment.text):
        return "a credit of subtitles"
    if is_invented(segment.text, no_speech=segment.no_speech, log_probability=segment.log_probability):
        return "a phrase that is heard into music"
    if segment.no_speech > 0.6 and segment.log_probability < -1.0:
        return "noise"
    if compression_of(segment.text) > 2.4 and len(plain.split()) > 8:
        return "a phrase that repeats without end"
    part = waveform[
        int(segment.start * sample_rate) : max(int(segment.end * sample_rate), int(segment.start * sample_rate) + 1)
    ]
    if len(part) and 20 * np.log10(max(float(np.sqrt(np.mean(np.square(part)))), 1e-9)) < _SILENT_DB:
        return "words over silence"
    return None


def compression_of(text: str) -> float:
    """How well a text can be compressed, as Whisper counts it: loops compress well.

    The recogniser's own figure is that of its whole window of 30 seconds, so that it would condemn real choruses.
    """
    data = text.strip().encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def _without_loops(segments: list[HeardSegment]) -> tuple[list[HeardSegment], list[HeardSegment]]:
    """Of many equal segments in a row the first, where their even lengths or the recogniser's doubt give them away."""
    kept: list[HeardSegment] = []
    dropped: list[HeardSegment] = []
    for _, group in groupby(segments, key=lambda segment: " ".join(plain_words(segment.text))):
        run = list(group)
        lengths = np.array([segment.end - segment.start for segment in run])
        even = float(np.std(lengths)) < 0.03 * float(np.mean(lengths)) + 0.011
        doubt = float(np.mean([segment.log_probability for segment in run])) < -0.5
        loop = len(run) >= _LOOP and (even or doubt)
        kept += run[:1] if loop else run
        dropped += run[1:] if loop else []
    return kept, dropped


def tightened(segment: HeardSegment) -> HeardSegment:
    """The segment without the pauses that Whisper counts to its first word, or after a word before a long solo."""
    if not segment.words:
        return segment
    words = tuple(replace(word, end=min(word.end, word.start + _LONGEST_WORD_SECONDS)) for word in segment.words)
    segment = replace(segment, words=words, end=min(segment.end, max(word.end for word in words)))
    first = words[0]
    longest = _FIRST_WORD_SECONDS + _LETTER_SECONDS * len(first.text.strip())
    if first.end - first.start <= longest:
        return segment
    first = replace(first, start=first.end - longest)
    return replace(segment, start=max(segment.start, first.start), words=(first, *segment.words[1:]))


def lines_of(segments: list[HeardSegment]) -> tuple[Line, ...]:
    """Segments as lines: split at pauses and where they are long, each as long as its words."""
    lines: list[Line] = []
    for segment in segments:
        for words in _split(segment):
            start = max(words[0].start, lines[-1].end if lines else 0.0)
            end = max(words[-1].end, start)
            if end - start >= 0.05:
                text = " ".join("".join(word.text for word in words).split()) or segment.text.strip()
                inside = tuple(word for word in words if word.start >= start and word.end > word.start)
                lines.append(Line(start, end, text, tuple(Word(w.start, w.end, w.text.strip()) for w in inside)))
    return tuple(lines)


def _split(segment: HeardSegment) -> list[list[Word]]:
    words = list(segment.words) or [Word(segment.start, max(segment.end, segment.start + 0.1), segment.text)]
    parts = [[words[0]]]
    for word in words[1:]:
        part = parts[-1]
        ended = part[-1].text.rstrip().endswith((".", "?", "!", ";", "。", "！", "？"))
        long = word.end - part[0].start > _LONGEST_LINE_SECONDS or len(part) >= _LONGEST_LINE_WORDS
        if word.start - part[-1].end > _PAUSE_SECONDS or long or (ended and len(part) >= 3):
            parts.append([])
        parts[-1].append(word)
    return parts
