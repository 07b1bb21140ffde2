"""A story as text that people read and change, and back: one block a shot, its prompt on the line of its time."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..base.errors import InputError
from ..base.guard import guarded_negative
from ..base.timing import clock_text
from ..base.types import Shot, Story
from ..song.emotion.timeline import COLOURS, NEUTRAL

_HEAD = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s+(\S.*)")
_FIELD = re.compile(r"\s+(negative|seed)\s*:\s*(.*)", re.IGNORECASE)
_NOTE = re.compile(r"\s+(lyric|emotion|music)\s*:.*", re.IGNORECASE)
_SAME_SECONDS = 0.05


@dataclass(frozen=True)
class Edit:
    """An edit of the shot that starts at `seconds`: number of the text's line (from 1), prompt, negative and seed."""

    line: int
    seconds: float
    prompt: str
    negative: str | None = None
    seed: int | None = None


def story_text(story: Story) -> str:
    """Write the story as text: `m:ss.mmm prompt` per shot, with its other fields in indented lines below.

    `lyric` and `emotion` are for the reader; `negative` (where it differs from the first shot's) and `seed` count.
    """
    rows = []
    for number, shot in enumerate(story.shots):
        rows.append(f"{clock_text(shot.start)} {' '.join(shot.prompt.split())}")
        if shot.lyric:
            rows.append(f"    lyric: {' '.join(shot.lyric.split())}")
        if shot.emotion:
            rows.append(f"    emotion: {shot.emotion}")
        if number == 0 or shot.negative != story.shots[0].negative:
            rows.append(f"    negative: {' '.join(shot.negative.split())}")
        if shot.seed is not None:
            rows.append(f"    seed: {shot.seed}")
    return "\n".join(rows)


def read_edits(text: str) -> list[Edit]:
    """Read the edits of a text. Raises InputError with every error, each with its line."""
    edits: list[Edit] = []
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#") or _NOTE.fullmatch(line):
            continue
        if match := _HEAD.fullmatch(line.rstrip()):
            hours, minutes, seconds, prompt = match.groups()
            edits.append(Edit(number, int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds), prompt))
        elif (match := _FIELD.fullmatch(line.rstrip())) and edits:
            name, value = match[1].lower(), match[2].strip()
            if name == "negative":
                edits[-1] = replace(edits[-1], negative=value)
            elif re.fullmatch(r"\d{1,19}", value):
                edits[-1] = replace(edits[-1], seed=int(value))
            else:
                problems.append(f"line {number}: a seed is a whole number, got '{value[:20]}'")
        else:
            problems.append(f"line {number}: '{line.strip()[:40]}' does not begin with a time such as 0:12.500")
    if problems:
        raise InputError(f"The edited story has {len(problems)} problem(s): {'; '.join(problems)}.")
    return edits


def apply_edits(story: Story, text: str) -> Story:
    """Apply the prompts, negatives and seeds of a text to a story; shots that it does not name stay.

    Raises InputError for a time at which no shot starts.
    """
    shots = list(story.shots)
    for edit in read_edits(text):
        index = min(range(len(shots)), key=lambda k: abs(shots[k].start - edit.seconds))
        shot = shots[index]
        if abs(shot.start - edit.seconds) > _SAME_SECONDS:
            raise InputError(
                f"The edited story, line {edit.line}: no shot starts at {clock_text(edit.seconds)}; the nearest starts "
                f"at {clock_text(shot.start)}."
            )
        shots[index] = edited(shot, prompt=edit.prompt, negative=edit.negative, seed=edit.seed)
    return Story(tuple(shots))


def edited(shot: Shot, *, prompt: str | None = None, negative: str | None = None, seed: int | None = None) -> Shot:
    """Change a shot's given fields; its record then says that the prompt was written by hand."""
    record = dict(shot.record)
    if prompt is not None and prompt != " ".join(shot.prompt.split()):
        record = {"by_hand": True} | {key: record[key] for key in ("section", "music", "returns") if key in record}
    else:
        prompt = shot.prompt
    return replace(
        shot,
        prompt=prompt,
        negative=shot.negative if negative is None else guarded_negative(negative),
        seed=shot.seed if seed is None else seed,
        record=record,
    )


def story_table(story: Story) -> dict:
    """What the page shows of a story: a row for each shot, with the colour of its mood."""
    return {
        "shots": [
            {
                "start": shot.start,
                "end": shot.end,
                "lyric": shot.lyric,
                "emotion": shot.emotion,
                "colour": COLOURS.get(shot.emotion, COLOURS[NEUTRAL]),
                "prompt": " ".join(shot.prompt.split()),
                "by_hand": bool(shot.record.get("by_hand", False)),
            }
            for shot in story.shots
        ]
    }
