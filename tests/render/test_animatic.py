"""The animatic: cards at the schedule's pace, cuts on their frames, the song beside them."""

from fractions import Fraction

import av
import numpy as np
import pytest

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import video
from songreel.nodes.base.media.codecs import CODECS
from songreel.nodes.render import animatic
from songreel.nodes.schedule.plan import onset
from support.songs import song

RATE = 8000


def made(mode="cut", lyric=""):
    analysis = song(4.0, Fraction(12))
    story = types.Story(
        (
            types.Shot(0.0, 1.5, "a misty harbour at dawn, fishing boats, soft golden light", lyric=lyric),
            types.Shot(1.5, 4.0, "a city of glass towers"),
        )
    )
    waveform = np.random.default_rng(0).standard_normal((1, 4 * RATE)).astype(np.float32) * 0.1
    return story, onset.onset_slerp_schedule(analysis, story, onset.Pacing(mode=mode)), waveform, RATE


def test_the_cut_lands_on_its_frame_and_the_song_is_there(tmp_path):
    path = animatic.animatic(tmp_path, *made(), animatic.AnimaticSettings(width=320, height=180))
    frames = np.stack(list(video.read_frames(path))).astype(int)
    assert frames.shape == (48, 180, 320, 3)
    steps = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert steps.argmax() + 1 == 18 and steps[17] > 10 * np.delete(steps, 17).max()
    with av.open(str(path)) as container:
        assert abs(float(container.streams.audio[0].duration * container.streams.audio[0].time_base) - 4) < 0.1
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_it_moves_at_the_schedules_pace(tmp_path):
    story, schedule, *sound = made("linear")
    frames = np.stack(list(video.read_frames(animatic.animatic(tmp_path, story, schedule, *sound)))).astype(float)
    cards = [animatic.shot_card(story, shot, 640, 360).astype(float) for shot in (0, 1)]
    inside = slice(0, -8)
    expected = cards[0] * 0.5 + cards[1] * 0.5
    assert np.abs(frames[9][inside] - expected[inside]).mean() < 4
    # The bar at the bottom shows t.
    assert frames[9][-3, :310].mean() > 240 and frames[9][-3, 330:].mean() < 200


def test_cards_differ_and_carry_the_lyric():
    plain, sung = (animatic.shot_card(made(lyric=text)[0], 0, 320, 180) for text in ("", "and the tide comes in"))
    assert plain.shape == (180, 320, 3) and plain.dtype == np.uint8
    assert not np.array_equal(plain[140:], sung[140:]) and np.array_equal(plain[:100], sung[:100])


def test_an_excerpt(tmp_path):
    path = animatic.animatic(tmp_path, *made(), animatic.AnimaticSettings(start=1.0, seconds=1.0))
    assert len(list(video.read_frames(path))) == 12


def test_what_does_not_fit(tmp_path):
    story, schedule, waveform, rate = made()
    with pytest.raises(InputError, match="width must be a multiple of 2 from 64 to 4096, got 63"):
        animatic.animatic(tmp_path, story, schedule, waveform, rate, animatic.AnimaticSettings(width=63))
    with pytest.raises(InputError, match=r"The song lasts 3.000 s, the story 4.000 s"):
        animatic.animatic(tmp_path, story, schedule, waveform[:, : 3 * RATE], rate)
    assert not list(tmp_path.iterdir())


def test_a_dissolve_goes_on_from_where_its_shot_got():
    from dataclasses import replace

    from songreel.nodes.render import recipe

    _, schedule, *_ = made("linear")
    t = schedule.t.copy()
    t[:12], t[12:18] = t[:12] * 0.5, (np.arange(6) + 1) / 7
    mixed = replace(schedule, t=t, transition=("slerp",) * 12 + ("dissolve",) * 6 + ("slerp",) * 30)
    fade = recipe.plain_fade(mixed)
    assert fade[:12].tolist() == t[:12].tolist() and (np.diff(fade[:18]) > 0).all()
    assert fade[12] == pytest.approx(t[11] + (1 - t[11]) / 7) and (fade[18:] == 0).all()


def test_cards_move_as_the_curves_say_and_start_anew_with_each_shot(tmp_path):
    from dataclasses import replace

    story, schedule, *sound = made("cut")
    n = schedule.n_frames
    moving = replace(schedule, curves={"dx": np.full(n, 0.5), "zoom": np.full(n, 1.0)})
    frames = np.stack(list(video.read_frames(animatic.animatic(tmp_path, story, moving, *sound)))).astype(float)
    card = animatic.shot_card(story, 0, 640, 360).astype(float)
    inside = slice(0, -8)
    assert np.abs(frames[0][inside] - card[inside]).mean() < 3
    # Half a width per second: 160 pixels to the right after 6 of 12 frames.
    assert np.abs(frames[6][inside, 160:] - card[inside, :-160]).mean() < 3 and frames[6][inside, :150].mean() < 3
    other = animatic.shot_card(story, 1, 640, 360).astype(float)
    assert np.abs(frames[18][inside] - other[inside]).mean() < 3
    from songreel.nodes.render.motion import warp

    turned = warp.CameraMove(1.3, 20.0, 11.0, -7.0).matrix()
    exact = warp.warp_by(card.astype(np.float32) / 255, turned, "black") * 255
    assert np.abs(animatic._moved(card.astype(np.uint8), turned) - exact)[20:-20, 20:-20].mean() < 3


@pytest.mark.parametrize("codec", list(CODECS))
def test_every_codec(tmp_path, codec):
    from songreel.nodes.base.media.codecs import CODECS

    path = animatic.animatic(
        tmp_path, *made(), animatic.AnimaticSettings(width=96, height=64, seconds=2.0, codec=codec)
    )
    assert path.suffix == CODECS[codec].suffix
    assert len(list(video.read_frames(path))) == 24
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
