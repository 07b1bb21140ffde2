"""The six palettes, and how colours mix."""

from __future__ import annotations

from dataclasses import dataclass

from .scene import HAIR_COLOURS, SHIRTS

Colour = tuple[int, int, int]


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


def hex_colour(text: str) -> Colour:
    """The colour that six hexadecimal digits name."""
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _palette_of(colours: str, local: float) -> Palette:
    top, mid, low, light, far, body, near, accent, second = map(hex_colour, colours.split())
    return Palette(top, mid, low, light, far, body, near, accent, second, local)


COLOURS = {
    "golden": _palette_of("E9823A F7B04E FFE3A1 FFF6D2 EBA85C B8622F 4B2117 D8452B FFD166", 0.15),
    "rose": _palette_of("C8507E F28A94 FFCDBB FFF0E2 E58A9B A8446E 4C1A3E FF5C6C FFB38A", 0.12),
    "violet": _palette_of("3D2384 8155C6 D9AEF3 FBEBFF 9B74D2 5B37A2 231050 F277C6 A98BFF", 0.10),
    "azure": _palette_of("1E7FE0 5FB6F6 DDF3FF FFFFFF 93C4EA 3E86CB 11447F FFC93C FFFFFF", 0.50),
    "emerald": _palette_of("0E6E62 3CAE8E CDF2CB F7FFDD 77C5A5 25836A 06372F DDE64C 8FE3B0", 0.12),
    "midnight": _palette_of("060B28 10235A 345A9C FBF3D0 264782 13285C 040918 FFC45C 6FA3E8", 0.08),
}
SAND, GRASS, LEAF, SHADE, TROUSERS = map(hex_colour, ("F0C27A", "7DBB4A", "2E7D54", "3A1626", "2B2F4A"))
SKINS = tuple(hex_colour(colour) for colour in ("F6CFAE", "E3AC80", "B87B52", "8A5537"))
HAIRS = dict(zip(HAIR_COLOURS, map(hex_colour, ("1D1A22", "6B3F22", "F0CB62", "C4471F")), strict=True))
SHIRT_COLOURS = dict(
    zip(SHIRTS, map(hex_colour, ("D93636", "2F66D0", "2F9A55", "F2C330", "F7F5F0", "26242C")), strict=True)
)


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """`first` at 0, `second` at 1."""
    red, green, blue = (round(a + (b - a) * amount) for a, b in zip(first, second, strict=True))
    return red, green, blue


def land_colour(palette: Palette, depth: float) -> Colour:
    """The colour of land at `depth`, 0 at the horizon and 1 at the viewer's feet: far, body, near."""
    if depth < 0.5:
        return mix(palette.far, palette.body, depth * 2)
    return mix(palette.body, palette.near, depth * 2 - 1)


def own_colour(palette: Palette, colour: Colour, own: Colour, amount: float = 1.0) -> Colour:
    """`colour` leaning to a thing's `own` colour, as far as the palette lets it."""
    return mix(colour, own, palette.local * amount)
