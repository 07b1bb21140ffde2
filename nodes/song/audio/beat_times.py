"""What a person corrects about the beats that were heard: times of their own, and an offset."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from ...base.errors import InputError
from ...base.timing import clock_text
from ...base.types import SongAnalysis
from .beat import tempo_curve

BEATS_PER_BAR = 4
_TIME = re.compile(r"(?:(?P<minutes>\d{1,4}):(?=[0-5]?\d(?:\.|$)))?(?P<seconds>\d{1,6}(?:\.\d*)?|\.\d+)", re.ASCII)
_SHOWN = 8


def parse_times(text: str, *, duration: float) -> np.ndarray:
    """Beat times from text such as "0.52, 1.04 1:02.5": float64 seconds, ascending, each once.

    Entries are seconds or m:ss with decimals, apart by commas, semicolons, spaces or lines.
    Raises one InputError that lists every entry that is no time or lies outside 0..duration.
    """
    times: list[float] = []
    unread: list[str] = []
    outside: list[str] = []
    for entry in re.split(r"[\s,;]+", text.strip()) if text.strip() else ():
        match = _TIME.fullmatch(entry)
        if entry and match is None:
            unread.append(entry)
        elif match is not None:
            seconds = 60 * int(match["minutes"] or 0) + float(match["seconds"])
            if seconds < duration:
                times.append(seconds)
            else:
                outside.append(entry)
    complaints = []
    if unread:
        complaints.append(f"{_listed(unread)} cannot be read as a time such as 12.5 or 0:12.500")
    if outside:
        complaints.append(f"{_listed(outside)} is not before the end of the song at {clock_text(duration)}")
    if complaints:
        raise InputError(f"beats: {', and '.join(complaints)}; correct these entries, or clear the box to detect.")
    return np.unique(np.array(times, dtype=np.float64))


def correct(song: SongAnalysis, *, beats: str = "", offset_ms: float = 0.0) -> SongAnalysis:
    """The song with beats of one's own instead of the detected ones, then all moved by an offset.

    beats: text for `parse_times`; empty keeps what was detected. Every fourth beat starts a bar, the
    first one too, and the tempo follows from the beats.
    offset_ms: positive is later. Beats that leave the song are dropped.
    """
    if not math.isfinite(offset_ms):
        raise InputError(f"offset_ms must be a finite number of milliseconds, got {offset_ms!r}.")
    times = parse_times(beats, duration=song.duration)
    if len(times):
        tempo = tempo_curve(times)
        song = replace(
            song,
            beats=times,
            downbeats=times[::BEATS_PER_BAR],
            tempo_per_beat=tempo,
            tempo=float(np.median(tempo)),
            beat_confidence=1.0,
        )
    if offset_ms:
        kept, moved = _moved(song.beats, offset_ms, song.duration)
        song = replace(
            song,
            beats=moved,
            downbeats=_moved(song.downbeats, offset_ms, song.duration)[1],
            tempo_per_beat=song.tempo_per_beat[kept],
            tempo=song.tempo if len(moved) else 0.0,
        )
    return song


def _moved(times: np.ndarray, offset_ms: float, duration: float) -> tuple[np.ndarray, np.ndarray]:
    """Which of the times stay in the song when moved, and where to."""
    moved = times + offset_ms / 1000
    kept = (moved >= 0) & (moved < duration)
    return kept, moved[kept]


def _listed(entries: list[str]) -> str:
    shown = [repr(entry if len(entry) <= 20 else entry[:17] + "...") for entry in entries[:_SHOWN]]
    more = len(entries) - _SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
