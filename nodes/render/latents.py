"""Latents of keyframes and of the pictures between them: sampled in batches, stored, and never sampled twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..host.port import Host, LoraTensors
from .anchors import Interval, affordable, distance
from .batch_sampling import Batch, BatchRecipe, BatchSampler
from .even_pace import FINEST, MeasuredInterval, measure
from .model_inputs import ModelInputs
from .plan import Plan, Segment, keyframe_key, segment_key, shot_key
from .prediction_reuse import PredictionTrace, mixed, stacked
from .quality import EXACT, quality_named
from .recipe import LORA, STEPS, Keyframe, Recipes
from .report import StageClock

# Pictures that are chosen at a time in an interval; fixed, so that the choice depends on nothing else.
ROUND = 4
# Distance of two latents, relative to their length, up to which neighbours count as similar.
SIMILAR = 0.5


class LatentSource:
    """Gives the latents of a plan's pictures.

    Parameters
    ----------
    material : noise and prompt embeddings of the shots.
    folder : where latents lie until the segment that they belong to is encoded.
    tick : tick(steps) is called as sampler steps go by, in steps of one picture.
    likeness : the LoRA file whose strength a schedule may change; the model has it at strength 1.
    """

    def __init__(
        self,
        host: Host,
        model: Any,
        material: ModelInputs,
        plan: Plan,
        story: Any,
        folder: Path,
        clock: StageClock,
        tick: Callable[[int], None],
        likeness: Path | LoraTensors | None = None,
    ):
        self.material, self.plan, self.story, self.folder = material, plan, story, folder
        self.exact = plan.settings.quality == EXACT
        plain = not plan.draft and host.guidance_is_plain(model)
        self._traced = plain and not self.exact
        # Pictures that measure an interval use their neighbours' predictions in exact mode too.
        self._keys_traced = plain and (plan.measures or not self.exact)
        self.sampler = BatchSampler(host, model, material, plan, clock, tick, traced=self._traced, likeness=likeness)
        self.counts = self.sampler.counts
        self._measured: dict[int, MeasuredInterval] = {}
        self._keyframes: dict[int | Keyframe, tuple[np.ndarray, PredictionTrace]] = {}

    # Keyframes -----------------------------------------------------------------------------------

    def keyframe(self, shot: int | Keyframe, recipes: Recipes | None = None) -> tuple[np.ndarray, PredictionTrace]:
        """A keyframe, sampled alone, so that it depends on its shot only.

        Parameters
        ----------
        shot : its shot; with recipes, the keyframe itself.
        recipes : of a segment that starts or ends with the keyframe.

        Returns
        -------
        latent : float32 (4, h, w).
        trace : the predictions it was sampled by.
        """
        if shot not in self._keyframes:
            recipe = None
            if recipes is None:
                assert not isinstance(shot, Keyframe), "only segments with recipes have keyframes of their own"
                shots = shot, shot
            else:
                assert isinstance(shot, Keyframe), "the ends of a segment with recipes are such keyframes"
                shots = shot.shot_a, shot.shot_b
                recipe = BatchRecipe(recipes, [shot.recipe], recipes.extras(self.story, shot))
            path = self.keyframe_file(shot, recipes)
            latents, trace = self.sampler.sample(
                Batch(path, [0], shots, [0.0], recipe=recipe, traced=self._keys_traced)
            )
            while len(self._keyframes) >= 4:
                self._keyframes.pop(next(iter(self._keyframes)))
            self._keyframes[shot] = latents[0].numpy(), trace
        return self._keyframes[shot]

    def keyframe_file(self, shot: int | Keyframe, recipes: Recipes | None = None) -> Path:
        """Where a keyframe lies until nothing needs it any more."""
        if recipes is not None:
            assert isinstance(shot, Keyframe), "the ends of a segment with recipes are such keyframes"
            key = keyframe_key(self.story, self.material.seeds, shot, recipes.extras(self.story, shot))
            return self.folder / f"key_{key}.npz"
        assert not isinstance(shot, Keyframe), "only segments with recipes have keyframes of their own"
        return self.folder / f"key_{shot_key(self.story, self.material.seeds, shot)}.npz"

    def segment_files(self, segment: Segment) -> list[Path]:
        """The latents of a segment that are stored now, keyframes apart."""
        return list(self.folder.glob(f"way_{segment_key(self.story, self.material.seeds, segment)}_*.npz"))

    def picture_file(self, segment: Segment, number: int) -> Path:
        """Where feedback keeps the latent of a frame of a segment."""
        return self._file(segment, number)

    def _file(self, segment: Segment, number: int, kind: str = "") -> Path:
        # The prefix stays as it is: another one would lose the unfinished work of earlier versions.
        return self.folder / f"way_{segment_key(self.story, self.material.seeds, segment)}_{kind}{number:05d}.npz"

    # Pace ------------------------------------------------------------------------------------------

    def evenly_paced(self, segment: Segment) -> Segment:
        """The segment, re-timed so that visible change follows the schedule's pace; unchanged without `even_pace`.

        Some pictures are sampled to measure the interval; they are known to `interval`.
        """
        worth = self.plan.measuring(segment)
        if not worth:
            return segment
        recipes = segment.recipes
        start, end = (self.keyframe(shot, recipes) for shot in segment.ends())
        numbers = itertools.count()

        def sample(mixes: list[float], interval: MeasuredInterval, similar: bool) -> list[tuple]:
            made = []
            for batch in _parts(mixes, self.plan.settings.batch_size):
                path = self._file(segment, next(numbers), "pace")
                names = [round(at / FINEST) for at in batch]
                between = self._mixed(interval, interval.traces, batch) if self._keys_traced else None
                recipe = None
                if recipes is not None:
                    recipe = BatchRecipe(recipes, [recipes.at(at) for at in batch], recipes.extras(self.story))
                latents, trace = self._sampled_between(
                    segment, path, names, batch, between, similar, recipe, traced=self._keys_traced
                )
                for row in range(len(batch)):
                    spent = trace.rows // len(batch) + (row < trace.rows % len(batch))
                    made.append((latents[row].numpy(), trace.row(row), spent))
            return made

        def cost(interval: MeasuredInterval, at: float) -> tuple[int, bool]:
            low, high = interval.neighbours(at)
            similar = self._keys_traced and distance(interval.latents[low], interval.latents[high]) <= SIMILAR
            return self.rows(start[1], similar=similar), similar

        interval = measure((start, end), sample, cost, self._cost, int(worth * self.full_rows(start[1])), ROUND)
        self._measured = {segment.first_frame: interval}
        t = interval.evenly_paced(segment.t, self.plan.crossfade_frames)
        if recipes is None:
            return replace(segment, t=t)
        rows = np.array([recipes.at(at) for at in t.tolist()])
        return replace(segment, t=t, recipes=replace(recipes, rows=rows))

    # Every picture ---------------------------------------------------------------------------------

    def exact_batches(self, segment: Segment, pictures: np.ndarray) -> dict[int, list[int]]:
        """The fixed batches that hold some of a segment's pictures: number -> all pictures of the batch."""
        if segment.windows is not None:
            return {n: list(window) for n, window in enumerate(segment.windows) if np.isin(window, pictures).any()}
        between = (segment.t > 0) & (segment.t < 1) & ~self._in_crossfade(segment)
        batches = self._batches(segment, np.flatnonzero(between).tolist())
        wanted = set(pictures.tolist())
        return {number: batch for number, batch in enumerate(batches) if not wanted.isdisjoint(batch)}

    def exact_latents(self, segment: Segment, pictures: np.ndarray) -> dict[int, np.ndarray]:
        """Latents (4, h, w) of some of a segment's pictures, every one sampled but those inside a crossfade."""
        found, crossfaded = {}, self._in_crossfade(segment)
        for picture in pictures.tolist() if segment.windows is None else ():
            t = segment.t[picture]
            if crossfaded[picture]:
                found[picture] = self._measured[segment.first_frame].crossfaded(t)
            elif t in (0, 1):
                end = segment.ends()[int(t)] if segment.recipes else segment.shot_b if t else segment.shot_a
                found[picture] = self.keyframe(end, segment.recipes)[0]
        for number, batch in self.exact_batches(segment, pictures).items():
            if segment.windows is not None:
                latents, _ = self._window(segment, number, batch)
            else:
                latents, _ = self._between_ends(segment, number, batch, segment.t)
            found |= {picture: latents[row].numpy() for row, picture in enumerate(batch) if picture in pictures}
        return found

    def _window(self, segment: Segment, number: int, batch: list[int]) -> tuple[torch.Tensor, PredictionTrace]:
        """Pictures of a segment that a motion module makes together."""
        recipes, shots = segment.recipes, (segment.shot_a, segment.shot_b)
        assert recipes is not None, "with a motion module every picture has a recipe"
        places = [segment.place(picture) for picture in batch]
        recipe = BatchRecipe(recipes, recipes.rows[batch].tolist(), recipes.extras(self.story), places)
        positions = segment.t[batch].tolist()
        return self.sampler.sample(Batch(self._file(segment, number), batch, shots, positions, recipe=recipe))

    def _in_crossfade(self, segment: Segment) -> np.ndarray:
        """Which of a segment's pictures lie inside a crossfade of its measured interval, bool (p,)."""
        return self._measured.get(segment.first_frame, MeasuredInterval()).inside(segment.t)

    def _batches(self, segment: Segment, pictures: list[int]) -> list[list[int]]:
        """Pictures of a segment (its own numbers) in batches of one model and one number of steps, in their order."""
        size = self.plan.settings.batch_size
        groups: list[tuple[list[float] | None, list[int]]] = []
        for picture in pictures:
            recipe = None if segment.recipes is None else segment.recipes.rows[picture][[LORA, STEPS]].tolist()
            if groups and groups[-1][0] == recipe and len(groups[-1][1]) < size:
                groups[-1][1].append(picture)
            else:
                groups.append((recipe, [picture]))
        return [group for _, group in groups]

    def _between_ends(
        self, segment: Segment, number: int, batch: list[int], t: np.ndarray, between=None, similar: bool = False
    ) -> tuple[torch.Tensor, PredictionTrace]:
        """A segment's batch by its number. batch: numbers of pictures whose positions are in `t`."""
        positions = [float(t[picture]) for picture in batch]
        recipes, recipe = segment.recipes, None
        if recipes is not None:
            rows = recipes.rows[np.searchsorted(segment.t, positions)].tolist()
            recipe = BatchRecipe(recipes, rows, recipes.extras(self.story))
        path = self._file(segment, number)
        return self._sampled_between(segment, path, batch, positions, between, similar, recipe)

    def _sampled_between(
        self,
        segment: Segment,
        path: Path,
        names: list[int],
        positions: list[float],
        between: PredictionTrace | None,
        similar: bool,
        recipe: BatchRecipe | None,
        traced: bool | None = None,
    ) -> tuple[torch.Tensor, PredictionTrace]:
        """Pictures between a segment's keyframes, which they attend to where the plan says so."""
        if self.plan.attends_to_keyframes and between is not None:
            keyframes = [self.keyframe(end, segment.recipes)[1] for end in segment.ends()]
            between = stacked([*keyframes, between])
        shots = segment.shot_a, segment.shot_b
        batch = Batch(path, names, shots, positions, between, similar, recipe, traced, attends=True)
        return self.sampler.sample(batch)

    # Anchors ---------------------------------------------------------------------------------------

    def interval(self, segment: Segment) -> Interval:
        """A segment's interval with its anchors sampled: as many as the quality asks for and allows."""
        settings, measured = self.plan.settings, self._measured.get(segment.first_frame)
        shown = [] if measured is None else np.array(measured.order)[~measured.inside(measured.order)].tolist()
        quality, interval = quality_named(settings.quality), segment.interval(shown)
        last = len(interval.t) - 1
        traces = {}
        for picture, end in zip((0, last), segment.ends(), strict=True):
            latent, traces[picture] = self.keyframe(end, segment.recipes)
            interval.add(picture, latent)
        if segment.blend:
            return interval
        traced = self._traced and (segment.recipes is None or segment.recipes.even)
        full: float = self.full_rows(traces[0])
        if segment.recipes is not None:
            full = float(np.mean([self.plan.calls(segment, picture) for picture in range(len(segment.t))]))
        left = int(self.plan.budget(segment) * full)
        number, light = 0, []
        if measured is None:
            rows = self.rows(traces[0], similar=False)
            picks = interval.first(max(n for n in range(ROUND) if self._cost(n, rows) <= max(left, 0)))
        else:
            left -= measured.rows
            # Inside a crossfade nothing is sampled, and what was is not shown.
            interval.weight[measured.inside(interval.t)] = 0
            for at in shown[2:]:
                picture, place = int(np.searchsorted(interval.t, at)), measured.at.index(at)
                traces[picture] = measured.traces[place]
                interval.add(picture, measured.latents[place])
            picks, light = self._following(interval, traces, left, quality.tolerance, traced)
        while picks or light:
            for group, similar in ((sorted(picks), False), (sorted(light), True)):
                own = np.searchsorted(segment.t, interval.t[group]).tolist()
                numbers = dict(zip(own, group, strict=True))
                for batch in ([numbers[n] for n in part] for part in self._batches(segment, own)):
                    between = self._mixed(interval, traces, batch) if traced else None
                    latents, trace = self._between_ends(segment, number, batch, interval.t, between, similar)
                    number += 1
                    left -= trace.rows
                    traces |= {picture: trace.row(row) for row, picture in enumerate(batch)}
                    for row, picture in enumerate(batch):
                        interval.add(picture, latents[row].numpy())
            picks, light = self._following(interval, traces, left, quality.tolerance, traced)
        return interval

    def _following(
        self, interval: Interval, traces: dict[int, PredictionTrace], left: int, tolerance: float, traced: bool
    ) -> tuple:
        """Pictures to sample next for at most `left` rows: with unlike neighbours, and with similar ones."""

        def price(picture: int) -> tuple[int, bool]:
            similar = traced and interval.distance(*interval.neighbours(picture)) <= SIMILAR
            return self.rows(traces[0], similar=similar), similar

        chosen = affordable(interval.following(ROUND, tolerance), price, self._cost, left)
        return chosen[False], chosen[True]

    def _cost(self, pictures: int, rows: int) -> int:
        """Model rows of pictures of an interval, at so many rows each, with those of the keyframes they attend to."""
        return rows * (pictures + self.sampler.ends * -(-pictures // self.plan.settings.batch_size))

    def full_rows(self, trace: PredictionTrace) -> int:
        """Model rows of one picture that is sampled in full."""
        settings = self.plan.settings
        return settings.calls_per_picture if not trace.rows else trace.rows

    def rows(self, trace: PredictionTrace, *, similar: bool) -> int:
        """Model rows of one picture between two others, which are similar or not."""
        guided = 2 if self.plan.settings.cfg != 1 else 1
        rows = self.full_rows(trace) - guided * len(trace.rest)
        return rows - guided * len(trace.early) - len(trace.pull) if similar else rows

    def _mixed(
        self,
        interval: Interval | MeasuredInterval,
        traces: dict[int, PredictionTrace] | list[PredictionTrace],
        pictures: list,
    ) -> PredictionTrace:
        """Predictions for pictures, interpolated from their neighbours' traces."""
        neighbours = [interval.neighbours(picture) for picture in pictures]
        shares = [interval.share(picture) for picture in pictures]
        return mixed([traces[low] for low, _ in neighbours], [traces[high] for _, high in neighbours], shares)


def _parts(values: list[float], size: int) -> list[list[float]]:
    return [values[n : n + size] for n in range(0, len(values), size)]
