"""What has to be sampled for a video, in which fixed batches, and where the finished parts lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..host import LATENT_SCALE, SAMPLERS, SCHEDULERS, Digest
from ..timing import boundary, exact_seconds, frame_count, frame_start
from ..types import FrameSchedule, Story

# Counts up whenever the same inputs would give other pictures, so that old unfinished work is not continued.
RENDER_VERSION = 1
NOISE_MODES = ("per shot", "shared")
# Micro-batches whose pictures are decoded and encoded together: the part of the work that is finished at a time.
BATCHES_PER_CHUNK = 6


@dataclass(frozen=True)
class RenderSettings:
    """How pictures are sampled. width, height in pixels; seed of shot k's noise is seed + k."""

    width: int
    height: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    seed: int
    batch_size: int = 4
    noise: str = "per shot"
    crf: int = 18

    def __post_init__(self):
        for name in ("width", "height"):
            value = getattr(self, name)
            if value % LATENT_SCALE or not 64 <= value <= 4096:
                raise InputError(f"{name} must be a multiple of 8 from 64 to 4096, got {value}.")
        for name, least, most in (("steps", 1, 1000), ("batch_size", 1, 256), ("crf", 0, 51), ("seed", 0, 2**64 - 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InputError(f"{name} must be a whole number from {least} to {most}, got {value!r}.")
        if not (np.isfinite(self.cfg) and 0 <= self.cfg <= 100):
            raise InputError(f"cfg must be from 0 to 100, got {self.cfg!r}.")
        options = (("sampler_name", self.sampler, SAMPLERS), ("scheduler", self.scheduler, SCHEDULERS))
        for name, value, known in (*options, ("noise", self.noise, NOISE_MODES)):
            if value not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}, got {value!r}.")

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height / 8, width / 8) of one latent."""
        return (4, self.height // LATENT_SCALE, self.width // LATENT_SCALE)

    def draft(self) -> RenderSettings:
        """Half the size (not under 128 pixels on the short side), at most 6 steps, lighter encoding."""
        scale = max(0.5, min(1.0, 128 / min(self.width, self.height)))
        size = [max(64, round(side * scale / 64) * 64) for side in (self.width, self.height)]
        changes = {"width": size[0], "height": size[1], "steps": min(self.steps, 6), "crf": max(self.crf, 23)}
        return RenderSettings(**(vars(self) | changes))


@dataclass(frozen=True)
class Picture:
    """One picture to sample: shot a's and shot b's noise and prompts, interpolated at t."""

    shot_a: int
    shot_b: int
    t: float


@dataclass(frozen=True)
class Chunk:
    """Pictures [first_picture, last_picture) and the frames [first_frame, last_frame) that show them."""

    first_picture: int
    last_picture: int
    first_frame: int
    last_frame: int

    @property
    def segment_name(self) -> str:
        """File name of the chunk's encoded frames."""
        return f"frames_{self.first_frame:07d}_{self.last_frame:07d}.mp4"


@dataclass(frozen=True, eq=False)
class Plan:
    """The pictures of a whole song and how its frames show them.

    pictures: in order, consecutive frames of one recipe share one. first, second: int (n_frames,), the
    pictures a frame blends; blend: float (n_frames,), weight of the second (0 unless it is a draft).
    frames: [start, stop) of the excerpt to render.
    """

    settings: RenderSettings
    pictures: tuple[Picture, ...]
    first: np.ndarray
    second: np.ndarray
    blend: np.ndarray
    frames: range

    def chunks(self) -> list[Chunk]:
        """The chunks of the excerpt. Their borders do not depend on the excerpt."""
        size = len(self.pictures) if self.blend.any() else BATCHES_PER_CHUNK * self.settings.batch_size
        owner = self.first[self.frames.start : self.frames.stop] // size
        borders = np.flatnonzero(np.diff(owner, prepend=-1, append=-1)) + self.frames.start
        found = []
        for start, stop in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
            low = int(self.first[start])
            high = int(max(self.first[stop - 1], self.second[start:stop].max())) + 1
            found.append(Chunk(low, high, start, stop))
        return found

    def batches(self, chunk: Chunk) -> range:
        """Numbers of the micro-batches that hold a chunk's pictures. Batch i holds pictures i*B to (i+1)*B - 1."""
        size = self.settings.batch_size
        return range(chunk.first_picture // size, -(-chunk.last_picture // size))

    def batch(self, number: int) -> list[Picture]:
        """The pictures of a micro-batch, the last one padded with its last picture."""
        size = self.settings.batch_size
        pictures = list(self.pictures[number * size : (number + 1) * size])
        return pictures + pictures[-1:] * (size - len(pictures))


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
    recipes = [
        Picture(int(a), int(b) if t > 0 else int(a), float(t))
        for a, b, t in zip(schedule.shot_a, schedule.shot_b, schedule.t, strict=True)
    ]
    if draft:
        pictures = tuple(Picture(shot, shot, 0.0) for shot in range(len(story.shots)))
        first, second, blend = schedule.shot_a, schedule.shot_b, schedule.t
    else:
        changed = np.array([True] + [now != before for before, now in zip(recipes, recipes[1:], strict=False)])
        first = second = np.cumsum(changed) - 1
        pictures = tuple(recipe for recipe, new in zip(recipes, changed, strict=True) if new)
        blend = np.zeros(len(recipes))
    return Plan(settings, pictures, first, second, blend, excerpt_frames(schedule, start, seconds))


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


def plan_key(plan: Plan, story: Story, schedule: FrameSchedule, fingerprints: list[str], draft: bool) -> str:
    """Name of the work folder: a digest of all that a picture depends on."""
    digest = Digest()
    digest.add([RENDER_VERSION, vars(plan.settings), story.to_text(), schedule.to_text(), fingerprints, draft])
    return digest.hex()[:24]


def shot_seeds(story: Story, settings: RenderSettings) -> Iterator[int]:
    """The noise seed of every shot: its own, or the render seed plus its index (the render seed when shared)."""
    for index, shot in enumerate(story.shots):
        if shot.seed is not None:
            yield shot.seed % 2**64
        else:
            yield (settings.seed + (index if settings.noise == "per shot" else 0)) % 2**64
