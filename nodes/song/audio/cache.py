"""Analyses that were made before, by the content of the song."""

from __future__ import annotations

import contextlib
import hashlib
import os
from fractions import Fraction
from pathlib import Path

import numpy as np

from ...base.errors import InputError
from ...base.media.files import atomic_path
from ...base.timing import snap_fps
from ...base.types import SongAnalysis
from .analysis import analyze

# Part of the key: a change of what is heard, or of how it is written down, makes older files worthless.
REVISION = 4
KEPT = 64


def cached_analysis(waveform: np.ndarray, sample_rate: int, *, fps: Fraction | float, folder: Path) -> SongAnalysis:
    """What `analyze` gives, from `folder` when the same samples were heard before at that rate.

    The newest `KEPT` analyses stay. A folder that cannot be written to costs only the time.
    """
    path = folder / "audio" / f"{song_key(waveform, sample_rate, fps)}.json"
    with contextlib.suppress(OSError, InputError, ValueError):
        song = SongAnalysis.of(path.read_text("utf-8"))
        os.utime(path)
        return song
    song = analyze(waveform, sample_rate, fps=fps)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as part:
            part.write_text(song.to_text(), "utf-8")
        for old in sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    return song


def song_key(waveform: np.ndarray, sample_rate: int, fps: Fraction | float) -> str:
    """40 hex digits of everything that the analysis depends on."""
    samples = np.asarray(waveform)
    digest = hashlib.blake2b(digest_size=20)
    digest.update(f"{REVISION} {sample_rate} {snap_fps(fps)} {samples.dtype} {samples.shape}".encode())
    digest.update(np.ascontiguousarray(samples).data)
    return digest.hexdigest()
