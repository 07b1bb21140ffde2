"""Schedules as Deforum's, Parseq's and FizzNodes' text, and such text as a schedule."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.guard import guarded_negative
from songreel.nodes.schedule.exchange import keyframes, units, write
from songreel.nodes.schedule.exchange import schedule_from_text as text_stage
from songreel.nodes.schedule.modulate import modulate
from songreel.nodes.schedule.plan import onset
from support.songs import song

FPS = Fraction(24)


def film():
    """10 s at 24 fps, two shots, with every curve that Deforum has."""
    analysis = song(10.0, FPS)
    analysis.curves["rms"] = (0.5 + 0.5 * np.sin(np.arange(240) / 15)).astype(np.float32)
    story = types.Story(
        (types.Shot(0.0, 4.0, 'a "misty" harbour', negative="text"), types.Shot(4.0, 10.0, "a city, of glass"))
    )
    schedule = onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode="linear"))
    for target, low, high in (
        ("zoom", 1, 1.4), ("angle", -5, 20), ("dx", -0.1, 0.2), ("dy", 0, 0.1), ("denoise", 0.3, 0.6), ("cfg", 5, 9),
    ):  # fmt: skip
        schedule = modulate.modulate(
            schedule, analysis, modulate.Modulation(curve="rms", target=target, low=low, high=high)
        )
    return analysis, story, schedule


def read(text, analysis=None, *, story=None, schedule=None, **options):
    settings = text_stage.ReadSettings(**options)
    return text_stage.schedule_from_text(analysis or song(10.0, FPS), text, settings, story=story, schedule=schedule)


# Keyframe strings ----------------------------------------------------------------------------------


def test_a_keyframe_string_is_read_without_evaluating():
    problems = []
    found = keyframes.read_keyframes('0:(1.0), 12 : -.5 ,"24":("1e-2"),36:((3))', "zoom", problems)
    assert found == {0: 1.0, 12: -0.5, 24: 0.01, 36: 3.0} and problems == []


def test_what_is_no_number_is_named_with_its_place():
    problems = []
    text = "0:(1.0), 12:(1+0.1*sin(2*3.14*t/60)), oops, 24:(max(1, s)), 36:(1..5), 36:(2), 36:(3)"
    found = keyframes.read_keyframes(text, "zoom", problems)
    assert found == {0: 1.0, 36: 2.0}
    hint = "only numbers are read: bake the formula into a number for each keyframe"
    assert problems == [
        f"zoom, character 10: '1+0.1*sin(2*3.14*t/60)' at frame 12 is a formula of sin, t; {hint}",
        "zoom, character 39: 'oops' is not FRAME:(VALUE), such as 24:(1.2)",
        f"zoom, character 45: 'max(1, s)' at frame 24 is a formula of max, s; {hint}",
        f"zoom, character 61: '1..5' at frame 36 is no number; {hint}",
        "zoom, character 80: frame 36 has a value already",
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.integers(0, 300), st.floats(-50, 50).map(lambda value: round(value, 4)), min_size=1, max_size=8),
    st.sampled_from([Fraction(12), Fraction(24), Fraction(30000, 1001)]),
    st.sampled_from([Fraction(12), Fraction(24), Fraction(60)]),
)
def test_any_keyframes_are_read_back_and_interpolated_in_time(keys, fps, text_fps):
    text = ", ".join(f"{frame}:({value})" for frame, value in keys.items())
    problems = []
    assert keyframes.read_keyframes(text, "x", problems) == keys and not problems
    values = keyframes.per_frame_values(keys, 200, fps, text_fps)
    seconds = np.array(sorted(keys)) / float(text_fps)
    expected = np.interp(np.arange(200) / float(fps), seconds, [keys[frame] for frame in sorted(keys)])
    assert values == pytest.approx(expected, abs=1e-4)
    assert values.min() >= min(keys.values()) and values.max() <= max(keys.values())


def test_units():
    ours = np.array([1.2, 1.0])
    assert units.per_frame("zoom", ours, FPS, 512, 256)[0] ** 24 == pytest.approx(1.2)
    assert units.per_frame("angle", np.array([48.0]), FPS, 512, 256)[0] == 2.0
    assert units.per_frame("dx", np.array([0.3]), FPS, 512, 256)[0] == pytest.approx(6.4)
    assert units.per_frame("dy", np.array([0.3]), FPS, 512, 256)[0] == pytest.approx(3.2)
    assert units.per_frame("denoise", np.array([0.35]), FPS, 512, 256)[0] == pytest.approx(0.65)
    for name in units.DEFORUM:
        back = units.per_second(name, units.per_frame(name, ours / 2, FPS, 640, 360), FPS, 640, 360)
        assert back == pytest.approx(ours / 2)


# Out and in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["Deforum settings", "Parseq"])
def test_a_schedule_comes_back(form):
    analysis, story, schedule = film()
    text, left = write.write_schedule(
        schedule, story, write.WriteSettings(format=form, width=640, height=360, tolerance=0.001)
    )
    assert left == ""
    told, again, _ = read(text, analysis, width=640, height=360)
    assert [(shot.start, shot.prompt, shot.negative) for shot in told.shots] == [
        (shot.start, shot.prompt, guarded_negative(shot.negative)) for shot in story.shots
    ]
    assert again.t == pytest.approx(schedule.t)
    assert set(again.curves) == set(schedule.curves)
    for name, values in schedule.curves.items():
        assert np.abs(again.curves[name] - values).max() <= 0.004 * np.ptp(values), name
    # Keyframes, not every frame.
    zoom = json.loads(text)["zoom"].count(":") if form != "Parseq" else text.count('"zoom": ')
    assert 10 < zoom < 180


def test_what_deforum_gets():
    analysis, story, schedule = film()
    data = json.loads(write.write_schedule(schedule, story, write.WriteSettings(format="Deforum settings"))[0])
    assert data["prompts"] == {"0": 'a "misty" harbour --neg text', "96": "a city, of glass"}
    assert (data["fps"], data["max_frames"], data["W"], data["animation_mode"]) == (24.0, 240, 512, "2D")
    first = float(data["zoom"].split(",")[0].split("(")[1].rstrip(")"))
    assert first == pytest.approx(schedule.curves["zoom"][0] ** (1 / 24), abs=1e-4)
    assert {"angle", "translation_x", "translation_y", "strength_schedule", "cfg_scale_schedule"} <= set(data)


def test_what_parseq_gets():
    analysis, story, schedule = film()
    data = json.loads(write.write_schedule(schedule, story, write.WriteSettings(format="Parseq"))[0])
    frames = [row["frame"] for row in data["keyframes"]]
    assert frames == sorted(set(frames)) and frames[0] == 0 and frames[-1] == 239
    assert [row["frame"] for row in data["keyframes"] if row.get("info") == "shot"] == [0, 96]
    assert data["options"]["output_fps"] == 24.0 and set(data["managedFields"]) == set(units.PARSEQ.values())
    prompts = data["prompts"]["promptList"]
    assert [(entry["from"], entry["to"], entry["negative"]) for entry in prompts] == [(0, 95, "text"), (96, 239, "")]


def test_fizznodes_prompts_out_and_in():
    analysis, story, schedule = film()
    text, left = write.write_schedule(schedule, story, write.WriteSettings(format="FizzNodes prompts"))
    assert text == '"0": "a \\"misty\\" harbour --neg text",\n"96": "a city, of glass"\n'
    assert left == "This format does not carry: angle, cfg, denoise, dx, dy, zoom."
    told, again, report = read(text, analysis)
    guarded = tuple(replace(shot, negative=guarded_negative(shot.negative)) for shot in story.shots)
    assert told.shots == guarded and again.t == pytest.approx(schedule.t)
    assert report == "Read at 24 fps: 2 shots."


def test_keyframes_of_one_curve_keep_our_unit():
    analysis, story, schedule = film()
    text, _ = write.write_schedule(
        schedule, story, write.WriteSettings(format="keyframes of one curve", curve="zoom", tolerance=0.001)
    )
    told, again, _ = read(text, analysis, story=story, curve="zoom")
    assert told is story and np.abs(again.curves["zoom"] - schedule.curves["zoom"]).max() < 0.001
    made = read("0:(0), 48:(1)", analysis, story=story, schedule=schedule, curve="t")[1]
    assert made.t[[0, 24, 48, 200]].tolist() == pytest.approx([0, 0.5, 1, 1]) and "zoom" in made.curves


def test_what_a_format_cannot_carry_is_said():
    analysis, story, schedule = film()
    schedule = modulate.with_themes(
        modulate.set_curve(schedule, "steps", 0.5), analysis, modulate.ThemeSettings(themes="rms: fog", amount=0.5)
    )
    cut = types.FrameSchedule.of(schedule.to_json() | {"transition": ["cut"] * 240})
    assert write.write_schedule(cut, story, write.WriteSettings(format="Deforum settings"))[1] == (
        "This format does not carry: steps, theme rms, cuts and dissolves."
    )
    with pytest.raises(InputError, match="format must be one of"):
        write.write_schedule(schedule, story, write.WriteSettings(format="Disco"))
    with pytest.raises(InputError, match=r"names shot 1 but the story has 1 \(0 to 0\)"):
        write.write_schedule(schedule, types.Story((types.Shot(0.0, 10.0, "x"),)), write.WriteSettings(format="Parseq"))
    shorter = [*story.shots[:-1], types.Shot(story.shots[-1].start, 9.0, "x")]
    with pytest.raises(InputError, match="The story lasts 9.000 s but the schedule 10.000 s"):
        write.write_schedule(schedule, types.Story(tuple(shorter)), write.WriteSettings(format="Parseq"))


# In --------------------------------------------------------------------------------------------------


def test_deforum_settings_of_another_frame_rate_keep_their_time():
    text = json.dumps(
        {
            "W": 1024, "H": 512, "fps": 12, "max_frames": 120, "zoom": "0:(1.01)", "angle": 0.5,
            "translation_x": "0:(0), 60:(10)", "strength_schedule": "0: (0.65)", "noise_schedule": "0:(0.02)",
            "rotation_3d_x": "0:(0)", "sampler": "Euler a",
            "prompts": {"0": "a field", "36": "a lake --neg people"},
        }
    )  # fmt: skip
    told, made, report = read(text)
    assert [shot.start for shot in told.shots] == [0.0, 3.0] and told.shots[1].negative == guarded_negative("people")
    assert made.curves["zoom"][0] == pytest.approx(1.01**12) and made.curves["angle"][0] == 6.0
    assert made.curves["dx"][[0, 60, 120]] == pytest.approx([0, 5 * 12 / 1024, 10 * 12 / 1024])
    assert made.curves["denoise"][0] == pytest.approx(0.35) and "cfg" not in made.curves
    assert report == (
        "Read at 12 fps: 2 shots; zoom: 1 keyframes; angle: 1 keyframes; dx: 2 keyframes; denoise: 1 keyframes; left "
        "out, since a schedule has no place for it: noise_schedule, rotation_3d_x."
    )


def test_parseq_keyframes_and_rendered_frames():
    document = {
        "prompts": {"positive": "a sea of clouds", "negative": "birds"},
        "options": {"output_fps": 24, "bpm": 120},
        "managedFields": ["zoom", "scale", "prompt_weight_1"],
        "keyframes": [
            {"frame": 0, "zoom": 1.0, "zoom_i": "S", "scale": 7, "scale_i": "L", "angle": 99},
            {"frame": 24, "zoom": 1.02},
            {"frame": 48, "zoom": 1.0, "zoom_i": "L", "scale": 9, "info": "snare"},
            {"frame": 72, "zoom": 1.04},
        ],
    }
    told, made, report = read(json.dumps(document))
    assert [(shot.prompt, shot.negative) for shot in told.shots] == [("a sea of clouds", guarded_negative("birds"))]
    per_frame = units.per_frame("zoom", made.curves["zoom"], FPS, 512, 512)
    assert per_frame[[0, 23, 24, 47, 60, 100]] == pytest.approx([1, 1, 1.02, 1.02, 1.02, 1.04])
    assert made.curves["cfg"][[0, 24, 48, 239]].tolist() == pytest.approx([7, 8, 9, 9])
    # A field that Parseq does not manage has no say.
    assert "angle" not in made.curves and "prompt_weight_1" in report
    document["keyframes"][1]["zoom_i"] = "sin(p=2b)"
    with pytest.raises(
        InputError, match=r"zoom, keyframe 2: 'sin\(p=2b\)' at frame 24 is none of L and S; only numbers"
    ):
        read(json.dumps(document))
    frames = [
        {"frame": n, "zoom": 1 + 0.01 * np.sin(n / 9), "zoom_i": "sin(p=2b)", "strength": 0.6} for n in range(240)
    ]
    _, rendered, _ = read(json.dumps(document | {"rendered_frames": frames}))
    assert rendered.curves["zoom"] == pytest.approx([(1 + 0.01 * np.sin(n / 9)) ** 24 for n in range(240)])
    assert rendered.curves["denoise"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"0": "a", "24": "b" "48": "c"', 'line 1, character 21: expected "FRAME": "PROMPT" with a comma between two'),
        ('"0": "a",\n"24": "b `sin(t)`"', "prompt at frame 24: it has a formula in it; only numbers are read"),
        ('"0": "a", "0": "b"', "prompt at frame 0: this frame has a prompt already"),
        ('"0": "a", "24": " --neg x"', "prompt at frame 24: it is empty"),
        (
            '"0": "a", "240": "b"',
            "The prompt at frame 240 begins after the song's end at 10.00 s; at 24 fps the song has",
        ),
        ("{", "line 1, character 2: Expecting property name"),
        ("{}", "there is neither a prompt nor one of zoom, angle"),
        (
            '{"zoom": "0:(t)", "angle": [1], "prompts": {"x": "y"}}',
            "prompt at frame x: 'x' is no frame number; zoom, char",
        ),
        ('{"fps": 500, "zoom": "0:(1)"}', "fps must be from 1 to 120, got 500"),
        ('{"keyframes": 3}', "keyframes: it is no list of objects"),
        ('{"keyframes": [{"frame": "x", "zoom": 1}]}', "zoom, keyframe 1: 'frame' is no frame number"),
        ('{"keyframes": [{"frame": 0, "zoom": "1+1"}]}', "zoom, keyframe 1: '1[+]1' at frame 0 is no number"),
        ('{"keyframes": [], "prompts": [{"positive": 3}]}', "prompt 1: it has no text 'positive'"),
        ('{"zoom": "0:(1)"}', "The text has no prompts; connect a story as well"),
        ("", "zoom: it is empty; write keyframes such as"),
        ("a cat", "zoom, character 1: 'a cat' is not FRAME:"),
    ],
)
def test_bad_texts(text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_all_that_is_wrong_comes_in_one_report():
    text = json.dumps({"zoom": "0:(t), 12:(x)", "angle": "oops", "prompts": {"0": "`a`"}})
    with pytest.raises(InputError) as caught:
        read(text)
    assert all(part in str(caught.value) for part in ("frame 0", "frame 12", "angle, character 1", "formula in it"))


def test_values_out_of_range_and_schedules_that_do_not_fit():
    analysis, story, schedule = film()
    with pytest.raises(InputError, match=r"'denoise' must stay in 0..1"):
        read('{"strength_schedule": "0:(1.5)"}', story=story)
    with pytest.raises(InputError, match="The text has prompts, so a schedule of other shots does not fit"):
        read('"0": "a"', schedule=schedule)
    with pytest.raises(InputError, match="no curve 'speed'"):
        read("0:(1)", story=story, curve="speed")
    with pytest.raises(InputError, match="240 frames at 24 fps but the song 120 at 12"):
        read("0:(1)", song(10.0, Fraction(12)), story=story, schedule=schedule)
