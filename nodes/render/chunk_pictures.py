"""The pictures of a chunk's frames: decoded, blended between two anchors, or by feedback made from each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..host.port import Host
from .anchors import Interval
from .feedback import Feedback
from .latents import LatentSource
from .motion.smooth import smoothed
from .plan import Plan, Segment
from .quality import FEEDBACK, quality_named
from .report import StageClock


class ChunkPictures:
    """Gives the pictures of chunks, in the levels of the encoding.

    Parameters
    ----------
    advance : advance(steps, picture) is called as pictures become ready.
    tick : tick(steps) is called as sampler steps go by.

    Attributes
    ----------
    decoded : how many pictures were decoded.
    decode_seconds : how long each took.
    """

    def __init__(
        self,
        host: Host,
        vae: Any,
        source: LatentSource,
        plan: Plan,
        clock: StageClock,
        advance: Callable[..., None],
        tick: Callable[[int], None],
    ):
        self.host, self.vae, self.source, self.plan, self.clock, self.advance = host, vae, source, plan, clock, advance
        self.quality, self.levels = quality_named(plan.settings.quality), plan.settings.encoding.levels
        self.decoded = 0
        self.decode_seconds: list[float] = []
        self.feedback: Feedback | None = None
        if plan.settings.frames == FEEDBACK and not plan.draft:
            self.feedback = Feedback(host, vae, source, plan.settings, clock, self._as_floats, tick)
        self._buffers: dict[str, np.ndarray] = {}

    def numbers(self, segment: Segment, frames: range) -> np.ndarray:
        """Which of a segment's pictures its frames need: those they show, and the neighbours that smoothing reads."""
        return np.unique(segment.picture[within(segment, self._frames_read(segment, frames))])

    def of_chunk(self, segment: Segment, interval: Interval | None, frames: range) -> list[np.ndarray]:
        """The pictures of a chunk's frames, valid until the next call.

        Parameters
        ----------
        interval : the segment's, with its anchors; None where every picture is sampled, or made from the one before.
        frames : of the video.

        Returns
        -------
        uint8 or uint16 (H, W, 3) for each frame.
        """
        if self.feedback is not None:
            own = within(segment, frames)
            slots = self._slots(len(frames))
            made = self.feedback.pictures(segment, range(own.start, own.stop))
            for slot, picture in zip(slots, made, strict=False):
                slot[:] = to_levels(torch.from_numpy(picture), self.levels)
                self.advance(1, to_uint8(torch.from_numpy(picture)))
            return list(slots)
        with self.clock.stage("decode"):
            found = self._pictures(segment, interval, self.numbers(segment, frames))
        read = self._frames_read(segment, frames)
        pictures = [found[number] for number in segment.picture[within(segment, read)].tolist()]
        if not self.plan.smooths:
            return pictures
        with self.clock.stage("smooth"):
            return self._smoothed(pictures, frames.start - read.start, len(frames))

    def _frames_read(self, segment: Segment, frames: range) -> range:
        """The frames, and with smoothing one more on both sides, as far as the segment goes."""
        more = int(self.plan.smooths)
        return range(max(frames.start - more, segment.first_frame), min(frames.stop + more, segment.last_frame))

    def _smoothed(self, pictures: list[np.ndarray], first: int, count: int) -> list[np.ndarray]:
        slots = self._slots(count, "smoothed")
        for n, slot in enumerate(slots, first):
            neighbours = [pictures[k] for k in (n - 1, n + 1) if 0 <= k < len(pictures)]
            slot[:] = smoothed(pictures[n], neighbours, self.plan.settings.smoothing)
        return list(slots)

    def _slots(self, count: int, use: str = "pictures") -> np.ndarray:
        """A buffer for pictures (count, H, W, 3) in the encoding's levels, shared by all chunks."""
        # New arrays among a decoder's temporaries would leave holes in the heap, and memory would grow with the song.
        room = self._buffers.get(use)
        if room is None or len(room) < count:
            size = (self.plan.settings.height, self.plan.settings.width, 3)
            room = self._buffers[use] = np.empty((count, *size), self.levels)
        return room[:count]

    def _pictures(self, segment: Segment, interval: Interval | None, shown: np.ndarray) -> dict[int, np.ndarray]:
        """Pictures (H, W, 3) of a segment by number, valid until the next call."""
        numbers, outside = [], set()
        if interval is not None:
            numbers = np.searchsorted(interval.t, segment.t[shown]).tolist()
            # An anchor may be a picture that no frame here shows.
            outside = {anchor for number in numbers for anchor in interval.neighbours(number)} - set(numbers)
        slots = iter(self._slots(len(shown) + len(outside)))

        def kept(picture: np.ndarray) -> np.ndarray:
            slot = next(slots)
            slot[:] = picture
            return slot

        if interval is None:
            latents = self.source.exact_latents(segment, shown)
            return {picture: kept(self._decode(latents[picture])) for picture in shown.tolist()}
        anchors: dict[int, np.ndarray] = {}

        def anchor(number: int) -> np.ndarray:
            if number not in anchors:
                anchors[number] = kept(self._decode(interval.latents[number]))
            return anchors[number]

        found = {}
        for picture, number in zip(shown.tolist(), numbers, strict=True):
            low, high = interval.neighbours(number)
            share = interval.share(number)
            if share == 0:
                found[picture] = anchor(low)
            elif self.plan.draft or segment.blend or interval.distance(low, high) <= self.quality.blend:
                mix = anchor(low) * (1 - share) + anchor(high) * share
                found[picture] = kept(np.rint(mix))
                self.advance(1)
            else:
                found[picture] = kept(self._decode(interval.between(number)))
        return found

    def _decode(self, latent: np.ndarray) -> np.ndarray:
        """One picture, alone, so that it does not depend on what is decoded beside it."""
        begin = time.perf_counter()
        pixels = self.host.vae_decode(self.vae, torch.from_numpy(latent[None]))
        picture = to_levels(pixels, self.levels)[0]
        self.decode_seconds.append(time.perf_counter() - begin)
        self.decoded += 1
        self.advance(1, picture if picture.dtype == np.uint8 else to_uint8(pixels)[0])
        return picture

    def _as_floats(self, latent: np.ndarray) -> np.ndarray:
        """One picture float32 (H, W, 3) in 0..1, for feedback."""
        begin = time.perf_counter()
        with self.clock.stage("decode"):
            # A copy, so that what was read from disk lies in memory as what was just sampled.
            pixels = self.host.vae_decode(self.vae, torch.from_numpy(latent[None]).clone())
            picture = pixels[0].clamp(0, 1).contiguous().numpy()
        self.decode_seconds.append(time.perf_counter() - begin)
        self.decoded += 1
        return picture


def within(segment: Segment, frames: range) -> slice:
    """Frames of the video as places in their segment."""
    return slice(frames.start - segment.first_frame, frames.stop - segment.first_frame)


def to_uint8(pictures: torch.Tensor) -> np.ndarray:
    """Pictures float (B, H, W, 3) in 0..1 as uint8, rounded."""
    return to_levels(pictures, np.uint8)


def to_levels(pictures: torch.Tensor, levels: type[np.unsignedinteger]) -> np.ndarray:
    """Pictures float (B, H, W, 3) in 0..1 as uint8 or uint16, over its whole range, rounded."""
    return (pictures.clamp(0, 1) * np.iinfo(levels).max).round().numpy().astype(levels)
