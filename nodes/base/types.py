"""The pack's own socket types, each a frozen dataclass with an exact JSON form.

Every type has `io_type` (the socket name), `to_json()`, `from_json()` and `of()`. `of()` is what a
node calls on its input: it takes the dataclass, its JSON as a dict, or its JSON as a string, so
that a STRING socket, a file or an API caller can carry the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from .errors import InputError
from .guard import check_prompt, guarded_negative
from .json_type import Fields as _Fields
from .json_type import JsonType
from .json_type import numbers as _numbers
from .json_type import shown as _shown
from .modulation import CURVES, CurveRange, Theme, check_curve
from .timing import boundary, frame_count


@dataclass(frozen=True)
class Section:
    """A part of the song.

    Attributes
    ----------
    start, end : [start, end) in seconds.
    label : by repetition, such as A, B, A.
    energy : mean, 0..1.
    kind : intro, build, drop, break, outro, or empty where the energy shows none of these.
    """

    start: float
    end: float
    label: str
    energy: float
    kind: str = ""


@dataclass(frozen=True)
class Cut:
    """A good place to cut: its time in seconds, and how much the music changes there, 0..1."""

    time: float
    strength: float


@dataclass(frozen=True, eq=False)
class SongAnalysis(JsonType):
    """The analysis of a song (BEAT_ENVELOPE).

    Attributes
    ----------
    duration : seconds.
    fps : frames per second of the video, which has n_frames = ceil(duration * fps).
    curves : name -> float32 (n_frames,) in 0..1.
    beats, downbeats, onsets : float64, seconds, ascending.
    tempo : BPM; 0 when there is no beat.
    tempo_per_beat : float64, BPM, one per beat.
    sections : in order.
    chroma : float32 (12, n_frames), C first, or None.
    cuts : good places to cut, the strongest first.
    beat_confidence : 0..1, that the music has a beat; beats are given from 0.5 on.
    """

    io_type: ClassVar[str] = "BEAT_ENVELOPE"

    duration: float
    fps: Fraction
    curves: dict[str, np.ndarray]
    beats: np.ndarray
    downbeats: np.ndarray
    onsets: np.ndarray
    tempo: float
    tempo_per_beat: np.ndarray
    sections: tuple[Section, ...] = ()
    chroma: np.ndarray | None = None
    cuts: tuple[Cut, ...] = ()
    beat_confidence: float = 1.0

    def __post_init__(self):
        for name in ("beats", "downbeats", "onsets"):
            if np.any(np.diff(getattr(self, name)) <= 0):
                raise InputError(f"{self.io_type}: the times in '{name}' must ascend.")

    @property
    def n_frames(self) -> int:
        return frame_count(self.duration, self.fps)

    def curve(self, name: str) -> np.ndarray:
        """The curve of that name, float32 (n_frames,). Raises InputError naming the curves there are."""
        if name not in self.curves:
            raise InputError(f"This song has no curve '{name}'; it has: {', '.join(sorted(self.curves))}.")
        return self.curves[name]

    def beat_frames(self) -> list[int]:
        """The frame boundary of every beat that falls on a frame of the video."""
        frames = (boundary(beat, self.fps, self.n_frames) for beat in self.beats)
        return [frame for frame in frames if frame < self.n_frames]

    def to_json(self) -> dict:
        return self._head() | {
            "duration": self.duration,
            "fps": str(self.fps),
            "n_frames": self.n_frames,
            "tempo": self.tempo,
            "beats": _numbers(self.beats),
            "downbeats": _numbers(self.downbeats),
            "onsets": _numbers(self.onsets),
            "tempo_per_beat": _numbers(self.tempo_per_beat),
            "beat_confidence": self.beat_confidence,
            "sections": [vars(section) for section in self.sections],
            "cuts": [vars(cut) for cut in self.cuts],
            "curves": {name: _numbers(curve) for name, curve in self.curves.items()},
            "chroma": None if self.chroma is None else [_numbers(row) for row in self.chroma],
        }

    @classmethod
    def from_json(cls, data: Any) -> SongAnalysis:
        fields = cls._open(data)
        duration, fps, n_frames = fields.clock()
        curves = _Fields("BEAT_ENVELOPE curves", fields.value("curves"))
        chroma = fields.value("chroma", None)
        if chroma is not None:
            rows = _Fields("BEAT_ENVELOPE chroma", {str(i): row for i, row in enumerate(fields.objects("chroma"))})
            chroma = np.stack([rows.array(name, dtype=np.float32, length=n_frames) for name in rows.data])
        sections = []
        for item in fields.objects("sections", []):
            part = _Fields("BEAT_ENVELOPE section", item)
            sections.append(
                Section(
                    part.number("start"),
                    part.number("end"),
                    part.text("label"),
                    part.number("energy"),
                    part.text("kind", ""),
                )
            )
        cuts = [_Fields("BEAT_ENVELOPE cut", item) for item in fields.objects("cuts", [])]
        return cls(
            duration=duration,
            fps=fps,
            curves={name: curves.array(name, dtype=np.float32, length=n_frames) for name in curves.data},
            beats=fields.array("beats"),
            downbeats=fields.array("downbeats"),
            onsets=fields.array("onsets"),
            tempo=fields.number("tempo"),
            tempo_per_beat=fields.array("tempo_per_beat"),
            sections=tuple(sections),
            chroma=chroma,
            cuts=tuple(Cut(cut.number("time"), cut.number("strength")) for cut in cuts),
            beat_confidence=fields.number("beat_confidence", 1.0),
        )


@dataclass(frozen=True)
class Shot:
    """One shot of a story.

    Attributes
    ----------
    start, end : [start, end) in seconds.
    prompt, negative : what it shows, and what it must not show.
    seed : of the shot's noise; None derives one from the render seed and the shot's index.
    lyric, emotion : the words sung during the shot, and its mood.
    record : free notes about the shot (place, light, camera ...), kept unchanged.
    """

    start: float
    end: float
    prompt: str
    negative: str = ""
    seed: int | None = None
    lyric: str = ""
    emotion: str = ""
    record: dict = field(default_factory=dict)

    def to_json(self) -> dict:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> Shot:
        fields = _Fields("STORY shot", data)
        record = fields.value("record", {})
        if not isinstance(record, dict):
            raise fields.fail("record", "an object")
        return cls(
            start=fields.number("start"),
            end=fields.number("end"),
            prompt=fields.text("prompt"),
            negative=guarded_negative(fields.text("negative", "")),
            seed=None if fields.value("seed", None) is None else fields.integer("seed"),
            lyric=fields.text("lyric", ""),
            emotion=fields.text("emotion", ""),
            record=record,
        )


@dataclass(frozen=True)
class Story(JsonType):
    """The shots of a video (STORY): in order, without gaps, from 0 to the song's duration in seconds."""

    io_type: ClassVar[str] = "STORY"

    shots: tuple[Shot, ...]

    def __post_init__(self):
        if not self.shots:
            raise InputError("STORY: there is no shot in it; give at least one prompt.")
        if self.shots[0].start != 0:
            raise InputError(f"STORY: the first shot must start at 0 s, it starts at {self.shots[0].start:g} s.")
        for number, (shot, following) in enumerate(pairwise(self.shots), 1):
            if shot.end != following.start:
                raise InputError(
                    f"STORY: shot {number} ends at {shot.end:g} s but shot {number + 1} starts at "
                    f"{following.start:g} s; shots must follow without gap or overlap."
                )
        for number, shot in enumerate(self.shots, 1):
            if not shot.end > shot.start:
                raise InputError(f"STORY: shot {number} ends at {shot.end:g} s, not after its start {shot.start:g} s.")
            check_prompt(shot.prompt, f"STORY: shot {number}")

    @property
    def duration(self) -> float:
        """Seconds covered."""
        return self.shots[-1].end

    def first_frames(self, fps: Fraction, n_frames: int) -> list[int]:
        """The frame on which each shot starts.

        Raises InputError when a shot would have no frame of its own at this frame rate.
        """
        frames = [boundary(shot.start, fps, n_frames) for shot in self.shots]
        for number, (frame, following) in enumerate(pairwise([*frames, n_frames]), 1):
            if following <= frame:
                raise InputError(
                    f"STORY: shot {number} ({self.shots[number - 1].start:g} s) is shorter than one frame at "
                    f"{float(fps):g} fps; move it or remove it."
                )
        return frames

    def to_json(self) -> dict:
        return self._head() | {"shots": [shot.to_json() for shot in self.shots]}

    @classmethod
    def from_json(cls, data: Any) -> Story:
        return cls(tuple(Shot.from_json(item) for item in cls._open(data).objects("shots")))


@dataclass(frozen=True, eq=False)
class FrameSchedule(JsonType):
    """What each frame of the video is made of (FRAME_SCHEDULE).

    Attributes
    ----------
    fps : frames per second.
    duration : seconds; the whole song has n_frames = ceil(duration * fps).
    shot_a, shot_b : int64 (n_frames,), the shots that a frame lies between.
    t : float64 (n_frames,) in 0..1; 0 shows shot_a, 1 would show shot_b.
    transition : per frame, how a becomes b: "slerp"; "cut" (a slerp as far as t goes, then the next shot); "dissolve"
        (the picture before the dissolve is blended with shot_b's, whose share is t).
    curves : name -> float64 (n_frames,), any of `CURVES`, which declares range, neutral value and unit. An absent curve
        is neutral.
    themes : name -> a prompt and its weight per frame, mixed into the shots' prompts.
    """

    io_type: ClassVar[str] = "FRAME_SCHEDULE"
    CURVES: ClassVar[dict[str, CurveRange]] = CURVES
    TRANSITIONS: ClassVar[tuple[str, ...]] = ("slerp", "cut", "dissolve")

    fps: Fraction
    duration: float
    shot_a: np.ndarray
    shot_b: np.ndarray
    t: np.ndarray
    transition: tuple[str, ...]
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    themes: dict[str, Theme] = field(default_factory=dict)

    def __post_init__(self):
        n_frames = frame_count(self.duration, self.fps)
        for name in ("shot_a", "shot_b", "t", "transition"):
            if len(getattr(self, name)) != n_frames:
                raise InputError(
                    f"{self.io_type}: '{name}' has {len(getattr(self, name))} values but {self.duration:g} s at "
                    f"{float(self.fps):g} fps are {n_frames} frames."
                )
        if n_frames and (self.t.min() < 0 or self.t.max() > 1):
            raise InputError(f"{self.io_type}: 't' must stay in 0..1, it reaches {self.t.min():g}..{self.t.max():g}.")
        unknown = sorted(set(self.transition) - set(self.TRANSITIONS)) + sorted(set(self.curves) - set(self.CURVES))
        if unknown:
            raise InputError(f"{self.io_type}: unknown transition or curve '{unknown[0]}'.")
        for name, values in self.curves.items():
            check_curve(f"{self.io_type}: '{name}'", values, n_frames, CURVES[name])
        for name, theme in self.themes.items():
            theme.check(f"{self.io_type}: theme '{name}'", n_frames)

    @property
    def n_frames(self) -> int:
        return len(self.t)

    def check_story(self, story: Story) -> None:
        """Raises InputError when the schedule names shots that the story lacks, or both differ in length."""
        last = int(max(self.shot_a.max(), self.shot_b.max())) if self.n_frames else -1
        if last >= len(story.shots):
            raise InputError(
                f"The schedule names shot {last} but the story has {len(story.shots)} (0 to {len(story.shots) - 1}); "
                "make the schedule from this story."
            )
        if abs(story.duration - self.duration) > 1e-3:
            raise InputError(
                f"The story lasts {story.duration:.3f} s but the schedule {self.duration:.3f} s; "
                "make both from one song."
            )

    def curve(self, name: str, default: float | None = None) -> np.ndarray:
        """A curve by name, float64 (n_frames,): its own values, else `default`, else the neutral value.

        Raises InputError when there is no curve of that name, or an absent one has no neutral value and no default
        is given.
        """
        if name not in CURVES:
            raise InputError(f"There is no curve '{name}'; those of a schedule are: {', '.join(CURVES)}.")
        if name in self.curves:
            return self.curves[name]
        value = CURVES[name].neutral if default is None else default
        if value is None:
            raise InputError(f"The schedule has no curve '{name}', whose value then is the renderer's own setting.")
        return np.full(self.n_frames, value)

    def to_json(self) -> dict:
        themes = {name: theme.to_json() for name, theme in self.themes.items()}
        return (
            self._head()
            | ({"themes": themes} if themes else {})
            | {
                "fps": str(self.fps),
                "duration": self.duration,
                "n_frames": self.n_frames,
                "shot_a": _numbers(self.shot_a),
                "shot_b": _numbers(self.shot_b),
                "t": _numbers(self.t),
                "transition": list(self.transition),
                "curves": {name: _numbers(curve) for name, curve in self.curves.items()},
            }
        )

    @classmethod
    def from_json(cls, data: Any) -> FrameSchedule:
        fields = cls._open(data)
        curves = _Fields("FRAME_SCHEDULE curves", fields.value("curves", {}))
        themes = _Fields("FRAME_SCHEDULE themes", fields.value("themes", {}))
        duration, fps, n_frames = fields.clock()
        transition = tuple(fields.objects("transition"))
        if not all(isinstance(name, str) for name in transition):
            raise fields.fail("transition", "a list of strings")
        return cls(
            fps=fps,
            duration=duration,
            shot_a=fields.array("shot_a", dtype=np.int64),
            shot_b=fields.array("shot_b", dtype=np.int64),
            t=fields.array("t"),
            transition=transition,
            curves={name: curves.array(name, length=n_frames) for name in curves.data},
            themes={name: Theme.from_json(item) for name, item in themes.data.items()},
        )


@dataclass(frozen=True)
class IdentityRef(JsonType):
    """A consenting person (CHARCHA_IDENTITY): the id of a record and nothing else.

    It proves nothing by itself: whoever uses it calls `charcha.store.load_identity` at every execution.
    """

    io_type: ClassVar[str] = "CHARCHA_IDENTITY"

    record: str

    def __post_init__(self):
        if not re.fullmatch(r"[a-z2-7]{26}", self.record):
            raise InputError(f"{self.io_type}: {_shown(self.record)} is not the id of a record.")

    def to_json(self) -> dict:
        return self._head() | {"record": self.record}

    @classmethod
    def from_json(cls, data: Any) -> IdentityRef:
        return cls(cls._open(data).text("record"))
