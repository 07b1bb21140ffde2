"""The shipped workflows: the API form and the UI form are one graph, and both fit the nodes' schemas."""

import json
import subprocess
import sys

import pytest

from support.paths import ROOT

NAMES = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))


def load(name, folder="."):
    return json.loads((ROOT / "workflows" / folder / f"{name}.json").read_text("utf-8"))


def test_the_shipped_set():
    assert NAMES == ["beat_video", "camera_flight", "music_video", "story", "train_identity"]
    assert sorted(path.stem for path in (ROOT / "workflows" / "api").glob("*.json")) == NAMES
    for name in NAMES:
        assert (ROOT / "workflows" / f"{name}.jpg").stat().st_size > 5000


@pytest.fixture(scope="module")
def schemas():
    done = subprocess.run(
        [sys.executable, "-m", "headless", "nodes", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {node["name"]: node for node in json.loads(done.stdout)}


def widgets(schema):
    """Widget inputs in order, with the extra value that a seed's control_after_generate adds."""
    for group in ("required", "optional"):
        for name, (kind, options) in schema["input"].get(group, {}).items():
            if isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"):
                yield name
                if options.get("control_after_generate"):
                    yield None


@pytest.mark.parametrize("name", NAMES)
def test_ui_form_is_the_api_form(name, schemas):
    api, ui = load(name, "api"), load(name)
    links = {link[0]: link for link in ui["links"]}
    graph = {}
    for node in ui["nodes"]:
        if node["type"] == "MarkdownNote":
            continue
        inputs = dict(zip(widgets(schemas[node["type"]]), node["widgets_values"], strict=True))
        inputs.pop(None, None)
        for slot, entry in enumerate(node["inputs"]):
            if entry["link"] is not None:
                _, source, source_slot, target, target_slot, kind = links[entry["link"]]
                assert (target, target_slot, kind) == (node["id"], slot, entry["type"])
                inputs[entry["name"]] = [str(source), source_slot]
        graph[str(node["id"])] = {"class_type": node["type"], "inputs": inputs, "_meta": {"title": node["title"]}}
    assert graph == api


@pytest.mark.parametrize("name", NAMES)
def test_every_input_of_the_nodes_is_in_the_workflow(name, schemas):
    for node in load(name, "api").values():
        schema = schemas[node["class_type"]]["input"]
        known = set(schema.get("required", {})) | set(schema.get("optional", {}))
        # Without a person the socket stays empty.
        unlinked = {"identity_lora"} if "identity_lora" not in node["inputs"] else set()
        assert set(node["inputs"]) == known - unlinked


@pytest.mark.parametrize("name", NAMES)
def test_ui_slots_match_the_schemas(name, schemas):
    for node in load(name)["nodes"]:
        if node["type"] != "MarkdownNote":
            schema = schemas[node["type"]]
            assert [slot["type"] for slot in node["outputs"]] == schema["output"]
            assert [slot["name"] for slot in node["outputs"]] == schema["output_name"]


def test_pyproject_names_the_requirements():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    requirements = sorted(line for line in lines if line and not line.startswith("#"))
    (declared,) = [
        line for line in (ROOT / "pyproject.toml").read_text("utf-8").splitlines() if line.startswith("dependencies")
    ]
    assert sorted(json.loads(declared.split("=", 1)[1])) == requirements
