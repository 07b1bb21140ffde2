"""Tables: CSV with commas, semicolons or bars, TSV as Whisper writes it, labels as Audacity writes them."""

from __future__ import annotations

import csv
import io
import re

import numpy as np

from ...base.errors import InputError
from .clock import not_understood, seconds_of
from .sheet import Sheet, named, sung, without_credits
from .tidy import Entry

_HEADINGS = {
    "start": ("start", "time", "begin", "from", "starttime", "begintime", "timestamp", "in", "startms", "timems",
              "starts",
              "starttimems", "startseconds", "seconds", "starttimestamp", "offset", "onset"),
    "end": ("end", "stop", "to", "endtime", "out", "endms", "ends", "endtimems", "endseconds", "endtimestamp"),
    "text": ("text", "lyric", "lyrics", "line", "words", "word", "caption", "subtitle", "content", "sentence",
              "transcript",
             "label"),
}  # fmt: skip
# A line of lyrics lasts no longer; larger steps are milliseconds.
_LONGEST_LINE_SECONDS = 100.0
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")


def is_table(lines: list[str]) -> bool:
    """Whether most lines are rows with a time and words."""
    sample = lines[:50]
    rows, columns = _best(sample)
    timed = sum(_entry(row, columns) is not None for row in rows)
    return bool(timed) and 2 * timed >= len(sample) - 1


def read_table(text: str, duration: float | None) -> Sheet:
    """Rows of start, perhaps end, and words; a first row may name the columns.

    Times are seconds with a point or a comma, clock times, or milliseconds: those that a heading names so, or whose
    steps are longer than any line is sung.

    Raises InputError for text that is no table, and for rows whose time is not understood.
    """
    rows, columns = _best(text.splitlines())
    body = rows[1:] if _columns(rows[0]) else rows if rows else []
    entries, wrong, untimed = [], [], []
    for row in body:
        entry = _entry(row, columns)
        cells = [cell.strip() for cell in row]
        if entry is not None:
            entries.append(entry)
        elif len(cells) > 1 and any(cells[1:]) and any(sign.isdigit() for sign in cells[columns["start"] or 0][:1]):
            wrong.append((rows.index(row) + 1, ",".join(cells)))
        elif words := sung(" ".join(cells)):
            untimed.append(words)
    if wrong:
        raise not_understood(wrong)
    if _is_milliseconds(rows, entries, duration):
        entries = [
            Entry(entry.start / 1000, None if entry.end is None else entry.end / 1000, entry.text) for entry in entries
        ]
    kept, notes = without_credits(entries)
    return Sheet(kept, notes=notes + named("left out, because they have no time", untimed))


def _best(lines: list[str]) -> tuple[list[list[str]], dict[str, int | None]]:
    """Rows and columns by the separator that gives most lines with words."""
    found: tuple[list[list[str]], dict[str, int | None]] = ([], {"start": 0, "end": None, "text": 1})
    most = 0
    for separator in "\t;|,":
        rows = _rows("\n".join(lines), separator)
        columns = (_columns(rows[0]) if rows else None) or _unnamed(rows)
        count = sum(_entry(row, columns) is not None for row in rows)
        if count > most:
            most, found = count, (rows, columns)
    return found if most else (_rows("\n".join(lines), ","), found[1])


def _rows(text: str, separator: str) -> list[list[str]]:
    try:
        rows = csv.reader(io.StringIO(text), delimiter=separator)
        return [row for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"The lyrics are no CSV ({error}); choose another form.") from None


def _columns(row: list[str]) -> dict[str, int | None] | None:
    """Which column holds what, where the first row says so; None for a part that no column holds."""
    names = [re.sub(r"[^a-z]|\(.*?\)", "", re.sub(r"\(s\)|\[s\]", "", cell.strip().lower())) for cell in row]
    found = {
        field: next((names.index(option) for option in options if option in names), None)
        for field, options in _HEADINGS.items()
    }
    return None if found["text"] is None or found["start"] is None else found


def _unnamed(rows: list[list[str]]) -> dict[str, int | None]:
    """Columns where nothing names them: start, perhaps end, text; or a number before them, as in subtitle tables."""
    ends = [row for row in rows if len(row) > 2 and _time(row[0]) is not None and _time(row[1]) is not None]
    counted = [
        row for row in rows if len(row) > 3 and row[0].strip().isdigit() and ":" in row[1] and _time(row[2]) is not None
    ]
    if counted and len(counted) == len(ends):
        return {"start": 1, "end": 2, "text": 3}
    # Words may be numbers; an end comes after its start.
    return {"start": 0, "end": 1, "text": 2} if 2 * len(ends) > len(rows) else {"start": 0, "end": None, "text": 1}


def _entry(row: list[str], columns: dict[str, int | None]) -> Entry | None:
    """A row as a line; None for one without a start or a text."""

    def cell(index: int | None) -> str:
        return row[index].strip() if index is not None and index < len(row) else ""

    last = columns["text"] == len(row) - 1 or columns["text"] is None
    start, text = _time(cell(columns["start"])), cell(columns["text"])
    if not last and columns["text"] in (1, 2) and columns["start"] == 0:
        # Words with the separator in them, unquoted.
        text = ", ".join(part.strip() for part in row[columns["text"] :] if part.strip())
    if start is None or not text:
        return None
    return Entry(start, _time(cell(columns["end"])), text)


def _time(text: str) -> float | None:
    text = text.strip().removesuffix("s").strip()
    if _NUMBER.fullmatch(text):
        return float(text.replace(",", "."))
    return seconds_of(text)


def _is_milliseconds(rows: list[list[str]], entries: list[Entry], duration: float | None) -> bool:
    if _columns(rows[0]) and any(re.search(r"ms\b|milli", cell.lower()) for cell in rows[0]):
        return True
    if any(":" in cell for row in rows for cell in row[:2]) or not entries:
        return False
    lengths = [entry.end - entry.start for entry in entries if entry.end is not None]
    starts = sorted(entry.start for entry in entries)
    steps = lengths or np.diff(starts).tolist()
    if steps:
        return float(np.median(steps)) >= _LONGEST_LINE_SECONDS
    return duration is not None and starts[-1] >= duration and starts[-1] / 1000 < duration
