"""The same motion in other programs' units: Deforum and Parseq count per frame and in pixels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

# Our curve -> its name in Deforum's settings, and in Parseq.
DEFORUM = {
    "zoom": "zoom",
    "angle": "angle",
    "dx": "translation_x",
    "dy": "translation_y",
    "denoise": "strength_schedule",
    "cfg": "cfg_scale_schedule",
}
PARSEQ = DEFORUM | {"denoise": "strength", "cfg": "scale"}


def per_frame(name: str, values: np.ndarray, fps: Fraction, width: int, height: int) -> np.ndarray:
    """Our values in the unit of Deforum and Parseq: per frame, shifts in pixels, and strength as 1 - denoise.

    Parameters
    ----------
    name : str
        The curve's name with us, a key of `DEFORUM`.
    values : ndarray
        float64 (n,): zoom a factor, angle degrees, shift a share of the side, all per second.
    fps : Fraction
        Frames per second by which frames are counted.
    width, height : int
        Of the picture, in pixels.

    Returns
    -------
    ndarray
        float64 (n,): zoom a factor, angle degrees, shift pixels, all per frame.
    """
    rate = float(fps)
    if name == "zoom":
        return values ** (1 / rate)
    if name in ("angle", "dx", "dy"):
        return values * {"angle": 1, "dx": width, "dy": height}[name] / rate
    return 1 - values if name == "denoise" else values


def per_second(name: str, values: np.ndarray, fps: Fraction, width: int, height: int) -> np.ndarray:
    """Values of Deforum and Parseq in our unit; the reverse of `per_frame`.

    Parameters
    ----------
    name : str
        The curve's name with us, a key of `DEFORUM`.
    values : ndarray
        float64 (n,): zoom a factor, angle degrees, shift pixels, all per frame.
    fps : Fraction
        Frames per second by which frames are counted.
    width, height : int
        Of the picture, in pixels.

    Returns
    -------
    ndarray
        float64 (n,): zoom a factor, angle degrees, shift a share of the side, all per second.
    """
    rate = float(fps)
    if name == "zoom":
        return np.maximum(values, 1e-6) ** rate
    if name in ("angle", "dx", "dy"):
        return values * rate / {"angle": 1, "dx": width, "dy": height}[name]
    return 1 - values if name == "denoise" else values
