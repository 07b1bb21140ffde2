"""Procedural illustrations: the pictures that the demo model learns.

Every picture is a flat, layered landscape (or one figure) in one of six palettes. Positions are in the unit square,
x to the right and y downwards, so that a `Scene` is the same picture at every size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Light = tuple[float, float]

SCENES = ("mountains", "city", "ocean", "harbour", "forest", "desert", "aurora", "meadow", "waves", "person")
PALETTES = ("golden", "rose", "violet", "azure", "emerald", "midnight")
EXTRAS = ("sun", "moon", "stars", "mist", "birds", "rain")
POSES = ("standing", "waving", "arms raised", "walking", "portrait")
HAIR_COLOURS = ("black", "brown", "blond", "red")
HAIR_LENGTHS = ("short", "long")
SHIRTS = ("red", "blue", "green", "yellow", "white", "black")

SCENE_EXTRAS = {
    "mountains": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "city": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "ocean": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "harbour": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "forest": ("sun", "moon", "mist", "birds", "rain"),
    "desert": ("sun", "moon", "stars", "birds"),
    "aurora": ("moon", "stars"),
    "meadow": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "waves": (),
    "person": ("sun", "moon", "stars", "birds"),
}
PALETTE_EXTRAS = {
    "golden": ("sun", "mist", "birds", "rain"),
    "rose": ("sun", "moon", "mist", "birds", "rain"),
    "violet": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "azure": ("sun", "mist", "birds", "rain"),
    "emerald": ("sun", "moon", "stars", "mist", "birds", "rain"),
    "midnight": ("moon", "stars", "mist", "rain"),
}

EXTRA_WEIGHTS = {"sun": 3.0, "moon": 1.8, "stars": 1.5, "mist": 1.2, "birds": 1.0, "rain": 0.7}


@dataclass(frozen=True)
class Scene:
    """What one picture shows. `pose`, `hair`, `hair_length` and `shirt` are empty except in the person scene."""

    scene: str
    palette: str
    extra: str = ""
    pose: str = ""
    hair: str = ""
    hair_length: str = ""
    shirt: str = ""
    seed: int = 0

    @property
    def variant(self) -> int:
        """0 or 1: which of the scene's two compositions is drawn (the captions name it, see `VARIANTS`)."""
        return self.seed % 2


def sample_scenes(count: int, seed: int, *, emphasis: Mapping[str, int] | None = None) -> list[Scene]:
    """`count` random scenes; every (scene, palette) pair comes equally often, to within one.

    emphasis: scenes that come that many times as often.
    """
    rng = np.random.default_rng(seed)
    often = emphasis or {}
    cells = [(scene, palette) for scene in SCENES for palette in PALETTES for _ in range(often.get(scene, 1))]
    chosen: list[Scene] = []
    while len(chosen) < count:
        for index in rng.permutation(len(cells))[: count - len(chosen)]:
            chosen.append(_sample(*cells[index], rng))
    return chosen


def _sample(scene: str, palette: str, rng: np.random.Generator) -> Scene:
    extras = [extra for extra in SCENE_EXTRAS[scene] if extra in PALETTE_EXTRAS[palette]]
    weights = np.array([EXTRA_WEIGHTS[extra] for extra in extras])
    extra = str(rng.choice(extras, p=weights / weights.sum())) if extras and rng.random() < 0.8 else ""
    result = Scene(scene, palette, extra, seed=int(rng.integers(2**31)))
    if scene != "person":
        return result
    hair, length, shirt = choose(rng, HAIR_COLOURS), choose(rng, HAIR_LENGTHS), choose(rng, SHIRTS)
    return replace(result, pose=choose(rng, POSES), hair=hair, hair_length=length, shirt=shirt)


def choose(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


# ---------------------------------------------------------------------------------------------------- colour


@dataclass(frozen=True)
class Palette:
    """The colours of one light: the sky from top to horizon, the light itself, and land from far to near.

    `local` is how much of its own colour (sand, grass, snow) a thing keeps, 0 to 1.
    """

    top: Colour
    mid: Colour
    low: Colour
    light: Colour
    far: Colour
    body: Colour
    near: Colour
    accent: Colour
    second: Colour
    local: float


def _hex(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _palette(colours: str, local: float) -> Palette:
    return Palette(*(_hex(colour) for colour in colours.split()), local)


COLOURS = {
    "golden": _palette("E9823A F7B04E FFE3A1 FFF6D2 EBA85C B8622F 4B2117 D8452B FFD166", 0.15),
    "rose": _palette("C8507E F28A94 FFCDBB FFF0E2 E58A9B A8446E 4C1A3E FF5C6C FFB38A", 0.12),
    "violet": _palette("3D2384 8155C6 D9AEF3 FBEBFF 9B74D2 5B37A2 231050 F277C6 A98BFF", 0.10),
    "azure": _palette("1E7FE0 5FB6F6 DDF3FF FFFFFF 93C4EA 3E86CB 11447F FFC93C FFFFFF", 0.50),
    "emerald": _palette("0E6E62 3CAE8E CDF2CB F7FFDD 77C5A5 25836A 06372F DDE64C 8FE3B0", 0.12),
    "midnight": _palette("060B28 10235A 345A9C FBF3D0 264782 13285C 040918 FFC45C 6FA3E8", 0.08),
}
SAND, GRASS, LEAF, SHADE, TROUSERS = map(_hex, ("F0C27A", "7DBB4A", "2E7D54", "3A1626", "2B2F4A"))
SKINS = tuple(_hex(colour) for colour in ("F6CFAE", "E3AC80", "B87B52", "8A5537"))
HAIRS = dict(zip(HAIR_COLOURS, map(_hex, ("1D1A22", "6B3F22", "F0CB62", "C4471F")), strict=True))
SHIRT_COLOURS = dict(zip(SHIRTS, map(_hex, ("D93636", "2F66D0", "2F9A55", "F2C330", "F7F5F0", "26242C")), strict=True))


def _mix(first: Colour, second: Colour, amount: float) -> Colour:
    """`first` at 0, `second` at 1."""
    return tuple(round(a + (b - a) * amount) for a, b in zip(first, second, strict=True))  # type: ignore[return-value]


def _land(palette: Palette, depth: float) -> Colour:
    """The colour of land at `depth`, 0 at the horizon and 1 at the viewer's feet: far, body, near."""
    if depth < 0.5:
        return _mix(palette.far, palette.body, depth * 2)
    return _mix(palette.body, palette.near, depth * 2 - 1)


def _own(palette: Palette, colour: Colour, own: Colour, amount: float = 1.0) -> Colour:
    """`colour` leaning to a thing's `own` colour, as far as the palette lets it."""
    return _mix(colour, own, palette.local * amount)


# ---------------------------------------------------------------------------------------------------- canvas


class Canvas:
    """An RGB picture; shapes are (N, 2) arrays of unit-square corners, filled through supersampled masks."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.scale = 2 if size > 160 else 4
        self.image = Image.new("RGB", (size, size))
        centres = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.x, self.y = centres[None, :], centres[:, None]

    def gradient(self, stops: Sequence[tuple[float, Colour]]) -> None:
        """Fills the picture with a vertical gradient through (y, colour) stops."""
        self.image.paste(self._column(stops, 0, self.size))

    def _column(self, stops: Sequence[tuple[float, Colour]], first: int, last: int) -> Image.Image:
        at = (np.arange(first, last) + 0.5) / self.size
        where = [stop[0] for stop in stops]
        rows = np.stack([np.interp(at, where, [stop[1][i] for stop in stops]) for i in range(3)], axis=1)
        column = Image.fromarray(np.rint(rows).astype(np.uint8)[:, None, :])
        return column.resize((self.size, last - first), Image.Resampling.NEAREST)

    def fill(
        self,
        shapes: Sequence[np.ndarray],
        colour: Colour,
        bottom: Colour | None = None,
        alpha: float = 1.0,
        span: tuple[float, float] | None = None,
    ) -> None:
        """Fills the union of `shapes`; with `bottom`, as a vertical gradient over `span` (default: their height)."""
        if not shapes:
            return
        points = np.concatenate(shapes)
        low, high = points.min(axis=0), points.max(axis=0)
        left, top = (max(0, int(np.floor(value * self.size))) for value in low)
        right, under = (min(self.size, int(np.ceil(value * self.size))) for value in high)
        if left >= right or top >= under:
            return
        mask = Image.new("L", ((right - left) * self.scale, (under - top) * self.scale))
        pen = ImageDraw.Draw(mask)
        for shape in shapes:
            corners = (shape * self.size - (left, top)) * self.scale - 0.5
            pen.polygon(corners.ravel().tolist(), fill=round(255 * alpha))
        mask = mask.reduce(self.scale)
        if bottom is None:
            self.image.paste(colour, (left, top, right, under), mask)
            return
        start, stop = span or (float(low[1]), float(high[1]))
        column = self._column(((start, colour), (stop, bottom)), top, under).crop((left, 0, right, under - top))
        self.image.paste(column, (left, top), mask)

    def blend(self, colour: Colour, alpha: np.ndarray) -> None:
        """Mixes in `colour` by `alpha`, a (size, size) array from 0 to 1."""
        mask = Image.fromarray((np.clip(alpha, 0, 1) * 255 + 0.5).astype(np.uint8))
        self.image.paste(colour, (0, 0), mask)

    def glow(self, centre: Light, radius: float, colour: Colour, alpha: float) -> None:
        """A soft round light that fades out over about two radii."""
        across = np.exp(-(((self.x - centre[0]) / radius) ** 2))
        down = np.exp(-(((self.y - centre[1]) / radius) ** 2))
        self.blend(colour, alpha * down * across)

    def haze(self, y: float, height: float, colour: Colour, alpha: float) -> None:
        """A soft horizontal band, about two heights tall."""
        band = alpha * np.exp(-(((self.y - y) / height) ** 2))
        self.blend(colour, np.broadcast_to(band, (self.size, self.size)))

    def reflect(self, horizon: float, top: Colour, bottom: Colour, alpha: float) -> None:
        """Below `horizon`, water: the picture above it upside down, mixed with a gradient by 1 - `alpha`."""
        edge = round(horizon * self.size)
        depth = self.size - edge
        water = self._column(((horizon, top), (1.0, bottom)), edge, self.size)
        above = self.image.crop((0, max(0, edge - round(depth * 1.25)), self.size, edge))
        mirror = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((self.size, depth), Image.Resampling.BILINEAR)
        self.image.paste(Image.blend(water, mirror, alpha), (0, edge))


# ---------------------------------------------------------------------------------------------------- shapes


def _ellipse(x: float, y: float, rx: float, ry: float | None = None, count: int = 36) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + (rx if ry is None else ry) * np.sin(angle)], axis=1)


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _shape(*corners: tuple[float, float]) -> np.ndarray:
    return np.array(corners, dtype=float)


def _points(text: str) -> np.ndarray:
    """Corners as (N, 2) from "x,y x,y ..."."""
    return np.array([pair.split(",") for pair in text.split()], dtype=float)


def _smooth(corners: np.ndarray, steps: int = 8) -> np.ndarray:
    """A closed Catmull-Rom curve through `corners`, (N, 2) to (N * steps, 2)."""
    p1 = np.asarray(corners, dtype=float)[:, None]
    p0, p2, p3 = np.roll(p1, 1, axis=0), np.roll(p1, -1, axis=0), np.roll(p1, -2, axis=0)
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return curve.reshape(-1, 2) / 2


def _limb(points: Sequence[tuple[float, float]], width: float, end: float | None = None) -> list[np.ndarray]:
    """A line with round joints that narrows from `width` to `end` (both full widths)."""
    path = np.array(points, dtype=float)
    radii = np.linspace(width, width if end is None else end, len(path)) / 2
    shapes = [_ellipse(x, y, r, count=20) for (x, y), r in zip(path, radii, strict=True)]
    for a, b, ra, rb in zip(path, path[1:], radii, radii[1:], strict=False):
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
        side = np.array((-along[1], along[0]))
        shapes.append(np.array([a + side * ra, b + side * rb, b - side * rb, a - side * ra]))
    return shapes


def _ridge(rng: np.random.Generator, y: float, swing: float, waves: float = 1.5) -> np.ndarray:
    """A smooth skyline, (65, 2): three sines around `y`, at most about `swing` away from it."""
    x = np.linspace(-0.01, 1.01, 65)
    height = np.zeros_like(x)
    for octave, weight in enumerate((0.6, 0.3, 0.12)):
        turns = waves * (octave + 1) * rng.uniform(0.7, 1.2)
        height += weight * np.sin(2 * np.pi * (turns * x + rng.random()))
    return np.stack([x, y - swing * height], axis=1)


def _under(ridge: np.ndarray, floor: float = 1.01) -> np.ndarray:
    """The area between a skyline and `floor`."""
    return np.concatenate([ridge, [(ridge[-1, 0], floor), (ridge[0, 0], floor)]])


def _height(ridge: np.ndarray, x: float) -> float:
    return float(np.interp(x, ridge[:, 0], ridge[:, 1]))


def _spread(rng: np.random.Generator, count: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """`count` positions from `low` to `high`, one in each equal part."""
    return low + (high - low) * (np.arange(count) + rng.uniform(0.15, 0.85, count)) / count


def _pine(x: float, foot: float, height: float) -> list[np.ndarray]:
    """A fir tree of three tiers."""
    shapes = [_box(x - height * 0.03, foot - height * 0.2, x + height * 0.03, foot + height * 0.05)]
    for top, bottom, half in ((1.0, 0.6, 0.13), (0.78, 0.36, 0.19), (0.54, 0.1, 0.25)):
        tip, base = foot - height * top, foot - height * bottom
        sag = base - height * 0.03
        shapes.append(_shape((x, tip), (x + height * half, base), (x, sag), (x - height * half, base)))
    return shapes


def _cloud(x: float, y: float, width: float) -> list[np.ndarray]:
    """A heap of round puffs on a flat base."""
    puffs = ((-0.3, 0.1, 0.16), (-0.1, 0.19, 0.2), (0.14, 0.14, 0.17), (0.33, 0.07, 0.12))
    shapes = [_ellipse(x + dx * width, y - dy * width, r * width) for dx, dy, r in puffs]
    return [np.minimum(shape, (9.0, y)) for shape in shapes] + [_lens(x, y, width * 1.0, width * 0.1)]


def _lens(x: float, y: float, width: float, height: float) -> np.ndarray:
    """A flat shape with pointed ends."""
    along = np.linspace(-1, 1, 17)
    bulge = (1 - along**2) * height / 2
    top = np.stack([x + along * width / 2, y - bulge], axis=1)
    return np.concatenate([top, np.stack([x + along * width / 2, y + bulge], axis=1)[::-1]])


# ---------------------------------------------------------------------------------------------------- sky and weather


def _sky(
    canvas: Canvas, rng: np.random.Generator, scene: Scene, horizon: float, rise: Light, dark: float = 0.0
) -> Light:
    """Paints the sky down to `horizon`, with its light, clouds, stars and birds; returns where the light is.

    `rise` is the least and the greatest y of the sun as a share of `horizon`; `dark` deepens the sky, 0 to 1.
    """
    palette = COLOURS[scene.palette]
    top, mid = _mix(palette.top, palette.near, dark), _mix(palette.mid, palette.near, dark * 0.7)
    low = _mix(palette.low, palette.near, dark * 0.4)
    canvas.gradient(((0.0, top), (horizon * 0.55, mid), (horizon, low), (1.0, low)))
    x, y = rng.uniform(0.2, 0.8), rng.uniform(*rise) * horizon
    light = (x, min(0.24, horizon * 0.42) if scene.extra == "moon" else y)
    strength = 0.45 if scene.palette == "midnight" else 0.75
    canvas.glow(light, 0.42, low, strength * (1 - dark))
    if scene.extra == "stars":
        _stars(canvas, rng, palette, horizon)
    if scene.extra == "sun":
        _sun(canvas, rng, palette, light)
    if scene.extra == "moon":
        _moon(canvas, rng, palette, light)
    if not dark and scene.extra != "stars":
        _clouds(canvas, rng, scene, horizon, light)
    if scene.extra == "birds":
        _birds(canvas, rng, palette, horizon)
    return light


def _sun(canvas: Canvas, rng: np.random.Generator, palette: Palette, light: Light) -> None:
    """A disc with two pale rings."""
    radius = rng.uniform(0.07, 0.11)
    for ring, alpha in ((2.3, 0.2), (1.6, 0.3), (1.0, 1.0)):
        canvas.fill([_ellipse(*light, radius * ring, count=64)], palette.light, alpha=alpha)


def _moon(canvas: Canvas, rng: np.random.Generator, palette: Palette, light: Light) -> None:
    radius = rng.uniform(0.06, 0.085)
    pale = _mix(palette.light, (235, 242, 255), 0.4)
    canvas.glow(light, radius * 3, pale, 0.35)
    x, y = light
    angle = np.linspace(-1.9, 1.9, 40)
    outer = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)
    inner = np.stack([x + radius * (np.cos(angle) * 0.72 + 0.42 * np.cos(1.9)), y + radius * np.sin(angle)], axis=1)
    if rng.random() < 0.5:
        canvas.fill([np.concatenate([outer, inner[::-1]])], pale)
        return
    canvas.fill([_ellipse(x, y, radius, count=64)], pale)
    craters = [_ellipse(x + radius * dx, y + radius * dy, radius * r) for dx, dy, r in CRATERS]
    canvas.fill(craters, palette.mid, alpha=0.22)


CRATERS = ((-0.35, -0.2, 0.26), (0.3, 0.3, 0.2), (0.28, -0.42, 0.14))


def _stars(canvas: Canvas, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    """Four-pointed stars, evenly strewn."""
    shapes = []
    turn = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    for y in _spread(rng, max(3, round(horizon * 7)), 0.02, horizon * 0.85):
        for x in _spread(rng, 4):
            reach = np.where(np.arange(8) % 2, 0.5, 1.0) * rng.uniform(0.011, 0.017)
            at = y + rng.uniform(-0.03, 0.03)
            shapes.append(np.stack([x + reach * np.cos(turn), at + reach * np.sin(turn)], axis=1))
    canvas.fill(shapes, _mix(palette.light, (255, 255, 255), 0.5), alpha=0.95)


def _clouds(canvas: Canvas, rng: np.random.Generator, scene: Scene, horizon: float, light: Light) -> None:
    """White heaps at noon; thin bars across the light at other times."""
    palette = COLOURS[scene.palette]
    if scene.palette == "azure":
        for x in _spread(rng, 2, 0.05, 0.95):
            puffs = _cloud(x, rng.uniform(0.36, 0.75) * horizon, rng.uniform(0.24, 0.4))
            canvas.fill(puffs, (255, 255, 255), _mix(palette.low, palette.mid, 0.2), 0.95)
        return
    bars = []
    for y in _spread(rng, 3, 0.15, 0.95):
        bars.append(
            _lens(light[0] + rng.uniform(-0.4, 0.4), y * horizon, rng.uniform(0.35, 0.7), rng.uniform(0.018, 0.034))
        )
    canvas.fill(bars, palette.low, alpha=0.4)


def _birds(canvas: Canvas, rng: np.random.Generator, palette: Palette, horizon: float) -> None:
    """A loose flock of gulls in the upper sky."""
    wing = _points("-1,-.35 -.5,-.5 0,.05 .5,-.5 1,-.35 .5,-.15 0,.45 -.5,-.15")
    x, y = rng.uniform(0.25, 0.7), rng.uniform(0.12, max(0.14, horizon * 0.4))
    shapes = []
    for index in range(int(rng.integers(3, 6))):
        span, side, back = rng.uniform(0.04, 0.055), (-1) ** index, (index + 1) // 2
        shapes.append(wing * span + (x + side * back * 0.12, y + back * 0.06 + rng.uniform(-0.015, 0.015)))
    canvas.fill(shapes, palette.near)


def _rain(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    """A veil and slanted strokes over the whole picture."""
    veil = _mix(palette.far, palette.mid, 0.6)
    canvas.blend(veil, np.full((canvas.size, canvas.size), 0.28, dtype=np.float32))
    drop = _points("1,0 1.13,0 .63,1 .5,1")
    shapes = []
    for y in _spread(rng, 5, -0.05, 1.0):
        for x in _spread(rng, 6, -0.1, 1.0):
            shapes.append(drop * rng.uniform(0.08, 0.12) + (x, y + rng.uniform(-0.06, 0.06)))
    canvas.fill(shapes, palette.light, alpha=0.45)


def _mist(canvas: Canvas, scene: Scene, y: float, height: float = 0.07) -> None:
    """The haze that lies between two layers: a trace of it always, a bank of it in mist."""
    palette = COLOURS[scene.palette]
    canvas.haze(
        y, height * (1.35 if scene.extra == "mist" else 1.0), palette.low, 0.8 if scene.extra == "mist" else 0.2
    )


def _shimmer(
    canvas: Canvas, rng: np.random.Generator, palette: Palette, x: float, horizon: float, alpha: float
) -> None:
    """The light's path on water: flat lenses that widen towards the viewer."""
    shapes = []
    depth = np.linspace(0.04, 0.95, 8) ** 1.4
    for step in depth:
        width = (0.07 + 0.2 * step) * rng.uniform(0.7, 1.3)
        shapes.append(_lens(x + rng.uniform(-0.03, 0.03), horizon + step * (1 - horizon), width, 0.012 + 0.022 * step))
    canvas.fill(shapes, palette.light, alpha=alpha)


# ---------------------------------------------------------------------------------------------------- scenes


def _peaks(rng: np.random.Generator, y: float, height: float, count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """A jagged skyline and its summits as (3, 2) arrays: left foot, tip, right foot."""
    tips = _spread(rng, count, -0.08, 1.08)
    tops = y - height * rng.uniform(0.6, 0.9, count)
    tops[int(rng.integers(count))] = y - height
    gaps = np.concatenate([[-0.3], (tips[1:] + tips[:-1]) / 2 + rng.uniform(-0.02, 0.02, count - 1), [1.3]])
    feet = y - height * rng.uniform(0.18, 0.42, count + 1)
    line, summits = [(gaps[0], feet[0])], []
    for i in range(count):
        line += [(tips[i], tops[i]), (gaps[i + 1], feet[i + 1])]
        summits.append(np.array([(gaps[i], feet[i]), (tips[i], tops[i]), (gaps[i + 1], feet[i + 1])]))
    return np.array(line), summits


def _slopes(
    canvas: Canvas, summits: list[np.ndarray], light_x: float, shade: Colour, snow: Colour, floor: float
) -> None:
    """The shaded face, down to `floor`, and the snow cap of every summit."""
    shades, caps = [], []
    for left, tip, right in summits:
        away, lit = (right, left) if light_x < tip[0] else (left, right)
        drop, toward = floor - tip[1], lit[0] - tip[0]
        crest = [
            tip + (toward * side, drop * down) for side, down in ((0.3, 1.0), (-0.08, 0.66), (0.2, 0.4), (-0.03, 0.2))
        ]
        shades.append(np.array([tip, away, (away[0], floor), *crest]))
        a, b = tip + (left - tip) * 0.36, tip + (right - tip) * 0.36
        fall = max(a[1], b[1]) - tip[1]
        notch = [a + (b - a) * t + (0, d * fall) for t, d in ((0.2, 0.3), (0.4, -0.1), (0.6, 0.35), (0.8, -0.05))]
        caps.append(np.array([tip, a, *notch, b]))
    canvas.fill(shades, shade, alpha=0.5)
    canvas.fill(caps, snow, alpha=0.92)


def _mountains(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    palette = COLOURS[scene.palette]
    base = rng.uniform(0.6, 0.7)
    light = _sky(canvas, rng, scene, base, (0.25, 0.5))
    line, _ = _peaks(rng, base, 0.3, 5)
    canvas.fill([_under(line)], _mix(palette.far, palette.low, 0.35), palette.low, span=(base - 0.3, base + 0.05))
    _mist(canvas, scene, base, 0.08)
    line, summits = _peaks(rng, base + 0.08, rng.uniform(0.36, 0.48), 3)
    rock = _land(palette, 0.3)
    canvas.fill([_under(line)], rock, _mix(rock, palette.low, 0.45), span=(base - 0.3, base + 0.1))
    snow = _mix(palette.light, palette.low, 0.25)
    _slopes(canvas, summits, light[0], _land(palette, 0.55), snow, base + 0.1)
    _mist(canvas, scene, base + 0.08, 0.07)
    if scene.variant:
        canvas.fill([_under(_ridge(rng, base + 0.07, 0.02))], _land(palette, 0.6))
        canvas.reflect(base + 0.12, _mix(palette.mid, palette.low, 0.5), _land(palette, 0.5), 0.6)
        _shimmer(canvas, rng, palette, light[0], base + 0.12, 0.28)
    else:
        for depth, y in ((0.5, 0.1), (0.68, 0.17)):
            colour = _own(palette, _land(palette, depth), LEAF, 0.8)
            canvas.fill([_under(_ridge(rng, base + y, 0.04))], colour, _mix(colour, palette.far, 0.35))
            _mist(canvas, scene, base + y + 0.06, 0.04)
    ridge = _ridge(rng, 0.94, 0.05)
    side = rng.choice([0.0, 0.62])
    near = _own(palette, palette.near, LEAF, 0.3)
    trees = [shape for x in _spread(rng, 4, side, side + 0.4) for shape in _grown(rng, ridge, x, 0.16, 0.3)]
    canvas.fill([_under(ridge), *trees], near)


def _grown(rng: np.random.Generator, ridge: np.ndarray, x: float, low: float, high: float) -> list[np.ndarray]:
    """A fir that stands on `ridge` at `x`, `low` to `high` tall."""
    return _pine(x, _height(ridge, x) + 0.01, rng.uniform(low, high))


def _towers(rng: np.random.Generator, count: int, ground: float, low: float, high: float) -> list[np.ndarray]:
    """Boxes (left, top, right, ground) as (4,) arrays, some of them overlapping."""
    centres, tops = _spread(rng, count, -0.02, 1.02), ground - rng.uniform(low, high, count)
    tops[int(rng.integers(count))] = ground - high
    half = rng.uniform(0.34, 0.52, count) / count
    return [np.array((x - w, top, x + w, ground)) for x, w, top in zip(centres, half, tops, strict=True)]


def _roof(rng: np.random.Generator, tower: np.ndarray) -> list[np.ndarray]:
    """A flat, stepped, pointed or slanted top."""
    left, top, right, _ = tower
    width, middle, kind = right - left, (left + right) / 2, int(rng.integers(4))
    if kind == 1:
        step = _box(left + width * 0.2, top - width * 0.3, right - width * 0.2, top)
        return [step, _box(middle - 0.006, top - width * 0.9, middle + 0.006, top)]
    if kind == 2:
        return [_shape((left, top), (middle, top - width * 0.8), (right, top))]
    if kind == 3:
        return [_shape((left, top), (left, top - width * 0.45), (right, top))]
    return []


def _windows(rng: np.random.Generator, tower: np.ndarray, share: float) -> list[np.ndarray]:
    left, top, right, ground = tower
    columns = max(2, round((right - left) / 0.042))
    pitch = (right - left) / columns
    shapes = []
    for y in np.arange(top + 0.035, ground - 0.05, 0.05):
        for column in range(columns):
            if rng.random() < share:
                x = left + pitch * (column + 0.5)
                shapes.append(_box(x - 0.0095, y, x + 0.0095, y + 0.026))
    return shapes


def _city(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    palette = COLOURS[scene.palette]
    ground = rng.uniform(0.7, 0.76) if scene.variant == 0 else rng.uniform(0.84, 0.9)
    light = _sky(canvas, rng, scene, ground, (0.2, 0.5))
    lit = _mix(palette.accent if scene.palette in ("midnight", "emerald") else palette.light, palette.second, 0.25)
    for depth, count, low, high in ((0.05, 9, 0.2, 0.42), (0.35, 7, 0.16, 0.56), (0.75, 6, 0.08, 0.34)):
        towers = _towers(rng, int(rng.integers(count - 1, count + 2)), ground, low, high)
        roofs = [shape for tower in towers for shape in _roof(rng, tower)]
        colour = _land(palette, depth)
        foot = _mix(colour, palette.low, 0.5 * (1 - depth))
        canvas.fill([_box(*tower) for tower in towers] + roofs, colour, foot)
        if depth > 0.1:
            shade = [_box((t[0] + t[2]) / 2, t[1], t[2], t[3]) for t in towers if light[0] < (t[0] + t[2]) / 2]
            shade += [_box(t[0], t[1], (t[0] + t[2]) / 2, t[3]) for t in towers if light[0] >= (t[0] + t[2]) / 2]
            canvas.fill(shade, palette.near, alpha=0.14)
        if depth > 0.7:
            canvas.fill([shape for tower in towers for shape in _windows(rng, tower, 0.5)], lit, alpha=0.95)
        else:
            _mist(canvas, scene, ground - 0.04, 0.08)
    if scene.variant == 0:
        canvas.reflect(ground, _mix(palette.mid, palette.low, 0.4), _land(palette, 0.5), 0.62)
        _shimmer(canvas, rng, palette, light[0], ground, 0.3)
        return
    canvas.fill([_box(-0.1, ground, 1.1, 1.1)], _land(palette, 0.85), palette.near)
    middle = rng.uniform(0.4, 0.6)
    canvas.fill([_shape((middle - 0.03, ground), (middle + 0.03, ground), (0.85, 1.01), (0.15, 1.01))], palette.body)
    dashes = []
    for start, stop in ((0.1, 0.28), (0.45, 0.85)):
        (a, wide_a), (b, wide_b) = ((ground + t * (1 - ground), 0.004 + 0.02 * t) for t in (start, stop))
        xa, xb = (middle + (0.5 - middle) * t for t in (start, stop))
        dashes.append(_shape((xa - wide_a, a), (xa + wide_a, a), (xb + wide_b, b), (xb - wide_b, b)))
    canvas.fill(dashes, lit, alpha=0.9)


def _swell(rng: np.random.Generator, y: float, height: float, turns: float) -> tuple[np.ndarray, np.ndarray]:
    """A wave line, (97, 2), and the lit strip below its crests."""
    x = np.linspace(-0.01, 1.01, 97)
    crest = 0.5 + 0.5 * np.sin(2 * np.pi * (turns * x + rng.random() + 0.1 * np.sin(2 * np.pi * (x + rng.random()))))
    line = np.stack([x, y - height * crest**1.6], axis=1)
    below = line + np.stack([0 * x, 0.002 + 0.42 * height * crest**1.5], axis=1)
    return line, np.concatenate([line, below[::-1]])


def _ocean(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """The open sea with the light's path on it: swells that grow towards the viewer, perhaps an island."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.42, 0.54)
    light = _sky(canvas, rng, scene, horizon, (0.45, 0.95))
    if scene.variant:
        island = _smooth(_points("-.5,.02 -.3,-.12 -.16,-.3 .05,-.2 .2,-.26 .5,.02 0,.08"))
        width, x = rng.uniform(0.3, 0.45), light[0] + rng.choice([-0.32, 0.32])
        canvas.fill([island * width + (x, horizon)], _land(palette, 0.35), _mix(palette.far, palette.low, 0.4))
    _mist(canvas, scene, horizon - 0.02, 0.06)
    canvas.fill(
        [_box(-0.1, horizon, 1.1, 1.1)], _mix(palette.mid, palette.low, 0.55), _mix(palette.far, palette.body, 0.4)
    )
    canvas.glow((light[0], horizon), 0.22, palette.light, 0.35)
    for step in (0.13, 0.3, 0.5, 0.72, 0.93):
        y, height = horizon + step * (1 - horizon) + 0.02, 0.018 + 0.075 * step
        line, strip = _swell(rng, y, height, 3.4 - 2.1 * step)
        colour = _mix(_mix(palette.far, palette.mid, 0.6), _mix(_land(palette, 0.72), palette.top, 0.25), step)
        canvas.fill([_under(line)], _mix(colour, palette.mid, 0.2), colour, 0.92, (y - height, y + 0.12))
        canvas.fill([strip], _mix(palette.light, palette.low, 0.5), alpha=0.4 + 0.25 * step)
        if step == 0.5:
            _shimmer(canvas, rng, palette, light[0], horizon, 0.7)


def _boat(x: float, y: float, size: float, facing: int) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """A sailing boat `size` tall that floats at (x, y): its hull with the mast, its main sail, its fore sail."""
    at = np.array((x, y))
    scale = np.array((size * facing, size))
    hull = _shape((-0.36, -0.1), (0.42, -0.1), (0.28, 0.03), (-0.27, 0.03)) * scale + at
    mast = _shape((-0.025, -1.0), (0.025, -1.0), (0.025, -0.05), (-0.025, -0.05)) * scale + at
    main = _shape((-0.05, -0.95), (-0.08, -0.17), (-0.38, -0.17), (-0.26, -0.5)) * scale + at
    fore = _shape((0.05, -0.88), (0.22, -0.48), (0.4, -0.17), (0.07, -0.17)) * scale + at
    return [hull, mast], [main], [fore]


def _harbour(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.5, 0.58)
    light = _sky(canvas, rng, scene, horizon, (0.35, 0.8))
    for depth, height in ((0.05, 0.12), (0.25, 0.055)):
        colour = _land(palette, depth)
        ridge = _ridge(rng, horizon - height * 0.6, height * 0.5)
        canvas.fill([_under(ridge)], colour, _mix(colour, palette.low, 0.5), span=(horizon - height, horizon))
        _mist(canvas, scene, horizon - 0.01, 0.05)
    side = 1 if rng.random() < 0.5 else -1
    spots = _spread(rng, 3, 0.28, 0.98) if side > 0 else 1 - _spread(rng, 3, 0.28, 0.98)
    near = palette.near
    white = _mix(palette.light, palette.second, 0.15)
    if scene.variant:
        _lighthouse(canvas, palette, 0.5 - side * 0.36, horizon)
    small = _boat(float(spots[2]), horizon, 0.16, side)
    _paint_boat(
        canvas, small, _land(palette, 0.55), _mix(white, palette.low, 0.4), _mix(palette.accent, palette.low, 0.5)
    )
    canvas.reflect(horizon, _mix(palette.mid, palette.low, 0.6), _land(palette, 0.4), 0.55)
    _shimmer(canvas, rng, palette, light[0], horizon, 0.5)
    _mist(canvas, scene, horizon + 0.02, 0.06)
    for spot, drop, size in ((spots[1], 0.1, 0.28), (spots[0], 0.24, 0.46)):
        boat = _boat(float(spot), horizon + drop, size, 1 if rng.random() < 0.5 else -1)
        mirror = tuple([part * (1, -0.6) + (0, 1.6 * (horizon + drop)) for part in parts] for parts in boat)
        canvas.fill([shape for parts in mirror for shape in parts], _land(palette, 0.6), alpha=0.3)
        _paint_boat(canvas, boat, near, white, palette.accent)
    if not scene.variant:
        _jetty(canvas, palette, -side, 0.9)


def _paint_boat(canvas: Canvas, boat: tuple[list[np.ndarray], ...], hull: Colour, main: Colour, fore: Colour) -> None:
    canvas.fill(boat[0], hull)
    canvas.fill(boat[1], main)
    canvas.fill(boat[2], fore)


def _lighthouse(canvas: Canvas, palette: Palette, x: float, y: float) -> None:
    white = _mix(palette.light, palette.low, 0.2)
    tower = _shape((x - 0.035, y - 0.34), (x + 0.035, y - 0.34), (x + 0.055, y), (x - 0.055, y))
    beam = _shape((x, y - 0.38), (x - np.sign(x - 0.5) * 0.6, y - 0.5), (x - np.sign(x - 0.5) * 0.6, y - 0.34))
    canvas.fill([beam], palette.light, alpha=0.3)
    canvas.fill([tower], white)
    bands = []
    for a, b in ((0.25, 0.45), (0.65, 0.85)):
        wide_a, wide_b = (0.035 + 0.02 * t for t in (a, b))
        ya, yb = (y - 0.34 * (1 - t) for t in (a, b))
        bands.append(_shape((x - wide_a, ya), (x + wide_a, ya), (x + wide_b, yb), (x - wide_b, yb)))
    canvas.fill(bands, palette.accent if palette.accent[0] > 200 else palette.body)
    canvas.fill([_box(x - 0.028, y - 0.4, x + 0.028, y - 0.34)], palette.accent)
    roof = _shape((x - 0.045, y - 0.395), (x, y - 0.45), (x + 0.045, y - 0.395))
    rock = _smooth(_points("-.24,.01 -.1,-.06 .06,-.05 .24,.01 0,.03")) + (x, y)
    canvas.fill([roof, rock, _box(x - 0.048, y - 0.345, x + 0.048, y - 0.33)], _land(palette, 0.85))


def _jetty(canvas: Canvas, palette: Palette, side: int, y: float) -> None:
    """A pier that comes in from the left (-1) or the right (1) at height `y`."""
    edge, tip = (-0.02, 0.3) if side < 0 else (1.02, 0.7)
    deck = _shape((edge, y - 0.03), (tip, y - 0.015), (tip, y + 0.015), (edge, y + 0.035))
    posts = [_box(x - 0.014, y - 0.06, x + 0.014, y + 0.12) for x in np.linspace(tip, edge, 5)[:-1]]
    canvas.fill([deck, *posts], palette.near)


def _forest(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.66, 0.74)
    light = _sky(canvas, rng, scene, horizon, (0.25, 0.5))
    canvas.glow((light[0], 0.4), 0.4, palette.light, 0.35)
    for depth, count, low, high, drop in ((0.08, 9, 0.26, 0.4, 0.0), (0.35, 7, 0.34, 0.5, 0.08)):
        ridge = _ridge(rng, horizon + drop, 0.03)
        colour = _own(palette, _land(palette, depth), LEAF)
        trees = [shape for x in _spread(rng, count, -0.05, 1.05) for shape in _grown(rng, ridge, x, low, high)]
        canvas.fill([_under(ridge), *trees], colour, _mix(colour, palette.low, 0.5), span=(0.25, horizon + drop + 0.08))
        _mist(canvas, scene, horizon + drop, 0.08)
    if scene.variant:
        _beams(canvas, rng, palette, light)
    near, ridge = _own(palette, palette.near, LEAF, 0.5), _ridge(rng, 0.88, 0.04)
    middle = _own(palette, _land(palette, 0.7), LEAF, 0.8)
    ground = _ridge(rng, 0.82, 0.03)
    if scene.variant:
        trunks = [shape for x in _spread(rng, 4, 0.05, 0.95) for shape in _trunk(rng, x, 0.9, 0.035)]
        canvas.fill([_under(ground), *trunks], middle)
        trunks = [shape for x in (0.06, 0.94) for shape in _trunk(rng, x + rng.uniform(-0.05, 0.05), 1.0, 0.09)]
        leaves = [_ellipse(x, -0.02, rng.uniform(0.1, 0.17), rng.uniform(0.08, 0.15)) for x in np.linspace(0, 1, 7)]
        canvas.fill([_under(ridge), *trunks, *leaves], near)
        return
    trees = [shape for x in _spread(rng, 5, 0.0, 1.0) for shape in _grown(rng, ground, x, 0.3, 0.5)]
    canvas.fill([_under(ground), *trees], middle, _mix(middle, palette.far, 0.3), span=(0.4, 0.95))
    _mist(canvas, scene, 0.86, 0.05)
    sides = (rng.uniform(-0.02, 0.12), rng.uniform(0.18, 0.26), rng.uniform(0.88, 1.02))
    sides = sides if rng.random() < 0.5 else tuple(1 - x for x in sides)
    trees = [shape for x in sides for shape in _grown(rng, ridge, x, 0.5, 0.8)]
    canvas.fill([_under(ridge), *trees], near)


def _beams(canvas: Canvas, rng: np.random.Generator, palette: Palette, light: Light) -> None:
    shapes, x = [], light[0]
    for foot in _spread(rng, 4, x - 0.6, x + 0.6):
        width = rng.uniform(0.04, 0.08)
        shapes.append(_shape((x - 0.02, -0.15), (x + 0.02, -0.15), (foot + width, 0.95), (foot - width, 0.95)))
    canvas.fill(shapes, palette.light, alpha=0.22)


def _trunk(rng: np.random.Generator, x: float, foot: float, width: float) -> list[np.ndarray]:
    """A trunk from the top edge to a flared foot, with one bough."""
    lean, half = rng.uniform(-0.03, 0.03), width / 2
    stem = _shape(
        (x + lean - half * 0.7, -0.02),
        (x + lean + half * 0.7, -0.02),
        (x + half, foot - 0.12),
        (x + half * 2, foot),
        (x - half * 2, foot),
        (x - half, foot - 0.12),
    )
    side, y = (1 if x < 0.5 else -1), rng.uniform(0.15, 0.4)
    return [stem, *_limb(((x + lean / 2, y), (x + side * width * 2.2, y - 0.13)), width * 0.5, width * 0.25)]


def _desert(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.5, 0.6)
    light = _sky(canvas, rng, scene, horizon, (0.35, 0.85))
    if scene.variant:
        blocks = []
        for x in _spread(rng, 2, 0.08, 0.92):
            w, h = rng.uniform(0.09, 0.15), rng.uniform(0.13, 0.24)
            corners = (-1.5, 0.05), (-1.1, -0.4), (-0.95, -0.45), (-0.85, -1.0), (0.8, -1.0), (0.95, -0.5), (1.15, -0.4)
            blocks.append(np.array([*corners, (1.6, 0.05)]) * (w, h) + (x, horizon))
        colour = _own(palette, _land(palette, 0.3), _hex("C8643C"), 0.8)
        canvas.fill(blocks, colour, _mix(colour, palette.low, 0.45))
    lit = _own(palette, _mix(palette.low, palette.far, 0.45), SAND, 1.5)
    shade = _own(palette, _land(palette, 0.55), _hex("C58A4B"), 1.2)
    canvas.fill([_under(_ridge(rng, horizon + 0.02, 0.025))], _mix(lit, palette.low, 0.3), lit)
    for step, (y, swing) in enumerate(((0.08, 0.05), (0.2, 0.07), (0.34, 0.08))):
        _dune(
            canvas,
            rng,
            palette,
            horizon + y,
            swing,
            light[0],
            _mix(lit, shade, step * 0.16),
            _mix(shade, palette.near, step * 0.12),
        )
    if not scene.variant:
        side = 0.16 if light[0] > 0.5 else 0.84
        _cactus(canvas, rng, palette, side + rng.uniform(-0.05, 0.05), 0.93, light[0])


def _dune(
    canvas: Canvas,
    rng: np.random.Generator,
    palette: Palette,
    y: float,
    swing: float,
    light_x: float,
    lit: Colour,
    shade: Colour,
) -> None:
    """One dune: its lit back, and the face turned from the light below an S-shaped crest."""
    peak = rng.uniform(0.25, 0.75)
    x = np.linspace(-0.01, 1.01, 65)
    hill = np.exp(-(np.abs((x - peak) / 0.32) ** 1.5))
    crest = np.stack([x, y + swing * 0.6 - swing * 1.8 * hill], axis=1)
    canvas.fill([_under(crest)], lit, _mix(lit, shade, 0.35))
    top = float(crest[:, 1].min())
    t = np.linspace(0, 1, 24)
    away = 1 if light_x < peak else -1
    curl = peak + away * (0.1 * np.sin(t * np.pi * 1.6) * (1 - 0.3 * t) - 0.16 * t)
    edge = np.stack([curl, top + t**1.2 * (1.03 - top)], axis=1)
    far = crest[x > peak][::-1] if away > 0 else crest[x < peak]
    corner = [(1.01 if away > 0 else -0.01, 1.03)]
    canvas.fill([np.concatenate([edge, corner, far])], shade, _mix(shade, lit, 0.45))


def _cactus(canvas: Canvas, rng: np.random.Generator, palette: Palette, x: float, foot: float, light_x: float) -> None:
    h = rng.uniform(0.28, 0.4)
    away = 1 if light_x < x else -1
    canvas.fill(_limb(((x, foot), (x + away * 0.3, foot + 0.03)), 0.05, 0.03), palette.near, alpha=0.35)
    shapes = _limb(((x, foot), (x, foot - h)), 0.065)
    for side, low, high in ((1, 0.4, 0.72), (-1, 0.52, 0.86)):
        out = x + side * 0.085
        shapes += _limb(((x, foot - h * low), (out, foot - h * low), (out, foot - h * high)), 0.042)
    canvas.fill(shapes, _own(palette, palette.near, LEAF, 0.8))


def _curtain(canvas: Canvas, rng: np.random.Generator, y: float, tall: float, colour: Colour, tip: Colour) -> None:
    """One curtain of northern lights: bright along a wavy hem, fading upwards in broad folds."""
    x, turn = canvas.x, 2 * np.pi
    hem = y + 0.07 * np.sin(turn * (x * rng.uniform(0.8, 1.3) + rng.random())) + rng.uniform(-0.12, 0.12) * (x - 0.5)
    folds = 0.72 + 0.28 * np.sin(turn * (x * rng.uniform(3.0, 4.5) + 0.3 * np.sin(turn * x) + rng.random()))
    up = (hem - canvas.y) / (tall * (0.75 + 0.4 * folds))
    above = np.maximum(up, 0.0)
    body = np.where(up > 0, np.exp(-(above**1.3) * 1.7), np.exp(-((up * 9) ** 2)))
    canvas.blend(tip, 0.55 * folds * np.exp(-(((up - 0.55) / 0.5) ** 2)))
    canvas.blend(colour, 0.95 * folds * body)


def _aurora(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.64, 0.7)
    sky = replace(scene, extra="" if scene.extra == "stars" else scene.extra)
    _sky(canvas, rng, sky, horizon, (0.3, 0.5), AURORA_DARK[scene.palette])
    if scene.extra == "stars":
        _stars(canvas, rng, palette, horizon * 0.8)
    bright, tip = AURORA[scene.palette]
    _curtain(canvas, rng, rng.uniform(0.36, 0.44), 0.42, _mix(bright, palette.mid, 0.35), tip)
    _curtain(canvas, rng, rng.uniform(0.48, 0.56), 0.36, bright, tip)
    line, summits = _peaks(rng, horizon + 0.02, 0.2, 4)
    rock = _mix(_land(palette, 0.45), palette.top, 0.25)
    canvas.fill([_under(line)], rock, _mix(rock, palette.low, 0.4), span=(horizon - 0.2, horizon + 0.04))
    _slopes(canvas, summits, 0.3, _land(palette, 0.7), _mix(palette.low, palette.light, 0.4), horizon + 0.05)
    snow = _mix(_mix(palette.low, palette.light, 0.55), palette.mid, 0.1 if scene.palette != "midnight" else 0.45)
    for depth, y in ((0.0, 0.02), (0.5, 0.12), (1.0, 0.22)):
        top = _mix(snow, bright, 0.3 - 0.25 * depth)
        canvas.fill(
            [_under(_ridge(rng, horizon + y, 0.03))],
            top,
            _mix(top, palette.mid, 0.5),
            span=(horizon + y - 0.03, horizon + y + 0.22),
        )
    ridge, dark = _ridge(rng, 0.86, 0.02), _land(palette, 0.88)
    side = 1 if rng.random() < 0.5 else -1
    if scene.variant == 0:
        _cabin(canvas, palette, 0.5 + side * rng.uniform(0.12, 0.24), 0.86, snow)
    spots = 0.5 - side * _spread(rng, 3 if scene.variant == 0 else 4, 0.08, 0.5)
    trees = [shape for x in spots for shape in _grown(rng, ridge, float(x), 0.18, 0.36)]
    canvas.fill(trees, dark)


AURORA_DARK = {"golden": 0.6, "rose": 0.55, "violet": 0.45, "azure": 0.3, "emerald": 0.5, "midnight": 0.15}
AURORA = {
    "golden": (_hex("FFE27A"), _hex("FF8A3C")),
    "rose": (_hex("FFB3B8"), _hex("FF4F86")),
    "violet": (_hex("E29BFF"), _hex("7C5CFF")),
    "azure": (_hex("C8F6FF"), _hex("4FB4FF")),
    "emerald": (_hex("B6FFB0"), _hex("2FD6A0")),
    "midnight": (_hex("6FD3F0"), _hex("3B62D8")),
}


def _cabin(canvas: Canvas, palette: Palette, x: float, foot: float, snow: Colour) -> None:
    canvas.fill([_box(x - 0.09, foot - 0.1, x + 0.09, foot + 0.01)], palette.near)
    roof = _shape((x - 0.12, foot - 0.09), (x, foot - 0.2), (x + 0.12, foot - 0.09))
    canvas.fill([roof, _box(x + 0.045, foot - 0.21, x + 0.075, foot - 0.1)], snow)
    canvas.glow((x, foot - 0.04), 0.12, _hex("FFC45C"), 0.35)
    canvas.fill(
        [
            _box(x - 0.055, foot - 0.065, x - 0.015, foot - 0.025),
            _box(x + 0.015, foot - 0.065, x + 0.055, foot - 0.025),
        ],
        _hex("FFD980"),
    )


def _meadow(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Rolling grassland with flowers in front, perhaps one round tree."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.46, 0.56)
    light = _sky(canvas, rng, scene, horizon, (0.35, 0.8))
    steps = ((0.05, -0.04, 0.06, 0.0), (0.2, 0.04, 0.06, 0.0), (0.36, 0.13, 0.05, 0.028), (0.54, 0.24, 0.04, 0.04))
    for depth, y, swing, size in steps:
        colour = _own(palette, _land(palette, depth), GRASS, 0.6 + depth)
        ridge, top = _ridge(rng, horizon + y, swing, 0.9), _mix(colour, palette.low, 0.35)
        canvas.fill([_under(ridge)], top, colour, span=(horizon + y - swing, horizon + y + 0.16))
        if depth < 0.3:
            _mist(canvas, scene, horizon + y + 0.03, 0.05)
        if size:
            _blossom(canvas, rng, ridge, size, _mix(palette.accent if size > 0.03 else palette.light, colour, 0.15))
    if scene.variant:
        _lone_tree(canvas, rng, palette, 0.3 if light[0] > 0.5 else 0.7, horizon + 0.19, light[0])
    near = _own(palette, _land(palette, 0.8), LEAF, 0.9)
    _flowers(canvas, rng, palette, near, 8 if scene.variant == 0 else 5)
    canvas.fill([_under(_ridge(rng, 0.92, 0.03))], near, _mix(near, palette.near, 0.6))


def _lone_tree(
    canvas: Canvas, rng: np.random.Generator, palette: Palette, x: float, foot: float, light_x: float
) -> None:
    h = rng.uniform(0.34, 0.44)
    away = 1 if light_x < x else -1
    canvas.fill([_lens(x + away * 0.12, foot + 0.005, 0.36, 0.04)], palette.near, alpha=0.3)
    trunk = _shape(
        (x - 0.016, foot - h * 0.6), (x + 0.016, foot - h * 0.6), (x + 0.028, foot + 0.01), (x - 0.028, foot + 0.01)
    )
    boughs = _limb(((x, foot - h * 0.4), (x + 0.07, foot - h * 0.6)), 0.02) + _limb(
        ((x, foot - h * 0.36), (x - 0.07, foot - h * 0.58)), 0.02
    )
    canvas.fill([trunk, *boughs], palette.near)
    crown = [
        _ellipse(x + dx * h, foot - dy * h, r * h)
        for dx, dy, r in ((-0.26, 0.66, 0.2), (0.25, 0.66, 0.21), (0.0, 0.8, 0.28))
    ]
    leaf = _own(palette, _land(palette, 0.68), LEAF, 1.2)
    canvas.fill(crown, leaf, _mix(leaf, palette.near, 0.5))
    lit = [
        _ellipse(x - away * 0.06 * h + dx * h, foot - dy * h, r * h)
        for dx, dy, r in ((-0.2 * away, 0.72, 0.11), (-0.02 * away, 0.9, 0.15))
    ]
    canvas.fill(lit, _mix(leaf, palette.low, 0.35), alpha=0.8)


def _flowers(canvas: Canvas, rng: np.random.Generator, palette: Palette, stem: Colour, count: int) -> None:
    """Tall flowers along the lower edge, in two colours, with round hearts."""
    xs, tops = _spread(rng, count, 0.0, 1.0), rng.uniform(0.66, 0.86, count)
    radii = rng.uniform(0.038, 0.06, count)
    stems = [shape for x, y in zip(xs, tops, strict=True) for shape in _limb(((x, y), (x + 0.01, 1.0)), 0.013)]
    leaves = [_lens(x + side * 0.03, 0.9, 0.075, 0.03) for x, side in zip(xs, [1, -1] * count, strict=False)]
    canvas.fill(stems + leaves, stem)
    petals: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for index, (x, y, r) in enumerate(zip(xs, tops, radii, strict=True)):
        for angle in rng.random() + np.arange(6) * np.pi / 3:
            centre = x + r * 0.62 * np.cos(angle), y + r * 0.62 * np.sin(angle)
            petals[index % 2].append(_ellipse(*centre, r * 0.42, count=16))
    canvas.fill(petals[0], palette.accent)
    canvas.fill(petals[1], palette.light)
    hearts = [_ellipse(x, y, r * 0.38, count=16) for x, y, r in zip(xs, tops, radii, strict=True)]
    canvas.fill(hearts, _mix(palette.near, palette.accent, 0.15))


def _blossom(canvas: Canvas, rng: np.random.Generator, ridge: np.ndarray, size: float, colour: Colour) -> None:
    """A row of flowers too far off to show more than their colour, each `size` wide."""
    spots = _spread(rng, 9, 0.0, 1.0)
    drop = rng.uniform(0.3, 1.6, 9) * size
    dots = [_ellipse(x, _height(ridge, x) + d, size / 2, size / 3, 14) for x, d in zip(spots, drop, strict=True)]
    canvas.fill(dots, colour, alpha=0.9)


def _waves(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """Abstract ribbons, each with a lit upper edge; they lie level (variant 0) or run down the diagonal (1)."""
    palette = COLOURS[scene.palette]
    ramp = [_mix(palette.low, palette.light, 0.3), palette.low, palette.mid, palette.top, palette.body, palette.near]
    if scene.palette == "midnight":
        ramp = [palette.low, palette.second, palette.low, palette.far, palette.body, palette.near]
    canvas.gradient(((0.0, ramp[0]), (1.0, ramp[1])))
    count, x = int(rng.integers(6, 9)), np.linspace(-0.01, 1.01, 65)
    slope = 0.0 if scene.variant == 0 else rng.choice([-0.55, 0.55])
    phase, turns, bright = rng.random(), rng.uniform(0.8, 1.3), count - int(rng.integers(2, 5))
    for step in range(count):
        t = (step + 0.5) / count
        first = np.sin(2 * np.pi * (turns * x + phase + 0.16 * step))
        second = np.sin(4 * np.pi * (turns * x * 0.8 + phase - 0.1 * step))
        swing = rng.uniform(0.05, 0.1)
        line = np.stack([x, 0.06 + 0.98 * t + slope * (x - 0.5) - swing * (first + 0.35 * second)], axis=1)
        place = 0.5 + t * (len(ramp) - 1.51)
        colour = _mix(ramp[int(place)], ramp[int(place) + 1], place % 1)
        if step == bright:
            colour = palette.accent
        top = float(line[:, 1].min())
        canvas.fill([_under(line - (0, 0.025))], palette.near, alpha=0.12)
        canvas.fill([_under(line)], _mix(colour, palette.light, 0.3), colour, span=(top, top + 0.3))
        edge = np.concatenate([line, line[::-1] + (0, 0.014)])
        canvas.fill([edge], palette.light, alpha=0.4)


# ---------------------------------------------------------------------------------------------------- person

FIGURES = {
    "standing": (0.31, 0.102),
    "waving": (0.34, 0.1),
    "arms raised": (0.4, 0.095),
    "walking": (0.17, 0.077),
    "portrait": (0.42, 0.175),
}
ARMS = {
    "standing": (((-1.45, 2.2), (-1.85, 4.0), (-1.7, 5.6)), ((1.45, 2.2), (1.85, 4.0), (1.7, 5.6))),
    "portrait": (((-1.45, 2.2), (-1.9, 4.0), (-1.8, 5.6)), ((1.45, 2.2), (1.9, 4.0), (1.8, 5.6))),
    "waving": (((-1.45, 2.2), (-1.85, 4.0), (-1.7, 5.6)), ((1.45, 2.2), (2.65, 1.5), (2.35, -0.4))),
    "arms raised": (((-1.45, 2.2), (-2.5, 0.7), (-2.0, -1.5)), ((1.45, 2.2), (2.5, 0.7), (2.0, -1.5))),
    "walking": (((-1.4, 2.2), (-2.1, 3.7), (-1.5, 5.0)), ((1.4, 2.2), (1.9, 3.9), (2.6, 5.0))),
}


def _person(canvas: Canvas, rng: np.random.Generator, scene: Scene) -> None:
    """One figure before two plain hills."""
    palette = COLOURS[scene.palette]
    horizon = rng.uniform(0.62, 0.72)
    _sky(canvas, rng, scene, horizon, (0.25, 0.6))
    for depth, y in ((0.05, 0.0), (0.3, 0.12)):
        colour = _own(palette, _land(palette, depth), GRASS, depth)
        canvas.fill([_under(_ridge(rng, horizon + y, 0.05, 0.9))], _mix(colour, palette.low, 0.3), colour)
    head, unit = FIGURES[scene.pose]
    unit *= rng.uniform(0.94, 1.06)
    place = np.array((rng.uniform(0.42, 0.58), head + rng.uniform(-0.02, 0.02)))
    canvas.glow((place[0], 0.45), 0.36, palette.low, 0.5)
    _figure(canvas, rng, scene, place, unit, 1 if rng.random() < 0.5 else -1)


LONG_BACK = _points("0,-1.28 .95,-.8 1.2,.3 1.4,1.6 1.2,2.6 .5,2.8 -.5,2.8 -1.2,2.6 -1.4,1.6 -1.2,.3 -.95,-.8")
LONG_FRONT = _points(
    ".1,-1.24 .8,-.9 1.04,0 1.22,1.4 1.05,2.5 .84,1.3 .8,.05 .4,-.6 -.25,-.42 -.74,.1 -.84,1.3 -1.05,2.5 -1.22,1.4 "
    "-1.04,0 -.75,-.9"
)
SHORT = _points(".15,-1.3 .8,-1.02 1.0,-.3 .86,.12 .76,-.3 .3,-.55 -.35,-.42 -.74,-.22 -.88,.12 -1.0,-.35 -.65,-1.08")
TORSO = _points(
    "0,1.72 .85,1.72 1.7,2.05 1.35,3.4 1.1,4.5 1.3,5.7 0,5.9 -1.3,5.7 -1.1,4.5 -1.35,3.4 -1.7,2.05 -.85,1.72"
)


def _figure(canvas: Canvas, rng: np.random.Generator, scene: Scene, place: np.ndarray, unit: float, side: int) -> None:
    """Draws the figure with its head at `place`; `unit` is half the head's height, `side` -1 mirrors it."""
    palette = COLOURS[scene.palette]
    scale = np.array((unit * side, unit))
    night = scene.palette == "midnight"

    def put(shapes: Sequence[np.ndarray], colour: Colour, alpha: float = 1.0) -> None:
        tinted = _mix(colour, palette.body if night else palette.mid, 0.28 if night else 0.1)
        canvas.fill([shape * scale + place for shape in shapes], tinted, alpha=alpha)

    skin = SKINS[int(rng.integers(len(SKINS)))]
    hair, shirt = HAIRS[scene.hair], SHIRT_COLOURS[scene.shirt]
    if scene.hair_length == "long":
        put([_smooth(LONG_BACK)], _mix(hair, SHADE, 0.25))
    if scene.pose in ("walking", "standing"):
        _legs(put, 1.0 if scene.pose == "walking" else 0.25)
    put(_limb(((0, 0.8), (0, 1.9)), 0.74), _mix(skin, SHADE, 0.22))
    arms = ARMS[scene.pose]
    put([_ellipse(*(np.array(arm[2]) * 1.14 - np.array(arm[1]) * 0.14), 0.38) for arm in arms], skin)
    put([shape for arm in arms for shape in _limb(arm, 0.84, 0.56)], _mix(shirt, SHADE, 0.16))
    put([_smooth(TORSO)], shirt)
    put([_ellipse(0, 1.66, 0.58, 0.36)], _mix(skin, SHADE, 0.12))
    put([_ellipse(x, 0.12, 0.17, 0.23) for x in (-0.82, 0.82)], _mix(skin, SHADE, 0.12))
    put([_ellipse(0, 0, 0.82, 1.0, 48)], skin)
    _face(put, skin)
    put([_smooth(LONG_FRONT if scene.hair_length == "long" else SHORT)], hair)


def _legs(put: Callable[..., None], step: float) -> None:
    """Dark trousers and shoes; `step` is 1 in mid-stride."""
    put(_limb(((0.5, 5.2), (0.6 + 0.5 * step, 7.2), (0.7 + 0.9 * step, 9.3)), 1.1, 0.8), TROUSERS)
    put(_limb(((-0.5, 5.2), (-0.5 - 0.3 * step, 7.2), (-0.6 - 1.2 * step, 9.1)), 1.1, 0.8), TROUSERS)
    put([_ellipse(0.9 + 0.9 * step, 9.6, 0.65, 0.32), _ellipse(-0.4 - 1.2 * step, 9.45, 0.65, 0.32)], SHADE)


def _face(put: Callable[..., None], skin: Colour) -> None:
    """Eyes, brows, cheeks, nose and a smile, in head units."""
    ink = (46, 30, 38)
    put([_ellipse(x, 0.38, 0.17, 0.12) for x in (-0.48, 0.48)], _hex("F0705C"), 0.35)
    put([_ellipse(x, 0.06, 0.12, 0.165) for x in (-0.34, 0.34)], ink)
    put([_ellipse(x + 0.04, 0.0, 0.042) for x in (-0.34, 0.34)], (255, 255, 255))
    put(
        [shape for x in (-0.34, 0.34) for shape in _limb(((x - 0.16, -0.2), (x, -0.26), (x + 0.16, -0.2)), 0.075)],
        ink,
        0.8,
    )
    put(_limb(((0.0, 0.14), (0.05, 0.3)), 0.09), _mix(skin, SHADE, 0.25))
    angle = np.linspace(0, np.pi, 16)
    put([np.stack([0.33 * np.cos(angle), 0.52 + 0.25 * np.sin(angle)], axis=1)], _hex("A8323A"))
    put([np.stack([0.27 * np.cos(angle), 0.52 + 0.08 * np.sin(angle)], axis=1)], (255, 250, 244))


DRAWERS = {
    "mountains": _mountains, "city": _city, "ocean": _ocean, "harbour": _harbour, "forest": _forest,
    "desert": _desert, "aurora": _aurora, "meadow": _meadow, "waves": _waves, "person": _person,
}  # fmt: skip


def draw(scene: Scene, size: int = 256) -> np.ndarray:
    """The picture of `scene`, uint8 (size, size, 3); the same composition at every size."""
    rng = np.random.default_rng(scene.seed)
    canvas = Canvas(size)
    DRAWERS[scene.scene](canvas, rng, scene)
    if scene.extra == "rain":
        _rain(canvas, rng, COLOURS[scene.palette])
    return np.asarray(canvas.image).copy()
