"""ComfyUI's own nodes on the headless host: noise, pictures, videos."""

import io
import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from headless.comfy_api.video import VideoFromFile
from headless.host import HeadlessHost
from headless.workflow.core_nodes import (
    CLIPTextEncode,
    CreateVideo,
    KSampler,
    LoadImage,
    SaveImage,
    SaveVideo,
)
from headless.workflow.core_nodes.sampling import prepare_noise
from songreel.nodes import host as port
from songreel.nodes.base.errors import InputError


@pytest.fixture
def host(tmp_path, monkeypatch):
    made = HeadlessHost(tmp_path / "home", inputs=tmp_path, stream=io.StringIO())
    monkeypatch.setattr(port, "_installed", made)
    return made


def execute(cls, hidden=None, **inputs):
    """A node's output, with the hidden values that its schema asks for."""
    return cls.PREPARE_CLASS_CLONE(hidden).execute(**inputs)


@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_noise_is_that_of_the_global_generator(seed):
    samples = torch.zeros(3, 4, 2, 5)
    noise = prepare_noise(samples, seed)
    torch.manual_seed(seed)
    assert torch.equal(noise, torch.randn(3, 4, 2, 5))


def test_noise_of_picked_rows():
    rows = prepare_noise(torch.zeros(3, 4, 2, 2), 5, [2, 0, 2])
    torch.manual_seed(5)
    single = [torch.randn(1, 4, 2, 2) for _ in range(3)]
    assert torch.equal(rows, torch.cat([single[2], single[0], single[2]]))


class Recorder(HeadlessHost):
    """Keeps what sampling was asked for."""

    def sample(self, model, noise, positive, negative, sampling):
        self.asked = vars(sampling) | {"noise": noise, "positive": positive}
        sampling.on_step(sampling.steps - 1, noise)
        return noise + 1

    def encode_text(self, clip, text):
        return torch.full((1, 77, 8), float(len(text)))


SAMPLING = {"model": None, "seed": 3, "steps": 2, "cfg": 7.0, "sampler_name": "euler", "scheduler": "karras"}


def sampled(latent, positive=None, **more):
    negative = execute(CLIPTextEncode, text="", clip=None)[0]
    positive = execute(CLIPTextEncode, text="cat", clip=None)[0] if positive is None else positive
    return execute(KSampler, **SAMPLING, positive=positive, negative=negative, latent_image=latent, **more)[0]


def test_ksampler(tmp_path, monkeypatch):
    host = Recorder(tmp_path, stream=io.StringIO())
    monkeypatch.setattr(port, "_installed", host)
    latent = {"samples": torch.zeros(2, 4, 1, 1), "type": "kept"}
    out = sampled(latent, denoise=0.5)
    assert out["type"] == "kept"
    assert torch.equal(out["samples"], prepare_noise(latent["samples"], 3) + 1)
    assert torch.equal(latent["samples"], torch.zeros(2, 4, 1, 1))
    assert (host.asked["steps"], host.asked["scheduler"], host.asked["denoise"]) == (2, "karras", 0.5)
    assert host.asked["positive"].shape == (1, 77, 8)
    assert "KSampler" not in host.terminal.stream.getvalue()
    assert "2/2 100%" in host.terminal.stream.getvalue()


@pytest.mark.parametrize(
    ("latent", "positive", "part"),
    [
        ({"noise_mask": torch.zeros(1, 8, 8)}, None, "noise mask"),
        ({}, [[torch.zeros(1, 77, 8), {"area": (1, 1, 0, 0)}]], "'positive' carries 'area'"),
        ({}, [[torch.zeros(1, 77, 8), {}]] * 2, "'positive' combines 2 prompts"),
    ],
)
def test_what_ksampler_cannot_follow(latent, positive, part, tmp_path, monkeypatch):
    monkeypatch.setattr(port, "_installed", Recorder(tmp_path, stream=io.StringIO()))
    with pytest.raises(InputError, match=part):
        sampled({"samples": torch.zeros(1, 4, 1, 1)} | latent, positive)


def test_pictures_go_out_and_come_back(host):
    pictures = torch.rand(2, 5, 7, 3)
    hidden = {"prompt": {"1": {"class_type": "X"}}}
    asked = {socket: hidden[socket.name] for socket in SaveImage.GET_SCHEMA().hidden if socket.name in hidden}
    shown = execute(SaveImage, asked, images=pictures, filename_prefix="a/b_%width%").ui.as_dict()["images"]
    assert [entry["filename"] for entry in shown] == ["b_7_00001_.png", "b_7_00002_.png"]
    assert {(entry["subfolder"], entry["type"]) for entry in shown} == {("a", "output")}
    from PIL import Image

    with Image.open(host.saved_file(shown[0])) as file:
        assert json.loads(file.text["prompt"]) == hidden["prompt"]
    name = host.register("input", host.saved_file(shown[1]))
    picture, mask = execute(LoadImage, image=name).args
    assert picture.shape == (1, 5, 7, 3)
    assert torch.equal(picture[0], (pictures[1] * 255).floor() / 255)
    assert mask.shape == (1, 64, 64)
    assert not mask.any()


def test_transparent_pictures_give_a_mask(host, tmp_path):
    from PIL import Image

    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0, :, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png")
    picture, mask = execute(LoadImage, image="x.png").args
    assert mask.tolist() == [[[0, 0, 0], [1, 1, 1]]]
    assert picture.shape == (1, 2, 3, 3)


def test_a_picture_that_is_none(host, tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"'x.png' cannot be read as a picture"):
        execute(LoadImage, image="x.png")


def saved_video(host, hidden=None, **inputs):
    shown = execute(SaveVideo, hidden, filename_prefix="video/x", format="auto", codec="auto", **inputs).ui.as_dict()
    return host.saved_file(shown["images"][0])


@pytest.mark.parametrize("fps", [12.0, 24000 / 1001, 25.0])
def test_videos_are_encoded_once_and_then_copied(fps, host):
    import av

    audio = {"waveform": torch.rand(1, 2, 44100) * 0.1, "sample_rate": 44100}
    made = execute(CreateVideo, images=torch.rand(10, 32, 48, 3), fps=fps, audio=audio)[0]
    assert made.get_dimensions() == (48, 32)
    first = saved_video(host, video=made)
    hidden = {socket: {"1": "x"} for socket in SaveVideo.GET_SCHEMA().hidden if socket.name == "prompt"}
    second = saved_video(host, hidden, video=VideoFromFile(first))
    assert [path.name for path in sorted(first.parent.iterdir())] == ["x_00001_.mp4", "x_00002_.mp4"]
    packets = []
    for path in (first, second):
        with av.open(str(path)) as file:
            video, sound = file.streams.video[0], file.streams.audio[0]
            assert (video.frames, video.average_rate) == (10, Fraction(fps).limit_denominator(1001))
            assert abs(float(sound.duration * sound.time_base) - 10 / fps) < 0.05
            packets.append([bytes(packet) for packet in file.demux(video, sound)])
            metadata = file.metadata
    assert packets[0] == packets[1]
    assert json.loads(metadata["prompt"]) == {"1": "x"}
    assert second.read_bytes().index(b"moov") < second.read_bytes().index(b"mdat")
    assert VideoFromFile(second).get_duration() == pytest.approx(10 / fps, abs=0.05)
    components = VideoFromFile(second).get_components()
    assert components.images.shape == (10, 32, 48, 3)
    assert components.audio["sample_rate"] == 44100


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_a_video_that_is_none(content, tmp_path):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match="'x.mp4' cannot be read as a video"):
        VideoFromFile(path).get_dimensions()
