"""Frames by feedback, with a stand-in for the diffusion model: independence of shots, resume, motion, the dip, cost."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import torch

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.host.port import Sampling
from songreel.nodes.render import feedback_plan as feedback_stage
from songreel.nodes.render import plan as plan_stage
from songreel.nodes.render import render as render_stage
from songreel.nodes.render.motion.colour import Colours
from songreel.nodes.render.motion.warp import CameraMove, warp_by
from songreel.nodes.schedule.plan import onset
from support.renders import RATE, settings
from support.small_host import Killed, SmallHost
from support.songs import song
from support.videos import frames_of

FPS = Fraction(12)
SHOTS = ((0.0, "a harbour"), (1.0, "a city"), (2.0, "a forest"), (4.0, "a desert"))
STARTS = (0, 12, 24, 48)
SECONDS = 5.0


class PaintingHost(SmallHost):
    """A host that can also paint a picture anew: latents are mixed with noise by denoise before they are sampled."""

    def __init__(self, root, **options):
        super().__init__(root, **options)
        self.painted = []

    def sample(self, model, noise, positive, negative, sampling):
        if sampling.latent is not None:
            self.painted.append((sampling.steps, round(sampling.denoise, 4)))
            noise = sampling.latent * (1 - sampling.denoise) + noise * sampling.denoise
        return super().sample(model, noise, positive, negative, sampling)

    def vae_encode(self, vae, pixels):
        latent = torch.logit(pixels.permute(0, 3, 1, 2).clamp(0.01, 0.99))
        latent = torch.nn.functional.avg_pool2d(latent, 8)
        return torch.cat([latent, latent[:, :1] * 0], dim=1)


def made_of(shots=SHOTS, duration=SECONDS, fps=FPS, curves=None, mode="onset"):
    ends = [*(start for start, _ in shots[1:]), duration]
    story = types.Story(tuple(types.Shot(a, end, prompt) for (a, prompt), end in zip(shots, ends, strict=True)))
    schedule = onset.onset_slerp_schedule(song(duration, fps), story, onset.Pacing(mode=mode))
    if curves:
        values = {name: np.full(schedule.n_frames, value, np.float64) for name, value in curves.items()}
        schedule = dataclasses.replace(schedule, curves=values)
    return story, schedule, np.zeros((1, int(duration * RATE)), np.float32)


def render(host, *, made=None, changes=None, **run):
    story, schedule, waveform = made or made_of()
    chosen = settings(**({"frames": "feedback", "height": 64} | (changes or {})))
    return render_stage.render_music_video(
        host, "model", "clip", "vae", story, schedule, waveform, RATE, chosen, render_stage.RenderRun(**run)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    host = PaintingHost(tmp_path_factory.mktemp("whole"))
    path, report = render(host)
    return host, frames_of(path), report


def test_every_shot_starts_on_its_own_picture_and_moves_on(whole, tmp_path):
    _, frames, report = whole
    path, travelled = render(PaintingHost(tmp_path), changes={"frames": "travel"})
    expected = frames_of(path)
    assert report["made_by"] == "feedback" and travelled["made_by"] == "travel"
    for start in STARTS:
        assert np.array_equal(frames[start], expected[start])
    # In travel the last shot does not change; in feedback every frame is a picture of its own.
    changes = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert changes.min() > 0 and np.array_equal(expected[50], expected[59])


def test_the_estimate_is_what_it_costs(whole):
    host, _, report = whole
    assert report["estimate"]["model_calls"] == report["model_calls"] == host.rows
    assert report["pictures_sampled"] == 40 and len(host.painted) == 7 + 7 + 15 + 7
    assert host.updates[-1][0] == host.updates[-1][1] == report["model_calls"] // 2 + 60
    done = [value for value, _ in host.updates]
    assert done == sorted(done)


@pytest.mark.parametrize(("start", "seconds"), [(0.0, 0.5), (0.5, 1.2), (1.5, 1.0), (2.0, 0.0), (4.9, 5.0)])
def test_an_excerpt_is_a_slice_of_the_whole(tmp_path, whole, start, seconds):
    path, report = render(PaintingHost(tmp_path), start=start, seconds=seconds)
    first = int(start * 12 + 0.5)
    frames = frames_of(path)
    count = min(int(np.ceil(seconds * 12)) if seconds else 60, 60 - first)
    assert len(frames) == count and np.array_equal(frames, whole[1][first : first + count])
    assert report["estimate"]["model_calls"] == report["model_calls"]


@pytest.mark.parametrize("die_at_step", [1, 20, 60, 80])
def test_a_killed_run_continues_and_gives_the_same_frames(tmp_path, whole, die_at_step):
    with pytest.raises(Killed):
        render(PaintingHost(tmp_path, die_at_step=die_at_step))
    again = PaintingHost(tmp_path)
    path, report = render(again)
    assert np.array_equal(frames_of(path), whole[1])
    # One picture is lost at most, and the next run expects just what is left.
    assert whole[0].steps - die_at_step <= again.steps <= whole[0].steps - die_at_step + 3
    assert report["estimate"]["model_calls"] == report["model_calls"]
    assert not list(tmp_path.rglob("*.npz")) and not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("length", [1, 7, 64])
def test_the_length_of_stored_chunks_does_not_change_a_frame(tmp_path, whole, monkeypatch, length):
    cut = plan_stage.Segment.chunks
    monkeypatch.setattr(plan_stage.Segment, "chunks", lambda self, excerpt: cut(self, excerpt, length))
    path, report = render(PaintingHost(tmp_path))
    assert np.array_equal(frames_of(path), whole[1])
    assert report["model_calls"] == whole[2]["model_calls"]


def test_one_changed_shot_renders_itself_and_the_shot_that_leads_to_it(tmp_path):
    host = PaintingHost(tmp_path / "again")
    render(host)
    changed = made_of((*SHOTS[:2], (2.0, "a forest in the rain"), SHOTS[3]))
    path, report = render(host, made=changed)
    anew, _ = render(PaintingHost(tmp_path / "anew"), made=changed)
    assert np.array_equal(frames_of(path), frames_of(anew))
    assert (report["chunks"], report["chunks_reused"]) == (4, 2)


@pytest.mark.parametrize(
    "changes", [{"border": "wrap"}, {"anchor_colours": False}, {"seed": 6}, {"frames": "travel"}, {"steps": 4}]
)
def test_other_settings_do_not_continue_old_work(tmp_path, changes):
    host = PaintingHost(tmp_path)
    _, first = render(host)
    _, second = render(host, changes=changes)
    assert first["key"] != second["key"] and second["chunks_reused"] == 0


def test_quality_and_batch_size_change_nothing(tmp_path, whole):
    path, _ = render(PaintingHost(tmp_path), changes={"quality": "quick", "batch_size": 7})
    assert np.array_equal(frames_of(path), whole[1])


def test_without_denoise_the_picture_is_only_moved(tmp_path):
    """What the motion library gives, and no model call."""
    from songreel.nodes.render.model_inputs import ModelInputs

    made = made_of(SHOTS[:1], 2.0, curves={"denoise": 0.0, "zoom": 1.5, "angle": 24.0, "dx": 0.375, "dy": -0.75})
    host = PaintingHost(tmp_path)
    pictures = []
    write = render_stage.write_segment
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            render_stage, "write_segment", lambda p, f, **o: write(p, [pictures.append(x.copy()) or x for x in f], **o)
        )
        _, report = render(host, made=made, changes={"anchor_colours": False, "border": "black"})
    assert report["pictures_sampled"] == 1 and not host.painted
    material = ModelInputs(host, "clip", made[0], settings(height=64))
    latent = host.sample(
        "model", *material.batch(0, 0, [0.0]), Sampling(steps=3, cfg=7.0, sampler="euler", scheduler="normal")
    )
    expected = host.vae_decode("vae", latent)[0].numpy()
    moved = np.eye(3)
    for n in range(24):
        if n:
            step = CameraMove(1.5 ** (1 / 12), 2.0, 0.375 * 64 / 12, -0.75 * 64 / 12)
            moved = step.matrix() @ moved
        told = np.clip(warp_by(expected, moved, "black"), 0, 1) * 255
        # Edges soften, and where the picture has left nothing comes back, since frames are moved on from moved ones.
        assert np.abs(pictures[n] - told).mean() < 12, n
    assert (pictures[-1][-8:] == 0).mean() > 0.9
    assert len(pictures) == 24


def test_a_denoise_curve_sets_steps_and_strength(tmp_path):
    host = PaintingHost(tmp_path)
    render(host, made=made_of(SHOTS[:1], 1.0, curves={"denoise": 0.5}), changes={"steps": 5})
    assert set(host.painted) == {(3, 0.5)} and len(host.painted) == 7


def test_colours_stay_those_of_the_shot(tmp_path):
    """A model that makes every picture redder: without the anchor the shot drifts away, with it the mean stays."""

    class Reddening(PaintingHost):
        def vae_decode(self, vae, latent):
            return (super().vae_decode(vae, latent) * torch.tensor([1.2, 0.9, 0.9])).clamp(0, 1)

    drift = {}
    for anchored in (True, False):
        made = made_of(SHOTS[:1], 3.0, curves={"denoise": 0.2, "zoom": 1.0})
        path, _ = render(Reddening(tmp_path / str(anchored)), made=made, changes={"anchor_colours": anchored})
        first, *_, last = (Colours.of(frame / 255) for frame in frames_of(path))
        drift[anchored] = np.abs(last.mean - first.mean).max()
    assert drift[True] < 2 < 4 < drift[False]


def test_a_draft_is_a_draft_in_both_modes(tmp_path):
    drafts = [render(PaintingHost(tmp_path / f), changes={"frames": f}, draft=True)[0] for f in ("travel", "feedback")]
    assert np.array_equal(*map(frames_of, drafts))


# The course ------------------------------------------------------------------------------------------


def courses(made, **changes):
    plan = plan_stage.make_plan(made[0], made[1], settings(**({"frames": "feedback"} | changes)))
    return plan.segments, [segment.feedback_plan for segment in plan.segments]


def test_the_strength_dips_just_before_the_next_shot():
    _, (first, *_, last) = courses(made_of(((0.0, "a"), (4.0, "b")), 8.0, Fraction(24), mode="linear"))
    calm = feedback_stage.DENOISE
    assert np.allclose(first.denoise[:84], calm) and first.denoise[-1] > 0.55 > calm
    assert np.all(np.diff(first.denoise[83:]) > 0) and np.all(np.diff(first.pull[83:]) > 0)
    # Every third frame is painted, the last one too.
    assert first.painted[0] == 0 and first.painted[-1] == 95 and set(np.diff(first.painted)) <= {2, 3}
    assert np.count_nonzero(first.steps) == len(first.painted) - 1 == 32
    assert np.all(first.pull[:84] == 0) and 0.5 < first.pull[-1] < feedback_stage.DIP_PULL
    # The last shot leads nowhere.
    assert np.all(last.pull == 0) and np.allclose(last.denoise, calm)


def test_a_hard_cut_has_no_dip():
    _, (first, *_) = courses(made_of(mode="cut"))
    assert np.all(first.pull == 0)


def test_the_moves_that_are_still_to_come_bring_the_next_picture_into_place():
    made = made_of(curves={"zoom": 1.4, "angle": 30.0, "dx": 0.2, "dy": 0.1})
    _, (first, *_) = courses(made)
    for n in range(11):
        assert np.allclose(first.ahead[n], first.ahead[n + 1] @ first.matrices[n + 1])
    assert np.allclose(first.ahead[-1], first.matrices[-1])


def test_motion_is_per_second():
    for fps in (Fraction(12), Fraction(24)):
        _, (first, *_) = courses(made_of(fps=fps, curves={"zoom": 2.0, "angle": 90.0, "dx": 0.0, "dy": 0.0}))
        moved = np.eye(3)
        for matrix in first.matrices:
            moved = matrix @ moved
        assert np.allclose(moved[:2, :2], [[0, 2], [-2, 0]])


def test_without_a_zoom_curve_the_picture_grows_at_the_shots_pace():
    segments, parts = courses(made_of(fps=Fraction(24)))
    zoom, t = parts[0].matrices[:, 0, 0], segments[0].t
    assert zoom.min() > 1 and np.corrcoef(zoom[1:], np.diff(t))[0, 1] > 0.99
    assert np.allclose(parts[-1].matrices[:, 0, 0], feedback_stage.ZOOM ** (1 / 24))


def test_a_shot_that_holds_and_then_leaves_is_one_chain():
    story, schedule, _ = made_of()
    held = schedule.shot_b.copy()
    held[:6] = 0
    t = np.where(np.arange(60) < 6, 0.0, schedule.t)
    schedule = dataclasses.replace(schedule, shot_b=held, t=t)
    segments, _ = courses((story, schedule))
    assert [(part.first_frame, part.shot_a, part.shot_b) for part in segments[:2]] == [(0, 0, 1), (12, 1, 2)]
    assert np.all(segments[0].t[:6] == 0)
    # In travel the held frames are a segment of their own.
    assert len(plan_stage.make_plan(story, schedule, settings()).segments) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": "both"}, "frames must be one of travel, feedback, got 'both'"),
        ({"border": "none"}, "border must be one of reflect, replicate, wrap, black, got 'none'"),
    ],
)
def test_bad_settings(changes, message):
    with pytest.raises(InputError, match=message):
        settings(**changes)


def test_a_dissolve_shows_the_next_picture_over_the_frames_that_go_on(tmp_path):
    story, schedule, waveform = made_of(SHOTS[:2], 2.0, curves={"zoom": 1.0, "denoise": 0.0})
    transition = ("slerp",) * 8 + ("dissolve",) * 4 + ("slerp",) * 12
    t = np.where(np.arange(24) < 8, 0.0, np.arange(24) / 4 - 1.75).clip(0, 1) * (np.arange(24) < 12)
    schedule = dataclasses.replace(schedule, transition=transition, t=t)
    segments, (first, _) = courses((story, schedule))
    assert np.allclose(first.fade, [0] * 8 + [0.25, 0.5, 0.75, 1.0]) and np.all(first.pull == 0)
    assert np.all(segments[0].t == 0)
    path, report = render(PaintingHost(tmp_path), made=(story, schedule, waveform), changes={"anchor_colours": False})
    frames = frames_of(path).astype(float)
    assert report["pictures_sampled"] == 2
    assert np.abs(frames[9] - (frames[0] + frames[12]) / 2).max() <= 3
    assert np.abs(frames[11] - frames[12]).max() <= 2 and np.array_equal(frames[7], frames[0])


def test_curves_of_the_schedule_are_followed(tmp_path):
    """cfg, steps and noise drift count on every frame; the note on curves left out is travel's."""
    made = made_of(curves={"zoom": 1.2, "steps": 2.0, "noise_walk": 0.3, "cfg": 5.0})
    host = PaintingHost(tmp_path)
    _, report = render(host, made=made)
    assert "note" not in report and report["model_calls"] == report["estimate"]["model_calls"] == host.rows
    assert min(steps for steps, _ in host.painted) == 3
    _, travelled = render(PaintingHost(tmp_path / "t"), made=made, changes={"frames": "travel"})
    assert "left out: zoom" in travelled["note"]
