"""The animatic: story and timing without a model, a card per shot that fades at the schedule's pace, with the song."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..base.errors import InputError
from ..base.media.codecs import Encoding
from ..base.media.video import join_segments, write_segment
from ..base.timing import clock_text
from ..base.types import FrameSchedule, Story
from ..host.digest import Digest
from .motion.warp import CameraMove
from .plan import excerpt_frames, excerpt_samples
from .recipe import plain_fade
from .settings import AnimaticSettings

BAR_HEIGHT = 6
LINE_LETTERS = 34


def animatic(
    folder: Path,
    story: Story,
    schedule: FrameSchedule,
    waveform: np.ndarray,
    sample_rate: int,
    settings: AnimaticSettings | None = None,
) -> Path:
    """Write the animatic of a song, or of an excerpt, as a video and return its path.

    Parameters
    ----------
    folder : where the file goes.
    waveform : float32 (channels, samples), the whole song.
    settings : size, excerpt and codec.

    Raises
    ------
    InputError : story, schedule and song do not fit each other.
    """
    settings = settings or AnimaticSettings()
    width, height, codec = settings.width, settings.height, settings.codec
    encoding = Encoding(codec)
    encoding.require_rate(schedule.fps)
    song_seconds = waveform.shape[1] / sample_rate
    if abs(song_seconds - schedule.duration) > 1e-3 or abs(story.duration - schedule.duration) > 1e-3:
        raise InputError(
            f"The song lasts {song_seconds:.3f} s, the story {story.duration:.3f} s and the schedule "
            f"{schedule.duration:.3f} s; make all from one song."
        )
    frames = excerpt_frames(schedule, settings.start, settings.seconds)
    samples = excerpt_samples(schedule, frames, waveform.shape[1], sample_rate)
    digest = Digest()
    digest.add([story.to_text(), schedule.to_text(), waveform[:, samples], sample_rate, width, height, codec])
    path = folder / f"animatic_{digest.hex()[:24]}_{frames.start}_{frames.stop}{encoding.kind.suffix}"
    pictures = path.with_name(f"pictures_{path.stem}{encoding.segment_suffix}")
    try:
        shown = _frames(story, schedule, frames, width, height)
        count = write_segment(pictures, shown, fps=schedule.fps, crf=encoding.draft(), codec=codec)
        song = np.ascontiguousarray(waveform[:, samples])
        join_segments(path, [(pictures, count)], fps=schedule.fps, waveform=song, sample_rate=sample_rate, codec=codec)
    finally:
        pictures.unlink(missing_ok=True)
    return path


def _frames(story: Story, schedule: FrameSchedule, frames: range, width: int, height: int) -> Iterator[np.ndarray]:
    @lru_cache(maxsize=4)
    def card(shot: int) -> np.ndarray:
        return shot_card(story, shot, width, height)

    fade, moves = plain_fade(schedule), _moves(schedule, width, height)
    for frame in frames:
        a, b, t = int(schedule.shot_a[frame]), int(schedule.shot_b[frame]), float(fade[frame])
        picture = card(a) if moves is None else _moved(card(a), moves[frame])
        picture = picture if t == 0 else np.rint(picture * (1 - t) + card(b) * t).astype(np.uint8)
        picture = picture.copy()
        picture[-BAR_HEIGHT:, : round(t * width)] = 255
        yield picture


def _moves(schedule: FrameSchedule, width: int, height: int) -> np.ndarray | None:
    """Camera moves of each frame since its shot began, float64 (n, 3, 3); None without curves that move pictures."""
    if not set(schedule.curves) & {"zoom", "angle", "dx", "dy"}:
        return None
    fps = float(schedule.fps)
    zoom, angle, dx, dy = (schedule.curve(name) for name in ("zoom", "angle", "dx", "dy"))
    moves = np.empty((schedule.n_frames, 3, 3))
    for frame in range(schedule.n_frames):
        if frame == 0 or schedule.shot_a[frame] != schedule.shot_a[frame - 1]:
            moves[frame] = np.eye(3)
        else:
            step = CameraMove(
                zoom[frame] ** (1 / fps), angle[frame] / fps, dx[frame] / fps * width, dy[frame] / fps * height
            )
            moves[frame] = step.matrix() @ moves[frame - 1]
    return moves


def _moved(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A card moved by a matrix: faster and coarser than `warp_by`, and black outside the card."""
    from PIL import Image

    height, width, _ = picture.shape
    back, centre = np.linalg.inv(matrix), np.array([width / 2, height / 2, 1.0])
    offset = centre - back @ np.array([width / 2, height / 2, 0.0]) - np.array([0.0, 0.0, 1.0])
    (a, b), (c, d) = back[0, :2], back[1, :2]
    places = (a, b, offset[0] + back[0, 2], c, d, offset[1] + back[1, 2])
    moved = Image.fromarray(picture).transform(
        (width, height), Image.Transform.AFFINE, places, Image.Resampling.BILINEAR
    )
    return np.asarray(moved)


def shot_card(story: Story, shot: int, width: int, height: int) -> np.ndarray:
    """A shot's card, uint8 (height, width, 3): its number, its time, its words and prompt on a colour of its own."""
    from ..song.audio.plot import DPI, PARTS, TEXT, dark_figure, figure_to_array

    drawing = dark_figure(width, height)
    drawing.set_facecolor(_shade(PARTS[shot % len(PARTS)]))
    entry, unit = story.shots[shot], height / DPI * 72
    head = f"{shot + 1}  ·  {clock_text(entry.start)} to {clock_text(entry.end)}"
    drawing.text(0.06, 0.9, head, color=TEXT, fontsize=unit * 0.045, va="top", alpha=0.8)
    lines = textwrap.wrap(entry.prompt, LINE_LETTERS)[:5]
    drawing.text(0.06, 0.5, "\n".join(lines), color="white", fontsize=unit * 0.06, va="center", weight="bold")
    if entry.lyric:
        drawing.text(0.06, 0.1, textwrap.shorten(entry.lyric, 60), color=TEXT, fontsize=unit * 0.045, style="italic")
    return figure_to_array(drawing)


def _shade(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 * 0.45 for n in (1, 3, 5))
    return red, green, blue
