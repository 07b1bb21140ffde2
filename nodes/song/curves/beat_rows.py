"""Text of beats -> (line, time, label) of each: tables of other programs, lists, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ...base.errors import InputError

_TIME = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,6}):)?(\d{1,9}(?:[.,]\d{1,12}|\.)?)s?")
# Columns by the headings of Audition, Reaper, Sonic Visualiser and plain CSV.
_STARTS = ("start", "time", "onset", "begin", "seconds", "timestamp", "beattime", "position")
_LABELS = ("label", "beat", "position", "place", "downbeat", "name", "marker", "text", "number", "description")
_PLACE = re.compile(r"(\d+)[./:|](\d{1,2})")
_KEYFRAME = re.compile(r"(\d{1,9})\s*:\s*\(\s*([\d.]+)\s*\)")


def parse_time(text: str) -> float | None:
    """Seconds of "12.5", "12,5", "12.5s", "1:02.5" or "1:00:02.5"; None when it is none of these."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    number = float(seconds.replace(",", "."))
    if minutes is not None and (number >= 60 or (hours is not None and int(minutes) >= 60)):
        return None
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + number


def beat_rows(text: str, fps: float | None = None) -> Iterator[tuple[int, str, str]]:
    """(line, time, label) of every beat of a text; what is no time comes as it is.

    fps: frames per second, for keyframes of Deforum.

    Raises InputError where a comma can be read in two ways.
    """
    text = text.replace("\ufeff", "")
    if text.lstrip()[:1] in ("[", "{", "("):
        data = _json(text)
        if data is not None:
            yield from _from_json(data)
            return
        text = re.sub(r"[\[\](){}]", " ", text)
    if fps and re.fullmatch(rf"\s*(?:{_KEYFRAME.pattern}\s*,?\s*)+", text):
        for frame, value in _KEYFRAME.findall(text):
            if float(value) > 0.5:
                yield 1, f"{int(frame) / fps:.9f}", ""
        return
    lines = [(number, line.strip("\r\n ")) for number, line in enumerate(text.splitlines(), 1)]
    # Audacity writes a spectral selection on a line of its own, behind a backslash.
    lines = [(number, line) for number, line in lines if line.strip() and not line.lstrip().startswith(("#M\t", "\\"))]
    lines = [(number, line) for number, line in lines if not line.startswith("#") or _is_heading(line)]
    if not lines:
        return
    separator = _separator([line for _, line in lines])
    rows = [(number, [cell.strip().strip('"') for cell in _split(line, separator)]) for number, line in lines]
    yield from _table(rows, separator)


def _is_heading(line: str) -> bool:
    """Whether a line that begins with # is Reaper's heading, and no comment."""
    return any(sign in line for sign in ",;\t") and "start" in line.lower()


def _separator(lines: list[str]) -> str:
    if any("\t" in line for line in lines):
        return "\t"
    if any(";" in line for line in lines):
        return ";"
    if not any("," in line for line in lines):
        return " "
    words = " ".join(lines).split()
    heading = any(letter.isalpha() for letter in lines[0].replace("s", ""))
    doubtful = [word for word in words if re.fullmatch(r"\d+,\d+", word)]
    if doubtful and not heading and len(doubtful) == len(words):
        raise InputError(
            f"The beats cannot be read: '{doubtful[0]}' can be one time with a decimal comma or two; write "
            f"{doubtful[0].replace(',', '.')}, or a blank after the comma."
        )
    return ","


def _split(line: str, separator: str) -> list[str]:
    return line.split() if separator == " " else line.split(separator)


def _table(rows: list[tuple[int, list[str]]], separator: str) -> Iterator[tuple[int, str, str]]:
    names = [re.sub(r"[^a-z]", "", re.sub(r"\(.*?\)|\[.*?\]", "", cell.lower())) for cell in rows[0][1]]
    start = next((names.index(name) for name in _STARTS if name in names), None)
    if start is not None and parse_time(rows[0][1][start]) is None:
        label = next((names.index(name) for name in _LABELS if name in names and names.index(name) != start), None)
        for number, cells in rows[1:]:
            yield number, _cell(cells, start), _cell(cells, label)
        return
    if len(rows[0][1]) > 1 and not any(parse_time(cell) is not None for cell in rows[0][1]) and separator != " ":
        # A heading in other words: the first column is the time.
        rows = rows[1:]
    columns = separator == "\t" and len(rows) > 1
    if rows and all(len(cells) > 1 for _, cells in rows) and (columns or not _is_list(rows)):
        label = _label_column(rows)
        for number, cells in rows:
            yield number, cells[0], _cell(cells, label)
        return
    for number, cells in rows:
        for word in " ".join(cells).split():
            yield number, word, ""


def _cell(cells: list[str], index: int | None) -> str:
    return cells[index] if index is not None and index < len(cells) else ""


def _is_list(rows: list[tuple[int, list[str]]]) -> bool:
    """Whether rows of several cells are times one after the other, and not a time and what it is called."""
    words = [word for _, cells in rows for word in " ".join(cells).split()]
    times = [time for time in map(parse_time, words) if time is not None]
    if len(times) < len(words):
        return any(parse_time(cells[0]) is None for _, cells in rows)
    return all(a < b for a, b in zip(times, times[1:], strict=False)) and not _are_places(
        [cells[1] for _, cells in rows]
    )


def _are_places(cells: list[str]) -> bool:
    """Whether cells count beats as bar.beat: 1.1, 1.2, 1.3, 1.4, 2.1."""
    found = [_PLACE.fullmatch(cell) for cell in cells]
    places = [(int(match[1]), int(match[2])) for match in found if match]
    if len(places) < len(cells) or len(places) < 3:
        return False
    return all(
        (after[0] == before[0] and after[1] == before[1] + 1) or (after[0] == before[0] + 1 and after[1] == 1)
        for before, after in zip(places, places[1:], strict=False)
    )


def _label_column(rows: list[tuple[int, list[str]]]) -> int | None:
    """Where the label stands: behind the time, or behind its end."""
    second = [cells[1] for _, cells in rows]
    longest = max(len(cells) for _, cells in rows)
    if _are_places(second):
        return 1
    pairs = [(parse_time(cells[0]), parse_time(cells[1])) for _, cells in rows]
    ends = all(a is not None and b is not None and b >= a for a, b in pairs)
    written = all(re.search(r"[.,:]", cell) for cell in second)
    if longest > 2:
        # A second number is an end or a length.
        return 2 if all(b is not None for _, b in pairs) else 1
    return None if ends and written else 1


def _json(text: str) -> Any | None:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _from_json(data: Any) -> Iterator[tuple[int, str, str]]:
    if isinstance(data, dict) and isinstance(data.get("keyframes"), list):
        yield from _from_parseq(data)
        return
    bars: set[str] = set()
    if isinstance(data, dict):
        bars = {str(item) for item in data.get("downbeats") or () if isinstance(item, (int, float))}
        data = next((data[name] for name in ("beats", "times", "events", "markers", "downbeats") if name in data), [])
    for number, item in enumerate(data if isinstance(data, list) else [data], 1):
        if isinstance(item, dict):
            time = next((item[name] for name in _STARTS if name in item), "")
            label = next((item[name] for name in _LABELS if name in item and item[name] != time), "")
            yield number, str(time), "1" if label is True else str(label)
        elif isinstance(item, list):
            yield number, str(item[0]) if item else "", str(item[1]) if len(item) > 1 else ""
        else:
            yield number, str(item), "1" if str(item) in bars else ""


def _from_parseq(data: dict) -> Iterator[tuple[int, str, str]]:
    options = data.get("options")
    rate = options.get("output_fps") if isinstance(options, dict) else None
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= 1000:
        raise InputError("The beats cannot be read: the Parseq document does not say its output_fps.")
    for number, key in enumerate(data["keyframes"], 1):
        if isinstance(key, dict) and str(key.get("info", "")).lower() in ("beat", "bar", "downbeat"):
            frame = key.get("frame")
            text = str(frame)
            if isinstance(frame, (int, float)) and not isinstance(frame, bool) and 0 <= frame < 1e9:
                text = f"{frame / rate:.9f}"
            yield number, text, str(key["info"])
