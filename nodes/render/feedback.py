"""Frames by feedback: each is the one before it, moved by the camera and painted anew in part.

A shot starts on its own picture, sampled alone, and depends on nothing before it. So an excerpt is a part of the whole
and a changed shot touches itself and the shot that leads to it. The sampled latents are stored until their shot is
encoded; a killed run goes on from the last of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ..host import Host
from ..motion.colour import Colours
from ..motion.warp import warp_by
from .course import Course, course_of
from .plan import Plan, Segment
from .report import StageClock
from .sampled import load_batch, save_batch
from .sampling import LatentSource
from .trace import Trace

# Share of a frame's noise that is its own; the rest is the shot's noise, as in travel.
FRESH = 0.5


class Feedback:
    """Gives a plan's frames one after the other.

    decode(latent): the picture float32 (H, W, 3) in 0..1 of a latent (4, h, w). tick(steps): called as sampler steps go
    by.
    """

    def __init__(
        self,
        host: Host,
        model: Any,
        vae: Any,
        source: LatentSource,
        plan: Plan,
        fps: Fraction,
        clock: StageClock,
        decode: Callable[[np.ndarray], np.ndarray],
        tick: Callable[[int], None],
    ):
        self.host, self.model, self.vae, self.source, self.plan = host, model, vae, source, plan
        self.fps, self.clock, self.decode, self.tick = fps, clock, decode, tick
        self._met: set = set()
        self._own: dict[int, tuple[np.ndarray, Colours]] = {}

    def course(self, segment: Segment) -> Course:
        """What happens on the segment's frames."""
        return course_of(segment, self.plan.settings, self.fps)

    def steps_left(self, segment: Segment, last: int) -> int:
        """Sampler steps of one picture until frame `last` of a segment is there, keyframes apart."""
        steps = self.course(segment).steps(self.plan.settings)
        return int(sum(steps[n] for n in range(1, last) if not self.source.picture_file(segment, n).exists()))

    def keyframes(self, segment: Segment, last: int) -> set[int]:
        """The shots whose own pictures must still be sampled to reach frame `last` of a segment."""
        leads = self.plan.settings.anchor_colours or self.course(segment).pull[:last].any()
        shots = {segment.shot_a, segment.shot_b} if last > 1 and leads else {segment.shot_a}
        return {shot for shot in shots if not self.source.keyframe_file(shot).exists()}

    def pictures(self, segment: Segment, shown: range) -> Iterator[np.ndarray]:
        """Pictures float32 (H, W, 3) of some frames of a segment, counted from its first."""
        course = self.course(segment)
        first = shown.start
        while first > 0 and not self.source.picture_file(segment, first).exists():
            first -= 1
        picture = None
        for n in range(first, shown.stop):
            picture = self._picture(segment, course, n, picture)
            if n in shown:
                yield picture

    # One frame -------------------------------------------------------------------------------------

    def _picture(self, segment: Segment, course: Course, n: int, before: np.ndarray | None) -> np.ndarray:
        if n == 0:
            return self._keyframe(segment.shot_a)[0]
        path = self.source.picture_file(segment, n)
        if path.exists():
            _, latents, _ = load_batch(path)
            self.source.counts.reused += path not in self._met
            picture = self.decode(latents[0].numpy())
        else:
            with self.clock.stage("warp"):
                picture = warp_by(before, course.matrices[n], self.plan.settings.border)
                if course.pull[n] > 0:
                    arriving = self._arriving(segment, course, n)
                    picture += (arriving - picture) * np.float32(course.pull[n])
            if course.denoise[n] > 0:
                picture = self.decode(self._painted(segment, course, n, picture))
        self._met.add(path)
        if self.plan.settings.anchor_colours:
            with self.clock.stage("warp"):
                picture = self._colours(segment, course.t[n]).given_to(picture)
        return picture

    def _painted(self, segment: Segment, course: Course, n: int, picture: np.ndarray) -> np.ndarray:
        """The latent (4, h, w) of a frame, sampled from the moved picture and stored."""
        settings, steps = self.plan.settings, int(course.steps(self.plan.settings)[n])
        with self.clock.stage("interpolate"):
            noise, positive, negative = self.source.material.batch(segment.shot_a, segment.shot_b, [float(course.t[n])])
            noise = self._noise(segment, n, noise)
        with self.clock.stage("encode picture"):
            latent = self.host.vae_encode(self.vae, torch.from_numpy(picture[None]).clamp(0, 1)).float().cpu()
        with self.clock.stage("sample"):
            latents = self.host.sample(
                self.model,
                noise,
                positive,
                negative,
                steps=steps,
                cfg=float(course.cfg[n]),
                sampler=settings.sampler,
                scheduler=settings.scheduler,
                latent=latent,
                denoise=float(course.denoise[n]),
                on_step=lambda step, x0: self.tick(1),
            )
        latents = latents.float().cpu()
        counts, rows = self.source.counts, settings.model_calls(steps, float(course.cfg[n]))
        counts.batches += 1
        counts.pictures += 1
        counts.rows += rows
        with self.clock.stage("store"):
            save_batch(self.source.picture_file(segment, n), [n], latents, Trace(rows=rows))
        return latents[0].numpy()

    def _noise(self, segment: Segment, n: int, shared: torch.Tensor) -> torch.Tensor:
        """A frame's noise: what the way has there, and its own, by the shot's seed and the frame's place in it."""
        key = f"{self.source.material.seeds[segment.shot_a]} {n}".encode()
        generator = torch.Generator("cpu").manual_seed(
            int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")
        )
        own = torch.randn(shared.shape, generator=generator)
        return shared * (1 - FRESH**2) ** 0.5 + own * FRESH

    def _arriving(self, segment: Segment, course: Course, n: int) -> np.ndarray:
        """The next shot's picture, moved back by all moves that are still to come before its first frame."""
        back = np.linalg.inv(course.ahead[n])
        return warp_by(self._keyframe(segment.shot_b)[0], back, self.plan.settings.border)

    def _colours(self, segment: Segment, t: float) -> Colours:
        here = self._keyframe(segment.shot_a)[1]
        return here.towards(self._keyframe(segment.shot_b)[1], t) if t else here

    def _keyframe(self, shot: int) -> tuple[np.ndarray, Colours]:
        """A shot's own picture and its colours."""
        if shot not in self._own:
            picture = self.decode(self.source.keyframe(shot)[0])
            while len(self._own) >= 2:
                self._own.pop(next(iter(self._own)))
            self._own[shot] = picture, Colours.of(picture)
        return self._own[shot]
