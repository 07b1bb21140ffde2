"""Pictures whose making changes from frame to frame: which of a schedule's curves travel mode follows, and how.

A *recipe* is a row of numbers for one picture: t, guidance, LoRA strength, sampler steps, the noise's walk, the weight
of the shot before, and a weight per theme. A segment with recipes runs from one *still* to another, pictures that are
sampled alone; the positions on its way are the distance covered in recipes, so that what changes much lies far apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ..base.errors import InputError
from ..base.modulation import CURVES
from ..base.types import FrameSchedule, Story

T, CFG, LORA, STEPS, WALK, CARRY, THEMES = range(7)
FOLLOWED = {"cfg": CFG, "lora_strength": LORA, "steps": STEPS, "noise_walk": WALK, "carry": CARRY}
# How much a change of one counts against the whole way between two shots: found to be of the order of the change that
# is seen. Steps are compared by their share.
_COUNTS = {T: 1.0, CFG: 0.05, LORA: 0.5, WALK: 0.6, CARRY: 1.0}
# LoRA strengths are told apart in steps of this size: each one is a model of its own.
LORA_STEP = 0.05


@dataclass(frozen=True)
class Still:
    """A picture that is sampled alone: the end of a way. recipe: its row, t included."""

    shot_a: int
    shot_b: int
    recipe: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Recipes:
    """The recipes of a segment's pictures (p, columns) and the stills at its ends.

    themes: prompts of the columns from `THEMES` on. guided: whether any picture of the song is sampled with guidance.
    carries: whether any has something of the shot before.
    blend: the pictures between are a mixture of the two stills.
    """

    rows: np.ndarray
    start: Still
    end: Still
    themes: tuple[str, ...]
    guided: bool
    carries: bool
    blend: bool

    @property
    def even(self) -> bool:
        """Whether all pictures, the stills too, have the same number of sampler steps."""
        return {*self.rows[:, STEPS].tolist(), self.start.recipe[STEPS], self.end.recipe[STEPS]} == {
            self.start.recipe[STEPS]
        }

    @property
    def mix_only(self) -> bool:
        """Whether nothing but the mix of two shots changes on the way, its ends among them."""
        others = [*self.rows[:, T + 1 :].tolist(), list(self.start.recipe[1:]), list(self.end.recipe[1:])]
        return not self.blend and self.start.recipe[T] == 0 and all(other == others[0] for other in others)

    def at(self, position: float) -> list[float]:
        """The recipe at a position on the way, 0..1, where only the mix changes."""
        end = _on_the_way(self.end, self.start.shot_a)[T]
        return [position * end, *self.start.recipe[1:]]

    def ends(self) -> list[list[float]]:
        """The recipes of both stills as pictures on the way."""
        a = self.start.shot_a
        return [list(_on_the_way(still, a)) for still in (self.start, self.end)]

    def extras(self, story: Story, still: Still | None = None) -> tuple[str, ...]:
        """The prompts that a recipe mixes in: the shot before's, then the themes'.

        Where nothing carries over, its own stands for the shot before's, so that it does not depend on that shot.
        """
        shot = self.start.shot_a if still is None else still.shot_a
        return (story.shots[max(shot - 1, 0) if self.carries else shot].prompt, *self.themes)

    def material(self, story: Story) -> list:
        """All that the pictures depend on beside their two shots, for a digest."""
        ends = [(still.shot_a, still.shot_b, still.recipe) for still in (self.start, self.end)]
        first = min(still.shot_a for still in (self.start, self.end))
        places = [(a - first, b - first, recipe) for a, b, recipe in ends]
        return [self.rows, places, *(self.extras(story, still) for still in (self.start, self.end)), self.blend]


def is_plain(schedule: FrameSchedule) -> bool:
    """Whether travel mode finds nothing in a schedule but ways between shots."""
    followed = any(name in FOLLOWED for name in schedule.curves)
    return not followed and not schedule.themes and set(schedule.transition) <= {"slerp"}


def unfollowed(schedule: FrameSchedule) -> str | None:
    """A sentence about curves that travel mode does not follow, or None when there are none that do anything."""
    names = [
        name
        for name, values in schedule.curves.items()
        if name not in FOLLOWED and (CURVES[name].neutral is None or np.any(values != CURVES[name].neutral))
    ]
    if not names:
        return None
    listed = ", ".join(sorted(names))
    return f"Travel mode does not move pictures and left out: {listed}; feedback mode follows them."


def plain_fade(schedule: FrameSchedule) -> np.ndarray:
    """t as a fade between the two shots' own pictures, float64 (n_frames,): a dissolve goes on from where its shot got.

    For drafts and cards, which have no picture in between that a dissolve could start from.
    """
    t = schedule.t.copy()
    for start, stop in runs(schedule):
        before = start - 1
        joined = start and (schedule.shot_a[before], schedule.shot_b[before]) == (
            schedule.shot_a[start],
            schedule.shot_b[start],
        )
        if schedule.transition[start] == "dissolve" and joined:
            t[start:stop] = t[before] + (1 - t[before]) * t[start:stop]
    return t


def recipe_rows(schedule: FrameSchedule, *, cfg: float, steps: int, likeness: bool) -> np.ndarray:
    """The recipe of every frame, float64 (n_frames, columns).

    cfg, steps: the renderer's own. likeness: whether a LoRA is there whose strength can change.

    Raises InputError when the schedule changes the strength of a LoRA that is not there.
    """
    rows = np.zeros((schedule.n_frames, THEMES + len(schedule.themes)))
    rows[:, T] = schedule.t
    rows[:, CFG] = schedule.curve("cfg", cfg)
    strength = schedule.curve("lora_strength")
    if not likeness and np.any(strength != 1):
        raise InputError(
            "The schedule has a curve 'lora_strength' but no LoRA is known; connect identity_lora, or remove the curve."
        )
    rows[:, LORA] = np.floor(strength / LORA_STEP + 0.5) * LORA_STEP
    rows[:, STEPS] = np.clip(np.floor(steps * schedule.curve("steps") + 0.5), 1, 1000)
    rows[:, WALK] = schedule.curve("noise_walk")
    rows[:, CARRY] = schedule.curve("carry")
    for column, theme in enumerate(schedule.themes.values(), THEMES):
        rows[:, column] = theme.weights
    # Themes take the whole prompt at most.
    total = rows[:, THEMES:].sum(axis=1, keepdims=True)
    rows[:, THEMES:] /= np.maximum(total, 1.0)
    return rows


def runs(schedule: FrameSchedule) -> Iterator[tuple[int, int]]:
    """[start, stop) of frames with the same two shots and the same transition."""
    kinds = np.unique(np.array(schedule.transition), return_inverse=True)[1]
    marks = np.stack([schedule.shot_a, schedule.shot_b, kinds])
    starts = np.flatnonzero(np.any(np.diff(marks, axis=1, prepend=-1) != 0, axis=0)).tolist()
    yield from zip(starts, [*starts[1:], schedule.n_frames], strict=True)


def segment_recipes(
    schedule: FrameSchedule, rows: np.ndarray, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, Recipes]:
    """A run of frames as (positions (p,) ascending in 0..1, picture of each frame (n,), recipes).

    Where the next shot follows on a way, the way ends at its picture, which is sampled anyway; before a cut or a
    dissolve it ends at the run's own last picture, which a dissolve starts from. A dissolve's positions are its t.
    """
    a, b = int(schedule.shot_a[start]), int(schedule.shot_b[start])
    own = rows[start:stop].copy()
    if a == b:
        own[:, T] = 0
    kind = schedule.transition[start] if a != b else "slerp"
    themes = tuple(theme.prompt for theme in schedule.themes.values())
    shared = themes, bool(np.any(rows[:, CFG] != 1)), bool(np.any(rows[:, CARRY] > 0))
    begin, finish = _first(own), _arrival(schedule, rows, a, b, stop)
    if kind == "dissolve":
        if start and (schedule.shot_a[start - 1], schedule.shot_b[start - 1]) == (a, b):
            begin = rows[start - 1]
        positions, firsts, picture = np.unique(own[:, T], return_index=True, return_inverse=True)
        finish = finish or _still(b, b, _first(own[-1:]))
        return positions, picture, Recipes(own[firsts], _still(a, b, begin), finish, *shared, True)
    if kind == "cut" or finish is None or not np.any(own[:, T] > 0):
        finish = _still(a, b, own[-1])
    first = _still(a, b, begin)
    path = np.vstack([first.recipe, own, _on_the_way(finish, a)])
    distance = np.concatenate([[0.0], np.cumsum(_distances(path))])
    if distance[-1] > 0:
        distance /= distance[-1]
    positions, firsts, picture = np.unique(distance[1:-1], return_index=True, return_inverse=True)
    return positions, picture, Recipes(own[firsts], first, finish, *shared, False)


def shot_runs(schedule: FrameSchedule) -> Iterator[tuple[int, int, int]]:
    """(start, stop, shot that it leads to) of the frames of every shot, however long it holds before it leaves."""
    a, towards = schedule.shot_a, schedule.shot_b.copy()
    for frame in range(schedule.n_frames - 2, -1, -1):
        if towards[frame] == a[frame] and a[frame + 1] == a[frame]:
            towards[frame] = towards[frame + 1]
    marks = np.stack([a, towards])
    starts = np.flatnonzero(np.any(np.diff(marks, axis=1, prepend=-1) != 0, axis=0)).tolist()
    for start, stop in zip(starts, [*starts[1:], schedule.n_frames], strict=True):
        yield start, stop, int(towards[start])


def shot_recipes(schedule: FrameSchedule, rows: np.ndarray, start: int, stop: int, towards: int) -> Recipes:
    """The recipes of a shot in feedback, one per frame, from its own picture to the next shot's.

    While it holds it does not leave its own prompt, and while it dissolves not the place where it was before.
    """
    a, own = int(schedule.shot_a[start]), rows[start:stop].copy()
    holds = schedule.shot_b[start:stop] == a
    dissolves = np.array([kind == "dissolve" for kind in schedule.transition[start:stop]])
    for frame in range(stop - start):
        if holds[frame]:
            own[frame, T] = 0
        elif dissolves[frame]:
            own[frame, T] = own[frame - 1, T] if frame else 0
    first = _still(a, a, _first(own))
    themes = tuple(theme.prompt for theme in schedule.themes.values())
    shared = themes, bool(np.any(rows[:, CFG] != 1)), bool(np.any(rows[:, CARRY] > 0))
    return Recipes(own, first, _arrival(schedule, rows, a, towards, stop) or first, *shared, False)


def _first(own: np.ndarray) -> np.ndarray:
    row = own[0].copy()
    row[T] = 0
    return row


def _still(a: int, b: int, row: np.ndarray) -> Still:
    t = float(row[T])
    if t in (0.0, 1.0):
        a = b = b if t else a
        row = np.concatenate([[0.0], row[1:]])
    return Still(a, b, tuple(float(value) for value in row))


def _arrival(schedule: FrameSchedule, rows: np.ndarray, a: int, b: int, stop: int) -> Still | None:
    """The next shot's own picture where a run ends with its first frame, else None."""
    if a == b or stop >= schedule.n_frames or schedule.shot_a[stop] != b:
        return None
    return _still(b, b, _first(rows[stop:]))


def _on_the_way(still: Still, a: int) -> tuple[float, ...]:
    """A still's recipe with the t that it has on the way from shot a."""
    t = 1.0 if still.shot_a == still.shot_b != a else still.recipe[T]
    return (t, *still.recipe[1:])


def _distances(path: np.ndarray) -> np.ndarray:
    moves = np.abs(np.diff(path, axis=0))
    total = sum(moves[:, column] * count for column, count in _COUNTS.items())
    total += moves[:, STEPS] / np.maximum(path[1:, STEPS], path[:-1, STEPS])
    return total + moves[:, THEMES:].sum(axis=1)
