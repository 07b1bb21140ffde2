"""A video as a folder of PNG files, one per frame, streamed."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...base.media.audio import encode_song, read_audio
from ...base.media.files import atomic_path
from .source import is_deep, opened

_SIGNATURE_AND_HEADER = 8 + 25
_OPTIONS = {"compression_level": "4", "pred": "mixed"}
SONG_NAME = "song.flac"


def frame_name(index: int) -> str:
    """File name of a frame.

    Parameters
    ----------
    index : int
        Counted from 0.
    """
    return f"frame_{index:06d}.png"


def save_frames(
    source: Path, folder: Path, metadata: Mapping[str, Any], *, on_frame: Callable[[int], None] = lambda count: None
) -> int:
    """Write every frame of a video as PNG into a new folder, with its sound as FLAC beside them.

    The folder appears when all of it is there, or not at all.

    Parameters
    ----------
    source : Path
        The video. Where it has 8 bits per colour the files have too, else 16.
    folder : Path
        It does not exist yet.
    metadata : mapping
        Goes into every file, as ComfyUI does it: a text per entry, JSON where the value is no text.
    on_frame : callable
        on_frame(count) is called after each frame.

    Returns
    -------
    int
        The number of frames.

    Raises
    ------
    InputError
        When the source is no video.
    """
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    try:
        count = _write_frames(source, part, texts, on_frame)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return count


def _write_frames(source: Path, folder: Path, texts: Mapping[str, str], on_frame: Callable[[int], None]) -> int:
    import av

    count = 0
    with opened(source) as container:
        stream = container.streams.video[0]
        pixels = "rgb48be" if is_deep(container) else "rgb24"
        for frame in container.decode(stream):
            # One encoder each: a picture is a file of its own, so nothing may be held back for the next.
            encoder = av.CodecContext.create("png", "w")
            encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, pixels
            encoder.time_base, encoder.options = Fraction(1, 1000), _OPTIONS
            picture = frame.reformat(format=pixels)
            picture.pts = 0
            data = b"".join(bytes(packet) for packet in (*encoder.encode(picture), *encoder.encode(None)))
            (folder / frame_name(count)).write_bytes(with_texts(data, texts))
            count += 1
            on_frame(count)
        has_sound = bool(container.streams.audio)
    if has_sound:
        waveform, sample_rate = read_audio(source)
        with atomic_path(folder / SONG_NAME) as part, av.open(str(part), "w", format="flac") as output:
            for packet in encode_song(output, "flac", waveform, sample_rate):
                output.mux(packet)
    return count


def with_texts(png: bytes, texts: Mapping[str, str]) -> bytes:
    """A PNG file's bytes with text chunks after its header: tEXt where the text is plain ASCII, else iTXt.

    Parameters
    ----------
    png : bytes
        A whole PNG file.
    texts : mapping of str to str
        Keywords (Latin-1, 1 to 79 characters by the standard) and texts.
    """
    chunks = b""
    for key, text in texts.items():
        if text.isascii():
            kind, data = b"tEXt", key.encode("latin-1") + b"\0" + text.encode("ascii")
        else:
            kind, data = b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode()
        chunks += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return png[:_SIGNATURE_AND_HEADER] + chunks + png[_SIGNATURE_AND_HEADER:]
