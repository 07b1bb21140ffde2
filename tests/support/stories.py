"""Songs by their form and moods, and what every story must be."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from headless.sd.text import tokenize
from songreel.nodes.base import types
from songreel.nodes.song.emotion import timeline
from songreel.nodes.story import vocabulary
from support.songs import song

WORLD = vocabulary.shipped("cinematic")


def count(text):
    return len(tokenize(text))


def form(duration=64.0, bpm=120.0, labels="ABABCB", fps=Fraction(12), kinds=()):
    """A song whose parts are equally long."""
    base = song(duration, fps, bpm)
    edges = np.linspace(0, duration, len(labels) + 1)
    parts = [
        types.Section(float(a), float(b), label, 0.5 + 0.1 * k % 0.5)
        for k, (label, a, b) in enumerate(zip(labels, edges[:-1], edges[1:], strict=True))
    ]
    return replace(base, sections=tuple(parts))


def moods(duration, *labels):
    edges = np.linspace(0, duration, len(labels) + 1).tolist()
    n = timeline.count(duration)
    segments = [timeline.EmotionSegment(a, b, label) for label, (a, b) in zip(labels, pairwise(edges), strict=True)]
    return timeline.EmotionTimeline(duration, np.zeros(n, np.float32), np.zeros(n, np.float32), tuple(segments))


def valid(story, duration, *, shortest=1.5):
    assert story.shots[0].start == 0 and story.shots[-1].end == duration
    for shot, following in pairwise(story.shots):
        assert shot.end == following.start
    if len(story.shots) > 1:
        assert min(shot.end - shot.start for shot in story.shots) >= shortest - 1e-9
