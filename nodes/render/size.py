"""Picture sizes to choose from: what SD1.5 composes well, in the shapes that screens and platforms have."""

from __future__ import annotations

from ..base.errors import InputError

CUSTOM = "custom"
# Near 512x512 in area: much larger pictures repeat their subject. 768x432 is 1080p divided by 2.5, 640x360 by 3.
SIZES: dict[str, tuple[int, int]] = {
    "square 512x512": (512, 512),
    "landscape 16:9 768x432": (768, 432),
    "landscape 16:9 640x360": (640, 360),
    "landscape 3:2 768x512": (768, 512),
    "landscape 4:3 640x480": (640, 480),
    "portrait 9:16 432x768": (432, 768),
    "portrait 9:16 360x640": (360, 640),
    "portrait 2:3 512x768": (512, 768),
    "portrait 3:4 480x640": (480, 640),
    "portrait 4:5 512x640": (512, 640),
}
CHOICES = (CUSTOM, *SIZES)


def size_of(choice: str, width: int, height: int) -> tuple[int, int]:
    """Width and height in pixels of a choice; custom keeps those that are given. Raises InputError when unknown."""
    if choice == CUSTOM:
        return width, height
    if choice not in SIZES:
        raise InputError(f"size must be one of {', '.join(CHOICES)}, got {choice!r}.")
    return SIZES[choice]
