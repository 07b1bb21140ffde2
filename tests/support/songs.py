"""Small hand-made song analyses for tests of the later stages."""

from fractions import Fraction

import numpy as np

from songreel.nodes.base import types


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
