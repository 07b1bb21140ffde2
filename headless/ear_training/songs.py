"""Songs made by rule: notes with the beats and bar lines that they were written on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .figures import Bar, bass_notes, chord_notes, pick
from .styles import DRUMS, FAMILIES, SINGER, STYLES, Style

LENGTH_S = 32.0
DRUM_CHANNEL = 9
CHANNELS = {"chords": 0, "bass": 1, "second": 2, "lead": 3, "drums": DRUM_CHANNEL}
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 5, 7, 9, 10))
_PROGRESSIONS = (
    (0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 4), (0, 0, 3, 4), (1, 4, 0, 0), (0, 2, 3, 4), (5, 4, 3, 4),
    (0, 6, 5, 6), (0, 0, 0, 0), (0, 3, 0, 4), (0, 5, 1, 4), (0, 6, 3, 0), (0, 4, 5, 2, 3, 0, 3, 4),
)  # fmt: skip
_JAZZ = ("swing", "jazzballad", "jazzwaltz", "bossa", "funk")
_POWER = ("metal", "punk")
_KICK, _SNARE, _CRASHES, _TOMS = DRUMS["K"], DRUMS["S"], (49, 57), (48, 45, 41)
_CYMBALS = {DRUMS[letter] for letter in "HPODMT"}


@dataclass(frozen=True)
class Note:
    """A note: seconds from `on` to `off`, the part that plays it, MIDI pitch and velocity."""

    on: float
    off: float
    part: str
    pitch: int
    velocity: int


@dataclass
class Song:
    """A song before it sounds.

    notes: of all parts. programs: General MIDI program of each part, `SINGER` for a sung lead. levels: 0..127 a part.
    beats: float64 seconds. numbers: int (beats,), place in the bar, 1 is a downbeat. style: its name.
    """

    style: str
    beats: np.ndarray
    numbers: np.ndarray
    meter: int
    bpm: float
    notes: list[Note] = field(default_factory=list)
    programs: dict[str, int] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)


def make_song(rng: np.random.Generator, style: str | None = None, *, bpm: float | None = None, steady=False) -> Song:
    """A song of `LENGTH_S` seconds.

    Parameters
    ----------
    rng : all chance comes from it
    style : a name of `STYLES`; by weight when not given
    bpm : tempo; within the style's when not given
    steady : without rubato, drift, swing and looseness

    Returns
    -------
    Song whose beats lie within 0..`LENGTH_S`; it may begin in the middle of a bar, or after silence
    """
    return _Writer(rng, _style(rng, style), bpm, steady).song()


def _style(rng: np.random.Generator, name: str | None) -> Style:
    if name is not None:
        return next(style for style in STYLES if style.name == name)
    weights = np.array([style.weight for style in STYLES])
    return STYLES[int(rng.choice(len(STYLES), p=weights / weights.sum()))]


def beat_grid(rng: np.random.Generator, n: int, bpm: float, drift: float, rubato: float, meter: int) -> np.ndarray:
    """Times of n + 1 beats from 0: a random walk of the tempo, and with rubato slow waves and held phrase ends."""
    walk, step = 0.0, np.zeros(n)
    for index in range(n):
        walk = 0.97 * walk + drift * rng.normal()
        step[index] = walk
    if rubato:
        beats = np.arange(n)
        periods = meter * np.array([4, 8, 2]) * rng.uniform(0.8, 1.2, 3)
        waves = [
            np.sin(2 * np.pi * beats / p + phase) for p, phase in zip(periods, rng.uniform(0, 6.28, 3), strict=True)
        ]
        phrase_end = index % (meter * 8) >= meter * 8 - 2
        step += rubato * (sum(waves) / 2 + phrase_end * rng.uniform(0.5, 2.5)) + rng.normal(0, rubato * 0.25, n)
    if rng.random() < 0.05 and (drift or rubato):
        step[n // 2 :] += rng.choice([-1, 1]) * rng.uniform(0.03, 0.25)
    return np.concatenate(([0.0], np.cumsum(60 / bpm * np.exp(step))))


@dataclass
class _Section:
    drums: dict[int, str]
    bass: str | None
    chords: str | None
    second: str | None
    lead: bool
    rhythm: tuple[int, ...]
    push: bool
    density: float


class _Writer:
    """Writes one song. What holds for all of it is chosen here, what changes every few bars in `_section`."""

    def __init__(self, rng: np.random.Generator, style: Style, bpm: float | None, steady: bool) -> None:
        self.rng, self.style, self.steady = rng, style, steady
        low, high = style.tempo
        self.bpm = bpm or float(np.exp(rng.uniform(np.log(low), np.log(high))))
        rubato = 0.0 if steady else pick(rng, style.rubato)
        acoustic = max(style.rubato) > 0
        drift = 0.0 if steady or (not acoustic and rng.random() < 0.4) else pick(rng, (0.001, 0.003, 0.006, 0.01))
        self.jitter = 0.0 if steady or (drift == 0 and rng.random() < 0.6) else pick(rng, (0.003, 0.006, 0.01, 0.014))
        n = int(LENGTH_S * self.bpm * 1.4 / 60) + 4 * style.meter
        lead_in = rng.uniform(0, 1.5) if rng.random() < 0.5 else -rng.uniform(0, 60 / self.bpm * style.meter)
        self.grid = beat_grid(rng, n, self.bpm, drift, rubato, style.meter) + (0.5 if steady else lead_in)
        self.index = np.arange(len(self.grid))
        self.warp = self._feel()
        self.result = self._cast(acoustic)
        self.key, self.scale = int(rng.integers(12)), pick(rng, _SCALES)
        self.progression = list(pick(rng, _PROGRESSIONS))
        if rng.random() < 0.3:
            rng.shuffle(self.progression)
        half = style.meter % 2 == 0 and rng.random() < style.half_bars
        self.bars_a_chord = 0.5 if half else pick(rng, (1, 1, 1, 2))
        self.power = style.name in _POWER or (style.name == "rock" and rng.random() < 0.4)
        self.loudness, self.spread = rng.uniform(75, 105), rng.uniform(3, 14)
        self.ghost, self.cymbals, self.accent = pick(rng, (0.3, 0.5)), rng.uniform(0.6, 1.05), rng.uniform(0, 0.2)
        self.fills, self.crashes = rng.random() < 0.75, rng.random() < 0.7
        self.tune = int(rng.integers(7, 14))
        beats = [i / 2 for i in range(2 * style.meter) if rng.random() < 0.5] or [0.0]
        self.loop = tuple((beat, self._degree(int(rng.integers(10)), 4)) for beat in beats)

    def _feel(self) -> tuple[list[float], list[float]]:
        """Where the parts of a beat fall: places as written and as played, both 0..1."""
        rng, style = self.rng, self.style
        if style.steps == 3:
            third = 2 / 3
            if style.name in ("swing", "shuffle", "jazzballad", "jazzwaltz") and not self.steady:
                third = rng.uniform(0.52, 0.66) if self.bpm > 180 else rng.uniform(0.58, 0.7)
            return [0, 1 / 3, 2 / 3, 1], [0, third / 2, third, 1]
        swing = 0.5
        if not self.steady and (style.swing or rng.random() < 0.06):
            swing = pick(rng, (0.5, 0.5, 0.54, 0.58, 0.62, 0.66) if style.swing else (0.55, 0.6, 0.66))
        if style.name in ("hiphop", "funk", "reggae") and rng.random() < 0.5:
            return [0, 0.25, 0.5, 0.75, 1], [0, swing / 2, 0.5, 0.5 + swing / 2, 1]
        return [0, 0.5, 1], [0, swing, 1]

    def _cast(self, acoustic: bool) -> Song:
        rng, style, meter = self.rng, self.style, self.style.meter

        def of(families: tuple[str, ...]) -> int:
            return pick(rng, FAMILIES[pick(rng, families)])

        inside = (self.grid >= 0) & (self.grid < LENGTH_S)
        numbers = np.arange(len(self.grid)) % meter + 1
        song = Song(style.name, self.grid[inside], numbers[inside], meter, self.bpm)
        second = style.chords_by if acoustic or style.name in _POWER else (*style.chords_by, "pad")
        song.programs = {
            "drums": pick(rng, style.kits), "chords": of(style.chords_by), "bass": of(style.bass_by),
            "second": of(second), "lead": of(style.lead_by),
        }  # fmt: skip
        song.levels = {
            "drums": int(rng.integers(25, 60) if rng.random() < 0.12 else rng.integers(60, 127)),
            "chords": int(rng.integers(60, 120)), "bass": int(rng.integers(60, 127)),
            "second": int(rng.integers(40, 105)), "lead": int(rng.integers(60, 115)),
        }  # fmt: skip
        return song

    def _at(self, position: float) -> float:
        """Seconds of a place in beats, a little loose."""
        beat = math.floor(position + 1e-9)
        played = beat + np.interp(position - beat, *self.warp)
        loose = self.rng.normal(0, self.jitter) if self.jitter else 0.0
        return float(np.interp(played, self.index, self.grid)) + loose

    def _add(self, part: str, start: float, length: float, pitch: int, level: float, held: float = 0.9) -> None:
        on, off = self._at(start), self._at(start + length * held)
        if 0 <= on < LENGTH_S:
            velocity = int(min(max(self.loudness * level + self.rng.normal(0, self.spread), 1), 127))
            self.result.notes.append(Note(on, max(off, on + 0.03), part, int(min(max(pitch, 12), 110)), velocity))

    def _degree(self, degree: int, octave: int) -> int:
        return self.key + self.scale[degree % 7] + 12 * (degree // 7 + octave)

    def song(self) -> Song:
        meter = self.style.meter
        every, section = pick(self.rng, (4, 8, 8, 16)), self._section()
        for bar in range((len(self.grid) - 1) // meter):
            if self.grid[bar * meter] > LENGTH_S:
                break
            if bar and bar % every == 0:
                section = self._section()
            kicks = self._drums(bar, section, opens=bar % every == 0, closes=(bar + 1) % every == 0)
            self._harmony(bar, section, kicks)
            if section.lead:
                self._melody(bar, section)
        return self.result

    def _section(self) -> _Section:
        rng, style = self.rng, self.style
        patterns = [_parsed(text) for text in style.drums]
        pattern = self._varied(pick(rng, patterns)) if patterns else {}
        if pattern and style.steps == 4 and style.meter in (3, 4) and rng.random() < 0.3:
            pattern = self._free_pattern()
        if pattern and rng.random() < 0.1:
            del pattern[pick(rng, list(pattern))]
        size = style.steps * style.meter
        section = _Section(
            drums=pattern if rng.random() < 0.88 else {},
            bass=pick(rng, style.bass) if rng.random() < 0.88 else None,
            chords=pick(rng, style.chords) if rng.random() < 0.88 else None,
            second=pick(rng, style.chords) if rng.random() < 0.4 else None,
            lead=rng.random() < 0.65,
            rhythm=tuple(i for i in range(size) if rng.random() < (0.6 if i == 0 else 0.3)) or (0,),
            push=rng.random() < 0.18 and style.steps == 4 and max(style.rubato) == 0,
            density=rng.uniform(0.25, 0.8),
        )
        if not (section.drums or section.bass or section.chords):
            section.chords = pick(rng, style.chords)
        return section

    def _varied(self, pattern: dict[int, str]) -> dict[int, str]:
        amount, varied = pick(self.rng, (0, 0.03, 0.08)), {}
        for drum, written in pattern.items():
            marks = list(written)
            for i, mark in enumerate(marks):
                if drum not in (_KICK, _SNARE, *_CYMBALS) or self.rng.random() >= amount:
                    continue
                if mark == ".":
                    marks[i] = "o" if drum == _KICK else "-"
                elif i % self.style.steps and mark != "x":
                    marks[i] = "."
            varied[drum] = "".join(marks)
        return varied

    def _free_pattern(self) -> dict[int, str]:
        """Kicks by chance, likeliest on the one and unlike in the bar's two halves, over a back beat."""
        rng, size = self.rng, 4 * self.style.meter
        chance = (1, 0.03, 0.12, 0.1, 0.2, 0.03, 0.3, 0.15, 0.35, 0.05, 0.35, 0.12, 0.2, 0.05, 0.2, 0.1)
        kick = "".join(
            "x" if i == 0 and rng.random() < 0.93 else "o" if rng.random() < chance[i] * 0.8 else "."
            for i in range(size)
        )
        usual = ("....x.......x...", "....x.......x...", "....x.......x...", "........x.......", "....x.......x..o")
        back = pick(rng, usual) if size == 16 else pick(rng, ("....x...x...", "........x...", "....x......."))
        every = pick(rng, (1, 2, 2, 2, 4))
        hats = "".join(
            ("x" if i % 4 == 0 else "o") if i % every == 0 and rng.random() < 0.95 else "." for i in range(size)
        )
        struck = DRUMS[pick(rng, "SSSCRE")]
        return {_KICK: kick, struck: back, DRUMS[pick(rng, "HHHDOMT")]: hats}

    def _drums(self, bar: int, section: _Section, *, opens: bool, closes: bool) -> tuple[int, ...]:
        """Adds a bar of drums; the steps of its kicks."""
        rng, style, kicks = self.rng, self.style, []
        if not section.drums:
            return ()
        size, start = style.steps * style.meter, bar * style.meter
        fill = self.fills and (closes or bar % 4 == 3) and rng.random() < (0.8 if closes else 0.5)
        fill_steps = min(style.steps * (2 if closes else 1), size) if fill else 0
        level = {"x": 1.1, "o": 0.85, "-": self.ghost}
        for drum, marks in section.drums.items():
            for i, mark in enumerate(marks[:size]):
                if mark == "." or (mark == "-" and rng.random() < 0.5):
                    continue
                if drum == _KICK:
                    kicks.append(i)
                elif i >= size - fill_steps:
                    continue
                loud = level[mark] * (self.cymbals if drum in _CYMBALS else 1)
                self._add("drums", start + i / style.steps, 0.2, drum, loud)
        density = rng.uniform(0.5, 1)
        for j in range(fill_steps):
            if rng.random() < density:
                place = start + style.meter - (fill_steps - j) / style.steps
                self._add("drums", place, 0.2, pick(rng, (_SNARE, _SNARE, *_TOMS)), 0.75 + 0.4 * j / fill_steps)
        if self.crashes and bar % 4 == 0 and (opens or rng.random() < 0.4):
            self._add("drums", start, 1, pick(rng, _CRASHES), 1.05)
        return tuple(kicks)

    def _harmony(self, bar: int, section: _Section, kicks: tuple[int, ...]) -> None:
        style, rng = self.style, self.rng

        def degree_of(bar: float) -> int:
            return self.progression[int(bar / self.bars_a_chord) % len(self.progression)]

        def chord_of(degree: int) -> tuple[int, ...]:
            if self.power:
                low = self._degree(degree, 3)
                return low, low + 7, low + 12
            sevenths = (6,) if style.name in _JAZZ else ()
            return tuple(self._degree(degree + step, 4) for step in (0, 2, 4, *sevenths))

        def root_of(degree: int) -> int:
            root = self._degree(degree, 2)
            return root - 12 if root > 47 else root

        push = -0.5 if section.push and bar % 2 == 0 else 0.0
        halves = []
        for place in (bar, bar + 0.5) if self.bars_a_chord == 0.5 else (bar,):
            degree = degree_of(place)
            halves.append(
                Bar(style.meter, style.steps, kicks, section.rhythm, root_of(degree), root_of(degree_of(bar + 1)),
                    chord_of(degree), bar, push, self.accent, self.loop)
            )  # fmt: skip
        figures = (("bass", section.bass), ("chords", section.chords), ("second", section.second))
        for part, name in figures:
            if name is None:
                continue
            written = [(bass_notes if part == "bass" else chord_notes)(name, half, rng) for half in halves]
            for index, notes in enumerate(written):
                for note in notes:
                    if len(written) == 2 and (note.start >= style.meter / 2) != (index == 1):
                        continue
                    for pitch in note.pitches:
                        level = note.level if part == "bass" else 0.85 * note.level
                        self._add(part, bar * style.meter + note.start, note.length, pitch, level, note.held)

    def _melody(self, bar: int, section: _Section) -> None:
        rng, style, meter = self.rng, self.style, self.style.meter
        degree, unit = self.progression[int(bar / self.bars_a_chord) % len(self.progression)], 1 / style.steps
        sung = self.result.programs["lead"] == SINGER
        # A breath at the end of a phrase.
        limit = meter - rng.choice([0.5, 1, 1.5, 2]) if bar % 4 == 3 and rng.random() < 0.6 else meter
        lengths: tuple[float, ...] = (unit, 2 * unit, 2 * unit, 1, 1, 1.5 if style.steps == 4 else 1, 2, 3)
        if section.density <= 0.4:
            lengths = (1, 2, 2, 3, meter)
        elif style.name in ("hiphop", "trap") and sung:
            lengths = (unit, unit, 2 * unit)
        place = 0.0
        while place < limit - 1e-6:
            length = min(pick(rng, lengths), meter - place) if rng.random() < 0.8 else pick(rng, lengths)
            if rng.random() < 0.78:
                if place % 1 < 1e-6 and rng.random() < 0.6:
                    self.tune = degree + pick(rng, (0, 2, 4, 7)) + 7 * int(rng.integers(2))
                else:
                    self.tune = int(np.clip(self.tune + pick(rng, (-2, -1, -1, 0, 1, 1, 2)), 4, 18))
                late = rng.normal(0, 0.02) * self.bpm / 60 if sung and not self.steady else 0.0
                level = 1 + self.accent if place == 0 else 1.0
                self._add("lead", bar * meter + place + late, length, self._degree(self.tune, 4), level, 0.95)
            place += length


def _parsed(text: str) -> dict[int, str]:
    return {DRUMS[word[0]]: word[1:] for word in text.split()}
