"""The output stage: saved as it is, frame by frame, enlarged; every file is opened again."""

import io
import json
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from PIL import Image

from headless.comfy_api.video import VideoFromFile
from headless.host import HeadlessHost
from songreel.nodes import host as port
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import audio, video
from songreel.nodes.film.output import png_frames as frames_stage
from songreel.nodes.film.output import save, upscale
from songreel.nodes.film.output import source as source_stage
from support.encoded import ENCODINGS, RATE, made, pictures

METADATA = {
    "prompt": {"1": {"class_type": "RenderMusicVideo", "inputs": {"seed": 7}}},
    "workflow": {"nodes": [], "é": 1},
}


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.dts is not None]


def tags(path):
    """The prompt and the workflow that are in a file, as PyAV reads them."""
    with av.open(str(path)) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
    if path.suffix == ".gif":
        with Image.open(path) as picture:
            return json.loads(picture.info["comment"])
    return {key: json.loads(found[key]) for key in ("prompt", "workflow")}


@pytest.fixture(scope="module", params=ENCODINGS, ids=lambda entry: f"{entry[0]} {entry[1]}")
def file(request, tmp_path_factory):
    codec, depth = request.param
    return codec, depth, *made(tmp_path_factory.mktemp("output"), codec, depth)


def test_saving_touches_neither_picture_nor_sound_and_stores_the_workflow(file, tmp_path):
    codec, _, path, count, _ = file
    suffix = save.suffix_of(path)
    assert suffix == path.suffix
    target = tmp_path / f"saved{suffix}"
    save.save_as_it_is(path, target, METADATA)
    assert [entry.name for entry in tmp_path.iterdir()] == [target.name]
    assert tags(target) == METADATA
    # A GIF's first packet holds the head of the file, and with it the comment.
    skipped = 1 if codec == "gif" else 0
    assert packets(target)[skipped:] == packets(path)[skipped:] and len(packets(path)) == count
    stamps = []
    for entry in (path, target):
        with av.open(str(entry)) as container:
            stream = container.streams.video[0]
            stamps.append([frame.pts * frame.time_base for frame in container.decode(stream)])
            context = stream.codec_context
            kept = (
                context.pix_fmt,
                context.colorspace,
                context.color_primaries,
                context.color_trc,
                context.color_range,
            )
            stamps[-1] += [kept, context.codec_tag if codec != "av1 webm" else ""]
    assert stamps[0] == stamps[1]
    if codec != "gif":
        first, second = (audio.read_audio(entry) for entry in (path, target))
        assert first[1] == second[1] and np.array_equal(first[0], second[0])


@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_the_tags_stand_in_front_of_the_pictures(tmp_path, codec):
    """ComfyUI's page reads moov/udta/meta of the first 64 MB only."""
    path, _, _ = made(tmp_path, codec, 10 if codec == "prores" else 8)
    target = tmp_path / f"saved{path.suffix}"
    save.save_as_it_is(path, target, METADATA)
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"udta") < data.index(b"RenderMusicVideo") < data.index(b"mdat")


def test_what_plays_in_a_browser(file, tmp_path):
    codec, depth, path, count, _ = file
    plays = save.plays_in_browsers(path)
    assert plays == (codec in ("hevc", "av1", "av1 webm", "gif") or (codec, depth) == ("h264", 8))
    if not plays:
        save.write_preview(path, tmp_path / "preview.mp4")
        assert save.plays_in_browsers(tmp_path / "preview.mp4")
        assert len(list(video.read_frames(tmp_path / "preview.mp4"))) == count
        assert [entry.name for entry in tmp_path.iterdir()] == ["preview.mp4"]


def test_a_preview_is_small(tmp_path):
    path, _, _ = made(tmp_path, "lossless", 8, runs=(3,), width=1000, height=400)
    save.write_preview(path, tmp_path / "p.mp4")
    assert next(video.read_frames(tmp_path / "p.mp4")).shape == (204, 512, 3)


def test_what_cannot_be_kept_as_it_is(tmp_path):
    with av.open(str(tmp_path / "a.avi"), "w") as output:
        stream = output.add_stream("mpeg4", rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    with pytest.raises(InputError, match="'a.avi' is of the kind avi, which Save Music Video cannot keep as it is"):
        save.suffix_of(tmp_path / "a.avi")
    (tmp_path / "b.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match="'b.mp4' cannot be read as a video"):
        save.suffix_of(tmp_path / "b.mp4")


# Nodes ---------------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path, monkeypatch):
    made_host = HeadlessHost(tmp_path / "home", inputs=tmp_path, stream=io.StringIO())
    monkeypatch.setattr(port, "_installed", made_host)
    from headless.__main__ import bootstrap

    bootstrap(made_host)
    return made_host


def run(name, hidden=None, **inputs):
    """A node's output, with the hidden values that its schema asks for."""
    from songreel.nodes.film.output import node

    cls = getattr(node, name)
    asked = {socket: hidden[socket.name] for socket in cls.GET_SCHEMA().hidden if hidden and socket.name in hidden}
    return cls.PREPARE_CLASS_CLONE(asked).execute(**inputs)


HIDDEN = {"prompt": METADATA["prompt"], "extra_pnginfo": {"workflow": METADATA["workflow"]}}


def test_save_music_video_numbers_its_files_and_tells_them(host, tmp_path):
    path, _, _ = made(tmp_path, "prores", 10, runs=(3,))
    for number in (1, 2):
        shown = run("SaveMusicVideo", HIDDEN, video=host.video_from_file(path), filename_prefix="a/b").ui
        (saved,) = shown["files"]
        assert saved == {"filename": f"b_{number:05}_.mov", "subfolder": "a", "type": "output"}
        assert tags(host.saved_file(saved)) == METADATA
    assert sorted(entry.name for entry in (host.output_dir() / "a").iterdir()) == ["b_00001_.mov", "b_00002_.mov"]


def test_a_gif_is_shown_as_a_picture(host, tmp_path):
    path, _, _ = made(tmp_path, "gif", 8, runs=(3,))
    shown = run("SaveMusicVideo", HIDDEN, video=host.video_from_file(path), filename_prefix="x").ui
    assert "animated" not in shown and shown["images"][0]["filename"] == "x_00001_.gif"


def test_pictures_in_memory_are_saved_too(host):
    from headless.workflow.core_nodes import CreateVideo

    batch = torch.from_numpy(np.stack(list(pictures(5, depth=8)))).float() / 255
    shown = run("SaveMusicVideo", HIDDEN, video=CreateVideo.execute(images=batch, fps=12.0)[0], filename_prefix="x").ui
    assert len(list(video.read_frames(host.saved_file(shown["files"][0])))) == 5


def test_without_metadata_where_the_user_wants_none(host, tmp_path, monkeypatch):
    monkeypatch.setattr(HeadlessHost, "saves_workflow", lambda self: False)
    path, _, _ = made(tmp_path, "h264", 8, runs=(3,))
    shown = run("SaveMusicVideo", HIDDEN, video=host.video_from_file(path)).ui
    data = host.saved_file(shown["files"][0]).read_bytes()
    assert b"RenderMusicVideo" not in data


@pytest.mark.parametrize("codec", ["prores", "av1 webm", "gif"])
def test_save_video_refuses_what_it_would_spoil(host, tmp_path, codec):
    from headless.workflow.core_nodes import SaveVideo

    path, _, _ = made(tmp_path, codec, 10 if codec == "prores" else 8, runs=(3,))
    with pytest.raises(InputError, match=rf"cannot keep this \{path.suffix} file as it is; connect Save Music Video"):
        SaveVideo.PREPARE_CLASS_CLONE({}).execute(
            video=host.video_from_file(path), filename_prefix="x", format="auto", codec="auto"
        )
    assert not list(host.output_dir().rglob("*.mp4"))


@pytest.mark.parametrize("codec", ["hevc", "av1", "lossless"])
@pytest.mark.parametrize("depth", [8, 10])
def test_save_video_keeps_every_mp4(host, tmp_path, codec, depth):
    from headless.workflow.core_nodes import SaveVideo

    path, _, _ = made(tmp_path, codec, depth, runs=(3, 4))
    shown = SaveVideo.PREPARE_CLASS_CLONE({}).execute(
        video=host.video_from_file(path), filename_prefix="x", format="auto", codec="auto"
    )
    assert packets(host.saved_file(shown.ui.as_dict()["images"][0])) == packets(path)


# Frames --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 10])
def test_frames_are_the_pictures_and_carry_the_workflow(host, tmp_path, depth):
    path, count, wave = made(tmp_path, "lossless", depth, runs=(3, 5))
    output = run("SaveFrames", HIDDEN, video=host.video_from_file(path), filename_prefix="frames/x")
    folder = host.output_dir() / output[0]
    assert (output[0], output[1]) == ("frames/x_00001_", count)
    names = [f"frame_{index:06d}.png" for index in range(count)]
    assert sorted(entry.name for entry in folder.iterdir()) == [*names, "song.flac"]
    assert output.ui["files"] == [{"filename": names[0], "subfolder": "frames/x_00001_", "type": "output"}]
    expected = list(pictures(count, depth=8 if depth == 8 else 16))
    for index, name in enumerate(names):
        with Image.open(folder / name) as picture:
            assert {key: json.loads(value) for key, value in picture.text.items()} == METADATA
        with av.open(str(folder / name)) as container:
            (frame,) = container.decode(video=0)
            assert frame.format.name == ("rgb24" if depth == 8 else "rgb48be")
            shown = frame.to_ndarray(format="rgb24" if depth == 8 else "rgb48le").astype(float)
        assert np.abs(shown - expected[index]).max() <= (0 if depth == 8 else 65535 * 3 / 1023)
    heard, rate = audio.read_audio(folder / "song.flac")
    assert rate == RATE and np.abs(heard - wave).max() <= 2**-22


def test_frames_of_a_silent_video_and_a_second_folder(host, tmp_path):
    path, _, _ = made(tmp_path, "gif", 8, runs=(4,))
    folders = [run("SaveFrames", video=host.video_from_file(path), filename_prefix="x")[0] for _ in range(2)]
    assert folders == ["x_00001_", "x_00002_"]
    assert len(list((host.output_dir() / "x_00002_").iterdir())) == 4


@pytest.mark.parametrize(("kind", "codec", "pixels"), [("mpegts", "libx264", "yuv420p"), ("nut", "ffv1", "yuv444p")])
def test_a_single_picture_without_a_frame_rate(host, tmp_path, kind, codec, pixels):
    path = tmp_path / f"one.{kind}"
    with av.open(str(path), "w", format=kind) as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, pixels
        output.mux(stream.encode(av.VideoFrame(64, 64, pixels)))
        output.mux(stream.encode(None))
    with source_stage.opened(path) as container:
        assert container.streams.video[0].average_rate is None
        guess = container.streams.video[0].guessed_rate
        assert source_stage.frame_rate(path, container) == guess > 0
    save.write_preview(path, tmp_path / "preview.mp4")
    with av.open(str(tmp_path / "preview.mp4")) as container:
        assert container.streams.video[0].average_rate == guess
    assert run("SaveFrames", video=host.video_from_file(path), filename_prefix="x")[1] == 1
    enlarged, report = upscale.upscale_video(host, path, Doubling())
    assert json.loads(json.dumps(report))["frames"] == len(list(video.read_frames(enlarged))) == 1


def test_frames_that_fail_leave_no_folder(tmp_path):
    path, _, _ = made(tmp_path, "h264", 8, runs=(4,))

    def stop(count):
        if count == 3:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        frames_stage.save_frames(path, tmp_path / "out" / "x", {}, on_frame=stop)
    assert not list((tmp_path / "out").iterdir())


# Upscaling -----------------------------------------------------------------------------------------


class Doubling(torch.nn.Module):
    """Looks like an upscale model: blurs a little, so that a tile needs its neighbours, and doubles."""

    scale, input_channels, output_channels = 2, 3, 3

    def __init__(self, weight=1.0):
        super().__init__()
        self.blur = torch.nn.Conv2d(3, 3, 9, padding=4, groups=3, bias=False, padding_mode="replicate")
        torch.nn.init.constant_(self.blur.weight, weight / 81)
        self.calls = 0

    def forward(self, picture):
        self.calls += 1
        return torch.nn.functional.interpolate(self.blur(picture), scale_factor=2, mode="nearest")


@pytest.mark.parametrize("tile", [128, 192, 512])
def test_tiles_give_what_the_whole_picture_gives(tile):
    picture = torch.rand(1, 3, 200, 330)
    model = Doubling()
    with torch.no_grad():
        whole, tiled = model(picture), upscale.in_tiles(model, picture, tile)
    assert tiled.shape == (1, 3, 400, 660)
    # At the picture's border, padding looks the same to a tile.
    assert torch.allclose(whole, tiled, atol=1e-5)


@pytest.mark.parametrize(
    ("wanted", "size"), [((0, 0), (192, 128)), ((120, 0), (120, 80)), ((0, 100), (150, 100)), ((64, 64), (64, 64))]
)
def test_sizes(wanted, size):
    assert upscale.target_size(96, 64, 2, *wanted) == size


def test_a_size_that_is_too_large():
    with pytest.raises(InputError, match="would be 12288x8192; give a width or height up to 8192"):
        upscale.target_size(3072, 2048, 4, 0, 0)


def test_an_enlarged_video_has_every_frame_and_the_same_sound(host, tmp_path):
    path, count, wave = made(tmp_path, "lossless", 8, runs=(30, 30))
    output = run("UpscaleMusicVideo", video=host.video_from_file(path), upscale_model=Doubling(), codec="lossless")
    out = source_stage.video_file(output[0], tmp_path)
    report = json.loads(output[1])
    assert (report["width"], report["height"], report["frames"], report["chunks"]) == (192, 128, count, 2)
    shown = np.stack(list(video.read_frames(out))).astype(float)
    expected = np.stack(list(pictures(count, depth=8))).astype(float)
    assert shown.shape == (count, 128, 192, 3)
    assert np.abs(shown[:, ::2, ::2] - expected)[:, 8:-8, 8:-8].max() <= 12
    heard, rate = audio.read_audio(out)
    assert rate == RATE and np.abs(heard - wave).max() <= 2**-22
    with av.open(str(out)) as container:
        stamps = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert stamps == [Fraction(1001, 24000) * index for index in range(count)]


def test_a_stopped_upscale_continues(host, tmp_path):
    path, count, _ = made(tmp_path, "lossless", 8, runs=(60, 60))
    source, asked = host.video_from_file(path), upscale.UpscaleSettings(codec="hevc")
    whole, _ = upscale.upscale_video(HeadlessHost(tmp_path / "other", stream=io.StringIO()), path, Doubling(), asked)

    class Dying(Doubling):
        def forward(self, picture):
            if self.calls == 70:
                raise KeyboardInterrupt
            return super().forward(picture)

    with pytest.raises(KeyboardInterrupt):
        run("UpscaleMusicVideo", video=source, upscale_model=Dying(), codec="hevc")
    assert not list((host.private_dir() / "work").rglob("*.part"))
    model = Doubling()
    output = run("UpscaleMusicVideo", video=source, upscale_model=model, codec="hevc")
    report = json.loads(output[1])
    assert (report["chunks"], report["chunks_reused"], model.calls) == (3, 1, count - 48)
    again = source_stage.video_file(output[0], tmp_path)
    assert packets(again) == packets(whole)
    # Other weights, another size and another codec start anew.
    for changes in ({"upscale_model": Doubling(0.9)}, {"height": 96}, {"crf": 20}, {"bit_depth": "10"}):
        options = {"upscale_model": Doubling(), "codec": "hevc"} | changes
        assert json.loads(run("UpscaleMusicVideo", video=source, **options)[1])["chunks_reused"] == 0


@pytest.mark.parametrize(
    ("codec", "name"), [("h264", "flac"), ("prores", "pcm_s24le"), ("av1 webm", "opus"), ("gif", None)]
)
def test_the_sound_goes_into_every_kind_of_file(host, tmp_path, codec, name):
    path, _, _ = made(tmp_path, "lossless", 8, runs=(5,))
    output = run("UpscaleMusicVideo", video=host.video_from_file(path), upscale_model=Doubling(), codec=codec)
    with av.open(str(source_stage.video_file(output[0], tmp_path))) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ([name] if name else [])


def test_ten_bits_stay_ten(host, tmp_path):
    path, _, _ = made(tmp_path, "lossless", 10, runs=(2,), width=256)
    output = run("UpscaleMusicVideo", video=host.video_from_file(path), upscale_model=Doubling(), codec="prores")
    shown = next(video.read_frames(source_stage.video_file(output[0], tmp_path), deep=True))
    # The third colour runs over the whole picture.
    assert len(np.unique(shown[..., 2] >> 6)) > 400


def test_a_model_for_grey_pictures_is_refused(host, tmp_path):
    path, _, _ = made(tmp_path, "h264", 8, runs=(2,))
    model = Doubling()
    model.input_channels = 1
    with pytest.raises(InputError, match="not one for colour pictures"):
        run("UpscaleMusicVideo", video=host.video_from_file(path), upscale_model=model)


def test_without_spandrel_one_sentence(host, tmp_path, monkeypatch):
    import sys

    from headless.workflow.core_nodes import UpscaleModelLoader

    monkeypatch.setitem(sys.modules, "spandrel", None)
    host.register("upscale_models", tmp_path / "x.pth")
    with pytest.raises(InputError, match="Load Upscale Model needs spandrel.*pip install spandrel"):
        UpscaleModelLoader.execute("x.pth")


def test_an_odd_result_is_refused_where_colours_are_halved(host, tmp_path):
    path, _, _ = made(tmp_path, "h264", 8, runs=(2,))
    with pytest.raises(InputError, match="H.264 needs an even width and height, got 97x64"):
        run("UpscaleMusicVideo", video=host.video_from_file(path), upscale_model=Doubling(), width=97, height=64)
    assert isinstance(host.video_from_file(path), VideoFromFile)
