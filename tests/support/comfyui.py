"""Finds the ComfyUIs that the tests marked `comfyui` run against."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HOME_FOLDERS = ("ComfyUI-0.33", "ComfyUI", "ComfyUI-0.8")


def _candidates() -> list[Path]:
    if named := os.environ.get("COMFYUI_DIR"):
        return [Path(entry).expanduser() for entry in named.split(os.pathsep) if entry]
    above = Path(__file__).resolve().parents[3]
    here = [above.parent] if above.name == "custom_nodes" else []
    return [*here, *(Path.home() / name for name in HOME_FOLDERS)]


def _python_of(folder: Path) -> str:
    own = [folder / name / place for name in (".venv", "venv") for place in ("bin/python", "Scripts/python.exe")]
    found = next((str(python) for python in own if python.is_file()), sys.executable)
    return os.environ.get("COMFYUI_PYTHON") or found


def find_comfyuis() -> list[tuple[Path, str]]:
    """(folder, its Python) of every ComfyUI that is here, the one to prefer first.

    `COMFYUI_DIR` names the folders, apart as in PATH; else the one that this pack is installed in and those in the home
    folder are taken. `COMFYUI_PYTHON` names the Python of all of them, else each has a .venv of its own, or the Python
    that runs the tests.
    """
    folders = [folder for folder in _candidates() if (folder / "comfy" / "sd.py").is_file()]
    return [(folder, _python_of(folder)) for folder in dict.fromkeys(folders)]


def find_comfyui() -> tuple[Path, str] | None:
    """The ComfyUI to prefer, or None."""
    return next(iter(find_comfyuis()), None)
