"""The demo song: its sound, its parts, and that our analysis hears its known beats."""

import wave

import numpy as np
import pytest

from headless.demo import song as demo_song
from songreel.nodes.song.audio import analysis


@pytest.fixture(scope="module")
def song():
    return demo_song.make_demo_song()


def level(song, part):
    """RMS in dB of a part."""
    samples, rate = song
    start, end = demo_song.section_seconds(part)
    return 10 * np.log10(np.mean(samples[:, int(start * rate) : int(end * rate)] ** 2))


def test_format(song):
    samples, rate = song
    assert samples.dtype == np.float32 and samples.shape == (2, round(27.9 * 44_100)) and rate == 44_100
    assert np.isfinite(samples).all() and np.abs(samples).max() == pytest.approx(0.89, abs=1e-3)
    assert np.abs(samples.mean(axis=1)).max() < 2e-3
    assert np.abs(samples[:, :100]).max() < 1e-3 and np.abs(samples[:, -100:]).max() < 1e-3
    assert 0.2 < np.corrcoef(samples)[0, 1] < 0.98


def test_the_same_every_time(song):
    assert np.array_equal(song[0], demo_song.make_demo_song()[0])


def test_parts_differ_in_energy(song):
    groove, bridge, build_up, drop = (
        level(song, part) for part in (demo_song.GROOVE, demo_song.BRIDGE, demo_song.BUILD_UP, demo_song.DROP)
    )
    assert drop - bridge >= 6 and groove - bridge >= 6
    assert bridge < build_up < drop


def test_our_analysis_hears_it(song):
    heard = analysis.analyze(*song, fps=12)
    assert heard.tempo == pytest.approx(demo_song.BPM, rel=0.01)
    beats, downbeats = demo_song.true_beats(), demo_song.true_downbeats()
    assert len(beats) == 49 and np.array_equal(downbeats, beats[::4])
    for part in (demo_song.GROOVE, demo_song.DROP):
        start, end = demo_song.section_seconds(part)
        for true, found in ((beats, heard.beats), (downbeats, heard.downbeats)):
            inside = true[(true >= start - 0.01) & (true < end - 0.01)]
            assert len(inside) in (16, 4)
            assert np.abs(found[:, None] - inside).min(axis=0).max() < 0.035
            between = found[(found > start - 0.1) & (found < end - 0.1)]
            assert len(between) == len(inside)


def test_file_is_written_once_and_whole(tmp_path, song, monkeypatch):
    from songreel.nodes.base.media.audio import read_audio

    path = demo_song.ensure_demo_song(tmp_path / "new")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    waveform, rate = read_audio(path)
    assert rate == 44_100 and waveform.shape == song[0].shape
    assert np.abs(waveform - song[0]).max() < 1e-4
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getnframes()) == (2, 2, song[0].shape[1])
    monkeypatch.setattr(demo_song, "make_demo_song", lambda: pytest.fail("the song is there already"))
    assert demo_song.ensure_demo_song(tmp_path / "new") == path


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, song):
    monkeypatch.setattr(demo_song, "make_demo_song", lambda: song)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(demo_song.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        demo_song.ensure_demo_song(tmp_path)
    assert list(tmp_path.iterdir()) == []
