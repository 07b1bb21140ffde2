"""A video enlarged by an upscale model, frame by frame and tile by tile, in chunks that survive a stop."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...base.errors import InputError
from ...base.media.codecs import Encoding
from ...base.media.files import clear_disk_errors, file_digest, remove_abandoned
from ...base.media.video import join_segments, write_segment
from ...host.digest import Digest
from ...host.port import Host
from .settings import MAX_SIDE, UpscaleSettings
from .source import frame_rate, is_deep, opened

CHUNK_FRAMES = 48
# What a tile sees of its neighbours, in pixels of the small picture.
CONTEXT = 32
SMALLEST_TILE = 128

log = logging.getLogger(__name__)


def target_size(width: int, height: int, scale: float, wanted_width: int, wanted_height: int) -> tuple[int, int]:
    """The size of the enlarged video.

    Parameters
    ----------
    width, height : int
        Of the video, in pixels.
    scale : float
        How much larger the model makes each side.
    wanted_width, wanted_height : int
        In pixels. 0 keeps the proportions, to even numbers; both 0 take what the model gives.

    Returns
    -------
    tuple of int
        (width, height) in pixels.

    Raises
    ------
    InputError
        When a side would pass 8192 pixels.
    """
    if wanted_width and wanted_height:
        size = wanted_width, wanted_height
    elif wanted_width:
        size = wanted_width, round(wanted_width * height / width / 2) * 2
    elif wanted_height:
        size = round(wanted_height * width / height / 2) * 2, wanted_height
    else:
        size = round(width * scale), round(height * scale)
    if not 0 < min(size) <= max(size) <= MAX_SIDE:
        raise InputError(f"The enlarged video would be {size[0]}x{size[1]}; give a width or height up to {MAX_SIDE}.")
    return size


def upscale_video(
    host: Host,
    source: Path,
    model: Any,
    settings: UpscaleSettings | None = None,
) -> tuple[Path, dict]:
    """Enlarge every frame of a video and keep its sound, or continue where an earlier run of the same stopped.

    Parameters
    ----------
    host : Host
        Gives the device, the folders and the progress bar.
    source : Path
        The video.
    model : Any
        An UPSCALE_MODEL: `scale`, `to(device)`, and a call from pictures (1, 3, h, w) in 0..1 to larger ones.
    settings : UpscaleSettings, optional
        Size of the result (see `target_size`), its encoding, and the side in pixels of what the model sees at once,
        which is halved where memory runs out.

    Returns
    -------
    path : Path
        The finished file in the host's temporary folder.
    report : dict
        JSON object with sizes in pixels, counts, and the file's bytes.

    Raises
    ------
    InputError
        When the source is no video, the model is not one for colour pictures or needs too much memory, the size or the
        rate does not fit the codec, or the disk is full; what is finished is kept.
    """
    if getattr(model, "input_channels", 3) != 3 or getattr(model, "output_channels", 3) != 3:
        raise InputError("This upscale model is not one for colour pictures; choose another.")
    settings = settings or UpscaleSettings()
    encoding, tile = settings.encoding, settings.tile
    with opened(source) as container:
        stream = container.streams.video[0]
        size = target_size(stream.width, stream.height, model.scale, settings.width, settings.height)
        fps, deep = frame_rate(source, container), is_deep(container)
        expected = stream.frames or round(float(container.duration or 0) / 1e6 * fps)
    encoding.require_size(*size)
    encoding.require_rate(fps)
    key = _key(source, model, encoding, size, tile)
    folder = host.work_dir(key)
    remove_abandoned(folder)
    device = host.device()
    if device.type != "cpu":
        host.free_memory()
    progress = host.progress(max(expected, 1))
    enlarge = _Enlarger(model, device, tile, size, encoding.levels)
    segments, reused, done = [], 0, 0

    def enlarged(frames: Iterator[Any]) -> Iterator[np.ndarray]:
        nonlocal done
        for frame in frames:
            picture = enlarge(frame.to_ndarray(format="rgb48le" if deep else "rgb24"))
            done += 1
            progress.update(
                min(done, expected), picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
            )
            yield picture

    with clear_disk_errors(folder), opened(source) as container, torch.no_grad(), enlarge:
        frames = container.decode(video=0)
        for number in itertools.count():
            chunk = itertools.islice(frames, CHUNK_FRAMES)
            path = folder / f"frames_{number:06d}{encoding.segment_suffix}"
            if path.exists():
                count = sum(1 for _ in chunk)
                done, reused = done + count, reused + 1
                host.check_interrupt()
            else:
                first = next(chunk, None)
                if first is None:
                    break
                count = write_segment(
                    path,
                    enlarged(itertools.chain([first], chunk)),
                    fps=fps,
                    crf=encoding.crf,
                    codec=encoding.codec,
                    bit_depth=encoding.bit_depth,
                )
            segments.append((path, count))
            if count < CHUNK_FRAMES:
                break
        out = host.temp_dir() / f"upscaled_{key}{encoding.kind.suffix}"
        join_segments(out, segments, fps=fps, song=source, codec=encoding.codec)
    report = {
        "width": size[0],
        "height": size[1],
        "frames": sum(count for _, count in segments),
        "chunks": len(segments),
        "chunks_reused": reused,
        "tile": enlarge.tile,
        "codec": encoding.codec,
        "bit_depth": encoding.depth,
        "file_bytes": out.stat().st_size,
    }
    return out, report


def _key(source: Path, model: Any, encoding: Encoding, size: tuple[int, int], tile: int) -> str:
    digest = Digest()
    digest.add([file_digest(source), sorted(getattr(model, "model", model).state_dict().items())])
    digest.add([float(model.scale), vars(encoding), size, tile])
    return digest.hex()[:24]


class _Enlarger:
    """Pictures (h, w, 3) to enlarged ones of a size, in levels uint8 or uint16."""

    def __init__(self, model: Any, device: torch.device, tile: int, size: tuple[int, int], levels: type):
        self.model, self.device, self.tile, self.size, self.levels = model, device, tile, size, levels

    def __enter__(self):
        self.model.to(self.device)

    def __exit__(self, *_):
        self.model.to("cpu")

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        most = np.iinfo(picture.dtype).max
        small = torch.from_numpy(picture.astype(np.float32) / most).movedim(-1, 0)[None]
        while True:
            try:
                large = in_tiles(self.model, small.to(self.device), self.tile)
                break
            except torch.cuda.OutOfMemoryError:
                if self.tile // 2 < SMALLEST_TILE:
                    raise InputError(
                        f"The upscale model needs more memory than there is, even for {self.tile} pixels at once; use "
                        "a smaller model."
                    ) from None
                self.tile //= 2
                log.info("Upscaling runs out of memory; going on with tiles of %d pixels", self.tile)
        width, height = self.size
        if large.shape[-2:] != (height, width):
            large = torch.nn.functional.interpolate(
                large, (height, width), mode="bicubic", antialias=True, align_corners=False
            )
        pixels = large[0].movedim(0, -1).clamp(0, 1) * np.iinfo(self.levels).max
        return pixels.round().numpy().astype(self.levels)


def in_tiles(model: Any, picture: torch.Tensor, tile: int) -> torch.Tensor:
    """A picture enlarged by a model, tile by tile.

    A tile sees 32 pixels around it and is cut to its own. A model that looks no farther than that gives what it gives
    for the whole picture.

    Parameters
    ----------
    model : Any
        `scale`, and a call from (1, 3, h, w) to a picture that is larger by it.
    picture : Tensor
        (1, 3, h, w) in 0..1, on the model's device.
    tile : int
        Side of a tile, in pixels of the small picture.

    Returns
    -------
    Tensor
        float32 (1, 3, h * scale, w * scale), on the CPU.
    """
    height, width = picture.shape[-2:]
    scale = int(model.scale)
    large = torch.empty((1, 3, height * scale, width * scale))
    for top, left in itertools.product(range(0, height, tile), range(0, width, tile)):
        bottom, right = min(top + tile, height), min(left + tile, width)
        upper, first = max(top - CONTEXT, 0), max(left - CONTEXT, 0)
        part = model(picture[:, :, upper : bottom + CONTEXT, first : right + CONTEXT]).float().cpu()
        rows = slice((top - upper) * scale, (bottom - upper) * scale)
        columns = slice((left - first) * scale, (right - first) * scale)
        large[:, :, top * scale : bottom * scale, left * scale : right * scale] = part[:, :, rows, columns]
    return large
