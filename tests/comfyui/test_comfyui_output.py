"""Every codec through a real ComfyUI, without a model: saved by Save Video or Save Music Video, workflow inside."""

import json
import shutil
import time

import av
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.torch import save_file

from songreel.nodes.base.media import video
from support.comfy_server import ROOT, ComfyServer
from support.comfyui import find_comfyuis

pytestmark = [pytest.mark.comfyui, pytest.mark.slow]

SECONDS, RATE = 2.5, 22_050
# codec -> (suffix, what PyAV calls it, whether Save Video keeps it)
EXPECTED = {
    "h264": (".mp4", "h264", True),
    "hevc": (".mp4", "hevc", True),
    "av1": (".mp4", "libdav1d", True),
    "lossless": (".mp4", "h264", True),
    "av1 webm": (".webm", "libdav1d", False),
    "prores": (".mov", "prores", False),
    "gif": (".gif", "gif", False),
}


def comfyuis():
    folders = find_comfyuis()
    if not folders:
        return [pytest.param(None, marks=pytest.mark.skip(reason="no ComfyUI found; set COMFYUI_DIR"), id="none")]
    return [pytest.param(entry, id=entry[0].name) for entry in folders]


def random_esrgan(path, width=8):
    """A tiny ESRGAN of factor 4 with random weights, in the layout that such files have."""
    generator = torch.Generator().manual_seed(1)
    tensors = {}

    def layer(name, inputs, outputs):
        tensors[f"{name}.weight"] = torch.randn((outputs, inputs, 3, 3), generator=generator) * 0.05
        tensors[f"{name}.bias"] = torch.full((outputs,), 0.1)

    layer("model.0", 3, width)
    for dense in (1, 2, 3):
        for number in range(1, 5):
            layer(f"model.1.sub.0.RDB{dense}.conv{number}.0", width + (number - 1) * 32, 32)
        layer(f"model.1.sub.0.RDB{dense}.conv5.0", width + 128, width)
    layer("model.1.sub.1", width, width)
    for name in ("model.3", "model.6", "model.8"):
        layer(name, width, width)
    layer("model.10", width, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


@pytest.fixture(scope="module", params=comfyuis())
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("comfyui")
    running = ComfyServer(*request.param, folder)
    t = np.arange(int(SECONDS * RATE)) / RATE
    wave = 0.5 * np.sin(2 * np.pi * 880 * t) * np.exp(-30 * (t % 0.5))
    soundfile.write(folder / "input" / "clicks.flac", np.stack([wave, wave], 1).astype(np.float32), RATE)
    random_esrgan(folder / "models" / "upscale_models" / "tiny.safetensors")
    running.start()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)


def animatics(names, save):
    """One animatic per codec, each saved by the node that `save` gives for it."""
    graph = json.loads((ROOT / "workflows" / "api" / "beat_video.json").read_text("utf-8"))
    graph = {key: graph[key] for key in ("1", "2", "4", "5")}
    graph["1"]["inputs"]["audio"] = "clicks.flac"
    graph["4"]["inputs"]["text"] = "0:00 a harbour\n0:01 a city at night"
    for number, name in enumerate(names):
        shared = {"story": ["4", 0], "frame_schedule": ["5", 0], "audio": ["1", 0], "width": 96, "height": 64}
        graph[f"10{number}"] = {"class_type": "StoryAnimatic", "inputs": shared | {"codec": name}}
        class_type, more = save(name)
        graph[f"20{number}"] = {
            "class_type": class_type,
            "inputs": {"video": [f"10{number}", 0], "filename_prefix": f"{class_type}/{number}"} | more,
        }
    return graph


def save_music_video(name):
    return "SaveMusicVideo", {}


def save_video(name):
    return "SaveVideo", {"format": "auto", "codec": "auto"}


def path_of(server, saved):
    return server.folder / saved["type"] / saved["subfolder"] / saved["filename"]


UI_WORKFLOW = json.loads((ROOT / "workflows" / "beat_video.json").read_text("utf-8"))


def queued(server, graph):
    """Run a graph as the page does, with the UI workflow beside it, and return its outputs."""
    body = {"prompt": graph, "extra_data": {"extra_pnginfo": {"workflow": UI_WORKFLOW}}}
    status, answer = server.post("/prompt", body)
    assert status == 200, answer
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        entry = server.get(f"/history/{answer['prompt_id']}").get(answer["prompt_id"])
        if entry is not None:
            assert entry["status"]["status_str"] == "success", entry["status"]
            return entry["outputs"]
        time.sleep(0.2)
    raise AssertionError("the run did not end in five minutes")


def as_queued(prompt):
    """A stored prompt without what ComfyUI itself notes in it while it runs."""
    return {key: {name: value for name, value in node.items() if name != "is_changed"} for key, node in prompt.items()}


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.dts is not None]


def test_every_codec_is_saved_as_it_is_with_its_workflow(server):
    graph = animatics(list(EXPECTED), save_music_video)
    outputs = queued(server, graph)
    for number, (name, (suffix, decoder, _)) in enumerate(EXPECTED.items()):
        shown = outputs[f"20{number}"]
        path = path_of(server, shown["files"][0])
        assert path.name == f"{number}_00001_{suffix}"
        with av.open(str(path)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
            stream = container.streams.video[0]
            assert stream.codec_context.name == decoder
            assert sum(1 for _ in container.decode(stream)) == 30
            assert len(container.streams.audio) == (0 if name == "gif" else 1)
        if name == "gif":
            with Image.open(path) as picture:
                stored = json.loads(picture.info["comment"])
        else:
            stored = {key: json.loads(tags[key]) for key in ("prompt", "workflow")}
        assert as_queued(stored["prompt"]) == graph
        assert stored["workflow"] == UI_WORKFLOW
        assert str(server.folder) not in json.dumps(tags)
        # What no browser plays is shown as a small copy from the temp folder.
        shown_type = shown["images"][0]["type"]
        assert shown_type == ("temp" if name in ("prores", "lossless") else "output")
        assert path_of(server, shown["images"][0]).is_file()


def test_save_video_keeps_what_it_can_and_says_what_it_cannot(server):
    keeps = [name for name, entry in EXPECTED.items() if entry[2]]
    outputs = queued(server, animatics(keeps, save_video))
    ours = queued(server, animatics(keeps, save_music_video))
    for number, name in enumerate(keeps):
        theirs = path_of(server, outputs[f"20{number}"]["images"][0])
        kept = path_of(server, ours[f"20{number}"]["files"][0])
        assert packets(theirs) == packets(kept), name
        with av.open(str(theirs)) as container:
            context = container.streams.video[0].codec_context
            tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
            stamps = [frame.pts * frame.time_base * 12 for frame in container.decode(video=0)]
        assert tags == ((0, 1, 1, 2) if name == "lossless" else (1, 1, 1, 1)) and stamps == list(range(30))
    for name in (name for name, entry in EXPECTED.items() if not entry[2]):
        messages, _ = server.run(animatics([name], save_video))
        error = messages[-1]
        assert error["type"] == "execution_error" and error["data"]["node_id"] == "200"
        assert f"cannot keep this {EXPECTED[name][0]} file as it is; connect Save Music Video" in json.dumps(error)


def test_an_upscale_model_of_comfyui_and_frames(server):
    graph = animatics(["lossless"], save_music_video)
    graph["300"] = {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "tiny.safetensors"}}
    graph["301"] = {
        "class_type": "UpscaleMusicVideo",
        "inputs": {"video": ["100", 0], "upscale_model": ["300", 0], "height": 128, "tile": 128, "codec": "hevc"},
    }
    graph["302"] = {"class_type": "SaveMusicVideo", "inputs": {"video": ["301", 0], "filename_prefix": "up/x"}}
    graph["303"] = {"class_type": "SaveFrames", "inputs": {"video": ["100", 0], "filename_prefix": "frames/x"}}
    outputs = queued(server, graph)
    report = json.loads(outputs["301"]["text"][0])
    assert (report["width"], report["height"], report["frames"], report["tile"]) == (192, 128, 30, 128)
    with av.open(str(path_of(server, outputs["302"]["files"][0]))) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (192, 128, 30)
        assert container.streams.audio[0].codec_context.name == "flac"
    folder = server.folder / "output" / "frames" / "x_00001_"
    assert len(list(folder.glob("frame_*.png"))) == 30 and (folder / "song.flac").is_file()
    shown = np.stack(list(video.read_frames(path_of(server, outputs["200"]["files"][0]))))
    with Image.open(folder / "frame_000007.png") as picture:
        assert as_queued(json.loads(picture.text["prompt"])) == graph
        assert json.loads(picture.text["workflow"]) == UI_WORKFLOW
        assert np.array_equal(np.asarray(picture), shown[7])
