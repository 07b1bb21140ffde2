"""What every command shares: its parser, exit codes, the files that it reads and writes."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from songreel.nodes.base.media.files import LONGEST_NAME, atomic_path

from ..host import HeadlessHost
from ..workflow.options import UsageError

if TYPE_CHECKING:
    import numpy as np

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
DEMO = "demo"

Bootstrap = Callable[[HeadlessHost], None]


class Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def say(text: str, status: int) -> int:
    sys.stderr.write(text.rstrip() + "\n")
    return status


def add_song(command: argparse.ArgumentParser) -> None:
    """The song that a command is about."""
    command.add_argument("song", metavar="SONG", help=f"audio file, or '{DEMO}' for the demo song")


def add_json(command: argparse.ArgumentParser) -> None:
    """Where a command's JSON goes."""
    command.add_argument("--json", required=True, metavar="OUT", help="JSON file, or - for standard output")


# What is read -------------------------------------------------------------------------------------


def existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise UsageError(f"There is no {what} '{path}'; check the name and the folder.")
    return path.resolve()


def read_text(path: Path, what: str) -> str:
    """The text of a file; stderr names the code page where it is an old one. Raises UsageError when it is no text."""
    from songreel.nodes.base.errors import InputError
    from songreel.nodes.base.text_encoding import decoded

    try:
        text, page = decoded(existing(path, what).read_bytes())
    except InputError as error:
        raise UsageError(f"'{path}': {error}") from None
    if page:
        say(f"'{path}' is not UTF-8 text; it is read as {page}. Where letters look wrong, save it as UTF-8.", DONE)
    return text


def song_file(name: str, host: HeadlessHost) -> Path:
    """The file of SONG: one that is there, or the demo song."""
    if name == DEMO:
        from ..demo.song import ensure_demo_song

        return Path(ensure_demo_song(host.cache_dir()))
    if re.match(r"[a-z][a-z0-9+.-]{1,9}:/", name, re.IGNORECASE):
        raise UsageError(f"'{name}' is an address; download the song, and give the file on this machine.")
    return existing(Path(name), "song")


def check_models(folders: list[Path]) -> None:
    """Raises UsageError when a folder of --models is not there."""
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"There is no folder '{folder}' for --models; check the name.")


def checkpoint_name(given: str, host: HeadlessHost) -> str:
    """The name by which nodes know a checkpoint that was given as a file or by name. Raises UsageError."""
    if Path(given).is_file():
        return host.register("checkpoints", Path(given).resolve())
    if given not in host.model_names("checkpoints"):
        raise UsageError(
            f"There is no checkpoint '{given}'; give a .safetensors file, or put it into "
            f"'{host.root / 'models' / 'checkpoints'}'."
        )
    return given


def seconds_text(text: str | None, option: str) -> str | None:
    """A time of the command line in seconds: 4, 4.5, 0:04 or 1:00:04.5. Raises UsageError where it is none."""
    from songreel.nodes.song.curves.beat_rows import parse_time

    if text is None:
        return None
    seconds = parse_time(text.strip())
    if seconds is None:
        raise UsageError(f"{option} must be a time such as 4, 4.5 or 0:04.5, got '{text}'.")
    return f"{seconds:.12g}"


# What is written ----------------------------------------------------------------------------------


def prepare_output(path: Path) -> Path:
    """The absolute path of a result, its folder made. Raises UsageError when it cannot be written."""
    path = Path(os.path.abspath(path))
    length = len(os.fsencode(path.name))
    if length > LONGEST_NAME:
        raise UsageError(f"The name '{path.name[:30]}...' has {length} bytes; give one of at most {LONGEST_NAME}.")
    if path.is_dir():
        raise UsageError(f"'{path}' is a folder; give the name of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder '{path.parent}' cannot be made ({error.strerror}); choose another.") from None
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"The folder '{path.parent}' cannot be written to; allow it or choose another.")
    _remove_abandoned(path)
    return path


def _remove_abandoned(path: Path) -> None:
    """Remove what a killed run left beside its result."""
    pattern = re.compile(re.escape(path.name) + r"\.\d+\.part")
    for entry in path.parent.iterdir():
        if pattern.fullmatch(entry.name):
            with contextlib.suppress(OSError):
                entry.unlink()


def publish(source: Path, out: Path) -> None:
    """Move a finished file to its place, in one step."""
    try:
        os.replace(source, out)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with atomic_path(out) as part:
            shutil.copyfile(source, part)
        source.unlink()


def json_target(name: str) -> Path | None:
    """The file that --json names, None for standard output. Raises UsageError when it cannot be written."""
    return None if name == "-" else prepare_output(Path(name))


def write_text(text: str, out: Path | None) -> None:
    """Write a text and a line's end to a file as a whole, or to standard output."""
    if out is None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        return
    with atomic_path(out) as part:
        part.write_text(text + "\n", "utf-8")


def write_picture(picture: np.ndarray, out: Path) -> None:
    """Write a uint8 picture (H, W, 3) as a PNG file, as a whole."""
    from PIL import Image

    with atomic_path(out) as part:
        Image.fromarray(picture).save(part, format="PNG")


def print_json(value: Any) -> int:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
    return DONE
