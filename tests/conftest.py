"""Makes `headless` importable, without the repository root, where `nodes/` would hide ComfyUI's; marks slow tests."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What took long when it was measured (support/measure.py): seconds, then the test without its parameters.
SLOW = Path(__file__).with_name("slow.txt")

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


def pytest_collection_modifyitems(items) -> None:
    """Set the mark `slow` on the tests of slow.txt."""
    import pytest

    lines = SLOW.read_text("utf-8").splitlines() if SLOW.is_file() else []
    slow = {line.partition(" ")[2] for line in lines if not line.startswith("#")}
    for item in items:
        if item.nodeid.partition("[")[0] in slow:
            item.add_marker(pytest.mark.slow)
