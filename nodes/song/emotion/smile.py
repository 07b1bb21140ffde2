"""openSMILE's own descriptors, where the package is installed (free for research only)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np

from ...base.errors import InputError
from .descriptors import HOP, RATE

# openSMILE takes about 45 ms a second of music. Of long songs it hears blocks, evenly spread.
FULL_SECONDS, BLOCK_SECONDS, SHARE = 90.0, 2.0, 0.4


def available() -> bool:
    """Whether openSMILE is installed."""
    return importlib.util.find_spec("opensmile") is not None


def smile_descriptors(
    signal: np.ndarray, columns: tuple[str, ...], *, on_block: Callable[[float], None] = lambda share: None
) -> np.ndarray:
    """ComParE_2016 low-level descriptors every 10 ms.

    Parameters
    ----------
    signal : float32 (samples,), mono at 44.1 kHz
    columns : names as DEAM has them, without the suffix of the mean
    on_block : called with the share that is done, 0..1

    Returns
    -------
    float32 (frames, len(columns)); NaN rows where a long song was not heard

    Raises InputError when the package is missing.
    """
    if not available():
        raise InputError("openSMILE is not installed: pip install opensmile, or choose the built-in model.")
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.LowLevelDescriptors)
    names = [name.replace("pcm_fftMag_mfcc", "mfcc") for name in columns]
    n = max(len(signal) // HOP, 1)
    # It works on 16-bit samples: what is over full scale would be clipped, and clipping is heard as arousal.
    signal = signal / max(float(np.abs(signal).max(initial=0)), 1)
    result = np.full((n, len(columns)), np.nan, np.float32)
    if len(signal) <= FULL_SECONDS * RATE:
        starts, length = range(1), len(signal)
    else:
        starts, length = range(0, len(signal), int(BLOCK_SECONDS / SHARE * RATE)), int(BLOCK_SECONDS * RATE)
    for index, start in enumerate(starts):
        block = signal[start : start + length]
        if index and len(block) < length // 2:
            break
        block = np.pad(block, (0, max(RATE // 5 - len(block), 0)))
        heard = smile.process_signal(block, RATE)[names].to_numpy(np.float32)
        first = start // HOP
        heard = heard[: n - first]
        result[first : first + len(heard)] = heard
        on_block((index + 1) / len(starts))
    return result
