"""Latents of keyframes and of the pictures between them: sampled in batches, stored, and never sampled twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ..base.errors import InputError
from ..host.port import Host, Sampling
from .anchors import Way, affordable, distance
from .pace import FINEST, Measured, measure
from .pictures import ShotMaterial
from .plan import Plan, Segment, segment_key, shot_key, still_key
from .quality import EXACT, quality_named
from .recipe import CFG, LORA, STEPS, Recipes, Still
from .report import StageClock
from .sampled import load_batch, save_batch
from .trace import Trace, mixed, predictor, stacked

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


@dataclass(frozen=True)
class Cook:
    """What takes the place of positions in a batch: a recipe for each picture, and the prompts they mix in.

    places: for a motion module, each picture's row of noise. ends: whether the recipes of both ends come first.
    """

    recipes: Recipes
    rows: list[list[float]]
    extras: tuple[str, ...]
    places: list[int] | None = None
    ends: bool = False

    def all_rows(self) -> list[list[float]]:
        """The recipes of the batch, those of the ends among them."""
        return [*(self.recipes.ends() if self.ends else ()), *self.rows]


class LatentSource:
    """Gives the latents of a plan's pictures.

    tick(steps): called as sampler steps go by, in steps of one picture. likeness: the LoRA file whose strength a
    schedule may change, which the model has at 1.
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
        likeness: Path | None = None,
    ):
        self.host, self.model, self.material, self.plan, self.story = host, model, material, plan, story
        self.folder, self.clock, self.tick = folder, clock, tick
        self.counts = Counts()
        self.exact = plan.settings.quality == EXACT
        plain = not plan.draft and host.guidance_is_plain(model)
        self._traced = plain and not self.exact
        # Pictures that measure a way take answers of their neighbours in exact mode too.
        self._keys_traced = plain and (plan.measures or not self.exact)
        self._measured: dict[int, Measured] = {}
        self._met: set[Path] = set()
        self._keyframes: dict[int | Still, tuple[np.ndarray, Trace]] = {}
        # Rows that come before the pictures of a batch on a way: those of its ends, where pictures look at them.
        self.ends = 2 if plan.looks else 0
        self._likeness = likeness
        self._models: dict[float, Any] = {1.0: model}

    # Keyframes -----------------------------------------------------------------------------------

    def keyframe(self, shot: int | Still, recipes: Recipes | None = None) -> tuple[np.ndarray, Trace]:
        """A shot's own picture: latent (4, h, w) and trace. Sampled alone, so that it depends on its shot only.

        With recipes, the picture of a still.
        """
        if shot not in self._keyframes:
            path = self.keyframe_file(shot, recipes)
            if recipes is None:
                _, latents, trace = self._batch(path, [0], shot, shot, [0.0], None, traced=self._keys_traced)
            else:
                cook = Cook(recipes, [shot.recipe], recipes.extras(self.story, shot))
                _, latents, trace = self._batch(
                    path, [0], shot.shot_a, shot.shot_b, [0.0], None, cook=cook, traced=self._keys_traced
                )
            while len(self._keyframes) >= 4:
                self._keyframes.pop(next(iter(self._keyframes)))
            self._keyframes[shot] = latents[0].numpy(), trace
        return self._keyframes[shot]

    def keyframe_file(self, shot: int | Still, recipes: Recipes | None = None) -> Path:
        """Where a keyframe lies until nothing needs it any more."""
        if recipes is not None:
            key = still_key(self.story, self.material.seeds, shot, recipes.extras(self.story, shot))
            return self.folder / f"key_{key}.npz"
        return self.folder / f"key_{shot_key(self.story, self.material.seeds, shot)}.npz"

    def segment_files(self, segment: Segment) -> list[Path]:
        """The latents of a segment that are stored now, keyframes apart."""
        return list(self.folder.glob(f"way_{segment_key(self.story, self.material.seeds, segment)}_*.npz"))

    def picture_file(self, segment: Segment, number: int) -> Path:
        """Where feedback keeps the latent of a frame of a segment."""
        return self._file(segment, number)

    def _file(self, segment: Segment, number: int, kind: str = "") -> Path:
        return self.folder / f"way_{segment_key(self.story, self.material.seeds, segment)}_{kind}{number:05d}.npz"

    # Pace ------------------------------------------------------------------------------------------

    def evened(self, segment: Segment) -> Segment:
        """The segment with its pictures where the schedule's pace is that of what is seen; as it is where that is off.

        Some pictures of the way are sampled for it, and are known to `way`.
        """
        worth = self.plan.measuring(segment)
        if not worth:
            return segment
        recipes = segment.recipes
        start, end = (self.keyframe(shot, recipes) for shot in segment.ends())
        numbers = itertools.count()

        def sample(mixes: list[float], way: Measured, near: bool) -> list[tuple]:
            made = []
            for batch in _parts(mixes, self.plan.settings.batch_size):
                path = self._file(segment, next(numbers), "pace")
                names = [round(at / FINEST) for at in batch]
                between = self._between(way, way.traces, batch) if self._keys_traced else None
                cook = recipes and Cook(recipes, [recipes.at(at) for at in batch], recipes.extras(self.story))
                _, latents, trace = self._batch(
                    path, names, segment.shot_a, segment.shot_b, batch, between, near, cook,
                    traced=self._keys_traced, ends=segment,
                )  # fmt: skip
                for row in range(len(batch)):
                    spent = trace.rows // len(batch) + (row < trace.rows % len(batch))
                    made.append((latents[row].numpy(), trace.row(row), spent))
            return made

        def cost(way: Measured, at: float) -> tuple[int, bool]:
            low, high = way.neighbours(at)
            near = self._keys_traced and distance(way.latents[low], way.latents[high]) <= NEAR
            return self.rows(start[1], near=near), near

        way = measure((start, end), sample, cost, self._cost, int(worth * self.full_rows(start[1])), ROUND)
        self._measured = {segment.first_frame: way}
        t = way.evened(segment.t, self.plan.turning)
        rows = recipes and np.array([recipes.at(at) for at in t.tolist()])
        return replace(segment, t=t, recipes=recipes and replace(recipes, rows=rows))

    # Every picture ---------------------------------------------------------------------------------

    def exact_batches(self, segment: Segment, pictures: np.ndarray) -> dict[int, list[int]]:
        """The fixed batches that hold some of a segment's pictures: number -> all pictures of the batch."""
        if segment.windows is not None:
            return {n: list(window) for n, window in enumerate(segment.windows) if np.isin(window, pictures).any()}
        between = (segment.t > 0) & (segment.t < 1) & ~self._turned(segment)
        batches = self._batches(segment, np.flatnonzero(between).tolist())
        wanted = set(pictures.tolist())
        return {number: batch for number, batch in enumerate(batches) if not wanted.isdisjoint(batch)}

    def exact_latents(self, segment: Segment, pictures: np.ndarray) -> dict[int, np.ndarray]:
        """Latents (4, h, w) of some of a segment's pictures, every one sampled, but for those inside a turn."""
        found, turned = {}, self._turned(segment)
        for picture in pictures.tolist() if segment.windows is None else ():
            t = segment.t[picture]
            if turned[picture]:
                found[picture] = self._measured[segment.first_frame].turned(t)
            elif t in (0, 1):
                end = segment.ends()[int(t)] if segment.recipes else segment.shot_b if t else segment.shot_a
                found[picture] = self.keyframe(end, segment.recipes)[0]
        for number, batch in self.exact_batches(segment, pictures).items():
            if segment.windows is not None:
                _, latents, _ = self._window(segment, number, batch)
            else:
                _, latents, _ = self._between_ends(segment, number, batch, segment.t)
            found |= {picture: latents[row].numpy() for row, picture in enumerate(batch) if picture in pictures}
        return found

    def _window(self, segment: Segment, number: int, batch: list[int]) -> tuple[list[int], torch.Tensor, Trace]:
        """Pictures of a segment that a motion module makes together."""
        recipes, path = segment.recipes, self._file(segment, number)
        places = [segment.place(picture) for picture in batch]
        cook = Cook(recipes, recipes.rows[batch].tolist(), recipes.extras(self.story), places)
        return self._batch(path, batch, segment.shot_a, segment.shot_b, segment.t[batch].tolist(), None, cook=cook)

    def _turned(self, segment: Segment) -> np.ndarray:
        """Which of a segment's pictures lie inside a turn of its measured way, bool (p,)."""
        return self._measured.get(segment.first_frame, Measured()).inside(segment.t)

    def _batches(self, segment: Segment, pictures: list[int]) -> list[list[int]]:
        """Pictures of a segment (its own numbers) in batches of one model and one number of steps, in their order."""
        size, groups = self.plan.settings.batch_size, []
        for picture in pictures:
            recipe = None if segment.recipes is None else segment.recipes.rows[picture][[LORA, STEPS]].tolist()
            if groups and groups[-1][0] == recipe and len(groups[-1][1]) < size:
                groups[-1][1].append(picture)
            else:
                groups.append((recipe, [picture]))
        return [group for _, group in groups]

    def _between_ends(
        self, segment: Segment, number: int, batch: list[int], t: np.ndarray, between=None, near: bool = False
    ) -> tuple[list[int], torch.Tensor, Trace]:
        """A segment's batch by its number. batch: numbers of pictures whose positions are in `t`."""
        positions = [float(t[picture]) for picture in batch]
        recipes, cook = segment.recipes, None
        if recipes is not None:
            rows = recipes.rows[np.searchsorted(segment.t, positions)].tolist()
            cook = Cook(recipes, rows, recipes.extras(self.story))
        path = self._file(segment, number)
        return self._batch(path, batch, segment.shot_a, segment.shot_b, positions, between, near, cook, ends=segment)

    # Anchors ---------------------------------------------------------------------------------------

    def way(self, segment: Segment) -> Way:
        """The way of a segment with its anchors known: as many as the quality asks for and allows."""
        settings, measured = self.plan.settings, self._measured.get(segment.first_frame)
        shown = [] if measured is None else np.array(measured.order)[~measured.inside(measured.order)].tolist()
        quality, way = quality_named(settings.quality), segment.way(shown)
        last = len(way.t) - 1
        traces = {}
        for picture, end in zip((0, last), segment.ends(), strict=True):
            latent, traces[picture] = self.keyframe(end, segment.recipes)
            way.add(picture, latent)
        if segment.blend:
            return way
        traced = self._traced and (segment.recipes is None or segment.recipes.even)
        full = self.full_rows(traces[0])
        if segment.recipes is not None:
            full = float(np.mean([self.plan.calls(segment, picture) for picture in range(len(segment.t))]))
        left = int(self.plan.budget(segment) * full)
        number, light = 0, []
        if measured is None:
            rows = self.rows(traces[0], near=False)
            picks = way.first(max(n for n in range(ROUND) if self._cost(n, rows) <= max(left, 0)))
        else:
            left -= measured.rows
            # Inside a turn nothing is sampled, and what was is not shown.
            way.weight[measured.inside(way.t)] = 0
            for at in shown[2:]:
                picture, place = int(np.searchsorted(way.t, at)), measured.at.index(at)
                traces[picture] = measured.traces[place]
                way.add(picture, measured.latents[place])
            picks, light = self._following(way, traces, left, quality.tolerance, traced)
        while picks or light:
            for group, near in ((sorted(picks), False), (sorted(light), True)):
                own = np.searchsorted(segment.t, way.t[group]).tolist()
                numbers = dict(zip(own, group, strict=True))
                for batch in ([numbers[n] for n in part] for part in self._batches(segment, own)):
                    between = self._between(way, traces, batch) if traced else None
                    _, latents, trace = self._between_ends(segment, number, batch, way.t, between, near)
                    number += 1
                    left -= trace.rows
                    traces |= {picture: trace.row(row) for row, picture in enumerate(batch)}
                    for row, picture in enumerate(batch):
                        way.add(picture, latents[row].numpy())
            picks, light = self._following(way, traces, left, quality.tolerance, traced)
        return way

    def _following(self, way: Way, traces: dict[int, Trace], left: int, tolerance: float, traced: bool) -> tuple:
        """Pictures to sample next for at most `left` rows: those with unlike neighbours, and with alike ones."""

        def price(picture: int) -> tuple[int, bool]:
            near = traced and way.distance(*way.neighbours(picture)) <= NEAR
            return self.rows(traces[0], near=near), near

        chosen = affordable(way.following(ROUND, tolerance), price, self._cost, left)
        return chosen[False], chosen[True]

    def _cost(self, pictures: int, rows: int) -> int:
        """Model rows of pictures on a way, at so many rows each, with those of its ends."""
        return rows * (pictures + self.ends * -(-pictures // self.plan.settings.batch_size))

    def full_rows(self, trace: Trace) -> int:
        """Model rows of one picture that is sampled in full."""
        settings = self.plan.settings
        return settings.calls_per_picture if not trace.rows else trace.rows

    def rows(self, trace: Trace, *, near: bool) -> int:
        """Model rows of one picture between two others, which are alike (`near`) or not."""
        guided = 2 if self.plan.settings.cfg != 1 else 1
        rows = self.full_rows(trace) - guided * len(trace.rest)
        return rows - guided * len(trace.early) - len(trace.pull) if near else rows

    def _between(self, way: Way | Measured, traces: dict[int, Trace] | list[Trace], pictures: list) -> Trace:
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
        cook: Cook | None = None,
        traced: bool | None = None,
        ends: Segment | None = None,
    ) -> tuple[list[int], torch.Tensor, Trace]:
        """A batch's pictures, latents (B, 4, h, w) and trace: those of an earlier run, else sampled and stored.

        traced: record what the model says; where absent, in all but exact mode. ends: the segment whose ends the
        pictures may look at.
        """
        if path.exists():
            stored = load_batch(path)
            if stored[0] == pictures:
                self.counts.reused += path not in self._met
                self._met.add(path)
                return stored
        settings, trace = self.plan.settings, Trace()
        looks = self.ends and ends is not None
        if looks:
            if between is not None:
                between = stacked([*(self.keyframe(end, ends.recipes)[1] for end in ends.ends()), between])
            cook = cook and replace(cook, ends=True)
        with self.clock.stage("interpolate"):
            if cook is None:
                made = self.material.batch(a, b, [*((0.0, 1.0) if looks else ()), *positions])
            else:
                made = self.material.cooked(a, b, cook.all_rows(), cook.extras, cook.places)
        model, steps, cfg = self.model, settings.steps, settings.cfg
        traced = recorded = self._traced if traced is None else traced
        rule = predictor(cfg, trace, between, near=near)
        if cook is not None:
            model, steps, cfg, rule = self._cooked(cook, trace, between, near, traced)
            traced = traced or rule is not None
        with self.clock.stage("sample"):
            latents = self.host.sample(
                model,
                *made,
                Sampling(
                    steps=steps,
                    cfg=cfg,
                    sampler=settings.sampler,
                    scheduler=settings.scheduler,
                    on_step=lambda step, x0: self.tick(len(x0)),
                    **({"predict": rule} if traced else {}),
                    **({"between": positions} if looks else {}),
                ),
            )
        latents = latents.float().cpu()
        if traced and not recorded:
            trace = Trace(rows=trace.rows)
        if not traced:
            trace.rows = len(latents) * settings.calls_for(steps, guided=cfg != 1)
        if looks:
            latents, trace = latents[self.ends :], trace.after(self.ends)
        self.counts.batches += 1
        self.counts.pictures += len(pictures)
        self.counts.rows += trace.rows
        with self.clock.stage("store"):
            save_batch(path, pictures, latents, trace)
        self._met.add(path)
        return pictures, latents, trace

    def _cooked(
        self,
        cook: Cook,
        trace: Trace,
        between: Trace | None,
        near: bool,
        traced: bool,
    ) -> tuple:
        """(model, steps, guidance, rule) of a batch with recipes; the rule is None where plain sampling is as good."""
        recipes = cook.recipes
        model, steps = self.model_at(cook.rows[0][LORA]), int(cook.rows[0][STEPS])
        guidance = [row[CFG] for row in cook.all_rows()]
        same = guidance.count(guidance[0]) == len(guidance)
        if same and not traced:
            return model, steps, guidance[0], None
        if not same and not self.host.guidance_is_plain(self.model):
            raise InputError(
                "This MODEL has a rule of its own for guidance, so that cfg cannot change from picture to picture; "
                "remove the schedule's curve 'cfg', or the node that changes the MODEL's guidance."
            )
        scale = torch.tensor(guidance)[:, None, None, None]
        # The host leaves the negative prompt out at exactly 1, which only some of the pictures may have.
        return (
            model,
            steps,
            7.0 if recipes.guided else 1.0,
            predictor(scale, trace, between, near=near, guided=recipes.guided),
        )

    def model_at(self, strength: float) -> Any:
        """The model with its likeness at another strength: LoRAs add up, so what is missing is applied on top."""
        if strength not in self._models:
            while len(self._models) > 2:
                self._models.pop(next(key for key in self._models if key != 1.0))
            self._models[strength] = self.host.apply_lora(self.model, None, self._likeness, strength - 1, 0.0)[0]
        return self._models[strength]


def _parts(values: list[float], size: int) -> list[list[float]]:
    return [values[n : n + size] for n in range(0, len(values), size)]
