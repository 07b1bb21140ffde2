"""Prints every node's catalogue entry as JSON, under the stand-in `comfy_api` or under a ComfyUI's own.

    python tests/support/schema_dump.py                      # the stand-in
    python tests/support/schema_dump.py COMFYUI_FOLDER       # run with that ComfyUI's Python

Each runs in its own process, since a process can hold only one `comfy_api`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CORE_NODES = (
    "CheckpointLoaderSimple",
    "LoraLoader",
    "LoraModelLoader",
    "UpscaleModelLoader",
    "CLIPTextEncode",
    "LoadAudio",
    "LoadImage",
    "EmptyLatentImage",
    "KSampler",
    "VAEDecode",
    "VAEEncode",
    "PreviewImage",
    "SaveImage",
    "CreateVideo",
    "SaveVideo",
)


def _load(name: str, folder: Path, file: str = "__init__.py"):
    spec = importlib.util.spec_from_file_location(name, folder / file, submodule_search_locations=[str(folder)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _entry(cls: type) -> dict:
    if hasattr(cls, "GET_NODE_INFO_V1"):
        return cls.GET_NODE_INFO_V1()
    inputs = cls.INPUT_TYPES()
    return {
        "input": inputs,
        "input_order": {group: list(names) for group, names in inputs.items()},
        "output": list(cls.RETURN_TYPES),
        "output_node": bool(getattr(cls, "OUTPUT_NODE", False)),
    }


def under_stand_in() -> dict:
    """The pack's nodes and the headless host's own."""
    _load("headless", ROOT / "headless")
    import songreel
    from headless.__main__ import bootstrap
    from headless.host import HeadlessHost
    from headless.workflow import core_nodes

    with tempfile.TemporaryDirectory() as home:
        bootstrap(HeadlessHost(Path(home)))
        pack_nodes = asyncio.run(_pack_nodes(songreel))
        return {"pack": pack_nodes, "core": {cls.__name__: _entry(cls) for cls in core_nodes.node_classes()}}


def under_comfyui(folder: Path) -> dict:
    """The pack's nodes and ComfyUI's own."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = sys.argv[:1]
    from comfy.cli_args import args

    args.cpu = True
    import utils.extra_config  # noqa: F401  (before comfy/utils.py can hide the package, as ComfyUI's main does)

    import nodes

    asyncio.run(nodes.init_builtin_extra_nodes())
    core = {name: _entry(nodes.NODE_CLASS_MAPPINGS[name]) for name in CORE_NODES}
    return {"pack": asyncio.run(_pack_nodes(_load("songreel", ROOT))), "core": core}


async def _pack_nodes(module) -> dict:
    extension = await module.comfy_entrypoint()
    return {cls.__name__: _entry(cls) for cls in await extension.get_node_list()}


if __name__ == "__main__":
    dump = under_comfyui(Path(sys.argv[1])) if len(sys.argv) > 1 else under_stand_in()
    sys.stdout.write("\nDUMP" + json.dumps(dump) + "\n")
