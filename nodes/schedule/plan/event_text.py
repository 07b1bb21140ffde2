"""Events as text that can be edited: one line for each shot that begins, `0:08.000 cut`."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from ...base.errors import InputError
from ...base.json_text import load_json
from ...base.timing import boundary, clock_text
from ...base.types import SongAnalysis, Story
from ...song.curves.beat_rows import parse_time
from .events import KINDS, Event, on_the_beat, plan_events
from .settings import EventRules

_LINE = re.compile(r"(?P<time>\S+)\s+(?P<kind>[a-z]+)(?:\s+(?P<seconds>\d+(?:\.\d+)?|\.\d+)\s*s?)?\s*(?:#.*)?", re.I)


def write_events(events: list[Event], story: Story) -> str:
    """Write a line for each event, with the prompt of its shot as a comment. `read_events` reads it back."""
    lines = []
    for event in events:
        length = f" {event.seconds:g}" if event.kind == "dissolve" else ""
        prompt = story.shots[event.shot].prompt.replace("\n", " ")
        lines.append(f"{clock_text(event.time)} {event.kind}{length}  # rank {event.rank:.2f}: {prompt[:60]}")
    return "\n".join(lines)


def read_events(
    text: str, song: SongAnalysis, story: Story, planned: list[Event], rules: EventRules | None = None
) -> list[Event]:
    """Replace planned events by those of a text.

    Parameters
    ----------
    text : lines "TIME KIND [SECONDS]", such as "0:08.000 cut" or "12.5 dissolve 0.8"; or JSON, a list of objects with
        "time" (seconds, or such a text), "transition" and perhaps "seconds". A time is a shot's start, to the frame, or
        the beat that it can move to. Empty lines and what follows a # are skipped. Shots that the text does not name
        keep their planned event.
    rules : seconds of a dissolve for which the text gives none, and how far a start can move to a beat.

    Raises
    ------
    InputError
        Every error of the text, each with its line and what to write.
    """
    rules = rules or EventRules()
    everywhere = [replace(event, kind="cut") for event in planned]
    beats = [shot.start for shot in on_the_beat(song, story, everywhere, max_move=rules.max_move).shots]
    events = {event.shot: event for event in planned}
    shots = {boundary(beats[shot], song.fps, song.n_frames): shot for shot in events}
    shots |= {boundary(event.time, song.fps, song.n_frames): event.shot for event in planned}
    wrong: list[str] = []
    for place, time, kind, seconds in _entries(text, wrong):
        if kind not in KINDS:
            wrong.append(f"{place}: '{kind}' is none of {', '.join(KINDS)}")
        elif time is None:
            wrong.append(f"{place}: it does not begin with a time such as 0:08.000 or 8.0")
        elif seconds is not None and not 0 < seconds <= 10:
            wrong.append(f"{place}: a dissolve takes more than 0 and at most 10 seconds")
        else:
            frame = boundary(time, song.fps, song.n_frames)
            if frame not in shots:
                nearest = min(planned, key=lambda event: abs(event.time - time), default=None)
                hint = "there is only one shot" if nearest is None else f"the nearest is {clock_text(nearest.time)}"
                wrong.append(f"{place}: no shot begins at {clock_text(time)}; {hint}")
            else:
                length = 0.0 if kind != "dissolve" else rules.dissolve_seconds if seconds is None else seconds
                events[shots[frame]] = replace(events[shots[frame]], kind=kind, seconds=length)
    if wrong:
        more = f"; and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise InputError(f"The events cannot be read: {'; '.join(wrong[:8])}{more}.")
    return [events[shot] for shot in sorted(events)]


def planned_by_hand(text: str, song: SongAnalysis, story: Story, rules: EventRules) -> tuple[Story, list[Event]]:
    """The story on the beat and its events: as planned, with those of a text in their place, at their new times.

    Raises InputError when the text cannot be read.
    """
    events = read_events(text, song, story, plan_events(song, story, rules), rules)
    told = on_the_beat(song, story, events, max_move=rules.max_move)
    return told, [replace(event, time=told.shots[event.shot].start) for event in events]


def _seconds(value) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if 0 <= value < 1_000_000 else None
    return parse_time(str(value).strip())


def _entries(text: str, wrong: list[str]):
    """(place, seconds, kind, length) of every entry; what is none goes to `wrong`."""
    if text.lstrip().startswith("["):
        try:
            items = load_json(text, "The events")
        except json.JSONDecodeError as error:
            raise InputError(f"The events are no JSON: {error.msg} at line {error.lineno}.") from None
        for number, item in enumerate(items, 1):
            length = item.get("seconds") if isinstance(item, dict) else None
            if not isinstance(item, dict) or not {"time", "transition"} <= set(item):
                wrong.append(f'entry {number}: it is no object with "time" and "transition"')
            elif length is not None and (isinstance(length, bool) or not isinstance(length, (int, float))):
                wrong.append(f'entry {number}: "seconds" is no number')
            else:
                yield f"entry {number}", _seconds(item["time"]), str(item["transition"]).lower(), length
        return
    for number, line in enumerate(text.splitlines(), 1):
        if not line.split("#")[0].strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            wrong.append(f"line {number}: '{line.strip()[:30]}' is not 'TIME KIND' or 'TIME dissolve SECONDS'")
        else:
            length = match["seconds"]
            yield f"line {number}", _seconds(match["time"]), match["kind"].lower(), length and float(length)
