"""Where this host keeps its files, and what new ones are called."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from songreel.nodes.base.errors import InputError
from songreel.nodes.host.port import PACK


def user_folder() -> Path:
    """Where this host keeps its files: SONGREEL_HOME, else the platform's folder for a user's data."""
    if os.environ.get("SONGREEL_HOME"):
        return Path(os.environ["SONGREEL_HOME"]).expanduser().absolute()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / PACK


def numbered(prefix: str, root: Path, *, width: int = 0, height: int = 0) -> tuple[Path, str, int, str]:
    """Where the next file of a prefix goes, so `name_00001_`.

    Parameters
    ----------
    prefix : str
        A name with folders before it; %width%, %height%, %year%, %month%, %day%, %hour%, %minute% and %second% are
        filled in.
    root : Path
        The folder that it lies in. The folders of the prefix are made there.
    width, height : int
        Of the pictures, in pixels.

    Returns
    -------
    tuple
        (folder, name, number, subfolder below the root).

    Raises
    ------
    InputError
        When the prefix leaves the root folder.
    """
    now = time.localtime()
    values: dict[str, int | str] = {"width": width, "height": height, "year": now.tm_year}
    values |= {
        name: f"{value:02d}" for name, value in zip(("month", "day", "hour", "minute", "second"), now[1:6], strict=True)
    }
    filled = re.sub(r"%(\w+)%", lambda match: str(values.get(match[1], match[0])), prefix)
    path = Path(os.path.normpath(root / filled))
    if path.parent != root and root not in path.parents:
        raise InputError(f"filename_prefix must stay inside the output folder, got '{prefix}'.")
    name = path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    pattern = re.compile(re.escape(name) + r"_(\d+)_", re.IGNORECASE)
    taken = [int(match[1]) for entry in os.listdir(path.parent) if (match := pattern.match(entry))]
    subfolder = path.parent.relative_to(root).as_posix()
    return path.parent, name, max(taken, default=0) + 1, "" if subfolder == "." else subfolder


def make_run_folder(parent: Path) -> Path:
    """A new folder of this process; those of processes that were killed go."""
    for folder in parent.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and int(owner) != os.getpid() and not _is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))


def _is_running(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
