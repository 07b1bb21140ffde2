"""Frames by feedback: a picture is the one before it, moved by the camera and painted anew in part.

Painted are some frames in a second. A picture that is painted on every frame stands still, since the model undoes moves
that are far smaller than a latent's pixel; and every painting flickers. Frames between two painted ones show both,
moved, one fading into the other.

A shot starts on its own picture, sampled alone, and depends on nothing before it. So an excerpt is a part of the whole
and a changed shot touches itself and the shot that leads to it. The sampled latents are stored until their shot is
encoded; a killed run goes on from the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ..host.digest import Digest
from ..host.port import Host, Sampling
from .motion.colour import Colours
from .motion.warp import warp_by
from .plan import Segment
from .recipe import CFG, LORA, Still
from .report import StageClock
from .sampled import load_batch, save_batch
from .sampling import LatentSource
from .settings import RenderSettings
from .trace import Trace

# Share of a frame's noise that is its own; the rest is the shot's, as in travel. All of its own flickers and blurs,
# none of its own holds what is painted in its place.
FRESH = 0.3


class Feedback:
    """Gives a plan's frames one after the other.

    decode(latent): the picture float32 (H, W, 3) in 0..1 of a latent (4, h, w). tick(steps): called as sampler steps go
    by.
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
        self._stations: dict[tuple[int, int], np.ndarray] = {}
        self._own: dict[Still, tuple[np.ndarray, Colours]] = {}

    def steps_left(self, segment: Segment, last: int) -> int:
        """Sampler steps until the frames before `last` of a segment are there, stills apart."""
        wanted = (n for n in range(1, self._reach(segment, last)) if not self.source.picture_file(segment, n).exists())
        return sum(int(segment.course.steps[n]) for n in wanted)

    def stills_left(self, segment: Segment, last: int) -> set[Still]:
        """The shots' own pictures that must still be sampled for the frames before `last` of a segment."""
        last = self._reach(segment, last)
        course, stills = segment.course, {segment.recipes.start}
        leads = self.settings.anchor_colours and segment.t[:last].any()
        if leads or course.pull[:last].any() or course.fade[:last].any():
            stills.add(segment.recipes.end)
        return {still for still in stills if not self.source.keyframe_file(still, segment.recipes).exists()}

    def _reach(self, segment: Segment, last: int) -> int:
        """The frames before `last` show the painted one after them too: the end of what is needed."""
        return int(segment.course.painted[np.searchsorted(segment.course.painted, last - 1)]) + 1

    def pictures(self, segment: Segment, shown: range) -> Iterator[np.ndarray]:
        """Pictures float32 (H, W, 3) of some frames of a segment, counted from its first."""
        course = segment.course
        for n in shown:
            k = int(np.searchsorted(course.painted, n, side="right")) - 1
            picture = self._station(segment, k) if n == course.painted[k] else self._between(segment, n, k)
            fade = np.float32(course.fade[n])
            yield picture if fade == 0 else picture + (self._arriving(segment, n) - picture) * fade

    # One frame -------------------------------------------------------------------------------------

    def _between(self, segment: Segment, n: int, k: int) -> np.ndarray:
        """A frame after the k-th painted one: that one, moved on, fading into the next painted one, moved back."""
        course, (low, high) = segment.course, segment.course.painted[k : k + 2].tolist()
        before, after = self._station(segment, k), self._station(segment, k + 1)
        with self.clock.stage("warp"):
            on = warp_by(before, course.moves(low, n), self.settings.border)
            back = warp_by(after, np.linalg.inv(course.moves(n, high)), self.settings.border)
            return on + (back - on) * np.float32((n - low) / (high - low))

    def _station(self, segment: Segment, k: int) -> np.ndarray:
        """The picture of the k-th painted frame: from memory, from disk, or painted after the one before it."""
        key = (segment.first_frame, k)
        if key not in self._stations:
            picture = self._painted_frame(segment, k)
            while len(self._stations) >= 3:
                self._stations.pop(next(iter(self._stations)))
            self._stations[key] = picture
        return self._stations[key]

    def _painted_frame(self, segment: Segment, k: int) -> np.ndarray:
        # Not by recursion from the start: a stopped run finds the last stored picture, and goes on from there.
        course = segment.course
        first = k
        while first > 0 and not self._stored(segment, first) and (segment.first_frame, first - 1) not in self._stations:
            first -= 1
        picture = self._stations.get((segment.first_frame, first - 1))
        for station in range(first, k + 1):
            low = int(course.painted[station - 1]) if station else 0
            picture = self._picture(segment, low, int(course.painted[station]), picture)
        return picture

    def _stored(self, segment: Segment, k: int) -> bool:
        return self.source.picture_file(segment, int(segment.course.painted[k])).exists()

    def _picture(self, segment: Segment, low: int, n: int, before: np.ndarray | None) -> np.ndarray:
        """A painted frame n, from the one painted before it, `low`."""
        if n == 0:
            return self._still(segment, segment.recipes.start)[0]
        course, path = segment.course, self.source.picture_file(segment, n)
        if path.exists():
            self.source.counts.reused += path not in self._met
            picture = self.decode(load_batch(path)[1][0].numpy())
        else:
            with self.clock.stage("warp"):
                picture = warp_by(before, course.moves(low, n), self.settings.border)
                if course.pull[n] > 0:
                    picture += (self._arriving(segment, n) - picture) * np.float32(course.pull[n])
            if course.denoise[n] > 0:
                picture = self.decode(self._painted(segment, n, picture))
        self._met.add(path)
        if self.settings.anchor_colours:
            picture = self._anchored(segment, float(segment.t[n]), picture)
        return picture

    def _painted(self, segment: Segment, n: int, picture: np.ndarray) -> np.ndarray:
        """The latent (4, h, w) of a frame, sampled from the moved picture and stored."""
        settings, source, course = self.settings, self.source, segment.course
        recipe, steps = segment.recipes.rows[n].tolist(), int(course.steps[n])
        with self.clock.stage("interpolate"):
            extras = segment.recipes.extras(source.story)
            noise, positive, negative = source.material.cooked(segment.shot_a, segment.shot_b, [recipe], extras)
            noise = self._noise(segment, n, noise)
        with self.clock.stage("encode picture"):
            latent = self.host.vae_encode(self.vae, torch.from_numpy(picture[None]).clamp(0, 1)).float().cpu()
        with self.clock.stage("sample"):
            latents = self.host.sample(
                source.model_at(recipe[LORA]),
                noise,
                positive,
                negative,
                Sampling(
                    steps=steps,
                    cfg=recipe[CFG],
                    sampler=settings.sampler,
                    scheduler=settings.scheduler,
                    latent=latent,
                    denoise=float(course.denoise[n]),
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
            save_batch(source.picture_file(segment, n), [n], latents, Trace(rows=rows))
        return latents[0].numpy()

    def _noise(self, segment: Segment, n: int, way: torch.Tensor) -> torch.Tensor:
        """A frame's noise: what the way has there and its own, by the shot's seed and the frame's place in it."""
        digest = Digest()
        digest.add(["feedback", self.source.material.seeds[segment.shot_a], n])
        generator = torch.Generator("cpu").manual_seed(int(digest.hex()[:15], 16))
        return way * (1 - FRESH**2) ** 0.5 + torch.randn(way.shape, generator=generator) * FRESH

    # The shots' own pictures -------------------------------------------------------------------------

    def _arriving(self, segment: Segment, n: int) -> np.ndarray:
        """The next shot's picture, moved back by all moves that are still to come before its first frame."""
        back = np.linalg.inv(segment.course.ahead[n])
        return warp_by(self._still(segment, segment.recipes.end)[0], back, self.settings.border)

    def _anchored(self, segment: Segment, t: float, picture: np.ndarray) -> np.ndarray:
        colours = self._still(segment, segment.recipes.start)[1]
        if t > 0:
            colours = colours.towards(self._still(segment, segment.recipes.end)[1], t)
        with self.clock.stage("colours"):
            return colours.given_to(picture)

    def _still(self, segment: Segment, still: Still) -> tuple[np.ndarray, Colours]:
        """A shot's own picture and its colours."""
        if still not in self._own:
            picture = self.decode(self.source.keyframe(still, segment.recipes)[0])
            while len(self._own) >= 2:
                self._own.pop(next(iter(self._own)))
            self._own[still] = picture, Colours.of(picture)
        return self._own[still]
