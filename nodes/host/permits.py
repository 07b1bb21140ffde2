"""Leave that can be taken back while work runs, such as a person's: asked at every step, told of every file made."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, eq=False)
class Permit:
    """Leave to use something.

    Attributes
    ----------
    key : str
        What it is leave for; equal keys mean the same leave.
    ask : callable
        Raises an InputError that says why when the leave has ended. Cheap enough for every step.
    note : callable
        note(path, digest, finished) is told of what is made with this leave: a folder of unfinished work (digest None),
        a file and its SHA-256, or a finished result in the user's output folder.
    """

    key: str
    ask: Callable[[], None]
    note: Callable[[Path, str | None, bool], None]


_held: contextvars.ContextVar[tuple[Permit, ...]] = contextvars.ContextVar("songreel_permits", default=())


@contextlib.contextmanager
def holding(permits: Iterable[Permit]) -> Iterator[None]:
    """While the block runs, `ask_permits` asks these too, each key once."""
    before = _held.get()
    known = {permit.key for permit in before}
    token = _held.set((*before, *(permit for permit in permits if permit.key not in known)))
    try:
        yield
    finally:
        _held.reset(token)


def held_permits() -> tuple[Permit, ...]:
    """What the work at hand needs."""
    return _held.get()


def ask_permits() -> None:
    """Raises an InputError when leave that the work at hand needs has ended."""
    for permit in _held.get():
        permit.ask()


def note_made(path: Path, digest: str | None = None, *, finished: bool = False) -> None:
    """Tell every permit in use of a file or folder that the work at hand makes; see `Permit.note`."""
    for permit in _held.get():
        permit.note(path, digest, finished)
