"""Even pace: visible change follows the schedule, alike in every quality, in excerpts and after a kill."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from songreel.nodes.render import even_pace, latents
from songreel.nodes.render import plan as plan_stage
from support.renders import made_of, render
from support.small_host import Killed, SmallHost
from support.videos import frames_of

ROWS, COST = 100, 10


def flipping(where, width=0.01):
    """An interval that does not change but for one flip of the picture at a mix: mix -> latent (4, 2, 2)."""

    def latent(at):
        angle = np.pi / 2 * expit((at - where) / width)
        made = np.zeros((4, 2, 2), np.float32)
        made[0], made[1] = np.cos(angle), np.sin(angle)
        return made

    return latent


def measured(latent, rows=ROWS):
    asked = []

    def sample(mixes, interval, similar):
        asked.extend(mixes)
        return [(latent(at), None, COST) for at in mixes]

    interval = even_pace.measure(
        ((latent(0.0), None), (latent(1.0), None)),
        sample,
        lambda interval, at: (COST, False),
        lambda n, each: n * each,
        rows,
        count=4,
    )
    return interval, asked


@pytest.mark.parametrize("where", [0.13, 0.5, 0.82])
def test_a_quick_change_is_found_and_spread_over_the_interval(where):
    latent = flipping(where, width=0.02)
    interval, asked = measured(latent)
    assert (
        interval.rows == ROWS
        and len(asked) == ROWS // COST
        and interval.order == [0.0, 1.0, *asked] == list(interval.order)
    )
    t = np.linspace(0, 1, 49)
    plain, even = (np.stack([latent(at).ravel() for at in mixes]) for mixes in (t, interval.evenly_paced(t)))
    steps = [np.linalg.norm(np.diff(walk, axis=0), axis=1) for walk in (plain, even)]
    # The largest step of 48; with an even pace each would be 1/48 of the interval.
    assert steps[0].max() > 0.2 * steps[0].sum()
    assert steps[1].max() < 0.1 * steps[1].sum()


@pytest.mark.parametrize(("where", "reached"), [(0.13, False), (0.5, True), (0.82, False)])
def test_an_abrupt_jump_is_crossfaded_at_the_hardest_hit_near_it(where, reached):
    def latent(at):
        """Half of the change is even, half comes at once."""
        return flipping(where, width=1e-5)(at) + np.float32(at) * np.ones((4, 2, 2), np.float32) * 0.5

    def turns_at(t):
        even = interval.evenly_paced(t)
        # No picture lies inside the crossfade, however finely it was narrowed down.
        ((low, high),) = interval.crossfades
        assert low < where < high < low + 0.01 and not ((even > low) & (even < high)).any()
        (step,) = np.flatnonzero((even[:-1] < where) & (even[1:] > where))
        return step

    interval, _ = measured(latent, rows=16 * COST)
    # Without a hit it stays where it is: half of the interval's length besides the crossfade is covered evenly.
    t = np.linspace(0, 1, 49)[:-1]
    assert t[turns_at(t)] == pytest.approx(where, abs=0.05)
    # A hit takes a tenth of the interval between frames 20 and 21, around .43; the other steps share what is left.
    steps = np.full(48, 0.9 / 47)
    steps[20] = 0.1
    t = np.concatenate([[0.0], np.cumsum(steps)])[:-1]
    assert (turns_at(t) == 20) == reached
    if not reached:
        assert t[turns_at(t)] == pytest.approx(where, abs=0.05)


def looping(where, width, size):
    """A straight interval of one latent's length that makes a loop within `width` of a mix: mix -> latent (4, 2, 2)."""

    def latent(at):
        made = np.zeros((4, 2, 2), np.float32)
        made[0], made[1] = 1, at
        share = np.clip((at - where) / width + 0.5, 0, 1)
        made[2:] = size * np.sin(np.pi * share) ** 2
        return made

    return latent


def test_a_brief_detour_is_left_out_and_crossed_on_a_line_from_the_hit():
    latent = looping(0.5, 0.12, 1.0)
    interval, _ = measured(latent, rows=24 * COST)
    # Steps of 1/48, but for frame 30, which a hit moves by a tenth of the interval.
    steps = np.full(48, 0.9 / 47)
    steps[29] = 0.1
    t = np.concatenate([[0.0], np.cumsum(steps)])[:-1]
    even = interval.evenly_paced(t, crossfade_frames=4)
    ((low, high),) = interval.crossfades
    assert 0.44 - 1 / 8 < low < 0.44 and 0.56 < high < 0.56 + 1 / 8 and high - low <= even_pace.BRIEF
    inside = np.flatnonzero((even > low) & (even < high))
    assert inside.tolist() == [30, 31, 32]
    assert (np.diff(even) > 0).all()
    shares = (t[inside] - t[29]) / (t[33] - t[29])
    for frame, share in zip(inside, shares, strict=True):
        line = latent(low) * (1 - share) + latent(high) * share
        assert np.abs(interval.crossfaded(even[frame]) - line).max() < 1e-5
    assert np.flatnonzero(interval.inside(even)).tolist() == inside.tolist()


@pytest.mark.parametrize(("width", "size"), [(1.0, 1.0), (0.12, 0.1)])
def test_a_long_or_a_small_detour_is_shown(width, size):
    interval, _ = measured(looping(0.5, width, size), rows=24 * COST)
    interval.evenly_paced(np.linspace(0, 1, 49), crossfade_frames=4)
    assert interval.crossfades == []


@given(
    st.integers(0, 2**32 - 1), st.integers(3, 25), st.sampled_from([0.1, 0.3, 1.0]), st.integers(1, 8), st.booleans()
)
def test_in_wandering_intervals_ends_and_order_stay(seed, count, step, crossfade_frames, regular):
    """Random walks, some of them nearly all detours."""
    rng = np.random.default_rng(seed)
    inner = np.arange(1, count + 1) / (count + 1) if regular else np.sort(rng.random(count))
    walk = np.cumsum(step * rng.standard_normal((count + 2, 4, 4, 4)), 0) + 2 * rng.standard_normal((4, 4, 4))
    interval = even_pace.MeasuredInterval()
    for at, latent in zip([0.0, *inner.tolist(), 1.0], walk.astype(np.float32), strict=True):
        interval.add(at, latent, None)
    t = np.concatenate([[0.0], np.sort(rng.random(30) ** 3), [1.0]])
    even = interval.evenly_paced(t, crossfade_frames)
    assert even[0] == 0 and even[-1] == 1 and (np.diff(even) >= 0).all()
    assert all(0 <= low < high <= 1 for low, high in interval.crossfades)
    for at in even[interval.inside(even)].tolist():
        assert np.isfinite(interval.crossfaded(at)).all()


def test_a_crossfade_that_lasts_until_the_end_leaves_the_end_where_it_is():
    interval, _ = measured(looping(0.85, 0.12, 1.0), rows=24 * COST)
    t = np.append(np.linspace(0, 0.8, 20), 1.0)
    even = interval.evenly_paced(t, crossfade_frames=4)
    assert len(interval.crossfades) == 1 and interval.crossfades[0][1] < 1
    assert even[-1] == 1


def test_an_interval_of_nothing_but_detours_is_not_crossfaded():
    # Out and back, each time in another direction: every two of the gaps are a detour.
    interval = even_pace.MeasuredInterval()
    for n in range(13):
        latent = np.zeros(16, np.float32)
        latent[:4], latent[4 + n // 2] = 1, n % 2
        interval.add(n / 12, latent.reshape(4, 2, 2), None)
    assert even_pace._detours(interval.distances(), np.array(interval.at)).all()
    even = interval.evenly_paced(np.linspace(0, 1, 49), crossfade_frames=4)
    assert interval.crossfades == [] and (np.diff(even) > 0).all()


def test_ends_and_order_stay():
    interval, _ = measured(flipping(0.3))
    t = np.sort(np.random.default_rng(0).random(200))
    even = interval.evenly_paced(np.concatenate([[0.0], t, [1.0]]))
    assert even[0] == 0 and even[-1] == 1 and (np.diff(even) > 0).all()


def test_a_straight_interval_stays_as_it_is():
    a, b = np.random.default_rng(1).standard_normal((2, 4, 2, 2)).astype(np.float32)
    interval, _ = measured(lambda at: a * (1 - np.float32(at)) + b * np.float32(at))
    t = np.linspace(0, 1, 20)
    assert np.abs(interval.evenly_paced(t) - t).max() < 1e-3


def test_nothing_is_measured_without_rows_or_where_nothing_moves():
    assert measured(flipping(0.5), rows=COST - 1)[1] == []
    flat = np.ones((4, 2, 2), np.float32)
    interval, asked = measured(lambda at: flat)
    assert asked == [0.25, 0.5, 0.75]
    t = np.linspace(0, 1, 20)
    assert np.array_equal(interval.evenly_paced(t), t)


# The renderer ----------------------------------------------------------------------------------------


SHOTS = ((0.0, "a harbour"), (2.0, "a city"), (5.0, "a forest"), (8.0, "a desert"))
EVEN = {"even_pace": True, "codec": "lossless"}


@pytest.fixture(scope="module")
def made():
    return made_of(SHOTS)


@pytest.fixture(scope="module")
def even(tmp_path_factory, made):
    """quality -> frames, report."""
    found = {}
    for quality in ("exact", "balanced"):
        path, report = render(
            SmallHost(tmp_path_factory.mktemp(quality)), made=made, changes=EVEN | {"quality": quality}
        )
        found[quality] = frames_of(path), report
    return found


def test_keyframes_stand_where_they_stood_and_the_calls_are_counted(tmp_path, made, even):
    plain, report = render(SmallHost(tmp_path), made=made, changes=EVEN | {"even_pace": False})
    exact, spent = even["exact"]
    plain = frames_of(plain)
    for frame in made[0].first_frames(plan_stage.Fraction(24), 240):
        assert np.array_equal(plain[frame], exact[frame])
    assert not np.array_equal(plain, exact)
    assert report["even_pace"] is False and spent["even_pace"] is True
    assert report["model_calls"] == report["model_calls_in_exact_mode"] == spent["model_calls_in_exact_mode"]
    assert report["model_calls"] < spent["model_calls"] <= 1.125 * report["model_calls"]


def test_balanced_is_paced_like_exact_for_a_quarter_of_the_calls(even):
    (exact, _), (frames, report) = even["exact"], even["balanced"]
    assert 0 < report["model_calls"] <= report["model_calls_in_exact_mode"] / 4
    assert np.abs(frames.astype(float) - exact).mean() < 2


@pytest.mark.parametrize(("fps", "frames"), [(24, 4), (12, 2), (30, 5), (2, 1)])
def test_a_crossfade_takes_a_sixth_of_a_second(made, fps, frames):
    story, schedule, _ = made
    settings = plan_stage.RenderSettings(64, 72, 3, 7.0, "euler", "normal", 5, quality="exact", even_pace=True)
    plan = replace(plan_stage.make_plan(story, schedule, settings), fps=plan_stage.Fraction(fps))
    assert plan.crossfade_frames == frames


def test_inside_a_crossfade_balanced_shows_exacts_pictures(tmp_path, made, monkeypatch):
    # So that even the little model's intervals have detours.
    monkeypatch.setattr(even_pace, "BRIEF", 0.6)
    monkeypatch.setattr(even_pace, "DETOUR", 0.002)
    crossfaded, evenly_paced = {}, latents.LatentSource.evenly_paced

    def spied(source, segment):
        made = evenly_paced(source, segment)
        interval = source._measured.get(segment.first_frame)
        if interval is not None:
            crossfaded[segment.first_frame] = segment.first_frame + np.flatnonzero(
                interval.inside(made.t)[made.picture]
            )
        return made

    monkeypatch.setattr(latents.LatentSource, "evenly_paced", spied)
    shown = {}
    for quality in ("exact", "balanced"):
        path, _ = render(SmallHost(tmp_path / quality), made=made, changes=EVEN | {"quality": quality})
        shown[quality] = frames_of(path)
    frames = np.concatenate(list(crossfaded.values()))
    assert len(frames) >= 3
    assert np.array_equal(shown["exact"][frames], shown["balanced"][frames])


@pytest.mark.parametrize("quality", ["exact", "balanced"])
@pytest.mark.parametrize(("start", "seconds"), [(1.5, 1.0), (3.0, 5.0)])
def test_an_excerpt_is_a_slice_of_the_whole(tmp_path, made, even, quality, start, seconds):
    path, _ = render(SmallHost(tmp_path), made=made, changes=EVEN | {"quality": quality}, start=start, seconds=seconds)
    assert np.array_equal(frames_of(path), even[quality][0][int(start * 24) :][: int(seconds * 24)])


@pytest.mark.parametrize("quality", ["exact", "balanced"])
@pytest.mark.parametrize("die_at_step", [8, 30, 60])
def test_a_killed_run_continues(tmp_path, made, even, quality, die_at_step):
    changes = EVEN | {"quality": quality}
    with pytest.raises(Killed):
        render(SmallHost(tmp_path, die_at_step=die_at_step), made=made, changes=changes)
    path, report = render(SmallHost(tmp_path), made=made, changes=changes)
    assert np.array_equal(frames_of(path), even[quality][0])
    assert report["batches_sampled"] < even[quality][1]["batches_sampled"]
    assert not list((tmp_path / "private" / "work").rglob("way_*"))


def test_a_draft_and_feedback_are_not_measured(tmp_path, made):
    story, schedule, _ = made
    for changes, draft in (({}, True), ({"frames": "feedback"}, False)):
        settings = plan_stage.RenderSettings(
            64, 72, 3, 7.0, "euler", "normal", 5, **({"quality": "exact", "even_pace": True} | changes)
        )
        plan = plan_stage.make_plan(story, schedule, settings, draft=draft)
        assert not plan.measures and not any(map(plan.measuring, plan.segments))


@pytest.fixture(scope="module")
def cutting(made):
    """The same film with a cut out of its second shot, half way to the third, and a dissolve out of its third."""
    story, schedule, waveform = made
    transition, t = ["slerp"] * 240, schedule.t.copy()
    transition[48:120], t[48:120] = ["cut"] * 72, 0.5 * t[48:120]
    transition[180:192], t[180:192] = ["dissolve"] * 12, (np.arange(12) + 0.5) / 12
    t[120:180] *= 0.4
    return story, replace(schedule, transition=tuple(transition), t=t), waveform


@pytest.mark.parametrize("quality", ["exact", "balanced"])
def test_intervals_before_cuts_and_dissolves_are_evenly_paced_too(tmp_path, cutting, quality):
    changes = EVEN | {"quality": quality}
    path, report = render(SmallHost(tmp_path / "a"), made=cutting, changes=changes)
    frames = frames_of(path)
    other, plain_report = render(SmallHost(tmp_path / "b"), made=cutting, changes=changes | {"even_pace": False})
    plain = frames_of(other)
    most = plain_report["model_calls_in_exact_mode"] * (1.125 if quality == "exact" else 0.25)
    assert plain_report["model_calls"] < report["model_calls"] <= most
    assert not np.array_equal(frames, plain)
    # Where an interval begins and ends stays: shots' own pictures, the last one before a cut, the dissolve.
    for frame in (0, 48, 119, 120, 179, *range(180, 192), 192):
        assert np.abs(frames[frame].astype(int) - plain[frame]).max() <= 1, frame
    part, _ = render(SmallHost(tmp_path / "c"), made=cutting, changes=changes, start=3.0, seconds=4.0)
    assert np.array_equal(frames_of(part), frames[72:168])
    with pytest.raises(Killed):
        render(SmallHost(tmp_path / "d", die_at_step=40), made=cutting, changes=changes)
    assert np.array_equal(frames_of(render(SmallHost(tmp_path / "d"), made=cutting, changes=changes)[0]), frames)


def test_what_changes_more_than_the_mix_keeps_its_own_time(made):
    story, schedule, _ = made
    changed = replace(schedule, curves={"cfg": np.linspace(5, 8, 240)})
    settings = plan_stage.RenderSettings(64, 72, 3, 7.0, "euler", "normal", 5, quality="exact", even_pace=True)
    plan = plan_stage.make_plan(story, changed, settings)
    assert plan.measures and not any(map(plan.measuring, plan.segments))
