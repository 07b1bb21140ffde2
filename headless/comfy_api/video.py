"""VIDEO values: a file that is copied without re-encoding, and pictures in memory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .video_types import VideoCodec, VideoComponents, VideoContainer, VideoInput

if TYPE_CHECKING:
    import av

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import video as _media
from songreel.nodes.base.media.files import atomic_path

# The muxer writes these itself; copied, they would appear twice.
_MUXER_KEYS = ("major_brand", "minor_version", "compatible_brands", "encoder")

_MP4_OPTIONS = _media.FASTSTART


class VideoFromFile(VideoInput):
    """A video that is read from a file, which must stay where it is."""

    def __init__(self, file: str | Path):
        self._file = str(file)

    def get_stream_source(self) -> str:
        """The file's path."""
        return self._file

    @contextlib.contextmanager
    def _open(self) -> Iterator[av.container.InputContainer]:
        import av

        name = Path(self._file).name
        try:
            container = av.open(self._file)
        except (av.error.FFmpegError, OSError):
            raise InputError(f"'{name}' cannot be read as a video; give an mp4, webm or mov file.") from None
        with container:
            if not container.streams.video:
                raise InputError(f"'{name}' has no video in it; give an mp4, webm or mov file.")
            yield container

    def get_dimensions(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        with self._open() as container:
            stream = container.streams.video[0]
            return stream.width, stream.height

    def get_duration(self) -> float:
        """Seconds from the first moment to the last, sound included."""
        import av

        with self._open() as container:
            if container.duration is not None:
                return container.duration / av.time_base
            stream = container.streams.video[0]
            frames = stream.frames or sum(1 for _ in container.decode(stream))
            rate = stream.average_rate or stream.guessed_rate
            if not rate:
                name = Path(self._file).name
                raise InputError(f"'{name}' tells neither its length nor its frame rate; save it as mp4.")
            return float(frames / rate)

    def get_container_format(self) -> str:
        """Names of the file's format, separated by commas."""
        with self._open() as container:
            return container.format.name

    def get_components(self) -> VideoComponents:
        """All pictures and the sound, in memory: 13 GB for three minutes at 512x512."""
        import torch

        from songreel.nodes.base.media.audio import read_audio

        with self._open() as container:
            stream = container.streams.video[0]
            rate = Fraction(stream.average_rate or 1)
            pictures = [torch.from_numpy(frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
            images = torch.stack(pictures).float() / 255 if pictures else torch.zeros(0, stream.height, stream.width, 3)
            metadata = dict(container.metadata)
            has_audio = bool(container.streams.audio)
        audio = None
        if has_audio:
            waveform, sample_rate = read_audio(self._file)
            audio = {"waveform": torch.from_numpy(waveform)[None], "sample_rate": sample_rate}
        return VideoComponents(images=images, frame_rate=rate, audio=audio, metadata=metadata)

    def save_to(
        self,
        path: str | Path,
        format: VideoContainer = VideoContainer.AUTO,
        codec: VideoCodec = VideoCodec.AUTO,
        metadata: dict | None = None,
    ) -> None:
        """Copy the streams into a new file with metadata; encode anew only where another codec is asked for.

        Parameters
        ----------
        path : str or Path
            The new file, which is written whole or not at all.
        format, codec : VideoContainer, VideoCodec
            AUTO keeps what the file has.
        metadata : dict, optional
            Values by name; what is no text is written as JSON.

        Raises
        ------
        InputError
            When the file cannot be read as a video, or is none that an MP4 file can hold.
        """
        import av

        from songreel.nodes.host.port import refuse_mp4

        with self._open() as source:
            same_format = format == VideoContainer.AUTO or VideoContainer(format).value in source.format.name.split(",")
            video_codec = source.streams.video[0].codec_context.name
            if same_format and codec in (VideoCodec.AUTO, video_codec):
                if Path(self._file).suffix != ".mp4" and codec == VideoCodec.AUTO:
                    raise refuse_mp4(Path(self._file))
                with (
                    atomic_path(Path(path)) as part,
                    av.open(str(part), "w", format="mp4", options=_MP4_OPTIONS) as output,
                ):
                    kept = {key: value for key, value in source.metadata.items() if key not in _MUXER_KEYS}
                    output.metadata.update(kept | _as_texts(metadata))
                    targets = {
                        stream.index: _media.add_copy(output, stream)
                        for stream in (*source.streams.video, *source.streams.audio)
                    }
                    for packet in source.demux([source.streams[index] for index in targets]):
                        if packet.dts is not None:
                            packet.stream = targets[packet.stream.index]
                            output.mux(packet)
                return
        VideoFromComponents(self.get_components()).save_to(path, format, codec, metadata)


class VideoFromComponents(VideoInput):
    """A video made of pictures in memory."""

    def __init__(self, components: VideoComponents):
        self._components = components

    def get_components(self) -> VideoComponents:
        """The pictures and the sound."""
        return self._components

    def get_dimensions(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._components.images.shape[2], self._components.images.shape[1]

    def get_duration(self) -> float:
        """Seconds of pictures."""
        return float(len(self._components.images) / self._components.frame_rate)

    def save_to(
        self,
        path: str | Path,
        format: VideoContainer = VideoContainer.AUTO,
        codec: VideoCodec = VideoCodec.AUTO,
        metadata: dict | None = None,
    ) -> None:
        """Encode as H.264 and AAC in MP4, the sound cut to the length of the pictures.

        Raises
        ------
        InputError
            When width or height is odd.
        """
        import av

        from songreel.nodes.base.media.audio import encode_song, samples_of

        images, audio = self._components.images, self._components.audio
        height, width = images.shape[1:3]
        if width % 2 or height % 2:
            raise InputError(f"A video needs an even width and height, the pictures are {width}x{height}; resize them.")
        rate = Fraction(self._components.frame_rate).limit_denominator(1001)
        with atomic_path(Path(path)) as part, av.open(str(part), "w", format="mp4", options=_MP4_OPTIONS) as output:
            output.metadata.update(_as_texts(metadata))
            video = output.add_stream("libx264", rate=rate, options={"crf": "18"})
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.time_base = 1 / rate
            sound: Iterable[Any] = ()
            if audio is not None:
                waveform, sample_rate = samples_of(audio)
                samples = waveform[:, : int(len(images) / rate * sample_rate)]
                sound = encode_song(output, "aac", samples, sample_rate)
            for index, image in enumerate(images):
                pixels = (image.detach().cpu() * 255).clamp(0, 255).byte().numpy()
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = index, 1 / rate
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
            for packet in sound:
                output.mux(packet)


def _as_texts(metadata: dict | None) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in (metadata or {}).items()}


def duration_of(path: Path, kind: str) -> float | None:
    """Length of a file's first stream of a kind.

    Parameters
    ----------
    path : Path
        A media file.
    kind : str
        "video" or "audio".

    Returns
    -------
    float or None
        Seconds; None when there is no such stream, or nothing says how long it is.
    """
    import av

    with av.open(str(path)) as container:
        streams: list[Any] = [stream for stream in container.streams if stream.type == kind]
        if not streams:
            return None
        stream = streams[0]
        if stream.duration is not None:
            return float(stream.duration * stream.time_base)
        return None if container.duration is None else container.duration / av.time_base
