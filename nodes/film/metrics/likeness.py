"""How often a verified person is in a video, against both denominators: all frames, and frames with a face.

MVP (arXiv 2502.02610) reports a face in 81 % and the person in 92 % of frames without saying of which frames; here both
are given. Descriptors are personal data: they stay in memory, and only distances to them are returned.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from ...base.errors import InputError
from ...base.json_type import JsonType, numbers
from ...base.timing import snap_fps
from ...person.face.embedding import Embedder, distance
from ...person.face.landmarks import Landmarker
from .settings import MetricsSettings

NO_FACE = -1.0  # in plain lists, where NaN cannot stand


@dataclass(frozen=True, eq=False)
class Likeness(JsonType):
    """How often a person is in a video (IDENTITY_METRICS).

    Attributes
    ----------
    fps : of the video.
    every : one frame in so many was measured.
    threshold : the largest distance of the same person.
    distances : float32 (n,), one per measured frame, NaN where it has no face.
    """

    io_type: ClassVar[str] = "IDENTITY_METRICS"

    fps: Fraction
    every: int
    threshold: float
    distances: np.ndarray

    def __post_init__(self):
        if self.distances.ndim != 1 or not len(self.distances):
            raise InputError(f"{self.io_type}: 'distances' must have a value per frame.")

    @property
    def n_frames(self) -> int:
        """Frames that were looked at."""
        return len(self.distances)

    @property
    def n_faces(self) -> int:
        return int(np.isfinite(self.distances).sum())

    @property
    def n_person(self) -> int:
        return int((self.distances <= self.threshold).sum())

    @property
    def faces(self) -> float:
        """Share of frames with a face, 0..1."""
        return self.n_faces / self.n_frames

    @property
    def person(self) -> float:
        """Share of all frames with the person, 0..1."""
        return self.n_person / self.n_frames

    @property
    def person_of_faces(self) -> float:
        """Share of the frames with a face that show the person, 0..1; 0 where there is no face at all."""
        return self.n_person / self.n_faces if self.n_faces else 0.0

    @property
    def duration(self) -> float:
        """Seconds, to the end of the last frame that was looked at."""
        return float(self.n_frames * self.every / self.fps)

    def plain_distances(self) -> list[float]:
        """One number per frame, `NO_FACE` where there is none."""
        return np.nan_to_num(self.distances, nan=NO_FACE).tolist()

    def report(self) -> str:
        """The figures in words."""
        looked = "every frame" if self.every == 1 else f"one frame in {self.every}"
        lines = [
            f"{self.n_frames} frames ({looked} at {float(self.fps):g} fps)",
            f"a face in {self.n_faces} of {self.n_frames} frames: {self.faces:.1%}",
            f"the person in {self.n_person} frames: {self.person:.1%} of all, "
            f"{self.person_of_faces:.1%} of those with a face",
        ]
        if self.n_faces:
            low, middle, high = np.nanpercentile(self.distances, (5, 50, 95))
            lines.append(
                f"distance: median {middle:.2f}, 5-95 % {low:.2f}-{high:.2f}; same person up to {self.threshold:.2f}"
            )
        return "\n".join(lines)

    def to_json(self) -> dict:
        values = numbers(self.distances.astype(np.float32))
        return self._head() | {
            "fps": str(self.fps),
            "every": self.every,
            "threshold": self.threshold,
            "frames": self.n_frames,
            "frames_with_a_face": self.n_faces,
            "frames_with_the_person": self.n_person,
            "share_with_a_face": round(self.faces, 6),
            "share_with_the_person_of_all_frames": round(self.person, 6),
            "share_with_the_person_of_frames_with_a_face": round(self.person_of_faces, 6),
            "distances": [None if math.isnan(value) else value for value in values],
        }

    @classmethod
    def from_json(cls, data: Any) -> Likeness:
        fields = cls._open(data)
        values = [math.nan if value is None else value for value in fields.objects("distances")]
        if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            raise fields.fail("distances", "a list of numbers and nulls")
        return cls(
            snap_fps(fields.value("fps")),
            fields.integer("every"),
            fields.number("threshold"),
            np.array(values, np.float32),
        )


def describe_person(pictures: Sequence[np.ndarray], landmarker: Landmarker, embedder: Embedder) -> list[np.ndarray]:
    """Compute the descriptors of a record's pictures; keep them in memory only.

    Parameters
    ----------
    pictures : uint8 RGB (S, S, 3) each.

    Returns
    -------
    float64 (128,) each.

    Raises
    ------
    InputError
        Most of the pictures show no face.
    """
    found = [(picture, faces[0]) for picture in pictures if (faces := landmarker.detect(picture))]
    if 2 * len(found) <= len(pictures):
        raise InputError(
            f"Only {len(found)} of the {len(pictures)} pictures of this identity show a face; capture the person anew."
        )
    return [embedder.describe(picture, face) for picture, face in found]


def measure(
    frames: Iterable[np.ndarray],
    person: Sequence[np.ndarray],
    landmarker: Landmarker,
    embedder: Embedder,
    settings: MetricsSettings | None = None,
    *,
    fps: Fraction,
    on_frame: Callable[[int], None] = lambda seen: None,
) -> Likeness:
    """Look for a person in a video, a few frames in memory at a time.

    Of several faces the nearest counts. Its distance is the median of the distances to the person's pictures, so that
    it lies within the threshold when most of them, each as a pair, are of the same person.

    Parameters
    ----------
    frames : uint8 (H, W, 3) RGB, every frame of the video
    person : what `describe_person` gives
    settings : which frames are looked at, and the largest distance of the same person
    on_frame : told the number of frames that were read so far; what it raises ends the work

    Raises
    ------
    InputError
        When there is no frame.
    """
    settings = settings or MetricsSettings()

    def nearest(picture: np.ndarray) -> float:
        described = [embedder.describe(picture, face) for face in landmarker.detect(picture)]
        return min(
            (float(np.median([distance(one, known) for known in person])) for one in described), default=math.nan
        )

    def chosen() -> Iterator[np.ndarray]:
        for number, picture in enumerate(frames):
            on_frame(number + 1)
            if number % settings.every == 0:
                yield picture

    distances = np.fromiter(_in_order(nearest, chosen()), np.float32)
    if not len(distances):
        raise InputError("The video has no frames; give one that has.")
    return Likeness(fps, settings.every, settings.threshold, distances)


def _in_order(function: Callable, items: Iterable) -> Iterator:
    """`map` in threads, with only as many items in hand as there are threads, and one more."""
    workers = max(1, min(4, os.cpu_count() or 1))
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="likeness") as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
