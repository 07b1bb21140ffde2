"""GIF files: one palette for each part of the video, and a comment for the workflow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import atomic_path

if TYPE_CHECKING:
    import av

_HEADER_BYTES = 13
_BLOCK_BYTES = 255
# Ordered dithering stays where it is from frame to frame; error diffusion would flicker, and make larger files.
_DITHER = "dither=bayer:bayer_scale=3"


def write_gif(path: Path, parts: Iterable[Iterable[np.ndarray]], *, fps: Fraction) -> int:
    """Encode pictures as an endless GIF, whole or not at all.

    GIF keeps time in hundredths of a second: each frame starts at the hundredth nearest to its time.

    Parameters
    ----------
    path : Path
        The file.
    parts : iterable of iterable of ndarray
        Runs of pictures uint8 (H, W, 3) RGB, one size. Each run gets the 256 colours that fit it best and is held in
        memory.
    fps : Fraction
        Frames per second.

    Returns
    -------
    int
        The number of frames.
    """
    import av

    count = 0
    with atomic_path(path) as part, av.open(str(part), "w", format="gif", options={"loop": "0"}) as container:
        stream = None
        for pictures in parts:
            for frame in _reduced(list(pictures)):
                if stream is None:
                    stream = container.add_stream("gif", rate=fps)
                    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "pal8"
                    stream.time_base = 1 / fps
                frame.pts, frame.time_base = count, 1 / fps
                container.mux(stream.encode(frame))
                count += 1
        if stream is not None:
            container.mux(stream.encode(None))
    return count


def _reduced(pictures: list[np.ndarray]) -> Iterator[av.VideoFrame]:
    """Pictures as frames of one palette."""
    import av

    height, width = pictures[0].shape[:2]
    # PyAV takes a format by its name too, which its types do not say.
    source: dict[str, Any] = dict(width=width, height=height, format="rgb24", time_base=Fraction(1, 100))
    graph = av.filter.Graph()
    nodes = [graph.add_buffer(**source), graph.add("palettegen", "reserve_transparent=0"), graph.add("buffersink")]
    graph.link_nodes(*nodes).configure()
    for frame in _frames(pictures):
        nodes[0].push(frame)
    nodes[0].push(None)
    palette = nodes[-1].pull()
    assert isinstance(palette, av.VideoFrame)

    graph = av.filter.Graph()
    shown = graph.add_buffer(**source)
    of_palette = dict(width=palette.width, height=palette.height, format=palette.format.name)
    colours = graph.add_buffer(**(source | of_palette))
    use, sink = graph.add("paletteuse", _DITHER), graph.add("buffersink")
    shown.link_to(use, 0, 0)
    colours.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    palette.pts = 0
    colours.push(palette)
    colours.push(None)
    for frame in _frames(pictures):
        shown.push(frame)
        yield from _pulled(sink)
    shown.push(None)
    yield from _pulled(sink)


def _frames(pictures: list[np.ndarray]) -> Iterator[av.VideoFrame]:
    import av

    for index, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 100)
        yield frame


def _pulled(sink: av.filter.context.FilterContext) -> Iterator[av.VideoFrame]:
    import av

    while True:
        try:
            frame = sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame


def with_comment(data: bytes, comment: str) -> bytes:
    """A GIF file's bytes with a comment in it, before its first picture.

    Parameters
    ----------
    data : bytes
        A whole GIF file.
    comment : str
        Any text; it is stored in UTF-8.
    """
    flags = data[10]
    colours = 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
    at = _HEADER_BYTES + colours
    text = comment.encode()
    blocks = (text[start : start + _BLOCK_BYTES] for start in range(0, len(text), _BLOCK_BYTES))
    written = b"".join(bytes([len(block)]) + block for block in blocks)
    return data[:at] + b"\x21\xfe" + written + b"\x00" + data[at:]
