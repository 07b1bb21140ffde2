"""Latents of keyframes and of the pictures between them: sampled in batches, stored, and never sampled twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..host import Host
from .anchors import Way
from .pictures import ShotMaterial
from .plan import Plan, Segment, segment_key, shot_key
from .quality import EXACT, quality_named
from .report import StageClock
from .sampled import load_batch, save_batch
from .trace import Trace, mixed, predictor

# Pictures that are chosen at a time on a way between keyframes; fixed, so that the choice depends on nothing else.
ROUND = 4
# Distance of two latents, relative to their length, up to which neighbours count as alike.
NEAR = 0.5


@dataclass
class Counts:
    """What a render sampled, in batches, pictures and model rows, and the batches it found from earlier runs."""

    batches: int = 0
    reused: int = 0
    pictures: int = 0
    rows: int = 0


class LatentSource:
    """Gives the latents of a plan's pictures.

    tick(steps): called as sampler steps go by, in steps of one picture.
    """

    def __init__(
        self,
        host: Host,
        model: Any,
        material: ShotMaterial,
        plan: Plan,
        story: Any,
        folder: Path,
        clock: StageClock,
        tick: Callable[[int], None],
    ):
        self.host, self.model, self.material, self.plan, self.story = host, model, material, plan, story
        self.folder, self.clock, self.tick = folder, clock, tick
        self.counts = Counts()
        self.exact = plan.settings.quality == EXACT
        self._traced = not self.exact and not plan.draft and host.guidance_is_plain(model)
        self._met: set[Path] = set()
        self._keyframes: dict[int, tuple[np.ndarray, Trace]] = {}

    # Keyframes -----------------------------------------------------------------------------------

    def keyframe(self, shot: int) -> tuple[np.ndarray, Trace]:
        """A shot's own picture: latent (4, h, w) and trace. Sampled alone, so that it depends on its shot only."""
        if shot not in self._keyframes:
            _, latents, trace = self._batch(self.keyframe_file(shot), [0], shot, shot, [0.0], None)
            while len(self._keyframes) >= 4:
                self._keyframes.pop(next(iter(self._keyframes)))
            self._keyframes[shot] = latents[0].numpy(), trace
        return self._keyframes[shot]

    def keyframe_file(self, shot: int) -> Path:
        """Where a keyframe lies until nothing needs it any more."""
        return self.folder / f"key_{shot_key(self.story, self.material.seeds, shot)}.npz"

    def segment_files(self, segment: Segment) -> list[Path]:
        """The latents of a segment that are stored now, keyframes apart."""
        return list(self.folder.glob(f"way_{segment_key(self.story, self.material.seeds, segment)}_*.npz"))

    def picture_file(self, segment: Segment, number: int) -> Path:
        """Where feedback keeps the latent of a frame of a segment."""
        return self._file(segment, number)

    def _file(self, segment: Segment, number: int) -> Path:
        return self.folder / f"way_{segment_key(self.story, self.material.seeds, segment)}_{number:05d}.npz"

    # Every picture ---------------------------------------------------------------------------------

    def exact_batches(self, segment: Segment, pictures: np.ndarray) -> dict[int, list[int]]:
        """The fixed batches that hold some of a segment's pictures: number -> all pictures of the batch."""
        between = np.flatnonzero((segment.t > 0) & (segment.t < 1))
        size = self.plan.settings.batch_size
        numbers = sorted({int(n) // size for n in np.searchsorted(between, pictures[np.isin(pictures, between)])})
        return {number: between[number * size : (number + 1) * size].tolist() for number in numbers}

    def exact_latents(self, segment: Segment, pictures: np.ndarray) -> dict[int, np.ndarray]:
        """Latents (4, h, w) of some of a segment's pictures, every one sampled."""
        found = {}
        for picture in pictures.tolist():
            t = segment.t[picture]
            if t in (0, 1):
                found[picture] = self.keyframe(segment.shot_b if t else segment.shot_a)[0]
        for number, batch in self.exact_batches(segment, pictures).items():
            positions = [float(segment.t[picture]) for picture in batch]
            _, latents, _ = self._batch(
                self._file(segment, number), batch, segment.shot_a, segment.shot_b, positions, None
            )
            found |= {picture: latents[row].numpy() for row, picture in enumerate(batch) if picture in pictures}
        return found

    # Anchors ---------------------------------------------------------------------------------------

    def way(self, segment: Segment) -> Way:
        """The way of a segment with its anchors known: as many as the quality asks for and allows."""
        settings, way = self.plan.settings, segment.way()
        quality = quality_named(settings.quality)
        last = len(way.t) - 1
        traces = {}
        ends = ((0, segment.shot_a), (last, segment.shot_b if np.any(segment.t > 0) else segment.shot_a))
        for picture, shot in ends:
            latent, traces[picture] = self.keyframe(shot)
            way.add(picture, latent)
        full = self.full_rows(traces[0])
        left = int(self.plan.budget(segment) * full)
        number = 0
        picks = way.first(min(ROUND - 1, left // self.rows(traces[0], near=False)))
        light: list[int] = []
        while picks or light:
            for group, near in ((sorted(picks), False), (sorted(light), True)):
                for low in range(0, len(group), settings.batch_size):
                    batch = group[low : low + settings.batch_size]
                    between = self._between(way, traces, batch) if self._traced else None
                    positions = [float(way.t[picture]) for picture in batch]
                    _, latents, trace = self._batch(
                        self._file(segment, number), batch, segment.shot_a, segment.shot_b, positions, between, near
                    )
                    number += 1
                    left -= trace.rows
                    traces |= {picture: trace.row(row) for row, picture in enumerate(batch)}
                    for row, picture in enumerate(batch):
                        way.add(picture, latents[row].numpy())
            picks, light, cost = [], [], 0
            for picture in way.following(ROUND, quality.tolerance):
                near = self._traced and way.distance(*way.neighbours(picture)) <= NEAR
                rows = self.rows(traces[0], near=near)
                if cost + rows <= left:
                    (light if near else picks).append(picture)
                    cost += rows
        return way

    def full_rows(self, trace: Trace) -> int:
        """Model rows of one picture that is sampled in full."""
        settings = self.plan.settings
        return settings.calls_per_picture if not trace.rows else trace.rows

    def rows(self, trace: Trace, *, near: bool) -> int:
        """Model rows of one picture between two others, which are alike (`near`) or not."""
        guided = 2 if self.plan.settings.cfg != 1 else 1
        rows = self.full_rows(trace) - guided * len(trace.rest)
        return rows - guided * len(trace.early) - len(trace.pull) if near else rows

    def _between(self, way: Way, traces: dict[int, Trace], pictures: list[int]) -> Trace:
        neighbours = [way.neighbours(picture) for picture in pictures]
        shares = [way.share(picture) for picture in pictures]
        return mixed([traces[low] for low, _ in neighbours], [traces[high] for _, high in neighbours], shares)

    # Sampling --------------------------------------------------------------------------------------

    def _batch(
        self,
        path: Path,
        pictures: list[int],
        a: int,
        b: int,
        positions: list[float],
        between: Trace | None,
        near: bool = False,
    ) -> tuple[list[int], torch.Tensor, Trace]:
        """A batch's pictures, latents (B, 4, h, w) and trace: those of an earlier run, else sampled and stored."""
        if path.exists():
            stored = load_batch(path)
            if stored[0] == pictures:
                self.counts.reused += path not in self._met
                self._met.add(path)
                return stored
        settings, trace = self.plan.settings, Trace()
        with self.clock.stage("interpolate"):
            noise, positive, negative = self.material.batch(a, b, positions)
        with self.clock.stage("sample"):
            latents = self.host.sample(
                self.model,
                noise,
                positive,
                negative,
                steps=settings.steps,
                cfg=settings.cfg,
                sampler=settings.sampler,
                scheduler=settings.scheduler,
                on_step=lambda step, x0: self.tick(len(pictures)),
                **({"predict": predictor(settings.cfg, trace, between, near=near)} if self._traced else {}),
            )
        latents = latents.float().cpu()
        if not self._traced:
            trace.rows = len(pictures) * settings.calls_per_picture
        self.counts.batches += 1
        self.counts.pictures += len(pictures)
        self.counts.rows += trace.rows
        with self.clock.stage("store"):
            save_batch(path, pictures, latents, trace)
        self._met.add(path)
        return pictures, latents, trace
