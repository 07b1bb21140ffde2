"""Colours held to those of a reference picture, in CIELAB (D65), by the mean and spread of each channel.

Mean and deviation in a space with independent channels: Reinhard et al. 2001, "Color Transfer between Images".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# Linear sRGB to XYZ over the white point D65 (IEC 61966-2-1), so that white is (1, 1, 1).
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TO_XYZ /= _TO_XYZ.sum(axis=1, keepdims=True)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_EDGE = 6 / 29
# The spread of a channel is changed by at most this factor: a plain picture is not blown up to a lively one.
MOST_GAIN = 1.5


def rgb_to_lab(picture: np.ndarray) -> np.ndarray:
    """sRGB float (..., 3) in 0..1 to CIELAB float32: L 0..100, a and b about -128..127."""
    import torch

    rgb = torch.from_numpy(np.asarray(picture, np.float32)).clamp(0, 1)
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = _mixed(linear, _TO_XYZ)
    f = torch.where(xyz > _EDGE**3, xyz.clamp_min(1e-9) ** (1 / 3), xyz / (3 * _EDGE**2) + 4 / 29)
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).numpy()


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """CIELAB float (..., 3) to sRGB float32 in 0..1; colours outside sRGB are clipped."""
    import torch

    light, a, b = torch.from_numpy(np.asarray(lab, np.float32)).unbind(-1)
    y = (light + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], -1)
    xyz = torch.where(f > _EDGE, f**3, 3 * _EDGE**2 * (f - 4 / 29))
    linear = _mixed(xyz, _FROM_XYZ).clamp(0, 1)
    rgb = torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb.clamp(0, 1).numpy()


def _mixed(channels: torch.Tensor, matrix: np.ndarray) -> torch.Tensor:
    # Not by a matrix product, whose last bits depend on where the numbers lie in memory.
    import torch

    a, b, c = channels.unbind(-1)
    return torch.stack([a * float(row[0]) + b * float(row[1]) + c * float(row[2]) for row in matrix], -1)


@dataclass(frozen=True, eq=False)
class Colours:
    """Mean and standard deviation of L, a and b: float64 (3,) each."""

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray) -> Colours:
        """Those of a picture, sRGB float (H, W, 3) in 0..1."""
        return _colours(rgb_to_lab(picture))

    def towards(self, other: Colours, share: float) -> Colours:
        """Colours between these (share 0) and others (share 1)."""
        return Colours(
            self.mean * (1 - share) + other.mean * share,
            self.spread * (1 - share) + other.spread * share,
        )

    def given_to(self, picture: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) in 0..1 with these colours, its spread changed by at most `MOST_GAIN`."""
        lab = rgb_to_lab(picture)
        seen = _colours(lab)
        gain = np.clip(self.spread / np.maximum(seen.spread, 1e-6), 1 / MOST_GAIN, MOST_GAIN)
        return lab_to_rgb(lab * gain.astype(np.float32) + (self.mean - seen.mean * gain).astype(np.float32))


def _colours(lab: np.ndarray) -> Colours:
    flat = lab.reshape(-1, 3)
    mean = flat.mean(axis=0, dtype=np.float64)
    return Colours(mean, np.sqrt(np.maximum(((flat - mean.astype(np.float32)) ** 2).mean(axis=0, dtype=np.float64), 0)))
