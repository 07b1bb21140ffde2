"""Loads the pack from its folder under one fixed package name, as ComfyUI's loader does.

ComfyUI has a module called `nodes`, so nobody imports the pack's `nodes` folder by that name.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

NAME = "songreel"
ROOT = Path(__file__).resolve().parent.parent


def load(submodule: str = "") -> ModuleType:
    """The pack, or a module of it such as "nodes.types"."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
    return importlib.import_module(f"{NAME}.{submodule}") if submodule else sys.modules[NAME]
