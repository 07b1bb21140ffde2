"""Makes `headless`, the pack as `songreel`, and the tests' `support` importable from the scripts of this folder."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Real songs and traces that are no part of the repository.
SHARED = ROOT.parent / "shared"

# Not the root itself: its `nodes` folder would hide ComfyUI's module of that name.
sys.path.insert(0, str(ROOT / "tests"))
import conftest  # noqa: E402, F401


def judged(bars: list[tuple[str, float, str, float]]) -> None:
    """Say which bars are met, and end with status 1 when one is not.

    bars: (what, measured, "<=" or ">=", bar). A figure that was not measured (NaN) meets no bar.
    """
    failed = False
    for what, measured, relation, bar in bars:
        met = measured <= bar if relation == "<=" else measured >= bar
        print(f"{'met ' if met else 'MISS'}  {what}: {measured:.4g}, must be {relation} {bar:g}")
        failed |= not met
    if failed:
        sys.exit(1)
