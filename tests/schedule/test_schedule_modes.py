"""Every pacing mode over random stories, envelopes and beats: what holds for all of them, and what each promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.timing import Fraction
from songreel.nodes.render import plan
from songreel.nodes.schedule.plan import onset, pace
from songreel.nodes.schedule.plan import settings as schedule_settings
from support.songs import films, song


@settings(max_examples=60, deadline=None)
@given(films(), st.sampled_from(schedule_settings.MODES), st.sampled_from([0.0, 0.05, 1.0]), st.booleans())
def test_every_mode_over_random_films(film, mode, floor, monotone):
    analysis, story = film
    schedule = onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode=mode, floor=floor, monotone=monotone))
    firsts = story.first_frames(analysis.fps, analysis.n_frames)
    assert schedule.n_frames == analysis.n_frames
    assert np.isfinite(schedule.t).all() and schedule.t.min() >= 0 and schedule.t.max() <= 1
    for shot, (start, end) in enumerate(zip(firsts, [*firsts[1:], analysis.n_frames], strict=True)):
        # Every keyframe is shown at its time, and every frame lies between its shot and the next.
        assert schedule.t[start] == 0 and (schedule.shot_a[start:end] == shot).all()
        assert (schedule.shot_b[start:end] == min(shot + 1, len(firsts) - 1)).all()
        if mode in schedule_settings.MONOTONE or (mode == "cosine + onset" and monotone):
            assert (np.diff(schedule.t[start:end]) >= 0).all()
    assert (schedule.t[firsts[-1] :] == 0).all()
    assert types.FrameSchedule.of(schedule.to_text()).t.tolist() == schedule.t.tolist()


@settings(max_examples=40, deadline=None)
@given(films(), st.sampled_from(schedule_settings.MODES))
def test_segments_cover_every_frame_once_with_its_own_position(film, mode):
    analysis, story = film
    schedule = onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode=mode))
    options = plan.RenderSettings(64, 64, 2, 7.0, "euler", "normal", 0, quality="balanced")
    made = plan.make_plan(story, schedule, options)
    shown = np.concatenate([part.t[part.picture] for part in made.segments])
    assert np.array_equal(shown, schedule.t)
    for part in made.segments:
        assert (np.diff(part.t) > 0).all()
        assert [frame for chunk in part.chunks(made.frames, 7) for frame in chunk] == list(
            range(part.first_frame, part.last_frame)
        )


def one_shot(n=48, fps=24, **curves):
    analysis = song(n / fps + 1, Fraction(fps), **curves)
    story = types.Story((types.Shot(0.0, n / fps, "a"), types.Shot(n / fps, n / fps + 1, "b")))
    return analysis, story


def test_linear_ease_and_cut():
    made = {
        mode: onset.onset_slerp_schedule(*one_shot(), onset.Pacing(mode=mode)).t[:48]
        for mode in ("linear", "ease", "cut")
    }
    assert made["linear"][12] == 0.25 and made["linear"][36] == 0.75
    assert made["ease"][24] == 0.5 and made["ease"][12] == pytest.approx(0.15625)
    assert (made["cut"] == 0).all()


def test_beats_step_on_the_beats():
    analysis, story = one_shot()
    t = onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode="beats")).t[:48]
    inside = [frame for frame in analysis.beat_frames() if 0 < frame < 48]
    assert [int(frame) for frame in np.flatnonzero(np.diff(t)) + 1] == inside
    assert np.unique(t) == pytest.approx(np.arange(len(inside) + 1) / (len(inside) + 1))


def test_hold_and_hit_holds_and_lands():
    t = pace.hold_and_hit(48, 24.0)
    assert (t[:41] == 0).all() and t[41:].min() > 0
    assert (np.diff(t[40:], 2) > 0).all() and t[-1] == pytest.approx((7 / 8) ** 2)


def test_ping_pong_comes_back():
    t = onset.onset_slerp_schedule(*one_shot(onset=np.full(72, 0.5)), onset.Pacing(mode="ping-pong")).t[:48]
    assert t.max() == pytest.approx(1.0) and t[24] == pytest.approx(1.0) and t[47] == pytest.approx(2 / 48)


def test_loud_shots_travel_further_over_the_whole_song():
    curve = np.concatenate([np.full(24, 0.2), np.full(24, 0.8), np.full(24, 0.2)])
    analysis = song(3.0, Fraction(24), onset=curve)
    story = types.Story(tuple(types.Shot(float(k), k + 1.0, str(k)) for k in range(3)))
    t = onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode="onset, whole song")).t
    assert t[23] == pytest.approx(0.25 * 23 / 24, abs=0.03) and t[47] == pytest.approx(23 / 24, abs=0.03)


def test_a_pulse_pushes_ahead_and_falls_back_unless_monotone():
    hit = np.eye(1, 72, 20)[0]
    smooth = onset.onset_slerp_schedule(*one_shot(onset=hit * 0), onset.Pacing(mode="cosine + onset")).t
    free = onset.onset_slerp_schedule(
        *one_shot(onset=hit), onset.Pacing(mode="cosine + onset", pulse=0.3, monotone=False)
    ).t
    kept = onset.onset_slerp_schedule(*one_shot(onset=hit), onset.Pacing(mode="cosine + onset", pulse=0.3)).t
    assert free[20] == pytest.approx(smooth[20] + 0.3) and (np.diff(free[:48]) < 0).any()
    assert (np.diff(kept[:48]) >= 0).all() and kept[20] == free[20]


def test_a_shot_may_have_a_mode_of_its_own():
    analysis, story = one_shot()
    first = types.Shot(0.0, 2.0, "a", record={"pace": "cut"})
    own = types.Story((first, story.shots[1]))
    assert (onset.onset_slerp_schedule(analysis, own, onset.Pacing(mode="linear")).t == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "wobble"}, "mode must be one of onset; .*, got 'wobble'"),
        ({"pulse": 2.0}, "pulse must be from 0 to 1"),
    ],
)
def test_bad_modes(options, message):
    with pytest.raises(InputError, match=message):
        onset.onset_slerp_schedule(*one_shot(), onset.Pacing(**options))


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(24), Fraction(30000, 1001)])
def test_cuts_on_the_demo_songs_beats_land_within_half_a_frame_from_first_to_last(fps):
    from headless.demo.song import DURATION_S, true_downbeats

    analysis = song(DURATION_S, fps, bpm=112.0)
    starts = [0.0, *true_downbeats().tolist()]
    shots = [types.Shot(a, b, "x") for a, b in zip(starts, [*starts[1:], DURATION_S], strict=True)]
    schedule = onset.onset_slerp_schedule(analysis, types.Story(tuple(shots)), onset.Pacing(mode="cut"))
    seen = (np.flatnonzero(np.diff(schedule.shot_a)) + 1) / float(fps)
    assert len(seen) == 13 and np.abs(seen - true_downbeats()).max() <= 0.5 / float(fps) + 1e-6


def test_cuts_on_the_beats_that_are_heard_land_within_a_frame_of_the_true_ones():
    from headless.demo.song import make_demo_song, true_downbeats
    from songreel.nodes.song.audio.analysis import analyze
    from songreel.nodes.story.timed_prompts import parse_timeline

    waveform, rate = make_demo_song()
    analysis = analyze(waveform, rate, fps=24)
    text = "\n".join(f"downbeat {n} shot {n}" for n in range(len(analysis.downbeats)))
    story = parse_timeline(text, analysis)
    schedule = onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode="hold and hit"))
    seen = (np.flatnonzero(np.diff(schedule.shot_a)) + 1) / 24
    distances = np.array([np.abs(true_downbeats() - time).min() for time in seen])
    assert len(seen) >= 11 and distances.max() <= 1 / 24 and distances.mean() <= 0.5 / 24
    # The last frame before the beat moves most.
    first, second = story.first_frames(analysis.fps, analysis.n_frames)[1:3]
    assert np.diff(schedule.t[first:second]).argmax() == second - first - 2


def test_the_onset_mode_moves_when_the_demo_song_hits_and_linear_does_not():
    from headless.demo.song import make_demo_song
    from songreel.nodes.song.audio.analysis import analyze
    from songreel.nodes.story.timed_prompts import parse_timeline

    waveform, rate = make_demo_song()
    analysis = analyze(waveform, rate, fps=24)
    text = "\n".join(f"downbeat {n} shot {n}" for n in range(len(analysis.downbeats)))
    story = parse_timeline(text, analysis)
    found = {}
    for mode in ("onset", "linear"):
        schedule = onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode=mode))
        moved = np.abs(np.diff(schedule.shot_a + schedule.t))
        found[mode] = np.corrcoef(moved, analysis.curve("onset")[1:])[0, 1]
    assert found["onset"] > 0.85 and found["linear"] < 0.25
