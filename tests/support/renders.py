"""Short films for the renderer, and renders of them on a small host."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from songreel.nodes.base import modulation, types
from songreel.nodes.render import plan as plan_stage
from songreel.nodes.render import render as render_stage
from songreel.nodes.schedule.plan import onset
from support.songs import song

RATE = 8000


def settings(**changes):
    values = dict(
        width=64,
        height=72,
        steps=3,
        cfg=7.0,
        sampler="euler",
        scheduler="normal",
        seed=5,
        batch_size=4,
        crf=0,
        quality="exact",
        even_pace=False,
    )
    return plan_stage.RenderSettings(**(values | changes))


def inputs(duration=10.0, fps=Fraction(12), cuts=(0.0, 3.0, 7.0)):
    analysis = song(duration, fps)
    ends = [*cuts[1:], duration]
    story = types.Story(
        tuple(
            types.Shot(a, b, f"prompt {i}" * (1 + 12 * (i == 1)))
            for i, (a, b) in enumerate(zip(cuts, ends, strict=True))
        )
    )
    waveform = np.random.default_rng(0).standard_normal((2, int(duration * RATE))).astype(np.float32) * 0.1
    return story, onset.onset_slerp_schedule(analysis, story), waveform


def made_of(shots, duration=10.0, fps=Fraction(24)):
    """A story of (start, prompt) shots and its schedule and song."""
    analysis = song(duration, fps)
    ends = [*(start for start, _ in shots[1:]), duration]
    story = types.Story(tuple(types.Shot(start, end, prompt) for (start, prompt), end in zip(shots, ends, strict=True)))
    waveform = np.zeros((1, int(duration * RATE)), np.float32)
    return story, onset.onset_slerp_schedule(analysis, story), waveform


def render(host, *, changes=None, made=None, likeness=None, **run):
    story, schedule, waveform = made or inputs()
    return render_stage.render_music_video(
        host,
        "model",
        "clip",
        "vae",
        story,
        schedule,
        waveform,
        RATE,
        settings(**(changes or {})),
        render_stage.RenderRun(**run),
        likeness=likeness,
    )


OPTIONS = {"steps": 3, "cfg": 7.0, "sampler": "euler", "scheduler": "normal"}
N = 72


def film(**curves):
    """6 s at 12 fps in three shots with curves: numbers, or functions of the frame 0..71."""
    story, schedule, waveform = inputs(duration=6.0, cuts=(0.0, 2.0, 4.0))
    values = {name: np.array([value(f) for f in range(N)]) for name, value in curves.items()}
    return story, replace(schedule, curves=values), waveform


def lively():
    """Everything that travel mode follows, at once."""
    story, schedule, waveform = film(
        cfg=lambda f: 5 + 2 * np.sin(f / 9),
        noise_walk=lambda f: 0.03 * f,
        carry=lambda f: max(0.4 - 0.05 * (f % 24), 0),
        steps=lambda f: 1 + (24 <= f < 48) / 3,
    )
    weights = 0.3 * np.abs(np.sin(np.arange(N) / 11))
    themes = {"C": modulation.Theme("golden light", weights), "G": modulation.Theme("blue haze", 0.3 - weights)}
    transition = ("slerp",) * 24 + ("cut",) * 16 + ("dissolve",) * 8 + ("slerp",) * 24
    t = schedule.t.copy()
    t[24:40] *= 0.5
    t[40:48] = (np.arange(8) + 0.5) / 8
    return story, replace(schedule, themes=themes, transition=transition, t=t), waveform
