"""Timed prompts as text: one line a shot, `0:00 a misty harbour at dawn`, read into a Story."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from ..base.errors import InputError
from ..base.guard import guarded_negative
from ..base.settings import check
from ..base.timing import boundary, clock_text, frame_start
from ..base.types import Shot, SongAnalysis, Story
from .settings import TimelineSettings

_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_CLOCK = re.compile(rf"(?:(\d+):)?(\d+):({_NUMBER})(?=[\s:,\-–|]|$)")
_SECONDS = re.compile(rf"({_NUMBER})\s*(?:s|sec|seconds?)\b", re.IGNORECASE)
_COUNTED = re.compile(r"(beat|downbeat|frame)\s+(-?[\d.]+)", re.IGNORECASE)
_FRAME_KEY = re.compile(r"(\d+)\s*:(?=\s|$)")
_SEPARATOR = re.compile(r"\s*(?:[:,|]|[-–]+(?=\s)|=>|->)?\s*")
_FORMS = "a time such as 0:12, 12.5s, beat 16, downbeat 4 or frame 120"


@dataclass(frozen=True)
class TimedPrompt:
    """One line of the text: its number (from 1), its time in seconds (None when it has none) and its prompt."""

    line: int
    seconds: float | None
    prompt: str

    @property
    def start(self) -> float:
        """Its time in seconds, once it is known that all lines have one."""
        assert self.seconds is not None, "a line without a time is refused before its start is asked for"
        return self.seconds


def parse_timeline(
    text: str,
    song: SongAnalysis,
    *,
    negative: str = "",
    snap: str = "off",
    max_move: float = 0.25,
    split_beats: int = 0,
) -> Story:
    """Read timed prompts into the shots of a song.

    Parameters
    ----------
    text : one shot a line, a time and a prompt. A time is `m:ss`, `h:mm:ss`, `12.5s`, `beat 16`,
        `downbeat 4` or `frame 120` (or `120:`, as other schedulers write it); beats, downbeats and
        frames count from 0. Empty lines and lines that begin with # are passed over. When no line has
        a time, the prompts share the song evenly.
    song : gives duration, frame rate and beats.
    negative : negative prompt of every shot.
    snap : "off", "beat" or "downbeat": move each start to the nearest one, by `max_move` seconds at most.
    split_beats : when above 0, a shot of more beats than this becomes several with the same prompt and
        noise of their own, so that the picture keeps moving.

    Returns
    -------
    Story whose shots cover 0..duration. The first shot starts at 0 whatever its line says.

    Raises
    ------
    InputError : everything that is wrong with the text in one report, each with its line.
    """
    check(TimelineSettings, negative=negative, snap=snap, max_move=max_move, split_beats=split_beats)
    entries, problems = _read_lines(text, song)
    if not entries and not problems:
        raise InputError(
            "The prompt text is empty; write at least one prompt, for example: 0:00 a misty harbour at dawn."
        )
    if entries and not problems and all(entry.seconds is None for entry in entries):
        entries = _shared_evenly(entries, song)
    problems += [
        f"line {entry.line}: there is no time before '{_short(entry.prompt)}'; begin it with {_FORMS}"
        for entry in entries
        if entry.seconds is None
    ]
    if not problems:
        problems = _order_problems(entries, song)
    if problems:
        raise InputError(_report(problems))
    starts = [0.0] + [entry.start for entry in entries[1:]]
    if snap != "off":
        starts = _snapped(starts, song.beats if snap == "beat" else song.downbeats, max_move, song)
    ends = [*starts[1:], song.duration]
    shots = [
        Shot(start, end, entry.prompt, guarded_negative(negative))
        for start, end, entry in zip(starts, ends, entries, strict=True)
    ]
    if split_beats > 0:
        shots = [part for shot in shots for part in _split(shot, song, split_beats)]
    return Story(tuple(shots))


def _read_lines(text: str, song: SongAnalysis) -> tuple[list[TimedPrompt], list[str]]:
    entries, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            seconds, prompt = _read_line(line, song)
        except InputError as error:
            problems.append(f"line {number}: {error}")
            continue
        if prompt:
            entries.append(TimedPrompt(number, seconds, prompt))
        else:
            problems.append(f"line {number}: there is no prompt after the time '{line}'")
    return entries, problems


def _read_line(line: str, song: SongAnalysis) -> tuple[float | None, str]:
    if match := _CLOCK.match(line):
        hours, minutes, seconds = match.groups()
        if float(seconds) >= 60:
            raise InputError(f"'{match[0]}' has {seconds} seconds in a minute; write 0 to 59")
        time = int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)
    elif match := _SECONDS.match(line):
        time = float(match[1])
    elif match := _COUNTED.match(line):
        time = _counted_time(match[1].lower(), match[2], song)
    elif match := _FRAME_KEY.match(line):
        time = frame_start(int(match[1]), song.fps)
    else:
        return None, line
    separator = _SEPARATOR.match(line, match.end())
    assert separator is not None, "the pattern also matches nothing"
    return time, line[separator.end() :]


def _counted_time(unit: str, text: str, song: SongAnalysis) -> float:
    if not re.fullmatch(r"\d+", text):
        raise InputError(f"'{unit} {text}' must be counted in whole numbers from 0")
    index = int(text)
    if unit == "frame":
        return frame_start(index, song.fps)
    times = song.beats if unit == "beat" else song.downbeats
    if index >= len(times):
        heard = f"{len(times)} {unit}s, 0 to {len(times) - 1}," if len(times) else f"no {unit}s"
        raise InputError(f"'{unit} {index}' is not in the song, in which {heard} were heard")
    return float(times[index])


def _shared_evenly(entries: list[TimedPrompt], song: SongAnalysis) -> list[TimedPrompt]:
    """Equal shares of the song, each start on the nearest beat where that keeps the order."""
    share = song.duration / len(entries)
    starts = _snapped([share * i for i in range(len(entries))], song.beats, share / 4, song)
    return [replace(entry, seconds=start) for entry, start in zip(entries, starts, strict=True)]


def _order_problems(entries: list[TimedPrompt], song: SongAnalysis) -> list[str]:
    problems = []
    for entry in entries:
        if boundary(entry.start, song.fps, song.n_frames) >= song.n_frames:
            problems.append(
                f"line {entry.line}: {clock_text(entry.start)} is at or after the end of the song, "
                f"{clock_text(song.duration)}"
            )
    # The first shot starts at 0 whatever its line says.
    previous_frame = 0
    for previous, entry in pairwise(entries):
        frame = boundary(entry.start, song.fps, song.n_frames)
        if entry.start <= previous.start:
            problems.append(
                f"line {entry.line}: {clock_text(entry.start)} does not come after line {previous.line}, "
                f"{clock_text(previous.start)}; put the lines in order, each at its own time"
            )
        elif frame <= previous_frame:
            problems.append(
                f"line {entry.line}: {clock_text(entry.start)} falls on the same frame as line {previous.line} at "
                f"{float(song.fps):g} fps; move it by at least {float(1 / song.fps):.3f} s"
            )
        previous_frame = frame
    return problems


def _snapped(starts: list[float], times: np.ndarray, max_move: float, song: SongAnalysis) -> list[float]:
    """Each start but the first moved to the nearest of `times`, unless that is too far or not after its neighbours."""
    snapped = starts[:1]
    for index, start in enumerate(starts[1:], 1):
        following = starts[index + 1] if index + 1 < len(starts) else song.duration
        if len(times):
            nearest = float(times[np.argmin(np.abs(times - start))])
            apart = min(_frames_between(snapped[-1], nearest, song), _frames_between(nearest, following, song))
            if abs(nearest - start) <= max_move and apart >= 1:
                start = nearest
        snapped.append(start)
    return snapped


def _frames_between(start: float, end: float, song: SongAnalysis) -> int:
    return boundary(end, song.fps, song.n_frames) - boundary(start, song.fps, song.n_frames)


def _split(shot: Shot, song: SongAnalysis, split_beats: int) -> list[Shot]:
    """A long shot in parts of `split_beats` beats; the last part takes what is left, up to half as long again."""
    inside = song.beats[(song.beats > shot.start) & (song.beats < shot.end)]
    if not len(inside):
        # Without beats, parts of as long as that many beats last at 120 BPM.
        inside = np.arange(shot.start + 0.5, shot.end, 0.5)
    cuts = [shot.start]
    for cut in inside[split_beats - 1 :: split_beats]:
        if _frames_between(cuts[-1], cut, song) >= 1 and shot.end - cut >= (cut - cuts[-1]) / 2:
            cuts.append(float(cut))
    return [replace(shot, start=start, end=end) for start, end in zip(cuts, [*cuts[1:], shot.end], strict=True)]


def _report(problems: list[str]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return f"The prompt text has {count}: " + "; ".join(problems) + "."


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def timeline_text(story: Story, fps: Fraction) -> str:
    """A story as the text that `parse_timeline` reads back, one `frame N: prompt` line a shot."""
    lines = []
    for shot in story.shots:
        frame = boundary(shot.start, fps, 10**9)
        lines.append(f"frame {frame}: {' '.join(shot.prompt.split())}")
    return "\n".join(lines)
