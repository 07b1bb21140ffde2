"""A picture moved by zoom, rotation and pan about its exact centre, with subpixel precision and a choice of border.

Pixel k of a row of w lies at k, so the centre is (w - 1) / 2: a picture that is zoomed or rotated again and again stays
where it is. Resampling is cubic convolution (Keys 1981).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...base.errors import InputError

if TYPE_CHECKING:
    import torch

BORDERS = ("reflect", "replicate", "wrap", "black")
# Keys' parameter. At -0.5 a picture blurs with every pass, at -0.75 its edges ring; a picture that is moved a hundred
# times keeps its sharpness between the two.
SHARPNESS = -0.6
TAPS = (-1, 0, 1, 2)


@dataclass(frozen=True)
class CameraMove:
    """A camera move: zoom and rotation about the centre, then pan.

    Attributes
    ----------
    zoom : factor; above 1 the picture grows.
    angle : degrees, anticlockwise.
    dx, dy : pixels that the picture moves to the right and down.
    """

    zoom: float = 1.0
    angle: float = 0.0
    dx: float = 0.0
    dy: float = 0.0

    def __post_init__(self):
        if not (np.isfinite([self.zoom, self.angle, self.dx, self.dy]).all() and self.zoom > 0):
            raise InputError(f"A motion needs finite numbers and a zoom above 0, got {self}.")

    def matrix(self) -> np.ndarray:
        """Float64 (3, 3) that takes a point (x, y, 1), measured from the centre, to where it goes."""
        radians = np.deg2rad(self.angle)
        # Rows count downwards, so what is anticlockwise to the eye has the opposite sign here.
        cos, sin = np.cos(radians) * self.zoom, np.sin(radians) * self.zoom
        return np.array([[cos, sin, self.dx], [-sin, cos, self.dy], [0.0, 0.0, 1.0]])


def warp_by(picture: np.ndarray, matrix: np.ndarray, border: str = "reflect") -> np.ndarray:
    """Move a picture by a matrix.

    Parameters
    ----------
    picture : float32 (H, W, C).
    matrix : float64 (3, 3) of `CameraMove.matrix`, or a product of such, which then move it in one pass.
    border : what comes in from outside: "reflect" mirrors the picture, "replicate" repeats its edge, "wrap" continues
        on the other side, "black" is 0.

    Returns
    -------
    float32 (H, W, C), a copy to the bit when nothing moves.

    Raises
    ------
    InputError
        An unknown border.
    """
    if border not in BORDERS:
        raise InputError(f"border must be one of {', '.join(BORDERS)}, got {border!r}.")
    if np.array_equal(matrix, np.eye(3)):
        return picture.copy()
    import torch

    height, width, channels = picture.shape
    centre = ((width - 1) / 2, (height - 1) / 2)
    back = np.linalg.inv(matrix)
    x = torch.arange(width, dtype=torch.float64) - centre[0]
    y = torch.arange(height, dtype=torch.float64)[:, None] - centre[1]
    columns, along = _taps(back[0, 0] * x + back[0, 1] * y + back[0, 2] + centre[0], width, border)
    rows, across = _taps(back[1, 0] * x + back[1, 1] * y + back[1, 2] + centre[1], height, border)
    # One more pixel, which is black.
    flat = torch.zeros((height * width + 1, channels))
    flat[:-1] = torch.from_numpy(np.ascontiguousarray(picture, np.float32)).view(-1, channels)
    moved = torch.zeros((height * width, channels))
    for row, weight_y in zip(rows, across, strict=True):
        for column, weight_x in zip(columns, along, strict=True):
            index = row * width + column
            if border == "black":
                index = torch.where((row < 0) | (column < 0), height * width, index)
            moved.addcmul_(flat.index_select(0, index.view(-1)), (weight_x * weight_y).view(-1, 1))
    return moved.view(height, width, channels).numpy()


def _taps(at: torch.Tensor, size: int, border: str) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The pixels around some positions in a row of `size`, and their weights float32; -1 is outside and black."""
    first = at.floor()
    part = (at - first).float()
    pixels = [_inside(first.long() + tap, size, border) for tap in TAPS]
    return pixels, [_keys((part - tap).abs(), tap in (0, 1)) for tap in TAPS]


def _keys(x: torch.Tensor, near: bool) -> torch.Tensor:
    """The kernel at a distance of up to 1 (near) or of 1 to 2."""
    a = SHARPNESS
    return ((a + 2) * x - (a + 3)) * x**2 + 1 if near else a * (((x - 5) * x + 8) * x - 4)


def _inside(index: torch.Tensor, size: int, border: str) -> torch.Tensor:
    if border == "black":
        return index.masked_fill((index < 0) | (index >= size), -1)
    if border == "wrap":
        return index % size
    if border == "replicate" or size == 1:
        return index.clamp(0, size - 1)
    folded = index % (2 * size - 2)
    return folded.minimum(2 * size - 2 - folded)
