"""What has to be sampled for a video: its segments, what each may cost, and by what names finished parts are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..base.errors import InputError
from ..base.timing import boundary, exact_seconds, frame_count, frame_start
from ..base.types import FrameSchedule, Story
from ..diffusion.animatediff import WINDOW, MotionModule
from ..host.digest import Digest
from .anchors import Interval
from .feedback_plan import FeedbackPlan, plan_feedback
from .quality import FEEDBACK, TRAVEL, quality_named
from .recipe import (
    LORA,
    STEPS,
    Keyframe,
    Recipes,
    T,
    is_plain,
    plain_fade,
    recipe_rows,
    runs,
    segment_recipes,
    shot_recipes,
    shot_runs,
    unfollowed,
)
from .settings import RenderSettings

# Raised whenever the same inputs would give other pictures, so that old unfinished work is not continued.
RENDER_VERSION = 4
# Measuring an interval may use at most half of the calls that a quarter of exact mode's would allow, or the quality's
# share where that is less.
MEASURING, MEASURED_AT = 0.5, 0.25
# Seconds that a crossfade past a jump or a detour takes.
CROSSFADE = 1 / 6
# Frames that are decoded and encoded together, counted from the start of a segment.
CHUNK_FRAMES = 48


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive frames of the interval between the same two shots. It depends on its shots and these numbers only.

    Attributes
    ----------
    shot_a, shot_b : the shots at both ends.
    first_frame : in the song.
    t : float64 (p,), the different positions that its frames show, ascending: its pictures. With recipes, positions
        between its keyframes.
    picture : int64 (n,), the picture that each frame shows.
    before_hold : whether shot b holds one picture, so that this segment has to save that picture's calls too.
    recipes : where more changes than t.
    feedback_plan : in feedback, how its frames come from each other; each frame has a recipe then.
    windows : with a motion module, pictures that are sampled together; each frame has a recipe then.
    """

    shot_a: int
    shot_b: int
    first_frame: int
    t: np.ndarray
    picture: np.ndarray
    before_hold: bool = False
    recipes: Recipes | None = None
    feedback_plan: FeedbackPlan | None = None
    windows: tuple[range, ...] | None = None

    @property
    def blend(self) -> bool:
        """Whether nothing is sampled between its ends, only blended."""
        return self.recipes is not None and self.recipes.blend

    def ends(self) -> tuple[int | Keyframe, int | Keyframe]:
        """The keyframes at both ends; as the number of a shot where the segment has no recipes."""
        if self.recipes is not None:
            return self.recipes.start, self.recipes.end
        return self.shot_a, self.shot_b if np.any(self.t > 0) else self.shot_a

    def place(self, picture: int) -> int:
        """The row of a shot's noise (16, 4, h, w) that a picture starts from, for a motion module.

        Rows are counted through the whole song, so that the noise continues from window to window and shot to shot.
        """
        return (self.first_frame + picture) % WINDOW

    @property
    def last_frame(self) -> int:
        """The frame after the segment."""
        return self.first_frame + len(self.picture)

    def interval(self, more: Sequence[float] = ()) -> Interval:
        """The interval from shot a's keyframe (t = 0) to shot b's (t = 1), with the segment's pictures in it.

        more: further positions that may be sampled, which no frame shows.
        """
        shown = np.bincount(self.picture, minlength=len(self.t)).astype(np.float64)
        t = np.union1d(self.t, [0.0, 1.0, *more])
        weight = np.zeros(len(t))
        weight[np.searchsorted(t, self.t)] = shown
        return Interval(t, weight)

    def chunks(self, frames: range, length: int = CHUNK_FRAMES) -> list[range]:
        """The segment's frames of an excerpt, split at multiples of `length` from the segment's first frame."""
        borders = range(self.first_frame, self.last_frame, length)
        parts = (range(max(n, frames.start), min(n + length, self.last_frame, frames.stop)) for n in borders)
        return [part for part in parts if len(part)]


@dataclass(frozen=True, eq=False)
class Plan:
    """What to render: the segments of a whole song, and the excerpt.

    Attributes
    ----------
    segments : of the whole song.
    frames : of the excerpt.
    draft : whether only keyframes are sampled.
    note : a sentence about what of the schedule is not followed, or empty.
    """

    settings: RenderSettings
    segments: tuple[Segment, ...]
    frames: range
    fps: Fraction
    draft: bool = False
    note: str = ""

    def needed(self) -> list[Segment]:
        """The segments that the excerpt touches, in order."""
        frames = self.frames
        return [part for part in self.segments if part.first_frame < frames.stop and part.last_frame > frames.start]

    def exact_pictures(self, segment: Segment) -> int:
        """How many pictures the exact mode samples for a segment, keyframes apart."""
        return 0 if segment.blend else int(np.count_nonzero((segment.t > 0) & (segment.t < 1)))

    def exact_calls(self) -> int:
        """Model rows that the exact mode makes for the excerpt."""
        rows, keyframes = 0, dict[int | Keyframe, int]()
        for part in self.needed():
            if part.windows:
                rows += sum(self.calls(part, picture) for picture in range(len(part.t)))
                continue
            between: list[int] = np.flatnonzero((part.t > 0) & (part.t < 1)).tolist() if not part.blend else []
            rows += sum(self.calls(part, picture) for picture in between)
            shown = part.ends()[: 2 if part.blend or np.any(part.t == 1) else 1]
            keyframes |= {end: self.calls(part, end) for end in shown}
        return rows + sum(keyframes.values())

    def calls(self, segment: Segment, picture: int | Keyframe) -> int:
        """Model rows of a segment's picture, by its number, or of a keyframe at its end."""
        settings = self.settings
        if segment.recipes is None:
            return settings.calls_per_picture
        row = picture.recipe if isinstance(picture, Keyframe) else segment.recipes.rows[picture]
        return settings.calls_for(int(row[STEPS]), guided=segment.recipes.guided)

    def budget(self, segment: Segment) -> float:
        """How many pictures' worth of model calls a segment may spend between its keyframes."""
        if self.draft:
            return 0
        share = quality_named(self.settings.quality).share
        return self.exact_pictures(segment) if share >= 1 else self._share(segment, share)

    @property
    def measures(self) -> bool:
        """Whether intervals are measured and re-timed, see `even_pace`."""
        return self.settings.even_pace and self.settings.frames == TRAVEL and not self.draft

    @property
    def attends_to_keyframes(self) -> bool:
        """Whether in-between pictures attend to both keyframes, see `keyframe_attention`."""
        return self.settings.keyframe_attention and self.settings.frames == TRAVEL and not self.draft

    @property
    def crossfade_frames(self) -> int:
        """How many frames a crossfade past a jump or a detour takes."""
        return max(round(CROSSFADE * self.fps), 1)

    @property
    def smooths(self) -> bool:
        """Whether decoded frames are smoothed along their optical flow."""
        return self.settings.smoothing > 0 and self.settings.frames == TRAVEL and not self.draft

    def measuring(self, segment: Segment) -> float:
        """How many pictures' worth of model calls may go into measuring a segment's interval."""
        mixes_only = segment.recipes is None or segment.recipes.mix_only
        if not (self.measures and mixes_only and self.exact_pictures(segment)):
            return 0
        return MEASURING * self._share(segment, min(MEASURED_AT, quality_named(self.settings.quality).share))

    def _share(self, segment: Segment, share: float) -> float:
        keyframes = 2 if segment.before_hold else 1
        return max(share * (self.exact_pictures(segment) + keyframes) - keyframes, 0.0)


def make_plan(
    story: Story,
    schedule: FrameSchedule,
    settings: RenderSettings,
    *,
    start: float = 0.0,
    seconds: float = 0.0,
    draft: bool = False,
    likeness: bool = False,
    motion: MotionModule | None = None,
) -> Plan:
    """Decide what to sample.

    Parameters
    ----------
    start, seconds : excerpt in seconds; seconds 0 means to the end.
    draft : sample keyframes only, and fade between them by the schedule's t; its curves are left out.
    likeness : whether a LoRA is known whose strength the schedule may change.
    motion : the MODEL's motion module. Every frame is sampled then, together with others, at the schedule's own pace.

    Raises
    ------
    InputError
        Schedule and story do not fit, the excerpt lies outside the song, or the MODEL has a motion module and frames
        are asked to differ in what they share.
    """
    schedule.check_story(story)
    if draft:
        settings = settings.draft()
    frames = excerpt_frames(schedule, start, seconds)
    if motion is not None and not draft:
        return _plan_together(schedule, settings, likeness, motion, frames)
    if settings.frames == FEEDBACK and not draft:
        settings = settings.one_by_one()
        return Plan(settings, tuple(_shots(schedule, settings, likeness)), frames, schedule.fps)
    if draft:
        schedule = replace(schedule, t=plain_fade(schedule))
    if draft or is_plain(schedule):
        return Plan(settings, tuple(_segments(schedule)), frames, schedule.fps, draft, unfollowed(schedule) or "")
    segments = _segments_with_recipes(schedule, settings, likeness)
    return Plan(settings, tuple(segments), frames, schedule.fps, draft, unfollowed(schedule) or "")


def _plan_together(
    schedule: FrameSchedule, settings: RenderSettings, likeness: bool, motion: MotionModule, frames: range
) -> Plan:
    if settings.frames == FEEDBACK:
        raise InputError(
            "frames is feedback, which makes each frame from the one before, but this MODEL has a motion module, which "
            "makes frames together; choose travel, or connect the MODEL without AnimateDiff."
        )
    followed = replace(schedule, t=plain_fade(schedule), transition=("slerp",) * schedule.n_frames)
    rows = recipe_rows(followed, cfg=settings.cfg, steps=settings.steps, likeness=likeness)
    for name, column in (("steps", STEPS), ("lora_strength", LORA)):
        if np.ptp(rows[:, column]):
            raise InputError(
                f"The schedule changes {name} from frame to frame, which a motion module cannot follow, since it makes "
                f"frames together; remove the curve '{name}', or connect the MODEL without AnimateDiff."
            )
    segments = []
    for start, stop, towards in shot_runs(followed):
        recipes = shot_recipes(followed, rows, start, stop, towards)
        shots, numbers = (int(schedule.shot_a[start]), towards), np.arange(stop - start)
        windows = motion.windows(stop - start)
        segments.append(Segment(*shots, start, recipes.rows[:, T], numbers, recipes=recipes, windows=windows))
    together = "all frames of a shot" if motion.window is None else f"up to {motion.window} frames"
    notes = [f"The motion module makes {together} together, so each was sampled, at the schedule's own pace."]
    if motion.window is not None and any(len(part.windows or ()) > 1 for part in segments):
        notes.append("With context options at the AnimateDiff loader movement goes on to the end of a shot.")
    if "dissolve" in schedule.transition:
        notes.append("Each dissolve is rendered as a slerp.")
    notes.append(unfollowed(schedule) or "")
    return Plan(settings.together(), tuple(segments), frames, schedule.fps, note=" ".join(filter(None, notes)))


def _segments_with_recipes(schedule: FrameSchedule, settings: RenderSettings, likeness: bool) -> Iterator[Segment]:
    rows = recipe_rows(schedule, cfg=settings.cfg, steps=settings.steps, likeness=likeness)
    for start, stop in runs(schedule):
        positions, picture, recipes = segment_recipes(schedule, rows, start, stop)
        shots = int(schedule.shot_a[start]), int(schedule.shot_b[start])
        yield Segment(*shots, start, positions, picture, recipes=recipes)


def _segments(schedule: FrameSchedule) -> Iterator[Segment]:
    pairs = np.stack([schedule.shot_a, schedule.shot_b])
    starts = np.flatnonzero(np.any(np.diff(pairs, axis=1, prepend=-1) != 0, axis=0)).tolist()
    for start, stop in zip(starts, [*starts[1:], schedule.n_frames], strict=True):
        a, b = int(schedule.shot_a[start]), int(schedule.shot_b[start])
        t = schedule.t[start:stop] if a != b else np.zeros(stop - start)
        positions, picture = np.unique(t, return_inverse=True)
        following = slice(stop, None)
        holds = stop < schedule.n_frames and not np.any(schedule.t[following])
        yield Segment(a, b, start, positions, picture, holds and a != b)


def _shots(schedule: FrameSchedule, settings: RenderSettings, likeness: bool) -> Iterator[Segment]:
    """Segments for feedback: whole shots, with a recipe and a camera move for every frame."""
    rows = recipe_rows(schedule, cfg=settings.cfg, steps=settings.steps, likeness=likeness)
    for start, stop, towards in shot_runs(schedule):
        recipes = shot_recipes(schedule, rows, start, stop, towards)
        feedback_plan = plan_feedback(schedule, recipes, start, stop, (settings.width, settings.height))
        shots = int(schedule.shot_a[start]), towards
        yield Segment(
            *shots, start, recipes.rows[:, T], np.arange(stop - start), recipes=recipes, feedback_plan=feedback_plan
        )


def excerpt_frames(schedule: FrameSchedule, start: float, seconds: float) -> range:
    """The frames of an excerpt in seconds; seconds 0 means to the end. Raises InputError outside the song."""
    if start < 0 or seconds < 0 or boundary(start, schedule.fps, schedule.n_frames) >= schedule.n_frames:
        raise InputError(
            f"start must lie in the song, 0 to {schedule.duration:.2f} s, and seconds be 0 or more; "
            f"got start {start:g} and seconds {seconds:g}."
        )
    first = boundary(start, schedule.fps, schedule.n_frames)
    count = frame_count(seconds, schedule.fps) if seconds > 0 else schedule.n_frames
    return range(first, min(first + count, schedule.n_frames))


def excerpt_samples(schedule: FrameSchedule, frames: range, n_samples: int, sample_rate: int) -> slice:
    """The samples of the song that are heard during an excerpt's frames."""
    first = exact_seconds(frame_start(frames.start, schedule.fps)) * sample_rate
    last = frames.stop / schedule.fps * sample_rate
    return slice(min(round(first), n_samples - 1), n_samples if frames.stop == schedule.n_frames else round(last))


def plan_key(plan: Plan, story: Story, schedule: FrameSchedule, fingerprints: list[str]) -> str:
    """A digest of all that a video's pictures depend on."""
    return _digest(RENDER_VERSION, vars(plan.settings), story.to_text(), schedule.to_text(), fingerprints, plan.draft)


def work_key(plan: Plan, fingerprints: list[str]) -> str:
    """Name of the work folder: a digest of what all segments share, so that stories can share segments."""
    shared = {name: value for name, value in vars(plan.settings).items() if name not in ("seed", "noise")}
    return _digest(RENDER_VERSION, shared, str(plan.fps), fingerprints, plan.draft)


def shot_key(story: Story, seeds: list[int], shot: int) -> str:
    """A digest of what a shot's own picture depends on beside the settings."""
    return _digest(story.shots[shot].prompt, story.shots[shot].negative, seeds[shot])


def keyframe_key(story: Story, seeds: list[int], keyframe: Keyframe, extras: tuple[str, ...]) -> str:
    """A digest of what a keyframe with a recipe depends on beside the settings."""
    shots = [shot_key(story, seeds, shot) for shot in (keyframe.shot_a, keyframe.shot_b)]
    return _digest(*shots, keyframe.recipe, extras)


def segment_key(story: Story, seeds: list[int], segment: Segment) -> str:
    """A digest of what a segment's pictures depend on beside the settings: its two shots and its pace."""
    shots = [shot_key(story, seeds, shot) for shot in (segment.shot_a, segment.shot_b)]
    if segment.recipes is not None:
        keyframes = segment.recipes.start, segment.recipes.end
        ends = [shot_key(story, seeds, shot) for end in keyframes for shot in (end.shot_a, end.shot_b)]
        feedback_plan = segment.feedback_plan.material() if segment.feedback_plan is not None else None
        more = [] if segment.windows is None else [segment.place(0), *map(repr, segment.windows)]
        return _digest(*shots, *ends, segment.t, segment.picture, segment.recipes.material(story), feedback_plan, *more)
    return _digest(*shots, segment.t, segment.picture, bool(segment.before_hold))


def _digest(*values) -> str:
    digest = Digest()
    digest.add(list(values))
    return digest.hex()[:24]


def shot_seeds(story: Story, settings: RenderSettings) -> Iterator[int]:
    """The noise seed of every shot: its own, or the render seed plus its index (the render seed when shared)."""
    for index, shot in enumerate(story.shots):
        if shot.seed is not None:
            yield shot.seed % 2**64
        else:
            yield (settings.seed + (index if settings.noise == "per shot" else 0)) % 2**64
