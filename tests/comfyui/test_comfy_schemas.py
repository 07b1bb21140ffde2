"""Every schema is the same under the stand-in `comfy_api` and under ComfyUI's own."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.comfyui import find_comfyuis
from support.paths import SUPPORT

DUMP = SUPPORT / "schema_dump.py"
# What later versions say beyond 0.3.64, with the values that mean nothing to a node of 0.3.64.
NEWER = {"output_matchtypes": None, "search_aliases": None, "essentials_category": None, "dev_only": False}
NEWER_OPTIONS = ("advanced", "rawLink")


@functools.cache
def dump(python: str, folder: Path | None = None) -> dict:
    command = [python, str(DUMP), *([str(folder)] if folder else [])]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=DUMP.parent, capture_output=True, text=True, timeout=300, env=environment)
    text = next((line for line in done.stdout.splitlines() if line.startswith("DUMP")), None)
    assert text is not None, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(text[4:])


def normal(entry: dict) -> dict:
    """An entry without what only some versions say and no node sees."""
    entry = {key: value for key, value in entry.items() if key != "python_module"}
    for key, value in NEWER.items():
        if key in entry and entry[key] == value:
            del entry[key]
    for group in entry["input"].values():
        for socket in group.values():
            for option in NEWER_OPTIONS:
                if len(socket) > 1:
                    socket[1].pop(option, None)
    return entry


def normal_core(entry: dict) -> dict:
    """What our workflows rely on in ComfyUI's own nodes: names, order, types, defaults, ranges."""
    inputs = {}
    for group in ("required", "optional"):
        for name in entry["input_order"].get(group, ()):
            kind, options = (*entry["input"][group][name], {})[:2]
            kind = "COMBO" if isinstance(kind, list) else kind
            kept = {key: options[key] for key in ("default", "min", "max") if key in options}
            inputs[name] = [group, kind, {} if kind == "COMBO" else kept]
    return {
        "inputs": inputs,
        "order": entry["input_order"].get("required", []),
        "output": entry["output"],
        "output_node": entry["output_node"],
    }


def comfyuis() -> list:
    folders = find_comfyuis()
    if not folders:
        return [pytest.param(None, marks=pytest.mark.skip(reason="no ComfyUI found; set COMFYUI_DIR"), id="none")]
    return [pytest.param(entry, id=entry[0].name) for entry in folders]


@pytest.mark.comfyui
@pytest.mark.slow
@pytest.mark.parametrize("comfyui", comfyuis())
def test_pack_schemas(comfyui):
    ours, theirs = dump(sys.executable)["pack"], dump(comfyui[1], comfyui[0])["pack"]
    assert list(ours) == list(theirs)
    assert {name: normal(entry) for name, entry in ours.items()} == {
        name: normal(entry) for name, entry in theirs.items()
    }


@pytest.mark.comfyui
@pytest.mark.slow
@pytest.mark.parametrize("comfyui", comfyuis())
def test_core_nodes(comfyui):
    ours, theirs = dump(sys.executable)["core"], dump(comfyui[1], comfyui[0])["core"]
    assert {name: normal_core(entry) for name, entry in ours.items()} == {
        name: normal_core(entry) for name, entry in theirs.items()
    }


def test_every_output_is_named_and_every_input_explained():
    for name, entry in dump(sys.executable)["pack"].items():
        # 0.8 names an output without a name after its id, 0.3.64 after its type.
        assert not set(entry["output_name"]) & set(entry["output"]), name
        for group in ("required", "optional"):
            for key, socket in entry["input"].get(group, {}).items():
                assert socket[1].get("tooltip"), f"{name}.{key} has no tooltip"
