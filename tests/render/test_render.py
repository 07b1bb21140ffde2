"""The renderer with a stand-in for the diffusion model: batches, chunks, resume, cancel, excerpts, cost."""

import errno
import json
import os
import time

import av
import numpy as np
import pytest
import torch

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.host import port as host_port
from songreel.nodes.host.port import Sampling
from songreel.nodes.render import chunk_pictures as picture_stage
from songreel.nodes.render import render as render_stage
from support.renders import RATE, inputs, render, settings
from support.small_host import Killed, SmallHost
from support.videos import frames_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    host = SmallHost(tmp_path_factory.mktemp("whole"))
    path, report = render(host)
    return host, frames_of(path), report


def test_frame_count_sound_and_report(whole, tmp_path):
    path, report = render(SmallHost(tmp_path))
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert video.frames == 120 and video.average_rate == 12
        assert abs(float(video.duration * video.time_base) - float(audio.duration * audio.time_base)) <= 1 / 12
    assert (report["frames"], report["width"], report["height"]) == (120, 64, 72)
    # The last shot holds: frames 84 to 119 are one picture.
    assert report["pictures_sampled"] == 85 and report["model_calls"] == 85 * 3 * 2
    assert set(report["seconds"]) >= {
        "fingerprint",
        "text",
        "interpolate",
        "sample",
        "decode",
        "encode",
        "mux",
        "total",
    }
    json.dumps(report)


def test_batches_have_one_shape_and_prompts_of_any_length_share_them(whole):
    host, _, _ = whole
    noises = {shape[0] for shape in host.batch_shapes}
    assert noises == {(1, 4, 9, 8), (3, 4, 9, 8), (4, 4, 9, 8)}
    # Only the shot in the middle has a prompt of two parts; what stands beside it is repeated to its length.
    assert {shape[1][1] for shape in host.batch_shapes} == {77, 77 * 2}


def test_keyframes_show_the_shots_own_noise_and_prompt(tmp_path):
    from songreel.nodes.render.model_inputs import ModelInputs

    host = SmallHost(tmp_path)
    path, _ = render(host, changes={"codec": "lossless"})
    frames = frames_of(path)
    story, schedule, _ = inputs()
    material = ModelInputs(host, "clip", story, settings())
    for shot, frame in enumerate((0, 36, 84)):
        latent = host.sample(
            "model", *material.batch(shot, shot, [0.0]), Sampling(steps=3, cfg=7.0, sampler="euler", scheduler="normal")
        )
        expected = picture_stage.to_uint8(host.vae_decode("vae", latent))[0]
        # A row of a batch may round otherwise than a row alone.
        assert np.abs(frames[frame].astype(int) - expected).max() <= 1


def test_noise_of_shot_k_is_ksamplers_noise_for_seed_plus_k(tmp_path):
    from songreel.nodes.render.model_inputs import ModelInputs

    story, _, _ = inputs()
    material = ModelInputs(SmallHost(tmp_path), "clip", story, settings(seed=41))
    expected = torch.randn((1, 4, 9, 8), generator=torch.manual_seed(43), device="cpu")
    assert torch.equal(material.noise(2), expected)
    shared = ModelInputs(SmallHost(tmp_path), "clip", story, settings(seed=43, noise="shared"))
    assert torch.equal(shared.noise(0), expected) and torch.equal(shared.noise(2), expected)


@pytest.mark.parametrize("die_at_step", [1, 7, 31, 64])
def test_a_killed_run_continues_and_gives_the_same_frames(tmp_path, whole, die_at_step):
    _, expected, report = whole
    with pytest.raises(Killed):
        render(SmallHost(tmp_path, die_at_step=die_at_step))
    again = SmallHost(tmp_path)
    path, resumed = render(again)
    assert np.array_equal(frames_of(path), expected)
    # Two timed steps come first, then three to a batch; only the batch in hand is lost.
    finished = max(die_at_step - 3, 0) // 3
    assert resumed["batches_sampled"] == report["batches_sampled"] - finished
    assert resumed["batches_reused"] + 10 * resumed["chunks_reused"] == finished
    assert not list(tmp_path.rglob("*.part")) and not (tmp_path / "output").exists()


def test_a_second_run_samples_nothing(tmp_path):
    host = SmallHost(tmp_path)
    render(host)
    steps = host.steps
    path, report = render(host)
    assert host.steps == steps and report["batches_sampled"] == 0 and report["chunks_reused"] == report["chunks"]
    assert frames_of(path).shape == (120, 72, 64, 3)
    assert not list((host.private_dir() / "work").rglob("*.npz"))


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 6},
        {"steps": 4},
        {"cfg": 5.0},
        {"crf": 1},
        {"width": 128},
        {"scheduler": "karras"},
        {"noise": "shared"},
        {"codec": "hevc"},
        {"bit_depth": "10"},
    ],
)
def test_other_settings_do_not_continue_old_work(tmp_path, changes):
    host = SmallHost(tmp_path)
    _, first = render(host)
    _, second = render(host, changes=changes)
    assert first["key"] != second["key"] and second["chunks_reused"] == 0


def test_finished_parts_are_stated_and_removed_on_request(tmp_path, whole):
    host = SmallHost(tmp_path)
    other, first = render(host, changes={"seed": 9}, seconds=1.0)
    path, report = render(host, keep_work=False)
    assert report["work_folder"] == first["work_folder"] and report["work_bytes_kept"] == 0
    folder = host.private_dir() / "work" / report["work_folder"]
    # What another video has in the same folder stays.
    kept = list(folder.iterdir())
    assert sum(entry.stat().st_size for entry in kept) == first["work_bytes_kept"] == first["work_bytes"] > 0
    assert report["work_bytes"] > first["work_bytes"]
    assert np.array_equal(frames_of(path), whole[1])
    _, again = render(host, keep_work=False)
    assert again["chunks_reused"] == 0
    render(host, changes={"seed": 9}, seconds=1.0, keep_work=False)
    assert not folder.exists()


def test_a_stopped_run_keeps_its_parts_all_the_same(tmp_path):
    with pytest.raises(Killed):
        render(SmallHost(tmp_path, die_at_step=60), keep_work=False)
    _, report = render(SmallHost(tmp_path), keep_work=False)
    assert report["chunks_reused"] + report["batches_reused"] > 0 and report["work_bytes_kept"] == 0


def test_another_model_does_not_continue_old_work(tmp_path):
    host = SmallHost(tmp_path)
    story, schedule, waveform = inputs()
    keys = {
        render_stage.render_music_video(host, *parts, story, schedule, waveform, RATE, settings())[1]["key"]
        for parts in (("m", "c", "v"), ("m2", "c", "v"), ("m", "c2", "v"), ("m", "c", "v2"))
    }
    assert len(keys) == 4


@pytest.mark.parametrize(("start", "seconds"), [(0.0, 2.0), (2.5, 3.0), (6.2, 0.0), (9.9, 5.0)])
def test_an_excerpt_is_a_slice_of_the_whole(tmp_path, whole, start, seconds):
    _, expected, _ = whole
    path, report = render(SmallHost(tmp_path), start=start, seconds=seconds)
    first = int(start * 12 + 0.5)
    count = min(int(np.ceil(seconds * 12)) if seconds else 120, 120 - first)
    frames = frames_of(path)
    assert len(frames) == count and np.array_equal(frames, expected[first : first + count])
    assert abs(report["audio_seconds"] - count / 12) <= 1 / 12
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == count


def test_excerpt_sound_is_the_songs_own_stretch(tmp_path):
    from songreel.nodes.base.media.audio import read_audio

    made = inputs()
    path, _ = render(SmallHost(tmp_path), made=made, start=2.5, seconds=3.0)
    heard, rate = read_audio(path)
    expected = made[2][:, int(2.5 * RATE) : int(5.5 * RATE)]
    assert rate == RATE
    assert np.corrcoef(heard[0, : expected.shape[1]], expected[0])[0, 1] > 0.8


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_batch_size_does_not_change_the_pictures(tmp_path, whole, batch_size):
    _, expected, _ = whole
    path, _ = render(SmallHost(tmp_path), changes={"batch_size": batch_size})
    difference = frames_of(path).astype(float) - expected
    assert np.abs(difference).max() <= 1


def test_draft_samples_one_small_picture_per_shot_and_fades(tmp_path):
    host = SmallHost(tmp_path)
    changes = {"width": 256, "height": 256, "steps": 20, "codec": "lossless"}
    path, report = render(host, changes=changes, draft=True)
    assert (report["width"], report["height"], report["steps"], report["pictures_sampled"]) == (128, 128, 6, 3)
    assert host.steps == 3 * 6
    frames = frames_of(path)
    assert len(frames) == 120
    _, schedule, _ = inputs()
    blended = frames[0] * (1 - schedule.t[20]) + frames[36] * schedule.t[20]
    assert 0 < schedule.t[20] < 1 and np.abs(frames[20] - blended).max() <= 2


def test_draft_excerpt(tmp_path):
    path, _ = render(SmallHost(tmp_path), draft=True, start=5.0, seconds=3.0)
    assert len(frames_of(path)) == 36


def test_progress_reaches_its_total_and_never_goes_back(whole):
    host, _, report = whole
    done = [value for value, _ in host.updates]
    assert done == sorted(done)
    assert host.updates[-1] == (85 * 3 + 120,) * 2
    # One preview for each decoded picture.
    assert len(host.previews) == 85 and host.previews[0].shape == (72, 64, 3) and host.previews[0].dtype == np.uint8
    # Beside them, two timed pictures.
    assert host.decodes == 85 + 2


def test_estimate_comes_before_the_first_step_and_counts_calls(tmp_path):
    host = SmallHost(tmp_path, die_at_step=1)
    with pytest.raises(Killed):
        render(host, changes={"steps": 2})
    assert host.texts[0].startswith("120 frames from 85 pictures left to sample, 340 model calls, ")
    assert host.steps == 1


def test_a_long_render_is_timed_first(tmp_path):
    host = SmallHost(tmp_path)
    _, report = render(host)
    assert report["estimate"]["model_calls"] == 85 * 3 * 2
    assert report["estimate"]["seconds"] > 0
    # Two timed steps before the first real one; the next run knows the speed.
    assert host.steps == 24 * 3 + 2
    _, again = render(SmallHost(tmp_path), changes={"seed": 9})
    assert "timing" not in again["seconds"] and again["estimate"]["seconds"] > 0


def test_full_disk_before_the_render(tmp_path, monkeypatch):
    from songreel.nodes.base.media.files import shutil

    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    host = SmallHost(tmp_path)
    with pytest.raises(InputError, match=r"About \d+ MB are needed .* only 0 MB are free"):
        render(host, changes={"steps": 1})
    assert host.steps == 0


def test_disk_that_fills_up_ends_with_one_sentence_and_keeps_what_is_finished(tmp_path, monkeypatch, whole):
    _, expected, _ = whole
    saved, calls = np.savez, []

    def save(file, **arrays):
        calls.append(1)
        if len(calls) == 13:
            raise OSError(errno.ENOSPC, "No space left on device")
        saved(file, **arrays)

    monkeypatch.setattr(np, "savez", save)
    with pytest.raises(InputError, match=r"disk .* is full .* free some space and run again, what is finished is kept"):
        render(SmallHost(tmp_path))
    assert not list(tmp_path.rglob("*.part"))
    monkeypatch.undo()
    path, report = render(SmallHost(tmp_path))
    assert report["chunks_reused"] == 1 and report["batches_reused"] == 2
    assert np.array_equal(frames_of(path), expected)


def test_what_a_killed_process_left_is_removed(tmp_path):
    host = SmallHost(tmp_path)
    _, report = render(host)
    folder = host.work_dir(report["work_folder"])
    for name, age in (("batch_000001.npy.1.part", 3600), ("batch_000002.npy.2.part", 0)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    render(host)
    assert [path.name for path in folder.glob("*.part")] == ["batch_000002.npy.2.part"]


def test_work_folders_are_capped(tmp_path, monkeypatch):
    monkeypatch.setattr(host_port, "WORK_LIMIT_BYTES", 1000)
    host = SmallHost(tmp_path)
    (host.work_dir("old") / "x").write_bytes(b"1" * 900)
    (host.work_dir("newer") / "x").write_bytes(b"1" * 900)
    kept = host.work_dir("current")
    assert sorted(folder.name for folder in kept.parent.iterdir()) == ["current", "newer"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 65}, "width must be a multiple of 8 from 64 to 4096, got 65"),
        ({"height": 0}, "height must be a multiple of 8"),
        ({"steps": 0}, "steps must be a whole number from 1 to 1000, got 0"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"cfg": float("nan")}, "cfg must be from 0 to 100, got nan"),
        ({"smoothing": 1.5}, "smoothing must be from 0 to 1, got 1.5"),
        ({"seed": -1}, "seed must be"),
        (
            {"sampler": "euler_ancestral"},
            "sampler_name must be one of euler, heun, dpmpp_2m, lcm, tcd, got 'euler_ancestral'",
        ),
        ({"scheduler": "x"}, "scheduler must be one of"),
        ({"noise": "x"}, "noise must be one of"),
        ({"crf": 99}, "crf must be"),
        ({"codec": "divx"}, "codec must be one of h264, hevc, av1, av1 webm, prores, lossless, gif, got 'divx'"),
        ({"codec": "gif", "bit_depth": "10"}, "GIF has 8 bits per colour, got bit_depth 10"),
        ({"codec": "prores", "bit_depth": "8"}, "ProRes 422 HQ has 10 bits per colour, got bit_depth 8"),
        ({"codec": "av1", "crf": 0}, "crf must be a whole number from 1 to 63 with the codec av1, got 0"),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(InputError) as caught:
        settings(**changes)
    assert message in str(caught.value)


def test_clocks_that_differ_are_refused(tmp_path):
    story, schedule, waveform = inputs()
    with pytest.raises(InputError, match=r"song lasts 9.000 s but the schedule was made for 10.000 s"):
        render(SmallHost(tmp_path), made=(story, schedule, waveform[:, : 9 * RATE]))
    short = types.Story(story.shots[:1] + (types.Shot(3.0, 10.0, "x"),))
    with pytest.raises(InputError, match=r"schedule names shot 2 but the story has 2 \(0 to 1\)"):
        render(SmallHost(tmp_path), made=(short, schedule, waveform))
    with pytest.raises(InputError, match=r"start must lie in the song, 0 to 10.00 s"):
        render(SmallHost(tmp_path), start=10.0)
