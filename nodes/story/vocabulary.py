"""The storyteller's vocabulary: places, colours, weather, people and views, each with the moods and words it suits."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import InputError
from ..base.guard import check_prompt
from ..base.json_text import load_json
from ..base.json_type import Fields
from ..base.settings import check
from ..song.emotion.timeline import LABELS
from .settings import World

FOLDER = Path(__file__).with_name("vocabularies")
GROUPS = ("places", "palettes", "weathers", "figures", "poses", "views", "cameras", "touches")


@dataclass(frozen=True)
class Thing:
    """Something to show.

    Attributes
    ----------
    name : its name in a shot's record.
    forms : wordings for prompts.
    moods : the moods that it suits; empty for all.
    words : words of the lyrics or the theme that select it.
    details : what else may be seen there.
    sheltered : whether it has no weather.
    """

    name: str
    forms: tuple[str, ...]
    moods: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    sheltered: bool = False


@dataclass(frozen=True)
class Vocabulary:
    """places ... touches: tuples of `Thing`. style: closing words. negative: what should not be seen.

    figure_in_place: whether a person is shown in a place; where not, a shot shows the one or the other.
    """

    name: str
    groups: dict[str, tuple[Thing, ...]]
    style: tuple[str, ...] = ()
    negative: str = ""
    figure_in_place: bool = True

    def __getattr__(self, name: str) -> tuple[Thing, ...]:
        if name in GROUPS:
            return self.groups.get(name, ())
        raise AttributeError(name)


@functools.cache
def shipped(style: str) -> Vocabulary:
    """The pack's own vocabulary in one of `settings.STYLES`. Raises InputError for another."""
    check(World, style=style)
    world = json.loads((FOLDER / "world.json").read_text("utf-8"))
    return read_vocabulary(world | world["styles"][style] | {"name": style})


def vocabulary_of(text: str, style: str) -> Vocabulary:
    """The vocabulary that a JSON text describes; for an empty text, the pack's own in a style.

    Raises InputError that names what is wrong.
    """
    if not text.strip():
        return shipped(style)
    try:
        return read_vocabulary(load_json(text, "vocabulary"))
    except json.JSONDecodeError as error:
        raise InputError(f"vocabulary: the text is not JSON ({error.msg} at line {error.lineno}).") from None


def read_vocabulary(data: Any) -> Vocabulary:
    """A vocabulary from its JSON: the groups of `GROUPS`, each a list of things or of plain texts."""
    fields = Fields("vocabulary", data)
    groups = {
        group: tuple(_thing(item, f"vocabulary {group}") for item in fields.objects(group, [])) for group in GROUPS
    }
    for group in ("places", "palettes"):
        if len(groups[group]) < 2:
            raise InputError(f"vocabulary: '{group}' must have at least two entries, so that pictures can change.")
    in_place = fields.value("figure_in_place", True)
    if not isinstance(in_place, bool):
        raise fields.fail("figure_in_place", "true or false")
    return Vocabulary(
        name=fields.text("name", "own"),
        groups=groups,
        style=_texts(fields, "style"),
        negative=fields.text("negative", ""),
        figure_in_place=in_place,
    )


def _thing(item: Any, owner: str) -> Thing:
    if isinstance(item, str):
        item = {"forms": [item]}
    fields = Fields(owner, item)
    forms = _texts(fields, "forms") or (fields.text("name"),)
    moods = _texts(fields, "moods")
    for mood in moods:
        if mood not in LABELS:
            raise InputError(f"{owner}: the mood '{mood}' is none of {', '.join(LABELS)}.")
    details = _texts(fields, "details")
    for text in (*forms, *details):
        check_prompt(text, owner)
    sheltered = fields.value("sheltered", False) is True
    return Thing(fields.text("name", forms[0]), forms, moods, _texts(fields, "words"), details, sheltered)


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    values = fields.objects(name, [])
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise fields.fail(name, "a list of texts")
    return tuple(value.strip() for value in values)
