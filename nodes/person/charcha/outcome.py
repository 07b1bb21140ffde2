"""How a capture ended, and what of it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Kept:
    """A picture that is kept: uint8 RGB (S, S, 3), square."""

    label: str
    picture: np.ndarray

    def __repr__(self) -> str:
        return f"Kept({self.label!r})"


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a session ended. reason: a key of `words.FAILED`, or "passed". assurance: "full" or "reduced"."""

    passed: bool
    reason: str
    assurance: str = ""
    scores: dict = field(default_factory=dict)
    kept: tuple[Kept, ...] = ()
