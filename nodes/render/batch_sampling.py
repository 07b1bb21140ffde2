"""Sampling a batch of pictures: once, stored whole, found again after a stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..base.errors import InputError
from ..host.port import Host, LoraTensors, Sampling
from .latent_files import load_batch, save_batch
from .model_inputs import ModelInputs
from .plan import Plan
from .prediction_reuse import PredictionTrace, predictor
from .recipe import CFG, LORA, STEPS, Recipes
from .report import StageClock


@dataclass
class Counts:
    """What a render sampled, in batches, pictures and model rows, and the batches it found from earlier runs."""

    batches: int = 0
    reused: int = 0
    pictures: int = 0
    rows: int = 0


@dataclass(frozen=True)
class BatchRecipe:
    """Recipes for the pictures of a batch, in place of positions between two shots.

    Attributes
    ----------
    recipes : of the segment that the pictures belong to.
    rows : the recipe of each picture.
    extras : prompts that the recipes mix in, see `Recipes.extras`.
    places : with a motion module, each picture's row of the shot's noise.
    ends : whether the recipes of both keyframes come first.
    """

    recipes: Recipes
    rows: Sequence[Sequence[float]]
    extras: tuple[str, ...]
    places: list[int] | None = None
    ends: bool = False

    def all_rows(self) -> list[Sequence[float]]:
        """The recipes of the batch, those of the keyframes among them."""
        return [*(self.recipes.ends() if self.ends else ()), *self.rows]


@dataclass(frozen=True)
class Batch:
    """Pictures of an interval that are sampled together.

    Attributes
    ----------
    path : where the batch is stored.
    pictures : their numbers, by which a stored batch is recognised.
    shots : the two shots at the ends of the interval.
    positions : of each picture between the two shots, 0..1.
    between : predictions interpolated from each picture's neighbours; with `attends` the keyframes' own come first.
    similar : whether the neighbours of all pictures are similar, so that more of `between` can be used.
    recipe : in place of positions, where more than the mix of two shots changes.
    traced : whether predictions are recorded; where None, in all but exact mode.
    attends : whether the pictures attend to both keyframes where the plan says so.
    """

    path: Path
    pictures: list[int]
    shots: tuple[int, int]
    positions: list[float]
    between: PredictionTrace | None = None
    similar: bool = False
    recipe: BatchRecipe | None = None
    traced: bool | None = None
    attends: bool = False


class BatchSampler:
    """Samples batches of a plan's pictures.

    Parameters
    ----------
    material : noise and prompt embeddings of the shots.
    tick : tick(steps) is called as sampler steps go by, in steps of one picture.
    likeness : the LoRA file whose strength a schedule may change; the model has it at strength 1.
    """

    def __init__(
        self,
        host: Host,
        model: Any,
        material: ModelInputs,
        plan: Plan,
        clock: StageClock,
        tick: Callable[[int], None],
        *,
        traced: bool,
        likeness: Path | LoraTensors | None = None,
    ):
        self.host, self.model, self.material, self.plan = host, model, material, plan
        self.clock, self.tick = clock, tick
        self.counts = Counts()
        # Rows that come before the pictures of a batch: the keyframes, where pictures attend to them.
        self.ends = 2 if plan.attends_to_keyframes else 0
        self._traced = traced
        self._met: set[Path] = set()
        self._likeness = likeness
        self._models: dict[float, Any] = {1.0: model}

    def sample(self, batch: Batch) -> tuple[torch.Tensor, PredictionTrace]:
        """Latents (B, 4, h, w) and trace of a batch: those of an earlier run, else sampled and stored."""
        if batch.path.exists():
            pictures, latents, trace = load_batch(batch.path)
            if pictures == batch.pictures:
                self.counts.reused += batch.path not in self._met
                self._met.add(batch.path)
                return latents, trace
        settings, trace = self.plan.settings, PredictionTrace()
        attends = bool(self.ends) and batch.attends
        recipe = batch.recipe and replace(batch.recipe, ends=attends)
        with self.clock.stage("interpolate"):
            if recipe is None:
                made = self.material.batch(*batch.shots, [*((0.0, 1.0) if attends else ()), *batch.positions])
            else:
                made = self.material.recipe_batch(*batch.shots, recipe.all_rows(), recipe.extras, recipe.places)
        model, steps, cfg = self.model, settings.steps, settings.cfg
        traced = recorded = self._traced if batch.traced is None else batch.traced
        rule = predictor(cfg, trace, batch.between, similar=batch.similar)
        if recipe is not None:
            model, steps, cfg, rule = self._with_recipes(recipe, trace, batch, traced)
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
                    predict=rule if traced else None,
                    between=batch.positions if attends else None,
                ),
            )
        latents = latents.float().cpu()
        if traced and not recorded:
            trace = PredictionTrace(rows=trace.rows)
        if not traced:
            trace.rows = len(latents) * settings.calls_for(steps, guided=cfg != 1)
        if attends:
            latents, trace = latents[self.ends :], trace.after(self.ends)
        self.counts.batches += 1
        self.counts.pictures += len(batch.pictures)
        self.counts.rows += trace.rows
        with self.clock.stage("store"):
            save_batch(batch.path, batch.pictures, latents, trace)
        self._met.add(batch.path)
        return latents, trace

    def _with_recipes(self, recipe: BatchRecipe, trace: PredictionTrace, batch: Batch, traced: bool) -> tuple:
        """(model, steps, guidance, rule) of a batch with recipes; the rule is None where plain sampling is as good."""
        guided = recipe.recipes.guided
        model, steps = self.model_at(recipe.rows[0][LORA]), int(recipe.rows[0][STEPS])
        guidance = [row[CFG] for row in recipe.all_rows()]
        same = guidance.count(guidance[0]) == len(guidance)
        if same and not traced:
            return model, steps, guidance[0], None
        if not same and not self.host.guidance_is_plain(self.model):
            raise InputError(
                "This MODEL has a rule of its own for guidance, so that cfg cannot change from picture to picture; "
                "remove the schedule's curve 'cfg', or the node that changes the MODEL's guidance."
            )
        scale = torch.tensor(guidance)[:, None, None, None]
        rule = predictor(scale, trace, batch.between, similar=batch.similar, guided=guided)
        # The host leaves the negative prompt out at exactly 1, which only some of the pictures may have.
        return model, steps, 7.0 if guided else 1.0, rule

    def model_at(self, strength: float) -> Any:
        """The model with its likeness at another strength: LoRAs add up, so the difference is applied on top."""
        if strength not in self._models:
            while len(self._models) > 2:
                self._models.pop(next(key for key in self._models if key != 1.0))
            assert self._likeness is not None, "`recipe_rows` refuses another strength where there is no LoRA"
            self._models[strength] = self.host.apply_lora(self.model, None, self._likeness, strength - 1, 0.0)[0]
        return self._models[strength]
