"""The storyteller that needs no language model: places, people, colours and camera that follow the song.

Every part of the song has a place of its own; where the part comes back (a chorus), so does its place, seen
differently. Colours follow the mood and change with it. Words of the lyrics and the theme select places, colours and
weather that fit; no prompt is repeated. The same input and seed give the same story.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ..base.guard import guarded_negative
from ..base.types import Shot, Story
from ..song.emotion.timeline import NEUTRAL
from .compose import CountTokens, Part, compose
from .scenes import Scene, stem, words_of
from .settings import World
from .vocabulary import Thing, Vocabulary

_ATTEMPTS = 80
_LOUD_WORDS, _QUIET_WORDS = ("loud", "dense", "busy", "drop", "build"), ("quiet", "soft", "sparse", "break", "intro")


@dataclass
class _Memory:
    """What has been shown, so that it is repeated or avoided."""

    used: set[str] = field(default_factory=set)
    homes: dict[str, list[Thing]] = field(default_factory=dict)
    palettes: dict[tuple[str, str], Thing] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    figure: str = "a person"


def tell(
    scenes: list[Scene],
    vocabulary: Vocabulary,
    *,
    count: CountTokens,
    mode: str = "narrative",
    theme: str = "",
    person: str = "",
    person_share: float = 0.25,
    negative: str = "",
    seed: int = 0,
    on_drop: Callable[[int, tuple[str, ...]], None] = lambda number, parts: None,
) -> Story:
    """Tell the story of a song.

    Parameters
    ----------
    scenes : what is known about each shot, in order
    vocabulary : what can be shown
    count : tokens of a text
    mode : "narrative": a main and a second place in each part. "literal": each shot shows what its line calls for.
        "chain": one scene a part, only the view changes.
    theme : a few words that every shot keeps in mind
    person : how the main person is written; empty for the vocabulary's own figure
    person_share : share of the shots that show that person, 0..1
    negative : added to the negative prompt of every shot
    seed : of all choices
    on_drop : called with the number of a shot and what its prompt had no room for

    Returns
    -------
    Story. Each shot's record says what was chosen: place, palette, weather, view, camera, figure, pose, detail, music.
    """
    rng = np.random.default_rng(seed)
    memory = _Memory()
    theme_words = frozenset(words_of(theme))
    _settle(scenes, vocabulary, theme_words, memory, rng)
    about = guarded_negative(", ".join(text for text in (negative.strip(), vocabulary.negative) if text))
    shots, shown = [], 0.0
    for number, scene in enumerate(scenes, 1):
        shown += person_share
        with_person = shown >= 1.0 - 1e-9
        shown -= 1.0 if with_person else 0.0
        prompt, record, dropped = _picture(
            scene, number, vocabulary, mode, theme, person, with_person, count, memory, rng
        )
        if dropped:
            on_drop(number, dropped)
        shots.append(Shot(scene.start, scene.end, prompt, about, None, scene.lyric, scene.emotion, record))
    return Story(tuple(shots))


def _settle(
    scenes: list[Scene], vocabulary: Vocabulary, theme: frozenset[str], memory: _Memory, rng: np.random.Generator
) -> None:
    """Choose who the story is about, and give every kind of part (A, B ...) two places, its own if there are enough."""
    if vocabulary.figures:
        figure = vocabulary.figures[int(rng.integers(len(vocabulary.figures)))]
        memory.figure = figure.forms[int(rng.integers(len(figure.forms)))]
    taken: dict[str, float] = {}
    for label in dict.fromkeys(scene.label for scene in scenes):
        own = [scene for scene in scenes if scene.label == label]
        moods = [scene.emotion for scene in own]
        words = [word for scene in own for word in scene.words]
        scores = {}
        for place in vocabulary.places:
            called = sum(stem(word) in words for word in place.words)
            mood = sum(emotion in place.moods for emotion in moods) / len(moods) if place.moods else 0.3
            hinted = sum(stem(word) in theme for word in place.words) + (stem(place.name) in theme)
            scores[place.name] = (
                min(called, 3) + mood + 3 * min(hinted, 2) + 0.8 * rng.random() - 2.5 * taken.get(place.name, 0)
            )
        best = sorted(vocabulary.places, key=lambda place: -scores[place.name])[:2]
        for place, weight in zip(best, (1.0, 0.5), strict=True):
            taken[place.name] = taken.get(place.name, 0) + weight
        memory.homes[label] = best


def _picture(
    scene: Scene,
    number: int,
    vocabulary: Vocabulary,
    mode: str,
    theme: str,
    person: str,
    with_person: bool,
    count: CountTokens,
    memory: _Memory,
    rng: np.random.Generator,
) -> tuple[str, dict, tuple[str, ...]]:
    """A prompt that no other shot has, its record, and the parts that it had no room for."""
    place = _place(scene, number, vocabulary, mode, memory)
    palette = _palette(scene, vocabulary, memory, rng)
    for attempt in range(_ATTEMPTS):
        parts, record = _parts(
            scene, vocabulary, place, palette, theme, person, with_person, memory, rng, more=attempt >= _ATTEMPTS // 2
        )
        prompt, dropped = compose(parts, count)
        if prompt.casefold() not in memory.used:
            break
        if attempt == _ATTEMPTS // 2:
            # Everything of this place was shown, as in a song of two hours: choose another place, without a person.
            place, with_person = vocabulary.places[int(rng.integers(len(vocabulary.places)))], False
    memory.used.add(prompt.casefold())
    memory.last |= {key: value for key, value in record.items() if isinstance(value, str)}
    memory.last["emotion"] = scene.emotion
    return prompt, record, dropped


def _place(scene: Scene, number: int, vocabulary: Vocabulary, mode: str, memory: _Memory) -> Thing:
    main, second = memory.homes[scene.label][0], memory.homes[scene.label][-1]
    called = max(vocabulary.places, key=lambda place: _calls(place, scene.words))
    # In a narrative the line may lead away from the part's places, but not twice running.
    if (
        _calls(called, scene.words)
        and (mode == "literal" or memory.last.get("place") != called.name)
        and mode != "chain"
    ):
        return called
    if mode == "chain":
        return main
    return second if number % 3 == 0 else main


def _calls(thing: Thing, words: frozenset[str]) -> int:
    return sum(stem(word) in words for word in thing.words)


def _palette(scene: Scene, vocabulary: Vocabulary, memory: _Memory, rng: np.random.Generator) -> Thing:
    """The colours of a mood in a part; other ones than before where the mood changes."""
    changed = "emotion" in memory.last and memory.last["emotion"] != scene.emotion
    before = memory.last.get("palette")
    palette = memory.palettes.get((scene.emotion, scene.label))
    if palette is None or (changed and palette.name == before):
        fitting = [thing for thing in vocabulary.palettes if scene.emotion in thing.moods] or list(vocabulary.palettes)
        fitting = [thing for thing in fitting if not (changed and thing.name == before)]
        fitting = fitting or [thing for thing in vocabulary.palettes if thing.name != before]
        # Parts of one mood differ in colour as far as there are colours for it.
        taken = {other.name for other in memory.palettes.values()}
        palette = max(
            fitting, key=lambda thing: _calls(thing, scene.words) + rng.random() - 1.5 * (thing.name in taken)
        )
        memory.palettes.setdefault((scene.emotion, scene.label), palette)
    return palette


def _parts(
    scene: Scene,
    vocabulary: Vocabulary,
    place: Thing,
    palette: Thing,
    theme: str,
    person: str,
    with_person: bool,
    memory: _Memory,
    rng: np.random.Generator,
    *,
    more: bool,
) -> tuple[list[Part], dict]:
    def form(thing: Thing) -> str:
        return thing.forms[int(rng.integers(len(thing.forms)))]

    def fresh(kind: str, things: tuple[Thing, ...], chance: float) -> Thing | None:
        """Choose a thing that suits the mood and is not the one before; a match of words counts more than the mood."""
        if not things or (rng.random() >= chance and not any(_calls(thing, scene.words) for thing in things)):
            return None
        suited = [thing for thing in things if not thing.moods or scene.emotion in thing.moods] or list(things)
        others = [thing for thing in suited if thing.name != memory.last.get(kind)] or suited
        return max(others, key=lambda thing: 2 * _calls(thing, scene.words) + rng.random())

    view = _view(scene, vocabulary, memory, rng)
    weather = None if place.sheltered else fresh("weather", vocabulary.weathers, 0.45)
    camera = fresh("camera", vocabulary.cameras, 1.0 if more else 0.5)
    touch = fresh("touch", vocabulary.touches, 1.0 if more else 0.35)
    record = {"place": place.name, "palette": palette.name, "section": scene.label, "music": scene.music}
    core, detail = form(place), ""
    if place.details:
        detail = place.details[int(rng.integers(len(place.details)))]
    if with_person:
        pose = fresh("pose", vocabulary.poses, 1.0)
        name = person or memory.figure
        posed = _posed(name, form(pose) if pose else "")
        record |= {"figure": "person" if person else name, "pose": pose.name if pose else ""}
        if vocabulary.figure_in_place:
            core = f"{posed}, {core}"
        else:
            core, detail, view, weather = posed, "", None, None
            record["place"] = ""
    if view is not None:
        core = f"{form(view)} {core}"
        record["view"] = view.name
    parts = [Part(core), Part(detail, 4), Part(form(palette), 8)]
    for kind, thing, importance in (("weather", weather, 5), ("camera", camera, 1), ("touch", touch, 2)):
        if thing is not None:
            parts.append(Part(form(thing), importance))
            record[kind] = thing.name
    parts.append(Part(theme.strip().rstrip(".,"), 7))
    parts += [Part(word, 6 if index == 0 else 3) for index, word in enumerate(vocabulary.style)]
    return parts, record | {"detail": detail, "returns": scene.returns}


def _posed(name: str, pose: str) -> str:
    return pose.replace("{figure}", name) if "{figure}" in pose else f"{name} {pose}".strip()


def _view(scene: Scene, vocabulary: Vocabulary, memory: _Memory, rng: np.random.Generator) -> Thing | None:
    """Choose a view: distant where the music is loud, close where it is quiet; never the same twice in a row."""
    views = vocabulary.views
    if not views:
        return None
    suited = [view for view in views if not view.moods or scene.emotion in view.moods] or list(views)
    others = [view for view in suited if view.name != memory.last.get("view")] or suited
    music = scene.music.casefold()
    drift = sum(word in music for word in _LOUD_WORDS) - sum(word in music for word in _QUIET_WORDS)
    # The vocabulary lists its views from far to near.
    nearness = {view.name: index / max(len(views) - 1, 1) for index, view in enumerate(views)}
    return max(others, key=lambda view: rng.random() - 0.4 * float(np.sign(drift)) * nearness[view.name])


def retell(
    story: Story,
    number: int,
    vocabulary: Vocabulary,
    *,
    count: CountTokens,
    seed: int,
    world: World | None = None,
) -> Story:
    """Write one shot's prompt anew (counted from 1): same place, colours and mood, another view.

    world: whose theme and person the shot keeps in mind.
    """
    theme, person = ("", "") if world is None else (world.theme, world.person)
    shot = story.shots[number - 1]
    record = shot.record
    scene = Scene(
        shot.start, shot.end, shot.emotion or NEUTRAL, 0, str(record.get("section", "A")), shot.lyric,
        frozenset(words_of(shot.lyric)), str(record.get("music", "")), bool(record.get("returns", False)),
    )  # fmt: skip
    rng = np.random.default_rng((seed, number))
    memory = _Memory(used={other.prompt.casefold() for other in story.shots})
    if record.get("figure", "person") != "person":
        memory.figure = str(record["figure"])
    named = {thing.name: thing for thing in (*vocabulary.places, *vocabulary.palettes)}
    places, palettes = vocabulary.places, vocabulary.palettes
    place = named.get(record.get("place", ""), places[int(rng.integers(len(places)))])
    palette = named.get(record.get("palette", ""), palettes[int(rng.integers(len(palettes)))])
    for attempt in range(_ATTEMPTS):
        parts, told = _parts(
            scene, vocabulary, place, palette, theme, person, "figure" in record, memory, rng, more=attempt > 20
        )
        prompt, _ = compose(parts, count)
        if prompt.casefold() not in memory.used:
            break
    shots = list(story.shots)
    shots[number - 1] = replace(shot, prompt=prompt, record=told)
    return Story(tuple(shots))
