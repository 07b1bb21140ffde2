"""Travel mode with changes from frame to frame: guidance, steps, LoRA, noise drift, prompts; cuts and dissolves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from songreel.nodes.base import modulation
from songreel.nodes.base.errors import InputError
from songreel.nodes.host.port import Sampling
from songreel.nodes.render import chunk_pictures as picture_stage
from songreel.nodes.render import model_inputs, recipe
from songreel.nodes.render import noise_drift as drift_stage
from songreel.nodes.render import render as render_stage
from support.renders import OPTIONS, RATE, N, film, lively, settings
from support.small_host import Killed, SmallHost
from support.videos import frames_of


def render(host, made, *, changes=None, likeness=None, **run):
    story, schedule, waveform = made
    changed = settings(**({"quality": "exact", "codec": "lossless"} | (changes or {})))
    return render_stage.render_music_video(
        host,
        "model",
        "clip",
        "vae",
        story,
        schedule,
        waveform,
        RATE,
        changed,
        render_stage.RenderRun(**run),
        likeness=likeness,
    )


def picture(host, material, story, frame, schedule, **options):
    """A frame of a schedule sampled by hand, from its two shots."""
    a, b, t = int(schedule.shot_a[frame]), int(schedule.shot_b[frame]), float(schedule.t[frame])
    latent = host.sample("model", *material.batch(a, b, [t]), Sampling(**(OPTIONS | options)))
    return picture_stage.to_uint8(host.vae_decode("vae", latent))[0]


def close(frame, expected):
    return np.abs(frame.astype(int) - expected).max() <= 1


@pytest.fixture(scope="module", params=["exact", "balanced"])
def whole(request, tmp_path_factory):
    host = SmallHost(tmp_path_factory.mktemp("modulated"))
    path, report = render(host, lively(), changes={"quality": request.param})
    return request.param, frames_of(path), report


# Noise drift ----------------------------------------------------------------------------------------


def angle(a, b):
    cosine = (a.double() * b.double()).sum() / (a.double().norm() * b.double().norm())
    return float(torch.arccos(cosine.clamp(-1, 1)))


def test_drifting_noise_keeps_its_length_and_turns_back_at_its_reach():
    noise = torch.randn((1, 4, 8, 8), generator=torch.manual_seed(3))
    assert torch.equal(drift_stage.drifted(noise, 3, 0.0), noise)
    reach = drift_stage.REACH
    for distance in (0.1, 0.3, reach, 0.8, 2 * reach + 0.2, 57.3):
        place = drift_stage.drifted(noise, 3, distance)
        assert float(place.norm()) == pytest.approx(float(noise.norm()), rel=1e-6)
        offset = distance % (2 * reach)
        assert angle(place, noise) == pytest.approx(min(offset, 2 * reach - offset), abs=1e-4)
        assert torch.equal(place, drift_stage.drifted(noise, 3, distance))
    # It passes through the shot's own noise between two legs, and every leg has a direction of its own.
    assert angle(drift_stage.drifted(noise, 3, 2 * reach + 1e-6), noise) < 1e-3
    out, other = drift_stage.drifted(noise, 3, 0.4), drift_stage.drifted(noise, 3, 2 * reach + 0.4)
    assert angle(out, other) > 0.4
    assert angle(out, drift_stage.drifted(noise, 4, 0.4)) > 0.4


def test_steps_of_the_drift_are_as_long_as_the_curve_says():
    noise = torch.randn((1, 4, 16, 16), generator=torch.manual_seed(1))
    places = [drift_stage.drifted(noise, 1, 0.01 * n) for n in range(400)]
    steps = [angle(a, b) for a, b in zip(places, places[1:], strict=False)]
    assert max(steps) < 0.0105 and np.median(steps) == pytest.approx(0.01, abs=1e-4)


# What a frame is made of --------------------------------------------------------------------------


class Outspoken(SmallHost):
    """Prompts that say much more than no prompt does."""

    def encode_text(self, clip, text):
        return super().encode_text(clip, text) + (3.0 if text else 0.0)


def test_guidance_changes_from_frame_to_frame(tmp_path):
    host, made = Outspoken(tmp_path), film(cfg=lambda f: 2 + f / 8)
    path, report = render(host, made)
    frames, (story, schedule, _) = frames_of(path), made
    material = model_inputs.ModelInputs(host, "clip", story, settings())
    for frame in (0, 5, 24, 31, 60):
        assert close(frames[frame], picture(host, material, story, frame, schedule, cfg=2 + frame / 8))
    keyframe = picture(host, material, story, 31, schedule, cfg=1.0)
    assert not close(frames[31], keyframe)
    # The last shot would be one picture; here every frame is its own.
    assert report["pictures_sampled"] == N and report["model_calls"] == N * 3 * 2


def test_neutral_curves_change_nothing(tmp_path):
    plain = frames_of(render(SmallHost(tmp_path / "a"), film())[0])
    neutral = film(cfg=lambda f: 7.0, steps=lambda f: 1.0, noise_walk=lambda f: 0.0, carry=lambda f: 0.0)
    path, report = render(SmallHost(tmp_path / "b"), neutral)
    assert np.abs(frames_of(path).astype(int) - plain).max() <= 1
    assert report["pictures_sampled"] == 49  # the last shot holds


def test_steps_follow_the_curve_and_are_counted(tmp_path):
    host, made = SmallHost(tmp_path), film(steps=lambda f: 2.0 if f >= 48 else 1.0)
    path, report = render(host, made)
    frames, (story, schedule, _) = frames_of(path), made
    material = model_inputs.ModelInputs(host, "clip", story, settings())
    assert close(frames[60], picture(host, material, story, 60, schedule, steps=6))
    assert not close(frames[60], picture(host, material, story, 60, schedule, steps=3))
    assert report["model_calls"] == (48 * 3 + 6) * 2 == report["model_calls_in_exact_mode"]


def test_themes_and_the_shot_before_take_their_share_of_the_prompt(tmp_path):
    from songreel.nodes.render.interpolate import slerp

    story, schedule, _ = film()
    host = SmallHost(tmp_path)
    texts = ("golden light", "blue haze", "harbour")
    material = model_inputs.ModelInputs(host, "clip", story, settings(), extras=texts)
    rows = np.zeros((4, recipe.THEMES + 2))
    rows[1, recipe.THEMES] = 1.0
    rows[2, recipe.CARRY] = 1.0
    rows[3, recipe.THEMES :] = 0.25, 0.25
    _, positive, _ = material.recipe_batch(0, 0, rows.tolist(), ("harbour", "golden light", "blue haze"))
    own, gold, blue, harbour = (host.encode_text("clip", text) for text in (story.shots[0].prompt, *texts))
    assert torch.equal(positive[:1], own) and torch.equal(positive[1:2], gold)
    assert torch.equal(positive[2:3], harbour)
    half = slerp(own, (gold + blue) / 2, 0.5, dim=2)
    assert torch.allclose(positive[3:], half, atol=1e-6)


def test_themes_together_take_the_whole_prompt_at_most():
    _, schedule, _ = film()
    themes = {name: modulation.Theme(name, np.full(N, 0.8)) for name in "CG"}
    rows = recipe.recipe_rows(replace(schedule, themes=themes), cfg=7.0, steps=3, likeness=False)
    assert rows[0, recipe.THEMES :] == pytest.approx([0.5, 0.5])


class LoraHost(SmallHost):
    """A LoRA that brightens, by its strength."""

    def apply_lora(self, model, clip, file, strength_model, strength_clip):
        self.applied = [*getattr(self, "applied", []), round(strength_model, 6)]
        assert strength_clip == 0
        return f"{model}+{strength_model}", clip

    def sample(self, model, noise, positive, negative, sampling):
        return super().sample(model, noise, positive, negative, sampling) + float(model.partition("+")[2] or 0)


def test_the_lora_changes_on_top_of_what_the_model_has(tmp_path):
    file = tmp_path / "face.safetensors"
    file.write_bytes(b"weights")
    made = film(lora_strength=lambda f: 1.0 if f < 48 else 0.52)
    host = LoraHost(tmp_path)
    frames = frames_of(render(host, made, likeness=file)[0])
    assert host.applied == [-0.5]  # in steps of 0.05
    plain = frames_of(render(SmallHost(tmp_path / "b"), film())[0])
    assert np.abs(frames[30].astype(int) - plain[30]).max() <= 1
    assert (plain[60].astype(int) - frames[60]).mean() > 20
    with pytest.raises(InputError, match="curve 'lora_strength' but no LoRA is known; connect identity_lora"):
        render(host, made)
    # Another file of that name is another picture.
    file.write_bytes(b"other weights")
    assert render(host, made, likeness=file)[1]["chunks_reused"] == 0


def test_what_travel_does_not_follow_is_said(tmp_path):
    _, report = render(SmallHost(tmp_path), film(zoom=lambda f: 1.2, angle=lambda f: 0.0, denoise=lambda f: 0.5))
    assert report["note"] == (
        "Travel mode does not move pictures and left out: denoise, zoom; feedback mode follows them."
    )
    assert "note" not in render(SmallHost(tmp_path), film(zoom=lambda f: 1.0))[1]


def test_a_model_with_its_own_guidance_takes_no_curve_of_it(tmp_path):
    class Own(SmallHost):
        def guidance_is_plain(self, model):
            return False

    with pytest.raises(InputError, match="MODEL has a rule of its own for guidance.*remove the schedule's curve 'cfg'"):
        render(Own(tmp_path), film(cfg=lambda f: 1 + f / 8))
    assert render(Own(tmp_path), film(cfg=lambda f: 3.0))[1]["pictures_sampled"] == 49


# Cuts and dissolves -------------------------------------------------------------------------------


def test_a_cut_travels_as_far_as_t_and_a_dissolve_blends_two_pictures(tmp_path):
    host, made = SmallHost(tmp_path), lively()
    story, schedule, waveform = made
    schedule = replace(schedule, curves={}, themes={})
    path, report = render(host, (story, schedule, waveform))
    frames = frames_of(path).astype(float)
    material = model_inputs.ModelInputs(host, "clip", story, settings())
    for frame in (0, 23, 24, 39, 48, 60):
        assert close(frames[frame], picture(host, material, story, frame, schedule))
    for frame in range(40, 48):
        share = schedule.t[frame]
        assert np.abs(frames[frame] - (frames[39] * (1 - share) + frames[48] * share)).max() <= 2
    # 24 + 16 pictures before the dissolve, which samples nothing of its own, and the shot that holds.
    assert report["pictures_sampled"] == 41 and report["model_calls"] == report["model_calls_in_exact_mode"] == 41 * 6


# What must hold whatever changes -------------------------------------------------------------------


@pytest.mark.parametrize(("start", "seconds"), [(0.0, 2.0), (1.4, 3.0), (3.5, 0.2), (5.9, 0.0)])
def test_an_excerpt_is_a_slice_of_the_whole(tmp_path, whole, start, seconds):
    quality, expected, _ = whole
    path, _ = render(SmallHost(tmp_path), lively(), changes={"quality": quality}, start=start, seconds=seconds)
    first, frames = int(start * 12 + 0.5), frames_of(path)
    assert len(frames) and np.array_equal(frames, expected[first : first + len(frames)])


@pytest.mark.parametrize("die_at_step", [5, 17, 26])
def test_a_killed_run_continues_and_gives_the_same_frames(tmp_path, whole, die_at_step):
    quality, expected, report = whole
    with pytest.raises(Killed):
        render(SmallHost(tmp_path, die_at_step=die_at_step), lively(), changes={"quality": quality})
    path, resumed = render(SmallHost(tmp_path), lively(), changes={"quality": quality})
    assert np.array_equal(frames_of(path), expected)
    if die_at_step > 5:
        assert resumed["batches_sampled"] < report["batches_sampled"]


@pytest.mark.parametrize("batch_size", [1, 7])
def test_batch_size_does_not_change_the_pictures(tmp_path, batch_size, whole):
    quality, expected, _ = whole
    path, _ = render(SmallHost(tmp_path), lively(), changes={"quality": quality, "batch_size": batch_size})
    assert np.abs(frames_of(path).astype(int) - expected).max() <= 1


def test_a_changed_shot_renders_its_neighbourhood_only(tmp_path):
    host = SmallHost(tmp_path)
    story, schedule, waveform = film(cfg=lambda f: 5 + f / 40)
    render(host, (story, schedule, waveform))
    changed = replace(story, shots=(*story.shots[:2], replace(story.shots[2], prompt="a new place")))
    path, report = render(host, (changed, schedule, waveform))
    assert report["chunks_reused"] == 1 and report["chunks"] == 3
    fresh = render(SmallHost(tmp_path / "fresh"), (changed, schedule, waveform))[0]
    assert np.array_equal(frames_of(path), frames_of(fresh))


def test_a_curve_changed_over_one_shot_renders_what_it_touches(tmp_path):
    host = SmallHost(tmp_path)
    render(host, film(cfg=lambda f: 5.0))
    path, report = render(host, film(cfg=lambda f: 5.0 + (f >= 60)))
    assert report["chunks"] == 3 and report["chunks_reused"] == 2
    fresh = render(SmallHost(tmp_path / "fresh"), film(cfg=lambda f: 5.0 + (f >= 60)))[0]
    assert np.array_equal(frames_of(path), frames_of(fresh))


def test_with_carry_the_shot_before_belongs_to_the_digest(tmp_path):
    host = SmallHost(tmp_path)
    story, schedule, waveform = film(carry=lambda f: 0.3)
    render(host, (story, schedule, waveform))
    changed = replace(story, shots=(replace(story.shots[0], prompt="elsewhere"), *story.shots[1:]))
    path, report = render(host, (changed, schedule, waveform))
    assert report["chunks_reused"] == 1  # the last shot knows nothing of the first
    fresh = render(SmallHost(tmp_path / "fresh"), (changed, schedule, waveform))[0]
    assert np.array_equal(frames_of(path), frames_of(fresh))


def test_balanced_saves_calls_and_stays_close(tmp_path, whole):
    quality, frames, report = whole
    if quality == "exact":
        assert report["model_calls"] == report["model_calls_in_exact_mode"]
        return
    assert report["model_calls"] <= 0.4 * report["model_calls_in_exact_mode"]
    exact = frames_of(render(SmallHost(tmp_path), lively())[0])
    error = np.mean((frames.astype(float) - exact) ** 2)
    assert 10 * np.log10(255**2 / error) > 30


def test_a_draft_follows_t_alone(tmp_path):
    path, report = render(SmallHost(tmp_path), lively(), draft=True)
    assert report["pictures_sampled"] == 3 and len(frames_of(path)) == N
