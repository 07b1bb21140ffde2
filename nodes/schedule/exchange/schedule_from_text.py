"""A story and a schedule of a song from another program's text."""

from __future__ import annotations

import numpy as np

from ...base.errors import InputError
from ...base.guard import guarded_negative
from ...base.modulation import CURVES
from ...base.timing import frame_start, snap_fps
from ...base.types import FrameSchedule, Shot, SongAnalysis, Story
from ..modulate.modulate import same_clock, set_curve
from ..plan.onset import onset_slerp_schedule
from ..plan.settings import Pacing
from .keyframes import read_keyframes
from .read import Reading, read_text, report
from .settings import ReadSettings

_LEFT_OUT = "left out, since a schedule has no place for it: "


def schedule_from_text(
    song: SongAnalysis,
    text: str,
    settings: ReadSettings | None = None,
    *,
    story: Story | None = None,
    schedule: FrameSchedule | None = None,
) -> tuple[Story, FrameSchedule, str]:
    """Read a text of another program into a story and a schedule.

    Parameters
    ----------
    song : SongAnalysis
        Gives duration, frame rate and what paces a new schedule.
    text : str
        Deforum's settings, a Parseq document, FizzNodes' prompts, or a bare keyframe string of the settings' curve, in
        our unit.
    settings : ReadSettings, optional
        The curve; the mode of a new schedule; frames per second by which the text counts (0 takes what the text says,
        else the song's); width and height in pixels by which shifts are measured, where the text does not say.
    story : Story, optional
        Used where the text has no prompts.
    schedule : FrameSchedule, optional
        Its curves are changed; without it, one is made.

    Returns
    -------
    story : Story
        That of the text, else the one given.
    schedule : FrameSchedule
        With the text's curves in it.
    report : str
        What was read and what was not.

    Raises
    ------
    InputError
        When the text cannot be read, has neither a prompt nor a story beside it, or does not fit the song or the
        schedule.
    """
    settings = settings or ReadSettings()
    reading = read_text(text)
    if reading is None:
        reading = _one_curve(text, settings.curve)
    rate = snap_fps(settings.fps) if settings.fps > 0 else reading.fps or song.fps
    size = reading.size or (settings.width, settings.height)
    told = _story(reading, song, rate) if reading.prompts else story
    if told is None:
        raise InputError("The text has no prompts; connect a story as well.")
    if schedule is None:
        schedule = onset_slerp_schedule(song, told, Pacing(mode=settings.mode))
    else:
        same_clock(schedule, song)
        if reading.prompts:
            raise InputError(
                "The text has prompts, so a schedule of other shots does not fit; disconnect frame_schedule."
            )
    for name, values in reading.curves(song.n_frames, song.fps, text_fps=rate, size=size).items():
        schedule = set_curve(schedule, name, values)
    return told, schedule, _summary(reading, told, rate)


def _one_curve(text: str, curve: str) -> Reading:
    if curve != "t" and curve not in CURVES:
        raise InputError(f"There is no curve '{curve}'; those of a schedule are: t, {', '.join(CURVES)}.")
    problems: list[str] = []
    keys = read_keyframes(text, curve, problems)
    if problems:
        raise report(problems)
    return Reading(keyframes={curve: keys}, own=True)


def _story(reading: Reading, song: SongAnalysis, rate) -> Story:
    starts = [frame_start(frame, rate) for frame in sorted(reading.prompts)]
    late = [frame for frame, start in zip(sorted(reading.prompts), starts, strict=True) if start >= song.duration]
    if late:
        raise InputError(
            f"The prompt at frame {late[0]} begins after the song's end at {song.duration:.2f} s; at {float(rate):g} "
            f"fps the song has {int(np.ceil(song.duration * float(rate)))} frames."
        )
    starts[0] = 0.0  # a prompt stands from the beginning, as in those programs
    ends = [*starts[1:], song.duration]
    texts = [reading.prompts[frame] for frame in sorted(reading.prompts)]
    shots = (
        Shot(a, b, prompt, negative=guarded_negative(no))
        for a, b, (prompt, no) in zip(starts, ends, texts, strict=True)
    )
    return Story(tuple(shots))


def left_out_of(report: str) -> list[str]:
    """The part of a report that tells what was left out, as notes."""
    _, mark, left_out = report.partition(_LEFT_OUT)
    return [f"Left out of the text: {left_out}"] if mark else []


def _summary(reading: Reading, story: Story, rate) -> str:
    parts = [f"{len(story.shots)} shots" if reading.prompts else "no prompts"]
    parts += [f"{name}: {len(keys)} keyframes" for name, keys in reading.keyframes.items()]
    if reading.left_out:
        parts.append(f"{_LEFT_OUT}{', '.join(reading.left_out)}")
    return f"Read at {float(rate):g} fps: {'; '.join(parts)}."
