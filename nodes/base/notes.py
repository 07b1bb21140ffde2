"""What a node shows: its texts, and its notes by a name of their own, so that every program can show them."""

from __future__ import annotations

from collections.abc import Iterable

NOTES = "songreel_notes"


def shown(*texts: str, notes: Iterable[str] = ()) -> dict[str, list]:
    """What a node hands to the page: texts with the notes under them, and the notes alone.

    notes: what was left out, repaired or guessed, a sentence each.
    """
    notes = [note for note in notes if note]
    return {"text": [*texts, *notes], NOTES: notes}
