"""LRC: `[00:12.50]First line`, with words' times, QQ's and Kugou's milliseconds, and all that such files carry."""

from __future__ import annotations

import json
import re

from .clock import BRACKETED, RANGE, last_is_hundredths, not_understood, seconds_of
from .sheet import Sheet, credits_note, named, sung, unmarked, without_credits
from .tidy import Entry

_TAG = re.compile(r"\[\s*([a-zA-Z#_]+)\s*:\s*(.*?)\s*\]\s*")
_OFFSET = re.compile(r"([+-]?\s*\d{1,7}(?:[.,]\d{1,6})?)\s*(?:ms)?", re.IGNORECASE)
_SINGER = re.compile(r"^(?:[FMD]|[vV]\d+)\s*:\s*(?=\S)")
# [start,length] in milliseconds, then the words: word(start,length), (start,length,0)word or <offset,length,0>word.
_MILLISECONDS = re.compile(r"\[(\d{1,8}),(\d{1,8})\]")
_WORD_AFTER = re.compile(r"([^()]*)\((\d{1,8}),(\d{1,8})\)")
_WORD_BEFORE = re.compile(r"[(<](\d{1,8}),(\d{1,8}),-?\d{1,8}[)>]([^(<]*)")


def is_lrc(lines: list[str]) -> bool:
    """Whether some line begins with a time in square brackets, understood or not."""
    return any(line.startswith("[") and (BRACKETED.match(line) or _MILLISECONDS.match(line)) for line in lines)


def read_lrc(text: str, duration: float | None) -> Sheet:
    """Read LRC in its variants.

    A file's clocks are read alike: see `clock.last_is_hundredths`. A positive offset shows the words sooner.

    Raises InputError naming every line that begins with a time that is not understood.
    """
    lines = [line.strip() for line in text.splitlines()]
    clocks = [match[1] for line in lines for match in BRACKETED.finditer(line)]
    hundredths = last_is_hundredths(clocks, duration)
    reader = _Reader(hundredths)
    for number, line in enumerate(lines, 1):
        reader.read(number, line)
    if reader.wrong:
        raise not_understood(reader.wrong)
    entries = [entry.moved(-reader.offset) for entry in reader.entries]
    kept, notes = without_credits(entries, reader.heading)
    notes += credits_note(reader.credits) + named("left out, because they have no time", reader.untimed)
    if hundredths:
        notes += ("Times with two colons, such as [00:22:25], are read as minutes, seconds and hundredths.",)
    return Sheet(kept, language=reader.language, notes=notes + tuple(reader.notes))


class _Reader:
    def __init__(self, hundredths: bool):
        self.hundredths = hundredths
        self.offset, self.language = 0.0, ""
        self.heading: tuple[str, ...] = ()
        self.entries: list[Entry] = []
        self.wrong: list[tuple[int, str]] = []
        self.credits: list[str] = []
        self.untimed: list[str] = []
        self.notes: list[str] = []

    def read(self, number: int, line: str) -> None:
        if not line:
            return
        if match := _MILLISECONDS.match(line):
            self.entries.append(_in_milliseconds(match, line[match.end() :]))
        elif line.startswith("[") and BRACKETED.match(line):
            self._timed(number, line)
        elif match := _TAG.fullmatch(line):
            self._tag(match[1].lower(), match[2])
        elif line.startswith("{") and (credit := _json_credit(line)) is not None:
            self.credits.append(credit)
        elif words := sung(line):
            self.untimed.append(words)

    def _tag(self, name: str, value: str) -> None:
        if name == "offset":
            match = _OFFSET.fullmatch(value)
            if match:
                self.offset = float(match[1].replace(" ", "").replace(",", ".")) / 1000
            elif value:
                self.notes.append(f"[offset:{value[:20]}] is not understood and not used; write milliseconds.")
        elif name in ("la", "lang", "language"):
            self.language = value.lower()
        elif name in ("ti", "ar", "al"):
            self.heading += (value,)

    def _timed(self, number: int, line: str) -> None:
        spans: list[tuple[float, float | None]] = []
        rest = line
        while rest.startswith("[") and (match := BRACKETED.match(rest)):
            span = self._span(match[1])
            if span is None:
                self.wrong.append((number, line))
                return
            spans.append(span)
            rest = rest[match.end() :].strip()
        rest = _SINGER.sub("", rest)
        pieces = self._pieces(rest)
        if pieces is None:
            self.wrong.append((number, rest))
            return
        before, timed = pieces
        plain = " ".join(unmarked(" ".join([before, *(word for _, word in timed)])).split())
        for index, (start, end) in enumerate(spans):
            # Word times belong to the first of several stamps; the repeats have only the line's time.
            words = timed if index == 0 else ()
            if words and before.strip() and words[0][0] > start:
                words = ((start, unmarked(before)), *words)
            if words and not words[-1][1] and len(words) == 1:
                end, words = words[0][0], ()
            self.entries.append(Entry(start, end, plain, words))

    def _span(self, text: str) -> tuple[float, float | None] | None:
        if match := RANGE.fullmatch(text):
            start = seconds_of(match[1], hundredths=self.hundredths)
            end = seconds_of(match[2], hundredths=self.hundredths)
            return None if start is None or end is None else (start, end)
        start = seconds_of(text, hundredths=self.hundredths)
        return None if start is None else (start, None)

    def _pieces(self, text: str) -> tuple[str, tuple[tuple[float, str], ...]] | None:
        """What stands before the first word stamp, and (start, text) after each; None where a stamp is no time."""
        stamps = list(BRACKETED.finditer(text))
        starts = [seconds_of(match[1], hundredths=self.hundredths) for match in stamps]
        if None in starts:
            return None
        ends = [*(match.start() for match in stamps[1:]), len(text)][: len(stamps)]
        timed = [
            (start, unmarked(text[match.end() : end]))
            for start, match, end in zip(starts, stamps, ends, strict=True)
            if start is not None
        ]
        return text[: stamps[0].start()] if stamps else text, tuple(timed)


def _in_milliseconds(match: re.Match, rest: str) -> Entry:
    start, length = int(match[1]) / 1000, int(match[2]) / 1000
    words: list[tuple[float, str]] = []
    if found := list(_WORD_BEFORE.finditer(rest)):
        # Kugou counts from the line's start, NetEase from the song's.
        from_line = rest.lstrip().startswith("<")
        words = [(int(word[1]) / 1000 + (start if from_line else 0.0), word[3]) for word in found]
    elif found := list(_WORD_AFTER.finditer(rest)):
        words = [(int(word[2]) / 1000, word[1]) for word in found]
    text = "".join(word for _, word in words) if words else rest
    return Entry(start, start + length, " ".join(text.split()), tuple((at, word.strip()) for at, word in words))


def _json_credit(line: str) -> str | None:
    """The text of a line of JSON that NetEase puts above the lyrics; None where it is none."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    parts = data.get("c")
    if isinstance(parts, list):
        return "".join(str(part.get("tx", "")) for part in parts if isinstance(part, dict)).strip() or line
    return line
