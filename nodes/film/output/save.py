"""A video file saved as it is, with the workflow in it, and a small copy where a browser cannot play it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...base.errors import InputError
from ...base.media.audio import read_audio
from ...base.media.files import atomic_path
from ...base.media.gif import with_comment
from ...base.media.video import add_copy, container_options, join_segments, write_segment
from .source import frame_rate, opened

PREVIEW_SIDE = 512
_PREVIEW_CRF = 28
# The muxer writes these itself; copied, they would appear twice.
_MUXER_KEYS = ("major_brand", "minor_version", "compatible_brands", "encoder")
_WEB_CODECS = {"vp8", "vp9", "av1", "libdav1d", "opus", "vorbis"}
_BROWSER_PIXELS = ("yuv420p", "yuvj420p")


def suffix_of(path: Path) -> str:
    """The suffix that says what is in a video file.

    Parameters
    ----------
    path : Path
        The file; its own suffix only tells .mov from .mp4.

    Returns
    -------
    str
        .mp4, .mov, .webm, .mkv or .gif.

    Raises
    ------
    InputError
        For another kind of file.
    """
    with opened(path) as container:
        names = set(container.format.name.split(","))
        if "gif" in names:
            return ".gif"
        if "mp4" in names:
            brand = container.metadata.get("major_brand", "")
            return ".mov" if path.suffix.lower() == ".mov" or brand.startswith("qt") else ".mp4"
        if "matroska" in names:
            codecs = {stream.codec_context.name for stream in (*container.streams.video, *container.streams.audio)}
            return ".webm" if codecs <= _WEB_CODECS else ".mkv"
    raise InputError(
        f"'{path.name}' is of the kind {'/'.join(sorted(names))}, which Save Music Video cannot keep as it is; use "
        "Save Video."
    )


def save_as_it_is(source: Path, target: Path, metadata: Mapping[str, Any]) -> None:
    """Copy a video's packets into a new file, untouched, whole or not at all.

    Parameters
    ----------
    source : Path
        The video.
    target : Path
        The new file, with the suffix that `suffix_of` gives.
    metadata : mapping
        Goes into the file's tags. Values that are no texts are stored as JSON, as ComfyUI does. A GIF has one comment,
        a JSON object of them all.

    Raises
    ------
    InputError
        When the source is no video.
    """
    import av

    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    if target.suffix == ".gif":
        with atomic_path(target) as part:
            data = source.read_bytes()
            part.write_bytes(with_comment(data, json.dumps(dict(metadata))) if metadata else data)
        return
    kind = {".mkv": "matroska"}.get(target.suffix, target.suffix[1:])
    with (
        opened(source) as container,
        atomic_path(target) as part,
        av.open(str(part), "w", format=kind, options=container_options(target.suffix)) as output,
    ):
        kept = {key: value for key, value in container.metadata.items() if key.lower() not in _MUXER_KEYS}
        output.metadata.update(kept | texts)
        streams = (*container.streams.video, *container.streams.audio)
        copies = {stream.index: add_copy(output, stream) for stream in streams}
        for packet in container.demux(list(streams)):
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)


def plays_in_browsers(path: Path) -> bool:
    """Whether an ordinary browser shows a video: not ProRes, not lossless, not more than 8 bits of H.264.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    InputError
        When it is no video.
    """
    with opened(path) as container:
        context = container.streams.video[0].codec_context
        if context.name == "h264":
            return context.pix_fmt in _BROWSER_PIXELS
        return context.name in _WEB_CODECS | {"gif", "hevc"}


def write_preview(source: Path, target: Path) -> None:
    """A small H.264 copy of a video with its sound, for a page: at most 512 pixels on the longer side.

    Parameters
    ----------
    source : Path
        The video.
    target : Path
        The copy, an .mp4.

    Raises
    ------
    InputError
        When the source is no video, or tells no frame rate.
    """
    with opened(source) as container:
        stream = container.streams.video[0]
        fps = frame_rate(source, container)
        scale = min(1.0, PREVIEW_SIDE / max(stream.width, stream.height))
        width, height = (max(2, round(side * scale / 2) * 2) for side in (stream.width, stream.height))

        def small() -> Iterator[np.ndarray]:
            for frame in container.decode(stream):
                yield frame.to_ndarray(format="rgb24", width=width, height=height)

        pictures = target.with_name(f"pictures_{target.name}")
        try:
            count = write_segment(pictures, small(), fps=fps, crf=_PREVIEW_CRF)
            waveform, sample_rate = (
                read_audio(source) if container.streams.audio else (np.zeros((1, 8000), np.float32), 8000)
            )
            join_segments(target, [(pictures, count)], fps=fps, waveform=waveform, sample_rate=sample_rate)
        finally:
            pictures.unlink(missing_ok=True)
