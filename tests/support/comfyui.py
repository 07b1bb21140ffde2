"""Finds the ComfyUIs that the tests marked `comfyui` run against."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _candidates() -> list[Path]:
    if "COMFYUI_DIR" in os.environ:
        return [Path(os.environ["COMFYUI_DIR"]).expanduser()]
    above = Path(__file__).resolve().parents[3]
    return [Path.home() / "ComfyUI", *([above.parent] if above.name == "custom_nodes" else [])]


def find_comfyui() -> tuple[Path, str] | None:
    """The folder of a ComfyUI and the Python that runs it, or None.

    `COMFYUI_DIR` names the folder, else ~/ComfyUI or the one this pack is installed in is taken.
    `COMFYUI_PYTHON` names the Python, else its .venv or the one that runs the tests.
    """
    for folder in _candidates():
        if (folder / "comfy" / "sd.py").is_file():
            own = folder / ".venv" / "bin" / "python"
            return folder, os.environ.get("COMFYUI_PYTHON") or (str(own) if own.is_file() else sys.executable)
    return None


def find_comfyuis() -> list[tuple[Path, str]]:
    """All that are here: the one of `find_comfyui`, and ~/ComfyUI-0.8 with its own Python."""
    found = find_comfyui()
    newer = Path.home() / "ComfyUI-0.8"
    python = newer / ".venv" / "bin" / "python"
    entries = [] if found is None else [found]
    if (newer / "comfy" / "sd.py").is_file() and python.is_file() and (found is None or found[0] != newer):
        entries.append((newer, str(python)))
    return entries
