"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
SUPPORT = TESTS / "support"
# Short songs of known beats, made by rule.
SONGS = TESTS / "songs"
# Real songs and traces that are no part of the repository; tests of theirs run beside those on SONGS where they are.
SHARED = ROOT.parent / "shared"
