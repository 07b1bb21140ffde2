"""What a node that may show persons puts before its work: their leave, asked at every step, for as long as it runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...base.media.files import file_digest
from ...host import current
from ...host.permits import Permit, note_made
from ...host.port import Host
from ..charcha.in_use import likeness_in_use, permits_of_file
from .lora import verified


def with_consent(execute: Callable) -> Callable:
    """Decorates a node's `execute`, below `@classmethod`.

    The persons are those of its inputs `model`, `identity_lora` and `video`, as far as it has them. While it runs,
    `Host.check_interrupt` ends it at the step after consent ended, and what it has half made is removed. Videos that
    it gives are noted in the persons' records, so that they are deleted with them.
    """
    signature = inspect.signature(execute)

    @functools.wraps(execute)
    def asking(cls, *args, **given):
        host = current()
        values = signature.bind_partial(cls, *args, **given).arguments
        with likeness_in_use(permits_in(host, values | values.get("given", {}))):
            out = execute(cls, *args, **given)
            for value in getattr(out, "args", ()):
                _note_video(value)
        return out

    return asking


def permits_in(host: Host, values: dict[str, Any]) -> list[Permit]:
    """The leave that a node's inputs need. Raises InputError when one of the persons has taken consent back."""
    permits: list[Permit] = []
    if values.get("model") is not None:
        permits += host.permits_of(values["model"])
    if values.get("identity_lora") is not None:
        permits += verified(host, values["identity_lora"]).permits
    path = video_path(values.get("video"))
    if path is not None:
        permits += permits_of_file(host, path)
    return permits


def video_path(video: Any) -> Path | None:
    """The file that a VIDEO reads, None for one in memory."""
    if hasattr(video, "get_stream_source"):
        source = video.get_stream_source()
        return Path(source) if isinstance(source, (str, Path)) else None
    return None


def _note_video(value: Any) -> None:
    path = video_path(value)
    if path is not None and path.is_file():
        note_made(path, file_digest(path))
