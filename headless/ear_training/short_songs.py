"""The three short songs that the tests listen to.

    python -m headless.ear_training.short_songs tests/songs

Writes NAME.flac and NAME.beats (seconds and place in the bar of every beat) from fixed seeds, in numpy alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .songs import make_song
from .synth import render

RATE = 22_050
_PEAK, _FADE_S = 0.7, 0.6
# Ten bits, the noise 60 dB down, halve the files.
_STEPS = 512


@dataclass(frozen=True)
class _Wanted:
    name: str
    style: str
    bpm: float
    seconds: float
    seed: int


SONGS = (
    _Wanted("rock_128", "rock", 128.0, 15.5, 3),
    _Wanted("waltz_96", "waltz", 96.0, 16.0, 5),
    _Wanted("drum_and_bass_174", "dnb", 174.0, 14.0, 2),
)


def write(folder: Path) -> None:
    """Write all of `SONGS` with their beats into a folder."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    for wanted in SONGS:
        rng = np.random.default_rng(wanted.seed)
        song = make_song(rng, wanted.style, bpm=wanted.bpm, steady=True)
        samples = render(rng, song, RATE)[: int(wanted.seconds * RATE)]
        samples *= _PEAK / np.abs(samples).max()
        fade = int(_FADE_S * RATE)
        samples[-fade:] *= np.linspace(1, 0, fade)
        samples = np.round(samples * _STEPS) / _STEPS
        soundfile.write(folder / f"{wanted.name}.flac", samples, RATE, subtype="PCM_16")
        heard = song.beats < wanted.seconds - _FADE_S
        lines = [f"{t:.3f} {n}\n" for t, n in zip(song.beats[heard], song.numbers[heard], strict=True)]
        (folder / f"{wanted.name}.beats").write_text("".join(lines))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
