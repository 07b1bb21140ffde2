"""Procedural illustrations: the pictures that the demo model learns.

Every picture is a flat, layered landscape (or one figure) in one of six palettes. Positions are in the unit square,
x to the right and y downwards, so that a `Scene` is the same picture at every size.
"""

from __future__ import annotations

from .picture import draw
from .scene import PALETTES, SCENES, Scene, sample_scenes

__all__ = ["PALETTES", "SCENES", "Scene", "draw", "sample_scenes"]
