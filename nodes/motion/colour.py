"""Colours held near those of an anchor picture, in CIELAB (D65), by the mean and spread of each channel.

Mean and deviation in a space with independent channels: Reinhard et al. 2001, "Color Transfer between Images".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    rgb = np.clip(picture, 0, 1).astype(np.float32)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T.astype(np.float32)
    f = np.where(xyz > _EDGE**3, np.cbrt(xyz), xyz / (3 * _EDGE**2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """CIELAB float (..., 3) to sRGB float32 in 0..1; colours outside sRGB are clipped."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > _EDGE, f**3, 3 * _EDGE**2 * (f - 4 / 29))
    linear = np.clip(xyz @ _FROM_XYZ.T, 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.clip(rgb, 0, 1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Colours:
    """Mean and standard deviation of L, a and b: float64 (3,) each."""

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray) -> Colours:
        """Those of a picture, sRGB float (H, W, 3) in 0..1."""
        lab = rgb_to_lab(picture).reshape(-1, 3).astype(np.float64)
        return cls(lab.mean(axis=0), lab.std(axis=0))

    def towards(self, other: Colours, share: float) -> Colours:
        """The way from these (0) to others (1)."""
        return Colours(
            self.mean * (1 - share) + other.mean * share,
            self.spread * (1 - share) + other.spread * share,
        )

    def given_to(self, picture: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) in 0..1 with these colours, its spread changed by at most `MOST_GAIN`."""
        lab = rgb_to_lab(picture).astype(np.float64)
        mean, spread = lab.mean(axis=(0, 1)), lab.std(axis=(0, 1))
        gain = np.clip(self.spread / np.maximum(spread, 1e-6), 1 / MOST_GAIN, MOST_GAIN)
        return lab_to_rgb((lab - mean) * gain + self.mean)
