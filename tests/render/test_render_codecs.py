"""Renders in every codec: whole, drafts, ten bits, after a kill."""

from fractions import Fraction

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import video as video_io
from songreel.nodes.base.media.codecs import CODECS
from support.renders import inputs, render, settings
from support.small_host import Killed, SmallHost
from support.videos import frames_of


@pytest.mark.parametrize("codec", list(CODECS))
@pytest.mark.parametrize("draft", [False, True])
def test_every_codec_renders_and_drafts(tmp_path, codec, draft):
    path, report = render(SmallHost(tmp_path), changes={"codec": codec, "crf": 20}, seconds=4.0, draft=draft)
    assert path.suffix == CODECS[codec].suffix
    assert (report["codec"], report["bit_depth"]) == (codec, 10 if codec == "prores" else 8)
    frames = frames_of(path)
    assert len(frames) == 48 and frames.std() > 5
    exact, _ = render(SmallHost(tmp_path), changes={"codec": "lossless"}, seconds=4.0, draft=draft)
    # A step of one frame makes a difference of 4 and more.
    most = {"lossless": 0.0, "prores": 1.5}.get(codec, 4.0)
    assert np.abs(frames.astype(float) - frames_of(exact)).mean() <= most


def test_ten_bits_come_from_the_decoder(tmp_path):
    """Pictures keep 16 bits until they are encoded, so that 10-bit files show levels between those of 8 bits."""
    changes = {"codec": "lossless", "quality": "balanced"}
    deep, _ = render(SmallHost(tmp_path), changes=changes | {"bit_depth": "10"}, seconds=3.0)
    flat, _ = render(SmallHost(tmp_path), changes=changes, seconds=3.0)
    shown = np.stack(list(video_io.read_frames(deep, deep=True))).astype(float) / 65535
    eight = frames_of(flat).astype(float) / 255
    assert np.abs(shown - eight).mean() < 0.004
    # How far the pictures are from the 8-bit levels: nowhere for those, evenly spread for the others.
    between = np.abs(shown * 255 - np.round(shown * 255))
    assert between.mean() > 0.15


@pytest.mark.parametrize("codec", ["hevc", "av1", "gif"])
@pytest.mark.parametrize("die_at_step", [31, 64])
def test_a_killed_run_continues_with_any_codec(tmp_path, codec, die_at_step):
    changes = {"codec": codec, "crf": 20}
    whole, report = render(SmallHost(tmp_path / "whole"), changes=changes)
    with pytest.raises(Killed):
        render(SmallHost(tmp_path, die_at_step=die_at_step), changes=changes)
    path, resumed = render(SmallHost(tmp_path), changes=changes)
    assert np.array_equal(frames_of(path), frames_of(whole))
    assert resumed["batches_sampled"] < report["batches_sampled"]
    assert not list(tmp_path.rglob("*.part"))


def test_the_estimate_knows_the_codec_and_learns_its_speed(tmp_path):
    from songreel.nodes.render.report import SpeedRecord

    host = SmallHost(tmp_path)
    disk = {}
    for codec in ("h264", "prores", "lossless", "gif"):
        _, report = render(host, changes={"codec": codec, "width": 256, "height": 256, "crf": 18}, seconds=1.0)
        disk[codec] = report["estimate"]["disk_bytes"]
        assert report["estimate"]["disk_bytes"] > report["file_bytes"]
    assert disk["h264"] < disk["prores"] < disk["lossless"]
    record = SpeedRecord(host.cache_dir(), "encode prores 10 256x256")
    assert 0 < record.read()[0] < 5


def test_a_gif_of_too_many_frames_is_refused_before_anything_runs(tmp_path):
    host = SmallHost(tmp_path)
    with pytest.raises(InputError, match="A GIF shows at most 50 frames per second, got 60"):
        render(host, made=inputs(fps=Fraction(60)), changes={"codec": "gif"})
    assert host.steps == 0


def test_sizes_to_choose_from():
    from songreel.nodes.render import size

    assert size.size_of("custom", 64, 72) == (64, 72)
    for name, (width, height) in size.SIZES.items():
        settings(width=width, height=height)
        assert name.endswith(f" {width}x{height}")
        assert name.split()[0] == ("square" if width == height else "landscape" if width > height else "portrait")
        if ":" in name:
            a, b = map(int, name.split()[1].split(":"))
            assert width * b == height * a
    with pytest.raises(InputError, match="size must be one of custom, square 512x512, .*, got 'huge'"):
        size.size_of("huge", 64, 64)
