"""The main person in prompts: a placeholder until they are encoded."""

from __future__ import annotations

from ..base.guard import check_prompt

PLACEHOLDER = "{PERSON}"
NOBODY = "a person"


def with_person(prompt: str, words: str = NOBODY) -> str:
    """The prompt as it is encoded: `words` (an identity's token and class word) where the placeholder stands.

    Neither the token nor a name is ever in a story, so that neither is saved or sent to a language model.
    """
    named = prompt.replace(PLACEHOLDER, words)
    if words != NOBODY:
        # A name can make of a harmless prompt what it may not be.
        check_prompt(named, "The prompt with the person's name")
    return named
