"""LYRICS: the lines of a song with their times, and the words in them where their times are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar

from ...base.errors import InputError
from ...base.json_type import Fields, JsonType

TIMINGS = ("given", "aligned", "transcribed", "guessed")
# Two lines that are less than this apart have no instrumental gap between them.
GAP_SECONDS = 4.0


@dataclass(frozen=True)
class Word:
    """One word: [start, end) in seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Line:
    """One line: [start, end) in seconds, its text, and its words where their times are known."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()

    def to_json(self) -> dict:
        return {"start": self.start, "end": self.end, "text": self.text, "words": [vars(word) for word in self.words]}


@dataclass(frozen=True)
class Lyrics(JsonType):
    """The lines of a song (LYRICS): in order, each longer than nothing, none over another.

    language: ISO 639-1 code, or empty where it is unknown. source: where the text came from (lrc, srt, plain,
    whisper ...). timing: where the times came from, one of `TIMINGS`. notes: what was left out or could not be
    placed, one sentence each.
    """

    io_type: ClassVar[str] = "LYRICS"

    lines: tuple[Line, ...] = ()
    language: str = ""
    source: str = ""
    timing: str = "given"
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if self.timing not in TIMINGS:
            raise InputError(f"LYRICS: 'timing' must be one of {', '.join(TIMINGS)}, got '{self.timing}'.")
        for number, line in enumerate(self.lines, 1):
            if not 0 <= line.start < line.end:
                raise InputError(f"LYRICS: line {number} goes from {line.start:g} s to {line.end:g} s; it must last.")
        for number, (line, following) in enumerate(pairwise(self.lines), 1):
            if line.end > following.start:
                raise InputError(
                    f"LYRICS: line {number} ends at {line.end:g} s, after line {number + 1} starts at "
                    f"{following.start:g} s; lines must not overlap."
                )

    def within(self, start: float, end: float) -> tuple[Line, ...]:
        """The lines of which at least half lies in [start, end), or that fill at least half of it."""
        found = []
        for line in self.lines:
            shared = min(line.end, end) - max(line.start, start)
            if shared > 0 and 2 * shared >= min(line.end - line.start, end - start):
                found.append(line)
        return tuple(found)

    def gaps(self, duration: float, *, minimum: float = GAP_SECONDS) -> tuple[tuple[float, float], ...]:
        """The stretches of at least `minimum` seconds in 0..duration where nobody sings: (start, end) in seconds."""
        edges = [0.0, *(edge for line in self.lines for edge in (line.start, line.end)), duration]
        return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start >= minimum)

    def until(self, duration: float) -> Lyrics:
        """What lies in 0..duration seconds; a note says how many lines lay past the end."""
        kept = tuple(replace(line, end=min(line.end, duration)) for line in self.lines if line.start < duration)
        dropped = len(self.lines) - len(kept)
        notes = self.notes
        if dropped:
            lines, are = ("1 line starts", "is") if dropped == 1 else (f"{dropped} lines start", "are")
            notes += (f"{lines} after the song's end at {duration:g} s and {are} left out.",)
        return replace(self, lines=kept, notes=notes)

    def to_json(self) -> dict:
        return self._head() | {
            "language": self.language,
            "source": self.source,
            "timing": self.timing,
            "notes": list(self.notes),
            "lines": [line.to_json() for line in self.lines],
        }

    @classmethod
    def from_json(cls, data: Any) -> Lyrics:
        fields = cls._open(data)
        notes = tuple(fields.objects("notes", []))
        if not all(isinstance(note, str) for note in notes):
            raise fields.fail("notes", "a list of strings")
        return cls(
            lines=tuple(_line(item) for item in fields.objects("lines")),
            language=fields.text("language", ""),
            source=fields.text("source", ""),
            timing=fields.text("timing", "given"),
            notes=notes,
        )


def _line(data: Any) -> Line:
    fields = Fields("LYRICS line", data)
    words = [Fields("LYRICS word", item) for item in fields.objects("words", [])]
    return Line(
        start=fields.number("start"),
        end=fields.number("end"),
        text=fields.text("text"),
        words=tuple(Word(word.number("start"), word.number("end"), word.text("text")) for word in words),
    )
