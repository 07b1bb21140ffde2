"""Files that this process handed out: when one is gone, what a cache holds of it is worth nothing."""

from __future__ import annotations

from pathlib import Path

_handed: set[Path] = set()


def hand_out(path: Path) -> None:
    """Remember a file that an output names."""
    _handed.add(path)


def lost_files() -> int:
    """How many of them are not there any more."""
    return sum(not path.is_file() for path in _handed)
