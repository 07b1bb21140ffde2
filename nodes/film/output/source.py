"""The file behind a VIDEO value."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...base.errors import InputError


def video_file(video: Any, folder: Path) -> Path:
    """The file that a VIDEO reads, or one in `folder` with what it holds in memory.

    Pictures in memory become H.264 by the host's own hand, as they would in Save Video.

    Parameters
    ----------
    video : Any
        ComfyUI's VIDEO.
    folder : Path
        For what has no file yet.
    """
    teller = next((kind for kind in type(video).__mro__ if "get_stream_source" in vars(kind)), None)
    # ComfyUI's abstract base class would encode into memory, in a format that it does not name.
    if teller is not None and not inspect.isabstract(teller):
        source = video.get_stream_source()
        if not isinstance(source, io.BytesIO):
            return Path(source)
        path = folder / f"video_{id(source):x}.bin"
        path.write_bytes(source.getvalue())
        return path
    path = folder / f"video_{id(video):x}.mp4"
    video.save_to(str(path))
    return path


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A video file open for reading.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    av.container.InputContainer
        It has at least one video stream.

    Raises
    ------
    InputError
        When it is no video.
    """
    import av

    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError):
        raise InputError(f"'{path.name}' cannot be read as a video; render it again, or load another.") from None
    with container:
        if not container.streams.video:
            raise InputError(f"'{path.name}' has no video in it; render it again, or load another.")
        yield container


def frame_rate(path: Path, container: Any) -> Fraction:
    """Frames per second of an open video: their average, else what FFmpeg guesses, as for a single frame.

    Parameters
    ----------
    path : Path
        Its file, whose name an error tells.
    container : av.container.InputContainer
        The open file, with a video stream in it.

    Raises
    ------
    InputError
        When FFmpeg knows neither.
    """
    stream = container.streams.video[0]
    rate = stream.average_rate or stream.guessed_rate
    if not rate:
        raise InputError(f"'{path.name}' does not tell its frame rate; render it again, or save it as mp4.")
    return Fraction(rate)


def is_deep(container: Any) -> bool:
    """Whether a video has more than 8 bits per colour.

    Parameters
    ----------
    container : av.container.InputContainer
        The open file, with a video stream in it.
    """
    from av.video.format import VideoFormat

    pixels = container.streams.video[0].codec_context.pix_fmt
    return pixels is not None and max(part.bits for part in VideoFormat(pixels).components) > 8
