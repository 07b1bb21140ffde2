"""Makes `headless` importable; the repository root is not on sys.path, where `nodes/` would hide ComfyUI's module."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A shell starts background jobs with Ctrl-C ignored, and the programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_root(entry: str) -> bool:
    return Path(entry or os.getcwd()).resolve() == ROOT


sys.path[:] = [entry for entry in sys.path if not _is_root(entry)]
if "headless" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "headless", ROOT / "headless" / "__init__.py", submodule_search_locations=[str(ROOT / "headless")]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["headless"] = module
    spec.loader.exec_module(module)
