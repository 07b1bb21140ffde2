"""Keyframe strings, "0:(1.0), 24:(1.2)", as Deforum and FizzNodes write them: numbers only, read without evaluating."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

_KEY = re.compile(r"\s*[\"']?\s*(\d+)\s*[\"']?\s*:(.*)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z_]\w*")
HINT = "only numbers are read: bake the formula into a number for each keyframe"


def read_keyframes(text: str, name: str, problems: list[str]) -> dict[int, float]:
    """The keyframes of a keyframe string.

    Parameters
    ----------
    text : str
        Such as `0:(1.5), 24: 0.7`: a value is a number, perhaps in parentheses.
    name : str
        What the problems call the text.
    problems : list of str
        Takes what cannot be read, each with its place in the text. Formulas are named as such.

    Returns
    -------
    dict of int to float
        Frame -> value.
    """
    found: dict[int, float] = {}
    parts = list(_parts(text))
    if not parts:
        problems.append(f"{name}: it is empty; write keyframes such as 0:(1.0), 24:(1.2)")
    for offset, part in parts:
        place = f"{name}, character {offset + 1}"
        key = _KEY.fullmatch(part)
        if key is None:
            problems.append(f"{place}: '{part.strip()[:30]}' is not FRAME:(VALUE), such as 24:(1.2)")
            continue
        frame, value = int(key[1]), _bare(key[2])
        if _NUMBER.fullmatch(value) is None:
            words = sorted(set(_WORDS.findall(value)))
            kind = f"is a formula of {', '.join(words[:4])}; {HINT}" if words else f"is no number; {HINT}"
            problems.append(f"{place}: '{value[:40]}' at frame {frame} {kind}")
        elif frame in found:
            problems.append(f"{place}: frame {frame} has a value already")
        else:
            found[frame] = float(value)
    return found


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """(offset, text) of what stands between the commas that are in no parenthesis."""
    depth, start = 0, 0
    for index, letter in enumerate(text + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and (depth <= 0 or index == len(text)):
            if text[start:index].strip():
                yield start + len(text[start:index]) - len(text[start:index].lstrip()), text[start:index]
            start = index + 1


def _bare(value: str) -> str:
    value = value.strip()
    while len(value) > 1 and (value[0], value[-1]) in (("(", ")"), ('"', '"'), ("'", "'")):
        value = value[1:-1].strip()
    return value


def per_frame_values(
    keyframes: dict[int, float],
    n_frames: int,
    fps: Fraction,
    text_fps: Fraction,
    *,
    steps: frozenset[int] | set[int] = frozenset(),
) -> np.ndarray:
    """The values of all frames: linear between keyframes, held before the first and after the last.

    Parameters
    ----------
    keyframes : dict of int to float
        Frame -> value, at least one; frames count at `text_fps`.
    n_frames : int
        How many values are wanted.
    fps : Fraction
        Frames per second of the result.
    text_fps : Fraction
        Frames per second by which the keyframes count.
    steps : set of int
        Keyframes that hold their value until the next one.

    Returns
    -------
    ndarray
        float64 (n_frames,).
    """
    frames = sorted(keyframes)
    times = np.array([float(frame / text_fps) for frame in frames])
    values = np.array([keyframes[frame] for frame in frames])
    now = np.arange(n_frames) / float(fps)
    result = np.interp(now, times, values)
    # A hair later, so that a keyframe that falls on a frame is that frame's.
    now = now + 1e-9
    last = np.clip(np.searchsorted(times, now, side="right") - 1, 0, None)
    held = np.isin(np.array(frames)[last], list(steps)) & (now >= times[0])
    return np.where(held, values[last], result)
