"""Event plans: which transition, where it lands, what it does to t, as text and back, what moves."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.render import plan as plan_stage
from songreel.nodes.schedule.plan import event_text as text_stage
from songreel.nodes.schedule.plan import events as events_stage
from songreel.nodes.schedule.plan import settings as schedule_settings
from support.songs import films, song

Event = events_stage.Event

FPS = Fraction(24)


def film(starts=(0.0, 2.0, 4.1, 6.0, 8.05), duration=10.0):
    """Beats every half second; onsets of strength 1, .2, .6, .4 on the beats in turn, and a rise in loudness."""
    analysis = song(duration, FPS)
    onset = np.zeros(analysis.n_frames, np.float32)
    for number, frame in enumerate(analysis.beat_frames()):
        onset[frame] = (1.0, 0.2, 0.6, 0.4)[number % 4]
    analysis.curves["onset"] = onset
    analysis.curves["rms"] = np.linspace(0.2, 1, analysis.n_frames, dtype=np.float32)
    ends = [*starts[1:], duration]
    return analysis, types.Story(tuple(types.Shot(a, b, f"place {a:g}") for a, b in zip(starts, ends, strict=True)))


# Which transition ---------------------------------------------------------------------------------


def test_ranks_among_the_songs_onsets():
    analysis, _ = film()
    assert events_stage.onset_ranks(analysis, [0.0, 0.5, 1.0, 1.5]).tolist() == [0.875, 0.125, 0.625, 0.375]
    assert events_stage.onset_ranks(analysis, [0.25]).tolist() == [0.0]
    # 40 ms beside an onset is still on it.
    assert events_stage.onset_ranks(analysis, [2.04]).tolist() == [0.875]
    silent = replace(analysis, onsets=np.array([]), curves=analysis.curves | {"onset": np.zeros(240, np.float32)})
    assert events_stage.onset_ranks(silent, [1.0]).tolist() == [0.0]


def test_the_rank_decides():
    analysis, story = film(starts=(0.0, 2.0, 3.0, 4.5, 5.5))
    planned = events_stage.plan_events(analysis, story, events_stage.EventRules(dissolve_seconds=0.5))
    assert [(event.shot, event.kind, event.seconds) for event in planned] == [
        (1, "cut", 0.0),
        (2, "dissolve", 0.5),
        (3, "blend", 0.0),
        (4, "blend", 0.0),
    ]
    never = events_stage.plan_events(analysis, story, events_stage.EventRules(cut_above=1.01, dissolve_above=1.0))
    assert {event.kind for event in never} == {"blend"}
    with pytest.raises(InputError, match="dissolve_above must not be over cut_above"):
        events_stage.plan_events(analysis, story, events_stage.EventRules(cut_above=0.3))
    with pytest.raises(InputError, match="A dissolve takes more than 0 and at most 10 seconds, got 0"):
        events_stage.plan_events(analysis, story, events_stage.EventRules(dissolve_seconds=0))


# Where it lands ------------------------------------------------------------------------------------


def test_cuts_and_dissolves_move_to_the_beat_and_blends_stay():
    analysis, story = film()
    kinds = ("cut", "dissolve", "blend", "cut")
    events = [Event(shot, story.shots[shot].start, kind, 0.4) for shot, kind in enumerate(kinds, 1)]
    told = events_stage.on_the_beat(analysis, story, events)
    assert [shot.start for shot in told.shots] == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert told.shots[1].end == 4.0 and told.shots[2].prompt == "place 4.1"
    assert events_stage.on_the_beat(analysis, story, events, max_move=0.04) == story
    blends = [replace(event, kind="blend") for event in events]
    assert events_stage.on_the_beat(analysis, story, blends) == story


def test_no_move_leaves_a_shot_without_a_frame():
    analysis, story = film(starts=(0.0, 2.1, 2.2, 2.3))
    events = [Event(shot, story.shots[shot].start, "cut") for shot in (1, 2, 3)]
    told = events_stage.on_the_beat(analysis, story, events)
    assert [shot.start for shot in told.shots] == [0.0, 2.0, 2.2, 2.5]
    told.first_frames(analysis.fps, analysis.n_frames)


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(24), Fraction(30000, 1001)])
def test_on_the_demo_song_cuts_land_within_half_a_frame_of_the_true_beats(fps):
    from headless.demo.song import DURATION_S, true_downbeats

    bars = true_downbeats()
    analysis = song(DURATION_S, fps, beats=bars)
    # A story whose starts were cut by hand, up to 0.2 s beside the bars.
    off = np.random.default_rng(4).uniform(-0.2, 0.2, len(bars))
    starts = [0.0, *np.maximum(bars + off, 0.3).tolist()]
    shots = [types.Shot(a, b, "x") for a, b in zip(starts, [*starts[1:], DURATION_S], strict=True)]
    story = types.Story(tuple(shots))
    events = [Event(shot, story.shots[shot].start, "cut") for shot in range(1, len(shots))]
    told = events_stage.on_the_beat(analysis, story, events)
    schedule = events_stage.event_schedule(analysis, told, events)
    seen = (np.flatnonzero(np.diff(schedule.shot_a)) + 1) / float(fps)
    assert len(seen) == len(bars) and np.abs(seen - bars).max() <= 0.5 / float(fps) + 1e-6


# What it does to t ---------------------------------------------------------------------------------


def test_a_cut_travels_a_part_and_a_dissolve_fades_onto_the_next_picture():
    analysis, story = film(starts=(0.0, 2.0, 4.0, 6.0))
    events = [Event(1, 2.0, "cut"), Event(2, 4.0, "dissolve", 0.5), Event(3, 6.0, "blend")]
    plain = events_stage.event_schedule(analysis, story, [], events_stage.EventRules(mode="linear"))
    made = events_stage.event_schedule(analysis, story, events, events_stage.EventRules(travel=0.4, mode="linear"))
    assert made.t[:48] == pytest.approx(0.4 * plain.t[:48]) and set(made.transition[:48]) == {"cut"}
    assert made.t[48:84] == pytest.approx(0.4 * plain.t[48:84]) and set(made.transition[48:84]) == {"slerp"}
    u = np.arange(1, 13) / 13
    assert made.t[84:96] == pytest.approx(u * u * (3 - 2 * u)) and set(made.transition[84:96]) == {"dissolve"}
    assert made.t[96:] == pytest.approx(plain.t[96:]) and set(made.transition[96:]) == {"slerp"}
    held = events_stage.event_schedule(analysis, story, events, events_stage.EventRules(travel=0.0))
    assert (held.t[:48] == 0).all()


def test_a_dissolve_takes_at_most_half_of_its_shot():
    analysis, story = film(starts=(0.0, 2.0, 2.0 + 1 / 24))
    made = events_stage.event_schedule(analysis, story, [Event(1, 2.0, "dissolve", 9.0), Event(2, 2.1, "dissolve", 1)])
    assert made.transition[:24] == ("slerp",) * 24 and made.transition[24:48] == ("dissolve",) * 24
    # A shot of one frame shows its own picture and is gone.
    assert made.transition[48] == "cut" and made.t[48] == 0


@st.composite
def plans(draw):
    """A random film with a random kind of transition into each shot."""
    analysis, story = draw(films())
    kinds = [draw(st.sampled_from(events_stage.KINDS)) for _ in story.shots[1:]]
    lengths = [draw(st.floats(0.01, 3)) for _ in kinds]
    events = [
        Event(shot, story.shots[shot].start, kind, length)
        for shot, (kind, length) in enumerate(zip(kinds, lengths, strict=True), 1)
    ]
    return analysis, story, events


@settings(max_examples=80, deadline=None)
@given(plans(), st.sampled_from(schedule_settings.MODES), st.sampled_from([0.0, 0.3, 1.0]), st.booleans())
def test_every_plan_over_random_films(film, mode, travel, move):
    analysis, story, events = film
    told = events_stage.on_the_beat(analysis, story, events) if move else story
    made = events_stage.event_schedule(analysis, told, events, events_stage.EventRules(travel=travel, mode=mode))
    firsts = told.first_frames(analysis.fps, analysis.n_frames)
    assert np.isfinite(made.t).all() and made.t.min() >= 0 and made.t.max() <= 1
    for shot, (start, end) in enumerate(zip(firsts, [*firsts[1:], analysis.n_frames], strict=True)):
        # Every keyframe is shown at its time, whatever leads to it; every frame has its two shots.
        assert made.t[start] == 0 and made.transition[start] != "dissolve"
        assert (made.shot_a[start:end] == shot).all()
        assert (made.shot_b[start:end] == min(shot + 1, len(firsts) - 1)).all()
        fading = np.array(made.transition[start:end]) == "dissolve"
        if mode in schedule_settings.MONOTONE:
            assert (np.diff(made.t[start:end][~fading]) >= 0).all()
        assert (np.diff(made.t[start:end][fading]) > 0).all()
        if fading.any():
            assert fading[np.argmax(fading) :].all()  # it lasts up to the next shot
    if move:
        for event in events:
            start = told.shots[event.shot].start
            moved = start != story.shots[event.shot].start
            assert abs(start - story.shots[event.shot].start) <= 0.25 + 1e-9
            assert not moved or (event.kind != "blend" and start in analysis.beats)
            seen = firsts[event.shot] / float(analysis.fps)
            assert abs(seen - start) <= 0.5 / float(analysis.fps) + 1e-6
    assert types.FrameSchedule.of(made.to_text()).to_json() == made.to_json()
    again = text_stage.read_events(text_stage.write_events(events, story), analysis, story, events)
    assert [(event.shot, event.kind) for event in again] == [(event.shot, event.kind) for event in events]


@settings(max_examples=40, deadline=None)
@given(plans(), st.sampled_from(schedule_settings.MODES), st.booleans())
def test_every_planned_frame_has_a_picture_of_its_own_recipe(film, mode, changing):
    analysis, story, events = film
    motion = events_stage.MotionAmounts(walk=0.5, carry=0.3, intensity_steps=True) if changing else None
    made = events_stage.event_schedule(analysis, story, events, events_stage.EventRules(mode=mode), motion=motion)
    plan = plan_stage.make_plan(
        story, made, plan_stage.RenderSettings(64, 64, 8, 7.0, "euler", "normal", 0, quality="exact")
    )
    frame = 0
    for part in plan.segments:
        assert part.first_frame == frame
        assert (np.diff(part.t) > 0).all() and part.t[0] >= 0 and part.t[-1] <= 1 + 1e-12
        for number in part.picture.tolist():
            if part.recipes is None:
                assert part.t[number] == made.t[frame] or part.shot_a == part.shot_b
            else:
                t = 0.0 if part.shot_a == part.shot_b else made.t[frame]
                assert part.recipes.rows[number][0] == t
                assert part.recipes.rows[number][4] == made.curve("noise_walk")[frame]
            frame += 1
    assert frame == made.n_frames


# As text -------------------------------------------------------------------------------------------


def test_text_out_and_in():
    analysis, story = film()
    planned = events_stage.plan_events(analysis, story)
    text = text_stage.write_events(planned, story)
    assert text.splitlines()[0] == "0:02.000 cut  # rank 0.88: place 2"
    edited = text_stage.read_events("0:06 cut # hard\n\n4.1 dissolve 0.8\n8.05s blend", analysis, story, planned)
    assert [(event.kind, event.seconds) for event in edited] == [
        (planned[0].kind, 0.0),
        ("dissolve", 0.8),
        ("cut", 0.0),
        ("blend", 0.0),
    ]
    same = text_stage.read_events('[{"time": "0:04.1", "transition": "dissolve"}]', analysis, story, planned)
    assert (same[1].kind, same[1].seconds) == ("dissolve", 0.4)
    # The beat that a start moved to names it as well.
    moved = text_stage.read_events("0:04.000 cut\n0:08.000 cut", analysis, story, planned)
    assert (moved[1].kind, moved[3].kind) == ("cut", "cut")


def test_what_is_wrong_in_the_text_comes_in_one_report():
    analysis, story = film()
    planned = events_stage.plan_events(analysis, story)
    with pytest.raises(InputError) as caught:
        text_stage.read_events("0:02 wipe\ncut\n3.0 cut\nx cut\n0:06 dissolve 20", analysis, story, planned)
    assert str(caught.value) == (
        "The events cannot be read: line 1: 'wipe' is none of cut, dissolve, blend; line 2: 'cut' is not 'TIME KIND' "
        "or 'TIME dissolve SECONDS'; line 3: no shot begins at 0:03.000; the nearest is 0:02.000; line 4: it does not "
        "begin with a time such as 0:08.000 or 8.0; line 5: a dissolve takes more than 0 and at most 10 seconds."
    )
    for text, message in (
        ("[{", "The events are no JSON"),
        ("[3]", 'entry 1: it is no object with "time" and "transition"'),
        ('[{"time": 2, "transition": "cut", "seconds": "x"}]', 'entry 1: "seconds" is no number'),
    ):
        with pytest.raises(InputError, match=message):
            text_stage.read_events(text, analysis, story, planned)


# What moves ----------------------------------------------------------------------------------------


def test_energy_moves_and_a_rise_zooms_in():
    analysis, story = film(starts=(0.0, 2.0, 4.0, 6.0, 8.0))
    analysis.curves["rms"] = np.concatenate([np.full(120, 0.2), np.linspace(0.2, 1, 48), np.full(72, 1.0)]).astype("f4")
    curves = events_stage.motion_curves(analysis, story, events_stage.MotionAmounts(zoom=0.2, drift=0.1, walk=2.0))
    assert set(curves) == {"zoom", "dx", "dy", "noise_walk"}
    # It rises from 5 to 7 s, and the second after.
    assert curves["zoom"].max() == pytest.approx(1.2) and 120 < curves["zoom"].argmax() < 192
    assert curves["zoom"][60:118] == pytest.approx(1, abs=0.01) and curves["zoom"][-1] == pytest.approx(1, abs=0.03)
    assert (curves["dx"][:48] >= 0).all() and (curves["dx"][100:140] <= 0).all() and (curves["dx"][50:90] == 0).all()
    assert np.abs(curves["dy"][190:]).max() == pytest.approx(0.1, rel=0.05)
    speed = np.diff(curves["noise_walk"]) * 24
    assert speed[-1] == pytest.approx(2.0, rel=0.05) and speed[100] == pytest.approx(0.4, rel=0.05)
    assert events_stage.motion_curves(analysis, story, events_stage.MotionAmounts()) == {}
    with pytest.raises(InputError, match="zoom must be from 0 to 5, got -1"):
        events_stage.motion_curves(analysis, story, events_stage.MotionAmounts(zoom=-1))


def test_music2videos_rules():
    analysis, story = film(starts=(0.0, 2.0, 4.0, 8.0))
    analysis.curves["rms"] = np.repeat([0.0, 0.25, 1.0, 0.5], [48, 48, 96, 48]).astype("f4")
    motion = events_stage.MotionAmounts(carry=0.6, intensity_steps=True)
    curves = events_stage.motion_curves(analysis, story, motion)
    # (10 + 110 x intensity) / 120, but no less than a tenth.
    assert curves["steps"][[0, 48, 96, 192]] == pytest.approx([0.1, 37.5 / 120, 1.0, 65 / 120])
    assert (curves["carry"][:48] == 0).all() and curves["carry"][[48, 60, 72, 90]].tolist() == [0.6, 0.3, 0.0, 0.0]
    silent = replace(analysis, curves=analysis.curves | {"rms": np.zeros(240, np.float32)})
    assert (events_stage.motion_curves(silent, story, motion)["steps"] == 1).all()
    assert (events_stage.energy(silent) == 0).all()


def test_the_plot_shows_transitions_and_a_lane_for_each_curve():
    from songreel.nodes.schedule.plan import plot as plot_stage

    analysis, story = film()
    events = [Event(1, 2.0, "cut"), Event(2, 4.1, "dissolve", 0.5)]
    bare = plot_stage.plot_schedule(analysis, story, events_stage.event_schedule(analysis, story, []))
    made = events_stage.event_schedule(analysis, story, events, motion=events_stage.MotionAmounts(zoom=0.2, walk=1.0))
    shown = plot_stage.plot_schedule(analysis, story, made, mode="onset")
    assert bare.shape == (480, 1280, 3) and shown.shape == (480 + 2 * plot_stage.LANE_PIXELS, 1280, 3)

    def near(picture, colour):
        rgb = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)])
        return np.abs(picture.astype(int) - rgb).max(axis=2) < 12

    # The cut's thick line stands at 2 of 10 s; a plain start has a fainter one.
    x = int((0.05 + 0.93 * 0.2) * 1280)
    assert near(shown, plot_stage.CUT)[150:400, x - 2 : x + 3].any(axis=1).mean() > 0.9
    assert near(bare, plot_stage.CUT)[150:400, x - 2 : x + 3].any(axis=1).mean() < 0.1
