"""The remaining work of a render: pictures to sample, and the time and disk that they need."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from ..host.port import Host, Sampling
from .chunk_pictures import ChunkPictures
from .model_inputs import ModelInputs
from .plan import Plan, Segment
from .quality import TRAVEL
from .recipe import STEPS
from .report import Estimate, SpeedRecord, disk_bytes, encode_seconds

Chunks = list[tuple[Segment, range]]


def time_one_step(
    host: Host, model: Any, vae: Any, plan: Plan, material: ModelInputs, segment: Segment
) -> tuple[float, float]:
    """Seconds of one sampler step and of one decode of a picture, each measured at its second run."""
    settings = plan.settings
    batch = material.batch(segment.shot_a, segment.shot_b, [0.0] * settings.batch_size)
    once = Sampling(steps=1, cfg=settings.cfg, sampler=settings.sampler, scheduler=settings.scheduler)
    seconds = (0.0, 0.0)
    for _ in range(2):
        begin = time.perf_counter()
        latent = host.sample(model, *batch, once)
        middle = time.perf_counter()
        host.vae_decode(vae, latent[:1])
        seconds = ((middle - begin) / settings.batch_size, time.perf_counter() - middle)
    return seconds


def pictures_left(plan: Plan, shown: ChunkPictures, missing: Chunks) -> dict[int, float]:
    """How many pictures at most must be sampled for each segment with missing chunks.

    Returns
    -------
    first frame of the segment -> number of pictures. One that feedback paints in part counts by its share of the steps.
    """
    shots: set = set()
    left = {}
    for segment in {part.first_frame: part for part, _ in missing}.values():
        keyframes: set = set(segment.ends())
        chunks = [frames for part, frames in missing if part is segment]
        if shown.feedback is not None:
            last = max(frames.stop for frames in chunks) - segment.first_frame
            between = shown.feedback.steps_left(segment, last) / plan.settings.steps
            keyframes = shown.feedback.keyframes_left(segment, last)
        elif shown.source.exact and not plan.draft and not segment.blend:
            numbers = np.unique(np.concatenate([shown.numbers(segment, frames) for frames in chunks]))
            measuring = plan.measuring(segment)
            batches = shown.source.exact_batches(segment, numbers).values()
            between = sum(len(batch) + shown.source.sampler.ends for batch in batches) + measuring
            if segment.windows is not None:
                keyframes = set()
            elif not measuring:
                keyframes = {end for position, end in enumerate(segment.ends()) if position in segment.t[numbers]}
        else:
            between = int(np.ceil(plan.budget(segment)))
        steps = (end.recipe[STEPS] for end in keyframes - shots if segment.recipes is not None)
        ends = len(keyframes - shots) if segment.recipes is None else sum(steps) / plan.settings.steps
        left[segment.first_frame] = between + ends
        shots |= keyframes
    return left


def estimate(
    plan: Plan, fps, missing: Chunks, pictures: float, speed: tuple[float, float] | None, encoding_speed: SpeedRecord
) -> Estimate:
    """Estimate the cost of what is missing.

    Parameters
    ----------
    fps : frames per second of the video.
    missing : chunks that are not encoded yet.
    pictures : that must be sampled, see `pictures_left`.
    speed : seconds of a sampler step and of a decode of one picture, where they are known.
    encoding_speed : what earlier renders measured.
    """
    settings, encoding = plan.settings, plan.settings.encoding
    frames = sum(len(part) for _, part in missing)
    known = encoding_speed.read()
    if known is None:
        encode = encode_seconds(frames, settings.width, settings.height, encoding)
    else:
        encode = frames * known[0] + len(plan.frames) * known[1]
    # Feedback also encodes every picture, which costs about as much as to decode it.
    decodes = frames * (1 if plan.draft or settings.frames == TRAVEL else 2)
    seconds = len(plan.frames) / float(fps)
    return Estimate(
        frames=frames,
        pictures=math.ceil(pictures),
        model_calls=round(pictures * settings.calls_per_picture),
        seconds=None if speed is None else pictures * settings.steps * speed[0] + decodes * speed[1] + encode,
        disk_bytes=disk_bytes(frames, settings.width, settings.height, seconds, encoding),
    )
