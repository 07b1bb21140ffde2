"""Registers the pack under one fixed name, `songreel`, as ComfyUI's loader does under the name of its folder.

After that it is imported like any other package: `from songreel.nodes.base.types import Story`. ComfyUI has a module
called `nodes`, so nobody imports the pack's `nodes` folder by that name, whatever the clone's folder is called.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAME = "songreel"
ROOT = Path(__file__).resolve().parent.parent


def register() -> None:
    """Make `songreel` importable, once."""
    if NAME in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
