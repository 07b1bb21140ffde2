"""A finished video: saved, enlarged, measured."""
