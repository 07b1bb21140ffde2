"""Lyrics without times: as typed, copied from a lyric page, or with chords."""

from __future__ import annotations

import re

from .clock import BRACKETED, not_understood
from .read_cues import ARROW, LEAD
from .sheet import Sheet, credits_note, is_credit, is_label, is_page_text, sung

_CHORD = (
    r"[A-H][#b♯♭]?(?:maj|min|dim|aug|sus|add|m|M|\+|-|°|ø)?\d{0,2}(?:(?:maj|min|sus|add|dim|aug|[#b])\d{1,2})*"
    r"(?:/[A-H][#b♯♭]?)?"
)
_INLINE_CHORD = re.compile(rf"\[(?:{_CHORD}|N\.?C\.?)\]")
_CHORD_WORD = re.compile(rf"{_CHORD}|N\.?C\.?|x\d+|%")
_DIRECTIVE = re.compile(r"\s*\{\s*([a-z_+]+(?:-\w+)?)\s*(?::\s*(.*?)\s*)?\}\s*", re.IGNORECASE)
_DIRECTIVES = {
    "title", "t", "subtitle", "st", "artist", "composer", "lyricist", "copyright", "album", "year", "key", "time",
    "tempo",
    "duration", "capo", "meta", "comment", "c", "ci", "cb", "comment_italic", "comment_box", "highlight", "image",
    "soc",
    "eoc", "sov", "eov", "sob", "eob", "sot", "eot", "sog", "eog", "define", "chord", "new_page", "np",
    "new_song", "ns",
    "column_break", "columns", "col", "transpose", "textfont", "textsize", "chordfont", "tag", "sorttitle",
}  # fmt: skip
_GENIUS_HEAD = re.compile(r"^\s*\d+\s*Contributors?.{0,400}?\bLyrics(?=\[|[A-Z\s\"“(¿¡]|$)", re.DOTALL)
_GENIUS_ABOUT = re.compile(r"^[^\n]{0,3000}?…?\s*Read More\s*")
_GENIUS_END = re.compile(r"(?:\d+(?:\.\d+)?[KM]?)?\s*Embed\s*$")
_TICKETS = r"See [^\n]{1,60}? Live\s*Get tickets as low as \$\d+"
_GENIUS_AD = re.compile(rf"(?:{_TICKETS}\s*)?You might also like(?=\[|[A-Z(\"]|$)|{_TICKETS}", re.MULTILINE)


def read_plain(text: str, duration: float | None) -> Sheet:
    """Every line that is sung; an empty one between stanzas stays as an empty string.

    Labels such as [Chorus], chords and ChordPro's directives go. Credits and a page's own text go too, and a note
    names them.

    Raises InputError naming lines that begin with a time in brackets, an arrow between times, or a time with a
    fraction: words are never sung with such times in them.
    """
    dropped: list[str] = []
    text = re.sub(r"<br\s*/?>", "\n", text, flags=re.IGNORECASE)
    text = _without_page(text.strip(), dropped)
    lines = text.splitlines()
    wrong = [(number, line.strip()) for number, line in enumerate(lines, 1) if _has_clock(line)]
    if wrong:
        raise not_understood(wrong)
    chords = _has_chords(lines)
    words = [_words(line, chords=chords) for line in lines]
    full = [number for number, line in enumerate(words) if line]
    kept: list[str] = []
    for number, (line, raw) in enumerate(zip(words, lines, strict=True)):
        edge = bool(full) and (number in full[:2] or number in full[-3:]) and len(full) > 3
        if line and (is_credit(line) or is_page_text(raw.strip(), edge=edge)):
            dropped.append(line)
        elif line or not raw.strip():
            kept.append(line)
    while kept and not kept[0]:
        kept.pop(0)
    while kept and not kept[-1]:
        kept.pop()
    times = [line for line in kept if LEAD.match(line)]
    notes = credits_note(dropped)
    if times:
        notes += (f"'{times[0][:40]}' begins like a time and is taken as sung words; the other lines have no times.",)
    return Sheet(lines=tuple(kept), notes=notes)


def _has_clock(line: str) -> bool:
    """Whether a line begins with what can only be a time: in brackets, with a fraction, hours or an arrow."""
    if ARROW.match(line):
        return True
    bracket = BRACKETED.match(line.strip())
    return bracket is not None or re.match(r"\s*\d{1,3}\s?:\s?\d{1,2}\s?[:.,]\s?\d", line) is not None


def _without_page(text: str, dropped: list[str]) -> str:
    """The text of a Genius page without its head, its advertisement and its end."""
    if match := _GENIUS_HEAD.match(text):
        dropped.append(" ".join(match[0].split()))
        text = text[match.end() :]
        if about := _GENIUS_ABOUT.match(text):
            dropped.append(" ".join(about[0].split()))
            text = text[about.end() :]
        text = "\n" + text.lstrip()
    if match := _GENIUS_END.search(text):
        # "…rain3Embed": a line of its own, or glued to the last words.
        before = text[: match.start()]
        if match[0].strip() != "Embed" or before.endswith("\n") or not before[-1:].isspace():
            dropped.append(match[0].strip())
            text = before
    for match in _GENIUS_AD.finditer(text):
        dropped.append(match[0])
    return "\n".join(
        _GENIUS_AD.sub("\n", line).strip("\n") for line in text.splitlines() if not _GENIUS_AD.fullmatch(line.strip())
    )


def _has_chords(lines: list[str]) -> bool:
    """Whether lines of chords stand above words, or chords in brackets between them."""
    above = sum(len(line.split()) > 1 and _is_chord_line(line) for line in lines)
    inline = sum(len(_INLINE_CHORD.findall(line)) for line in lines)
    directives = sum(_directive(line) for line in lines)
    return above + inline + directives > 0


def _is_chord_line(line: str) -> bool:
    words = line.replace("|", " ").split()
    # "A" alone may be sung.
    return bool(words) and words != ["A"] and all(_CHORD_WORD.fullmatch(word) for word in words)


def _directive(line: str) -> bool:
    match = _DIRECTIVE.fullmatch(line)
    if match is None:
        return False
    name = match[1].lower()
    return name in _DIRECTIVES or name.startswith(("start_of_", "end_of_", "x_"))


def _words(line: str, *, chords: bool) -> str:
    if chords:
        line = re.sub(r"\[/?(?:ch|tab)\]", "", line)
        if _directive(line) or _is_chord_line(line):
            return ""
        line = _INLINE_CHORD.sub("", line)
    if is_label(line):
        return ""
    # A label in front of words: [Chorus] over the harbour.
    line = re.sub(r"^\s*\[[^\]\d:]{1,40}\d*\]\s+(?=\S)", "", line)
    return sung(line)
