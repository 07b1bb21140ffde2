"""Songs in and out: decoding to samples, and the one encode of the song that goes into the video."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .decode import SongDecoder, default_stream
from .files import atomic_path

if TYPE_CHECKING:
    import av

MAX_AAC_RATE, MAX_FLAC_RATE, OPUS_RATE = 96_000, 48_000, 48_000
# The sampling frequencies that AAC can carry (ISO/IEC 14496-3, table 1.18), in Hz.
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_FRAMES_PER_BLOCK = 65_536
# What so many channels usually are; FFmpeg mixes them down by it.
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

log = logging.getLogger(__name__)


def read_audio(path: Path | str) -> tuple[np.ndarray, int]:
    """Decode the sound of a file: its default audio stream, or the first.

    What cannot be decoded is silent for as long as it lasts, and the log says how much that is. Where channels or rate
    change midway, all is brought to what the song begins with. More than two channels become stereo, by their layout.

    Parameters
    ----------
    path : Path or str
        A file that FFmpeg reads.

    Returns
    -------
    waveform : ndarray
        float32 (channels, samples); full scale is -1..1.
    sample_rate : int
        In Hz.

    Raises
    ------
    InputError
        When the file is missing, has no audio, or little of it can be decoded.
    """
    import av

    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no audio file '{path.name}'; check the name and the folder.")
    decoder = None
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"'{path.name}' has no audio in it; give a wav, flac, mp3, ogg or m4a file.")
            decoder = SongDecoder(default_stream(container))
            decoder.decode(container)
    except (av.error.FFmpegError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        if decoder is None or not decoder.decoded:
            raise _unreadable(path, _reason(error)) from None
        log.warning("'%s' is damaged: reading stopped early (%s)", path.name, _reason(error))
    waveform = decoder.samples()
    if not waveform.shape[1]:
        if decoder.trouble:
            raise _unreadable(path, decoder.trouble)
        raise InputError(f"'{path.name}' has no sound in it (0 samples); give a song.")
    lost = decoder.lost / decoder.rate
    if decoder.lost > 9 * decoder.decoded:
        raise _unreadable(path, f"{lost:.1f} s of it are damaged")
    if decoder.trouble:
        log.warning("'%s' is damaged: %.1f s cannot be decoded and are silent (%s)", path.name, lost, decoder.trouble)
    return waveform, decoder.rate


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(f"'{path.name}' cannot be read as audio ({reason}); give a wav, flac, mp3, ogg or m4a file.")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def samples_of(audio: Any) -> tuple[np.ndarray, int]:
    """The samples of a ComfyUI AUDIO value. It is read as a mapping, since it may be lazy, and not changed.

    Parameters
    ----------
    audio : mapping
        `waveform`, a Tensor (1, channels, samples), and `sample_rate` in Hz.

    Returns
    -------
    waveform : ndarray
        float32 (channels, samples).
    sample_rate : int
        In Hz.

    Raises
    ------
    InputError
        When it is not one song of finite samples.
    """
    try:
        waveform, sample_rate = audio["waveform"], audio["sample_rate"]
    except (TypeError, KeyError):
        kind = type(audio).__name__ if not isinstance(audio, Mapping) else f"keys {sorted(audio)}"
        raise InputError(
            f"audio must have a waveform and a sample_rate, got {kind}; connect a Load Audio node."
        ) from None
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, (int, np.integer)) or sample_rate < 1:
        raise InputError(f"audio: the sample rate must be a whole number of Hz, got {sample_rate!r}.")
    shape = tuple(getattr(waveform, "shape", ()))
    if len(shape) != 3 or shape[0] != 1:
        raise InputError(f"audio must be one song of shape (1, channels, samples), got {shape}; pick one of the batch.")
    if shape[1] == 0 or shape[2] == 0:
        raise InputError(f"audio is empty (shape {shape}); load a song with sound in it.")
    samples = np.asarray(waveform[0].detach().float().cpu().numpy())
    if not np.isfinite(samples).all():
        raise InputError("audio holds NaN or infinite samples; load the song again or repair the node before this one.")
    return samples, int(sample_rate)


def encode_song(
    container: av.container.OutputContainer, codec: str, waveform: np.ndarray, sample_rate: int
) -> Iterator[av.Packet]:
    """Add a song's stream to an open container and yield its packets in order.

    More than two channels become stereo. A rate that the codec cannot carry is resampled: AAC's to the next one that it
    can, over 96 kHz to the half or quarter, Opus' to 48 kHz. Loudness stays as it is.

    Parameters
    ----------
    container : av.container.OutputContainer
        Takes the stream; the caller muxes the packets.
    codec : str
        FFmpeg's name: aac, libopus, flac, pcm_s24le (the last two with 24 bits).
    waveform : ndarray
        float32 (channels, samples); what lies outside -1..1 is clipped.
    sample_rate : int
        In Hz.
    """
    import av

    rates = {"aac": aac_rate, "libopus": lambda _: OPUS_RATE}
    rate = rates[codec](sample_rate) if codec in rates else sample_rate
    layout = "mono" if waveform.shape[0] == 1 else "stereo"
    stream = container.add_stream(codec, rate=rate, layout=layout)
    assert isinstance(stream, av.AudioStream)
    sample_format = {"aac": "fltp", "libopus": "flt"}.get(codec, "s32")
    stream.format = sample_format
    if codec in rates:
        stream.bit_rate = 96_000 if layout == "mono" else 192_000
    return _packets(stream, sample_format, waveform, sample_rate)


def write_flac(path: Path, waveform: np.ndarray, sample_rate: int) -> None:
    """Write a song for listening: 16 bits, at most 48 kHz and stereo, no sample earlier or later than it was.

    Parameters
    ----------
    path : Path
        The file; it is there whole or not at all.
    waveform : ndarray
        float32 (channels, samples); what lies outside -1..1 is clipped.
    sample_rate : int
        In Hz.
    """
    import av

    rate = min(sample_rate, MAX_FLAC_RATE)
    with atomic_path(path) as part, av.open(str(part), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=rate, layout="mono" if waveform.shape[0] == 1 else "stereo")
        for packet in _packets(stream, "s16", waveform, sample_rate):
            container.mux(packet)


def _packets(stream: av.AudioStream, sample_format: str, waveform: np.ndarray, sample_rate: int) -> Iterator[av.Packet]:
    """The waveform's packets in the stream's own rate and layout."""
    import av

    resampler = av.AudioResampler(format=sample_format, layout=stream.layout, rate=stream.rate)
    source_layout = _LAYOUTS.get(waveform.shape[0])
    if source_layout is None:
        waveform, source_layout = waveform.mean(axis=0, keepdims=True), "mono"

    for start in range(0, waveform.shape[1], _FRAMES_PER_BLOCK):
        block = np.ascontiguousarray(waveform[:, start : start + _FRAMES_PER_BLOCK].clip(-1, 1), dtype=np.float32)
        # Interleaved: PyAV holds no more than eight planes, and miscounts eight.
        frame = av.AudioFrame.from_ndarray(block.T.reshape(1, -1), format="flt", layout=source_layout)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        for resampled in resampler.resample(frame):
            yield from stream.encode(resampled)
    for resampled in resampler.resample(None):
        yield from stream.encode(resampled)
    yield from stream.encode(None)


def aac_rate(sample_rate: int) -> int:
    """The rate at which AAC carries a song: its own where AAC can (ISO/IEC 14496-3, table 1.18).

    Parameters
    ----------
    sample_rate : int
        Of the song, in Hz.

    Returns
    -------
    int
        In Hz. Another rate becomes the next higher one; over 96 kHz it is halved first.
    """
    while sample_rate > MAX_AAC_RATE:
        sample_rate = -(-sample_rate // 2)
    return next(rate for rate in AAC_RATES if rate >= sample_rate)
