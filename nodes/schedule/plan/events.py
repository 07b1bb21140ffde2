"""An event plan: the transition into each shot, from how hard the music hits there, and motion from its energy.

The audio-driven-video survey's rule: the percentile of the onset decides between a hard cut, a quick dissolve and a
smooth blend. Energy moves the picture, and where energy rises the picture zooms in. Music2Video's two rules are
options: the louder a shot, the more sampler steps its pictures get, and a shot begins with a share of the shot before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...base.errors import InputError
from ...base.modulation import CURVES
from ...base.timing import boundary
from ...base.types import FrameSchedule, Shot, SongAnalysis, Story
from ...song.curves.shape import follow
from ..modulate.modulate import drift_distance
from .onset import onset_slerp_schedule
from .settings import EventRules, MotionAmounts, Pacing

KINDS = ("cut", "dissolve", "blend")
# An onset counts for a shot's start when it is at most this far away, in seconds: both are heard as one.
NEAR_SECONDS = 0.05
# Seconds in which energy rises and falls in the motion that it drives.
ATTACK, RELEASE = 0.15, 0.6
# Music2Video takes 10 iterations, and 110 more at the song's full intensity.
LEAST_ITERATIONS, MORE_ITERATIONS = 10.0, 110.0
# Directions in which successive shots pan: dx, dy.
DIRECTIONS = ((1.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (0.0, 1.0))


@dataclass(frozen=True)
class Event:
    """How a shot begins.

    Attributes
    ----------
    shot : its number.
    time : its start, in seconds.
    kind : the transition into it, one of `KINDS`.
    seconds : how long a dissolve takes; 0 for the other kinds.
    rank : of its onset among the song's, 0..1, see `onset_ranks`.
    """

    shot: int
    time: float
    kind: str
    seconds: float = 0.0
    rank: float = 0.0


def onset_ranks(song: SongAnalysis, times: Sequence[float]) -> np.ndarray:
    """Percentile rank of the onset strength at some times among the song's onsets.

    Parameters
    ----------
    times : seconds.

    Returns
    -------
    float64 (n,) : 0..1; a half is the median, ties count half, silence is 0. In a song without onsets, the strength is
        compared with that of all frames.
    """
    curve = song.curve("onset").astype(np.float64)
    around = int(np.ceil(NEAR_SECONDS * float(song.fps)))

    def peak(time: float) -> float:
        frame = min(boundary(time, song.fps, song.n_frames), song.n_frames - 1)
        return float(curve[max(frame - around, 0) : frame + around + 1].max())

    heard = np.array([peak(time) for time in song.onsets]) if len(song.onsets) else curve
    found = []
    for strength in (peak(time) for time in times):
        below, equal = np.count_nonzero(heard < strength), np.count_nonzero(heard == strength)
        found.append(0.0 if strength <= 0 else (below + equal / 2) / len(heard))
    return np.array(found)


def plan_events(song: SongAnalysis, story: Story, rules: EventRules | None = None) -> list[Event]:
    """Plan the transition into every shot but the first, by the rank of its onset."""
    rules = rules or EventRules()
    starts = [shot.start for shot in story.shots[1:]]
    events = []
    for shot, (time, rank) in enumerate(zip(starts, onset_ranks(song, starts), strict=True), 1):
        kind = "cut" if rank >= rules.cut_above else "dissolve" if rank >= rules.dissolve_above else "blend"
        events.append(Event(shot, time, kind, rules.dissolve_seconds if kind == "dissolve" else 0.0, float(rank)))
    return events


def on_the_beat(song: SongAnalysis, story: Story, events: list[Event], *, max_move: float | None = None) -> Story:
    """Move the starts of shots that cut or dissolve in to the nearest beat, by at most `max_move` seconds.

    Without `max_move` it is that of `EventRules`. A start stays where the move would leave a shot without a frame, or
    where another shot starts on that beat.
    """
    max_move = EventRules.max_move if max_move is None else max_move
    starts = [shot.start for shot in story.shots]
    kinds = {event.shot: event.kind for event in events}
    for shot in range(1, len(starts)):
        if kinds.get(shot, "blend") == "blend" or not len(song.beats):
            continue
        beat = float(song.beats[np.abs(song.beats - starts[shot]).argmin()])
        before = boundary(starts[shot - 1], song.fps, song.n_frames)
        after = starts[shot + 1] if shot + 1 < len(starts) else story.duration
        frame = boundary(beat, song.fps, song.n_frames)
        if abs(beat - starts[shot]) <= max_move and before < frame < boundary(after, song.fps, song.n_frames):
            starts[shot] = beat
    ends = [*starts[1:], story.duration]
    return Story(tuple(_moved(shot, a, b) for shot, a, b in zip(story.shots, starts, ends, strict=True)))


def _moved(shot: Shot, start: float, end: float) -> Shot:
    return shot if (shot.start, shot.end) == (start, end) else replace(shot, start=start, end=end)


def event_schedule(
    song: SongAnalysis,
    story: Story,
    events: list[Event],
    rules: EventRules | None = None,
    motion: MotionAmounts | None = None,
) -> FrameSchedule:
    """Make a schedule with the planned transitions.

    Before a blend, t of a shot rises to 1, by its pacing mode. Before a cut or a dissolve it rises to `travel` only. A
    dissolve then fades, fastest in its middle, and reaches the next keyframe on the next shot's first frame.

    Parameters
    ----------
    events : how shots begin; a shot without an event blends in.
    rules : the mode, and how far a shot goes towards the next before a cut or a dissolve; 0 holds its keyframe.
    motion : without it the schedule has no curves.

    Raises
    ------
    InputError
        An event is of a shot that the story does not have.
    """
    rules = rules or EventRules()
    schedule = onset_slerp_schedule(song, story, Pacing(mode=rules.mode))
    t, transition = schedule.t.copy(), list(schedule.transition)
    firsts = [*story.first_frames(song.fps, song.n_frames), song.n_frames]
    for event in events:
        if not 0 < event.shot < len(story.shots):
            raise InputError(f"There is no shot {event.shot} that could begin with a {event.kind}.")
        start, end = firsts[event.shot - 1], firsts[event.shot]
        if event.kind == "blend":
            continue
        t[start:end] *= rules.travel
        length = int(np.floor(event.seconds * float(song.fps) + 0.5)) if event.kind == "dissolve" else 0
        length = min(length, (end - start) // 2)
        if length:
            u = np.arange(1, length + 1) / (length + 1)
            t[end - length : end] = u * u * (3 - 2 * u)
            transition[end - length : end] = ["dissolve"] * length
        else:
            transition[start:end] = ["cut"] * (end - start)
    curves = {} if motion is None else motion_curves(song, story, motion)
    return replace(schedule, t=t, transition=tuple(transition), curves=curves)


def energy(song: SongAnalysis) -> np.ndarray:
    """Smoothed loudness of the song, float64 (n_frames,) in 0..1, with its maximum at 1; 0 throughout in silence."""
    curve = song.curve("rms").astype(np.float64)
    # A song that begins loud does not rise at its start.
    lead = np.repeat(curve[:1], int(5 * RELEASE * float(song.fps)))
    values = follow(np.concatenate([lead, curve]), song.fps, attack=ATTACK, release=RELEASE)[len(lead) :]
    return np.clip(values / values.max(), 0, 1) if values.max(initial=0) > 0 else values


def rising(values: np.ndarray, fps: float) -> np.ndarray:
    """How fast a curve of 0..1 rises over the second before, 1 at its fastest, 0 where it falls: float64 (n,)."""
    lag = max(int(round(fps)), 1)
    before = np.concatenate([np.full(lag, values[0]), values])[: len(values)]
    rise = np.clip(values - before, 0, None)
    # What rises by less than a twentieth is no build-up.
    return rise / max(float(rise.max(initial=0)), 0.05)


def motion_curves(song: SongAnalysis, story: Story, motion: MotionAmounts) -> dict[str, np.ndarray]:
    """The curves of a motion, by name -> float64 (n_frames,); curves without an effect are left out."""
    fps, level = float(song.fps), energy(song)
    firsts = [*story.first_frames(song.fps, song.n_frames), song.n_frames]
    curves = {}
    if motion.zoom:
        curves["zoom"] = 1 + motion.zoom * rising(level, fps)
    if motion.drift:
        for axis, name in enumerate(("dx", "dy")):
            directions = [DIRECTIONS[shot % len(DIRECTIONS)][axis] for shot in range(len(story.shots))]
            curves[name] = motion.drift * level * np.repeat(directions, np.diff(firsts))
    if motion.walk:
        curves["noise_walk"] = drift_distance(motion.walk * level, fps)
    if motion.carry:
        since = np.concatenate([np.arange(count) for count in np.diff(firsts)]) / fps
        weight = motion.carry * np.clip(1 - since / max(motion.carry_seconds, 1e-3), 0, 1)
        weight[: firsts[1]] = 0
        curves["carry"] = weight
    if motion.intensity_steps:
        strength = song.curve("rms").astype(np.float64)
        low, high = float(strength.min()), float(strength.max())
        peaks = [float(strength[a:b].max()) for a, b in zip(firsts, firsts[1:], strict=False)]
        share = [(peak - low) / (high - low) if high > low else 1.0 for peak in peaks]
        most = LEAST_ITERATIONS + MORE_ITERATIONS
        factors = [max((LEAST_ITERATIONS + MORE_ITERATIONS * part) / most, CURVES["steps"].low) for part in share]
        curves["steps"] = np.repeat(factors, np.diff(firsts))
    return curves
