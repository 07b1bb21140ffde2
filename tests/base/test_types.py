import json
from fractions import Fraction

import numpy as np
import pytest

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.guard import guarded_negative
from songreel.nodes.schedule.plan import onset as schedule_stage
from support.songs import song


def story():
    return types.Story(
        (
            types.Shot(
                0.0,
                4.0,
                "a harbour",
                negative=guarded_negative("text"),
                seed=7,
                lyric="la",
                emotion="serene",
                record={"light": "dawn"},
            ),
            types.Shot(4.0, 10.0, "a city", guarded_negative("")),
        )
    )


def schedule():
    return schedule_stage.onset_slerp_schedule(song(fps=Fraction(24000, 1001)), story())


@pytest.mark.parametrize("value", [song(fps=Fraction(24000, 1001)), story(), schedule()], ids=lambda v: v.io_type)
def test_json_round_trip_is_exact(value):
    data = value.to_json()
    assert data["type"] == value.io_type and data["version"] == 1
    again = type(value).of(value.to_text())
    assert again.to_json() == data
    assert type(value).of(json.loads(value.to_text())).to_json() == data
    assert type(value).of(value) is value


def test_song_json_carries_what_scripts_read():
    data = song().to_json()
    assert {"duration", "fps", "n_frames", "beats", "downbeats", "onsets", "tempo", "sections", "curves"} <= set(data)
    assert data["fps"] == "12" and data["n_frames"] == 120


def test_float32_curves_come_back_bit_for_bit():
    values = np.random.default_rng(0).random(120).astype(np.float32)
    again = types.SongAnalysis.of(song(onset=values).to_text())
    assert np.array_equal(again.curves["onset"], values) and again.curves["onset"].dtype == np.float32


def broken(value, **changes):
    data = value.to_json()
    for key, change in changes.items():
        data[key] = change
    return {key: item for key, item in data.items() if item is not ...}


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (types.SongAnalysis, "not json", "BEAT_ENVELOPE: the text is not JSON"),
        (types.SongAnalysis, 5, "BEAT_ENVELOPE: expected the output of a node of this type or its JSON, got int"),
        (types.Story, "[1]", "STORY: expected the output"),
        (types.Story, broken(story(), version=2), "version 2 is unknown; this pack reads version 1"),
        (types.Story, broken(story(), type="LYRICS"), "JSON of another type, 'LYRICS'"),
        (types.Story, broken(story(), shots=[]), "no shot"),
        (types.Story, broken(story(), shots="x"), "'shots' must be a list, got 'x'"),
        (types.Story, broken(story(), shots=[{"start": 0, "end": 1}]), "'prompt' is missing"),
        (
            types.Story,
            broken(story(), shots=[{"start": "0", "end": 1, "prompt": "x"}]),
            "'start' must be a finite number",
        ),
        (types.Story, broken(story(), shots=[{"start": 1, "end": 2, "prompt": "x"}]), "first shot must start at 0"),
        (types.Story, broken(story(), shots=[{"start": 0, "end": 0, "prompt": "x"}]), "not after its start"),
        (
            types.Story,
            broken(story(), shots=[{"start": 0, "end": 2, "prompt": "x"}, {"start": 1, "end": 3, "prompt": "y"}]),
            "shot 1 ends at 2 s but shot 2 starts at 1 s",
        ),
        (types.SongAnalysis, broken(song(), fps=0), "fps must be from 1 to 120, got 0"),
        (types.SongAnalysis, broken(song(), duration=-1), "'duration' must be more than 0"),
        (
            types.SongAnalysis,
            broken(song(), curves={"onset": [0.5]}),
            "'onset' must have 120 values, one per frame, got 1",
        ),
        (types.SongAnalysis, broken(song(), beats=[1, 0.5]), "'beats' must ascend"),
        (types.SongAnalysis, broken(song(), beats=["x"]), "'beats' must be a list of numbers"),
        (types.SongAnalysis, broken(song(), tempo=None), "'tempo' must be a finite number, got None"),
        (types.SongAnalysis, broken(song(), n_frames=7), "'n_frames' is 7 but 10 s at 12 fps are 120 frames"),
        (types.FrameSchedule, broken(schedule(), t=[0.0]), "'t' has 1 values"),
        (types.FrameSchedule, broken(schedule(), t=[2.0] * 240), "'t' must stay in 0..1"),
        (types.FrameSchedule, broken(schedule(), shot_a=[0.5] * 240), "'shot_a' must be a list of whole numbers"),
        (types.FrameSchedule, broken(schedule(), transition=["wipe"] * 240), "unknown transition or curve 'wipe'"),
    ],
)
def test_broken_json_gives_one_sentence(kind, data, message):
    with pytest.raises(InputError) as caught:
        kind.of(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_shot_shorter_than_a_frame_is_named():
    tight = types.Story((types.Shot(0.0, 1.0, "a"), types.Shot(1.0, 1.01, "b"), types.Shot(1.01, 10.0, "c")))
    with pytest.raises(InputError, match=r"shot 2 \(1 s\) is shorter than one frame at 12 fps"):
        tight.first_frames(Fraction(12), 120)
