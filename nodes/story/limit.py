"""Prompts that are longer than CLIP reads, named with what of them is not seen."""

from __future__ import annotations

from ..base.types import Story
from .compose import TOKEN_LIMIT, CountTokens, fit_prompt

_MOST_SHOTS, _MOST_LETTERS = 5, 80


def shortened_note(dropped: list[tuple[int, tuple[str, ...]]], total: int) -> str:
    """The note about prompts that were shortened: (number of the shot, what was left out) of each."""
    named = "; ".join(f"shot {number} without {_listed(parts)}" for number, parts in dropped[:_MOST_SHOTS])
    more = f"; and {len(dropped) - _MOST_SHOTS} more" if len(dropped) > _MOST_SHOTS else ""
    return f"{len(dropped)} of {total} prompts were shortened to what CLIP reads, details first: {named}{more}."


def beyond_limit(story: Story, count: CountTokens, *, only: int | None = None) -> list[str]:
    """A note for each shot whose prompt is longer than CLIP reads.

    count: CLIP's tokens of a text. only: the number of the one shot that is looked at, from 1; None looks at all.
    """
    notes = []
    for number, shot in enumerate(story.shots, 1):
        if only not in (None, number):
            continue
        tokens = count(shot.prompt)
        if tokens > TOKEN_LIMIT:
            _, dropped = fit_prompt(shot.prompt, count)
            notes.append(
                f"CLIP reads {TOKEN_LIMIT} of the {tokens} tokens of shot {number}'s prompt; not seen: "
                f"{_listed(dropped)}."
            )
    more = len(notes) - _MOST_SHOTS
    return notes if more <= 0 else [*notes[:_MOST_SHOTS], f"{more} more prompts are longer than CLIP reads."]


def _listed(parts: tuple[str, ...]) -> str:
    text = ", ".join(f"'{part}'" for part in parts)
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 3] + "..."
