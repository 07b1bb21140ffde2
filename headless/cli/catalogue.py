"""The commands `nodes` and `workflows`: what there is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from .. import pack
from ..host import HeadlessHost
from .common import DONE, Bootstrap, print_json
from .render import DEFAULT_WORKFLOW, WORKFLOWS


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `nodes` and `workflows` to the command line."""
    for name, run, text in (
        ("nodes", _nodes, "list the nodes there are"),
        ("workflows", _workflows, "list the shipped workflows"),
    ):
        command = commands.add_parser(name, parents=parents, help=text)
        command.add_argument("--json", action="store_true", help="as JSON, to standard output")
        command.set_defaults(run=run)


def _nodes(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from ..workflow.registry import registry

    bootstrap(HeadlessHost())
    infos = [cls.GET_NODE_INFO_V1() for cls in registry().values()]
    if args.json:
        return print_json(infos)
    for info in infos:
        inputs = ", ".join(name for group in ("required", "optional") for name in info["input"].get(group, ()))
        sys.stdout.write(f"{info['name']}({inputs}) -> {', '.join(map(str, info['output'])) or 'nothing'}\n")
        if info["description"]:
            sys.stdout.write(f"    {info['description']}\n")
    return DONE


def _workflows(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    entries = list(_shipped())
    if args.json:
        return print_json(entries)
    for entry in entries:
        sys.stdout.write(f"{entry['name']}: {', '.join(entry['nodes'])}\n")
    return DONE


def _shipped() -> Iterator[dict[str, Any]]:
    for path in sorted(WORKFLOWS.glob("*.json")):
        nodes = json.loads(path.read_text("utf-8")).values()
        yield {
            "name": path.stem,
            "file": path.relative_to(pack.ROOT).as_posix(),
            "default": path.stem == DEFAULT_WORKFLOW,
            "nodes": list(dict.fromkeys(node["class_type"] for node in nodes)),
        }
