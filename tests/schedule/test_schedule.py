"""The pacing rule on clicks, silence, noise, one click, a steady tone, and real songs."""

from fractions import Fraction

import numpy as np
import pytest

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.schedule.plan import onset, pace
from support.songs import real_songs, song

FPS = Fraction(24)


def curve(kind, n_frames):
    rng = np.random.default_rng(1)
    return {
        "silence": lambda: np.zeros(n_frames),
        "noise": lambda: rng.random(n_frames),
        "one click": lambda: np.eye(1, n_frames, n_frames // 3)[0],
        "steady tone": lambda: np.full(n_frames, 0.4),
        "clicks": lambda: (np.arange(n_frames) % 12 == 0).astype(float),
    }[kind]()


def three_shots(duration):
    cuts = [0.0, duration * 0.31, duration * 0.7, duration]
    return types.Story(tuple(types.Shot(a, b, f"shot {a}") for a, b in zip(cuts, cuts[1:], strict=False)))


def check_properties(analysis, story, schedule, floor=0.05):
    firsts = story.first_frames(analysis.fps, analysis.n_frames)
    assert schedule.n_frames == analysis.n_frames
    assert np.isfinite(schedule.t).all()
    assert schedule.t.min() >= 0
    assert schedule.t.max() < 1 if floor > 0 else schedule.t.max() <= 1
    assert list(schedule.t[firsts]) == [0.0] * len(firsts)
    for shot, (start, end) in enumerate(zip(firsts, [*firsts[1:], analysis.n_frames], strict=True)):
        assert (schedule.shot_a[start:end] == shot).all()
        assert (np.diff(schedule.t[start:end]) >= 0).all()
        if shot < len(firsts) - 1:
            assert (schedule.shot_b[start:end] == shot + 1).all()
    assert (schedule.t[firsts[-1] :] == 0).all() and (schedule.shot_b[firsts[-1] :] == len(firsts) - 1).all()


@pytest.mark.parametrize("kind", ["silence", "noise", "one click", "steady tone", "clicks"])
@pytest.mark.parametrize("floor", [0.0, 0.05, 1.0])
def test_endpoints_monotone_finite(kind, floor):
    analysis = song(10.0, FPS, onset=curve(kind, 240))
    story = three_shots(10.0)
    check_properties(analysis, story, onset.onset_slerp_schedule(analysis, story, onset.Pacing(floor=floor)), floor)


def test_a_segment_would_reach_one_on_the_next_keyframe():
    strength = np.random.default_rng(0).random(30)
    t = pace.segment_progress(strength, floor=0.05)
    travelled = np.cumsum(strength[1:] + 0.05)
    last_step = (strength[29] + 0.05) / travelled[-1]
    assert t[0] == 0.0
    assert t[-1] + last_step == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("kind", ["silence", "steady tone"])
@pytest.mark.parametrize("floor", [0.0, 0.05])
def test_linear_where_nothing_stands_out(kind, floor):
    strength = curve(kind, 241)
    assert pace.segment_progress(strength, floor=floor) == pytest.approx(np.arange(240) / 240, abs=1e-12)


def test_a_hit_is_seen_on_the_frame_where_it_is_heard():
    t = pace.segment_progress(np.eye(1, 25, 10)[0], floor=0.01)
    steps = np.diff(t)
    assert steps.argmax() + 1 == 10
    assert steps[9] == pytest.approx(1.01 / 1.24)


def test_fast_where_dense_slow_where_quiet():
    strength = np.concatenate([np.zeros(60), np.tile([1.0, 0, 0], 20), np.zeros(1)])
    t = pace.segment_progress(strength, floor=0.05)
    assert t[60] < 0.2 and t[119] > 0.95


def test_independent_of_what_lies_outside_the_segment():
    analysis = song(10.0, FPS, onset=curve("noise", 240))
    story = three_shots(10.0)
    changed = curve("noise", 240)
    middle = slice(story.first_frames(FPS, 240)[1], story.first_frames(FPS, 240)[2] + 1)
    changed[: middle.start] = 0
    changed[middle.stop :] = 0
    first = onset.onset_slerp_schedule(analysis, story)
    second = onset.onset_slerp_schedule(song(10.0, FPS, onset=changed), story)
    frames = slice(middle.start, middle.stop - 1)
    assert np.array_equal(first.t[frames], second.t[frames])


def test_every_beat_as_keyframe_shows_each_keyframe():
    analysis = song(10.0, Fraction(10))
    beats = [*analysis.beats, 10.0]
    story = types.Story(tuple(types.Shot(a, b, "x") for a, b in zip(beats, beats[1:], strict=False)))
    schedule = onset.onset_slerp_schedule(analysis, story)
    assert [int(f) for f in np.flatnonzero(np.diff(schedule.shot_a, prepend=-1))] == analysis.beat_frames()
    assert (schedule.t[analysis.beat_frames()] == 0).all()


@pytest.mark.parametrize("path", real_songs(), ids=lambda p: p.stem[:20])
def test_real_songs(path):
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.song.audio.analysis import analyze
    from songreel.nodes.story.timed_prompts import parse_timeline

    waveform, rate = read_audio(path)
    analysis = analyze(waveform, rate, fps=12)
    story = parse_timeline("a\nb\nc\nd", analysis, snap="beat")
    schedule = onset.onset_slerp_schedule(analysis, story)
    check_properties(analysis, story, schedule)
    # Music is not paced linearly: somewhere a frame moves at least twice as far as the average one.
    first, second = story.first_frames(analysis.fps, analysis.n_frames)[:2]
    steps = np.diff(schedule.t[first:second])
    assert steps.max() > 2 * steps.mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"curve": "bass"}, "no curve 'bass'; it has: onset, rms"),
        ({"floor": -1.0}, "floor must be from 0 to 10, got -1.0"),
        ({"gamma": 0.0}, "gamma must be from 0.1 to 8, got 0.0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        onset.onset_slerp_schedule(song(), three_shots(10.0), onset.Pacing(**options))


def test_story_of_another_song_is_refused():
    with pytest.raises(InputError, match=r"story lasts 9.000 s but the song 10.000 s"):
        onset.onset_slerp_schedule(song(), three_shots(9.0))
