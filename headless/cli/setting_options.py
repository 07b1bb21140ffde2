"""Options of the command line, made of the fields in which the pack's settings are declared."""

from __future__ import annotations

import argparse
from typing import Any

from songreel.nodes.base.settings import Setting, declared


def add_settings(command: argparse.ArgumentParser, cls: type, *names: str, without_default: bool = False) -> None:
    """Add an option for each of a class's settings that is named, by the field's name.

    without_default: an option that is not given is None, for settings that come from elsewhere then, such as a preset.
    """
    known = declared(cls)
    for name in names:
        option = known[name]
        kind: dict[str, Any] = {"action": "store_true"} if option.kind is bool else {"metavar": _METAVARS[option.kind]}
        if option.choices is not None:
            kind = {"choices": list(option.choices)}
        elif option.kind in (int, float):
            kind["type"] = option.kind
        default = None if without_default else option.default
        command.add_argument("--" + name.replace("_", "-"), default=default, help=help_of(option, default), **kind)


def given_settings(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The settings that were given, by the names of their fields."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def help_of(option: Setting, default: Any = None) -> str:
    """An option's help, and its default where it has one.

    It is the setting's tooltip, of which the first sentence will do where no choices are to be told apart.
    """
    first = option.tooltip.rstrip(".") if option.choices else option.tooltip.split(". ")[0].rstrip(".")
    shown = "" if default is None or default is False or default == "" else f" ({default})"
    return (first[:1].lower() + first[1:] + shown).replace("%", "%%")


_METAVARS = {int: "N", float: "X", str: "TEXT"}
