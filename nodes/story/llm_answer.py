"""What language models really answer -> the object that was asked for: out of thoughts, fences, prose and mistakes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

from .llm_schema import ScenesAnswer, ShotAnswer, StoryAnswer

Answer = TypeVar("Answer", bound=BaseModel)

_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning|analysis|reflection)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"^.*</(?:think|thinking|thought|reasoning|analysis|reflection)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"(?:```|~~~)[ \t]*[\w+-]*[ \t]*\r?\n?(.*?)(?:```|~~~|$)", re.DOTALL)
_STRING = r'"(?:[^"\\]|\\.)*"'
_NUMBERS = ("number", "shot", "shot_number", "shotnumber", "index", "id", "n")
_NARRATIVES = ("narrative", "description", "prompt", "caption", "text", "visual")
_MOST_OBJECTS = 2000


def answer_in(text: str, form: type[Answer], *, wanted: tuple[int, ...] = ()) -> Answer:
    """The answer in a text.

    Parameters
    ----------
    text : what the model wrote
    form : what was asked for. Of shots every good one is kept, also of an answer that is cut off.
    wanted : numbers that were asked for, in order, for shots that say none

    Raises
    ------
    ValueError : there is no such answer in the text.
    """
    found = list(_values(text))
    if form is StoryAnswer:
        shots = [shot for value in found for shot in _shots(value)]
        if not shots:
            raise ValueError("no shot")
        if all(shot.number < 0 for shot in shots):
            shots = [shot.model_copy(update={"number": n}) for n, shot in zip(wanted, shots, strict=False)]
        return form.model_validate({"shots": [shot for shot in shots if shot.number >= 0]})
    name = "scenes" if form is ScenesAnswer else "keywords"
    for value in found:
        words = _words(value, name)
        if words:
            return form.model_validate({name: words})
    raise ValueError(f"no {name}")


def _values(text: str) -> Iterator[Any]:
    """What of a text is JSON or nearly so: the largest values, in order."""
    text = _THOUGHT.sub(" ", text.replace("\ufeff", ""))
    text = _THOUGHT_END.sub(" ", text)
    for part in [*(match[1] for match in _FENCE.finditer(text)), text]:
        whole = _whole(part.strip())
        if isinstance(whole, (dict, list)):
            yield whole
            return
    body = _repaired(text)
    decoder, at, count = json.JSONDecoder(strict=False), 0, 0
    while count < _MOST_OBJECTS and (match := re.compile(r"[\[{]").search(body, at)):
        count += 1
        try:
            value, at = decoder.raw_decode(body, match.start())
        except (ValueError, RecursionError):
            at = match.start() + 1
            continue
        if isinstance(value, (dict, list)) and value:
            yield value


def _whole(text: str) -> Any:
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return None
    for attempt in (text, _repaired(text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        # Single quotes, None and True: Python's way of writing the same. Only literals are read.
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _repaired(text: str) -> str:
    """Without comments and without commas before a closing bracket, outside strings."""
    return re.sub(rf"({_STRING})|,(?=\s*[}}\]])|//[^\n\"]*$", lambda match: match[1] or "", text, flags=re.MULTILINE)


def _shots(value: Any, depth: int = 0) -> list[ShotAnswer]:
    if depth > 4:
        return []
    if isinstance(value, list):
        return [shot for item in value if isinstance(item, (dict, list)) for shot in _shots(item, depth + 1)]
    if not isinstance(value, dict):
        return []
    shot = _shot(value)
    if shot is not None:
        return [shot]
    found = []
    for key, inner in value.items():
        if isinstance(inner, dict) and (digits := re.fullmatch(r"(?:shot[ _]?)?(\d+)", str(key).strip().lower())):
            inner = {"number": digits[1]} | inner
        if isinstance(inner, (dict, list)):
            found += _shots(inner, depth + 1)
    return found


def _shot(data: dict) -> ShotAnswer | None:
    """One shot with its fields as text; None where nothing says what is seen. Its number is -1 where it says none."""
    plain = {str(key).strip().lower().replace(" ", "_"): value for key, value in data.items()}
    narrative = next((text for name in _NARRATIVES if (text := _text(plain.get(name)))), "")
    if not narrative:
        return None
    number = -1
    for name in _NUMBERS:
        if (match := re.search(r"\d{1,6}", str(plain.get(name, "")))) and not isinstance(plain[name], (dict, list)):
            number = int(match[0])
            break
    fields = {name: _text(plain.get(name)) for name in ShotAnswer.model_fields if name not in ("number", "narrative")}
    return ShotAnswer(number=number, narrative=narrative, **fields)


def _text(value: Any) -> str:
    """A field as text: lists joined, nothing for null and for objects."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    if value is None or isinstance(value, (dict, bool)):
        return ""
    text = " ".join(str(value).split())
    return "" if text.lower() in ("null", "none", "n/a", "nan") else text


def _words(value: Any, name: str) -> list[str]:
    if isinstance(value, dict):
        inner = next((value[key] for key in (name, *value) if isinstance(value.get(key), (list, dict))), None)
        if isinstance(inner, dict):
            inner = list(inner.values())
        value = inner if inner is not None else list(value.values())
    if not isinstance(value, list):
        return []
    texts = [
        next((_text(item[key]) for key in ("text", "scene", "description", "keyword", "narrative") if key in item), "")
        if isinstance(item, dict)
        else _text(item)
        for item in value
    ]
    return [text for text in texts if text]
