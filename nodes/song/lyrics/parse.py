"""Lyrics as text in any of the usual forms, read into `Lyrics`."""

from __future__ import annotations

from dataclasses import replace

from ...base.errors import InputError
from ...base.settings import check
from .clock import LEFT_OVER, narrowed, not_understood
from .lyrics import Lyrics
from .read_cues import (
    LOOKS_LIKE_ARROW,
    is_ass,
    is_clocked,
    is_sbv,
    read_ass,
    read_clocked,
    read_sbv,
    read_srt,
    read_vtt,
)
from .read_json import inner_text, opened, read_json
from .read_lrc import is_lrc, read_lrc
from .read_plain import read_plain
from .read_tables import is_table, read_table
from .settings import ReadSettings
from .sheet import Sheet
from .tidy import spread, tidy

MAX_CHARACTERS = 2_000_000


def parse_lyrics(
    text: str, *, form: str = "auto", duration: float | None = None, span: tuple[float, float] | None = None
) -> Lyrics:
    """Read lyrics in any of the usual forms.

    Parameters
    ----------
    text : the content of the file. LYRICS as JSON is taken too, and the JSON of LRCLIB, Whisper and others.
    form : one of `settings.FORMATS`; "auto" looks at the text.
    duration : seconds of the song. Lines past it are left out and named in the notes; plain text, which has no
        times, is spread over it.
    span : (start, end) in seconds between which plain text is spread; without it, the whole song.

    Returns
    -------
    Lyrics, with no line for an empty text. The notes count and name what was left out.

    Raises
    ------
    InputError : the text cannot be read in that form, a line begins with a time that is not understood, or the text
        is plain and no duration is known.
    """
    check(ReadSettings, form=form)
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"The lyrics have {len(text)} characters, more than {MAX_CHARACTERS}; give one song's text.")
    text = text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if not text.strip():
        return Lyrics(source="none")
    notes: tuple[str, ...] = ()
    if form == "auto" and (data := opened(text)) is not None:
        if isinstance(data, dict) and data.get("type") == Lyrics.io_type:
            lyrics = Lyrics.of(text)
            return lyrics if duration is None else lyrics.until(duration)
        inner = inner_text(data)
        if inner is None:
            return _done(read_json(data), "json", duration, span)
        text, notes = inner
        if not text.strip():
            return Lyrics(source="none", notes=notes)
    text = narrowed(text)
    form = detect(text) if form == "auto" else form
    lyrics = _done(_READERS[form](text, duration), form, duration, span)
    return replace(lyrics, notes=notes + lyrics.notes)


def _done(sheet: Sheet, form: str, duration: float | None, span: tuple[float, float] | None) -> Lyrics:
    times = [text for text in (*(entry.text for entry in sheet.entries), *sheet.lines) if LEFT_OVER.search(text)]
    if times:
        raise not_understood([(0, text) for text in times])
    if form == "plain":
        lyrics = spread(sheet.lines, duration, span=span)
    elif not sheet.entries:
        raise InputError(f"There is no timed line in the lyrics, read as {form}; check the text or choose plain.")
    else:
        lyrics = tidy(sheet.entries, language=sheet.language, source=form)
    lyrics = replace(lyrics, notes=lyrics.notes + sheet.notes)
    return lyrics if duration is None else lyrics.until(duration)


def detect(text: str) -> str:
    """The form a text is in: the one whose times it has, else plain."""
    lines = [line for line in narrowed(text.replace("\ufeff", "")).splitlines() if line.strip()]
    if opened(text) is not None:
        return "json"
    if lines and lines[0].strip().startswith("WEBVTT"):
        return "vtt"
    if is_ass(lines):
        return "ass"
    if any(LOOKS_LIKE_ARROW.match(line) for line in lines):
        return "srt"
    if is_sbv(lines):
        return "sbv"
    if is_lrc([line.strip() for line in lines]):
        return "lrc"
    if is_table(lines):
        return "csv"
    return "clock" if is_clocked(lines) else "plain"


_READERS = {
    "lrc": read_lrc, "srt": read_srt, "vtt": read_vtt, "csv": read_table, "plain": read_plain, "sbv": read_sbv,
    "ass": read_ass, "clock": read_clocked,
}  # fmt: skip
