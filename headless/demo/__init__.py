"""The demo song, its drawn person and its workflow."""
