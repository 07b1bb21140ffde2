"""Frames by feedback: a picture is the one before it, moved by the camera and painted anew in part.

Only some frames in a second are painted. If every frame were painted, the picture would not move, since the model
undoes moves that are far smaller than a pixel of the latent; and each painting flickers. A frame between two painted
ones shows both, moved, one fading into the other.

A shot starts on its own keyframe, which is sampled alone, and depends on nothing before it. So an excerpt is a part of
the whole, and a changed shot touches itself and the shot that leads to it. The sampled latents are stored until their
shot is encoded; a killed run continues from the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..host.digest import Digest
from ..host.port import Host, Sampling
from .feedback_plan import FeedbackPlan
from .latent_files import load_batch, save_batch
from .latents import LatentSource
from .motion.colour import Colours
from .motion.warp import warp_by
from .plan import Segment
from .prediction_reuse import PredictionTrace
from .recipe import CFG, LORA, Keyframe, Recipes
from .report import StageClock
from .settings import RenderSettings

# Share of a frame's noise that is drawn for it; the rest is the shot's, as in travel. With all of it drawn anew
# pictures flicker and blur; with none, what is painted does not move.
FRESH = 0.3


class Feedback:
    """Gives a plan's frames one after the other.

    Parameters
    ----------
    decode : decode(latent) gives the picture, float32 (H, W, 3) in 0..1, of a latent (4, h, w).
    tick : tick(steps) is called as sampler steps go by.
    """

    def __init__(
        self,
        host: Host,
        vae: Any,
        source: LatentSource,
        settings: RenderSettings,
        clock: StageClock,
        decode: Callable[[np.ndarray], np.ndarray],
        tick: Callable[[int], None],
    ):
        self.host, self.vae, self.source, self.settings = host, vae, source, settings
        self.clock, self.decode, self.tick = clock, decode, tick
        self._met: set[Path] = set()
        self._painted_pictures: dict[tuple[int, int], np.ndarray] = {}
        self._keyframe_pictures: dict[Keyframe, tuple[np.ndarray, Colours]] = {}

    def steps_left(self, segment: Segment, last: int) -> int:
        """Sampler steps until the frames before `last` of a segment are there, keyframes apart."""
        wanted = (n for n in range(1, self._reach(segment, last)) if not self.source.picture_file(segment, n).exists())
        return sum(int(_plan_of(segment).steps[n]) for n in wanted)

    def keyframes_left(self, segment: Segment, last: int) -> set[Keyframe]:
        """The keyframes that are not sampled yet and needed for the frames before `last` of a segment."""
        last = self._reach(segment, last)
        plan, keyframes = _plan_of(segment), {_recipes_of(segment).start}
        leads = self.settings.anchor_colours and segment.t[:last].any()
        if leads or plan.pull[:last].any() or plan.fade[:last].any():
            keyframes.add(_recipes_of(segment).end)
        return {keyframe for keyframe in keyframes if not self.source.keyframe_file(keyframe, segment.recipes).exists()}

    def _reach(self, segment: Segment, last: int) -> int:
        """The end of the frames that those before `last` need: each also shows the painted frame after it."""
        return int(_plan_of(segment).painted[np.searchsorted(_plan_of(segment).painted, last - 1)]) + 1

    def pictures(self, segment: Segment, shown: range) -> Iterator[np.ndarray]:
        """Yield the pictures, float32 (H, W, 3), of some frames of a segment, counted from its first."""
        plan = _plan_of(segment)
        for n in shown:
            k = int(np.searchsorted(plan.painted, n, side="right")) - 1
            picture = self._painted_picture(segment, k) if n == plan.painted[k] else self._between(segment, n, k)
            fade = np.float32(plan.fade[n])
            yield picture if fade == 0 else picture + (self._arriving(segment, n) - picture) * fade

    # One frame -------------------------------------------------------------------------------------

    def _between(self, segment: Segment, n: int, k: int) -> np.ndarray:
        """A frame after the k-th painted one: that one, moved on, fading into the next painted one, moved back."""
        plan, (low, high) = _plan_of(segment), _plan_of(segment).painted[k : k + 2].tolist()
        before, after = self._painted_picture(segment, k), self._painted_picture(segment, k + 1)
        with self.clock.stage("warp"):
            on = warp_by(before, plan.moves(low, n), self.settings.border)
            back = warp_by(after, np.linalg.inv(plan.moves(n, high)), self.settings.border)
            return on + (back - on) * np.float32((n - low) / (high - low))

    def _painted_picture(self, segment: Segment, k: int) -> np.ndarray:
        """The picture of the k-th painted frame: from memory, from disk, or painted after the one before it."""
        key = (segment.first_frame, k)
        if key not in self._painted_pictures:
            picture = self._painted_frame(segment, k)
            while len(self._painted_pictures) >= 3:
                self._painted_pictures.pop(next(iter(self._painted_pictures)))
            self._painted_pictures[key] = picture
        return self._painted_pictures[key]

    def _painted_frame(self, segment: Segment, k: int) -> np.ndarray:
        # Not by recursion from the start: a stopped run finds the last stored picture, and goes on from there.
        plan = _plan_of(segment)
        first = k
        while first > 0 and not self._stored(segment, first):
            if (segment.first_frame, first - 1) in self._painted_pictures:
                break
            first -= 1
        picture = self._painted_pictures.get((segment.first_frame, first - 1))
        for number in range(first, k + 1):
            low = int(plan.painted[number - 1]) if number else 0
            picture = self._picture(segment, low, int(plan.painted[number]), picture)
        assert picture is not None, "the loop ends with the k-th"
        return picture

    def _stored(self, segment: Segment, k: int) -> bool:
        return self.source.picture_file(segment, int(_plan_of(segment).painted[k])).exists()

    def _picture(self, segment: Segment, low: int, n: int, before: np.ndarray | None) -> np.ndarray:
        """A painted frame n, from the one painted before it, `low`."""
        if n == 0:
            return self._keyframe(segment, _recipes_of(segment).start)[0]
        plan, path = _plan_of(segment), self.source.picture_file(segment, n)
        if path.exists():
            self.source.counts.reused += path not in self._met
            picture = self.decode(load_batch(path)[1][0].numpy())
        else:
            assert before is not None, "what is not stored is made after the frame before it"
            with self.clock.stage("warp"):
                picture = warp_by(before, plan.moves(low, n), self.settings.border)
                if plan.pull[n] > 0:
                    picture += (self._arriving(segment, n) - picture) * np.float32(plan.pull[n])
            if plan.denoise[n] > 0:
                picture = self.decode(self._painted(segment, n, picture))
        self._met.add(path)
        if self.settings.anchor_colours:
            picture = self._anchored(segment, float(segment.t[n]), picture)
        return picture

    def _painted(self, segment: Segment, n: int, picture: np.ndarray) -> np.ndarray:
        """The latent (4, h, w) of a frame, sampled from the moved picture and stored."""
        settings, source, plan = self.settings, self.source, _plan_of(segment)
        recipe, steps = _recipes_of(segment).rows[n].tolist(), int(plan.steps[n])
        with self.clock.stage("interpolate"):
            extras = _recipes_of(segment).extras(source.story)
            noise, positive, negative = source.material.recipe_batch(segment.shot_a, segment.shot_b, [recipe], extras)
            noise = self._noise(segment, n, noise)
        with self.clock.stage("encode picture"):
            latent = self.host.vae_encode(self.vae, torch.from_numpy(picture[None]).clamp(0, 1)).float().cpu()
        with self.clock.stage("sample"):
            latents = self.host.sample(
                source.sampler.model_at(recipe[LORA]),
                noise,
                positive,
                negative,
                Sampling(
                    steps=steps,
                    cfg=recipe[CFG],
                    sampler=settings.sampler,
                    scheduler=settings.scheduler,
                    latent=latent,
                    denoise=float(plan.denoise[n]),
                    on_step=lambda step, x0: self.tick(1),
                ),
            )
        # As it comes back from disk: the last bits of what is computed from it depend on its order in memory.
        latents = latents.float().cpu().contiguous()
        rows = settings.calls_for(steps, guided=recipe[CFG] != 1)
        source.counts.batches += 1
        source.counts.pictures += 1
        source.counts.rows += rows
        with self.clock.stage("store"):
            save_batch(source.picture_file(segment, n), [n], latents, PredictionTrace(rows=rows))
        return latents[0].numpy()

    def _noise(self, segment: Segment, n: int, travel_noise: torch.Tensor) -> torch.Tensor:
        """A frame's noise: travel mode's there, and a share drawn from the shot's seed and the frame's place in it."""
        digest = Digest()
        digest.add(["feedback", self.source.material.seeds[segment.shot_a], n])
        generator = torch.Generator("cpu").manual_seed(int(digest.hex()[:15], 16))
        return travel_noise * (1 - FRESH**2) ** 0.5 + torch.randn(travel_noise.shape, generator=generator) * FRESH

    # Keyframes -------------------------------------------------------------------------

    def _arriving(self, segment: Segment, n: int) -> np.ndarray:
        """The next shot's keyframe, moved back by all camera moves between this frame and that shot's first."""
        back = np.linalg.inv(_plan_of(segment).ahead[n])
        return warp_by(self._keyframe(segment, _recipes_of(segment).end)[0], back, self.settings.border)

    def _anchored(self, segment: Segment, t: float, picture: np.ndarray) -> np.ndarray:
        colours = self._keyframe(segment, _recipes_of(segment).start)[1]
        if t > 0:
            colours = colours.towards(self._keyframe(segment, _recipes_of(segment).end)[1], t)
        with self.clock.stage("colours"):
            return colours.given_to(picture)

    def _keyframe(self, segment: Segment, keyframe: Keyframe) -> tuple[np.ndarray, Colours]:
        """The picture of a keyframe, float32 (H, W, 3), and its colours."""
        if keyframe not in self._keyframe_pictures:
            picture = self.decode(self.source.keyframe(keyframe, segment.recipes)[0])
            while len(self._keyframe_pictures) >= 2:
                self._keyframe_pictures.pop(next(iter(self._keyframe_pictures)))
            self._keyframe_pictures[keyframe] = picture, Colours.of(picture)
        return self._keyframe_pictures[keyframe]


def _plan_of(segment: Segment) -> FeedbackPlan:
    assert segment.feedback_plan is not None, "in feedback every segment has a plan of its frames"
    return segment.feedback_plan


def _recipes_of(segment: Segment) -> Recipes:
    assert segment.recipes is not None, "in feedback every frame has a recipe"
    return segment.recipes
