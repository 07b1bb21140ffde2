"""A song -> its words, heard by Whisper; known words -> where they are sung."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...base.errors import InputError
from ..audio.signal import checked, mono
from .align import align
from .clean import HeardSegment, clean, lines_of, tightened
from .language import language_of
from .lyrics import Lyrics, Word
from .parse import parse_lyrics
from .settings import HearSettings

if TYPE_CHECKING:
    from ...host.port import Host

RATE = 16_000
_MODULES = {"faster-whisper": "faster_whisper", "openai-whisper": "whisper"}


def hear_lyrics(
    waveform: np.ndarray,
    sample_rate: int,
    settings: HearSettings | None = None,
    *,
    host: Host,
    text: str = "",
    on_progress: Callable[[float], None] = lambda share: None,
) -> Lyrics:
    """Lines with word times.

    Parameters
    ----------
    waveform : float32 (channels, samples) or (samples,)
    sample_rate : Hz
    settings : the Whisper model, the language (ISO 639-1 code) and who runs the model
    host : where models lie
    text : the words, where they are known: lines without times (times are not read). They are placed where they are
        heard, and nothing else is
    on_progress : called with the share that is done, 0..1

    Returns
    -------
    Lyrics. Notes tell what was left out as invented, and which known lines were not heard.

    Raises InputError for a missing package or model, an unknown language, or unusable audio.
    """
    samples, sample_rate = checked(waveform, sample_rate)
    duration = samples.shape[1] / sample_rate
    signal = _at_rate(mono(samples), sample_rate)
    texts = [line.text for line in parse_lyrics(text, form="auto", duration=duration).lines] if text.strip() else []
    settings = settings or HearSettings()
    if texts and not settings.language.strip():
        # A song is easily heard as another language than it is; known words tell it.
        settings = replace(settings, language=language_of("\n".join(texts)))
    segments, heard_language = recognise(signal, settings, host=host, on_progress=on_progress)
    kept, notes = clean(segments, signal, RATE)
    kept = [tightened(segment) for segment in kept]
    if texts:
        words = tuple(word for segment in kept for word in segment.words)
        lyrics = align(texts, words, language=heard_language)
        return lyrics.until(duration)
    return Lyrics(lines_of(kept), language=heard_language, source="whisper", timing="transcribed", notes=notes).until(
        duration
    )


def _at_rate(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    import soxr

    return signal if sample_rate == RATE else soxr.resample(signal, sample_rate, RATE)


def recognise(
    signal: np.ndarray,
    settings: HearSettings,
    *,
    host: Host,
    on_progress: Callable[[float], None] = lambda share: None,
) -> tuple[list[HeardSegment], str]:
    """What Whisper makes of a mono signal at 16 kHz: segments in order, and the language's code."""
    model, backend = settings.model, settings.backend
    language = settings.language.strip().lower()
    there = [name for name, module in _MODULES.items() if importlib.util.find_spec(module) is not None]
    wanted = [name for name in there if backend in ("auto", name)]
    if not wanted:
        named = "faster-whisper" if backend == "auto" else backend
        raise InputError(f"{named} is not installed: pip install {named}, or paste lyrics with times into Load Lyrics.")
    if not np.any(signal):
        return [], language
    path = find_model(model, host)
    if path is not None and len(wanted) > 1:
        # A .pt file is openai-whisper's, a folder is faster-whisper's.
        wanted = ["openai-whisper" if path.suffix == ".pt" else "faster-whisper"]
    run = _faster if wanted[0] == "faster-whisper" else _openai
    return run(signal, model if path is None else str(path), language or None, host, on_progress)


def find_model(name: str, host: Host) -> Path | None:
    """The file or folder of that name among the models "whisper"; None, to take it for the name of a known model."""
    try:
        return host.model_file("whisper", name)
    except (InputError, KeyError):
        pass
    for folder in _model_folders(host):
        path = Path(os.path.normpath(folder / name))
        if path.is_relative_to(folder) and path != folder and path.exists():
            return path
    return None


def _model_folders(host: Host) -> list[Path]:
    """The folder "whisper" beside the other models, also where the host has no such kind."""
    return [folder.parent / "whisper" for folder in host.model_folders("checkpoints")]


def _missing(name: str, how: str) -> InputError:
    return InputError(
        f"There is no Whisper model '{name}' on this machine; put one into the models folder 'whisper', or fetch it "
        f"once with: {how}"
    )


def _faster(
    signal: np.ndarray, model: str, language: str | None, host: Host, on_progress: Callable[[float], None]
) -> tuple[list[HeardSegment], str]:
    from faster_whisper import WhisperModel

    try:
        whisper = WhisperModel(model, device="auto", compute_type="auto", local_files_only=True)
    except (ValueError, RuntimeError, OSError) as error:
        if "CUDA" in str(error) or "libcu" in str(error):
            whisper = WhisperModel(model, device="cpu", local_files_only=True)
        else:
            name = Path(model).name
            raise _missing(
                name, f"python -c \"import faster_whisper; faster_whisper.download_model('{name}')\""
            ) from None
    try:
        found, info = whisper.transcribe(
            signal, language=language, word_timestamps=True, condition_on_previous_text=False,
            beam_size=5,
        )  # fmt: skip
    except ValueError:
        raise InputError(f"'{language}' is no language that Whisper knows; give a code such as en or de.") from None
    segments = []
    for part in found:
        host.check_interrupt()
        words = tuple(Word(float(word.start), float(word.end), word.word) for word in part.words or ())
        segments.append(
            HeardSegment(
                part.start, part.end, part.text, words, part.no_speech_prob, part.avg_logprob, part.compression_ratio
            )
        )
        on_progress(min(part.end * RATE / len(signal), 1.0))
    return segments, info.language or ""


def _openai(
    signal: np.ndarray, model: str, language: str | None, host: Host, on_progress: Callable[[float], None]
) -> tuple[list[HeardSegment], str]:
    import whisper

    known = Path(os.path.expanduser("~/.cache/whisper")) / f"{model}.pt"
    if not Path(model).is_file() and not known.is_file():
        name = Path(model).name
        raise _missing(name, f"python -c \"import whisper; whisper.load_model('{name}')\"")
    host.check_interrupt()
    loaded = whisper.load_model(model)
    if language is not None and language not in whisper.tokenizer.LANGUAGES:
        raise InputError(f"'{language}' is no language that Whisper knows; give a code such as en or de.")
    # The samples themselves: given a file, whisper would call an ffmpeg program.
    result = loaded.transcribe(
        signal.astype(np.float32), language=language, word_timestamps=True, condition_on_previous_text=False,
        fp16=loaded.device.type == "cuda",
    )  # fmt: skip
    on_progress(1.0)
    segments = [
        HeardSegment(
            float(part["start"]), float(part["end"]), part["text"],
            tuple(Word(float(word["start"]), float(word["end"]), word["word"]) for word in part.get("words", ())),
            part["no_speech_prob"], part["avg_logprob"], part["compression_ratio"],
        )
        for part in result["segments"]
    ]  # fmt: skip
    return segments, result.get("language", "")
