"""From schedule and model to a video file: sampled segment by segment, finished in chunks, resumable."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import InputError
from ..base.media.files import clear_disk_errors, file_digest, remove_abandoned, require_space
from ..base.media.video import join_segments, write_segment
from ..base.types import FrameSchedule, Story
from ..host.port import Host, LoraTensors, Progress
from .chunk_pictures import ChunkPictures
from .latents import LatentSource
from .model_inputs import ModelInputs
from .motion.flow import opencv
from .plan import Plan, Segment, excerpt_samples, make_plan, plan_key, segment_key, work_key
from .quality import quality_named
from .remaining_work import estimate, pictures_left, time_one_step
from .report import Estimate, SpeedRecord, StageClock
from .settings import RenderRun, RenderSettings

# From this many steps of single pictures on, one step and one decode are timed beforehand when the speed is unknown.
STEPS_WORTH_TIMING = 240

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
    run: RenderRun | None = None,
    *,
    likeness: Path | LoraTensors | None = None,
) -> tuple[Path, dict]:
    """Render a song's video, or continue where an earlier run of the same inputs stopped.

    Parameters
    ----------
    waveform : float32 (channels, samples), the whole song.
    run : the excerpt, whether it is a draft (see `make_plan`), and whether the finished chunks stay in the work folder,
        so that a changed shot is rendered alone. Otherwise they go as soon as the video is joined. A render that does
        not get that far keeps them in either case.
    likeness : file of the LoRA whose strength the schedule may change; the model has it at 1.

    Returns
    -------
    path : the finished file in the host's temporary folder, of the codec's kind: MP4, MOV, WebM or GIF.
    report : JSON object with sizes, counts and the seconds of every stage.

    Raises
    ------
    InputError : inputs that do not fit each other, or a disk that is full; finished chunks are kept.
    """
    asked = run or RenderRun()
    clock = StageClock()
    song_seconds = waveform.shape[1] / sample_rate
    if abs(song_seconds - schedule.duration) > 1e-3:
        raise InputError(
            f"The song lasts {song_seconds:.3f} s but the schedule was made for {schedule.duration:.3f} s; "
            "make the schedule from this song."
        )
    settings.encoding.require_rate(schedule.fps)
    plan = make_plan(
        story,
        schedule,
        settings,
        start=asked.start,
        seconds=asked.seconds,
        draft=asked.draft,
        likeness=likeness is not None,
        motion=host.motion(model),
    )
    if plan.smooths:
        opencv()
    with clock.stage("fingerprint"):
        fingerprints = [host.fingerprint(part) for part in (model, clip, vae)]
        if likeness is not None and "lora_strength" in schedule.curves:
            fingerprints.append(file_digest(likeness))
    key = plan_key(plan, story, schedule, fingerprints)
    folder = host.work_dir(work_key(plan, fingerprints))
    remove_abandoned(folder)
    samples = excerpt_samples(schedule, plan.frames, waveform.shape[1], sample_rate)
    with clear_disk_errors(folder):
        work = _Run(host, model, clip, vae, story, plan, folder, clock, fps=schedule.fps, likeness=likeness)
        segments = work.render(SpeedRecord(host.cache_dir(), _speed_key(fingerprints[0], plan.settings)))
        with clock.stage("mux"):
            song = np.ascontiguousarray(waveform[:, samples])
            name = f"{key}_{plan.frames.start}_{plan.frames.stop}_{_song_digest(song, sample_rate)}"
            path = host.temp_dir() / (name + plan.settings.encoding.kind.suffix)
            join_segments(
                path,
                segments,
                fps=schedule.fps,
                waveform=song,
                sample_rate=sample_rate,
                codec=plan.settings.codec,
            )
    work_bytes = sum(chunk.stat().st_size for chunk in {chunk for chunk, _ in segments})
    if not asked.keep_work:
        _remove_chunks(folder, segments)
    if work.encoded:
        work.encoding_speed.write(clock.seconds["encode"] / work.encoded, clock.seconds["mux"] / len(plan.frames))
    report = work.report() | {
        "key": key,
        "work_bytes": work_bytes,
        "work_bytes_kept": work_bytes if asked.keep_work else 0,
        "work_folder": folder.name,
        "draft": asked.draft,
        "settings": settings.to_json(),
        "fps": str(schedule.fps),
        "start_seconds": plan.frames.start / float(schedule.fps),
        "audio_seconds": song.shape[1] / sample_rate,
        "file_bytes": path.stat().st_size,
        "seconds": {name: round(value, 3) for name, value in clock.seconds.items()}
        | {"total": round(clock.total(), 3)},
    }
    return path, report


def _remove_chunks(folder: Path, segments: list[tuple[Path, int]]) -> None:
    """Remove the chunks of a finished video, and their folder when no other video has something in it."""
    for chunk, _ in segments:
        chunk.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _speed_key(model_fingerprint: str, settings: RenderSettings) -> str:
    return (
        f"{model_fingerprint[:16]} {settings.width}x{settings.height} {settings.batch_size} "
        f"{settings.sampler} {'cfg' if settings.cfg != 1 else 'plain'}"
    )


def _song_digest(waveform: np.ndarray, sample_rate: int) -> str:
    digest = hashlib.blake2b(str((waveform.shape, sample_rate)).encode(), digest_size=6)
    digest.update(np.ascontiguousarray(waveform).data.cast("B"))
    return digest.hexdigest()


class _Run:
    """One render: what is done, what is left, and the progress that the user sees."""

    def __init__(
        self, host, model, clip, vae, story: Story, plan: Plan, folder: Path, clock: StageClock, *, fps, likeness=None
    ):
        self.host, self.model, self.clip, self.vae = host, model, clip, vae
        self.story, self.plan, self.folder, self.clock, self.fps = story, plan, folder, clock, fps
        self.quality, self.likeness = quality_named(plan.settings.quality), likeness
        self.encoding = plan.settings.encoding
        self.chunks = [(segment, frames) for segment in plan.needed() for frames in segment.chunks(plan.frames)]
        size = f"{plan.settings.width}x{plan.settings.height}"
        self.encoding_speed = SpeedRecord(
            host.cache_dir(), f"encode {self.encoding.codec} {self.encoding.depth} {size}"
        )
        self.encoded = self.reused_chunks = 0
        self.errors: list[float] = []
        self.estimate: Estimate | None = None
        self._step_seconds: list[float] = []
        self._done = self._goal = 0
        # Made by `render`, before anything advances.
        self._progress: Progress
        self._last_step = time.perf_counter()

    # Work --------------------------------------------------------------------------------------

    def render(self, speed: SpeedRecord) -> list[tuple[Path, int]]:
        """Every chunk's encoded file with its number of frames, rendering those that are not there yet."""
        plan = self.plan
        shots = sorted({shot for part in plan.needed() for shot in (part.shot_a, part.shot_b)})
        with self.clock.stage("text"):
            extras = {
                text
                for part in plan.needed()
                if part.recipes is not None
                for end in (None, part.recipes.start, part.recipes.end)
                for text in part.recipes.extras(self.story, end)
            }
            material = ModelInputs(self.host, self.clip, self.story, plan.settings, shots, extras)
        self.source = LatentSource(
            self.host, self.model, material, plan, self.story, self.folder, self.clock, self._tick, self.likeness
        )
        self.shown = ChunkPictures(self.host, self.vae, self.source, plan, self.clock, self._advance, self._tick)
        missing = [chunk for chunk in self.chunks if not self._chunk_file(*chunk).exists()]
        self.reused_chunks = len(self.chunks) - len(missing)
        pictures = pictures_left(plan, self.shown, missing)
        total = round(sum(pictures.values()) * plan.settings.steps) + sum(len(frames) for _, frames in missing)
        self._progress = self.host.progress(max(total, 1))
        cost = plan, self.fps, missing, sum(pictures.values())
        self.estimate = estimate(*cost, None, self.encoding_speed)
        require_space(self.folder, self.estimate.disk_bytes)
        known = speed.read()
        if known is None and sum(pictures.values()) * plan.settings.steps >= STEPS_WORTH_TIMING and missing:
            with self.clock.stage("timing"):
                known = time_one_step(self.host, self.model, self.vae, plan, material, missing[0][0])
        self.estimate = estimate(*cost, known, self.encoding_speed)
        log.info("Rendering %s", self.estimate.text())
        self._progress.status(self.estimate.text())
        self._progress.update(0)
        for segment in plan.needed():
            chunks = [frames for part, frames in missing if part is segment]
            if chunks:
                self._goal += round(pictures[segment.first_frame] * plan.settings.steps) + sum(map(len, chunks))
                self._render_segment(segment, chunks)
                self._advance(self._goal)
        for end, recipes in {(end, part.recipes) for part in plan.needed() for end in part.ends()}:
            self.source.keyframe_file(end, recipes).unlink(missing_ok=True)
        self._progress.update(max(total, 1))
        if self._step_seconds and self.shown.decode_seconds:
            speed.write(float(np.median(self._step_seconds)), float(np.median(self.shown.decode_seconds)))
        return [(self._chunk_file(*chunk), len(chunk[1])) for chunk in self.chunks]

    def _chunk_file(self, segment: Segment, frames: range) -> Path:
        name = segment_key(self.story, self._seeds(), segment)
        first = frames.start - segment.first_frame
        return self.folder / f"frames_{name}_{first:06d}_{first + len(frames):06d}{self.encoding.segment_suffix}"

    def _seeds(self) -> list[int]:
        return self.source.material.seeds

    def _render_segment(self, segment: Segment, chunks: list[range]) -> None:
        shown = np.unique(np.concatenate([self.shown.numbers(segment, frames) for frames in chunks]))
        paced = self.source.evenly_paced(segment)
        if self.shown.feedback is not None:
            interval = None
        elif self.source.exact and not self.plan.draft and not segment.blend:
            for number in self.source.exact_batches(paced, shown).values():
                self.source.exact_latents(paced, np.array(number))
            interval = None
        else:
            interval = self.source.interval(paced)
            between = [n for n in np.flatnonzero(interval.weight).tolist() if n not in interval.latents]
            self.errors += [interval.expected_error(*interval.neighbours(n)) for n in between]
        for frames in chunks:
            pictures = self.shown.of_chunk(paced, interval, frames)
            with self.clock.stage("encode"):
                self.encoded += write_segment(
                    self._chunk_file(segment, frames),
                    pictures,
                    fps=self.fps,
                    crf=self.encoding.crf,
                    codec=self.encoding.codec,
                    bit_depth=self.encoding.bit_depth,
                )
        for part in (segment, paced):
            for path in self.source.segment_files(part):
                path.unlink(missing_ok=True)

    def _advance(self, steps: int, picture: np.ndarray | None = None) -> None:
        # A segment may need fewer steps than planned, and chunks may share a picture; the bar stops at the plan.
        self._done = min(self._done + steps, self._goal)
        self._progress.update(self._done, picture)

    def _tick(self, steps: int) -> None:
        """Count and time a sampler step, and let the user cancel."""
        now = time.perf_counter()
        self._step_seconds.append((now - self._last_step) / steps)
        self._last_step = now
        self._advance(steps)

    def report(self) -> dict:
        """Counts of what was done, and the expected deviation of the pictures that were not sampled."""
        settings, counts = self.plan.settings, self.source.counts
        return {
            "width": settings.width,
            "height": settings.height,
            "steps": settings.steps,
            "batch_size": settings.batch_size,
            "quality": settings.quality,
            "made_by": settings.frames,
            "smoothing": settings.smoothing,
            "even_pace": settings.even_pace,
            "keyframe_attention": settings.keyframe_attention,
            "codec": settings.codec,
            "bit_depth": self.encoding.depth,
            "frames": len(self.plan.frames),
            "chunks": len(self.chunks),
            "chunks_reused": self.reused_chunks,
            "batches_sampled": counts.batches,
            "batches_reused": counts.reused,
            "pictures_sampled": counts.pictures,
            "pictures_decoded": self.shown.decoded,
            "model_calls": counts.rows,
            "model_calls_in_exact_mode": self.plan.exact_calls(),
            "promised_ssim": self.quality.ssim,
            "expected_deviation": round(float(np.mean(self.errors)), 4) if self.errors else 0.0,
            "estimate": vars(self.estimate),
        } | ({"note": self.plan.note} if self.plan.note else {})
