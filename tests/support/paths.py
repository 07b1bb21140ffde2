"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
SUPPORT = TESTS / "support"
# Real songs and traces that are no part of the repository; tests that want them skip where they are not.
SHARED = ROOT.parent / "shared"
