"""What kinds of songs there are: tempi, metres, drum patterns, figures and instruments, as data.

A drum pattern is words of an instrument's letter and one mark a step: `x` accent, `o` plain, `-` soft and only now
and then, `.` nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

# General MIDI percussion by letter: kick, snare, rim, clap, closed hat, pedal hat, open hat, crash, ride, shaker,
# tambourine, cowbell, claves, low and high conga, electric snare, second crash, cabasa, three toms.
DRUMS = {
    "K": 36, "S": 38, "R": 37, "C": 39, "H": 42, "P": 44, "O": 46, "X": 49, "D": 51, "M": 70, "T": 54, "W": 56,
    "V": 75, "L": 64, "G": 62, "E": 40, "Y": 57, "A": 69, "1": 48, "2": 45, "3": 41,
}  # fmt: skip
SINGER = -1
# General MIDI programs (from 0) by family.
FAMILIES = {
    "clean guitar": (24, 25, 26, 27, 28),
    "nylon": (24,),
    "steel": (25,),
    "jazz guitar": (26,),
    "distortion": (29, 30),
    "piano": (0, 1, 0),
    "keys": (0, 1, 2, 4, 5, 7, 16, 17, 18),
    "electric piano": (4, 5),
    "organ": (16, 17, 18),
    "church organ": (19,),
    "accordion": (21, 22),
    "harpsichord": (6,),
    "harp": (46,),
    "synth": (81, 80, 62, 63, 38, 90, 88, 87, 84),
    "strings": (48, 49, 50, 51, 44),
    "solo strings": (40, 41, 42),
    "pizzicato": (45,),
    "brass": (56, 57, 61, 62, 65, 66),
    "horns": (60, 61, 58, 57),
    "pad": (48, 49, 50, 51, 88, 89, 90, 91, 92, 95, 52, 53),
    "choir": (52, 53),
    "bells": (11, 9, 13, 14),
    "electric bass": (33, 34, 35, 36, 37),
    "synth bass": (38, 39, 87, 81),
    "upright bass": (32,),
    "low strings": (43, 42),
    "bassoon": (70, 58),
    "wind": (73, 71, 68, 74, 75, 22, 21, 64, 65, 66),
    "banjo": (105, 110),
    "singer": (SINGER,),
}


@dataclass(frozen=True)
class Style:
    """One kind of song.

    tempo: BPM. steps: of a beat. meter: beats of a bar. drums: patterns, empty without drums. kits: General MIDI drum
    kits. bass, chords: names of figures. *_by: families of instruments, a name more than once is likelier.
    swing: whether eighths are swung more often than not. rubato: sizes to choose from, in log seconds a beat.
    half_bars: share of songs whose harmony may change in the middle of a bar.
    """

    name: str
    tempo: tuple[float, float]
    weight: float
    drums: tuple[str, ...]
    kits: tuple[int, ...]
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    chords_by: tuple[str, ...]
    bass_by: tuple[str, ...]
    lead_by: tuple[str, ...]
    steps: int = 4
    meter: int = 4
    swing: bool = False
    rubato: tuple[float, ...] = (0.0,)
    half_bars: float = 0.12


def _style(name, tempo, weight, drums, kits, bass, chords, chords_by, bass_by, lead_by, **more) -> Style:
    def split(text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())

    figures = tuple(bass.split()), tuple(chords.split())
    return Style(
        name, tempo, weight, tuple(drums), kits, *figures, split(chords_by), split(bass_by), split(lead_by), **more
    )


STYLES = (
    _style("rock", (78, 172), 4.5, (
        "Kx.....x.x....... S....x.......x... Hx.o.x.o.x.o.x.o.",
        "Kx.......x.o..... S....x.......x... Ho.o.o.o.o.o.o.o.",
        "Kx..o..x...x..... S....x..-.-..x... Dx.o.x.o.x.o.x.o.",
        "Kx.........x.o... S....x.......x... Ox...x...x...x...",
        "Kx.o...o.x.o..... S....x.......x..- Hx...x...x...x...",
        "Kx.x.......x..... S....x.......x... Ho.o.o.o.o.o.o.o.",
        "Kx.o.....x....... S........x....... Hx...x...x...x...",
        "Kx.....o...o..... S........x....... Dx.o.x.o.x.o.x.o.",
        "Kx...x...x...x... S....x.......x... Ox...x...x...x...",
    ), (0, 8, 16), "root8 kick synco sustain", "strum eighth sync pad arp8 power8",
        "clean guitar, distortion, distortion, piano, organ", "electric bass",
        "singer, singer, singer, distortion, clean guitar"),
    _style("metal", (115, 240), 6, (
        "Koooooooooooooooo S....x.......x... Dx...x...x...x...",
        "Ko.o.o.o.o.o.o.o. S....x.......x... Ox...x...x...x...",
        "Ko.o.o.o.o.o.o.o. S..o...o...o...o. Xx...x...x...x...",
        "Ko.o.o.o.o.o.o.o. So.o.o.o.o.o.o.o. Xx...x...x...x...",
        "Kx.oox.oox.oox.oo S....x.......x... Hx...x...x...x...",
        "Kx..x..x...x.x... S....x.......x... Ox...x...x...x...",
        "Koooooooooooooooo S........x....... Xx...x...x...x...",
        "Kx.x.......x.x... S........x....... Ox...x...x...x...",
        "Kx.....o.x.x..... S..x...x...x...x. Hx.x.x.x.x.x.x.x.",
        "Ko...o...o...o... S..x...x...x...x. Dx...x...x...x...",
        "Koooooo..oooooo.. S....x.......x... Xx...x...x...x...",
        "Kx.x.x.oox.x...o. S....x.......x... Ox...x...x...x...",
        "Kx.....x.x.....x. S....x.......x... Yx...x...x...x...",
    ), (0, 16, 8), "root8 root16 gallop kick", "chug16 gallop power8 pad kickchug", "distortion",
        "electric bass", "singer, distortion, distortion"),
    _style("punk", (150, 225), 2, (
        "Kx.....x.x....... S....x.......x... Hx...x...x...x...",
        "Kx..x..x.x..x..x. S....x.......x... Xx...x...x...x...",
        "Kx...x...x...x... S..x...x...x...x. Hx.x.x.x.x.x.x.x.",
        "Kx.....x...x..... S....x.......x... Ox...x...x...x...",
    ), (0, 16), "root8", "power8 chug16 pad", "distortion", "electric bass", "singer"),
    _style("funk", (85, 128), 1.5, (
        "Kx.o....o..x..... S....x..-.-..x..- Hxoxoxoxoxoxoxoxo",
        "Kx..o..o...o..o.. S....x..-....x... Hx.o.x.o.x.o.x.oo",
        "Kx.x.......xo.... S....x..o.o..x... Hx.oox.oox.oox.oo",
        "Kx.x...o..xo..o.. S....x..o.....x.. Hx.oox.oox.oox.oo",
    ), (0, 8), "funk synco", "sync sync backbeat pad", "clean guitar, electric piano, organ", "electric bass",
        "singer, brass"),
    _style("disco", (100, 142), 1.5, (
        "Kx...x...x...x... S....x.......x... O..x...x...x...x.",
        "Kx...x...x...x... C....x.......x... Ho.x.o.x.o.x.o.x.",
        "Kx...x...x...x... Hxoxoxoxoxoxoxoxo C....x.......x...",
        "Kx...x...x...x... Mxoxoxoxoxoxoxoxo O..x...x...x...x.",
    ), (24, 25, 0, 8), "octave8 offbeat root8 funk synco", "pad sync offbeat8 arp16 eighth",
        "synth, keys, strings, clean guitar", "synth bass, electric bass", "singer, synth"),
    _style("house", (116, 150), 1.2, (
        "Kx...x...x...x... O..x...x...x...x.",
        "Kx...x...x...x..o C....x.......x... O..x...x...x...x.",
        "Kx...x...x...x... C....x.......x..o Hx.xox.xox.xox.xo",
        "Kx...x...x...x...",
    ), (24, 25), "offbeat octave8 synco sustain", "offbeat8 sync pad arp16 loop", "synth, keys, pad", "synth bass",
        "singer, synth"),
    _style("hiphop", (66, 108), 2.5, (
        "Kx......x..x..... S....x.......x... Hx.o.x.o.x.o.x.o.",
        "Kx.o.......o..o.. S....x.......x... Hx.o.x.o.x.oox.o.",
        "Kx..x......x..... C....x.......x... Hxoxoxoxoxoxoxoxo",
        "Kx.....o...o..... S........x....... Hx.o.x.oox.o.xooo",
        "Kx.o...o..o...... E....x.......x.-. Hx.o.x.o.x.o.x.o.",
    ), (25, 24, 0, 8), "kick synco sustain", "pad loop quarter arp8", "piano, electric piano, bells, pad, synth",
        "synth bass, electric bass", "singer, singer, bells, wind", swing=True),
    _style("trap", (120, 160), 1, (
        "Kx.....x......... S........x....... Hx.x.x.x.x.x.x.x.",
        "Kx.......x.....x. C........x....... Hxoxoxoxoxoxoxoxo",
        "Kx..x.......x.... C........x....... Hx.x.x.xxx.x.xxxx",
    ), (25, 24), "kick sustain", "pad loop arp8", "bells, pad, piano, synth", "synth bass", "singer"),
    _style("dubstep", (136, 146), 0.6, (
        "Kx............... S........x....... Hx.o.x.o.x.o.x.o.",
        "Kx.....x....x.... S........x....... Oo...x...o...x...",
    ), (25, 24), "sustain synco kick", "pad sync loop", "synth, pad", "synth bass", "singer, synth"),
    _style("reggae", (60, 98), 3, (
        "K........x....... S........x....... Hx.o.x.o.x.o.x.o.",
        "K........x....... R........x....... Ho.x.o.x.o.x.o.x.",
        "K........x....... R...o....x..o...o Hx.o.x.o.x.o.x.o.",
        "Kx.......x....... R........x....... Hx.o.x.o.x.o.x.o.",
        "Kx...x...x...x... R........x....... Ho.o.o.o.o.o.o.o.",
        "Kx.......x....... S....x.......x... Ho.o.o.o.o.o.o.o.",
    ), (0, 8), "reggae drop synco", "offbeat8 offbeat8 bubble", "clean guitar, organ, piano", "electric bass",
        "singer, singer, brass", swing=True),
    _style("ska", (120, 180), 0.6, (
        "K........x....... S........x....... Hx.x.x.x.x.x.x.x.",
        "Kx.......x....... S....x.......x... Ho.x.o.x.o.x.o.x.",
    ), (0, 8), "walk root8", "offbeat8", "clean guitar, organ, piano", "electric bass", "singer, brass"),
    _style("bossa", (100, 180), 1, (
        "Kx.....x.x.....x. Rx.....x.....x... Ho.o.o.o.o.o.o.o.",
        "Kx.....x.x.....x. Moooooooooooooooo Rx.....x.....x..x",
        "L............o.o. G....x........... Wx...x...x...x... Vx.....x.....x...",
    ), (0, 32), "bossa tumbao", "sync montuno arp8 charleston", "nylon, piano, steel, electric piano",
        "upright bass, electric bass", "singer, wind, bells"),
    _style("samba", (90, 135), 0.7, (
        "Ko..xo..xo..xo..x Sx-ox-ox-x-ox-ox- Mxoxoxoxoxoxoxoxo",
        "Ko..oo..oo..oo..o Txooxxooxxooxxoox Ax.x.xx.x.x.xx.x.",
    ), (0, 8), "bossa funk", "sync strum", "nylon, steel, piano", "upright bass, electric bass", "singer, wind"),
    _style("swing", (95, 235), 3, (
        "Dx..x.ox..x.o P...x.....x..",
        "Dx..x.ox..x.o P...x.....x.. Ko..o..o..o..",
        "Dx..x..x..x.. P...x.....x.. S.....-..-..-",
        "Hx..x.ox..x.o R.........x..",
    ), (32, 0, 40), "walk", "charleston sync pad freddie", "piano, jazz guitar, electric piano, bells, organ",
        "upright bass", "brass, piano, wind, singer", steps=3),
    _style("jazzballad", (52, 88), 1.2, ("Do..o.oo..o.o P...o.....o..", "So..o.-o..o.-"), (40, 32), "sustain2 walk",
        "pad charleston", "piano, electric piano, jazz guitar", "upright bass", "brass, piano, singer",
        steps=3, rubato=(0.0, 0.0, 0.03)),
    _style("jazzwaltz", (100, 190), 0.8, ("Dx..x.ox.. P...x..x..", "Dx..x.ox.o P...o..... Ko........"), (32, 40, 0),
        "walk waltz", "charleston pad waltz", "piano, jazz guitar, electric piano", "upright bass",
        "brass, piano, wind, bells", steps=3, meter=3),
    _style("waltz", (80, 200), 2.2, (
        "Kx........... S....o...o...",
        "Kx........... Hx.o.x.o.x.o. S....x...x...",
        "Kx........... R....o...o... Dx...x...x...",
        "Kx.......o... S........x... Hx.o.x.o.x.o.",
        "",
    ), (0, 40, 48, 8), "waltz sustain", "waltz waltz arp8 pad strum",
        "piano, accordion, nylon, steel, strings, harpsichord", "upright bass, electric bass, low strings",
        "singer, wind, strings, solo strings", meter=3, rubato=(0.0, 0.0, 0.03, 0.06)),
    _style("slowblues", (50, 84), 1.5, (
        "Kx.....x..o.. S...x.....x.. Hxoxxoxxoxxox",
        "Kx....ox..... S...x.....x.. Dxooxooxooxoo",
        "Kx.....x..... S...x.....x.. Hooooooooooo.",
    ), (0, 8, 32), "walk root8 sustain", "triplet arp12 pad charleston", "piano, organ, jazz guitar, clean guitar",
        "upright bass, electric bass", "singer, singer, clean guitar, distortion, accordion", steps=3),
    _style("shuffle", (96, 180), 1.5, (
        "Kx.....x..... S...x.....x.. Hx.ox.ox.ox.o",
        "Kx..x..x..x.. S...x.....x.. Dx.ox.ox.ox.o",
        "Kx.....x.o... S..-x.-..-x.- Hx.ox.ox.ox.o",
    ), (0, 8, 16), "walk shuffle8", "shuffle8 charleston backbeat",
        "jazz guitar, clean guitar, piano, distortion, organ", "upright bass, electric bass",
        "singer, singer, clean guitar, distortion, brass", steps=3),
    _style("country", (76, 200), 2, (
        "So-xo-oxoo-xo-oxo Kx.......x.......",
        "Kx.......x....... S....x.......x... Ho.o.o.o.o.o.o.o.",
        "Kx.......x....... R....x.......x... Hx...x...x...x...",
        "Kx.......x.o..... R....x.......x... Ho.o.o.o.o.o.o.o.",
    ), (0, 40, 8), "boom boom root8", "boomchick strum backbeat arp8", "steel, nylon, clean guitar, piano, banjo",
        "upright bass, electric bass", "singer, singer, banjo, accordion, clean guitar"),
    _style("popballad", (54, 96), 2, (
        "Kx.......x....... S....x.......x... Ho.o.o.o.o.o.o.o.",
        "Kx.....o.x....... R....x.......x... Ho.o.o.o.o.o.o.o.",
        "Kx..o....x.o..... S....x.......x... Hoooooooooooooooo",
        "Kx.........x..... S....x.......x... Ho.o.o.o.o.o.o.o.",
    ), (0, 8, 25, 40), "sustain boom synco", "arp8 arp16 pad quarter strum",
        "piano, electric piano, nylon, steel, strings", "electric bass, upright bass, synth bass",
        "singer, singer, singer, wind", rubato=(0.0, 0.0, 0.0, 0.03)),
    _style("pop", (84, 168), 4, (
        "Kx.....x.x....... S....x.......x... Hx.o.x.o.x.o.x.o.",
        "Kx...x...x...x... C....x.......x... H..o...o...o...o.",
        "Kx..x..x...x..... S....x.......x... Mxoxoxoxoxoxoxoxo",
        "Kx.....x......... S....x.......x... T..x...x...x...x.",
        "Kx..x.....x...... C....x.......x... Hx.o.x.o.x.o.x.o.",
        "Kx.x....x..x..... S....x.......x... Ox...x...x...x...",
    ), (0, 8, 24, 25), "root8 synco kick sustain", "sync pad eighth arp16 arp8 offbeat8", "keys, synth, clean guitar",
        "electric bass, synth bass", "singer, singer, singer, synth"),
    _style("dnb", (158, 180), 0.8, (
        "Kx.........x..... S....x.......x... Hx.o.x.o.x.o.x.o.",
        "Kx.x.......x..... S....x..-.-..x... Dx.o.x.o.x.o.x.o.",
    ), (24, 0, 8), "sustain synco", "pad sync", "synth, pad", "synth bass", "singer, synth"),
    _style("march", (90, 140), 0.6, (
        "Kx.......x....... Sx.ooo.oox.ooo.oo Yx.......x.......",
        "Kx...x...x...x... So.xxo.xxo.xxoxxx",
    ), (48, 0), "boom", "boomchick quarter offbeat8", "horns, brass", "bassoon, low strings", "brass, wind"),
    _style("latin", (80, 130), 1.2, (
        "K..o...o...o...o. Wx...x...x...x... G..o...oo..o...oo Rx..x..x...x.x...",
        "Kx...x...x...x... S...x..x....x..x. Hx.o.x.o.x.o.x.o.",
        "L......oo......oo Gx.o.x...x.o.x... Mx.xox.xox.xox.xo",
    ), (0, 8, 25), "tumbao synco boom", "montuno sync offbeat8", "piano, nylon, steel, accordion, brass",
        "upright bass, electric bass", "singer, brass, wind"),
    _style("orchestra", (48, 170), 2.6, (), (48,), "sustain sustain2 boom walk",
        "alberti pad quarter arp16 eighth arp8 boomchick repeat16",
        "strings, strings, piano, harpsichord, harp, horns, church organ", "low strings, bassoon",
        "strings, wind, solo strings, brass", rubato=(0.0, 0.02, 0.04, 0.08), half_bars=0.3),
    _style("quartet", (56, 168), 1.8, (), (48,), "sustain sustain2 walk rests", "quarter eighth repeat16 alberti pad",
        "solo strings, pizzicato, solo strings", "low strings", "solo strings", rubato=(0.02, 0.04, 0.07),
        half_bars=0.3),
    _style("minuet", (56, 190), 1.6, (), (48,), "sustain waltz rests", "waltz arp8 pad quarter alberti eighth",
        "strings, solo strings, piano, harpsichord, harp", "low strings, bassoon",
        "strings, wind, solo strings, piano", meter=3, rubato=(0.0, 0.02, 0.04, 0.08)),
    _style("pianosolo", (50, 150), 1.6, (), (0,), "sustain octaves boom rests", "alberti arp8 arp16 quarter pad",
        "piano", "piano", "piano", rubato=(0.03, 0.06, 0.1), half_bars=0.3),
    _style("choir", (56, 110), 0.7, (), (0,), "sustain sustain2 walk", "pad quarter", "choir, church organ, choir",
        "choir, church organ", "choir, singer", rubato=(0.02, 0.05)),
    _style("guitarsolo", (60, 150), 1, (), (0,), "boom sustain rests", "arp8 arp16 strum", "nylon, steel, nylon",
        "nylon, steel", "nylon, steel, singer", rubato=(0.0, 0.03, 0.06)),
    _style("folk", (70, 150), 1.5, ("", "", "Kx.......x....... T....x.......x..."), (0,), "boom sustain root8",
        "strum arp8 arp16 boomchick", "nylon, steel, steel, banjo, piano", "upright bass, electric bass",
        "singer, singer, wind, solo strings, banjo", rubato=(0.0, 0.0, 0.03)),
    _style("twelveeight", (46, 88), 1, (
        "Kx.....x..... S...x.....x.. Hoooooooooooo",
        "Kx....ox..... S...x.....x.. Dx.ox.ox.ox.o",
        "Kx........... S......x..... Hx.ox.ox.ox.o",
    ), (0, 8), "sustain root8 boom", "arp12 triplet pad", "piano, nylon, steel, clean guitar, electric piano, strings",
        "electric bass, upright bass", "singer, solo strings, wind", steps=3),
    _style("sixeight", (46, 140), 0.9, (
        "Kx..... S...x.. Hoooooo",
        "Kx....o S...x.. Dx.ox.o",
        "Kx..x.. T..x..x",
        "",
    ), (0, 8), "sustain root8 octaves", "arp12 triplet pad", "piano, nylon, steel, accordion, strings, banjo",
        "electric bass, upright bass", "singer, solo strings, wind, banjo", steps=3, meter=2),
    _style("polka", (90, 132), 0.4, ("Kx...x... S..x...x.", "Kx....... S..x...x. H..o...o."), (0, 48), "octaves root8",
        "offbeat8", "accordion, horns, banjo", "bassoon, upright bass", "accordion, wind, singer", meter=2),
    _style("five", (80, 190), 0.9, (
        "Kx.......o.x......... S....x.......x...x... Hx.o.x.o.x.o.x.o.x.o.",
        "Kx.....x.....x....... S........x.......x... Dx...x...x...x...x...",
        "Kx...........x....... S....x...x.......x... Hx.o.x.o.x.o.x.o.x.o.",
    ), (0, 16, 32), "kick synco sustain root8", "sync eighth pad arp8 power8",
        "piano, clean guitar, distortion, keys", "electric bass, upright bass", "singer, brass, distortion, synth",
        meter=5),
    _style("seven", (100, 240), 0.7, (
        "Kx.......x.......x........... S....x.......x.......x...x... Hx...x...x...x...x...x...x...",
        "Kx.......o.......x..o........ S....x.......x...........x... Dx.o.x.o.x.o.x.o.x.o.x.o.x.o.",
    ), (0, 16), "kick synco root8 sustain", "sync eighth power8 arp8 pad", "distortion, clean guitar, keys, synth",
        "electric bass", "singer, distortion, synth", meter=7),
)  # fmt: skip
