"""Subtitles: SubRip, WebVTT, YouTube's SBV, SSA/ASS, TTML, and clock times before or above plain words."""

from __future__ import annotations

import re

from .clock import BRACKETED, CLOCK, last_is_hundredths, not_understood, seconds_of
from .sheet import Sheet, named, sung, unmarked, without_credits
from .tidy import Entry

_DIGITS = r"[\d:.,]*\d:[\d:.,]*\d"
ARROW = re.compile(
    rf"^\s*({_DIGITS})\s*(?:-{{1,3}}\s?>|[–—]>|→|=>)\s*({_DIGITS})(?:\s+\S.*)?\s*$",
)
LOOKS_LIKE_ARROW = re.compile(r"^\s*\d+\s?:[\d:.,\s]*\s*(?:-{1,3}\s?>|[–—]>|→|=>)")
SBV = re.compile(r"^\s*(\d+:\d\d:\d\d\.\d{1,3}),(\d+:\d\d:\d\d\.\d{1,3})\s*$")
_WORD = re.compile(rf"<\s*({CLOCK})\s*>")
# What may stand around a clock before the words: a list mark, brackets, a range's end.
LEAD = re.compile(
    rf"^\s*(?:[-*•]\s+|\d{{1,3}}[.)]\s+)?[(\[]?\s*({CLOCK})(?:\s*(?:-{{1,3}}>?|–|—|→|to)\s*({CLOCK}))?\s*[)\]]?"
    r"(?=[\s|:–—-]|$)\s*(?:[-–—|:]+(?=\s|$))?\s*"
)
_CLOCK_START = re.compile(r"^\s*(?:[-*•]\s+)?[(\[<]?\s*\d{1,4}\s?[:：]\s?\d\S*")
_SECONDS_START = re.compile(r"^\s*(\d{1,5}[.,]\d{1,6})\s*s?(?:\s*[-–—|]+)?\s+(?=\S)")
_KARAOKE = re.compile(r"\\(k[fot]?|K)\s*(\d{1,6})")
_ROLLING_GAP = 0.15


def read_srt(text: str, duration: float | None) -> Sheet:
    """SubRip: a number, start --> end, the words. An empty line inside a cue does not end it."""
    return _cues(text, ends_at_empty_line=False)


def read_vtt(text: str, duration: float | None) -> Sheet:
    """WebVTT: as SubRip, with notes, styles and word times; an empty line ends a cue."""
    return _cues(text, ends_at_empty_line=True)


def _cues(text: str, *, ends_at_empty_line: bool) -> Sheet:
    lines = text.splitlines()
    at = [number for number, line in enumerate(lines) if ARROW.match(line)]
    wrong = [
        (number + 1, line.strip())
        for number, line in enumerate(lines)
        if not ARROW.match(line) and LOOKS_LIKE_ARROW.match(line)
    ]
    entries = []
    head = lines[: at[0]] if at else []
    stray = [] if ends_at_empty_line else [words for words in map(sung, head) if words and not words.isdigit()]
    for number, following in zip(at, [*at[1:], len(lines)], strict=False):
        match = ARROW.match(lines[number])
        assert match is not None
        start, end = seconds_of(match[1]), seconds_of(match[2])
        if start is None or end is None:
            wrong.append((number + 1, lines[number].strip()))
            continue
        body = lines[number + 1 : following]
        if following < len(lines):
            body = _without_name(body, ends_at_empty_line)
        if ends_at_empty_line:
            length = next((index for index, line in enumerate(body) if not line.strip()), len(body))
            stray += _stray(body[length:])
            body = body[:length]
        entries.append((start, end, [line for line in body if line.strip()]))
    if wrong:
        raise not_understood(sorted(wrong))
    return _sheet(_without_repeats(entries), named("left out, because they have no time", stray))


def _without_name(body: list[str], ends_at_empty_line: bool) -> list[str]:
    """A cue's lines without the next cue's number or, in WebVTT, its name."""
    if body and re.fullmatch(r"\s*\d+\s*", body[-1]):
        return body[:-1]
    if ends_at_empty_line and len(body) > 1 and body[-1].strip() and not body[-2].strip():
        return body[:-1]
    return body


def _stray(lines: list[str]) -> list[str]:
    """What stands between WebVTT's cues and belongs to none; its notes and styles are nobody's words."""
    found: list[str] = []
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line.strip())
            continue
        if block and not re.match(r"(NOTE|STYLE|REGION)\b", block[0]):
            found += [words for words in map(sung, block) if words and not words.isdigit()]
        block = []
    return found


def _without_repeats(cues: list[tuple[float, float, list[str]]]) -> list[tuple[float, float, list[str]]]:
    """Rolling captions, whose cues begin with the line that the one before ended with, without those repeats."""

    def plain(line: str) -> str:
        return unmarked(_WORD.sub("", line))

    def rolls(index: int) -> bool:
        before, cue = cues[index - 1], cues[index]
        near = abs(cue[0] - before[1]) <= _ROLLING_GAP or cue[0] < before[1]
        return bool(near and cue[2] and before[2] and plain(cue[2][0]) == plain(before[2][-1]))

    rolling = [index for index in range(1, len(cues)) if rolls(index)]
    several = [index for index in rolling if len(cues[index][2]) > 1]
    brief = [index for index in rolling if cues[index][1] - cues[index][0] <= 0.05]
    if not several or 2 * (len(several) + len(brief)) < len(cues) - 1:
        return cues
    dropped = set(several) | set(brief)
    return [
        (start, end, body[1:] if index in dropped else body)
        for index, (start, end, body) in enumerate(cues)
        if index not in dropped or body[1:]
    ]


def _sheet(cues: list[tuple[float, float, list[str]]], notes: tuple[str, ...]) -> Sheet:
    entries = []
    for start, end, body in cues:
        lines = [line for line in body if sung(_WORD.sub(" ", line))]
        timed = _timed_words(" ".join(lines), start)
        text = " ".join(sung(_WORD.sub(" " if not timed else "", line)) for line in lines)
        entries.append(Entry(start, end, text, timed))
    kept, dropped = without_credits(entries)
    return Sheet(kept, notes=notes + dropped)


def _timed_words(text: str, start: float) -> tuple[tuple[float, str], ...]:
    """(start, text) of every piece after a word stamp, and of what stands before the first one."""
    stamps = [(match, seconds_of(match[1])) for match in _WORD.finditer(text)]
    if not stamps or any(at is None for _, at in stamps):
        return ()
    ends = [*(match.start() for match, _ in stamps[1:]), len(text)]
    words = [
        (at, unmarked(text[match.end() : end])) for (match, at), end in zip(stamps, ends, strict=True) if at is not None
    ]
    before = unmarked(text[: stamps[0][0].start()])
    return ((start, before), *words) if before else tuple(words)


def is_sbv(lines: list[str]) -> bool:
    """Whether some line is two times with a comma between, as YouTube writes them."""
    return any(SBV.match(line) for line in lines)


def read_sbv(text: str, duration: float | None) -> Sheet:
    """YouTube's SBV: start,end on a line, then the words."""
    cues: list[tuple[float, float, list[str]]] = []
    wrong, stray = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if match := SBV.match(line):
            start, end = seconds_of(match[1]), seconds_of(match[2])
            if start is None or end is None:
                wrong.append((number, line.strip()))
            else:
                cues.append((start, end, []))
        elif _CLOCK_START.match(line) and "," in line and re.fullmatch(r"[\d:.,\s]+", line):
            wrong.append((number, line.strip()))
        elif line.strip() and cues:
            cues[-1][2].extend(part for part in re.split(r"\[br\]|\|", line) if part.strip())
        elif line.strip():
            stray.append(line.strip())
    if wrong:
        raise not_understood(wrong)
    return _sheet(cues, named("left out, because they have no time", stray))


def is_ass(lines: list[str]) -> bool:
    """Whether the text has the events of SSA or ASS."""
    return any(re.match(r"(?i)\s*Dialogue\s*:.*,", line) for line in lines)


def read_ass(text: str, duration: float | None) -> Sheet:
    """SSA and ASS: the Dialogue lines, with karaoke's word times; comments and drawings are nobody's words."""
    names = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    entries, wrong = [], []
    for number, line in enumerate(text.splitlines(), 1):
        kind, _, rest = line.strip().partition(":")
        if kind.lower() == "format" and "text" in rest.lower() and "start" in rest.lower():
            names = [name.strip().lower() for name in rest.split(",")]
        if kind.lower() != "dialogue":
            continue
        cells = rest.split(",", len(names) - 1)
        fields = dict(zip(names, cells, strict=False))
        start, end = seconds_of(fields.get("start", "")), seconds_of(fields.get("end", ""))
        if start is None or end is None:
            wrong.append((number, line.strip()))
            continue
        words = fields.get("text", "")
        if re.search(r"\\p[1-9]", words):
            continue
        words = re.sub(r"\\[Nnh]", " ", words)
        entries.append(Entry(start, end, unmarked(re.sub(r"\{[^}]*\}", "", words)), _karaoke(words, start)))
    if wrong:
        raise not_understood(wrong)
    kept, notes = without_credits(entries)
    return Sheet(kept, notes=notes)


def _karaoke(text: str, start: float) -> tuple[tuple[float, str], ...]:
    r"""(start, text) of each syllable after \k, in hundredths of a second."""
    words: list[tuple[float, str]] = []
    at = start
    for block in re.finditer(r"\{([^}]*)\}([^{]*)", text):
        lengths = _KARAOKE.findall(block[1])
        for kind, length in lengths[:-1]:
            at = start + int(length) / 100 if kind == "kt" else at + int(length) / 100
        if lengths:
            words.append((at, " ".join(block[2].split())))
            at += int(lengths[-1][1]) / 100
        elif words and block[2].strip():
            words[-1] = (words[-1][0], f"{words[-1][1]} {block[2].strip()}")
    return tuple(words)


def is_clocked(lines: list[str]) -> bool:
    """Whether lines begin with clock times, or stand below them, or all begin with ascending seconds."""
    starts = [line for line in lines if LEAD.match(line)]
    alone = [line for line in starts if not line[LEAD.match(line).end() :].strip()]  # type: ignore[union-attr]
    if 2 * len(starts) >= len(lines) or (alone and len(alone) >= 2 and 4 * len(starts) >= len(lines)):
        return bool(starts)
    return _in_seconds(lines)


def _in_seconds(lines: list[str]) -> bool:
    found = [_SECONDS_START.match(line) for line in lines]
    times = [float(match[1].replace(",", ".")) for match in found if match]
    return len(times) >= 2 and len(times) == len(lines) and times == sorted(times)


def read_clocked(text: str, duration: float | None) -> Sheet:
    """`0:01.5 words`, `0:01 - 0:04 words`, `(0:01) words`, `1.5 words`, or a time on a line above its words."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    matches = [LEAD.match(line) for _, line in lines]
    hundredths = last_is_hundredths([match[1] for match in matches if match], duration)
    seconds = _in_seconds([line for _, line in lines])
    cues: list[tuple[float, float | None, list[str]]] = []
    wrong, untimed, waits = [], [], False
    for (number, line), match in zip(lines, matches, strict=True):
        if seconds and (found := _SECONDS_START.match(line)):
            cues.append((float(found[1].replace(",", ".")), None, [line[found.end() :]]))
            continue
        if match is not None:
            start = seconds_of(match[1], hundredths=hundredths)
            end = None if match[2] is None else seconds_of(match[2], hundredths=hundredths)
            if start is None or (match[2] is not None and end is None):
                wrong.append((number, line.strip()))
                continue
            words = line[match.end() :].strip()
            waits = not words
            cues.append((start, end, [words] if words else []))
        elif _CLOCK_START.match(line) or BRACKETED.match(line.strip()):
            wrong.append((number, line.strip()))
        elif waits:
            cues[-1][2].append(line)
        elif words := sung(line):
            untimed.append(words)
    if wrong:
        raise not_understood(wrong)
    entries = [Entry(start, end, " ".join(filter(None, map(sung, body)))) for start, end, body in cues]
    kept, notes = without_credits(entries)
    notes += named("left out, because they have no time", untimed)
    if hundredths:
        notes += ("Times with two colons, such as 00:22:25, are read as minutes, seconds and hundredths.",)
    return Sheet(kept, notes=notes)
