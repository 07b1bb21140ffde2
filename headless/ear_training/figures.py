"""What basses and chords play in a bar, by name: notes in beats from the bar's start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figured:
    """A note of a figure: start and length in beats, MIDI pitches, loudness (1 is usual), share of its length held."""

    start: float
    length: float
    pitches: tuple[int, ...]
    level: float = 1.0
    held: float = 0.9


@dataclass(frozen=True)
class Bar:
    """What figures need to know of a bar.

    steps: of a beat. kicks: steps with a kick drum. rhythm: steps that syncopated figures strike. root: of the bass.
    leads_to: the next bar's root. chord: pitches. index: number of the bar. push: beats by which its first chord comes
    early, 0 or negative. accent: how much louder its first beat is. loop: (beat, pitch) of a riff.
    """

    meter: int
    steps: int
    kicks: tuple[int, ...]
    rhythm: tuple[int, ...]
    root: int
    leads_to: int
    chord: tuple[int, ...]
    index: int
    push: float
    accent: float
    loop: tuple[tuple[float, int], ...]

    @property
    def fifth(self) -> int:
        return self.root + 7 if self.root < 40 else self.root - 5

    def spans(self, steps: tuple[int, ...]) -> Iterator[tuple[float, float]]:
        """Start and length in beats of strikes at these steps, each until the next."""
        ends = (*steps[1:], self.meter * self.steps)
        for step, end in zip(steps, ends, strict=True):
            yield step / self.steps, (end - step) / self.steps


Figure = Callable[[Bar, np.random.Generator], list[Figured]]


def pick(rng: np.random.Generator, choices):
    """One of a sequence, all equally likely."""
    return choices[int(rng.integers(len(choices)))]


def bass_notes(name: str, bar: Bar, rng: np.random.Generator) -> list[Figured]:
    """A bar of a bass figure."""
    return _BASS[name](bar, rng)


def chord_notes(name: str, bar: Bar, rng: np.random.Generator) -> list[Figured]:
    """A bar of a chord figure."""
    return _CHORDS[name](bar, rng)


def _each(bar: Bar, offsets, length: float, level_after: float = 1.0) -> list[Figured]:
    """The root at these places of every beat."""
    return [
        Figured(beat + place, length, (bar.root,), 1.0 if place == 0 else level_after)
        for beat in range(bar.meter)
        for place in offsets
    ]


def _walk(bar: Bar, rng) -> list[Figured]:
    steps = [bar.root + pick(rng, (2, 3, 4, 5, 7, 9, -3, -5)) for _ in range(bar.meter - 2)]
    line = [bar.root, *steps, bar.leads_to + pick(rng, (-1, 1, 2, -2))][: bar.meter]
    notes = [Figured(beat, 1, (pitch,), held=0.92) for beat, pitch in enumerate(line)]
    return notes + [Figured(n.start + 2 / 3, 0.33, n.pitches, 0.7, 0.8) for n in notes if rng.random() < 0.08]


def _funk(bar: Bar, rng) -> list[Figured]:
    chance = (0.35, 0.07, 0.21, 0.21)
    steps = [i for i in range(bar.meter * bar.steps) if i == 0 or rng.random() < chance[i % 4]]
    return [
        Figured(
            i / bar.steps, 1 / bar.steps, (bar.root + pick(rng, (0, 0, 0, 12, 10, 7)),), 1.05 if i == 0 else 0.85, 0.8
        )
        for i in steps
    ]


def _placed(*notes: tuple[float, float, str]) -> Figure:
    """A fixed figure: (start, length, "root", "fifth" or "octave"), what fits the bar."""

    def figure(bar: Bar, rng) -> list[Figured]:
        pitch = {"root": bar.root, "fifth": bar.fifth, "octave": bar.root + 12}
        return [Figured(start, length, (pitch[which],)) for start, length, which in notes if start < bar.meter]

    return figure


def _syncopated(bar: Bar, rng) -> list[Figured]:
    steps = tuple(sorted({0, *bar.rhythm}))
    return [
        Figured(start + (bar.push if start == 0 else 0), length, (bar.root if rng.random() < 0.8 else bar.fifth,))
        for start, length in bar.spans(steps)
    ]


def _reggae(bar: Bar, rng) -> list[Figured]:
    places = (0, 3, 4, 6) if bar.index % 2 else (0, 2, 3, 5)
    return [Figured(i / 2, 0.5, (bar.root + pick(rng, (0, 0, 4, 7)),)) for i in places if i / 2 < bar.meter]


def _drop(bar: Bar, rng) -> list[Figured]:
    # Nothing on the one.
    places = pick(rng, ((1, 3, 4, 6), (2, 3, 5, 6), (1, 2, 5), (3, 4, 7)))
    return [Figured(i / 2, 0.5, (bar.root + pick(rng, (0, 0, 4, 7)),)) for i in places if i / 2 < bar.meter]


_BASS: dict[str, Figure] = {
    "root8": lambda bar, rng: _each(bar, (0, 0.5) if bar.steps == 4 else (0,), 0.5 if bar.steps == 4 else 1.0),
    "root16": lambda bar, rng: _each(bar, (0, 0.25, 0.5, 0.75), 0.25),
    "shuffle8": lambda bar, rng: _each(bar, (0, 2 / 3), 0.33, 0.85),
    "gallop": lambda bar, rng: _each(bar, (0, 0.5, 0.75), 0.25),
    "kick": lambda bar, rng: [Figured(i / bar.steps, 0.5, (bar.root,)) for i in bar.kicks or (0,)],
    "sustain": lambda bar, rng: [Figured(bar.push, bar.meter - 0.1 - bar.push, (bar.root,))],
    "sustain2": lambda bar, rng: [
        Figured(0, bar.meter / 2, (bar.root,)),
        Figured(bar.meter / 2, bar.meter / 2, (bar.fifth,), 0.9),
    ],
    "walk": _walk,
    "boom": lambda bar, rng: _placed((0, 1.6, "root"), (2, 1.6, "fifth"))(bar, rng),
    "waltz": lambda bar, rng: [Figured(0, 1.5 if rng.random() < 0.5 else 2.9, (bar.root,))],
    "octave8": lambda bar, rng: [Figured(i / 2, 0.5, (bar.root + 12 * (i % 2),), 1, 0.8) for i in range(2 * bar.meter)],
    "octaves": lambda bar, rng: [
        Figured(i, 0.9, (bar.root, bar.root - 12) if i == 0 else (bar.fifth,), 1.1 if i == 0 else 0.85)
        for i in range(0, bar.meter, 2 if bar.meter % 2 == 0 and bar.meter > 2 else 1)
    ],
    "offbeat": lambda bar, rng: [Figured(i + 0.5, 0.5, (bar.root,), 1, 0.8) for i in range(bar.meter)],
    "synco": _syncopated,
    "funk": _funk,
    "reggae": _reggae,
    "drop": _drop,
    "bossa": _placed((0, 1.5, "root"), (1.5, 0.5, "fifth"), (2, 1.5, "fifth"), (3.5, 0.5, "root")),
    "tumbao": _placed((1.5, 1.5, "fifth"), (3, 1, "octave")),
    "rests": lambda bar, rng: [Figured(0, pick(rng, (0.5, 1, 1.5)), (bar.root,))] if rng.random() < 0.75 else [],
}


def _struck(bar: Bar, places, length: float, *, held: float = 0.9, weak: float = 1.0) -> list[Figured]:
    """The chord at these beats; the bar's first is accented, those off the beat are `weak`."""
    return [
        Figured(p, length, bar.chord, 1 + bar.accent if p == 0 else 1.0 if p % 1 == 0 else weak, held) for p in places
    ]


def _every(bar: Bar, n: int) -> list[float]:
    return [i / n for i in range(bar.meter * n)]


def _halves(bar: Bar) -> int:
    return 2 if bar.steps == 4 else 3


def _broken(n: int) -> Figure:
    """An arpeggio of n notes a beat, up and down through the chord and its octaves."""

    def figure(bar: Bar, rng) -> list[Figured]:
        each = 3 if bar.steps == 3 else n
        tones = (bar.chord[0] - 12, *bar.chord, bar.chord[0] + 12)
        down = rng.random() < 0.3
        notes = []
        for i in range(bar.meter * each):
            turn = i % (2 * len(tones) - 2)
            tone = tones[min(turn, 2 * len(tones) - 2 - turn) if not down else -1 - i % len(tones)]
            notes.append(Figured(i / each, 1 / each, (tone,), 1 + bar.accent if i == 0 else 0.9, 1.2))
        return notes

    return figure


def _alberti(bar: Bar, rng) -> list[Figured]:
    each = _halves(bar)
    order = (bar.chord[0], bar.chord[-1], bar.chord[len(bar.chord) // 2], bar.chord[-1])
    return [
        Figured(i / each, 1 / each, (order[i % 4],), 1 + bar.accent if i == 0 else 0.9, 1.1)
        for i in range(bar.meter * each)
    ]


def _boomchick(bar: Bar, rng) -> list[Figured]:
    chicks = range(1, bar.meter, 2 if bar.meter == 4 else 1)
    return [Figured(0, 0.9, (bar.root + 12,)), *(Figured(i, 0.5, bar.chord, 0.9, 0.8) for i in chicks)]


def _waltz(bar: Bar, rng) -> list[Figured]:
    after = (Figured(i, 0.6, bar.chord, 0.85, 0.8) for i in range(1, bar.meter))
    return [Figured(0, 0.9, (bar.root + 12,), 1 + bar.accent), *after]


def _strum(bar: Bar, rng) -> list[Figured]:
    each = _halves(bar)
    strokes = [i for i in range(bar.meter * each) if i == 0 or rng.random() < (0.85 if i % each == 0 else 0.55)]
    level = {i: 1.1 if i == 0 else 1.0 if i % each == 0 else 0.8 for i in strokes}
    return [Figured(i / each, 1 / each, bar.chord, level[i], 1.1) for i in strokes]


def _sync(bar: Bar, rng) -> list[Figured]:
    return [
        Figured(start + (bar.push if start == 0 else 0), min(length, 2), bar.chord, 1, 0.85)
        for start, length in bar.spans(bar.rhythm)
    ]


def _montuno(bar: Bar, rng) -> list[Figured]:
    steps = tuple(i for i in (0, 2, 3, 6, 7, 10, 11, 14) if i < bar.meter * bar.steps)
    return [
        Figured(start, min(length, 2), (pick(rng, bar.chord), pick(rng, bar.chord) + 12), 1, 0.85)
        for start, length in bar.spans(steps)
    ]


def _chugs(bar: Bar, places) -> list[Figured]:
    return [Figured(p, 0.25, bar.chord[:2], 1 + bar.accent if p == 0 else 0.9, 0.8) for p in places]


def _gallop(bar: Bar, rng) -> list[Figured]:
    shape = (0, 0.5, 0.75) if rng.random() < 0.9 else (0, 0.25, 0.5)
    return _chugs(bar, [beat + place for beat in range(bar.meter) for place in shape])


def _shuffle(bar: Bar, rng) -> list[Figured]:
    low = bar.chord[0]
    return [
        Figured(
            beat + place, 0.33, (low, low + (7 if (beat + bar.index) % 2 == 0 else 9)), 1 if place == 0 else 0.85, 0.8
        )
        for beat in range(bar.meter)
        for place in (0, 2 / 3)
    ]


_CHORDS: dict[str, Figure] = {
    "pad": lambda bar, rng: [Figured(bar.push, bar.meter - bar.push, bar.chord, 0.9, 1.0)],
    "quarter": lambda bar, rng: _struck(bar, _every(bar, 1), 1),
    "eighth": lambda bar, rng: _struck(bar, _every(bar, _halves(bar)), 0.5, held=0.95, weak=0.9),
    "power8": lambda bar, rng: _struck(bar, _every(bar, _halves(bar)), 0.5, held=0.95, weak=0.95),
    "repeat16": lambda bar, rng: _struck(bar, _every(bar, bar.steps), 0.25, held=0.9, weak=0.8),
    "offbeat8": lambda bar, rng: _struck(bar, [i + 0.5 for i in range(bar.meter)], 0.3, held=0.8),
    "bubble": lambda bar, rng: [
        Figured(i / 2, 0.25, bar.chord, 0.7 if i % 2 == 0 else 1, 0.7) for i in range(2 * bar.meter)
    ],
    "backbeat": lambda bar, rng: _struck(bar, range(1, bar.meter, 2), 0.4, held=0.8),
    "boomchick": _boomchick,
    "waltz": _waltz,
    "arp8": _broken(2),
    "arp16": _broken(4),
    "arp12": _broken(3),
    "alberti": _alberti,
    "triplet": lambda bar, rng: _struck(bar, _every(bar, 3), 1 / 3, weak=0.85),
    "chug16": lambda bar, rng: _chugs(bar, [p for p in _every(bar, 4) if p % 1 == 0 or rng.random() < 0.93]),
    "gallop": _gallop,
    "kickchug": lambda bar, rng: _chugs(bar, [i / bar.steps for i in bar.kicks or (0,)]),
    "charleston": lambda bar, rng: _struck(bar, (0, 1.5 if bar.steps == 4 else 1 + 2 / 3), 0.6),
    "freddie": lambda bar, rng: _struck(bar, _every(bar, 1), 0.7, held=0.7),
    "shuffle8": _shuffle,
    "strum": _strum,
    "sync": _sync,
    "montuno": _montuno,
    "loop": lambda bar, rng: [Figured(beat, 0.5, (pitch,), 0.9, 1.2) for beat, pitch in bar.loop],
}
