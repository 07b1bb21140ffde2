"""From schedule and model to a video file: sampled in fixed batches, finished in chunks, resumable."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..host import Host, Progress
from ..media.files import atomic_path, clear_disk_errors, remove_abandoned, require_space
from ..media.video import join_segments, write_segment
from ..types import FrameSchedule, Story
from .pictures import ShotMaterial
from .plan import Chunk, Plan, RenderSettings, excerpt_samples, make_plan, plan_key
from .report import Estimate, SpeedRecord, StageClock, disk_bytes

# From this many sampler steps on, one step and one decode are timed beforehand when the speed is unknown.
STEPS_WORTH_TIMING = 60

log = logging.getLogger(__name__)


def render_music_video(
    host: Host,
    model: Any,
    clip: Any,
    vae: Any,
    story: Story,
    schedule: FrameSchedule,
    waveform: np.ndarray,
    sample_rate: int,
    settings: RenderSettings,
    *,
    start: float = 0.0,
    seconds: float = 0.0,
    draft: bool = False,
) -> tuple[Path, dict]:
    """Render a song's video, or continue where an earlier run of the same inputs stopped.

    Parameters
    ----------
    waveform : float32 (channels, samples), the whole song.
    start, seconds : render an excerpt only; its frames are those of the whole video.
    draft : a quick look at story and timing, see `make_plan`.

    Returns
    -------
    path : the finished MP4 (H.264 and AAC) in the host's temporary folder.
    report : JSON object with sizes, counts and the seconds of every stage.

    Raises
    ------
    InputError : inputs that do not fit each other, or a disk that is full; finished chunks are kept.
    """
    clock = StageClock()
    song_seconds = waveform.shape[1] / sample_rate
    if abs(song_seconds - schedule.duration) > 1e-3:
        raise InputError(
            f"The song lasts {song_seconds:.3f} s but the schedule was made for {schedule.duration:.3f} s; "
            "make the schedule from this song."
        )
    plan = make_plan(story, schedule, settings, start=start, seconds=seconds, draft=draft)
    with clock.stage("fingerprint"):
        fingerprints = [host.fingerprint(part) for part in (model, clip, vae)]
    key = plan_key(plan, story, schedule, fingerprints, draft)
    folder = host.work_dir(key)
    remove_abandoned(folder)
    samples = excerpt_samples(schedule, plan.frames, waveform.shape[1], sample_rate)
    with clear_disk_errors(folder):
        run = _Run(host, model, clip, vae, story, plan, folder, clock, fps=schedule.fps)
        segments = run.render_chunks(SpeedRecord(host.cache_dir(), _speed_key(fingerprints[0], plan.settings)))
        with clock.stage("mux"):
            song = np.ascontiguousarray(waveform[:, samples])
            name = f"{key}_{plan.frames.start}_{plan.frames.stop}_{_song_digest(song, sample_rate)}.mp4"
            path = host.temp_dir() / name
            join_segments(path, segments, fps=schedule.fps, waveform=song, sample_rate=sample_rate)
    report = run.report() | {
        "key": key,
        "draft": draft,
        "fps": str(schedule.fps),
        "start_seconds": plan.frames.start / float(schedule.fps),
        "audio_seconds": song.shape[1] / sample_rate,
        "file_bytes": path.stat().st_size,
        "seconds": {name: round(value, 3) for name, value in clock.seconds.items()}
        | {"total": round(clock.total(), 3)},
    }
    return path, report


def _speed_key(model_fingerprint: str, settings: RenderSettings) -> str:
    return (
        f"{model_fingerprint[:16]} {settings.width}x{settings.height} {settings.batch_size} "
        f"{settings.sampler} {'cfg' if settings.cfg != 1 else 'plain'}"
    )


def _song_digest(waveform: np.ndarray, sample_rate: int) -> str:
    digest = hashlib.blake2b(str((waveform.shape, sample_rate)).encode(), digest_size=6)
    digest.update(memoryview(np.ascontiguousarray(waveform)).cast("B"))
    return digest.hexdigest()


class _Run:
    """One render: what is done, what is left, and the progress that the user sees."""

    def __init__(self, host, model, clip, vae, story: Story, plan: Plan, folder: Path, clock: StageClock, *, fps):
        self.host, self.model, self.clip, self.vae = host, model, clip, vae
        self.story, self.plan, self.folder, self.clock, self.fps = story, plan, folder, clock, fps
        self.chunks = plan.chunks()
        self.sampled = self.loaded = self.decoded = self.reused_chunks = 0
        self.estimate: Estimate | None = None
        self.material: ShotMaterial | None = None
        self._step_seconds: list[float] = []
        self._decode_seconds: list[float] = []
        self._done = 0
        self._progress: Progress | None = None

    # Work --------------------------------------------------------------------------------------

    def render_chunks(self, speed: SpeedRecord) -> list[tuple[Path, int]]:
        """Every chunk's segment file with its number of frames, rendering those that are not there yet."""
        settings = self.plan.settings
        missing = [chunk for chunk in self.chunks if not (self.folder / chunk.segment_name).exists()]
        self.reused_chunks = len(self.chunks) - len(missing)
        unsampled = [n for chunk in missing for n in self.plan.batches(chunk) if not self._latent_file(n).exists()]
        steps_left = len(unsampled) * settings.steps
        decodes_left = sum(len(self.plan.batches(chunk)) for chunk in missing)
        per_chunk = [len(self.plan.batches(chunk)) for chunk in self.chunks]
        total = sum(per_chunk) * (settings.steps + 1)
        self._done = total - steps_left - decodes_left
        self._progress = self.host.progress(total)
        with self.clock.stage("text"):
            self.material = ShotMaterial(self.host, self.clip, self.story, settings)
        known = speed.read()
        if known is None and steps_left >= STEPS_WORTH_TIMING:
            known = self._time_one_step()
        self.estimate = self._estimate(missing, unsampled, decodes_left, known)
        require_space(self.folder, self.estimate.disk_bytes)
        log.info("Rendering %s", self.estimate.text())
        self._progress.status(self.estimate.text())
        self._progress.update(self._done)
        for chunk in self.chunks:
            if not (self.folder / chunk.segment_name).exists():
                self._render_chunk(chunk)
        if self._step_seconds and self._decode_seconds:
            speed.write(float(np.median(self._step_seconds)), float(np.median(self._decode_seconds)))
        return [(self.folder / chunk.segment_name, chunk.last_frame - chunk.first_frame) for chunk in self.chunks]

    def _render_chunk(self, chunk: Chunk) -> None:
        latents = {number: self._latent(number) for number in self.plan.batches(chunk)}
        pictures = self._decode(chunk, latents)
        with self.clock.stage("encode"):
            write_segment(
                self.folder / chunk.segment_name,
                self._frames(chunk, pictures),
                fps=self.fps,
                crf=self.plan.settings.crf,
            )
        for number in latents:
            self._latent_file(number).unlink(missing_ok=True)

    def _frames(self, chunk: Chunk, pictures: np.ndarray) -> Iterator[np.ndarray]:
        for frame in range(chunk.first_frame, chunk.last_frame):
            picture = pictures[self.plan.first[frame] - chunk.first_picture]
            weight = self.plan.blend[frame]
            if weight > 0:
                other = pictures[self.plan.second[frame] - chunk.first_picture]
                picture = np.rint(picture * (1 - weight) + other * weight).astype(np.uint8)
            yield picture

    # Sampling ----------------------------------------------------------------------------------

    def _latent_file(self, number: int) -> Path:
        return self.folder / f"batch_{number:06d}.npy"

    def _latent(self, number: int) -> np.ndarray:
        """Latents (B, 4, h, w) of a micro-batch: those of an earlier run, else sampled and stored at once."""
        path = self._latent_file(number)
        if path.exists():
            self.loaded += 1
            return np.load(path)
        with self.clock.stage("interpolate"):
            batch = self.material.batch(self.plan.batch(number))
        with self.clock.stage("sample"):
            latent = self._sample(*batch, on_step=self._step_watch())
        with self.clock.stage("store"), atomic_path(path) as part, part.open("wb") as file:
            np.save(file, latent.numpy())
        self.sampled += 1
        if self.sampled == 1:
            with self.clock.stage("preview"):
                self._progress.update(self._done, to_uint8(self.host.vae_decode(self.vae, latent[:1]))[0])
        return latent.numpy()

    def _sample(self, noise, positive, negative, *, on_step=None, steps: int | None = None) -> torch.Tensor:
        settings = self.plan.settings
        latent = self.host.sample(
            self.model,
            noise,
            positive,
            negative,
            steps=steps or settings.steps,
            cfg=settings.cfg,
            sampler=settings.sampler,
            scheduler=settings.scheduler,
            on_step=on_step,
        )
        return latent.float().cpu()

    def _step_watch(self) -> Callable[[int, torch.Tensor], None]:
        """A step callback that counts, times, and lets the user cancel."""
        last = time.perf_counter()

        def on_step(_step: int, _x0: torch.Tensor) -> None:
            nonlocal last
            now = time.perf_counter()
            self._step_seconds.append(now - last)
            last = now
            self._done += 1
            self._progress.update(self._done)

        return on_step

    def _decode(self, chunk: Chunk, latents: dict[int, np.ndarray]) -> np.ndarray:
        """The chunk's pictures, uint8 (n, H, W, 3)."""
        settings = self.plan.settings
        count = chunk.last_picture - chunk.first_picture
        pictures = np.empty((count, settings.height, settings.width, 3), np.uint8)
        for number, latent in latents.items():
            begin = time.perf_counter()
            with self.clock.stage("decode"):
                decoded = to_uint8(self.host.vae_decode(self.vae, torch.from_numpy(latent)))
            self._decode_seconds.append(time.perf_counter() - begin)
            low = number * settings.batch_size
            for row, picture in enumerate(decoded):
                if 0 <= low + row - chunk.first_picture < count:
                    pictures[low + row - chunk.first_picture] = picture
            self._done += 1
            self.decoded += 1
            self._progress.update(self._done, decoded[-1])
        return pictures

    # Cost --------------------------------------------------------------------------------------

    def _time_one_step(self) -> tuple[float, float]:
        """Seconds of one sampler step and of one decoded batch, after one of each to warm up."""
        batch = self.material.batch(self.plan.batch(0))
        seconds = (0.0, 0.0)
        with self.clock.stage("timing"):
            for _ in range(2):
                begin = time.perf_counter()
                latent = self._sample(*batch, steps=1)
                middle = time.perf_counter()
                self.host.vae_decode(self.vae, latent)
                seconds = (middle - begin, time.perf_counter() - middle)
        return seconds

    def _estimate(self, missing: list[Chunk], unsampled: list[int], decodes: int, speed) -> Estimate:
        settings = self.plan.settings
        steps = len(unsampled) * settings.steps
        calls_per_step = (2 if settings.sampler == "heun" else 1) * (2 if settings.cfg != 1 else 1)
        frames = sum(chunk.last_frame - chunk.first_frame for chunk in missing)
        return Estimate(
            frames=frames,
            pictures=len(unsampled) * settings.batch_size,
            model_calls=steps * calls_per_step * settings.batch_size,
            seconds=None if speed is None else steps * speed[0] + decodes * speed[1],
            disk_bytes=disk_bytes(frames, settings.width, settings.height, len(self.plan.frames) / float(self.fps)),
        )

    def report(self) -> dict:
        """Counts of what was done."""
        settings = self.plan.settings
        return {
            "width": settings.width,
            "height": settings.height,
            "steps": settings.steps,
            "batch_size": settings.batch_size,
            "frames": len(self.plan.frames),
            "pictures": sum(chunk.last_picture - chunk.first_picture for chunk in self.chunks),
            "chunks": len(self.chunks),
            "chunks_reused": self.reused_chunks,
            "batches_sampled": self.sampled,
            "batches_reused": self.loaded,
            "estimate": vars(self.estimate),
        }


def to_uint8(pictures: torch.Tensor) -> np.ndarray:
    """Pictures float (B, H, W, 3) in 0..1 as uint8, rounded."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
