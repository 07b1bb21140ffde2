"""A setting is declared once, in the field of its dataclass; inputs, options, checks and reports are made from it.

A stage's settings stand in its `settings.py`: a frozen dataclass that derives from `Settings`, each field a
`setting(default, tooltip=..., low=..., high=...)`. `node_inputs.inputs_of` makes a node's inputs of the fields,
`headless/cli/options.py` the command line's options, and `Settings` itself refuses what is out of range.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .errors import InputError

_KEY = "songreel"
_KINDS = {"int": int, "float": float, "bool": bool, "str": str}


@dataclass(frozen=True)
class Setting:
    """What is known of a setting beside its name and type.

    default: also the input's. tooltip: what it does, for people. low, high: the range, both included. step: of the
    arrows beside the number. multiple: refuse what is no multiple of `step`. choices: the texts it may be. advanced:
    most people leave it alone. internal: no input. multiline: a text of several lines. required: a node cannot run
    without a value. unset: what an input shows that leaves the setting to a preset (0, or a further choice). exact: do
    not round to the step. control: whether ComfyUI adds a widget that changes a seed after each run; None says
    nothing. socketless: no link can give it. input: the id of the input, where it is not the field's name.
    """

    default: Any
    tooltip: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    multiple: bool = False
    choices: tuple[str, ...] | None = None
    advanced: bool = False
    internal: bool = False
    multiline: bool = False
    required: bool = False
    unset: Any = None
    exact: bool = False
    control: bool | None = None
    socketless: bool | None = None
    input: str = ""
    kind: type = str

    def check(self, value: Any) -> None:
        """Raise InputError in one sentence, with the name, the value and the range, when the value does not fit."""
        if self.choices is not None:
            if value not in self.choices:
                apart = "; " if any("," in choice for choice in self.choices) else ", "
                raise InputError(f"{self.input} must be one of {apart.join(self.choices)}, got {value!r}.")
        elif self.kind is bool:
            if not isinstance(value, bool):
                raise InputError(f"{self.input} must be true or false, got {value!r}.")
        elif self.kind is str:
            if not isinstance(value, str):
                raise InputError(f"{self.input} must be a text, got {value!r}.")
        elif not self._in_range(value):
            what = f"a multiple of {self.step} " if self.multiple else "a whole number " if self.kind is int else ""
            raise InputError(f"{self.input} must be {what}{self.range_text()}, got {value!r}.")

    def _in_range(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.kind is int else (int, float)):
            return False
        least, most = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
        if not (math.isfinite(value) and least <= value <= most):
            return False
        if not self.multiple:
            return True
        assert self.step is not None, "a number is a multiple of something"
        return not value % self.step

    def range_text(self) -> str:
        """The range in words: "from 0 to 1"."""
        low, high = (None if end is None else _plain(end) for end in (self.low, self.high))
        if low is None and high is None:
            return "a finite number"
        return f"from {low} to {high}" if low and high else f"{low} or more" if low else f"at most {high}"


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def setting(default: Any, **known: Any) -> Any:
    """The field of a dataclass that derives from `Settings`. known: what `Setting` knows beside the default."""
    return field(default=default, metadata={_KEY: Setting(default, **known)})


def like(cls: type, name: str, **changes: Any) -> Any:
    """A field that is another class's setting but for some changes, such as its tooltip."""
    known = {part.name: getattr(declared(cls)[name], part.name) for part in dataclasses.fields(Setting)}
    known |= changes
    return setting(**{part: value for part, value in known.items() if part not in ("kind", "input")})


def _kind(annotation: Any) -> type:
    """The type that a field's annotation names; it is a text in a module with postponed annotations."""
    return _KINDS[getattr(annotation, "__name__", annotation)]


def declared(cls: type) -> dict[str, Setting]:
    """The settings of a dataclass by the names of their fields, in order; other fields are left out."""
    return {
        part.name: dataclasses.replace(
            part.metadata[_KEY],
            kind=_kind(part.type),
            input=part.metadata[_KEY].input or part.name,
        )
        for part in dataclasses.fields(cls)
        if _KEY in part.metadata
    }


def check(cls: type, **values: Any) -> None:
    """Check single values against a class's settings, by the names of their fields. Raises InputError."""
    known = declared(cls)
    for name, value in values.items():
        known[name].check(value)


class Settings:
    """Base of the settings of a stage: a frozen dataclass whose values are checked when it is made.

    A class with more to check does so in its own `__post_init__`, after `super().__post_init__()`.
    """

    def __post_init__(self) -> None:
        for name, known in declared(type(self)).items():
            known.check(getattr(self, name))

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values, for a report."""
        return {name: getattr(self, name) for name in declared(type(self))}


def given_values(cls: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a node's inputs say about a class's settings, by field.

    Left out is what is not given, and what leaves the value to a preset.
    """
    return {
        name: given[known.input]
        for name, known in declared(cls).items()
        if known.input in given and (known.unset is None or given[known.input] != known.unset)
    }


S = TypeVar("S", bound=Settings)


def from_inputs(cls: type[S], given: Mapping[str, Any]) -> S:
    """The settings that a node's inputs mean. What is not given has its default; other inputs are passed over.

    Raises InputError when a value does not fit.
    """
    return cls(**given_values(cls, given))
