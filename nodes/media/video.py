"""Video files with PyAV: H.264 segments as frames come, joined without re-encoding, with the song beside them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .audio import encode_aac
from .files import atomic_path

if TYPE_CHECKING:
    import av

# x264 gives the same bytes for the same frames only with the same number of threads.
_ENCODER_THREADS = 4
_BT709 = 1
_LIMITED_RANGE = 1


def write_segment(path: Path, frames: Iterable[np.ndarray], *, fps: Fraction, crf: int = 18) -> int:
    """Encode pictures as one closed H.264 segment, whole or not at all, and return their number.

    frames: uint8 (H, W, 3) RGB, H and W even. crf: x264's constant rate factor, 0 is lossless.
    """
    import av

    count = 0
    with atomic_path(path) as part, av.open(str(part), "w", format="mp4") as container:
        stream = None
        for count, picture in enumerate(frames, 1):  # noqa: B007
            if stream is None:
                stream = _h264_stream(container, picture.shape[1], picture.shape[0], fps, crf)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED_RANGE)
            frame.pts, frame.time_base = count - 1, 1 / fps
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return count


def _h264_stream(container: av.container.OutputContainer, width: int, height: int, fps: Fraction, crf: int):
    stream = container.add_stream("libx264", rate=fps)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = 1 / fps
    stream.options = {"crf": str(crf), "preset": "medium"}
    context = stream.codec_context
    context.thread_count = _ENCODER_THREADS
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    return stream


def join_segments(
    path: Path, segments: Iterable[tuple[Path, int]], *, fps: Fraction, waveform: np.ndarray, sample_rate: int
) -> None:
    """Join H.264 segments by copying their packets, and encode the song beside them once.

    segments: (file, number of frames) in order. waveform: float32 (channels, samples).
    """
    import av

    segments = list(segments)
    with atomic_path(path) as part, av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        with av.open(str(segments[0][0])) as first:
            video = output.add_stream_from_template(first.streams.video[0])
        audio = encode_aac(output, waveform, sample_rate)
        for packet in _in_time_order(_copied_packets(segments, video, fps), audio):
            output.mux(packet)


def _copied_packets(segments: list[tuple[Path, int]], stream, fps: Fraction) -> Iterator[av.Packet]:
    import av

    first_frame = 0
    for path, count in segments:
        with av.open(str(path)) as container:
            source = container.streams.video[0]
            offset = int(first_frame / fps / source.time_base)
            for packet in container.demux(source):
                if packet.dts is None:
                    continue
                packet.pts += offset
                packet.dts += offset
                packet.stream = stream
                yield packet
        first_frame += count


def _in_time_order(*streams: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """Merge packet streams by time, so that the muxer need not hold one of them in memory."""
    return heapq.merge(*streams, key=lambda packet: packet.dts * packet.time_base)


def copy_audio(video: Path, song: Path, out: Path) -> bool:
    """Write `video`'s pictures with `song`'s own audio packets, untouched; False when they are not AAC."""
    import av

    with av.open(str(song)) as source:
        if not source.streams.audio or source.streams.audio[0].codec_context.name != "aac":
            return False
        with (
            atomic_path(out) as part,
            av.open(str(video)) as pictures,
            av.open(str(part), "w", format="mp4", options={"movflags": "+faststart+use_metadata_tags"}) as output,
        ):
            output.metadata.update(pictures.metadata)
            streams = [
                (container, stream, output.add_stream_from_template(stream))
                for container, stream in ((pictures, pictures.streams.video[0]), (source, source.streams.audio[0]))
            ]
            for packet in _in_time_order(*(_restreamed(*entry) for entry in streams)):
                output.mux(packet)
    return True


def _restreamed(container, stream, target) -> Iterator[av.Packet]:
    for packet in container.demux(stream):
        if packet.dts is not None:
            packet.stream = target
            yield packet


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """The pictures of a video file, uint8 (H, W, 3) RGB, one at a time."""
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")
