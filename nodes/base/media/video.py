"""Video files with PyAV: segments as frames come, joined without re-encoding, with the song beside them."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ..errors import InputError
from .audio import encode_song, read_audio
from .codecs import CODECS, DEFAULT_CODEC, DEFAULT_CRF, Codec, Encoding
from .decode import default_stream
from .files import atomic_path

if TYPE_CHECKING:
    import av

# x264 gives the same bytes for the same frames only with the same number of threads.
_ENCODER_THREADS = 4
_BT709 = 1
_RGB = 0
_LIMITED_RANGE, _FULL_RANGE = 1, 2
_FORMATS = {".mp4": "mp4", ".mov": "mov", ".webm": "webm", ".mkv": "matroska", ".gif": "gif"}
# What sound a file of a kind carries as it is.
COPIED_SOUND = {
    ".mp4": ("aac", "mp3", "flac", "alac"),
    ".mov": ("aac", "mp3", "alac", "pcm_s16le", "pcm_s24le"),
    ".webm": ("opus", "vorbis"),
}
# Where the index and the tags stand at the front: a page reads them from the first bytes of a file.
FASTSTART = {"movflags": "+faststart+use_metadata_tags"}


def write_segment(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    fps: Fraction,
    crf: int = DEFAULT_CRF,
    codec: str = DEFAULT_CODEC,
    bit_depth: str = "auto",
) -> int:
    """Encode pictures as one closed segment, whole or not at all.

    Parameters
    ----------
    path : Path
        The file, with the suffix that `Encoding.segment_suffix` gives.
    frames : iterable of ndarray
        uint8 or uint16 (H, W, 3) RGB, H and W even where the codec halves its colours.
    fps : Fraction
        Frames per second.
    crf, codec, bit_depth
        See `Encoding`. What is written is the codec's segment.

    Returns
    -------
    int
        The number of frames.

    Raises
    ------
    InputError
        When the settings, the size or the rate do not fit the codec, or PyAV has no encoder for it.
    """
    import av

    encoding = Encoding(codec, bit_depth, crf).segments
    encoding.require_rate(fps)
    count = written = 0
    with atomic_path(path) as part, av.open(str(part), "w", format=_FORMATS[encoding.kind.suffix]) as container:
        stream = None

        def mux(packets: Iterable[av.Packet]) -> None:
            nonlocal written
            for packet in packets:
                # x265 counts decoding times from a frame that a segment of one or two frames does not have.
                packet.dts, packet.time_base = written - encoding.kind.reorder, 1 / fps
                written += 1
                container.mux(packet)

        for count, picture in enumerate(frames, 1):  # noqa: B007
            if stream is None:
                stream = _video_stream(container, picture.shape[1], picture.shape[0], fps, encoding)
            frame = _to_frame(picture, stream.pix_fmt)
            frame.pts, frame.time_base = count - 1, 1 / fps
            # The first picture opens the encoder.
            with own_scheduling():
                packets = stream.encode(frame)
            mux(packets)
        if stream is not None:
            mux(stream.encode(None))
    return count


@contextmanager
def own_scheduling() -> Iterator[None]:
    """Give this thread its scheduling policy back at the end.

    SVT-AV1 makes the thread that opens it a real-time one where it may, as root: whatever that thread starts or
    computes later would starve all others.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, priority)


def _video_stream(container: av.container.OutputContainer, width: int, height: int, fps: Fraction, encoding: Encoding):
    import av
    from av.codec.codec import UnknownCodecError

    encoding.require_size(width, height)
    kind = encoding.kind
    # SVT-AV1 tells its settings on standard error each time it starts, unless it is asked for errors only.
    os.environ.setdefault("SVT_LOG", "1")
    try:
        stream = container.add_stream(kind.encoder[encoding.depth], rate=fps)
    except UnknownCodecError:
        raise InputError(
            f"This PyAV has no encoder for {kind.title} ({kind.encoder[encoding.depth]}); install PyAV's own wheel "
            "with pip install --force-reinstall av, or choose another codec."
        ) from None
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = width, height, kind.pixels[encoding.depth]
    stream.time_base = 1 / fps
    stream.options = {**encoding.options()}
    context = stream.codec_context
    context.thread_count = _ENCODER_THREADS
    context.color_primaries = context.color_trc = _BT709
    context.colorspace, context.color_range = _colours(stream.pix_fmt)
    if kind.tag:
        context.codec_tag = kind.tag
    return stream


def _colours(pixels: str) -> tuple[int, int]:
    """Matrix and range of a pixel format, FFmpeg's numbers: BT.709 in limited range, RGB as it is."""
    return (_BT709, _LIMITED_RANGE) if pixels.startswith("yuv") else (_RGB, _FULL_RANGE)


def _to_frame(picture: np.ndarray, pixels: str) -> av.VideoFrame:
    import av

    frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.dtype == np.uint8 else "rgb48le")
    matrix, levels = _colours(pixels)
    if matrix == _RGB:
        frame = frame.reformat(format=pixels)
        frame.colorspace, frame.color_range = matrix, levels
        return frame
    frame = frame.reformat(format=pixels, dst_colorspace=matrix, dst_color_range=levels)
    for name in ("color_primaries", "color_trc"):  # ProRes writes those of each frame; PyAV before 16 has no such names
        if hasattr(frame, name):
            setattr(frame, name, _BT709)
    return frame


def join_segments(
    path: Path,
    segments: Iterable[tuple[Path, int]],
    *,
    fps: Fraction,
    waveform: np.ndarray | None = None,
    sample_rate: int = 0,
    song: Path | None = None,
    codec: str = DEFAULT_CODEC,
) -> None:
    """Make the finished file of a codec's segments: copy their packets, and encode the song beside them once.

    A GIF is encoded here from its segments, which are lossless, and has no sound.

    Parameters
    ----------
    path : Path
        The file; it is there whole or not at all.
    segments : iterable of (Path, int)
        Files and their numbers of frames, in order, written with the same codec.
    fps : Fraction
        Frames per second.
    waveform : ndarray, optional
        float32 (channels, samples).
    sample_rate : int
        Of the waveform, in Hz.
    song : Path, optional
        In place of a waveform, a file whose sound is copied, or encoded anew where this kind of file cannot carry it.
    codec : str
        A name of `CODECS`.
    """
    import av

    segments, kind = list(segments), CODECS[codec]
    if kind.suffix == ".gif":
        from .gif import write_gif

        write_gif(path, (read_frames(segment) for segment, _ in segments), fps=fps)
        return
    with (
        atomic_path(path) as part,
        ExitStack() as stack,
        av.open(str(part), "w", format=_FORMATS[kind.suffix], options=container_options(kind.suffix)) as output,
    ):
        with av.open(str(segments[0][0])) as first:
            video = add_copy(output, first.streams.video[0], 1 / fps)
        if song is not None:
            audio = _sound_of(stack.enter_context(av.open(str(song))), song, output, kind)
        else:
            assert kind.song is not None and waveform is not None, "a file with sound takes a song or a waveform"
            audio = encode_song(output, kind.song, waveform, sample_rate)
        for packet in _in_time_order(_copied_packets(segments, video, fps, kind.reorder), audio):
            output.mux(packet)


def _sound_of(source, path: Path, output: av.container.OutputContainer, kind: Codec) -> Iterator[av.Packet]:
    """The packets of a file's sound in `output`: its own where the file can carry them, else encoded anew."""
    if not source.streams.audio:
        return iter(())
    stream = source.streams.audio[0]
    if stream.codec_context.name in COPIED_SOUND[kind.suffix]:
        return _restreamed(source, stream, add_copy(output, stream))
    assert kind.song is not None, "only a GIF has no sound, and it is not made here"
    return encode_song(output, kind.song, *read_audio(path))


def container_options(suffix: str) -> dict[str, str]:
    """The muxer's options of a kind of file.

    Parameters
    ----------
    suffix : str
        Such as .mp4.
    """
    return FASTSTART if suffix in (".mp4", ".mov") else {}


def add_copy(
    output: av.container.OutputContainer, stream: av.stream.Stream, time_base: Fraction | None = None
) -> av.stream.Stream:
    """A stream of `output` that takes the packets of another as they are.

    Parameters
    ----------
    output : av.container.OutputContainer
        Open for writing.
    stream : av.stream.Stream
        Of an open input file.
    time_base : Fraction, optional
        Seconds of one tick of the new stream's clock; absent, the old one's.
    """
    # opaque: also streams whose decoder is no encoder, such as AV1's.
    target = output.add_stream_from_template(stream, opaque=True)
    if stream.type == "video" and stream.codec_context.name == "hevc" and output.format.name in ("mp4", "mov"):
        target.codec_context.codec_tag = "hvc1"  # the only one that Apple's players take
    with suppress(RuntimeError):  # before PyAV 15 a copy always ticks at 1/90000 s
        target.time_base = time_base or stream.time_base
    return target


def _copied_packets(segments: list[tuple[Path, int]], stream, fps: Fraction, reorder: int) -> Iterator[av.Packet]:
    """The segments' packets on one clock of frames; decoding keeps one distance throughout, whatever each segment's."""
    import av

    first_frame = decoded = 0
    for path, count in segments:
        with av.open(str(path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.dts is None:
                    continue
                packet.pts = first_frame + round(packet.pts * packet.time_base * fps)
                packet.dts = decoded - reorder
                packet.duration, packet.time_base = 1, 1 / fps
                packet.stream = stream
                decoded += 1
                yield packet
        first_frame += count


def _in_time_order(*streams: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """Merge packet streams, all with times, by time, so that the muxer need not hold one of them in memory."""
    return heapq.merge(*streams, key=lambda packet: cast(int, packet.dts) * packet.time_base)


def copy_audio(video: Path, song: Path, out: Path) -> bool:
    """Write a video's pictures with a song's own AAC packets beside them, both untouched, as MP4.

    Sound that starts late in its file starts at 0, as `read_audio` has it.

    Parameters
    ----------
    video : Path
        Gives the pictures and the tags.
    song : Path
        Gives the sound.
    out : Path
        The new file; it is there whole or not at all.

    Returns
    -------
    bool
        False, with nothing written, when the song is not AAC.
    """
    import av

    with av.open(str(song)) as source:
        if not source.streams.audio or default_stream(source).codec_context.name != "aac":
            return False
        sound = default_stream(source)
        with (
            atomic_path(out) as part,
            av.open(str(video)) as pictures,
            av.open(str(part), "w", format="mp4", options=FASTSTART) as output,
        ):
            output.metadata.update(pictures.metadata)
            streams = [
                (container, stream, add_copy(output, stream))
                for container, stream in ((pictures, pictures.streams.video[0]), (source, sound))
            ]
            late = max(sound.start_time or 0, 0)
            shifts = (0, late)
            for packet in _in_time_order(
                *(_restreamed(*entry, shift) for entry, shift in zip(streams, shifts, strict=True))
            ):
                output.mux(packet)
    return True


def _restreamed(container, stream, target, shift: int = 0) -> Iterator[av.Packet]:
    """A stream's packets for another file, earlier by `shift` of the stream's own ticks."""
    for packet in container.demux(stream):
        if packet.dts is not None:
            if shift:
                packet.dts -= shift
                packet.pts = None if packet.pts is None else packet.pts - shift
            packet.stream = target
            yield packet


def read_frames(path: Path, *, deep: bool = False) -> Iterator[np.ndarray]:
    """The pictures of a video file, one at a time.

    Parameters
    ----------
    path : Path
        A file that FFmpeg reads.
    deep : bool
        Whether 16 bits per colour are wanted.

    Yields
    ------
    ndarray
        uint8 (H, W, 3) RGB; uint16 with `deep`.
    """
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb48le" if deep else "rgb24")
