"""Makes `headless`, the pack as `songreel`, and the tests' `support` importable from the scripts of this folder."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Real songs and traces that are no part of the repository.
SHARED = ROOT.parent / "shared"

# Not the root itself: its `nodes` folder would hide ComfyUI's module of that name.
sys.path.insert(0, str(ROOT / "tests"))
import conftest  # noqa: E402, F401
