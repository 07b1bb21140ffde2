"""Text of Deforum, Parseq and FizzNodes read into prompts and curves. Nothing is evaluated; numbers only."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from ...base.errors import InputError
from ...base.json_text import load_json
from ...base.timing import snap_fps
from .keyframes import HINT, per_frame_values, read_keyframes
from .quotes import are_pairs, bare, single_quoted, straight, without_last_commas
from .units import DEFORUM, PARSEQ, per_second

# Prompts that Deforum adds to those of all frames, by the names of its older and newer settings.
_ALL_FRAMES = (("animation_prompts_positive", "positive_prompts"), ("animation_prompts_negative", "negative_prompts"))
# Deforum's settings that change what is seen and that a schedule of ours has no place for.
_NO_PLACE = re.compile(r"(translation_z|rotation_3d_\w+|perspective_\w+|.*_schedule|transform_center_\w+)$")
_STEP, _LINEAR = ("S",), ("L", "")


@dataclass
class Reading:
    """What a text says: prompts by frame (prompt, negative), keyframes by our curve, the rate that it counts by."""

    prompts: dict[int, tuple[str, str]] = field(default_factory=dict)
    keyframes: dict[str, dict[int, float]] = field(default_factory=dict)
    steps: dict[str, set[int]] = field(default_factory=dict)
    fps: Fraction | None = None
    size: tuple[int, int] | None = None
    left_out: list[str] = field(default_factory=list)
    # Whether the keyframes are in our own units.
    own: bool = False

    def curves(self, n_frames: int, fps: Fraction, *, text_fps: Fraction, size: tuple[int, int]) -> dict:
        """The curves in our own units.

        Parameters
        ----------
        n_frames : int
            Frames of the song.
        fps : Fraction
            Frames per second of the song.
        text_fps : Fraction
            Frames per second by which the text counts.
        size : tuple of int
            (width, height) in pixels, by which the text measures shifts.

        Returns
        -------
        dict of str to ndarray
            Name of a curve -> float64 (n_frames,).
        """
        made = {}
        for name, keys in self.keyframes.items():
            values = per_frame_values(keys, n_frames, fps, text_fps, steps=self.steps.get(name, set()))
            made[name] = values if self.own else per_second(name, values, text_fps, *size)
        return made


def read_text(text: str) -> Reading | None:
    """What a text in the form of one of the three programs says.

    Parameters
    ----------
    text : str
        Deforum's settings, a Parseq document, or FizzNodes' prompts.

    Returns
    -------
    Reading or None
        None when it is a bare keyframe string or empty.

    Raises
    ------
    InputError
        Everything that cannot be read, in one report, each with its place and what to do.
    """
    problems: list[str] = []
    stripped = straight(text.replace("\ufeff", "").strip())
    if are_pairs(stripped):
        reading = _fizz(stripped, problems)
    elif stripped.startswith("{"):
        data = _json(stripped)
        parseq = "keyframes" in data or "rendered_frames" in data
        reading = _parseq(data, problems) if parseq else _deforum(data, problems)
    else:
        return None
    if problems:
        raise report(problems)
    return reading


def report(problems: list[str]) -> InputError:
    """One error for all that is wrong.

    Parameters
    ----------
    problems : list of str
        At least one; the first eight are told, and the number of the others.
    """
    more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
    return InputError(f"The schedule text cannot be read: {'; '.join(problems[:8])}{more}.")


def _json(text: str) -> dict:
    try:
        data = load_json(without_last_commas(text), "The schedule text", strict=False)
    except json.JSONDecodeError as error:
        raise report([f"line {error.lineno}, character {error.colno}: {error.msg}"]) from None
    if not isinstance(data, dict):
        raise report(["it is no JSON object"])
    return data


# FizzNodes ------------------------------------------------------------------------------------------


def _fizz(text: str, problems: list[str]) -> Reading:
    reading, text = Reading(), bare(text)
    singles = single_quoted(text)
    if singles is not None:
        if not singles:
            problems.append("single quotes: a pair is not 'FRAME': 'PROMPT'; write \"FRAME\": \"PROMPT\"")
        _prompts(reading, singles, problems)
        return reading
    body = re.sub(r"(^|,)(\s*)(\d+)(\s*:)", r'\1\2"\3"\4', text)
    try:
        pairs = load_json("{" + body + "}", "The schedule text", strict=False, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        place = error.pos - 1
        line, column = text.count("\n", 0, place) + 1, place - (text.rfind("\n", 0, place) + 1) + 1
        problems.append(f'line {line}, character {column}: expected "FRAME": "PROMPT" with a comma between two')
        return reading
    _prompts(reading, pairs, problems)
    return reading


def _prompts(reading: Reading, pairs: list, problems: list[str]) -> None:
    for key, value in pairs:
        place = f"prompt at frame {key}"
        if not str(key).strip().isdigit():
            problems.append(f"{place}: '{key}' is no frame number")
        elif not isinstance(value, str):
            problems.append(f"{place}: it is no text")
        elif "`" in value or "${" in value:
            problems.append(f"{place}: it has a formula in it; {HINT}, or use Schedule Themes for prompt weights")
        elif int(key) in reading.prompts:
            problems.append(f"{place}: this frame has a prompt already")
        else:
            prompt, _, negative = value.partition("--neg")
            if prompt.strip():
                reading.prompts[int(key)] = (prompt.strip(), negative.strip())
            else:
                problems.append(f"{place}: it is empty")


# Deforum --------------------------------------------------------------------------------------------


def _deforum(data: dict, problems: list[str]) -> Reading:
    reading = Reading(fps=_fps(data.get("fps"), problems), size=_size(data.get("W"), data.get("H")))
    alone = bool(data) and all(str(key).strip().isdigit() for key in data)
    prompts = data if alone else data.get("prompts", data.get("animation_prompts", {}))
    if isinstance(prompts, dict):
        _prompts(reading, list(prompts.items()), problems)
        positive, negative = (
            next((data[name] for name in names if _says(data.get(name))), "") for names in _ALL_FRAMES
        )
        _add_to_all(reading, positive, negative, joint=" ")
    else:
        problems.append('prompts: it is no object of "FRAME": "PROMPT"')
    names = {other: name for name, other in DEFORUM.items()}
    for key, value in data.items():
        if key in names and isinstance(value, (str, int, float)):
            found = read_keyframes(value if isinstance(value, str) else f"0:({value})", key, problems)
            if found:
                reading.keyframes[names[key]] = found
        elif key in names:
            problems.append(f"{key}: it is no keyframe string such as 0:(1.0)")
        elif _NO_PLACE.match(key):
            reading.left_out.append(key)
    if not reading.prompts and not reading.keyframes and not problems:
        problems.append(f"there is neither a prompt nor one of {', '.join(names)} in it")
    return reading


def _says(value) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _add_to_all(reading: Reading, positive: str, negative: str, *, joint: str, after: bool = False) -> None:
    """Put what a text says for all frames into each prompt; before it, or after it."""
    if (positive or negative) and not reading.prompts:
        reading.left_out.append("prompts for all frames (there is no prompt to add them to)")
    for frame, (prompt, no) in reading.prompts.items():
        parts = [prompt, positive.strip()] if after else [positive.strip(), prompt]
        reading.prompts[frame] = (joint.join(filter(None, parts)), joint.join(filter(None, [no, negative.strip()])))


def _fps(value, problems: list[str]) -> Fraction | None:
    if value is None:
        return None
    try:
        return snap_fps(value)
    except InputError as error:
        problems.append(str(error).rstrip("."))
        return None


def _size(width, height) -> tuple[int, int] | None:
    sizes = (width, height)
    return sizes if all(isinstance(side, int) and 0 < side <= 16384 for side in sizes) else None


# Parseq ---------------------------------------------------------------------------------------------


def _parseq(data: dict, problems: list[str]) -> Reading:
    options = data.get("options")
    fps = options.get("output_fps") if isinstance(options, dict) else None
    reading = Reading(fps=_fps(fps, problems))
    rendered: Any = data.get("rendered_frames")
    rows: Any = rendered if isinstance(rendered, list) and rendered else data.get("keyframes")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problems.append("keyframes: it is no list of objects")
        return reading
    managed = data.get("managedFields")
    fields = {other: name for name, other in PARSEQ.items()}
    for other, name in fields.items():
        if rows is rendered or not isinstance(managed, list) or other in managed:
            _field(reading, rows, other, name, problems, rendered=rows is rendered)
    if isinstance(managed, list):
        reading.left_out += [name for name in managed if name not in fields]
    if rows is not rendered or not _rendered_prompts(reading, rendered, problems):
        _parseq_prompts(reading, data.get("prompts"), problems)
    if rows is not rendered and data.get("timeSeries"):
        reading.left_out.append("timeSeries")
    return reading


def _rendered_prompts(reading: Reading, rows: list[dict], problems: list[str]) -> bool:
    """Read the prompts that Parseq wrote into its rendered frames; whether there are any."""
    pairs: list[tuple] = []
    for row in rows:
        text = row.get("deforum_prompt")
        if _says(text) and (not pairs or pairs[-1][1] != text):
            pairs.append((row.get("frame", 0), text))
    if len(pairs) > max(2, len(rows) // 2):
        problems.append(
            "deforum_prompt: the prompts change with nearly every frame, as blended weights do; use Schedule Themes"
        )
    elif pairs:
        _prompts(reading, pairs, problems)
    return bool(pairs)


def _field(reading: Reading, rows: list[dict], other: str, name: str, problems: list[str], *, rendered: bool) -> None:
    keys, steps, kind = {}, set(), "L"
    for number, row in enumerate(rows, 1):
        frame, value = row.get("frame"), row.get(other)
        place = f"{other}, keyframe {number}"
        if isinstance(frame, bool) or not isinstance(frame, (int, float)) or frame != int(frame) or frame < 0:
            problems.append(f"{place}: 'frame' is no frame number")
            return
        given = row.get(f"{other}_i")
        kind = str(given).strip() if given is not None and not rendered else kind
        if kind not in (*_LINEAR, *_STEP):
            problems.append(
                f"{place}: '{kind[:40]}' at frame {int(frame)} is none of L and S; {HINT}, or export Parseq's rendered "
                "frames"
            )
            kind = "L"
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            problems.append(f"{place}: '{str(value)[:30]}' at frame {int(frame)} is no number; {HINT}")
            continue
        keys[int(frame)] = float(value)
        if kind in _STEP:
            steps.add(int(frame))
    if keys:
        reading.keyframes[name], reading.steps[name] = keys, steps


def _parseq_prompts(reading: Reading, prompts, problems: list[str]) -> None:
    if isinstance(prompts, dict) and prompts.get("enabled") is False:
        reading.left_out.append("prompts (they are switched off)")
        return
    common: dict = {}
    where = "append"
    if isinstance(prompts, dict) and isinstance(prompts.get("promptList"), list):
        common, where = prompts.get("commonPrompt") or {}, prompts.get("commonPromptPos", "append")
        prompts = prompts["promptList"]
    if isinstance(prompts, dict):
        prompts = [prompts | {"allFrames": True}]
    pairs = []
    for number, entry in enumerate(prompts if isinstance(prompts, list) else [], 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("positive"), str):
            problems.append(f"prompt {number}: it has no text 'positive'")
        elif entry.get("enabled") is False:
            reading.left_out.append(f"prompt {number} (it is switched off)")
        elif entry["positive"].strip():
            negative = str(entry.get("negative", "") or "")
            text = f"{entry['positive']} --neg {negative}" if negative.strip() else entry["positive"]
            pairs.append((0 if entry.get("allFrames", True) else entry.get("from", 0), text))
            overlap = entry.get("overlap")
            if isinstance(overlap, dict) and overlap.get("type", "none") != "none":
                reading.left_out.append(f"overlap of prompt {number}")
    _prompts(reading, pairs, problems)
    if isinstance(common, dict):
        _common_prompt(reading, common, where, problems)


def _common_prompt(reading: Reading, common: dict, where: str, problems: list[str]) -> None:
    """Add Parseq's prompt for all frames to each."""
    positive, negative = (str(common.get(name) or "") for name in ("positive", "negative"))
    if any("${" in text or "`" in text for text in (positive, negative)):
        problems.append(f"commonPrompt: it has a formula in it; {HINT}")
    elif (positive.strip() or negative.strip()) and where == "template":
        reading.left_out.append("commonPrompt (a template)")
    elif positive.strip() or negative.strip():
        _add_to_all(reading, positive, negative, joint=", ", after=where != "prepend")
