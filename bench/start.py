"""What the pack adds to ComfyUI's start: its import and its list of nodes, in fresh processes of ComfyUI's own Python.

    COMFYUI_DIR=~/ComfyUI python bench/start.py [--runs 5] [--check]

ComfyUI's part, which every start pays (torch and comfy_api), is imported first and stated beside it.
--check ends with status 1 where the pack adds more than 0.3 s.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from repository import ROOT, judged

MOST_SECONDS = 0.3

CHILD = """
import asyncio, importlib.util, json, pathlib, sys, time
sys.path.insert(0, sys.argv[1])
root = pathlib.Path(sys.argv[2])
sys.argv[1:] = ["--cpu"]
begin = time.perf_counter()
import comfy.options
comfy.options.enable_args_parsing()
import utils.extra_config, torch, comfy.model_management, comfy_api.latest, folder_paths, server, execution
ready, modules = time.perf_counter(), set(sys.modules)
spec = importlib.util.spec_from_file_location("songreel", root / "__init__.py", submodule_search_locations=[str(root)])
pack = sys.modules["songreel"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pack)
async def load():
    extension = await pack.comfy_entrypoint()
    return await extension.get_node_list()
nodes = asyncio.run(load())
done = time.perf_counter()
new = {name.split(".")[0] for name in set(sys.modules) - modules} - {"songreel"}
print(json.dumps({"comfyui": ready - begin, "pack": done - ready, "nodes": len(nodes), "new": sorted(new)}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="end with status 1 over the bar")
    args = parser.parse_args()
    from support.comfyui import find_comfyui

    found = find_comfyui()
    if found is None:
        sys.exit("No ComfyUI was found; set COMFYUI_DIR to its folder.")
    command = [found[1], "-c", CHILD, str(found[0]), str(ROOT)]
    runs = []
    for _ in range(args.runs):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=os.sep)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    for name in ("comfyui", "pack"):
        seconds = [run[name] for run in runs]
        print(f"{name:8} median {statistics.median(seconds):.3f} s, least {min(seconds):.3f}, most {max(seconds):.3f}")
    print(f"{runs[0]['nodes']} nodes; modules that only the pack imports: {', '.join(runs[0]['new']) or 'none'}")
    if args.check:
        judged([("seconds that the pack adds", statistics.median(run["pack"] for run in runs), "<=", MOST_SECONDS)])


if __name__ == "__main__":
    main()
