"""Captions of the procedural scenes: prompts as people write them, and the vocabulary that they use."""

from __future__ import annotations

import numpy as np

from .scenes.scene import SHIRTS, Scene, choose


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(" | "))


SYNONYMS: dict[str, dict[str, tuple[str, ...]]] = {
    "scene": {
        "mountains": _words(
            "mountains | mountain peaks | snowy peaks | a mountain range | a mountain valley | the alps"
        ),
        "city": _words("a city | a city skyline | city towers | skyscrapers | a city of glass towers | tall buildings"),
        "ocean": _words("the ocean | the sea | the open sea | waves on the open sea | a seascape | an ocean swell"),
        "harbour": _words("a harbour | a harbor | a port | sailing boats | boats on calm water | a fishing harbour"),
        "forest": _words("a forest | the woods | an old forest | forest trees | a pine forest | a woodland"),
        "desert": _words("a desert | sand dunes | dunes | the desert | desert sand"),
        "aurora": _words("northern lights | an aurora | the aurora borealis | an aurora over snow | polar lights"),
        "meadow": _words("a meadow | a field of flowers | flowers in the grass | a flower meadow | a grassy field"),
        "waves": _words(
            "abstract waves | flowing ribbons | abstract ribbons | flowing curves | abstract flowing shapes"
        ),
        "person": _words("a person | a singer | a dancer | a woman | a girl | a man | a boy"),
    },
    "palette": {
        "golden": _words(
            "golden | at dawn | sunrise | warm light | amber | golden light | soft golden light | orange sky"
        ),
        "rose": _words("pink | at dusk | sunset | coral | rose | pink light | rose light"),
        "violet": _words("violet | purple | lavender | twilight | violet light | purple sky"),
        "azure": _words("blue sky | at noon | daylight | clear day | bright blue | sunny day"),
        "emerald": _words("emerald | teal | green light | emerald green | green sky | green"),
        "midnight": _words("at night | midnight | dark blue | moonlit | night | dark night sky"),
    },
    "extra": {
        "sun": _words("the sun | a big sun | a sun disc | sunshine"),
        "moon": _words("the moon | under the moon | a bright moon"),
        "stars": _words("stars | under the stars | a starry sky"),
        "mist": _words("mist | misty | fog | in the mist | foggy"),
        "birds": _words("birds | flying birds | gulls | a flock of birds"),
        "rain": _words("rain | in the rain | rainy | rainfall"),
    },
    "pose": {
        "standing": _words("standing | standing still"),
        "waving": _words("waving | waving a hand | waving hello"),
        "arms raised": _words("arms raised | with arms raised | hands in the air | dancing"),
        "walking": _words("walking | walking along"),
        "portrait": _words("portrait | close-up | face"),
    },
    "hair": {
        "black": _words("black hair | dark hair"),
        "brown": _words("brown hair"),
        "blond": _words("blond hair | blonde hair"),
        "red": _words("red hair | ginger hair"),
    },
    "hair_length": {"long": _words("long hair | woman | girl"), "short": _words("short hair | man | boy")},
    "shirt": {shirt: (f"{shirt} shirt", f"{shirt} top") for shirt in SHIRTS},
}
VARIANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mountains": (_words("layered ridges | valley"), _words("a lake | reflections | mirror lake")),
    "city": (_words("reflections | river | waterfront"), _words("streets | a road | avenue")),
    "ocean": (_words("rolling waves | wide horizon"), _words("an island | a distant island")),
    "harbour": (_words("a jetty | a pier | fishing boats"), _words("a lighthouse | fishing boats")),
    "forest": (_words("pines | fir trees"), _words("tree trunks | light beams | tall trunks")),
    "desert": (_words("a cactus | long shadows"), _words("rock towers | mesas | long shadows")),
    "aurora": (_words("a cabin | snow"), _words("snowy firs | snow")),
    "meadow": (_words("flowers | rolling hills"), _words("a lone tree | a single tree | rolling hills")),
    "waves": (_words("level waves | layers"), _words("diagonal waves | layers")),
    "person": ((), ()),
}
PAIRS = {("desert", "rose"): "red dunes", ("desert", "golden"): "golden dunes", ("forest", "midnight"): "dark woods"}
STYLES = _words("a painting of | an illustration of | a picture of | a wide view of | a poster of | a view of")
FILLERS = _words("beautiful | calm | dreamy | flat colours | poster art | soft colours | scenic | peaceful | cinematic")
ATTRIBUTIVE = {
    "golden": ("golden", "amber"), "rose": ("pink", "coral", "rose"), "violet": ("violet", "purple", "lavender"),
    "azure": ("bright blue", "sunny"), "emerald": ("emerald", "teal"), "midnight": ("dark blue", "moonlit", "midnight"),
    "mist": ("misty", "foggy"), "rain": ("rainy",), "stars": ("starry",),
}  # fmt: skip
NOUNS = {"long": ("woman", "girl"), "short": ("man", "boy")}
ARTICLES = ("a ", "an ", "the ")
DROP_PALETTE = 0.08


def vocabulary() -> dict[str, tuple[str, ...]]:
    """Every concept, "scene:city" or "palette:rose", with the words that captions use for it."""
    words = {f"{kind}:{name}": options for kind, group in SYNONYMS.items() for name, options in group.items()}
    for scene, variants in VARIANTS.items():
        words.update({f"variant:{scene} {index}": options for index, options in enumerate(variants) if options})
    return words | {"style": STYLES, "filler": FILLERS}


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """An English prompt for a scene: the subject always, the palette nearly always, the rest by chance.

    Parameters
    ----------
    scene : Scene
        What the picture shows.
    rng : Generator
        Decides the words.
    """
    subject = _person_words(scene, rng) if scene.scene == "person" else choose(rng, SYNONYMS["scene"][scene.scene])
    before, after = [], []
    if rng.random() >= DROP_PALETTE:
        if scene.scene != "person" and rng.random() < 0.3:
            before.append(choose(rng, ATTRIBUTIVE[scene.palette]))
        else:
            after.append(choose(rng, SYNONYMS["palette"][scene.palette]))
    if scene.extra and rng.random() < 0.85:
        if scene.scene != "person" and scene.extra in ATTRIBUTIVE and rng.random() < 0.4:
            before.append(choose(rng, ATTRIBUTIVE[scene.extra]))
        else:
            after.append(choose(rng, SYNONYMS["extra"][scene.extra]))
    details = VARIANTS[scene.scene][scene.variant]
    if details and rng.random() < 0.4:
        after.append(choose(rng, details))
    if (scene.scene, scene.palette) in PAIRS and rng.random() < 0.2:
        after.append(PAIRS[scene.scene, scene.palette])
    if rng.random() < 0.25:
        after.append(choose(rng, FILLERS))
    return _sentence(rng, _described(before, subject), after)


def _described(adjectives: list[str], subject: str) -> str:
    """`subject` with `adjectives` put after its article, which is made to agree."""
    article = next((article for article in ARTICLES if subject.startswith(article)), "")
    words = " ".join([*adjectives, subject.removeprefix(article)])
    if article in ("a ", "an "):
        article = "an " if words[0] in "aeiou" else "a "
    return article + words


def _sentence(rng: np.random.Generator, subject: str, after: list[str]) -> str:
    """Puts the parts in one of the orders that prompts come in."""
    after = [after[index] for index in rng.permutation(len(after))]
    style = rng.random()
    if style < 0.25:
        subject = f"{choose(rng, STYLES)} {subject}"
    if style > 0.92:
        subject = next((subject.removeprefix(a) for a in ARTICLES if subject.startswith(a)), subject)
    glued = [part for part in after if part.startswith(("at ", "in ", "under "))]
    if glued and rng.random() < 0.75:
        subject += " " + glued[0]
        after.remove(glued[0])
    parts = [*after, subject] if rng.random() < 0.15 else [subject, *after]
    return ", ".join(parts)


def _person_words(scene: Scene, rng: np.random.Generator) -> str:
    """Such as "a woman with long black hair in a red shirt waving"."""
    noun = choose(rng, NOUNS[scene.hair_length]) if rng.random() < 0.65 else choose(rng, ("person", "singer", "dancer"))
    words = f"a {noun}"
    if rng.random() < 0.7:
        hair = choose(rng, SYNONYMS["hair"][scene.hair])
        words += f" with {scene.hair_length} {hair}" if rng.random() < 0.65 else f" with {hair}"
    if rng.random() < 0.5:
        article = " wearing a " if rng.random() < 0.4 else " in a "
        words += article + choose(rng, SYNONYMS["shirt"][scene.shirt])
    if rng.random() < 0.85:
        pose = choose(rng, SYNONYMS["pose"][scene.pose])
        if scene.pose == "portrait":
            return f"a {pose} of {words}"
        words += ("" if pose.startswith(("with", "standing", "waving", "walking", "dancing")) else ",") + " " + pose
    return words
