"""Lyrics in the JSON of others: LRCLIB, NetEase, Spotify, YouTube, Whisper, and lists of lines with times."""

from __future__ import annotations

import json
from typing import Any

from ...base.errors import InputError
from .sheet import Sheet, named, unmarked, without_credits
from .tidy import Entry

_STARTS = ("start", "startTimeMs", "startTime", "start_time", "startMs", "start_ms", "tStartMs", "begin", "from", "ts",
           "time", "timestamp", "milliseconds", "seconds", "offset", "t")  # fmt: skip
_ENDS = ("end", "endTimeMs", "endTime", "end_time", "endMs", "end_ms", "to", "te", "stop")
_LENGTHS = ("duration", "dur", "dDurationMs", "durationMs", "duration_ms")
_TEXTS = ("text", "words", "line", "lyric", "lyrics", "x", "content", "sentence", "tx", "utf8")
_LISTS = ("lines", "segments", "events", "lyrics", "syncedLyrics", "subtitles", "captions", "items", "data",
          "transcript",
          "body", "chunks", "result", "results")  # fmt: skip
_SYNCED = ("syncedLyrics", "synced_lyrics", "syncedlyrics", "lrc", "subtitle_body")
_PLAIN = ("plainLyrics", "plain_lyrics", "lyrics_body", "lyric", "lyrics", "text")
_WANTED = "paste the lyrics themselves: LRC, subtitles, a table of start,end,text, or plain lines"


def opened(text: str) -> Any | None:
    """What the text is as JSON, an object or a list of objects; None where it is no JSON."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) or (isinstance(data, list) and data) else None


def inner_text(data: Any) -> tuple[str, tuple[str, ...]] | None:
    """Lyrics as text inside JSON, such as LRCLIB's syncedLyrics, and notes; None where there is no such text."""
    if isinstance(data, list):
        answers = [
            item for item in data if isinstance(item, dict) and any(item.get(name) for name in (*_SYNCED, *_PLAIN[:2]))
        ]
        if not answers or not all(any(name in item for name in (*_SYNCED, *_PLAIN[:2])) for item in answers):
            return None
        best = next((item for item in answers if item.get("syncedLyrics")), answers[0])
        more = f"The text has {len(data)} songs; the first with times is read." if len(data) > 1 else ""
        found = inner_text(best)
        return None if found is None else (found[0], found[1] + ((more,) if more else ()))
    if not isinstance(data, dict):
        return None
    timed = _lines_of(data) is not None
    for name in _SYNCED if timed else (*_SYNCED, *_PLAIN):
        value = data.get(name)
        if isinstance(value, dict):
            value = value.get("lyric") or value.get("lyrics")
        if isinstance(value, str) and value.strip():
            return value, ()
    if timed:
        return None
    if data.get("instrumental") is True:
        return "", ("The text says that the song is an instrumental.",)
    for value in data.values():
        if isinstance(value, dict) and (found := inner_text(value)) is not None:
            return found
    return None


def read_json(data: Any) -> Sheet:
    """Lines with times from a list of objects, in seconds or milliseconds as their names say.

    Raises InputError where there is no such list, or a line in it has no time.
    """
    items = _lines_of(data)
    if items is None:
        names = ", ".join(list(data)[:6]) if isinstance(data, dict) else "a list"
        raise InputError(f"The lyrics are JSON of an unknown kind (it has: {names}); {_WANTED}.")
    entries: list = []
    wrong: list = []
    empty: list = []
    for number, item in enumerate(items, 1):
        text = unmarked(_text(item))
        if not text:
            continue
        start = _time(item, _STARTS)
        if start is None:
            (wrong if any(name in item for name in _STARTS) else empty).append(f"{number} '{text[:30]}'")
            continue
        end = _time(item, _ENDS)
        length = _time(item, _LENGTHS)
        entries.append(Entry(start, start + length if end is None and length else end, text))
    if wrong:
        raise InputError(
            f"The lyrics are JSON in which entry {'; '.join(wrong[:5])} has a time that is no number; {_WANTED}."
        )
    if not entries:
        raise InputError(f"The lyrics are JSON without a line that has a time; {_WANTED}.")
    kept, notes = without_credits(entries)
    language = data.get("language", "") if isinstance(data, dict) else ""
    return Sheet(
        kept,
        language=language if isinstance(language, str) else "",
        notes=notes + named("left out, because they have no time", empty),
    )


def _lines_of(data: Any, depth: int = 0) -> list[dict] | None:
    if isinstance(data, list):
        items = [item for item in data if isinstance(item, dict)]
        fits = [
            item for item in items if any(name in item for name in _STARTS) or isinstance(item.get("timestamp"), list)
        ]
        return items if fits and len(items) == len(data) else None
    if not isinstance(data, dict) or depth > 6:
        return None
    for name in (*_LISTS, *data):
        if name in data and (found := _lines_of(data[name], depth + 1)) is not None:
            return found
    return None


def _text(item: dict) -> str:
    for name in _TEXTS:
        value = item.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return _joined(value)
    return _joined(item["segs"]) if isinstance(item.get("segs"), list) else ""


def _joined(parts: list) -> str:
    return "".join(_text(part) if isinstance(part, dict) else str(part) for part in parts)


def _time(item: dict, names: tuple[str, ...]) -> float | None:
    if isinstance(item.get("timestamp"), list) and names in (_STARTS, _ENDS):
        pair = item["timestamp"]
        value = pair[0 if names is _STARTS else -1] if pair else None
        return _number(value, 1.0)
    for name in names:
        if name in item:
            value = item[name]
            if isinstance(value, dict):
                value = value.get("total", value.get("seconds"))
            return _number(value, 1000.0 if name.lower().endswith("ms") or name == "milliseconds" else 1.0)
    return None


def _number(value: Any, divisor: float) -> float | None:
    from .clock import seconds_of

    if isinstance(value, str) and ":" in value:
        return seconds_of(value)
    try:
        number = float(value) / divisor
    except (TypeError, ValueError, OverflowError):
        return None
    return number if not isinstance(value, bool) and 0 <= number < 1e6 else None
