"""Songs made by rule: what they promise of themselves."""

import shutil

import numpy as np
import pytest

from headless.ear_training import mastering, plain, short_songs, soundfont
from headless.ear_training.negatives import make_negative
from headless.ear_training.songs import LENGTH_S, make_song
from headless.ear_training.styles import DRUMS, FAMILIES, STYLES
from support.paths import ROOT

RATE = 22_050


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_song_of_each_style(style):
    song = make_song(np.random.default_rng(3), style.name)
    again = make_song(np.random.default_rng(3), style.name)
    assert song.notes == again.notes and np.array_equal(song.beats, again.beats)
    assert song.meter == style.meter and set(song.numbers) == set(range(1, style.meter + 1))
    assert (np.diff(song.numbers) % style.meter == 1 % style.meter).all()
    assert song.beats[0] >= 0 and song.beats[-1] < LENGTH_S and (np.diff(song.beats) > 0.15).all()
    low, high = style.tempo
    assert low * 0.6 < 60 / np.median(np.diff(song.beats)) < high * 1.5
    assert len(song.notes) > 20
    assert all(0 <= note.on < note.off and 0 < note.velocity < 128 for note in song.notes)


def test_styles_name_what_there_is():
    for style in STYLES:
        for pattern in style.drums:
            assert all(word[0] in DRUMS and len(word) == 1 + style.steps * style.meter for word in pattern.split())
            assert set("".join(word[1:] for word in pattern.split())) <= set("xo-.")
        assert {*style.chords_by, *style.bass_by, *style.lead_by} <= set(FAMILIES)
    assert len({style.name for style in STYLES}) == len(STYLES) >= 30
    assert {style.meter for style in STYLES} >= {2, 3, 4, 5, 7}


@pytest.mark.parametrize("seed", range(6))
def test_plain_clips_click_on_their_beats(seed):
    sound, beats, numbers, meter = plain.make_plain(np.random.default_rng(seed), RATE)
    assert len(sound) == LENGTH_S * RATE and len(beats) == len(numbers) > 10
    assert set(numbers) <= {2} | set(range(1, meter + 1))
    before = sum(np.abs(sound[int((t - 0.012) * RATE) : int((t - 0.002) * RATE)]).mean() for t in beats[1:])
    after = sum(np.abs(sound[int(t * RATE) : int((t + 0.01) * RATE)]).mean() for t in beats[1:])
    assert after > 1.5 * before


def test_the_short_songs_are_those_in_the_tests(tmp_path):
    short_songs.write(tmp_path)
    for wanted in short_songs.SONGS:
        made, kept = (folder / f"{wanted.name}.beats" for folder in (tmp_path, ROOT / "tests" / "songs"))
        assert made.read_text() == kept.read_text()
        beats = np.loadtxt(kept)[:, 0]
        assert 60 / np.diff(beats) == pytest.approx(wanted.bpm, rel=0.01)
        assert kept.with_suffix(".flac").stat().st_size <= 256_000


@pytest.mark.parametrize("kind", ["noise", "drone", "silence", "rain", "free"])
def test_clips_without_a_beat_are_the_same_every_time(kind):
    made = [make_negative(np.random.default_rng(4), RATE, kind) for _ in range(2)]
    (one, name), (other, _) = made
    assert name == kind and one.shape == (LENGTH_S * RATE,) and one.dtype == np.float32
    assert np.array_equal(one, other) and np.isfinite(one).all() and np.abs(one).max() > 0


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here")
@pytest.mark.parametrize("kind", ["speech", "room"])
def test_speech_pauses(kind):
    sound, _ = make_negative(np.random.default_rng(7), RATE, kind)
    level = np.sqrt(np.square(sound[: len(sound) // 2205 * 2205]).reshape(-1, 2205).mean(axis=1))
    assert level.max() > 2 * np.median(level) > 0


@pytest.mark.parametrize("loud", [False, True])
def test_mastering_keeps_the_beats_where_they_are(loud):
    sound, beats, *_ = plain.make_plain(np.random.default_rng(2), RATE)
    mastered = mastering.master(np.random.default_rng(2), sound, RATE, loud=loud)
    assert mastered.shape == sound.shape and mastered.dtype == np.float32
    before, after = (
        sum(np.abs(mastered[int((t + at) * RATE) : int((t + at + 0.01) * RATE)]).mean() for t in beats[1:])
        for at in (-0.012, 0.0)
    )
    assert after > 1.2 * before


@pytest.mark.slow
@pytest.mark.skipif(bool(soundfont.missing()), reason="fluidsynth or its soundfonts are not here")
def test_a_soundfont_plays_chords_and_the_rest_apart():
    pytest.importorskip("mido")
    songs = [(make_song(np.random.default_rng(seed), "rock"), drums) for seed, drums in ((1, True), (2, False))]
    played = soundfont.play(songs, soundfont.SOUNDFONTS[0], RATE)
    assert [stems.shape for stems in played] == [(2, int(LENGTH_S * RATE))] * 2
    assert all(np.abs(stems).max(axis=1).min() > 1e-3 for stems in played)
