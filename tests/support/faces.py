"""The mark of tests that find faces: MediaPipe's library wants libEGL and libGLESv2 on Linux, though no display."""

from __future__ import annotations

import ctypes
import sys

import pytest


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


needs_faces = pytest.mark.skipif(
    sys.platform == "linux" and not all(map(_loads, ("libEGL.so.1", "libGLESv2.so.2"))),
    reason="NO LIBEGL: install libegl1 and libgles2 to test what finds faces",
)
