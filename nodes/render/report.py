"""Time and disk of a render: the estimate before it, and the measurements for its report."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..base.media.codecs import CODECS, DEFAULT_CRF, Encoding

# Bytes per second of a song by FFmpeg's name of its codec; for the two lossless ones, at 48 kHz.
SONG_BYTES = {None: 0, "aac": 24_000, "libopus": 24_000, "flac": 200_000, "pcm_s24le": 288_000}
# Steps of crf that about halve the bytes.
CRF_HALF = 6


@dataclass(frozen=True)
class Estimate:
    """Cost of the remaining work. seconds is None while the speed of this model is unknown."""

    frames: int
    pictures: int
    model_calls: int
    seconds: float | None
    disk_bytes: int

    def text(self) -> str:
        """One line for people."""
        if not self.frames:
            return "all frames are there from an earlier run"
        time_text = (
            "time known after the first batch" if self.seconds is None else f"about {duration_text(self.seconds)}"
        )
        return (
            f"{self.frames} frames from {self.pictures} pictures left to sample, {self.model_calls} model calls, "
            f"{time_text}, about {self.disk_bytes / 1e6:.0f} MB of disk"
        )


def duration_text(seconds: float) -> str:
    """Seconds as '42 s', '3 min 05 s' or '2 h 10 min'."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{max(seconds, 1)} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def picture_bytes(encoding: Encoding, pixels: int) -> float:
    """Bytes of an encoded picture of so many pixels, estimated high, for detailed pictures."""
    kind = encoding.kind
    finer = (DEFAULT_CRF - encoding.crf) / CRF_HALF if kind.crf else 0.0
    return pixels * min(kind.bytes_per_pixel * 2**finer, 3.0)


def disk_bytes(frames: int, width: int, height: int, seconds: float, encoding: Encoding | None = None) -> int:
    """Bytes that a render needs: its segments and the finished file, with the song in it."""
    encoding = encoding or Encoding()
    pictures = picture_bytes(encoding, width * height) + picture_bytes(encoding.segments, width * height)
    return int(frames * pictures + SONG_BYTES[encoding.kind.song] * seconds + 5e6)


def encode_seconds(frames: int, width: int, height: int, encoding: Encoding) -> float:
    """Seconds that encoding takes on two cores; used until this machine is measured."""
    passes = {name: CODECS[name].seconds_per_megapixel for name in (encoding.codec, encoding.segments.codec)}
    return frames * width * height / 1e6 * sum(passes.values())


class SpeedRecord:
    """Two measured times, such as seconds per sampler step and per decode, remembered between runs.

    Parameters
    ----------
    folder : where the record lies, for all keys.
    key : what the times belong to, such as a model and a size.
    """

    def __init__(self, folder: Path, key: str):
        self._path, self._key = folder / "speeds.json", key

    def read(self) -> tuple[float, float] | None:
        """(seconds per step, seconds per decode) of the last render of this kind, or None."""
        try:
            step, decode = json.loads(self._path.read_text("utf-8"))[self._key]
            return float(step), float(decode)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, step: float, decode: float) -> None:
        """Remember the speed; a record that cannot be written costs only the next estimate."""
        try:
            speeds = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            speeds = {}
        speeds[self._key] = [step, decode]
        with contextlib.suppress(OSError):
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(dict(list(speeds.items())[-200:])), "utf-8")
            part.replace(self._path)


class StageClock:
    """Wall time per stage, in seconds."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._begin = time.perf_counter()

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's time under a name."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin

    def total(self) -> float:
        """Seconds since the clock was made."""
        return time.perf_counter() - self._begin
