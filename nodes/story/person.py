"""The main person in prompts: a placeholder until they are encoded."""

from __future__ import annotations

PLACEHOLDER = "{PERSON}"
NOBODY = "a person"


def with_person(prompt: str, words: str = NOBODY) -> str:
    """The prompt as it is encoded: `words` (an identity's token and class word) where the placeholder stands.

    Neither the token nor a name is ever in a story, so that neither is saved or sent to a language model.
    """
    return prompt.replace(PLACEHOLDER, words)
