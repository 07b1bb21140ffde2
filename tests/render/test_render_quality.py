"""The quality dial of the renderer, and smoothing: calls, closeness to exact mode, kills."""

import sys
from fractions import Fraction

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.render import plan as plan_stage
from support.renders import made_of, render, settings
from support.small_host import Killed, SmallHost
from support.videos import frames_of

SHOTS = ((0.0, "a harbour"), (2.0, "a city"), (4.0, "a forest"), (7.0, "a desert"))


@pytest.fixture(scope="module")
def dialled(tmp_path_factory):
    host = SmallHost(tmp_path_factory.mktemp("dialled"))
    made = made_of(SHOTS)
    exact, _ = render(SmallHost(tmp_path_factory.mktemp("exact")), made=made)
    path, report = render(host, made=made, changes={"quality": "balanced"})
    return host, frames_of(path), report, frames_of(exact), made


def test_balanced_makes_at_most_a_quarter_of_the_calls_and_shows_every_keyframe(dialled):
    host, frames, report, exact, made = dialled
    assert report["model_calls_in_exact_mode"] == 169 * 3 * 2
    assert 0 < report["model_calls"] <= report["model_calls_in_exact_mode"] / 4
    assert host.rows == report["model_calls"]
    for frame in made[0].first_frames(Fraction(24), 240):
        assert np.array_equal(frames[frame], exact[frame])
    assert np.abs(frames.astype(float) - exact).max() <= 16


@pytest.mark.parametrize("quality", ["fine", "quick"])
def test_the_dial_trades_calls_for_closeness(tmp_path, dialled, quality):
    _, frames, report, exact, made = dialled
    path, other = render(SmallHost(tmp_path), made=made, changes={"quality": quality, "steps": 3})
    assert (other["model_calls"] > report["model_calls"]) == (quality == "fine")
    assert other["promised_ssim"] == {"fine": 0.98, "quick": 0.9}[quality]


def test_with_changed_guidance_every_anchor_is_sampled_in_full(tmp_path, dialled, monkeypatch):
    monkeypatch.setattr(SmallHost, "guidance_is_plain", lambda self, model: False)
    path, report = render(SmallHost(tmp_path), made=dialled[4], changes={"quality": "balanced"})
    assert report["model_calls"] % 6 == 0
    assert 0 < report["model_calls"] <= report["model_calls_in_exact_mode"] / 4


@pytest.mark.parametrize(("start", "seconds"), [(1.5, 1.0), (3.0, 5.0)])
def test_an_excerpt_between_anchors_is_a_slice_of_the_whole(tmp_path, dialled, start, seconds):
    path, _ = render(
        SmallHost(tmp_path), made=dialled[4], changes={"quality": "balanced"}, start=start, seconds=seconds
    )
    first = int(start * 24)
    assert np.array_equal(frames_of(path), dialled[1][first : first + int(seconds * 24)])


@pytest.mark.parametrize("quality", ["exact", "balanced"])
@pytest.mark.parametrize("frames", [1, 7, 64])
def test_the_length_of_stored_chunks_does_not_change_a_frame(tmp_path, dialled, monkeypatch, frames, quality):
    def chunks(self, excerpt, length=frames, cut=plan_stage.Segment.chunks):
        return cut(self, excerpt, length)

    monkeypatch.setattr(plan_stage.Segment, "chunks", chunks)
    path, report = render(SmallHost(tmp_path), made=dialled[4], changes={"quality": quality}, start=1.0, seconds=4.0)
    expected = dialled[3] if quality == "exact" else dialled[1]
    assert np.array_equal(frames_of(path), expected[24:120])


@pytest.mark.parametrize(("die_at_step", "reused"), [(2, (0, 0)), (4, (1, 0)), (20, (6, 0)), (40, (1, 2))])
def test_a_killed_run_between_anchors_continues(tmp_path, dialled, die_at_step, reused):
    with pytest.raises(Killed):
        render(SmallHost(tmp_path, die_at_step=die_at_step), made=dialled[4], changes={"quality": "balanced"})
    path, report = render(SmallHost(tmp_path), made=dialled[4], changes={"quality": "balanced"})
    assert np.array_equal(frames_of(path), dialled[1])
    assert (report["batches_reused"], report["chunks_reused"]) == reused
    # Of the first step on, every third one ends a batch.
    assert report["batches_sampled"] == dialled[2]["batches_sampled"] - die_at_step // 3


@pytest.mark.parametrize("quality", ["exact", "balanced"])
def test_one_changed_shot_renders_only_what_it_touches(tmp_path, quality):
    changed = made_of((*SHOTS[:2], (4.0, "a forest in the rain"), SHOTS[3]))
    host = SmallHost(tmp_path / "again")
    render(host, made=made_of(SHOTS), changes={"quality": quality})
    path, report = render(host, made=changed, changes={"quality": quality})
    anew, whole = render(SmallHost(tmp_path / "anew"), made=changed, changes={"quality": quality})
    assert np.array_equal(frames_of(path), frames_of(anew))
    # The intervals to it and from it are new; the first one and the last, held picture are not.
    assert report["chunks"] - report["chunks_reused"] == 1 + 2
    assert report["pictures_sampled"] < whole["pictures_sampled"]


# Smoothing -----------------------------------------------------------------------------------------

# Without loss, so that a frame can be compared with what its neighbours make of it.
SMOOTH = {"smoothing": 1.0, "quality": "balanced", "codec": "lossless"}


@pytest.fixture(scope="module")
def smooth(tmp_path_factory, dialled):
    path, report = render(SmallHost(tmp_path_factory.mktemp("smooth")), made=dialled[4], changes=SMOOTH)
    return frames_of(path), report


def test_smoothing_changes_frames_by_their_neighbours_within_the_interval_only(tmp_path, dialled, smooth):
    plain = frames_of(render(SmallHost(tmp_path), made=dialled[4], changes=SMOOTH | {"smoothing": 0.0})[0])
    frames, report = smooth
    assert report["smoothing"] == 1.0 and report["model_calls"] == dialled[2]["model_calls"]
    from songreel.nodes.render.motion.smooth import smoothed

    first, last = dialled[4][0].first_frames(Fraction(24), 240)[1:3]
    for n in (first, first + 1, first + 30, last - 1):
        neighbours = [plain[k] for k in (n - 1, n + 1) if first <= k < last]
        assert np.array_equal(frames[n], smoothed(plain[n], neighbours, 1.0)), n
    assert not np.array_equal(frames, plain)


@pytest.mark.parametrize("length", [1, 7])
@pytest.mark.parametrize(("start", "seconds"), [(1.5, 1.0), (3.0, 5.0)])
def test_smoothed_excerpts_and_chunks_are_a_slice_of_the_whole(
    tmp_path, dialled, smooth, monkeypatch, start, seconds, length
):
    def chunks(self, excerpt, length=length, cut=plan_stage.Segment.chunks):
        return cut(self, excerpt, length)

    monkeypatch.setattr(plan_stage.Segment, "chunks", chunks)
    path, _ = render(SmallHost(tmp_path), made=dialled[4], changes=SMOOTH, start=start, seconds=seconds)
    assert np.array_equal(frames_of(path), smooth[0][int(start * 24) :][: int(seconds * 24)])


def test_smoothing_without_opencv_is_refused_before_anything_is_sampled(tmp_path, dialled, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    host = SmallHost(tmp_path)
    with pytest.raises(InputError, match="needs OpenCV; install opencv-python-headless"):
        render(host, made=dialled[4], changes=SMOOTH)
    assert host.steps == 0
    # What does not smooth does not need it.
    render(host, made=dialled[4], changes=SMOOTH, draft=True)


def test_a_smoothed_exact_excerpt_samples_its_neighbours(tmp_path, dialled):
    changes = {"smoothing": 0.5, "quality": "exact"}
    long, short = tmp_path / "long", tmp_path / "short"
    path, _ = render(SmallHost(long), made=dialled[4], changes=changes, start=1.0, seconds=2.0)
    other, report = render(SmallHost(short), made=dialled[4], changes=changes, start=1.5, seconds=0.25)
    assert np.array_equal(frames_of(other), frames_of(path)[12:18])
    assert report["pictures_decoded"] <= 8


def test_unknown_quality():
    with pytest.raises(InputError, match="quality must be one of exact, fine, balanced, quick, got 'best'"):
        settings(quality="best")
