"""Train Identity LoRA in a real ComfyUI, through its HTTP API: a verified record becomes a LoRA there.

It trains on the demo model, with the same code as on SD1.5 and in seconds; ComfyUI's own model beside it is SD1.5 with
random weights. What a LoRA on SD1.5 does in ComfyUI is in test_identity_loaders.py.
"""

import json
import logging
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from headless.demo_model import CHECKPOINT
from songreel.nodes.person.charcha import store as store_module
from support.comfy_server import ComfyServer
from support.comfyui import find_comfyui
from support.face_puppet import POSES, Puppet, drawn
from support.faces import needs_faces
from support.random_sd15 import thin_sd15
from support.store import add

pytestmark = [pytest.mark.comfyui, needs_faces]
log = logging.getLogger(__name__)

DEMO, SD15 = "demo.safetensors", "thin_sd15.safetensors"


def portraits(person: str) -> list[np.ndarray]:
    """Seven pictures of the synthetic subject as the capture's camera sees it."""
    puppet = Puppet(person)
    return [np.ascontiguousarray(drawn(puppet, pose)[:, 80:560]) for pose in POSES]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = find_comfyui()
    if found is None:
        pytest.skip("NO COMFYUI FOUND: set COMFYUI_DIR to test the training inside ComfyUI")
    folder = tmp_path_factory.mktemp("comfyui")
    running = ComfyServer(*found, folder, thin_sd15())
    (folder / "models" / "checkpoints" / DEMO).symlink_to(CHECKPOINT)
    running.start()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def record(server) -> str:
    store = store_module.IdentityStore(server.folder / "user" / "__songreel" / "charcha")
    return add(store, shown=portraits("first"))[0]


def training(record: str, **settings) -> dict:
    """Record -> LoRA, the smallest there is."""
    inputs = {"steps": 6, "rank": 4, "resolution": 64, "learning_rate": 1e-3, "prior_share": 0.0, "seed": 0}
    return {
        "1": {"class_type": "CharchaIdentity", "inputs": {"record": record}},
        "2": {
            "class_type": "TrainIdentityLoRA",
            "inputs": {"identity": ["1", 0], "ckpt_name": DEMO, "preset": "quick"} | inputs | settings,
        },
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 3]}},
    }


def sampling(model: list) -> dict:
    """A latent from a model, kept as a file."""
    return {
        "10": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": SD15}},
        "11": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["10", 1], "text": "photo of vuzokiju person"}},
        "12": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["10", 1], "text": ""}},
        "13": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "14": {
            "class_type": "KSamplerAdvanced",
            "inputs": {
                "model": model, "positive": ["11", 0], "negative": ["12", 0], "latent_image": ["13", 0],
                "add_noise": "enable", "noise_seed": 5, "steps": 2, "cfg": 5.0, "sampler_name": "euler",
                "scheduler": "normal", "start_at_step": 0, "end_at_step": 10000,
                "return_with_leftover_noise": "disable",
            },
        },
        "15": {"class_type": "SaveLatent", "inputs": {"samples": ["14", 0], "filename_prefix": "latent"}},
    }  # fmt: skip


def run(server, graph, on_message=None):
    """Queue and follow; the machine may be busy."""
    return server.run(graph, on_message, timeout=900)


def latent_of(server, entry, node="15") -> torch.Tensor:
    (saved,) = entry["outputs"][node]["latents"]
    return load_file(server.folder / saved["type"] / saved["subfolder"] / saved["filename"])["latent_tensor"]


def succeeded(entry) -> dict:
    assert entry["status"]["status_str"] == "success", entry["status"]
    return entry["outputs"]


def loras(server) -> list[str]:
    return sorted(path.name for path in (server.folder / "models" / "loras").rglob("*") if path.is_file())


def test_a_stopped_training_keeps_its_steps_and_leaves_no_file(server, record):
    begin = time.monotonic()

    def stop(message, _):
        if message["type"] == "progress" and message["data"]["node"] == "2" and message["data"]["value"] >= 3:
            server.post("/interrupt", {})
        return False

    messages, entry = run(server, training(record, steps=40), stop)
    assert messages[-1]["type"] == "execution_interrupted", messages[-1]
    assert entry["status"]["status_str"] == "error" and loras(server) == []
    (state,) = (server.folder / "user" / "__songreel" / "work").rglob("state.pt")
    kept = torch.load(state, weights_only=True)
    assert 3 <= kept["step"] < 40 and len(kept["losses"]) == kept["step"]
    assert kept["validation"][0][0] == 0 and kept["best"].keys() == kept["weights"].keys()
    assert not list(state.parent.glob("*.part"))
    log.info("stopped after %d steps, %.0f s", kept["step"], time.monotonic() - begin)


@pytest.mark.slow
def test_it_trains_under_inference_mode_and_leaves_comfyuis_models_as_they_were(server, record):
    plain = sampling(["10", 0])
    before = latent_of(server, {"outputs": succeeded(run(server, plain)[1])})
    # In one run: the model of before, unloaded for the training, then sampled from.
    graph = training(record) | sampling(["20", 0])
    graph["20"] = {
        "class_type": "LoraModelLoader",
        "inputs": {"model": ["10", 0], "lora": ["2", 2], "strength_model": 0.0},
    }
    messages, entry = run(server, graph)
    outputs = succeeded(entry)
    assert torch.equal(latent_of(server, entry), before)
    report = json.loads(outputs["2"]["text"][0])
    assert report["steps"] == 6 and report["first_step_of_this_run"] == 0
    (name,) = loras(server)
    assert name.startswith("vuzokiju-") and name.endswith(".safetensors")
    tensors = load_file(next((server.folder / "models" / "loras").rglob(name)))
    assert any(value.abs().sum() > 0 for key, value in tensors.items() if key.endswith("lora_up.weight"))
    # Progress on the websocket, step by step, and what the page draws.
    steps = [entry["data"] for entry in messages if entry["type"] == "progress" and entry["data"]["node"] == "2"]
    assert [entry["value"] for entry in steps][-6:] == [1, 2, 3, 4, 5, 6] and steps[-1]["max"] == 6
    told = [entry["data"] for entry in messages if entry["type"] == "songreel.training"]
    assert told[-1]["done"] == told[-1]["steps"] == 6 and told[-1]["node"] == "2"
    # The same model again, after all of it.
    again = sampling(["10", 0])
    again["14"]["inputs"]["end_at_step"] = 9999
    assert torch.equal(latent_of(server, run(server, again)[1]), before)


def test_too_little_memory_is_one_sentence_with_advice(server, record):
    resource = pytest.importorskip("resource")
    pid, before = server.process.pid, loras(server)
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + 1024**3, resource.RLIM_INFINITY))
    try:
        _, entry = run(server, training(record, seed=9, resolution=512, batch_size=64, steps=1))
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    (message,) = [part[1] for part in entry["status"]["messages"] if part[0] == "execution_error"]
    assert message["exception_message"].strip().startswith("Memory did not suffice for this training: set memory to")
    assert loras(server) == before


def test_a_person_who_took_it_back_is_refused(server, record):
    store = store_module.IdentityStore(server.folder / "user" / "__songreel" / "charcha")
    other = add(store, shown=portraits("first"))[0]
    store.revoke(other)
    before = loras(server)
    _, entry = run(server, training(other))
    (message,) = [part[1] for part in entry["status"]["messages"] if part[0] == "execution_error"]
    assert "taken back" in message["exception_message"]
    assert loras(server) == before
