"""Timed prompts as text: one line a shot, `0:00 a misty harbour at dawn`, read into a Story."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ..base.errors import InputError
from ..base.guard import guarded_negative
from ..base.settings import check
from ..base.timing import boundary, clock_text
from ..base.types import Shot, SongAnalysis, Story
from .prompt_lines import FORMS, TimedPrompt, read_lines
from .settings import TimelineSettings


def parse_timeline(text: str, song: SongAnalysis, **settings) -> Story:
    """The story of `read_timeline`, which see, without its notes."""
    return read_timeline(text, song, **settings)[0]


def read_timeline(
    text: str,
    song: SongAnalysis,
    *,
    negative: str = "",
    snap: str = "off",
    max_move: float = 0.25,
    split_beats: int = 0,
) -> tuple[Story, tuple[str, ...]]:
    """Read timed prompts into the shots of a song.

    Parameters
    ----------
    text : one shot a line, a time and a prompt. A time is `m:ss`, `h:mm:ss`, `12.5s`, `1m30s`, `beat 16`,
        `downbeat 4` or `frame 120` (or `120:`, as other schedulers write it); beats, downbeats and
        frames count from 0. A range, brackets and list marks may stand around it. Empty lines and lines that begin
        with # are passed over. When no line has a time, the prompts share the song evenly. The text of a story, the
        prompts of Deforum and FizzNodes, and STORY as JSON are taken too.
    song : gives duration, frame rate and beats.
    negative : negative prompt of every shot.
    snap : "off", "beat", "downbeat" or "onset": move each start to the nearest one, by `max_move` seconds at most.
    split_beats : when above 0, a shot of more beats than this becomes several with the same prompt and
        noise of their own, so that the picture keeps moving.

    Returns
    -------
    story : its shots cover 0..duration. The first shot starts at 0 whatever its line says.
    notes : what of the text could not be kept, one sentence each

    Raises
    ------
    InputError : everything that is wrong with the text in one report, each with its line.
    """
    check(TimelineSettings, negative=negative, snap=snap, max_move=max_move, split_beats=split_beats)
    if (told := _told(text, song)) is not None:
        return told, ()
    entries, problems = read_lines(text, song)
    if not entries and not problems:
        raise InputError(
            "The prompt text is empty; write at least one prompt, for example: 0:00 a misty harbour at dawn."
        )
    if entries and not problems and all(entry.seconds is None for entry in entries):
        entries = _shared_evenly(entries, song)
    problems += [
        f"line {entry.line}: there is no time before '{_short(entry.prompt)}'; begin it with {FORMS}"
        for entry in entries
        if entry.seconds is None
    ]
    if not problems:
        problems = _order_problems(entries, song)
    if problems:
        raise InputError(_report(problems))
    starts = [0.0] + [entry.start for entry in entries[1:]]
    if snap != "off":
        times = {"beat": song.beats, "downbeat": song.downbeats, "onset": song.onsets}[snap]
        starts = _snapped(starts, times, max_move, song)
    ends = [*starts[1:], song.duration]
    # A story's text says a negative prompt once where all shots share it.
    shared = entries[0].negative if entries[0].negative is not None else negative
    shots = [
        Shot(
            start, end, entry.prompt, guarded_negative(shared if entry.negative is None else entry.negative),
            seed=entry.seed, lyric=entry.lyric, emotion=entry.emotion,
        )
        for start, end, entry in zip(starts, ends, entries, strict=True)
    ]  # fmt: skip
    if split_beats > 0:
        shots = [part for shot in shots for part in _split(shot, song, split_beats)]
    return Story(tuple(shots)), _notes(entries, song)


def _told(text: str, song: SongAnalysis) -> Story | None:
    """The story, where the text is STORY as JSON. Raises InputError where it is of another length than the song."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("type") != Story.io_type:
        return None
    story = Story.of(text)
    if abs(story.shots[-1].end - song.duration) > 0.05:
        raise InputError(
            f"The story ends at {story.shots[-1].end:.2f} s and the song at {song.duration:.2f} s; take the story of "
            "this song."
        )
    return story


def _notes(entries: list[TimedPrompt], song: SongAnalysis) -> tuple[str, ...]:
    """Ends of ranges that are not where the next shot starts."""
    following = [*(entry.start for entry in entries[1:]), song.duration]
    apart = [
        f"line {entry.line} ({clock_text(entry.end)})"
        for entry, start in zip(entries, following, strict=True)
        if entry.end is not None and abs(min(entry.end, song.duration) - start) > 1.0
    ]
    if not apart:
        return ()
    return (f"A shot lasts until the next one starts; other ends are not kept: {', '.join(apart[:5])}.",)


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
