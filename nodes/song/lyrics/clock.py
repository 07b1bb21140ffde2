"""Times as people write them in lyrics: `0:12.5`, `[00:12.50]`, `[00:12:50]`, `1:00:12,5`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...base.errors import InputError

CLOCK = r"(?:\d{1,3}:)?\d{1,4}:\d{1,2}(?:[.,:]\d{1,6})?"
_PARTS = re.compile(r"(?:(\d{1,3}):)?(\d{1,4}):(\d{1,2})(?:([.,:])(\d{1,6}))?")
_BETWEEN = r"\s*(?:-{1,3}\s?>|[-–—]{1,2}>?|→|⟶|to(?=\s)|,)\s*"
# Brackets that hold digits and the signs of a clock: a time, whether or not it is understood.
BRACKETED = re.compile(r"[\[<]\s*([-+]?\d[\d\s]*[:.;'][\d\s:.,;'>→–-]*)[\]>]")
RANGE = re.compile(rf"\s*({CLOCK}){_BETWEEN}({CLOCK})\s*")
# No words: a clock with a fraction or hours at the start, one in brackets, or an arrow between times.
LEFT_OVER = re.compile(
    r"^[\W_]*\d{1,4}\s?:\s?\d{1,2}\s?[:.,]\s?\d|[\[<]\s*-?\d{1,4}\s?:\s?\d{1,2}[\d\s:.,;]*[\]>]|\d\s*-{1,3}>\s*\d"
)
_WIDE_BRACKETS = re.compile(r"[［【][\s\d:.,：．，]+[］】]|＜[\s\d:.,：．，]+＞")
_WIDE_START = re.compile(r"^\s*\d[\d：:．.，,]*", re.MULTILINE)
_NARROW = {ord(wide): narrow for wide, narrow in zip("［］【】＜＞：．，", "[][]<>:.,", strict=True)}
# Nobody sings more lines a second: so many in so short a time are hours, minutes and seconds.
_MOST_LINES_PER_SECOND = 1.0


def narrowed(text: str) -> str:
    """The text with times in ASCII letters where they were written in the full-width ones of Chinese and Japanese."""
    text = _WIDE_BRACKETS.sub(_in_ascii, text)
    return _WIDE_START.sub(_in_ascii, text)


def _in_ascii(match: re.Match) -> str:
    return "".join(str(int(sign)) if sign.isdecimal() else sign for sign in match[0].translate(_NARROW))


def seconds_of(text: str, *, hundredths: bool = False) -> float | None:
    """Seconds of a clock time; None for what is none, or has 60 or more seconds or minutes.

    hundredths: take the last of three whole numbers for hundredths of a second, as in mm:ss:xx.
    """
    match = _PARTS.fullmatch(re.sub(r"\s*([:.,])\s*", r"\1", text.strip()))
    if match is None:
        return None
    hours, minutes, seconds, sign, fraction = match.groups()
    if hours is not None and fraction is None and hundredths:
        if int(minutes) >= 60 or len(seconds) != 2:
            return None
        return int(hours) * 60 + int(minutes) + int(seconds) / 100
    # After a colon only milliseconds are certain: two digits can be the pictures of a video.
    if sign == ":" and len(fraction) != 3:
        return None
    if int(seconds) >= 60 or (hours is not None and (int(minutes) >= 60 or len(seconds) != 2)):
        return None
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{int(seconds)}.{fraction or 0}")


def last_is_hundredths(clocks: Iterable[str], duration: float | None) -> bool:
    """Whether the clocks of a file are mm:ss:xx where they have two colons, and not h:mm:ss.

    They are, unless another clock of the file has hours and a fraction, or so many lines would be sung within so short
    a time that only h:mm:ss makes sense and fits the song.
    """
    parts = [match.groups() for match in map(_PARTS.fullmatch, (clock.replace(" ", "") for clock in clocks)) if match]
    if any(hours is not None and fraction is not None for hours, _, _, _, fraction in parts):
        return False
    three = [tuple(map(int, found[:3])) for found in parts if found[0] is not None]
    if not three:
        return False
    if len(three) >= 3 and all(minutes < 60 and seconds < 60 for _, minutes, seconds in three):
        short = [a * 60 + b + c / 100 for a, b, c in three]
        longest = max(a * 3600 + b * 60 + c for a, b, c in three)
        crowded = len(three) > _MOST_LINES_PER_SECOND * (max(short) - min(short))
        if crowded and duration is not None and longest < duration:
            return False
    return True


def not_understood(wrong: list[tuple[int, str]]) -> InputError:
    """One sentence for lines that begin with a time that was not understood: (line number or 0, text)."""
    shown = "; ".join((f"line {number} " if number else "") + f"'{text[:30]}'" for number, text in wrong[:5])
    more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    count = "1 line begins" if len(wrong) == 1 else f"{len(wrong)} lines begin"
    return InputError(
        f"In the lyrics {count} with a time that is not understood: {shown}{more}; write minutes and seconds below 60, "
        "such as [01:12.50]."
    )
