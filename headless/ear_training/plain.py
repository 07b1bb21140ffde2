"""Clips plainer than songs: clicks or one figure over and over, silence around them, a hum or a noise below."""

from __future__ import annotations

import numpy as np

from .figures import pick
from .mastering import leveled, noise
from .songs import LENGTH_S, Note
from .styles import DRUMS
from .synth import DrumKit, place

_SOUNDS = "KKSSRCHOWVLGE12"


def make_plain(rng: np.random.Generator, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Clicks on every beat.

    Returns
    -------
    sound : float32 (LENGTH_S * rate,)
    beats : float64 seconds
    numbers : int, place in the bar; never 1 when nothing tells where bars start
    meter : beats of a bar
    """
    n, meter = int(LENGTH_S * rate), int(pick(rng, (4, 4, 4, 3, 3, 2, 5, 6)))
    bpm = np.exp(rng.uniform(np.log(48), np.log(220)))
    tempo = np.cumsum(rng.normal(0, pick(rng, (0, 0, 0.002, 0.006)), int(LENGTH_S * bpm / 60) + 8))
    if rng.random() < 0.25:
        # Slower or faster all the way.
        tempo = tempo + np.linspace(0, rng.uniform(-0.4, 0.4), len(tempo))
    starts = rng.uniform(0, 6) if rng.random() < 0.3 else rng.uniform(0, 1)
    beats = starts + np.concatenate(([0.0], np.cumsum(60 / bpm * np.exp(tempo))))
    ends = LENGTH_S - (rng.uniform(0, 10) if rng.random() < 0.3 else 0)
    beats = beats[beats < ends - 0.1]
    numbers = (np.arange(len(beats)) + int(rng.integers(meter))) % meter + 1
    accented = rng.random() < 0.7
    notes, tones = [], rng.random() < 0.4
    one, other, between = (DRUMS[pick(rng, _SOUNDS)] for _ in range(3))
    halves = rng.random() < 0.35
    for index, (beat, number) in enumerate(zip(beats, numbers, strict=True)):
        first = accented and number == 1
        notes.append(
            Note(beat, beat + 0.1, "drums", one if first else other, 115 if first else int(rng.integers(70, 100)))
        )
        if halves and index + 1 < len(beats):
            notes.append(Note((beat + beats[index + 1]) / 2, 0, "drums", between, int(rng.integers(30, 70))))
    sound = _tones(rng, notes, one, n, rate) if tones else DrumKit(rng, rate).render(notes, n)
    sound = leveled(sound)
    t = np.arange(n) / rate
    if accented and rng.random() < 0.4:
        sound = sound + 0.08 * rng.uniform(0.2, 1) * _held(rng, beats, numbers, t)
    if rng.random() < 0.3:
        sound = sound + 0.03 * rng.uniform(0.1, 1.5) * np.sin(2 * np.pi * rng.uniform(50, 300) * t)
    if rng.random() < 0.3:
        sound = sound + 0.15 * 10 ** (-rng.uniform(12, 50) / 20) * noise(rng, n, rate)
    return sound.astype(np.float32), beats, numbers if accented else np.full(len(beats), 2), meter


def _tones(rng: np.random.Generator, notes: list[Note], one: int, n: int, rate: int) -> np.ndarray:
    """Short tones or clicks instead of drums."""
    samples, decay = np.zeros(n, np.float32), rng.uniform(0.002, 0.08)
    t = np.arange(int(6 * decay * rate) + 8) / rate
    high, low = rng.uniform(400, 3000), rng.uniform(300, 2500)
    for note in notes:
        wave = np.sin(2 * np.pi * (high if note.pitch == one else low) * t) * np.exp(-t / decay)
        place(samples, wave.astype(np.float32), round(note.on * rate), (note.velocity / 100) ** 2)
    return samples


def _held(rng: np.random.Generator, beats: np.ndarray, numbers: np.ndarray, t: np.ndarray) -> np.ndarray:
    """A tone that changes with every bar."""
    opens = beats[numbers == 1]
    pitches = 110 * 2 ** (rng.integers(0, 24, len(opens) + 1) / 12)
    bar = np.searchsorted(opens, t)
    phase = 2 * np.pi * np.cumsum(pitches[bar]) * (t[1] - t[0])
    return (np.sin(phase) + 0.5 * np.sin(2 * phase)) * ((t >= beats[0]) & (t <= beats[-1]))
