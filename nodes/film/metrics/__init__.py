"""A finished video in figures: who is in it, and how often. Nothing of a face is kept."""
