"""Lyrics as text: LRC, enhanced LRC, SRT, WebVTT, CSV and plain lines, read into `Lyrics`."""

from __future__ import annotations

import csv
import html
import io
import re
from dataclasses import dataclass

from ...base.errors import InputError
from ...base.settings import check
from .lyrics import Lyrics
from .settings import ReadSettings
from .tidy import Entry, spread, tidy

MAX_CHARACTERS = 2_000_000

_CLOCK = r"(?:(\d{1,3}):)?(\d{1,4}):(\d{1,2}(?:[.,:]\d{1,6})?)"
_STAMP = re.compile(rf"\[\s*{_CLOCK}\s*\]")
_WORD_STAMP = re.compile(rf"<\s*{_CLOCK}\s*>")
_TAG = re.compile(r"\[\s*([a-zA-Z#]+)\s*:\s*(.*?)\s*\]\s*")
_ARROW = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?$")
_MARKUP = re.compile(r"</?[a-zA-Z][^>]*>|\{\\[^}]*\}")
_LABEL = re.compile(r"^\s*[\[(][^\])]{1,60}[\])]\s*:?\s*$")
_HEADINGS = {"start": ("start", "time", "begin", "from"), "end": ("end", "stop", "to"),
             "text": ("text", "lyric", "lyrics", "line", "words")}  # fmt: skip


def parse_lyrics(text: str, *, form: str = "auto", duration: float | None = None) -> Lyrics:
    """Read lyrics in any of the usual forms.

    Parameters
    ----------
    text : the content of the file. LYRICS as JSON is taken too.
    form : one of `settings.FORMATS`; "auto" looks at the text.
    duration : seconds of the song. Lines past it are left out and named in the notes; plain text, which has no
        times, is spread over it.

    Returns
    -------
    Lyrics, with no line for an empty text.

    Raises
    ------
    InputError : the text cannot be read in that form, or is plain and no duration is known.
    """
    check(ReadSettings, form=form)
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"The lyrics have {len(text)} characters, more than {MAX_CHARACTERS}; give one song's text.")
    text = text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if not text.strip():
        return Lyrics(source="none")
    if form == "auto" and text.lstrip().startswith("{"):
        lyrics = Lyrics.of(text)
    else:
        form = detect(text) if form == "auto" else form
        sheet = _READERS[form](text)
        if form == "plain":
            lyrics = spread(sheet.lines, duration)
        elif not sheet.entries:
            raise InputError(f"There is no timed line in the lyrics, read as {form}; check the text or choose plain.")
        else:
            lyrics = tidy(sheet.entries, language=sheet.language, source=form)
    return lyrics if duration is None else lyrics.until(duration)


def detect(text: str) -> str:
    """The form a text is in: the one whose times it has, else plain."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].strip().startswith("WEBVTT"):
        return "vtt"
    if any(_ARROW.match(line) for line in lines):
        return "srt"
    if any(_STAMP.match(line.strip()) for line in lines):
        return "lrc"
    timed = len(_read_csv("\n".join(lines[:50])).entries)
    return "csv" if timed and 2 * timed >= min(len(lines), 50) - 1 else "plain"


@dataclass(frozen=True)
class _Sheet:
    entries: tuple[Entry, ...] = ()
    lines: tuple[str, ...] = ()
    language: str = ""


def _read_lrc(text: str) -> _Sheet:
    entries, offset, language = [], 0.0, ""
    for line in text.splitlines():
        line = line.strip()
        stamps = []
        while match := _STAMP.match(line):
            stamps.append(_seconds(match.groups()))
            line = line[match.end() :].strip()
        if stamps:
            timed = _timed_words(line)
            plain = " ".join(_WORD_STAMP.sub(" ", line).split())
            entries += [
                # Word times belong to the first of several stamps; the repeats have only the line's time.
                Entry(stamp, None, plain, timed if stamp == stamps[0] else ())
                for stamp in stamps
            ]
        elif match := _TAG.fullmatch(line):
            name, value = match[1].lower(), match[2]
            if name == "offset" and re.fullmatch(r"[+-]?\d+", value):
                offset = int(value) / 1000
            elif name in ("la", "lang", "language"):
                language = value.lower()
    # A positive offset shows the words sooner.
    return _Sheet(tuple(entry.moved(-offset) for entry in entries), language=language)


def _timed_words(text: str) -> tuple[tuple[float, str], ...]:
    """(start, text) of every piece after a word stamp; the last may be empty and only tells where the line ends."""
    stamps = list(_WORD_STAMP.finditer(text))
    return tuple(
        (_seconds(match.groups()), _unmarked(text[match.end() : following.start() if following else len(text)]))
        for match, following in zip(stamps, [*stamps[1:], None], strict=False)
    )


def _read_cues(text: str) -> _Sheet:
    """SubRip and WebVTT: blocks with an arrow line."""
    entries, lines = [], text.splitlines()
    for number, line in enumerate(lines):
        match = _ARROW.match(line)
        if match is None:
            continue
        body = []
        for following in lines[number + 1 :]:
            if not following.strip() or _ARROW.match(following):
                break
            body.append(following)
        if body and number + 1 + len(body) < len(lines) and _ARROW.match(lines[number + 1 + len(body)]):
            # No empty line between the cues: the last line is the next cue's number.
            body = body[:-1] if re.fullmatch(r"\s*\d+\s*", body[-1]) else body
        joined = " ".join(body)
        plain = _unmarked(_WORD_STAMP.sub(" ", joined))
        entries.append(Entry(_seconds(match.groups()[:3]), _seconds(match.groups()[3:]), plain, _timed_words(joined)))
    return _Sheet(tuple(entries))


def _unmarked(text: str) -> str:
    return " ".join(html.unescape(_MARKUP.sub("", text)).split())


def _read_csv(text: str) -> _Sheet:
    rows = _csv_rows(text)
    columns = _csv_columns(rows[0]) if rows else None
    entries = [_csv_entry(row, columns) for row in (rows[1:] if columns else rows)]
    return _Sheet(tuple(entry for entry in entries if entry is not None))


def _csv_rows(text: str) -> list[list[str]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"The lyrics are no CSV ({error}); choose another form.") from None


def _csv_columns(row: list[str]) -> dict[str, int | None] | None:
    """Which column holds what, where the first row says so; None for a part that no column holds."""
    names = [cell.strip().lower() for cell in row]
    found = {
        field: next((index for index, name in enumerate(names) if name in options), None)
        for field, options in _HEADINGS.items()
    }
    return None if found["text"] is None or found["start"] is None else found


def _csv_entry(row: list[str], columns: dict[str, int | None] | None = None) -> Entry | None:
    """A row as a line; None for one without a start or a text."""

    def cell(index: int | None) -> str:
        return row[index].strip() if index is not None and index < len(row) else ""

    if columns is None:
        second = _csv_time(cell(1)) if len(row) > 2 else None
        columns = {"start": 0, "end": None if second is None else 1, "text": 1 if second is None else 2}
    start, text = _csv_time(cell(columns["start"])), cell(columns["text"])
    if start is None or not text:
        return None
    return Entry(start, _csv_time(cell(columns["end"])), " ".join(text.split()))


def _csv_time(text: str) -> float | None:
    if match := re.fullmatch(_CLOCK, text):
        return _seconds(match.groups())
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def _read_plain(text: str) -> _Sheet:
    """Every line; an empty one between stanzas stays as an empty string, labels such as [Chorus] go."""
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    return _Sheet(lines=tuple(line for line in lines if not _LABEL.match(line)))


def _seconds(clock: tuple[str | None, ...]) -> float:
    hours, minutes, seconds = (part or "0" for part in clock)
    # Some files write hundredths after a colon, as mm:ss:xx.
    return int(hours) * 3600 + int(minutes) * 60 + float(re.sub(r"[,:]", ".", seconds))


_READERS = {"lrc": _read_lrc, "srt": _read_cues, "vtt": _read_cues, "csv": _read_csv, "plain": _read_plain}
