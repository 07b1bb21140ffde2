"""A shot's prompt from its parts, within what CLIP reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# CLIP reads 77 tokens, of which two mark start and end.
TOKEN_LIMIT = 75

CountTokens = Callable[[str], int]


@dataclass(frozen=True)
class Part:
    """A piece of a prompt. Where the prompt is too long, the least `importance` is dropped first; None is never."""

    text: str
    importance: int | None = None


def compose(parts: list[Part], count: CountTokens, *, limit: int = TOKEN_LIMIT) -> tuple[str, tuple[str, ...]]:
    """Join parts with commas, leaving out the least important ones until the prompt fits.

    Returns
    -------
    prompt : at most `limit` tokens, unless what must stay is longer
    dropped : the parts that were left out
    """
    kept, dropped = [part for part in parts if part.text], []
    while count(_joined(kept)) > limit:
        spare = [(part.importance, part) for part in kept if part.importance is not None]
        if not spare:
            break
        # Of equals the last goes first.
        _, least = min(reversed(spare), key=lambda one: one[0])
        kept.remove(least)
        dropped.append(least.text)
    return _joined(kept), tuple(dropped)


def _joined(parts: list[Part]) -> str:
    return ", ".join(part.text for part in parts)


def fit_prompt(prompt: str, count: CountTokens, *, limit: int = TOKEN_LIMIT) -> tuple[str, tuple[str, ...]]:
    """Cut a finished prompt to the limit: whole phrases from the end, then words of the last phrase that remains.

    Returns
    -------
    prompt, and the pieces that were left out
    """
    prompt = " ".join(prompt.split())
    if count(prompt) <= limit:
        return prompt, ()
    phrases = prompt.split(", ")
    short, dropped = compose([Part(phrase, -k if k else None) for k, phrase in enumerate(phrases)], count, limit=limit)
    if count(short) <= limit:
        return short, dropped
    words = short.split(" ")
    # Texts without spaces are cut by letters.
    pieces, glue = (words, " ") if len(words) > 1 else (list(short), "")
    low, high = 0, len(pieces)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(glue.join(pieces[:middle])) <= limit else (low, middle - 1)
    return glue.join(pieces[:low]).rstrip(" ,"), (*dropped, glue.join(pieces[low:]))
