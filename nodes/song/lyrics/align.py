"""Known lines matched to heard words, so that they get the times at which they are sung."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

import numpy as np

from ...base.errors import InputError
from .lyrics import Line, Lyrics, Word

MAX_CELLS = 60_000_000
# Scores of the match (Needleman & Wunsch 1970): two words that are alike, one word left out.
_SAME, _UNLIKE, _GAP = 1.0, -0.8, -0.4
_ALIKE = 0.5
# A line is placed when this share of its words was heard.
_PLACED = 0.3
_PIECE = re.compile(r"[⺀-鿿가-힯豈-﫿]|[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True)
class Piece:
    """A word (or a character of a script without spaces) in plain letters, and the text and times it came with."""

    plain: str
    word: Word


def plain_words(text: str) -> list[str]:
    """The words of a text in small letters without accents and apostrophes; Chinese, Japanese ... by character."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    folded = unicodedata.normalize("NFKC", "".join(letter for letter in folded if not unicodedata.combining(letter)))
    return [re.sub(r"['’]", "", piece) for piece in _PIECE.findall(folded)]


def pieces_of(words: tuple[Word, ...]) -> list[Piece]:
    """Heard words as pieces; a word of several shares its time among them."""
    pieces = []
    for word in words:
        parts = plain_words(word.text)
        for index, part in enumerate(parts):
            span = (word.end - word.start) / len(parts)
            timed = replace(word, start=word.start + index * span, end=word.start + (index + 1) * span)
            pieces.append(Piece(part, timed))
    return pieces


def align(texts: list[str], words: tuple[Word, ...], *, language: str = "") -> Lyrics:
    """Place known lines where their words were heard.

    Parameters
    ----------
    texts : the lines, in the order in which they are sung
    words : what was heard, with times

    Returns
    -------
    Lyrics with the lines that were found; the notes name the others, whose times nobody knows.

    Raises InputError when text and song are too long to be compared.
    """
    texts = [" ".join(text.split()) for text in texts if text.strip()]
    known = [plain_words(text) for text in texts]
    flat = [word for line in known for word in line]
    heard = pieces_of(words)
    if len(flat) * len(heard) > MAX_CELLS:
        raise InputError(
            f"The lyrics have {len(flat)} words and the song {len(heard)}: too many to align at once; give the words "
            "of this song only."
        )
    matched = _match(flat, [piece.plain for piece in heard])
    lines: list[Line] = []
    missing: list[str] = []
    first = 0
    for text, line in zip(texts, known, strict=True):
        found = matched[first : first + len(line)]
        first += len(line)
        placed = _placed(text, line, found, heard, lines[-1].end if lines else 0.0)
        if placed is None:
            missing.append(text)
        else:
            lines.append(placed)
    notes = []
    if missing:
        shown = "; ".join(f"'{text if len(text) <= 40 else text[:37] + '...'}'" for text in missing[:10])
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        notes.append(f"{len(missing)} of {len(texts)} lines were not heard and have no place: {shown}{more}.")
    return Lyrics(tuple(lines), language=language, source="plain", timing="aligned", notes=tuple(notes))


def _placed(text: str, line: list[str], found: list[int], heard: list[Piece], after: float) -> Line | None:
    known = [index for index, at in enumerate(found) if at >= 0]
    if not known or len(known) < _PLACED * len(line):
        return None
    starts = np.array([heard[found[index]].word.start for index in known])
    ends = np.array([heard[found[index]].word.end for index in known])
    # Words that were not heard lie between their neighbours; before the first and after the last at a usual pace.
    pace = float(np.clip(np.median(ends - starts), 0.1, 0.6))
    positions = np.arange(len(line))
    begin = np.interp(positions, known, starts)
    begin = np.where(positions < known[0], starts[0] - pace * (known[0] - positions), begin)
    begin = np.where(positions > known[-1], ends[-1] + pace * (positions - known[-1] - 1), begin)
    stop = np.append(begin[1:], max(ends[-1], begin[-1] + 0.5 * pace))
    stop[known] = np.minimum(ends, stop[known])
    begin, stop = np.maximum(begin, after), np.maximum(stop, after)
    if stop[-1] - begin[0] < 0.05:
        return None
    sung = _as_written(text, line)
    timed = [Word(float(a), float(b), word) for a, b, word in zip(begin, stop, sung, strict=True) if b > a]
    return Line(float(begin[0]), float(stop[-1]), text, tuple(timed))


def _as_written(text: str, line: list[str]) -> list[str]:
    """The words as the line has them, where it has as many; else in plain letters."""
    written = text.split()
    return written if len(written) == len(line) else line


def _match(known: list[str], heard: list[str]) -> list[int]:
    """For each known word the index of the heard word it is, or -1; both in order."""
    if not known or not heard:
        return [-1] * len(known)
    names, spoken = sorted(set(known)), sorted(set(heard))
    alike = _likeness(names, spoken)
    rows, columns = [names.index(word) for word in known], np.array([spoken.index(word) for word in heard])
    steps = np.arange(len(heard) + 1)
    # came: 0 both go on, 1 a known word is left out, 2 a heard one.
    came = np.zeros((len(known) + 1, len(heard) + 1), dtype=np.int8)
    came[0] = 2
    best = _GAP * 0.25 * steps
    for k, row in enumerate(rows, 1):
        scores = np.where(alike[row] >= _ALIKE, _SAME * alike[row], _UNLIKE)[columns]
        both = np.append(-np.inf, best[:-1] + scores)
        left_out = best + _GAP
        fresh = np.maximum(both, left_out)
        # Heard words that belong to no line cost little: choruses are often written once.
        with_gaps = np.maximum.accumulate(fresh - 0.25 * _GAP * steps) + 0.25 * _GAP * steps
        came[k] = np.where(with_gaps > fresh + 1e-12, 2, np.where(left_out > both, 1, 0))
        best = with_gaps
    result = [-1] * len(known)
    k, j = len(known), len(heard)
    while k > 0:
        if came[k, j] == 2:
            j -= 1
        elif came[k, j] == 1:
            k -= 1
        else:
            k, j = k - 1, j - 1
            if alike[rows[k], columns[j]] >= _ALIKE:
                result[k] = j
    return result


def _likeness(names: list[str], spoken: list[str]) -> np.ndarray:
    """How alike words are, float (names, spoken), 0..1: 1 for the same, else by the letter pairs in common."""
    pairs = sorted({pair for word in (*names, *spoken) for pair in _letter_pairs(word)})
    index = {pair: k for k, pair in enumerate(pairs)}

    def counts(words: list[str]) -> np.ndarray:
        table = np.zeros((len(words), len(pairs)), np.float32)
        for row, word in enumerate(words):
            for pair in _letter_pairs(word):
                table[row, index[pair]] += 1
        return table

    a, b = counts(names), counts(spoken)
    common = np.stack([np.minimum(row, b).sum(axis=1) for row in a])
    dice = 2 * common / np.maximum(a.sum(axis=1)[:, None] + b.sum(axis=1), 1)
    same = np.array([[one == other for other in spoken] for one in names])
    return np.where(same, 1.0, np.minimum(dice, 0.95))


def _letter_pairs(word: str) -> list[str]:
    padded = f"^{word}$"
    return [padded[k : k + 2] for k in range(len(padded) - 1)]
