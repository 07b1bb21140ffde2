"""MUSIC_EMOTION: arousal and valence of a song over time, and what mood they make of its parts."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...base.errors import InputError
from ...base.json_type import Fields, JsonType, numbers

HOP_SECONDS = 0.5
# Label -> signs of (arousal, valence) about the origin.
QUADRANTS = {"melancholy": (-1, -1), "serene": (-1, 1), "tense": (1, -1), "euphoric": (1, 1)}
NEUTRAL = "neutral"
LABELS = (*QUADRANTS, NEUTRAL)
COLOURS = {"melancholy": "#9a7bd0", "serene": "#5b9bef", "tense": "#e4606d", "euphoric": "#e8c14a", NEUTRAL: "#8a94a6"}


@dataclass(frozen=True)
class EmotionSegment:
    """[start, end) in seconds of one mood."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, eq=False)
class EmotionTimeline(JsonType):
    """The mood of a song over time (MUSIC_EMOTION).

    duration: seconds. arousal, valence: float32 (ceil(duration / HOP_SECONDS),) in -1..1; value k stands for
    [k, k + 1) * HOP_SECONDS. segments: in order, without gaps, 0..duration. origin: the (arousal, valence) about
    which the labels were told apart. model: what judged ("opensmile", "built-in", "rules" or "given").
    """

    io_type: ClassVar[str] = "MUSIC_EMOTION"

    duration: float
    arousal: np.ndarray
    valence: np.ndarray
    segments: tuple[EmotionSegment, ...]
    origin: tuple[float, float] = (0.0, 0.0)
    model: str = "given"

    def __post_init__(self):
        n = count(self.duration)
        for name in ("arousal", "valence"):
            values = getattr(self, name)
            if len(values) != n:
                raise InputError(f"MUSIC_EMOTION: '{name}' has {len(values)} values; {self.duration:g} s need {n}.")
            if n and np.abs(values).max() > 1:
                raise InputError(f"MUSIC_EMOTION: '{name}' must stay in -1..1, it reaches {np.abs(values).max():g}.")
        if not self.segments or self.segments[0].start != 0 or self.segments[-1].end != self.duration:
            raise InputError("MUSIC_EMOTION: the segments must go from 0 to the duration.")
        for segment, following in zip(self.segments, [*self.segments[1:], None], strict=True):
            if segment.label not in LABELS:
                raise InputError(f"MUSIC_EMOTION: the label '{segment.label}' is none of {', '.join(LABELS)}.")
            if segment.end <= segment.start or (following is not None and segment.end != following.start):
                raise InputError(f"MUSIC_EMOTION: the segment at {segment.start:g} s leaves a gap or has no length.")

    def label_at(self, seconds: float) -> str:
        """The mood at an instant."""
        index = bisect_right(self.segments, seconds, key=lambda segment: segment.start) - 1
        return self.segments[max(index, 0)].label

    def label_of(self, start: float, end: float) -> str:
        """The mood that takes most of [start, end)."""
        shares: dict[str, float] = {}
        index = max(bisect_right(self.segments, start, key=lambda segment: segment.start) - 1, 0)
        for segment in self.segments[index:]:
            if segment.start >= end:
                break
            shared = min(segment.end, end) - max(segment.start, start)
            shares[segment.label] = shares.get(segment.label, 0.0) + shared
        return max(shares, key=shares.__getitem__) if shares else self.segments[-1].label

    def mean(self, start: float, end: float) -> tuple[float, float]:
        """Mean (arousal, valence) over [start, end)."""
        first = min(int(start / HOP_SECONDS), len(self.arousal) - 1)
        last = max(min(math.ceil(end / HOP_SECONDS), len(self.arousal)), first + 1)
        return float(self.arousal[first:last].mean()), float(self.valence[first:last].mean())

    def to_json(self) -> dict:
        return self._head() | {
            "duration": self.duration,
            "hop": HOP_SECONDS,
            "model": self.model,
            "origin": list(self.origin),
            "arousal": numbers(self.arousal),
            "valence": numbers(self.valence),
            "segments": [vars(segment) for segment in self.segments],
        }

    @classmethod
    def from_json(cls, data: Any) -> EmotionTimeline:
        fields = cls._open(data)
        if fields.number("hop", HOP_SECONDS) != HOP_SECONDS:
            raise fields.fail("hop", f"{HOP_SECONDS:g} seconds")
        parts = [Fields("MUSIC_EMOTION segment", item) for item in fields.objects("segments")]
        return cls(
            duration=fields.number("duration"),
            arousal=fields.array("arousal", dtype=np.float32),
            valence=fields.array("valence", dtype=np.float32),
            segments=tuple(
                EmotionSegment(part.number("start"), part.number("end"), part.text("label")) for part in parts
            ),
            origin=tuple(fields.array("origin").tolist()) if "origin" in fields.data else (0.0, 0.0),
            model=fields.text("model", "given"),
        )


def count(duration: float) -> int:
    """How many values cover `duration` seconds."""
    return max(math.ceil(duration / HOP_SECONDS - 1e-9), 1)
