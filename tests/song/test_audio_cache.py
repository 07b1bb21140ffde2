"""An analysis is made once for each song and frame rate."""

import os

import numpy as np
import pytest

from songreel.nodes.song.audio import cache

RATE = 22_050


@pytest.fixture
def heard(monkeypatch):
    calls = []
    analyze = cache.analyze
    monkeypatch.setattr(cache, "analyze", lambda *args, **options: calls.append(options) or analyze(*args, **options))
    return calls


def song(seed=0, seconds=3):
    return np.random.default_rng(seed).standard_normal((2, seconds * RATE)).astype(np.float32) * 0.1


def test_the_second_time_is_read_and_equal(tmp_path, heard):
    first, second = (cache.cached_analysis(song(), RATE, fps=12, folder=tmp_path) for _ in range(2))
    assert len(heard) == 1 and second.to_text() == first.to_text()


@pytest.mark.parametrize("change", [dict(fps=24), dict(rate=44_100), dict(seed=1), dict(seconds=4)])
def test_whatever_matters_is_part_of_the_key(change, tmp_path, heard):
    options = dict(fps=12, rate=RATE, seed=0, seconds=3)
    for chosen in (options, options | change):
        samples = song(chosen["seed"], chosen["seconds"])
        cache.cached_analysis(samples, chosen["rate"], fps=chosen["fps"], folder=tmp_path)
    assert len(heard) == 2 and len(list((tmp_path / "audio").iterdir())) == 2


def test_ntsc_rates_share_a_key():
    assert cache.song_key(song(), RATE, 23.976) == cache.song_key(song(), RATE, 24000 / 1001)


def test_a_damaged_file_is_made_again(tmp_path, heard):
    cache.cached_analysis(song(), RATE, fps=12, folder=tmp_path)
    (file,) = (tmp_path / "audio").iterdir()
    file.write_text("{", "utf-8")
    cache.cached_analysis(song(), RATE, fps=12, folder=tmp_path)
    assert len(heard) == 2 and file.stat().st_size > 100


def test_only_the_newest_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "KEPT", 2)
    for seed in range(4):
        cache.cached_analysis(song(seed, 1), RATE, fps=12, folder=tmp_path)
        for age, file in enumerate(sorted((tmp_path / "audio").iterdir(), key=lambda path: -path.stat().st_mtime)):
            os.utime(file, (1e9 - age, 1e9 - age))
    assert len(list((tmp_path / "audio").iterdir())) == 2


def test_a_folder_that_cannot_be_made_costs_only_time(tmp_path, heard):
    (tmp_path / "file").write_text("")
    assert cache.cached_analysis(song(), RATE, fps=12, folder=tmp_path / "file").n_frames == 36
    assert len(heard) == 1
