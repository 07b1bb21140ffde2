"""Prompts written by hand, one for each scene in each palette: what the demo model is judged by, never trained on."""

from __future__ import annotations

from .scenes import PALETTES, SCENES

_TEXTS = {
    "mountains": (
        "sunrise behind the snowy peaks, birds far away",
        "the alps at dusk, a lake below",
        "a lonely mountain range in purple mist",
        "bright blue sky over mountain peaks on a clear day",
        "teal mountains after the rain",
        "mountain peaks on a cold night, the moon and stars",
    ),
    "city": (
        "skyscrapers in golden light, early morning",
        "a modern city skyline at sunset",
        "city towers in the purple twilight, rainfall",
        "a city of glass towers at noon, reflections in the river",
        "tall buildings in emerald green fog",
        "the city sleeps at night, stars over the avenue",
    ),
    "ocean": (
        "the sun rises from the open sea, amber light",
        "a pink ocean, gulls above the waves",
        "the sea in lavender twilight",
        "rolling waves of the ocean on a sunny day",
        "a teal ocean with a distant island",
        "the dark ocean at night under a bright moon",
    ),
    "harbour": (
        "a misty harbour at dawn with sailing boats",
        "sailing boats in the port at sunset",
        "a violet harbour, boats and a lighthouse in the fog",
        "boats on calm water at noon, blue sky",
        "a fishing harbour in green light, a jetty",
        "an old harbour at midnight, starry sky",
    ),
    "forest": (
        "golden sunshine between the trees of an old forest",
        "the woods at sunset, a big sun behind tree trunks",
        "a misty forest in violet light",
        "a pine forest on a bright blue clear day",
        "an old forest in the rain, moss and ferns, green light",
        "fir trees of the dark woods at night",
    ),
    "desert": (
        "dunes at sunrise, long shadows, nobody there",
        "a wide desert at dusk with red dunes",
        "purple sand dunes and the moon",
        "the desert at noon, a cactus under the sun",
        "an emerald desert, rock towers and birds",
        "stars above the desert sand, midnight",
    ),
    "aurora": (
        "polar lights in amber and orange sky",
        "northern lights in pink above the snow",
        "a purple aurora over a small cabin",
        "an aurora over snow, bright blue",
        "green northern lights above snowy firs",
        "the aurora borealis at midnight, stars",
    ),
    "meadow": (
        "a field of flowers at dawn, soft golden light",
        "a grassy field with a lone tree at sunset",
        "a meadow in lavender light, birds in the air",
        "flowers in the grass on a sunny day, daylight",
        "an emerald meadow after rain",
        "a quiet meadow under the moon at night",
    ),
    "waves": (
        "flowing ribbons, amber and golden",
        "abstract waves in coral and pink",
        "violet flowing curves, nothing else",
        "abstract flowing shapes, bright blue daylight",
        "abstract ribbons, teal and emerald layers",
        "dark blue abstract waves, midnight",
    ),
    "person": (
        "a singer with arms raised at sunrise",
        "a woman with long brown hair at sunset, waving",
        "a dancer in the violet light of twilight",
        "a man in a white shirt walking, blue sky",
        "a portrait of a girl with red hair, green light",
        "a man with short black hair standing under the stars at night",
    ),
}

# (scene, palette, prompt)
HELD_OUT = tuple(
    (scene, palette, text) for scene in SCENES for palette, text in zip(PALETTES, _TEXTS[scene], strict=True)
)
