"""Beats as text: typed times, Audacity labels, CSV; and out again, with Deforum and Parseq."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
from ...base.errors import InputError
from ...base.settings import check
from ...base.types import SongAnalysis
from .settings import BeatText

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)s?$")
_PLACES = {str(place) for place in range(1, 13)}
_DOWNBEAT_WORDS = ("1", "bar", "downbeat", "b")


def parse_time(text: str) -> float | None:
    """Seconds of "12.5", "12.5s", "1:02.5" or "1:00:02.5"; None when it is none of these."""
    match = _TIME.match(text)
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def read_beats(text: str, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Beats that somebody typed, tapped or exported.

    One of: times separated by spaces, commas or line breaks (`12.5`, `1:02.5`); an Audacity label track (start, end and
    label between tabs); CSV with a time and a label or position in the bar. A label `1`, `bar` or `downbeat`, or a
    bar and its first beat (`17.1`), opens a bar.

    Parameters
    ----------
    text : as above; empty lines, lines that begin with # and a CSV's header are skipped
    duration : seconds of the song

    Returns
    -------
    (beats, downbeats) : float64 seconds, ascending; the second is empty when no label says where bars begin

    Raises
    ------
    InputError
        With every line that is no time or lies outside the song.
    """
    found: dict[float, bool] = {}
    wrong: list[str] = []
    for number, time, label in _entries(text):
        seconds = parse_time(time)
        if seconds is None:
            wrong.append(f"line {number}: '{time[:30]}' is no time such as 12.5 or 1:02.5")
        elif seconds >= duration:
            wrong.append(f"line {number}: {time} is after the song's end at {duration:g} s")
        else:
            found[seconds] = found.get(seconds, False) or _opens_bar(label)
    if wrong:
        more = f"; and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise InputError(f"The beats cannot be read: {'; '.join(wrong[:8])}{more}.")
    times = np.array(sorted(found))
    return times, np.array([time for time in times if found[time]])


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, time, label) of every beat."""
    lines = [(number, line.strip("\r\n ")) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    if any("\t" in line for _, line in lines):
        for number, line in lines:
            start, *rest = line.split("\t")
            yield number, start.strip(), rest[1].strip() if len(rest) > 1 else ""
        return
    rows = [(number, [cell.strip() for cell in re.split("[,;]", line)]) for number, line in lines]
    header = bool(rows) and len(rows[0][1]) > 1 and not rows[0][1][0][:1].isdigit()
    if header or (len(rows) > 1 and all(len(cells) == 2 and cells[1] in _PLACES for _, cells in rows)):
        for number, cells in rows[header:]:
            yield number, cells[0], cells[1] if len(cells) > 1 else ""
        return
    for number, cells in rows:
        for word in " ".join(cells).split():
            yield number, word, ""


def _opens_bar(label: str) -> bool:
    return label.lower() in _DOWNBEAT_WORDS or re.fullmatch(r"\d+[./:]1", label) is not None


def write_beats(song: SongAnalysis, form: str) -> str:
    """The song's beats as text: what `read_beats` reads (Audacity labels, CSV), or keyframes for Deforum or Parseq.

    Deforum: 1 on the frame of each beat (0 one frame before the next), for any schedule. Parseq: a document with a
    keyframe on each beat's frame, `info` being beat or bar, and the song's tempo.
    """
    check(BeatText, format=form)
    bars = set(song.downbeats.tolist())
    labels = [(time, _label(place)) for time, place in zip(song.beats.tolist(), places(song), strict=True)]
    if form == "Audacity labels":
        return "".join(f"{time:.6f}\t{time:.6f}\t{label}\n" for time, label in labels)
    if form == "CSV":
        return "time,position\n" + "".join(f"{time:.6f},{label}\n" for time, label in labels)
    frames = {frame: time in bars for frame, time in zip(song.beat_frames(), song.beats.tolist(), strict=False)}
    if form == "Deforum":
        points = {0: 0.0}
        for frame in frames:
            if frame > 0:
                points.setdefault(frame - 1, 0.0)
            points[frame] = 1.0
            if frame + 1 < song.n_frames:
                points[frame + 1] = 0.0
        return ", ".join(f"{frame}:({value:g})" for frame, value in sorted(points.items()))
    keyframes = [{"frame": frame, "info": "bar" if bar else "beat"} for frame, bar in frames.items()]
    if not frames or 0 not in frames:
        keyframes.insert(0, {"frame": 0, "info": "start"})
    options = {"bpm": round(song.tempo, 3), "output_fps": float(song.fps), "input_fps": float(song.fps)}
    return json.dumps({"options": options, "keyframes": keyframes, "managedFields": []}, indent=1)


def places(song: SongAnalysis) -> list[int]:
    """The place of every beat in its bar, 1 for a downbeat; 0 before the first one."""
    bars, place, result = set(song.downbeats.tolist()), 0, []
    for time in song.beats.tolist():
        place = 1 if time in bars else place + 1 if place else 0
        result.append(place)
    return result


def _label(place: int) -> str:
    return str(place) if place else "-"
