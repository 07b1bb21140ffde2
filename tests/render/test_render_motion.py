"""Travel mode with a motion module in the MODEL: frames are sampled together, in windows of a shot."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from songreel.nodes.base import modulation
from songreel.nodes.base.errors import InputError
from songreel.nodes.diffusion import animatediff
from songreel.nodes.host.port import Sampling
from songreel.nodes.render import chunk_pictures as picture_stage
from songreel.nodes.render import model_inputs
from songreel.nodes.render import plan as plan_stage
from support.renders import inputs, render, settings
from support.small_host import Killed, SmallHost
from support.videos import frames_of


class MovingHost(SmallHost):
    """A host whose model mixes the pictures of a batch, as a motion module does."""

    window = 16

    def __init__(self, root, *, window=16, **options):
        super().__init__(root, **options)
        self.window, self.batches = window, []

    def motion(self, model):
        return animatediff.MotionModule(self.window)

    def fingerprint(self, part):
        return f"{part} {self.window}"

    def sample(self, model, noise, positive, negative, sampling):
        self.batches.append(len(noise))
        x = super().sample(model, noise, positive, negative, sampling)
        return 0.7 * x + 0.3 * x.mean(dim=0, keepdim=True)


@pytest.fixture(scope="module", params=[16, None])
def whole(request, tmp_path_factory):
    host = MovingHost(tmp_path_factory.mktemp("motion"), window=request.param)
    path, report = render(host, changes={"quality": "balanced", "even_pace": True})
    return request.param, host, frames_of(path), report


@pytest.mark.parametrize("frames, lengths", [(1, [1]), (16, [16]), (17, [8, 9]), (48, [16] * 3), (50, [12, 13] * 2)])
def test_windows_cover_a_shot_in_equal_parts(frames, lengths):
    windows = animatediff.MotionModule(16).windows(frames)
    assert [len(window) for window in windows] == lengths
    assert [n for window in windows for n in window] == list(range(frames))
    assert animatediff.MotionModule(None).windows(frames) == (range(frames),)


def test_every_frame_is_sampled_with_those_of_its_window(whole):
    window, host, _, report = whole
    # Shots of 36, 48 and 36 frames; the first batches are the timed steps of unknown speed.
    expected = [12] * 3 + [16] * 3 + [12] * 3 if window else [36, 48, 36]
    assert host.batches[-len(expected) :] == expected
    assert (report["pictures_sampled"], report["batches_sampled"]) == (120, len(expected))
    assert report["model_calls"] == report["model_calls_in_exact_mode"] == 120 * 3 * 2
    assert report["estimate"]["pictures"] == 120
    assert (report["quality"], report["even_pace"]) == ("exact", False)
    together = "up to 16 frames" if window else "all frames of a shot"
    assert report["note"].startswith(f"The motion module makes {together} together, so each was sampled")
    assert ("context options" in report["note"]) == bool(window)


def test_a_window_is_what_its_noise_and_prompts_give(whole, tmp_path):
    window, _, frames, _ = whole
    story, schedule, _ = inputs()
    host = MovingHost(tmp_path)
    material = model_inputs.ModelInputs(host, "clip", story, settings())
    # The second shot's first window: frames 36 to 51, or all of it.
    own = range(36, 52 if window else 84)
    rows = [[float(schedule.t[n]), 7.0, 1.0, 3.0, 0.0, 0.0] for n in own]
    noise, positive, negative = material.recipe_batch(1, 2, rows, (story.shots[1].prompt,), [n % 16 for n in own])
    batch = torch.randn((16, 4, 9, 8), generator=torch.Generator().manual_seed(5 + 1))
    assert schedule.t[36] == 0 and torch.equal(noise[0], batch[36 % 16])
    latents = host.sample(
        "model", noise, positive, negative, Sampling(steps=3, cfg=7.0, sampler="euler", scheduler="normal")
    )
    expected = picture_stage.to_uint8(host.vae_decode("vae", latents))
    shown = frames[own.start : own.stop].astype(int)
    assert np.abs(shown - expected).mean() < 5
    assert np.abs(shown - np.roll(expected, 1, axis=0)).mean() > 15


def test_an_excerpt_is_a_part_of_the_whole(whole, tmp_path):
    window, _, frames, _ = whole
    path, report = render(MovingHost(tmp_path, window=window), start=4.0, seconds=2.5)
    assert np.array_equal(frames_of(path), frames[48:78])
    # The second shot's three windows hold frames 36 to 83.
    assert report["pictures_sampled"] == 48


@pytest.mark.parametrize("die_at_step", [7, 10])
def test_a_killed_run_continues_and_gives_the_same_frames(whole, tmp_path, die_at_step):
    window, _, frames, report = whole
    with pytest.raises(Killed):
        render(MovingHost(tmp_path, window=window, die_at_step=die_at_step))
    path, resumed = render(MovingHost(tmp_path, window=window))
    assert np.array_equal(frames_of(path), frames)
    assert resumed["batches_sampled"] < report["batches_sampled"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_changed_shot_renders_it_and_the_interval_to_it_again(whole, tmp_path):
    window, _, frames, _ = whole
    host = MovingHost(tmp_path, window=window)
    render(host)
    story, schedule, waveform = inputs()
    last = replace(story.shots[2], prompt="another place")
    changed = replace(story, shots=(*story.shots[:2], last))
    path, report = render(host, made=(changed, schedule, waveform))
    assert np.array_equal(frames_of(path)[:36], frames[:36])
    assert (report["pictures_sampled"], report["chunks_reused"]) == (48 + 36, 1)


def test_guidance_themes_and_noise_drift_change_from_frame_to_frame(tmp_path):
    story, schedule, waveform = inputs()
    ramp = np.linspace(0, 1, 120)
    curves = {"cfg": 3 + 4 * ramp, "noise_walk": ramp, "carry": 0.3 * ramp}
    themes = {"C": modulation.Theme("golden light", 0.3 * ramp)}
    lively = replace(schedule, curves=curves, themes=themes)
    plain = frames_of(render(MovingHost(tmp_path / "plain"))[0]).astype(int)
    path, report = render(MovingHost(tmp_path / "lively"), made=(story, lively, waveform))
    assert report["pictures_sampled"] == 120
    off = np.abs(frames_of(path).astype(int) - plain).mean(axis=(1, 2, 3))
    assert off[0] < off[20] < off[35] and off[35] > 5


def test_a_dissolve_is_a_slerp_and_a_cut_stays_one(tmp_path):
    story, schedule, waveform = inputs()
    transition, t = ["slerp"] * 120, schedule.t.copy()
    transition[30:36], t[24:36] = ["dissolve"] * 6, [0.5] * 6 + [n / 6 for n in range(6)]
    transition[36:84], t[36:84] = ["cut"] * 48, 0
    made = story, replace(schedule, transition=tuple(transition), t=t), waveform
    plan = plan_stage.make_plan(*made[:2], settings(), motion=animatediff.MotionModule(16))
    assert [(part.shot_a, part.shot_b, len(part.t)) for part in plan.segments] == [(0, 1, 36), (1, 2, 48), (2, 2, 36)]
    assert np.allclose(plan.segments[0].t[28:36], [0.5, 0.5, *(0.5 + 0.5 * n / 6 for n in range(6))])
    assert not plan.segments[1].t.any() and "Each dissolve is rendered as a slerp" in plan.note
    assert render(MovingHost(tmp_path), made=made)[1]["pictures_sampled"] == 120


@pytest.mark.parametrize(
    "changes, curves, message",
    [
        ({"frames": "feedback"}, {}, "frames is feedback.*choose travel"),
        ({}, {"steps": np.linspace(0.5, 1, 120)}, "changes steps from frame to frame.*remove the curve 'steps'"),
    ],
)
def test_what_frames_cannot_share_is_refused(tmp_path, changes, curves, message):
    story, schedule, waveform = inputs()
    made = story, replace(schedule, curves=curves), waveform
    with pytest.raises(InputError, match=message):
        render(MovingHost(tmp_path), changes=changes, made=made)
    assert not (tmp_path / "output").exists()


def test_a_draft_is_a_draft(tmp_path):
    _, report = render(MovingHost(tmp_path), changes={"quality": "balanced"}, draft=True)
    assert report["pictures_sampled"] == 3


# What is read from a MODEL ------------------------------------------------------------------------


class Thing:
    def __init__(self, **attributes):
        vars(self).update(attributes)


def model(length=None, longest=32, **attachments):
    options = Thing(context_length=length)
    module = Thing(model=Thing(encoding_max_len=longest))
    return Thing(
        additional_models={"ADE": [module]}, attachments={"ADE_params": Thing(context_options=options)} | attachments
    )


def test_a_motion_module_is_found_on_a_model():
    assert animatediff.motion_module_of(Thing(additional_models={}, attachments={})) is None
    assert animatediff.motion_module_of(Thing()) is None
    assert animatediff.motion_module_of(model()) == animatediff.MotionModule(16)
    assert animatediff.motion_module_of(model(longest=8)) == animatediff.MotionModule(8)
    assert animatediff.motion_module_of(model(length=16)) == animatediff.MotionModule(None)
    assert not animatediff.guides_itself(model(ADE_sample_settings=Thing(custom_cfg=None)))
    assert animatediff.guides_itself(model(ADE_sample_settings=Thing(custom_cfg=Thing())))


def test_what_a_module_remembers_is_no_part_of_what_was_set():
    fresh = Thing(scale=1.5, keyframes=[Thing(strength=0.5, start_t=999.0)], current_scale=None, _step=0)
    used = Thing(scale=1.5, keyframes=[Thing(strength=0.5, start_t=14.6)], current_scale=torch.ones(1), _step=7)
    assert animatediff.as_set(fresh) == animatediff.as_set(used)
    assert animatediff.as_set(fresh) != animatediff.as_set(Thing(scale=1.0, keyframes=[], _step=0))
    circle = Thing(name="circle")
    circle.itself = circle
    assert animatediff.as_set(circle)["name"] == "circle"
