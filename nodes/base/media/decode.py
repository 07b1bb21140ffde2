"""Sound of a file -> samples, packet by packet, so that a damaged one loses itself and not the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import av

# Times of packets are rounded; a shorter gap is none.
_SHORTEST_GAP_SECONDS = 0.1
_DEFAULT = 1


def default_stream(container: av.container.InputContainer) -> av.AudioStream:
    """The audio stream that players choose: the one that is marked as the default, else the first."""
    marked = [stream for stream in container.streams.audio if int(getattr(stream, "disposition", 0)) & _DEFAULT]
    return (marked or list(container.streams.audio))[0]


class SongDecoder:
    """Decodes one stream. What it begins with decides the rate in Hz, and mono or stereo.

    decoded, lost: samples that were decoded, and that are silent because they could not be. trouble: the first error.
    """

    def __init__(self, stream: av.AudioStream):
        self.stream = stream
        self.rate = stream.codec_context.sample_rate
        self.decoded = self.lost = 0
        self.trouble = ""
        self._layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        self._blocks: list[np.ndarray] = []
        self._kind: tuple | None = None
        self._resampler: av.AudioResampler | None = None
        self._begin: float | None = None
        self._failed = 0.0
        self._failed_before = False
        self._mixed = False

    def decode(self, container: av.container.InputContainer) -> None:
        """Decode the stream to its end."""
        import av

        for packet in container.demux(self.stream):
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError) as error:
                if packet.size:
                    self.trouble = self.trouble or str(getattr(error, "strerror", None) or error).lower()
                    self._failed += float(packet.duration * packet.time_base) if packet.duration else 0.0
                    self._failed_before = True
                continue
            for frame in frames:
                self._add(frame)
        self._flush()

    def samples(self) -> np.ndarray:
        """What was decoded, float32 (channels, samples)."""
        if not self._blocks:
            return np.zeros((1, 0), np.float32)
        samples = np.concatenate(self._blocks, axis=1).astype(np.float32, copy=False)
        # Channels that were mixed down add up; what they began with lay within full scale.
        peak = float(np.abs(samples).max()) if self._mixed and samples.size else 0.0
        return samples / peak if peak > 1 else samples

    def _add(self, frame: av.AudioFrame) -> None:
        import av

        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            self._flush()
            if self._kind is None and frame.sample_rate:
                self.rate, self._layout = frame.sample_rate, "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._kind = kind
            self._mixed = self._mixed or frame.layout.nb_channels > 2
            self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=self.rate)
        self._fill_gap(frame)
        # The resampler keeps no time of its own: gaps are filled here.
        frame.pts = None
        self._keep(frame)

    def _fill_gap(self, frame: av.AudioFrame) -> None:
        """Silence for what was lost before a frame; by the file's times where it has them."""
        if frame.pts is None or frame.time_base is None:
            missing = self._failed
        else:
            time = float(frame.pts * frame.time_base)
            self._begin = time - (self._failed if self._failed_before else 0.0) if self._begin is None else self._begin
            missing = time - self._begin - (self.decoded + self.lost) / self.rate
            # Times that jump where nothing failed are those of glued files, and no silence.
            missing = missing if self._failed_before else 0.0
            missing = min(missing, 2 * self._failed + 1.0) if self._failed else missing
        if self._failed_before and missing > _SHORTEST_GAP_SECONDS / 10:
            self._flush()
            count = round(missing * self.rate)
            self._blocks.append(np.zeros((1 if self._layout == "mono" else 2, count), np.float32))
            self.lost += count
        self._failed, self._failed_before = 0.0, False

    def _flush(self) -> None:
        if self._resampler is not None:
            self._keep(None)
            self._resampler = None
            self._kind = None if self._kind is None else ()

    def _keep(self, frame: av.AudioFrame | None) -> None:
        if self._resampler is None:
            return
        for block in self._resampler.resample(frame):
            samples = block.to_ndarray()
            self._blocks.append(samples)
            self.decoded += samples.shape[1]
