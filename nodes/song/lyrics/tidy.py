"""From lines as a file gives them to lines that are in order, last, and do not overlap; and back to text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np

from ...base.errors import InputError
from ...base.types import SongAnalysis
from .lyrics import Line, Lyrics, Word

# A line whose end is not given is held as if sung at a slow pace, and no longer.
SECONDS_PER_UNIT, EXTRA_SECONDS, SHORTEST_HOLD = 0.6, 1.5, 3.0
MIN_SECONDS = 0.05


@dataclass(frozen=True)
class Entry:
    """A line as the file has it: start, end or None, text, and (start, text) of its words."""

    start: float
    end: float | None
    text: str
    words: tuple[tuple[float, str], ...] = ()

    def moved(self, seconds: float) -> Entry:
        """The same line later by that many seconds; `tidy` leaves out what then lies before 0."""
        return replace(
            self,
            start=self.start + seconds,
            end=None if self.end is None else self.end + seconds,
            words=tuple((start + seconds, text) for start, text in self.words),
        )


def units(text: str) -> int:
    """How much there is to sing: words, or characters where a script writes no spaces between words."""
    return sum(len(word) if word and ord(word[0]) >= 0x2E80 else 1 for word in text.split())


def tidy(entries: tuple[Entry, ...], *, language: str = "", source: str = "", timing: str = "given") -> Lyrics:
    """Put lines in order. Lines of one start are joined, an overlap ends where the next line starts.

    An empty line ends the one before it, as players of LRC files have it. Lines that end before 0 s are left out, and
    a note names them.
    """
    ordered = sorted(entries, key=lambda entry: entry.start)
    merged = [_joined(list(group)) for _, group in groupby(ordered, key=lambda entry: round(entry.start, 3))]
    lines, early = [], []
    for entry, following in zip(merged, [*merged[1:], None], strict=False):
        if not entry.text:
            continue
        held = max(SHORTEST_HOLD, SECONDS_PER_UNIT * units(entry.text) + EXTRA_SECONDS)
        end = entry.end if entry.end is not None and entry.end > entry.start else entry.start + held
        if following is not None:
            end = min(end, following.start)
        if entry.words and entry.end is None:
            end = max(end, min(entry.words[-1][0] + MIN_SECONDS, end if following is None else following.start))
        if end < MIN_SECONDS:
            early.append(entry.text)
            continue
        entry = replace(entry, start=max(entry.start, 0.0))
        if end > entry.start:
            lines.append(Line(entry.start, end, entry.text, _words(entry, end)))
    notes: tuple[str, ...] = ()
    if early:
        count = "1 line lies" if len(early) == 1 else f"{len(early)} lines lie"
        are = "is" if len(early) == 1 else "are"
        notes = (
            f"{count} before the song's start and {are} left out, the first: '{early[0][:40]}'; check the offset.",
        )
    return Lyrics(tuple(lines), language=language, source=source, timing=timing, notes=notes)


def _joined(group: list[Entry]) -> Entry:
    texts = list(dict.fromkeys(entry.text for entry in group if entry.text))
    ends = [entry.end for entry in group if entry.end is not None]
    return replace(group[0], text=" / ".join(texts), end=max(ends, default=None), words=group[0].words)


def _words(entry: Entry, end: float) -> tuple[Word, ...]:
    """Words with an end each; a last stamp without a word only ends the one before it."""
    starts = np.maximum.accumulate([max(start, entry.start) for start, _ in entry.words] + [end])
    words = zip(entry.words, pairwise(starts.tolist()), strict=True)
    return tuple(Word(start, min(stop, end), text) for (_, text), (start, stop) in words if text and start < end)


def spread(lines: tuple[str, ...], duration: float | None, *, span: tuple[float, float] | None = None) -> Lyrics:
    """Lines without times over a song, each as long as it has words; an empty line is a rest.

    span: (start, end) in seconds of what is sung, where that is known; without it, the whole song.

    Raises InputError when no duration is known.
    """
    if not any(lines):
        return Lyrics(source="plain")
    if duration is None:
        raise InputError(
            "These lyrics have no times; connect beat_envelope to spread them over the song, or Transcribe Lyrics to "
            "hear where they are sung."
        )
    weights = np.array([units(line) + 1 if line else 2 for line in lines], dtype=float)
    begin, end = (0.0, duration) if span is None or not 0 <= span[0] < span[1] <= duration else span
    edges = begin + np.concatenate(([0.0], np.cumsum(weights))) / weights.sum() * (end - begin)
    placed = [
        Line(start, end, line) for line, (start, end) in zip(lines, pairwise(edges.tolist()), strict=True) if line
    ]
    note = "The lyrics have no times; they are spread evenly, which is a guess."
    return Lyrics(tuple(placed), source="plain", timing="guessed", notes=(note,))


def sung_span(song: SongAnalysis) -> tuple[float, float]:
    """Where singing can be thought to begin and end: after a song's intro and before its outro, in seconds."""
    sections = song.sections
    start = sections[0].end if len(sections) > 2 and sections[0].kind == "intro" else 0.0
    end = sections[-1].start if len(sections) > 2 and sections[-1].kind == "outro" else song.duration
    return start, end


def snap(lyrics: Lyrics, beats: np.ndarray, *, max_move: float = 0.25) -> Lyrics:
    """Starts and ends of lines moved to the nearest beat.

    Parameters
    ----------
    lyrics : lines in order
    beats : float64 (n,), seconds, ascending
    max_move : seconds; an edge farther from a beat stays where it is. So does one whose move would leave a line
        without length or over its neighbour.

    Returns
    -------
    Lyrics whose words have not moved.
    """
    if not len(beats) or max_move <= 0:
        return lyrics
    lines = list(lyrics.lines)
    floor = 0.0
    for index, line in enumerate(lines):
        ceiling = lines[index + 1].start if index + 1 < len(lines) else np.inf
        start, end = _nearest(line.start, beats, max_move), _nearest(line.end, beats, max_move)
        start = start if floor <= start < line.end - MIN_SECONDS else line.start
        end = end if start + MIN_SECONDS < end <= ceiling else line.end
        lines[index] = replace(line, start=max(start, floor), end=end)
        floor = end
    return replace(lyrics, lines=tuple(lines))


def _nearest(seconds: float, beats: np.ndarray, max_move: float) -> float:
    index = int(np.searchsorted(beats, seconds))
    near = min(beats[max(index - 1, 0) : index + 1], key=lambda beat: abs(beat - seconds))
    return float(near) if abs(near - seconds) <= max_move else seconds


def to_lrc(lyrics: Lyrics) -> str:
    """Lyrics as LRC; an empty line marks where singing stops for a while."""
    rows = [f"[la:{lyrics.language}]"] if lyrics.language else []
    for line, following in zip(lyrics.lines, [*lyrics.lines[1:], None], strict=False):
        rows.append(f"[{_stamp(line.start)}]{line.text}")
        if following is None or following.start - line.end > MIN_SECONDS:
            rows.append(f"[{_stamp(line.end)}]")
    return "\n".join(rows)


def _stamp(seconds: float) -> str:
    hundredths = int(seconds * 100 + 0.5)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def to_srt(lyrics: Lyrics) -> str:
    """Lyrics as SubRip subtitles."""
    return "\n".join(
        f"{number}\n{_srt_time(line.start)} --> {_srt_time(line.end)}\n{line.text}\n"
        for number, line in enumerate(lyrics.lines, 1)
    )


def _srt_time(seconds: float) -> str:
    milliseconds = int(seconds * 1000 + 0.5)
    minutes = milliseconds // 60_000
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000 % 60:02d},{milliseconds % 1000:03d}"
