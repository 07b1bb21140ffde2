"""Travel mode with keyframe attention: in-between pictures attend to both keyframes."""

import numpy as np
import pytest
import torch

from songreel.nodes.diffusion import keyframe_attention as attention
from songreel.nodes.host.port import Sampling
from songreel.nodes.render import prediction_reuse as prediction_stage
from support.demo_parts import demo_parts
from support.renders import inputs, lively, render, settings
from support.small_host import Killed, SmallHost
from support.videos import frames_of

ATTENDING = {"keyframe_attention": True}


class AttendingHost(SmallHost):
    """A host whose pictures take a part of what lies on the line between the first two rows, where it is asked to."""

    def __init__(self, root, **options):
        super().__init__(root, **options)
        self.asked = []

    def sample(self, model, noise, positive, negative, sampling):
        between = sampling.between
        self.asked.append((len(noise), between))
        x = super().sample(model, noise, positive, negative, sampling)
        if between is not None:
            attention.checked(between, len(noise))
            t = torch.tensor(between)[:, None, None, None]
            x[2:] = 0.7 * x[2:] + 0.3 * ((1 - t) * x[:1] + t * x[1:2])
        return x


@pytest.fixture(scope="module", params=["exact", "balanced"])
def whole(request, tmp_path_factory):
    host = AttendingHost(tmp_path_factory.mktemp("attending"))
    path, report = render(
        host, changes=ATTENDING | {"quality": request.param, "even_pace": request.param == "balanced"}
    )
    return request.param, host, frames_of(path), report


def again(tmp_path, quality, **options):
    host = AttendingHost(tmp_path, **options.pop("host", {}))
    return render(host, changes=ATTENDING | {"quality": quality, "even_pace": quality == "balanced"}, **options)


def test_batches_of_an_interval_include_its_keyframes(whole):
    quality, host, _, report = whole
    pictures = [between for rows, between in host.asked if between is not None]
    assert all(rows == 2 + len(between) for rows, between in host.asked if between is not None)
    assert all(0 < position < 1 for between in pictures for position in between)
    # Keyframes are sampled alone, as ever; before them speed is timed where much is to be done.
    assert [rows for rows, between in host.asked if between is None][-3:] == [1, 1, 1]
    assert report["keyframe_attention"] is True
    if quality == "exact":
        # 35 and 47 pictures between keyframes in batches of four, each with two rows more.
        assert report["pictures_sampled"] == 85
        assert report["model_calls"] == (3 + 82 + 2 * (9 + 12)) * 3 * 2
        assert report["model_calls_in_exact_mode"] == 85 * 3 * 2
        assert report["estimate"]["model_calls"] == report["model_calls"]
    else:
        assert report["model_calls"] <= report["model_calls_in_exact_mode"] / 4


def test_the_pictures_are_other_ones_and_the_keyframes_the_same(whole, tmp_path):
    quality, _, frames, _ = whole
    changes = {"quality": quality, "even_pace": quality == "balanced"}
    plain = frames_of(render(AttendingHost(tmp_path), changes=changes)[0])
    for frame in (0, 36, 84):
        assert np.array_equal(frames[frame], plain[frame])
    off = np.abs(frames.astype(int) - plain).mean(axis=(1, 2, 3))
    assert off[1:36].max() > 2


def test_an_excerpt_and_a_continued_run_are_the_whole(whole, tmp_path):
    quality, _, frames, report = whole
    path, _ = again(tmp_path / "excerpt", quality, start=4.0, seconds=2.5)
    assert np.array_equal(frames_of(path), frames[48:78])
    with pytest.raises(Killed):
        again(tmp_path / "killed", quality, host={"die_at_step": 16})
    path, resumed = again(tmp_path / "killed", quality)
    assert np.array_equal(frames_of(path), frames)
    assert resumed["batches_sampled"] < report["batches_sampled"]


def test_a_draft_and_feedback_look_at_nothing(tmp_path):
    host = AttendingHost(tmp_path)
    render(host, changes=ATTENDING, draft=True)
    assert all(between is None for _, between in host.asked)
    from songreel.nodes.render import plan as plan_stage

    assert not plan_stage.make_plan(*inputs()[:2], settings(frames="feedback", **ATTENDING)).attends_to_keyframes


@pytest.mark.parametrize("quality", ["exact", "balanced"])
def test_it_goes_with_what_changes_from_frame_to_frame(tmp_path, quality):
    host = AttendingHost(tmp_path)
    path, report = render(host, made=lively(), changes=ATTENDING | {"quality": quality})
    assert len(frames_of(path)) == 72
    assert any(between is not None for _, between in host.asked)
    plain = frames_of(render(AttendingHost(tmp_path / "plain"), made=lively(), changes={"quality": quality})[0])
    assert not np.array_equal(frames_of(path), plain)


def test_traces_are_stacked_and_cut():
    def trace(rows, value):
        full = torch.full((rows, 4, 2, 2), float(value))
        return prediction_stage.PredictionTrace({0: full}, {1: full}, {2: full}, rows=7)

    both = prediction_stage.stacked([trace(1, 1), trace(1, 2), trace(3, 3)])
    assert both.early[0][:, 0, 0, 0].tolist() == [1, 2, 3, 3, 3]
    after = both.after(2)
    assert after.rest[2][:, 0, 0, 0].tolist() == [3, 3, 3] and set(after.pull) == {1}
    assert trace(2, 1).after(1).rows == 7


def test_the_demo_model_keeps_the_ends_and_draws_nearer_to_them():
    """On the real small model: the keyframes' latents come out of a batch as they do alone."""
    from headless.sd.sampling import sample
    from headless.sd.text import encode_text

    model, clip, _ = demo_parts()
    texts = [encode_text(clip, text) for text in ("a harbour at dawn", "a city at night")]
    noise = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    options = {"steps": 8, "cfg": 7.0, "sampler": "dpmpp_2m", "scheduler": "karras"}
    rows = torch.cat([*texts, (texts[0] + texts[1]) / 2])
    empty = encode_text(clip, "")
    attending = sample(model, noise, rows, empty, Sampling(between=[0.5], **options))
    plain = sample(model, noise, rows, empty, Sampling(**options))
    torch.testing.assert_close(attending[:2], plain[:2], rtol=1e-3, atol=1e-2)
    middle = plain[:2].mean(dim=0)
    assert (attending[2] - middle).norm() < (plain[2] - middle).norm()
