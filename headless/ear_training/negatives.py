"""Sounds without a beat: speech, noise, drones, rooms, and music that keeps no time."""

from __future__ import annotations

import io
import subprocess

import numpy as np

from .figures import pick
from .mastering import leveled, noise, room
from .songs import LENGTH_S, Note
from .styles import FAMILIES
from .synth import place, render_part, voice_for

_LANGUAGES = ("en", "en-us", "en-gb-scotland", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "sv", "cs", "tr")
_SPEAKERS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4")
_WHO = ("my neighbour", "the last train", "a woman in a red coat", "the committee", "nobody", "our old teacher",
        "the weather", "this small town", "the doctor", "a friend", "the second half", "every child")  # fmt: skip
_DOES = ("has never understood", "forgot", "talks about", "was looking for", "would rather have", "cannot explain",
         "paid for", "walked away from", "remembers", "asked me about", "wrote a letter on", "believed")  # fmt: skip
_WHAT = ("the bridge over the river", "what happened on Tuesday", "three boxes of apples", "the price of bread",
         "a very long journey", "how it all began", "the noise at night", "a map of the harbour",
         "those difficult years", "the key to the garden", "a question that nobody asks", "winter")  # fmt: skip
_END = (".", ".", "?", ", and then", ", but", "!", ", however,")
KINDS = ("speech", "speech", "speech", "babble", "noise", "drone", "silence", "room", "rain", "free")


def make_negative(rng: np.random.Generator, rate: int, kind: str | None = None) -> tuple[np.ndarray, str]:
    """`LENGTH_S` seconds without a beat, float32, and what they are, one of `KINDS`."""
    kind = kind or pick(rng, KINDS)
    n = int(LENGTH_S * rate)
    sound = _MAKERS[kind](rng, n, rate)
    if kind in ("speech", "babble", "drone", "free"):
        if rng.random() < 0.4:
            sound = room(rng, leveled(sound), rate)
        if rng.random() < 0.5:
            sound = leveled(sound) + 0.15 * 10 ** (-rng.uniform(8, 40) / 20) * noise(rng, n, rate)
    return sound.astype(np.float32), kind


def sentence(rng: np.random.Generator) -> str:
    """A sentence that means little."""
    return f"{pick(rng, _WHO)} {pick(rng, _DOES)} {pick(rng, _WHAT)}{pick(rng, _END)}"


def _speech(rng: np.random.Generator, n: int, rate: int) -> np.ndarray:
    """One to three speakers in turn, with pauses; needs the program espeak-ng."""
    import soundfile
    import soxr

    samples, at = np.zeros(n, np.float32), int(rng.uniform(0, 1) * rate)
    people = [(pick(rng, _LANGUAGES), pick(rng, _SPEAKERS), rng.uniform(0.5, 1)) for _ in range(rng.integers(1, 4))]
    while at < n:
        language, speaker, level = pick(rng, people)
        text = " ".join(sentence(rng) for _ in range(rng.integers(1, 5)))
        command = ["espeak-ng", "-v", f"{language}+{speaker}", "-s", str(rng.integers(120, 220)), "--stdout"]
        command += ["-p", str(rng.integers(15, 85)), text]
        wave = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        sound, heard = soundfile.read(io.BytesIO(wave), dtype="float32")
        sound = soxr.resample(sound, heard, rate) if heard != rate else sound
        if not len(sound):
            continue
        place(samples, sound, at, level)
        at += len(sound) + int(rng.exponential(0.6) * rate)
    return samples


def _babble(rng, n: int, rate: int) -> np.ndarray:
    voices = [_speech(rng, n, rate) for _ in range(int(rng.integers(2, 5)))]
    # Each speaker thrice, at other places: a crowd.
    crowd = (np.roll(voice, int(rng.integers(n))) for voice in voices for _ in range(3))
    return sum(crowd, np.zeros(n, voices[0].dtype))


def _noise(rng, n: int, rate: int) -> np.ndarray:
    return 0.1 * noise(rng, n, rate)


def _drone(rng, n: int, rate: int) -> np.ndarray:
    """Held tones that swell slowly."""
    t, sound = np.arange(n) / rate, np.zeros(n)
    for _ in range(int(rng.integers(1, 7))):
        hertz, anchors = 55 * 2 ** rng.uniform(0, 4), int(rng.integers(3, 12))
        swell = np.interp(np.arange(n), np.linspace(0, n, anchors), rng.uniform(0, 1, anchors))
        for harmonic in range(1, int(rng.integers(2, 9))):
            sound += (
                swell * harmonic ** -rng.uniform(0.7, 2) * np.sin(2 * np.pi * hertz * harmonic * t + rng.uniform(0, 6))
            )
    return sound


def _silence(rng, n: int, rate: int) -> np.ndarray:
    return 10 ** -rng.uniform(3, 5) * noise(rng, n, rate)


def _room(rng, n: int, rate: int) -> np.ndarray:
    """Knocks, steps, clatter and a murmur, at times that keep no measure."""
    sound, at = 0.03 * noise(rng, n, rate), 0.0
    if rng.random() < 0.5:
        sound = sound + rng.uniform(0.02, 0.3) * leveled(_speech(rng, n, rate))
    mean = rng.uniform(0.2, 2.5)
    while True:
        at += rng.exponential(mean) + 0.05
        if at * rate >= n:
            return sound
        length = int(rng.uniform(0.01, 0.4) * rate)
        knock = rng.normal(size=length) * np.exp(-np.arange(length) * 5 / length)
        if rng.random() < 0.5:
            knock *= np.sin(2 * np.pi * rng.uniform(60, 3000) * np.arange(length) / rate)
        place(sound, knock.astype(np.float32), int(at * rate), rng.uniform(0.05, 0.5))


def _rain(rng, n: int, rate: int) -> np.ndarray:
    drops = (rng.random(n) < rng.uniform(20, 800) / rate) * rng.exponential(1, n)
    drop = rng.normal(size=int(rng.uniform(0.002, 0.02) * rate))
    drop *= np.linspace(1, 0, len(drop)) ** 2
    return np.convolve(drops, drop, "same") + rng.uniform(0, 1) * noise(rng, n, rate)


def _free(rng, n: int, rate: int) -> np.ndarray:
    """Tones at times that keep no measure, some together, long and short."""
    notes, at, mean = [], 0.0, rng.uniform(0.5, 4)
    program, key = pick(rng, FAMILIES[pick(rng, ("pad", "piano", "strings", "bells", "choir"))]), int(rng.integers(12))
    while at < LENGTH_S:
        together, length = int(rng.integers(1, 5)), rng.uniform(0.4, 5)
        for _ in range(together):
            pitch = key + 36 + 12 * int(rng.integers(0, 4)) + pick(rng, (0, 2, 4, 5, 7, 9, 11))
            notes.append(Note(at, at + length, "chords", pitch, int(rng.integers(40, 110))))
        at += rng.exponential(mean) + 0.03
    return render_part(rng, notes, voice_for(rng, "chords", program), n, rate)


_MAKERS = {
    "speech": _speech,
    "babble": _babble,
    "noise": _noise,
    "drone": _drone,
    "silence": _silence,
    "room": _room,
    "rain": _rain,
    "free": _free,
}
