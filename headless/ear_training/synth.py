"""Sounds made in numpy alone: a drum kit, plucked, bowed and blown tones, and a crude singer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from .figures import pick
from .songs import LENGTH_S, Note, Song
from .styles import DRUMS, SINGER

# First three formants of vowels in Hz (Peterson & Barney 1952, men).
_VOWELS = (
    (730, 1090, 2440), (530, 1840, 2480), (390, 1990, 2550), (570, 840, 2410), (300, 870, 2240), (490, 1350, 1690),
)  # fmt: skip
_PAD_PROGRAMS, _HELD_PROGRAMS = range(88, 96), (*range(16, 24), *range(40, 45), *range(48, 80))


def place(samples: np.ndarray, sound: np.ndarray, start: int, level: float) -> None:
    """Add a sound to a mix from sample `start` on, as far as the mix goes."""
    end = min(start + len(sound), len(samples))
    if 0 <= start < end:
        samples[start:end] += level * sound[: end - start]


class DrumKit:
    """A kit of its own for every song: every drum is a tone that falls, or filtered noise, or both.

    Parameters
    ----------
    rng : chooses pitch, decay, brightness and snap of each drum
    rate : samples per second
    """

    def __init__(self, rng: np.random.Generator, rate: int) -> None:
        self.rng, self.rate = rng, rate
        self.electric, self.room = rng.random() < 0.4, rng.uniform(0.7, 1.5)
        self.sounds: dict[int, np.ndarray] = {}

    def render(self, notes: list[Note], n: int) -> np.ndarray:
        """The drum part: float32 (n,)."""
        samples, power = np.zeros(n, np.float32), self.rng.uniform(1.2, 2.2)
        for note in notes:
            if note.pitch not in self.sounds:
                self.sounds[note.pitch] = self._sound(note.pitch)
            place(samples, self.sounds[note.pitch], round(note.on * self.rate), (note.velocity / 100) ** power)
        return samples

    def _sound(self, pitch: int) -> np.ndarray:
        rng, u = self.rng, self.rng.uniform
        letter = next((name for name, number in DRUMS.items() if number == pitch), "S")
        if letter == "K":
            decay = u(0.15, 0.6) if self.electric else u(0.06, 0.22)
            body = self._fall(u(42, 68), u(60, 260), u(0.01, 0.045), decay)
            return _sum(body, u(0.1, 0.7) * self._noise(0.01, 1000, 8000, 0.02))
        if letter in "SE":
            body = self._fall(u(150, 250), u(0, 80), 0.02, u(0.06, 0.16))
            wires = self._noise(u(0.07, 0.22) * self.room, u(300, 1500), u(6000, 10500), 0.5)
            return _sum(u(0.3, 1.0) * body, u(0.4, 1.0) * wires)
        if letter == "R":
            return _sum(0.6 * self._fall(u(400, 1800), 0, 0.01, 0.03), 0.4 * self._noise(0.02, 1500, 9000, 0.06))
        if letter == "C":
            late = (0, u(0.008, 0.014), u(0.018, 0.028))
            bursts = [np.pad(self._noise(0.012, 800, 5000, 0.03), (int(t * self.rate), 0)) for t in late]
            return 0.8 * _sum(*bursts, self._noise(u(0.08, 0.2), 900, 6000, 0.3))
        if letter in "HPOMTDXYA":
            decay = {"H": u(0.02, 0.07), "P": u(0.02, 0.05), "O": u(0.2, 0.5), "M": u(0.02, 0.05), "T": u(0.05, 0.12),
                     "D": u(0.3, 0.9), "A": u(0.02, 0.06)}.get(letter, u(0.8, 1.6))  # fmt: skip
            low = u(4500, 7500) if letter in "HPOMA" else u(2500, 5000)
            wash = self._noise(decay, low, 10800, 4 * decay)
            return u(0.25, 0.5) * _sum(wash, u(0, 0.6) * self._metal(decay, u(250, 420)))
        if letter in "123LG":
            low, high = {"1": (130, 190), "2": (95, 140), "3": (65, 100), "L": (160, 220), "G": (230, 330)}[letter]
            body = self._fall(u(low, high), u(20, 90), 0.03, u(0.1, 0.3))
            return _sum(0.9 * body, 0.15 * self._noise(0.02, 500, 6000, 0.05))
        pitch_hz = {"W": u(540, 850), "V": u(2000, 2700)}.get(letter, 900)
        return 0.6 * self._fall(pitch_hz, 0, 0.01, u(0.03, 0.12)) * (1 if rng.random() < 0.5 else -1)

    def _time(self, seconds: float) -> np.ndarray:
        return np.arange(max(int(seconds * self.rate), 8)) / self.rate

    def _fall(self, low: float, drop: float, speed: float, decay: float) -> np.ndarray:
        t = self._time(6 * decay)
        phase = 2 * np.pi * np.cumsum(low + drop * np.exp(-t / speed)) / self.rate
        return (np.sin(phase) * np.exp(-t / decay) * np.minimum(t / 0.001, 1)).astype(np.float32)

    def _noise(self, decay: float, low: float, high: float, length: float) -> np.ndarray:
        t = self._time(max(length, 5 * decay))
        band = butter(2, (low, min(high, 0.49 * self.rate)), "band", fs=self.rate, output="sos")
        sound = sosfilt(band, self.rng.normal(size=len(t))) * np.exp(-t / decay)
        return (sound / (np.abs(sound).max() + 1e-9)).astype(np.float32)

    def _metal(self, decay: float, base: float) -> np.ndarray:
        # Square waves at ratios without a common root, as drum machines make cymbals.
        t = self._time(5 * decay)
        ratios = np.array([1, 1.342, 1.2312, 1.6532, 1.9523, 2.1523]) * base * 8
        wave = np.sign(np.sin(2 * np.pi * ratios[:, None] * t)).sum(axis=0) / 6
        return (wave * np.exp(-t / decay)).astype(np.float32)


def _padded(sound: np.ndarray, n: int) -> np.ndarray:
    return np.pad(sound[:n], (0, max(n - len(sound), 0)))


def _sum(*sounds: np.ndarray) -> np.ndarray:
    n = max(map(len, sounds))
    return sum((_padded(sound, n) for sound in sounds), np.zeros(n, sounds[0].dtype))


@dataclass(frozen=True)
class Voice:
    """How the tones of one part sound: levels of the harmonics, seconds of attack and decay (0: held), vibrato."""

    harmonics: np.ndarray
    attack: float
    decay: float
    vibrato: float
    breath: float


def voice_for(rng: np.random.Generator, part: str, program: int) -> Voice:
    """A voice that suits a part, by chance."""
    n = np.arange(1, 17)
    held = program in _HELD_PROGRAMS or program in _PAD_PROGRAMS
    slope = rng.uniform(0.7, 2.2) if part != "bass" else rng.uniform(1.0, 2.5)
    harmonics = n**-slope * np.where(n % 2 == 0, rng.uniform(0.1, 1), 1) * np.exp(rng.normal(0, 0.4, len(n)))
    attack = rng.uniform(0.02, 0.18) if program in _PAD_PROGRAMS else rng.uniform(0.01, 0.07) if held else 0.003
    return Voice(
        harmonics / harmonics.sum(), attack, 0.0 if held else rng.uniform(0.15, 1.2),
        rng.uniform(0, 0.3) if held and part == "lead" else 0.0, rng.uniform(0, 0.02) if held else 0.0,
    )  # fmt: skip


def render_part(rng: np.random.Generator, notes: list[Note], voice: Voice, n: int, rate: int) -> np.ndarray:
    """Tones of one part: float32 (n,)."""
    samples = np.zeros(n, np.float32)
    for note in notes:
        release = 0.04
        t = np.arange(int(min(note.off - note.on + release, 5) * rate)) / rate
        f0 = 440 * 2 ** ((note.pitch - 69) / 12)
        usable = voice.harmonics[: max(int(min(0.45 * rate, 9000) / f0), 1)]
        phase = 2 * np.pi * f0 * t
        if voice.vibrato:
            phase += voice.vibrato * np.sin(2 * np.pi * 5.3 * t) * np.minimum(t / 0.4, 1)
        wave = _harmonics(phase, usable)
        shape = np.minimum(t / voice.attack, 1) * np.clip((t[-1] - t) / release, 0, 1)
        if voice.decay:
            shape *= np.exp(-t / (voice.decay * (110 / f0) ** 0.3))
        wave = wave * shape + (voice.breath * rng.normal(size=len(t)) * shape if voice.breath else 0)
        place(samples, wave.astype(np.float32), round(note.on * rate), (note.velocity / 100) ** 1.5)
    return samples


def _harmonics(phase: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """A tone of harmonics with these levels, by the recurrence of Chebyshev: two products each instead of a sine."""
    now, twice = np.sin(phase), 2 * np.cos(phase)
    before, wave = np.zeros_like(now), levels[0] * now
    for level in levels[1:]:
        before, now = now, twice * now - before
        wave += level * now
    return wave


def sing(rng: np.random.Generator, notes: list[Note], n: int, rate: int) -> np.ndarray:
    """Sung notes: harmonics under formants, vibrato, soft attacks, hisses for consonants. float32 (n,)."""
    samples = np.zeros(n, np.float32)
    octave, bright, vibrato = rng.choice([-12, 0, 0]), rng.uniform(0.5, 1.5), rng.uniform(0, 0.35)
    attack, hiss, speaks = rng.uniform(0.02, 0.1), rng.uniform(0, 0.7), rng.random() < 0.15
    for note in notes:
        t = np.arange(int(min(note.off - note.on, 4) * rate)) / rate
        if len(t) < 200:
            continue
        bend = vibrato * np.sin(2 * np.pi * 5.5 * t + rng.uniform(0, 6)) * np.minimum(t / 0.4, 1)
        bend -= rng.uniform(0, 1.5) * np.exp(-t / 0.05)
        if speaks:
            bend += rng.uniform(-6, 3) * t * 3
        f = 440 * 2 ** ((note.pitch + octave - 69 + bend) / 12)
        phase, mean = 2 * np.pi * np.cumsum(f) / rate, f.mean()
        order = np.arange(1, int(min(18, 5000 / mean)) + 1)
        formants = zip(pick(rng, _VOWELS), (110, 140, 220), (1, 0.6, 0.35), strict=True)
        levels = 0.03 + sum(gain / (1 + ((order * mean - c) / width) ** 2) for c, width, gain in formants)
        wave = _harmonics(phase, levels / order ** (0.6 / bright))
        shape = np.minimum(t / attack, 1) * np.minimum((t[-1] - t) / 0.05, 1)
        place(samples, (wave * shape).astype(np.float32), round(note.on * rate), note.velocity / 100)
        if rng.random() < hiss:
            noise = np.diff(rng.normal(0, 0.5, int(rng.uniform(0.03, 0.09) * rate) + 1))
            noise *= np.hanning(len(noise))
            place(samples, noise.astype(np.float32), max(round(note.on * rate) - int(0.7 * len(noise)), 0), 1.0)
    return samples


def by_part(song: Song, part: str) -> list[Note]:
    """The notes of a part."""
    return [note for note in song.notes if note.part == part]


def render(rng: np.random.Generator, song: Song, rate: int) -> np.ndarray:
    """The whole song in numpy's own sounds: float32 (LENGTH_S * rate,), mono."""
    n = int(LENGTH_S * rate)
    mix = DrumKit(rng, rate).render(by_part(song, "drums"), n) * (song.levels["drums"] / 100) ** 2
    for part in ("bass", "chords", "second", "lead"):
        notes, program = by_part(song, part), song.programs[part]
        if not notes:
            continue
        if program == SINGER:
            sound = sing(rng, notes, n, rate)
        else:
            sound = render_part(rng, notes, voice_for(rng, part, program), n, rate)
        loudness = float(np.sqrt(np.mean(np.square(sound)))) + 1e-9
        mix += sound * (0.06 / loudness * (song.levels[part] / 100) ** 2 * (1.6 if part == "bass" else 1))
    return mix
