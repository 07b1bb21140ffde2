"""What the nodes that load an input file share: whether it is there, and whether it has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, cast

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media.files import file_digest
from songreel.nodes.host import current


class InputFolder(Protocol):
    """What this program's own host has beside the port: a folder of input files."""

    def input_names(self) -> list[str]:
        """The files that a node can choose from."""

    def input_file(self, name: str) -> Path:
        """The file of that name. Raises InputError when there is none."""


def input_folder() -> InputFolder:
    """The input files of the program that runs. ComfyUI runs none of these nodes."""
    return cast(InputFolder, current())


def digest_input(name: str | None) -> str | None:
    """SHA-256 of an input file, hexadecimal; None while a link has yet to name it."""
    return None if name is None else file_digest(input_folder().input_file(name))


def check_input(name: str | None) -> bool | str:
    """True, or a sentence that says why there is no such input file."""
    if name is None:
        return True
    try:
        input_folder().input_file(str(name))
    except InputError as error:
        return str(error)
    return True
