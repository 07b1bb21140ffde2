"""The picture that scenes are painted on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .colours import Colour


class Canvas:
    """An RGB picture; shapes are (N, 2) arrays of unit-square corners, filled through supersampled masks."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.scale = 2 if size > 160 else 4
        self.image = Image.new("RGB", (size, size))
        centres = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.x, self.y = centres[None, :], centres[:, None]

    def gradient(self, stops: Sequence[tuple[float, Colour]]) -> None:
        """Fills the picture with a vertical gradient through (y, colour) stops."""
        self.image.paste(self._column(stops, 0, self.size))

    def _column(self, stops: Sequence[tuple[float, Colour]], first: int, last: int) -> Image.Image:
        at = (np.arange(first, last) + 0.5) / self.size
        where = [stop[0] for stop in stops]
        rows = np.stack([np.interp(at, where, [stop[1][i] for stop in stops]) for i in range(3)], axis=1)
        column = Image.fromarray(np.rint(rows).astype(np.uint8)[:, None, :])
        return column.resize((self.size, last - first), Image.Resampling.NEAREST)

    def fill(
        self,
        shapes: Sequence[np.ndarray],
        colour: Colour,
        bottom: Colour | None = None,
        alpha: float = 1.0,
        span: tuple[float, float] | None = None,
    ) -> None:
        """Fill the union of some shapes.

        Parameters
        ----------
        shapes : sequence of ndarray
            Corners (N, 2) in the unit square.
        colour : Colour
            Of all of it, or with `bottom` of its top.
        bottom : Colour, optional
            Makes the colour a vertical gradient.
        alpha : float
            Opacity, 0 to 1.
        span : tuple of float, optional
            y where the gradient starts and where it ends; the height of the shapes when absent.
        """
        if not shapes:
            return
        points = np.concatenate(shapes)
        low, high = points.min(axis=0), points.max(axis=0)
        left, top = (max(0, int(np.floor(value * self.size))) for value in low)
        right, under = (min(self.size, int(np.ceil(value * self.size))) for value in high)
        if left >= right or top >= under:
            return
        mask = Image.new("L", ((right - left) * self.scale, (under - top) * self.scale))
        pen = ImageDraw.Draw(mask)
        for shape in shapes:
            corners = (shape * self.size - (left, top)) * self.scale - 0.5
            pen.polygon(corners.ravel().tolist(), fill=round(255 * alpha))
        mask = mask.reduce(self.scale)
        if bottom is None:
            self.image.paste(colour, (left, top, right, under), mask)
            return
        start, stop = span or (float(low[1]), float(high[1]))
        column = self._column(((start, colour), (stop, bottom)), top, under).crop((left, 0, right, under - top))
        self.image.paste(column, (left, top), mask)

    def blend(self, colour: Colour, alpha: np.ndarray) -> None:
        """Mixes in `colour` by `alpha`, a (size, size) array from 0 to 1."""
        mask = Image.fromarray((np.clip(alpha, 0, 1) * 255 + 0.5).astype(np.uint8))
        self.image.paste(colour, (0, 0), mask)

    def glow(self, centre: tuple[float, float], radius: float, colour: Colour, alpha: float) -> None:
        """A soft round light that fades out over about two radii."""
        across = np.exp(-(((self.x - centre[0]) / radius) ** 2))
        down = np.exp(-(((self.y - centre[1]) / radius) ** 2))
        self.blend(colour, alpha * down * across)

    def haze(self, y: float, height: float, colour: Colour, alpha: float) -> None:
        """A soft horizontal band, about two heights tall."""
        band = alpha * np.exp(-(((self.y - y) / height) ** 2))
        self.blend(colour, np.broadcast_to(band, (self.size, self.size)))

    def reflect(self, horizon: float, top: Colour, bottom: Colour, alpha: float) -> None:
        """Below `horizon`, water: the picture above it upside down, mixed with a gradient by 1 - `alpha`."""
        edge = round(horizon * self.size)
        depth = self.size - edge
        water = self._column(((horizon, top), (1.0, bottom)), edge, self.size)
        above = self.image.crop((0, max(0, edge - round(depth * 1.25)), self.size, edge))
        mirror = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((self.size, depth), Image.Resampling.BILINEAR)
        self.image.paste(Image.blend(water, mirror, alpha), (0, edge))
