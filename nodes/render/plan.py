"""What has to be sampled for a video: its segments, what each may cost, and by what names finished parts are found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..errors import InputError
from ..host import LATENT_SCALE, SAMPLERS, SCHEDULERS, Digest
from ..media.codecs import AUTO_DEPTH, DEFAULT_CODEC, DEFAULT_CRF, Encoding
from ..story.person import NOBODY
from ..timing import boundary, exact_seconds, frame_count, frame_start
from ..types import FrameSchedule, Story
from .anchors import Way
from .quality import EXACT, quality_named

# Counts up whenever the same inputs would give other pictures, so that old unfinished work is not continued.
RENDER_VERSION = 2
NOISE_MODES = ("per shot", "shared")
# Frames that are decoded and encoded together, counted from the start of a segment.
CHUNK_FRAMES = 48


@dataclass(frozen=True)
class RenderSettings:
    """How pictures are sampled. width, height in pixels; seed of shot k's noise is seed + k.

    person: what prompts say where a story has the main person. codec, bit_depth, crf: see `media.codecs.Encoding`.
    """

    width: int
    height: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    seed: int
    batch_size: int = 4
    noise: str = "per shot"
    crf: int = DEFAULT_CRF
    quality: str = EXACT
    person: str = NOBODY
    codec: str = DEFAULT_CODEC
    bit_depth: str = AUTO_DEPTH

    def __post_init__(self):
        for name in ("width", "height"):
            value = getattr(self, name)
            if value % LATENT_SCALE or not 64 <= value <= 4096:
                raise InputError(f"{name} must be a multiple of 8 from 64 to 4096, got {value}.")
        for name, least, most in (("steps", 1, 1000), ("batch_size", 1, 256), ("seed", 0, 2**64 - 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InputError(f"{name} must be a whole number from {least} to {most}, got {value!r}.")
        if not (np.isfinite(self.cfg) and 0 <= self.cfg <= 100):
            raise InputError(f"cfg must be from 0 to 100, got {self.cfg!r}.")
        options = (("sampler_name", self.sampler, SAMPLERS), ("scheduler", self.scheduler, SCHEDULERS))
        for name, value, known in (*options, ("noise", self.noise, NOISE_MODES)):
            if value not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
        quality_named(self.quality)
        self.encoding.require_size(self.width, self.height)

    @property
    def encoding(self) -> Encoding:
        """How the video is encoded."""
        return Encoding(self.codec, self.bit_depth, self.crf)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height / 8, width / 8) of one latent."""
        return (4, self.height // LATENT_SCALE, self.width // LATENT_SCALE)

    @property
    def calls_per_picture(self) -> int:
        """Model rows of one picture: sampler steps, twice with guidance."""
        calls = 2 * self.steps - 1 if self.sampler == "heun" else self.steps
        return calls * (2 if self.cfg != 1 else 1)

    def draft(self) -> RenderSettings:
        """Half the size (not under 128 pixels on the short side), at most 6 steps, lighter encoding."""
        scale = max(0.5, min(1.0, 128 / min(self.width, self.height)))
        size = [max(64, round(side * scale / 64) * 64) for side in (self.width, self.height)]
        changes = {"width": size[0], "height": size[1], "steps": min(self.steps, 6), "crf": self.encoding.draft()}
        return RenderSettings(**(vars(self) | changes))


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive frames on the way between the same two shots.

    t: float64 (p,), the different positions that its frames show, ascending: its pictures. picture: int (n,), which
    of them each frame shows. What a segment looks like depends on its two shots and on these numbers only.
    """

    shot_a: int
    shot_b: int
    first_frame: int
    t: np.ndarray
    picture: np.ndarray
    # The shot it leads to holds one picture, whose calls this segment has to save.
    before_hold: bool = False

    @property
    def last_frame(self) -> int:
        """The frame after the segment."""
        return self.first_frame + len(self.picture)

    def way(self) -> Way:
        """The way from shot a's picture (t = 0) to shot b's (t = 1), with the segment's pictures on it."""
        shown = np.bincount(self.picture, minlength=len(self.t)).astype(np.float64)
        t = np.union1d(self.t, [0.0, 1.0])
        weight = np.zeros(len(t))
        weight[np.searchsorted(t, self.t)] = shown
        return Way(t, weight)

    def chunks(self, frames: range, length: int = CHUNK_FRAMES) -> list[range]:
        """The segment's frames of an excerpt in parts that begin at multiples of `length` from its first frame."""
        borders = range(self.first_frame, self.last_frame, length)
        parts = (range(max(n, frames.start), min(n + length, self.last_frame, frames.stop)) for n in borders)
        return [part for part in parts if len(part)]


@dataclass(frozen=True, eq=False)
class Plan:
    """The segments of a whole song, and the frames [start, stop) of the excerpt to render."""

    settings: RenderSettings
    segments: tuple[Segment, ...]
    frames: range
    draft: bool = False

    def needed(self) -> list[Segment]:
        """The segments that the excerpt touches, in order."""
        frames = self.frames
        return [part for part in self.segments if part.first_frame < frames.stop and part.last_frame > frames.start]

    def exact_pictures(self, segment: Segment) -> int:
        """How many pictures the exact mode samples for a segment, keyframes apart."""
        return int(np.count_nonzero((segment.t > 0) & (segment.t < 1)))

    def budget(self, segment: Segment) -> float:
        """How many pictures' worth of model calls a segment may spend between its keyframes."""
        if self.draft:
            return 0
        between = self.exact_pictures(segment)
        share = quality_named(self.settings.quality).share
        keyframes = 2 if segment.before_hold else 1
        return between if share >= 1 else max(share * (between + keyframes) - keyframes, 0.0)


def make_plan(
    story: Story,
    schedule: FrameSchedule,
    settings: RenderSettings,
    *,
    start: float = 0.0,
    seconds: float = 0.0,
    draft: bool = False,
) -> Plan:
    """Decide what to sample.

    Parameters
    ----------
    start, seconds : excerpt in seconds; seconds 0 means to the end.
    draft : sample each shot's picture only, and fade between them by the schedule's t.

    Raises InputError when schedule and story do not fit, or the excerpt lies outside the song.
    """
    if schedule.n_frames and max(schedule.shot_a.max(), schedule.shot_b.max()) >= len(story.shots):
        raise InputError(
            f"The schedule names shot {int(max(schedule.shot_a.max(), schedule.shot_b.max()))} but the story has "
            f"{len(story.shots)} (0 to {len(story.shots) - 1}); make the schedule from this story."
        )
    if abs(story.duration - schedule.duration) > 1e-3:
        raise InputError(
            f"The story lasts {story.duration:.3f} s but the schedule {schedule.duration:.3f} s; "
            "make both from one song."
        )
    if schedule.curves:
        raise InputError(
            f"The schedule has the curve '{min(schedule.curves)}', which this node does not follow; remove it."
        )
    if draft:
        settings = settings.draft()
    return Plan(settings, tuple(_segments(schedule)), excerpt_frames(schedule, start, seconds), draft)


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


def excerpt_frames(schedule: FrameSchedule, start: float, seconds: float) -> range:
    """The frames of an excerpt in seconds; seconds 0 means to the end of the song."""
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


def work_key(plan: Plan, fps: Fraction, fingerprints: list[str]) -> str:
    """Name of the work folder: a digest of what all segments share, so that stories can share segments."""
    shared = {name: value for name, value in vars(plan.settings).items() if name not in ("seed", "noise")}
    return _digest(RENDER_VERSION, shared, str(fps), fingerprints, plan.draft)


def shot_key(story: Story, seeds: list[int], shot: int) -> str:
    """A digest of what a shot's own picture depends on beside the settings."""
    return _digest(story.shots[shot].prompt, story.shots[shot].negative, seeds[shot])


def segment_key(story: Story, seeds: list[int], segment: Segment) -> str:
    """A digest of what a segment's pictures depend on beside the settings: its two shots and its pace."""
    shots = [shot_key(story, seeds, shot) for shot in (segment.shot_a, segment.shot_b)]
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
