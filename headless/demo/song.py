"""The demo song: 28 s of our own music, synthesised from a fixed seed, so that its true beats are known.

Public domain (CC0): anyone may use the sound for anything.

Twelve bars at 112 BPM and a last chord that rings out: a groove (4 bars), a quiet bridge (3), a
build-up (1), a drop (4).
"""

from __future__ import annotations

import os
import tempfile
import wave
from pathlib import Path

import numpy as np

# Words to its tune, which an instrument sings.
LYRICS = Path(__file__).with_suffix(".lrc")
SAMPLE_RATE = 44_100
BPM = 112.0
FIRST_BEAT_S = 0.25
BARS = 12
DURATION_S = 27.9
# Bars [first, last) of each part.
GROOVE, BRIDGE, BUILD_UP, DROP = (0, 4), (4, 7), (7, 8), (8, 12)
PEAK = 0.89

_BEAT_S = 60 / BPM
_BAR_S = 4 * _BEAT_S
_SEED = 20_26
# MIDI notes of the pad and of the bass, one chord a bar.
_CHORDS = {
    "Am7": ((57, 60, 64, 67), 33),
    "F": ((57, 60, 65, 69), 29),
    "C": ((55, 60, 64, 67), 36),
    "G": ((55, 59, 62, 67), 31),
    "Dm7": ((57, 60, 62, 65), 38),
}
_PROGRESSION = ("Am7", "F", "C", "G", "F", "C", "Dm7", "G", "Am7", "F", "C", "G", "Am7")
# (beat within the part, length in beats, MIDI note)
_GROOVE_TUNE = ((8, 1, 76), (9, 0.5, 74), (9.5, 1.5, 72), (11.5, 0.5, 74), (12, 1.5, 74), (13.5, 0.5, 71), (14, 2, 67))
_BRIDGE_TUNE = ((0, 3, 72), (3, 1, 69), (4, 3, 67), (7, 1, 64), (8, 2, 65), (10, 2, 69))
_DROP_TUNE = (
    (0, 0.75, 76), (0.75, 0.75, 76), (1.5, 0.5, 74), (2, 1, 72), (3, 1, 69),
    (4, 0.75, 72), (4.75, 0.75, 72), (5.5, 0.5, 74), (6, 2, 69),
    (8, 0.75, 76), (8.75, 0.75, 79), (9.5, 0.5, 76), (10, 1, 74), (11, 1, 72),
    (12, 0.75, 74), (12.75, 0.75, 74), (13.5, 0.5, 76), (14, 1, 74), (15, 1, 71), (16, 3, 69),
)  # fmt: skip


def true_beats() -> np.ndarray:
    """Seconds of every beat, from the first to the last chord, float64 (49,)."""
    return FIRST_BEAT_S + np.arange(4 * BARS + 1) * _BEAT_S


def true_downbeats() -> np.ndarray:
    """Seconds of the first beat of every bar and of the last chord, float64 (13,)."""
    return true_beats()[::4]


def section_seconds(bars: tuple[int, int]) -> tuple[float, float]:
    """Start and end in seconds of a part such as `BRIDGE`."""
    return FIRST_BEAT_S + bars[0] * _BAR_S, FIRST_BEAT_S + bars[1] * _BAR_S


def make_demo_song() -> tuple[np.ndarray, int]:
    """Synthesise the song: float32 (2, samples) with peaks of 0.89, and its sample rate in Hz."""
    rng = np.random.default_rng(_SEED)
    dry, wet = _Track(), _Track()
    _drums(dry, wet, rng)
    duck = _ducking()
    for track, bass, pad in ((dry, 1.0, 0.65), (wet, 0.0, 0.35)):
        layer = _Track()
        _bass(layer, bass)
        _chords(layer, pad)
        track.samples += layer.samples * duck
    _melody(dry, wet)
    _effects(dry, wet, rng)
    mix = dry.samples + _reverb(wet.samples, rng)
    mix = np.tanh(1.1 * mix / np.abs(mix).max() * 1.6)
    fade = min(int(1.2 * SAMPLE_RATE), mix.shape[1])
    mix[:, -fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    return (PEAK * mix / np.abs(mix).max()).astype(np.float32), SAMPLE_RATE


def ensure_demo_song(folder: Path) -> Path:
    """Path of demo_song.wav in a folder; the first call writes it (16 bits), whole or not at all."""
    folder = Path(folder)
    path = folder / "demo_song.wav"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    song, sample_rate = make_demo_song()
    handle, unfinished = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream, wave.open(stream, "wb") as out:
            out.setnchannels(len(song))
            out.setsampwidth(2)
            out.setframerate(sample_rate)
            out.writeframes(np.round(song.T * 32767).astype("<i2").tobytes())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return path


class _Track:
    """A stereo strip that sounds are placed on, by seconds."""

    def __init__(self):
        self.samples = np.zeros((2, round(DURATION_S * SAMPLE_RATE)))

    def add(self, sound: np.ndarray, seconds: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix in a mono (n,) or stereo (2, n) sound; pan -1 is left, 1 is right, at equal power."""
        start = round(seconds * SAMPLE_RATE)
        sound = sound[..., : max(self.samples.shape[1] - start, 0)]
        angle = (pan + 1) * np.pi / 4
        sides = np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]])
        self.samples[:, start : start + sound.shape[-1]] += gain * sides * sound


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _hertz(midi: float) -> float:
    return 440.0 * 2 ** ((midi - 69) / 12)


def _at(bar: int, beat: float) -> float:
    return FIRST_BEAT_S + bar * _BAR_S + beat * _BEAT_S


def _filtered(noise: np.ndarray, kind: str, hertz: float | tuple[float, float]) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    return sosfilt(butter(2, hertz, kind, fs=SAMPLE_RATE, output="sos"), noise)


def _envelope(time: np.ndarray, *, attack: float, release: float) -> np.ndarray:
    """Rises over `attack` and falls over the last `release` seconds."""
    return np.clip(time / attack, 0, 1) * np.clip((len(time) / SAMPLE_RATE - time) / release, 0, 1)


def _tone(hertz: float, seconds: float, *, harmonics: int, rolloff: float, detune: float = 0.0) -> np.ndarray:
    """A saw-like tone whose harmonics fall by n ** -rolloff."""
    time = _time(seconds)
    phase = 2 * np.pi * hertz * 2 ** (detune / 1200) * time
    return sum(np.sin(n * phase) / n**rolloff for n in range(1, harmonics + 1) if n * hertz < 16_000)


# Instruments -----------------------------------------------------------------------------------------


def _kick() -> np.ndarray:
    time = _time(0.32)
    phase = 2 * np.pi * (47 * time + 110 * 0.028 * (1 - np.exp(-time / 0.028)))
    body = np.sin(phase) * np.exp(-time / 0.11)
    return body + 0.35 * np.sin(2 * np.pi * 1800 * time) * np.exp(-time / 0.003)


def _snare(rng: np.random.Generator) -> np.ndarray:
    time = _time(0.28)
    noise = _filtered(rng.standard_normal(len(time)), "bandpass", (900, 9000))
    body = np.sin(2 * np.pi * 188 * time) * np.exp(-time / 0.05)
    return 0.7 * body + 0.85 * noise * np.exp(-time / 0.065)


def _hat(rng: np.random.Generator, decay: float) -> np.ndarray:
    time = _time(6 * decay)
    return _filtered(rng.standard_normal(len(time)), "highpass", 7500) * np.exp(-time / decay)


def _crash(rng: np.random.Generator) -> np.ndarray:
    time = _time(2.2)
    return _filtered(rng.standard_normal((2, len(time))), "highpass", 4500) * np.exp(-time / 0.55)


# Parts -----------------------------------------------------------------------------------------------


def _drums(dry: _Track, wet: _Track, rng: np.random.Generator) -> None:
    kick, snare, closed, open_ = _kick(), _snare(rng), _hat(rng, 0.022), _hat(rng, 0.09)
    beat: float
    for bar in (*range(*GROOVE), *range(*DROP)):
        full = bar >= DROP[0]
        for beat in range(4) if full else (0, 2):
            dry.add(kick, _at(bar, beat), 0.95)
        if not full and bar % 2:
            dry.add(kick, _at(bar, 3.5), 0.6)
        for beat in (1, 3):
            dry.add(snare, _at(bar, beat), 0.62 if full else 0.5)
            wet.add(snare, _at(bar, beat), 0.22)
        for step in range(8):
            level = 0.32 if step % 2 == 0 else 0.22
            dry.add(closed, _at(bar, step / 2), level * rng.uniform(0.9, 1.0), pan=0.25)
            if full and step % 2:
                dry.add(open_, _at(bar, step / 2), 0.2, pan=-0.2)
        if full:
            for step in (3, 7, 11, 15):
                dry.add(closed, _at(bar, step / 4), 0.1, pan=0.45)
    for late in (3.5, 3.75):
        dry.add(snare, _at(DROP[1] - 1, late), 0.35, pan=0.15)
    # The roll of the build-up: eighths, then sixteenths, ever louder, and a breath before the drop.
    for beat in (*np.arange(0, 2, 0.5), *np.arange(2, 3.5, 0.25)):
        level = 0.08 + 0.25 * (beat / 3.5) ** 2
        dry.add(snare, _at(BUILD_UP[0], beat), level)
        wet.add(snare, _at(BUILD_UP[0], beat), 0.4 * level)
    dry.add(kick, _at(BARS, 0), 1.0)


def _ducking() -> np.ndarray:
    """Gain that makes room for every kick of the drop."""
    gain = np.ones(round(DURATION_S * SAMPLE_RATE))
    time = _time(_BEAT_S)
    dip = 1 - 0.55 * np.exp(-time / 0.09) * np.clip(time / 0.004, 0, 1)
    for beat in range(4 * DROP[0], 4 * DROP[1]):
        start = round((FIRST_BEAT_S + beat * _BEAT_S) * SAMPLE_RATE)
        gain[start : start + len(dip)] = dip
    return gain


def _bass(track: _Track, gain: float) -> None:
    if not gain:
        return
    patterns = {
        GROOVE: ((0, 1.4), (1.5, 0.45), (2, 0.9), (3, 0.45), (3.5, 0.45)),
        DROP: tuple((step / 2, 0.42) for step in range(8)),
    }
    for part, pattern in patterns.items():
        for bar in range(*part):
            root = _CHORDS[_PROGRESSION[bar]][1]
            for beat, length in pattern:
                octave = 12 if part is DROP and beat % 1 else 0
                note = _tone(_hertz(root + octave), length * _BEAT_S, harmonics=9, rolloff=1.35)
                time = _time(length * _BEAT_S)
                shape = _envelope(time, attack=0.006, release=0.03) * (0.55 + 0.45 * np.exp(-time / 0.12))
                track.add(note * shape, _at(bar, beat), 0.3 * gain)
    last = _tone(_hertz(33), 1.9, harmonics=8, rolloff=1.5)
    track.add(last * np.exp(-_time(1.9) / 0.7) * _envelope(_time(1.9), attack=0.006, release=0.3), _at(BARS, 0), 0.32)


def _chords(track: _Track, gain: float) -> None:
    for bar, name in enumerate(_PROGRESSION):
        length = _BAR_S + 0.25 if bar < BARS else DURATION_S - _at(BARS, 0)
        time = _time(length)
        quiet = BRIDGE[0] <= bar < BRIDGE[1]
        level = 0.042 if quiet else 0.06 if bar < BUILD_UP[1] else 0.085
        shape = _envelope(time, attack=0.25 if quiet else 0.02, release=0.25)
        if bar == BARS:
            shape = shape * np.exp(-time / 1.1)
        elif bar in range(*BUILD_UP):
            shape = shape * np.linspace(0.5, 1.3, len(time))
        for note in _CHORDS[name][0]:
            sides = [_tone(_hertz(note), length, harmonics=4 if quiet else 8, rolloff=1.5, detune=d) for d in (-6, 6)]
            track.add(np.stack(sides) * shape, _at(bar, 0), level * gain)
        if bar in range(*DROP):
            _stabs(track, bar, gain)


def _stabs(track: _Track, bar: int, gain: float) -> None:
    for beat in (0.5, 1.5, 2.5, 3.5):
        for index, note in enumerate(_CHORDS[_PROGRESSION[bar]][0]):
            pluck = _tone(_hertz(note + 12), 0.4, harmonics=10, rolloff=1.15) * np.exp(-_time(0.4) / 0.09)
            shape = _envelope(_time(0.4), attack=0.003, release=0.05)
            track.add(pluck * shape, _at(bar, beat), 0.05 * gain, pan=0.5 * (-1) ** index)


def _melody(dry: _Track, wet: _Track) -> None:
    tunes = ((GROOVE, _GROOVE_TUNE, 0.1, 3), (BRIDGE, _BRIDGE_TUNE, 0.06, 2), (DROP, _DROP_TUNE, 0.13, 5))
    for part, tune, level, harmonics in tunes:
        for beat, length, note in tune:
            seconds = length * _BEAT_S + 0.06
            time = _time(seconds)
            vibrato = 1 + 0.0035 * np.sin(2 * np.pi * 5.3 * time) * np.clip((time - 0.15) / 0.2, 0, 1)
            phase = 2 * np.pi * np.cumsum(_hertz(note) * vibrato) / SAMPLE_RATE
            voice = sum(np.sin(n * phase) / n**1.9 for n in range(1, 2 * harmonics, 2))
            voice = voice * _envelope(time, attack=0.012, release=0.07) * (0.6 + 0.4 * np.exp(-time / 0.25))
            start = _at(part[0], beat)
            dry.add(voice, start, level)
            wet.add(voice, start, 0.5 * level)
            for echo, pan in ((1, -0.6), (2, 0.6), (3, -0.6)):
                wet.add(voice, start + 0.75 * echo * _BEAT_S, level * 0.36**echo, pan=pan)
                dry.add(voice, start + 0.75 * echo * _BEAT_S, level * 0.33**echo, pan=pan)


def _effects(dry: _Track, wet: _Track, rng: np.random.Generator) -> None:
    """A riser into the drop, and crashes where the drop starts and on the last chord."""
    length = _BAR_S * (BUILD_UP[1] - BUILD_UP[0]) - 0.5 * _BEAT_S
    progress = np.linspace(0, 1, round(length * SAMPLE_RATE))
    noise = rng.standard_normal((2, len(progress)))
    dark, bright = _filtered(noise, "bandpass", (400, 1500)), _filtered(noise, "bandpass", (2500, 9000))
    riser = ((1 - progress) * dark + progress * bright) * progress**2
    sweep = np.sin(2 * np.pi * np.cumsum(220 * 2 ** (2 * progress)) / SAMPLE_RATE) * progress**2
    for track, gain in ((dry, 0.6), (wet, 0.4)):
        track.add(riser, _at(BUILD_UP[0], 0), 0.16 * gain)
        track.add(sweep, _at(BUILD_UP[0], 0), 0.07 * gain)
        for bar in (DROP[0], BARS):
            track.add(_crash(rng), _at(bar, 0), 0.3 * gain)


def _reverb(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hall: convolution with 1.8 s of darkening noise that differs left and right."""
    from scipy.signal import oaconvolve

    time = _time(1.8)
    noise = rng.standard_normal((2, len(time)))
    bright, dark = _filtered(noise, "bandpass", (250, 7000)), _filtered(noise, "bandpass", (250, 2500))
    response = (bright * np.exp(-time / 0.12) + dark * np.exp(-time / 0.38)) * np.clip(time / 0.012, 0, 1)
    response /= np.sqrt(np.sum(response**2, axis=1, keepdims=True))
    return 0.9 * oaconvolve(samples, response, axes=1)[:, : samples.shape[1]]
