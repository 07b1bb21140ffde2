"""Video files written and read whole."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from songreel.nodes.base.media import video as media


def frames_of(path):
    """All frames, uint8 or uint16 (n, height, width, 3)."""
    return np.stack(list(media.read_frames(path)))


def made_video(path, pictures, fps=12):
    media.write_segment(path, pictures, fps=Fraction(fps))
    return path
