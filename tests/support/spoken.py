"""Test audio with known words: espeak-ng speaks each word by itself, so that the start of every word is known."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from headless.demo.song import make_demo_song

RATE = 44_100
LINES = (
    "down at the river the morning is cold",
    "nobody answers the letters I wrote",
    "carry me over the bridge in the rain",
    "summer will find us together again",
    "look at the mountains the sky and the sea",
    "open the window and listen to me",
)


def available() -> bool:
    """Whether espeak-ng is installed."""
    return shutil.which("espeak-ng") is not None


def say(word: str, *, speed: int = 150) -> np.ndarray:
    """One spoken word at `RATE` without silence around it, float32 (samples,), peak 1."""
    import soxr

    from songreel.nodes.base.media.audio import read_audio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "word.wav"
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", str(speed), "-w", str(path), word], check=True)
        waveform, rate = read_audio(path)
    sound = soxr.resample(waveform[0], rate, RATE)
    loud = np.flatnonzero(np.abs(sound) > 0.03 * np.abs(sound).max())
    return sound[loud[0] : loud[-1]] / np.abs(sound).max()


def spoken_song(lines=LINES, *, music_db: float | None = 0.0) -> tuple[np.ndarray, int, list[list[tuple[float, str]]]]:
    """Lines spoken over the demo song, the voice `music_db` louder than the music (None: no music).

    Returns
    -------
    float32 (samples,), `RATE`, and for each line its words as (start in seconds, word)
    """
    song = make_demo_song()[0].mean(axis=0)
    voice = np.zeros_like(song)
    told, time = [], 0.8
    for line in lines:
        words = []
        for word in line.split():
            sound = say(word)
            start = int(time * RATE)
            sound = sound[: len(voice) - start]
            voice[start : start + len(sound)] += sound
            words.append((start / RATE, word))
            time += len(sound) / RATE + 0.03
        told.append(words)
        time += 0.9
    if music_db is None:
        return (0.5 * voice).astype(np.float32), RATE, told
    active = np.abs(voice) > 0.01
    level = np.sqrt(np.mean(voice[active] ** 2)) / np.sqrt(np.mean(song[active] ** 2))
    mix = voice + song * level * 10 ** (-music_db / 20)
    return (0.8 * mix / np.abs(mix).max()).astype(np.float32), RATE, told
