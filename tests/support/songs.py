"""Small hand-made songs, their analyses and films for tests of the later stages."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from songreel.nodes.base import types
from support.paths import SHARED, SONGS

FRAME_RATES = [Fraction(8), Fraction(12), Fraction(24000, 1001), Fraction(30), Fraction(60)]


def song(duration=10.0, fps=Fraction(12), bpm=120.0, onset=None, beats=None):
    """An analysis with clicks on the beats, or the onset curve and beats that are given."""
    from songreel.nodes.base.timing import frame_count

    n_frames = frame_count(duration, fps)
    if beats is None:
        beats = np.arange(0, duration, 60 / bpm)
    if onset is None:
        onset = np.zeros(n_frames, np.float32)
        onset[np.minimum((beats * float(fps)).astype(int), n_frames - 1)] = 1
    return types.SongAnalysis(
        duration=duration,
        fps=fps,
        curves={"onset": np.asarray(onset, np.float32), "rms": np.full(n_frames, 0.5, np.float32)},
        beats=np.asarray(beats, np.float64),
        downbeats=np.asarray(beats[::4], np.float64),
        onsets=np.asarray(beats, np.float64),
        tempo=bpm,
        tempo_per_beat=np.full(len(beats), bpm),
    )


def a_song(**fields):
    n = 80
    curves = {"onset": np.tile([0.8, 0.0, 0.2, 0.0], n // 4).astype(np.float32)}
    return types.SongAnalysis(
        **{
            "duration": 8.0, "fps": Fraction(10), "curves": curves, "beats": np.arange(0.5, 8, 0.5),
            "downbeats": np.arange(0.5, 8, 2.0), "onsets": np.zeros(0), "tempo": 120.0,
            "tempo_per_beat": np.full(15, 120.0), "chroma": np.eye(12, n, dtype=np.float32),
            "sections": (types.Section(0, 4, "A", 0.5), types.Section(4, 8, "B", 1)),
        }
        | fields
    )  # fmt: skip


@st.composite
def films(draw):
    """(song, story): any frame rate, any curve with values in 0..1, shots of at least one frame."""
    fps = draw(st.sampled_from(FRAME_RATES))
    n_frames = draw(st.integers(1, 90))
    duration = float(n_frames / fps)
    analysis = song(duration, fps)
    levels = draw(st.lists(st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0]), min_size=analysis.n_frames, max_size=500))
    analysis.curves["onset"] = np.resize(np.array(levels, dtype=np.float32), analysis.n_frames)
    cuts = sorted(draw(st.sets(st.integers(1, max(analysis.n_frames - 1, 1)), max_size=6)) - {analysis.n_frames})
    starts = [0.0, *(float(cut / fps) for cut in cuts)]
    shots = [types.Shot(a, b, f"shot {a:.3f}") for a, b in zip(starts, [*starts[1:], duration], strict=True) if b > a]
    return analysis, types.Story(tuple(shots))


def real_songs() -> list[Path]:
    """Files of whole songs: those of this repository, and real ones where they are."""
    folder = Path(os.environ.get("SONGREEL_DATA", SHARED / "data")) / "songs"
    return [*sorted(SONGS.glob("*.flac")), *sorted(folder.glob("*.ogg"))]


def annotated(path: Path) -> np.ndarray:
    """The beats of one of SONGS, float64 (beats, 2): seconds, and the place in the bar, where 1 is a downbeat."""
    return np.loadtxt(path.with_suffix(".beats"), ndmin=2)


def songs():
    rng, rate = np.random.default_rng(2), 22_050
    made = np.repeat(rng.uniform(0, 1, 40), rate // 8) * rng.standard_normal(40 * (rate // 8)) * 0.1
    yield pytest.param(lambda: (made.astype(np.float32), rate), id="made")
    for path in real_songs():
        yield pytest.param(lambda path=path: read(path), id=path.stem[:20])


def read(path):
    from songreel.nodes.base.media.audio import read_audio

    waveform, rate = read_audio(path)
    return waveform[:, : 30 * rate].mean(axis=0), rate
