"""A schedule and its story as text for Deforum, Parseq and FizzNodes."""

from __future__ import annotations

import json

import numpy as np

from ...base.timing import boundary
from ...base.types import FrameSchedule, Shot, Story
from ...song.curves.shape import deforum_schedule, keyframes
from ..modulate.modulate import read_curve
from .settings import FORMATS, WriteSettings
from .units import DEFORUM, PARSEQ, per_frame


def write_schedule(schedule: FrameSchedule, story: Story, settings: WriteSettings) -> tuple[str, str]:
    """A schedule and its story as text for another program.

    Parameters
    ----------
    schedule : FrameSchedule
        Gives curves, frame rate and frames.
    story : Story
        Gives the prompts.
    settings : WriteSettings
        Its format is one of `FORMATS`. Deforum settings: a JSON object with prompts and keyframe strings, to be merged
        into a settings file. Parseq: a document with a keyframe wherever a field needs one. FizzNodes prompts: a line
        for each shot, `"frame": "prompt",`. Keyframes of one curve: that curve in our own unit.

    Returns
    -------
    text : str
        In that format.
    report : str
        A sentence that names what the format cannot carry; empty when there is nothing.

    Raises
    ------
    InputError
        When schedule and story do not fit each other, or the schedule has no such curve.
    """
    form, curve, tolerance = settings.format, settings.curve, settings.tolerance
    width, height = settings.width, settings.height
    schedule.check_story(story)
    if form == FORMATS[3]:
        values = read_curve(schedule, curve)
        return deforum_schedule(values, _slack(values, tolerance)), ""
    if form == FORMATS[2]:
        starts = _starts(schedule, story)
        text = ",\n".join(f'"{frame}": {json.dumps(_prompt(shot), ensure_ascii=False)}' for frame, shot in starts)
        return text + "\n", _left_out(schedule, set())
    carried = DEFORUM if form == FORMATS[0] else PARSEQ
    fields = {
        other: per_frame(name, schedule.curves[name], schedule.fps, width, height)
        for name, other in carried.items()
        if name in schedule.curves
    }
    write = _deforum if form == FORMATS[0] else _parseq
    return write(schedule, story, fields, width, height, tolerance), _left_out(schedule, set(carried))


def _slack(values: np.ndarray, tolerance: float) -> float:
    return max(tolerance * float(np.ptp(values)), 1e-6) if len(values) else tolerance


def _prompt(shot: Shot) -> str:
    return f"{shot.prompt} --neg {shot.negative}" if shot.negative else shot.prompt


def _starts(schedule: FrameSchedule, story: Story) -> list[tuple[int, Shot]]:
    return [(boundary(shot.start, schedule.fps, schedule.n_frames), shot) for shot in story.shots]


def _left_out(schedule: FrameSchedule, carried: set[str]) -> str:
    names = sorted(set(schedule.curves) - carried) + [f"theme {name}" for name in schedule.themes]
    if set(schedule.transition) - {"slerp"}:
        names.append("cuts and dissolves")
    return f"This format does not carry: {', '.join(names)}." if names else ""


def _deforum(schedule: FrameSchedule, story: Story, fields: dict, width: int, height: int, tolerance: float) -> str:
    strings = {name: deforum_schedule(values, _slack(values, tolerance)) for name, values in fields.items()}
    prompts = {str(frame): _prompt(shot) for frame, shot in _starts(schedule, story)}
    size = {"W": width, "H": height, "fps": float(schedule.fps), "max_frames": schedule.n_frames}
    settings = size | {"animation_mode": "2D", "prompts": prompts} | strings
    return json.dumps(settings, indent=1, ensure_ascii=False)


def _parseq(schedule: FrameSchedule, story: Story, fields: dict, width: int, height: int, tolerance: float) -> str:
    starts = dict(_starts(schedule, story))
    rows: dict[int, dict] = {frame: {"frame": frame, "info": "shot"} for frame in starts}
    for name, values in fields.items():
        slack = _slack(values, tolerance)
        for frame in sorted({0, schedule.n_frames - 1, *keyframes(values, slack)}):
            row = rows.setdefault(frame, {"frame": frame})
            row |= {name: round(float(values[frame]), 8), f"{name}_i": "L"}
    ends = [*list(starts)[1:], schedule.n_frames]
    prompts = [
        {"name": f"Prompt {number}", "positive": shot.prompt, "negative": shot.negative, "allFrames": False,
         "from": frame, "to": end - 1, "overlap": {"inFrames": 0, "outFrames": 0, "type": "none"}}
        for number, ((frame, shot), end) in enumerate(zip(starts.items(), ends, strict=True), 1)
    ]  # fmt: skip
    rate = float(schedule.fps)
    document = {
        "prompts": {"format": "v2", "enabled": True, "promptList": prompts},
        "options": {"input_fps": rate, "output_fps": rate},
        "managedFields": list(fields),
        "keyframes": [rows[frame] for frame in sorted(rows)],
    }
    return json.dumps(document, indent=1, ensure_ascii=False)
