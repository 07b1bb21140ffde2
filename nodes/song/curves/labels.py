"""Beats as text: typed times, Audacity labels, CSV; and out again, with Deforum and Parseq."""

from __future__ import annotations

import json
import re
from fractions import Fraction

import numpy as np

from ...base.errors import InputError
from ...base.settings import check
from ...base.types import SongAnalysis
from .beat_rows import beat_rows, parse_time
from .settings import BeatText

_DOWNBEAT_WORDS = ("1", "1.0", "bar", "downbeat", "b", "db", "d", "measure")


def read_beats(text: str, duration: float, *, fps: Fraction | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Beats that somebody typed, tapped or exported.

    One of: times separated by spaces, commas or line breaks (`12.5`, `1:02.5`); a table with a time and a label or
    position in the bar, whatever the separator, as Audacity, Audition, Reaper, Sonic Visualiser, madmom and beat_this
    write it; a list in JSON; and what `write_beats` writes. A label `1`, `bar` or `downbeat`, or a bar and its first
    beat (`17.1`), opens a bar.

    Parameters
    ----------
    text : as above; empty lines, lines that begin with # and a CSV's header are skipped
    duration : seconds of the song
    fps : frames per second, by which keyframes of Deforum are read

    Returns
    -------
    (beats, downbeats) : float64 seconds, ascending; the second is empty when no label says where bars begin

    Raises
    ------
    InputError
        With every line that is no time or lies outside the song; or there is no beat in the text, or a comma can be
        read in two ways.
    """
    found: dict[float, bool] = {}
    wrong: list[str] = []
    for number, time, label in beat_rows(text, None if fps is None else float(fps)):
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
    if not found and text.strip():
        raise InputError(
            f"There is no beat in the text '{' '.join(text.split())[:30]}'; write times such as 12.5 1:02.5."
        )
    times = np.array(sorted(found))
    return times, np.array([time for time in times if found[time]])


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
