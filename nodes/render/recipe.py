"""Recipes: how a picture is sampled where a schedule changes more than t from frame to frame.

A *recipe* is a row of numbers for one picture: t, guidance, LoRA strength, sampler steps, noise drift, the weight of
the shot before, and a weight per theme. A segment with recipes runs from one keyframe to another. A picture's position
between them is the distance covered in recipes, so that pictures that differ much lie far apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..base.errors import InputError
from ..base.modulation import CURVES
from ..base.types import FrameSchedule, Story

T, CFG, LORA, STEPS, DRIFT, CARRY, THEMES = range(7)
FOLLOWED = {"cfg": CFG, "lora_strength": LORA, "steps": STEPS, "noise_walk": DRIFT, "carry": CARRY}
# Weights that make one unit of each parameter look about equally different; 1 is the whole interval between two shots.
# Sampler steps are compared by their ratio.
_COUNTS = {T: 1.0, CFG: 0.05, LORA: 0.5, DRIFT: 0.6, CARRY: 1.0}
# LoRA strengths are rounded to multiples of this, since each one is a model of its own.
LORA_STEP = 0.05


@dataclass(frozen=True)
class Keyframe:
    """A picture that is sampled alone: the end of an interval.

    Attributes
    ----------
    shot_a, shot_b : the shots that it lies between; both are its shot where it is a shot's own picture.
    recipe : its row, t included.
    """

    shot_a: int
    shot_b: int
    recipe: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Recipes:
    """The recipes of a segment's pictures and of the keyframes at its ends.

    Attributes
    ----------
    rows : float64 (p, columns), a row per picture.
    start, end : the keyframes.
    themes : prompts of the columns from `THEMES` on.
    guided : whether any picture of the song is sampled with guidance.
    carries : whether any picture of the song mixes in the shot before.
    blend : whether the pictures between are blended from the two keyframes, as in a dissolve.
    """

    rows: np.ndarray
    start: Keyframe
    end: Keyframe
    themes: tuple[str, ...]
    guided: bool
    carries: bool
    blend: bool

    @property
    def even(self) -> bool:
        """Whether all pictures, keyframes included, have the same number of sampler steps."""
        return {*self.rows[:, STEPS].tolist(), self.start.recipe[STEPS], self.end.recipe[STEPS]} == {
            self.start.recipe[STEPS]
        }

    @property
    def mix_only(self) -> bool:
        """Whether nothing but the mix of two shots changes in the interval, keyframes included."""
        others = [*self.rows[:, T + 1 :].tolist(), list(self.start.recipe[1:]), list(self.end.recipe[1:])]
        return not self.blend and self.start.recipe[T] == 0 and all(other == others[0] for other in others)

    def at(self, position: float) -> list[float]:
        """The recipe at a position in the interval, 0..1, where only the mix changes."""
        end = _on_interval(self.end, self.start.shot_a)[T]
        return [position * end, *self.start.recipe[1:]]

    def ends(self) -> list[list[float]]:
        """The recipes of both keyframes, with t as it is in this interval."""
        a = self.start.shot_a
        return [list(_on_interval(keyframe, a)) for keyframe in (self.start, self.end)]

    def extras(self, story: Story, keyframe: Keyframe | None = None) -> tuple[str, ...]:
        """The prompts that a recipe mixes in: the shot before's, then the themes'.

        Where no picture mixes in the shot before, its own prompt takes that place, so that it does not depend on it.
        """
        shot = self.start.shot_a if keyframe is None else keyframe.shot_a
        return (story.shots[max(shot - 1, 0) if self.carries else shot].prompt, *self.themes)

    def material(self, story: Story) -> list:
        """All that the pictures depend on beside their two shots, for a digest."""
        ends = [(keyframe.shot_a, keyframe.shot_b, keyframe.recipe) for keyframe in (self.start, self.end)]
        first = min(keyframe.shot_a for keyframe in (self.start, self.end))
        places = [(a - first, b - first, recipe) for a, b, recipe in ends]
        return [self.rows, places, *(self.extras(story, keyframe) for keyframe in (self.start, self.end)), self.blend]


def is_plain(schedule: FrameSchedule) -> bool:
    """Whether a schedule has nothing for travel mode but t: no curve that it follows, no theme, cut or dissolve."""
    followed = any(name in FOLLOWED for name in schedule.curves)
    return not followed and not schedule.themes and set(schedule.transition) <= {"slerp"}


def unfollowed(schedule: FrameSchedule) -> str | None:
    """A sentence that names the curves that travel mode does not follow; None when none of those has an effect."""
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
    """t as a fade between keyframes, float64 (n_frames,): a dissolve continues from the t that its shot has reached.

    Drafts and cards need it, since they have no picture in between that a dissolve could start from.
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
    """The recipe of every frame.

    Parameters
    ----------
    cfg, steps : the renderer's own guidance and sampler steps.
    likeness : whether there is a LoRA whose strength can change.

    Returns
    -------
    float64 (n_frames, columns).

    Raises
    ------
    InputError
        The schedule changes the strength of a LoRA that is not there.
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
    rows[:, DRIFT] = schedule.curve("noise_walk")
    rows[:, CARRY] = schedule.curve("carry")
    for column, theme in enumerate(schedule.themes.values(), THEMES):
        rows[:, column] = theme.weights
    # Themes take the whole prompt at most.
    total = rows[:, THEMES:].sum(axis=1, keepdims=True)
    rows[:, THEMES:] /= np.maximum(total, 1.0)
    return rows


def runs(schedule: FrameSchedule) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) of consecutive frames with the same two shots and the same transition."""
    kinds = np.unique(np.array(schedule.transition), return_inverse=True)[1]
    marks = np.stack([schedule.shot_a, schedule.shot_b, kinds])
    starts = np.flatnonzero(np.any(np.diff(marks, axis=1, prepend=-1) != 0, axis=0)).tolist()
    yield from zip(starts, [*starts[1:], schedule.n_frames], strict=True)


def segment_recipes(
    schedule: FrameSchedule, rows: np.ndarray, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, Recipes]:
    """The pictures of a run of frames, and their recipes.

    A run that leads to the next shot ends at that shot's keyframe, which is sampled anyway. Before a cut or a dissolve
    it ends at its own last picture, which a dissolve starts from.

    Parameters
    ----------
    rows : float64 (n_frames, columns), of `recipe_rows`.
    start, stop : the run, of `runs`.

    Returns
    -------
    positions : float64 (p,), ascending in 0..1; in a dissolve, its t.
    picture : int64 (n,), the picture of each frame.
    recipes : of the p pictures.
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
        finish = finish or _keyframe(b, b, _first(own[-1:]))
        return positions, picture, Recipes(own[firsts], _keyframe(a, b, begin), finish, *shared, True)
    if kind == "cut" or finish is None or not np.any(own[:, T] > 0):
        finish = _keyframe(a, b, own[-1])
    first = _keyframe(a, b, begin)
    path = np.vstack([first.recipe, own, _on_interval(finish, a)])
    distance = np.concatenate([[0.0], np.cumsum(_distances(path))])
    if distance[-1] > 0:
        distance /= distance[-1]
    positions, firsts, picture = np.unique(distance[1:-1], return_index=True, return_inverse=True)
    return positions, picture, Recipes(own[firsts], first, finish, *shared, False)


def shot_runs(schedule: FrameSchedule) -> Iterator[tuple[int, int, int]]:
    """Yield (start, stop, the shot it leads to) for the frames of every shot, those in which it holds included."""
    a, towards = schedule.shot_a, schedule.shot_b.copy()
    for frame in range(schedule.n_frames - 2, -1, -1):
        if towards[frame] == a[frame] and a[frame + 1] == a[frame]:
            towards[frame] = towards[frame + 1]
    marks = np.stack([a, towards])
    starts = np.flatnonzero(np.any(np.diff(marks, axis=1, prepend=-1) != 0, axis=0)).tolist()
    for start, stop in zip(starts, [*starts[1:], schedule.n_frames], strict=True):
        yield start, stop, int(towards[start])


def shot_recipes(schedule: FrameSchedule, rows: np.ndarray, start: int, stop: int, towards: int) -> Recipes:
    """The recipes of a whole shot, one per frame, from its keyframe to the next shot's.

    While the shot holds, t is 0; while it dissolves, t stays as it was before.
    """
    a, own = int(schedule.shot_a[start]), rows[start:stop].copy()
    holds = schedule.shot_b[start:stop] == a
    dissolves = np.array([kind == "dissolve" for kind in schedule.transition[start:stop]])
    for frame in range(stop - start):
        if holds[frame]:
            own[frame, T] = 0
        elif dissolves[frame]:
            own[frame, T] = own[frame - 1, T] if frame else 0
    first = _keyframe(a, a, _first(own))
    themes = tuple(theme.prompt for theme in schedule.themes.values())
    shared = themes, bool(np.any(rows[:, CFG] != 1)), bool(np.any(rows[:, CARRY] > 0))
    return Recipes(own, first, _arrival(schedule, rows, a, towards, stop) or first, *shared, False)


def _first(own: np.ndarray) -> np.ndarray:
    row = own[0].copy()
    row[T] = 0
    return row


def _keyframe(a: int, b: int, row: np.ndarray) -> Keyframe:
    t = float(row[T])
    if t in (0.0, 1.0):
        a = b = b if t else a
        row = np.concatenate([[0.0], row[1:]])
    return Keyframe(a, b, tuple(float(value) for value in row))


def _arrival(schedule: FrameSchedule, rows: np.ndarray, a: int, b: int, stop: int) -> Keyframe | None:
    """The next shot's keyframe where a run leads to it, else None."""
    if a == b or stop >= schedule.n_frames or schedule.shot_a[stop] != b:
        return None
    return _keyframe(b, b, _first(rows[stop:]))


def _on_interval(keyframe: Keyframe, a: int) -> tuple[float, ...]:
    """A keyframe's recipe with the t that it has in an interval from shot a."""
    t = 1.0 if keyframe.shot_a == keyframe.shot_b != a else keyframe.recipe[T]
    return (t, *keyframe.recipe[1:])


def _distances(path: np.ndarray) -> np.ndarray:
    moves = np.abs(np.diff(path, axis=0))
    total = sum(moves[:, column] * count for column, count in _COUNTS.items())
    total += moves[:, STEPS] / np.maximum(path[1:, STEPS], path[:-1, STEPS])
    return total + moves[:, THEMES:].sum(axis=1)
