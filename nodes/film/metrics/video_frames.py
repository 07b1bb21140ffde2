"""The pictures of a video or an IMAGE batch, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...base.errors import InputError
from ...base.timing import snap_fps

# 8K; an RGB frame of it takes 100 MB.
MOST_PIXELS = 7680 * 4320


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of a video, one at a time.

    Attributes
    ----------
    pictures : yields uint8 (H, W, 3) RGB.
    fps : frames per second.
    expected : about how many frames there are; 0 if unknown.
    """

    pictures: Iterator[np.ndarray]
    fps: Fraction
    expected: int


def frames_of_file(source: Any, name: str = "") -> Frames:
    """The frames of a video file. source: a path, or an open binary file.

    Raises InputError when it is no video, at once or where it breaks.
    """
    import av

    name = name or (Path(source).name if isinstance(source, (str, Path)) else "the video")
    unreadable = InputError(f"'{name}' cannot be read as a video; give an mp4, webm or mov file.")

    def pictures(container) -> Iterator[np.ndarray]:
        with container:
            try:
                for frame in container.decode(video=0):
                    yield frame.to_ndarray(format="rgb24")
            except av.error.FFmpegError:
                raise InputError(f"'{name}' is damaged and cannot be read to its end; render it anew.") from None

    try:
        container = av.open(str(source) if isinstance(source, Path) else source)
    except (av.error.FFmpegError, OSError):
        raise unreadable from None
    if not container.streams.video:
        container.close()
        raise InputError(f"'{name}' has no video in it; give an mp4, webm or mov file.")
    stream = container.streams.video[0]
    if stream.width * stream.height > MOST_PIXELS:
        container.close()
        raise InputError(f"'{name}' is {stream.width}x{stream.height}, too large to look at; give a smaller video.")
    stream.thread_type = "AUTO"
    # A stream may change its size on the way: FFmpeg itself then refuses the frame.
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    fps = snap_fps(stream.average_rate or 24)
    seconds = 0 if container.duration is None else container.duration / av.time_base
    return Frames(pictures(container), fps, stream.frames or round(seconds * fps))


def frames_of_images(images: Any, fps: float) -> Frames:
    """The frames of an IMAGE batch, float32 (B, H, W, C) in 0..1 with C >= 3. Raises InputError for another shape."""
    if images.ndim != 4 or images.shape[-1] < 3 or not images.numel():
        raise InputError(f"'frames' must be pictures (B, H, W, 3), got the shape {tuple(images.shape)}.")

    def pictures() -> Iterator[np.ndarray]:
        for image in images:
            yield (image[..., :3].detach().float().cpu() * 255).round().clamp(0, 255).byte().numpy()

    return Frames(pictures(), snap_fps(fps), len(images))


def frames_of_video(video: Any) -> Frames:
    """The frames of a VIDEO: streamed where it is a file, else from the pictures that it holds in memory anyway."""
    # The base class encodes what it holds; classes that can stream say so themselves.
    if "get_stream_source" in vars(type(video)):
        return frames_of_file(video.get_stream_source())
    components = video.get_components()
    return frames_of_images(components.images, components.frame_rate)
