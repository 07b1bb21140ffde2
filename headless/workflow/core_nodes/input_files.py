"""What the nodes that load an input file share: whether it is there, and whether it has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ...host import HeadlessHost

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media.files import file_digest
from songreel.nodes.host import current


def this_host() -> HeadlessHost:
    """The host, which has a folder for input files; the nodes of this package run in no other."""
    return cast("HeadlessHost", current())


def digest_input(name: str | None) -> str | None:
    """SHA-256 of an input file, hexadecimal; None while a link has yet to name it."""
    return None if name is None else file_digest(this_host().input_file(name))


def check_input(name: str | None) -> bool | str:
    """True, or a sentence that says why there is no such input file."""
    if name is None:
        return True
    try:
        this_host().input_file(str(name))
    except InputError as error:
        return str(error)
    return True
