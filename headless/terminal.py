"""What the user sees while this host works: lines, and progress that is rewritten in its line."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import numpy as np

from songreel.nodes.host.port import Progress

_TERMINAL_SECONDS = 0.1
_LOG_SECONDS = 20.0


class Terminal:
    """A stream that lines are written to; on a terminal, a line can take the place of the one before."""

    def __init__(self, stream: TextIO | None = None):
        self.stream = stream if stream is not None else sys.stderr
        self.interactive = bool(getattr(self.stream, "isatty", lambda: False)())
        self._line_open = False

    def show_line(self, text: str, *, keep: bool = False) -> None:
        """Write a line; unless kept, the next one takes its place on a terminal."""
        if self.interactive:
            text = text[: max(shutil.get_terminal_size().columns - 1, 20)] if not keep else text
            self.stream.write(f"\r\x1b[K{text}" + ("\n" if keep else ""))
            self._line_open = not keep
        else:
            self.stream.write(text + "\n")
        self.stream.flush()

    def close_line(self) -> None:
        """End a line that would be rewritten, so that what follows stands on its own."""
        if self._line_open:
            self.stream.write("\n")
            self.stream.flush()
            self._line_open = False


class TerminalProgress(Progress):
    """One line that is rewritten on a terminal; a line now and then elsewhere.

    Parameters
    ----------
    terminal : Terminal
        Where it shows.
    total : int
        Number of parts.
    label : str
        What is at work.
    check : callable
        Called before every update; what it raises ends the work.
    show_preview : callable
        Gets the previews, uint8 pictures (H, W, 3).
    """

    def __init__(
        self,
        terminal: Terminal,
        total: int,
        label: str,
        *,
        check: Callable[[], None],
        show_preview: Callable[[np.ndarray], None],
    ):
        self._terminal, self._total, self._label = terminal, max(total, 1), label
        self._check, self._show_preview = check, show_preview
        self._begin = self._shown = time.monotonic()
        self._first: int | None = None
        self._done = 0

    def update(self, done: int, preview: np.ndarray | None = None) -> None:
        self._check()
        if self._first is None:
            self._first, self._begin = done, time.monotonic()
        self._done = done
        if preview is not None:
            self._show_preview(preview)
        now = time.monotonic()
        finished = done >= self._total
        if now - self._shown >= (_TERMINAL_SECONDS if self._terminal.interactive else _LOG_SECONDS) or finished:
            self._shown = now
            self._terminal.show_line(self._text(now), keep=finished)

    def status(self, text: str) -> None:
        self._terminal.show_line(f"{self._label}: {text}", keep=True)

    def _text(self, now: float) -> str:
        share = min(self._done / self._total, 1.0)
        text = f"{self._label}: {self._done}/{self._total} {share:4.0%}"
        if self._terminal.interactive:
            text += f" [{'#' * round(20 * share):20}]"
        elapsed, worked = now - self._begin, self._done - (self._first or 0)
        if worked > 0 and elapsed > 0:
            rate = worked / elapsed
            text += f" {rate:.1f}/s" if rate >= 1 else f" {1 / rate:.1f} s each"
            if self._done < self._total:
                text += f", {_clock((self._total - self._done) / rate)} left"
        return text


def _clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
