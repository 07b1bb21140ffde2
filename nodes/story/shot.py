"""One shot of a story changed: its prompt, its negative prompt, its noise, or told anew."""

from __future__ import annotations

from ..base.errors import InputError
from ..base.guard import check_prompt
from ..base.types import Shot, Story
from .compose import CountTokens
from .edit import edited
from .settings import ShotChange
from .teller import retell
from .vocabulary import vocabulary_of


def changed_shot(story: Story, change: ShotChange, *, count: CountTokens) -> tuple[Story, Shot]:
    """The story with one of its shots changed, and that shot. count: CLIP's tokens of a text.

    Raises InputError when there is no such shot, the prompt asks for what is not shown, or the vocabulary is unusable.
    """
    number = change.shot
    if not 1 <= number <= len(story.shots):
        raise InputError(f"There is no shot {number}; the story has shots 1 to {len(story.shots)}.")
    check_prompt(change.prompt, f"shot {number}")
    if change.variation:
        told = vocabulary_of(change.vocabulary, change.style)
        story = retell(story, number, told, count=count, seed=change.variation, world=change)
    shots = list(story.shots)
    shots[number - 1] = edited(
        shots[number - 1],
        prompt=" ".join(change.prompt.split()) or None,
        negative=change.negative if change.negative.strip() else None,
        seed=None if change.shot_seed < 0 else change.shot_seed,
    )
    return Story(tuple(shots)), shots[number - 1]
