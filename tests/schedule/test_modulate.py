"""Curves and themes of a schedule: ranges, JSON, what drives them."""

import json
from fractions import Fraction

import numpy as np
import pytest

from songreel.nodes.base import modulation, types
from songreel.nodes.base.errors import InputError
from songreel.nodes.schedule.modulate import modulate as stage
from songreel.nodes.schedule.plan import onset
from support.songs import song

FPS = Fraction(12)


def film(**changes):
    ramp = np.linspace(0, 1, 120, dtype=np.float32)
    analysis = song(10.0, FPS)
    analysis.curves["rms"] = ramp
    story = types.Story((types.Shot(0.0, 4.0, "a harbour"), types.Shot(4.0, 10.0, "a city")))
    return analysis, onset.onset_slerp_schedule(analysis, story)


def test_every_curve_has_a_range_with_its_neutral_value_inside():
    assert list(types.FrameSchedule.CURVES) == [
        "cfg", "denoise", "steps", "lora_strength", "noise_walk", "carry", "zoom", "angle", "dx", "dy",
    ]  # fmt: skip
    for limits in modulation.CURVES.values():
        assert limits.low < limits.high and limits.unit
        assert limits.neutral is None or limits.low <= limits.neutral <= limits.high


def test_curves_and_themes_come_back_from_json_exactly():
    analysis, schedule = film()
    for target, low, high in (("cfg", 3, 9.7), ("zoom", 1, 1.3), ("dx", -0.1, 0.1), ("noise_walk", 0, 2)):
        schedule = stage.modulate(schedule, analysis, stage.Modulation(curve="rms", target=target, low=low, high=high))
    schedule = stage.with_themes(schedule, analysis, stage.ThemeSettings(themes="rms: fog\nonset: sparks", amount=0.3))
    again = types.FrameSchedule.of(schedule.to_text())
    assert again.to_json() == schedule.to_json()
    assert set(again.curves) == {"cfg", "zoom", "dx", "noise_walk"} and set(again.themes) == {"rms", "onset"}
    for name, values in schedule.curves.items():
        assert np.array_equal(again.curves[name], values)
    assert np.array_equal(again.themes["rms"].weights, schedule.themes["rms"].weights)


def test_a_schedule_without_themes_writes_the_json_that_older_versions_read():
    _, schedule = film()
    data = schedule.to_json()
    assert set(data) == {
        "type", "version", "fps", "duration", "n_frames", "shot_a", "shot_b", "t", "transition", "curves",
    }  # fmt: skip
    del data["curves"]
    assert types.FrameSchedule.of(json.dumps(data)).curves == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"curves": {"cfg": [101.0] * 120}}, r"'cfg' must stay in 0..100 .*reaches 101..101"),
        ({"curves": {"denoise": [-0.1] * 120}}, r"'denoise' must stay in 0..1"),
        ({"curves": {"zoom": [0.0] * 120}}, r"'zoom' must stay in 0.01..100 \(factor by which the picture grows per"),
        ({"curves": {"wobble": [0.0] * 120}}, "unknown transition or curve 'wobble'"),
        ({"curves": {"cfg": [1.0]}}, "'cfg' must have 120 values, one per frame, got 1"),
        ({"themes": {"C": {"prompt": "fog", "weights": [0.5]}}}, "theme 'C' must have 120 values"),
        ({"themes": {"C": {"prompt": "fog", "weights": [2.0] * 120}}}, "theme 'C' must stay in 0..1"),
        ({"themes": {"C": {"prompt": " ", "weights": [0.0] * 120}}}, "theme 'C' has no prompt"),
        ({"themes": {"C": {"weights": [0.0] * 120}}}, "'prompt' is missing"),
        ({"themes": []}, "themes: expected a JSON object"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(changes, message):
    with pytest.raises(InputError, match=message):
        types.FrameSchedule.of(film()[1].to_json() | changes)


def test_a_curve_of_the_song_drives_a_setting():
    analysis, schedule = film()
    made = stage.modulate(schedule, analysis, stage.Modulation(curve="rms", target="cfg", low=4, high=8))
    assert made.curves["cfg"][[0, -1]].tolist() == [4.0, 8.0] and "cfg" not in schedule.curves
    assert made.curves["cfg"][60] == pytest.approx(4 + 4 * 60 / 119, abs=1e-6)
    held = stage.modulate(
        schedule, analysis, stage.Modulation(curve="rms", target="cfg", low=0, high=100, hold="hold at beats")
    )
    assert set(np.flatnonzero(np.diff(held.curves["cfg"])) + 1) <= set(analysis.beat_frames())


def test_combining_with_what_is_there():
    analysis, schedule = film()
    once = stage.set_curve(schedule, "zoom", 2.0)
    added = stage.modulate(once, analysis, stage.Modulation(curve="rms", target="zoom", low=0, high=1, combine="add"))
    assert added.curves["zoom"][[0, -1]].tolist() == [2.0, 3.0]
    # An absent curve is neutral: 1 for zoom.
    times = stage.modulate(
        schedule, analysis, stage.Modulation(curve="rms", target="zoom", low=0.5, high=2, combine="multiply")
    )
    assert times.curves["zoom"][[0, -1]].tolist() == [0.5, 2.0]
    with pytest.raises(InputError, match="no curve 'cfg', whose value then is the renderer's"):
        stage.modulate(schedule, analysis, stage.Modulation(curve="rms", target="cfg", low=1, high=2, combine="add"))


def test_noise_drift_is_the_sum_of_its_speed_and_starts_at_zero():
    analysis, schedule = film()
    values = stage.modulate(
        schedule, analysis, stage.Modulation(curve="rms", target="noise_walk", low=0, high=2)
    ).curves["noise_walk"]
    assert values[0] == 0 and (np.diff(values) >= 0).all()
    assert values[-1] == pytest.approx(2 * np.linspace(0, 1, 120)[1:].sum() / 12, rel=1e-5)
    with pytest.raises(InputError, match="drifts at 0 radians per second or more, got -1"):
        stage.modulate(schedule, analysis, stage.Modulation(curve="rms", target="noise_walk", low=-1, high=0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "speed"}, "target must be one of cfg, .*got 'speed'"),
        ({"curve": "loudness"}, "no curve 'loudness'"),
        ({"target": "denoise", "high": 1.5}, "'denoise' must stay in 0..1 .*reaches 0..1.5"),
        ({"combine": "mean"}, "combine must be one of replace, add, multiply, got 'mean'"),
    ],
)
def test_bad_modulation(options, message):
    analysis, schedule = film()
    values = {"curve": "rms", "target": "cfg", "low": 0, "high": 1} | options
    with pytest.raises(InputError, match=message):
        stage.modulate(schedule, analysis, stage.Modulation(**values))


def test_a_schedule_of_another_song_is_refused():
    _, schedule = film()
    with pytest.raises(InputError, match="120 frames at 12 fps but the song 240 at 24"):
        stage.modulate(schedule, song(10.0, Fraction(24)), stage.Modulation(curve="rms", target="cfg", low=0, high=1))


def test_lists_in_and_out():
    _, schedule = film()
    values = np.linspace(0, 1, 120)
    made = stage.set_curve(schedule, "t", values.tolist())
    assert stage.read_curve(made, "t").tolist() == values.tolist()
    assert stage.read_curve(schedule, "angle").tolist() == [0.0] * 120
    assert (stage.set_curve(schedule, "angle", 3).curves["angle"] == 3).all()
    for name, wrong, message in (
        ("t", [0.5] * 7, "'t' must have 120 values, one per frame, got 7"),
        ("t", [2.0] * 120, "'t' must stay in 0..1"),
        ("cfg", ["x"], "must be numbers"),
        ("cfg", [float("nan")] * 120, "'cfg' must stay in 0..100"),
        ("speed", 1.0, "no curve 'speed'"),
    ):
        with pytest.raises(InputError, match=message):
            stage.set_curve(schedule, name, wrong)


def test_themes_follow_the_note_that_leads():
    from dataclasses import replace

    analysis, schedule = film()
    chroma = np.zeros((12, 120), np.float32)
    chroma[0, :60], chroma[7, 60:] = 0.2, 0.9  # C softly, then G loudly
    analysis = replace(analysis, chroma=chroma)
    made = stage.with_themes(
        schedule, analysis, stage.ThemeSettings(themes="C: warm light\n\nG: blue haze", amount=0.4)
    )
    c, g = (made.themes[name].weights for name in "CG")
    assert c[59] == pytest.approx(0.4, abs=1e-3) and g[119] == pytest.approx(0.4, abs=1e-3)
    assert g[:60].max() == 0 and c[119] < 0.01
    assert 0.4 * (1 - np.exp(-1)) == pytest.approx(g[62], abs=0.02)  # a quarter of a second later
    assert (c + g).max() <= 0.4 + 1e-9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("warm light", "line 1: 'warm light' is not 'curve: prompt'"),
        ("rms: fog\nloud: x", "line 2: the song has no curve or pitch class 'loud'"),
        ("rms: fog\nrms: x", "line 2: 'rms' has a prompt already"),
        ("rms: nude", "."),
    ],
)
def test_bad_themes(text, message):
    analysis, schedule = film()
    with pytest.raises(InputError, match=message):
        stage.with_themes(schedule, analysis, stage.ThemeSettings(themes=text, amount=0.5))
