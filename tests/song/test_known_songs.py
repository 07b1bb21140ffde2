"""What is heard in the songs of tests/songs, whose beats, bars and tempi are known exactly: no clone skips it."""

import mir_eval
import numpy as np
import pytest

from songreel.nodes.base.media.audio import read_audio
from songreel.nodes.song.audio.analysis import analyze
from support.paths import SONGS
from support.songs import annotated

# name -> beats a bar, BPM
KNOWN = {"drum_and_bass_174": (4, 174.0), "rock_128": (4, 128.0), "waltz_96": (3, 96.0)}
# What the tracker hears wrong: half the tempo, and bars that begin on another beat. The mark goes with the fault:
# a test that passes in spite of its mark fails.
HEARD_WRONG = {
    ("drum_and_bass_174", "beats"),
    ("drum_and_bass_174", "downbeats"),
    ("drum_and_bass_174", "tempo"),
    ("rock_128", "downbeats"),
}


def test_every_song_is_here_and_as_its_name_says():
    assert sorted(path.stem for path in SONGS.glob("*.flac")) == sorted(KNOWN)
    for name, (meter, bpm) in KNOWN.items():
        beats = annotated(SONGS / f"{name}.flac")
        assert beats[:, 1].max() == meter and np.allclose(np.diff(beats[:, 0]), 60 / bpm, atol=0.002)


@pytest.fixture(scope="module", params=sorted(KNOWN))
def heard(request):
    path = SONGS / f"{request.param}.flac"
    return request.param, annotated(path), analyze(*read_audio(path), fps=24)


@pytest.fixture(autouse=True)
def marked(request):
    """Expect the misses of HEARD_WRONG."""
    what = request.function.__name__.removeprefix("test_the_")
    song = request.node.callspec.params.get("heard") if hasattr(request.node, "callspec") else None
    if (song, what) in HEARD_WRONG:
        request.applymarker(pytest.mark.xfail(reason="heard at half the tempo, or with other bars"))


def test_the_beats(heard):
    _, known, song = heard
    print(
        mir_eval.beat.f_measure(known[:, 0], song.beats),
        mir_eval.beat.f_measure(known[known[:, 1] == 1, 0], song.downbeats),
        song.tempo,
    )
    assert mir_eval.beat.f_measure(known[:, 0], song.beats) >= 0.95


def test_they_are_not_late(heard):
    _, known, song = heard
    late = song.beats[:, None] - known[None, :, 0]
    assert abs(late[np.abs(late) < 0.07].mean()) < 0.01


def test_the_downbeats(heard):
    _, known, song = heard
    assert mir_eval.beat.f_measure(known[known[:, 1] == 1, 0], song.downbeats) >= 0.9


def test_the_tempo(heard):
    name, _, song = heard
    assert song.tempo == pytest.approx(KNOWN[name][1], rel=0.02)
