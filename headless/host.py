"""The host port without ComfyUI: folders, progress on a terminal, Ctrl-C, and diffusion on diffusers."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import gc
import os
import re
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .folders import make_run_folder, numbered, user_folder
from .terminal import Terminal, TerminalProgress

if TYPE_CHECKING:
    import numpy as np
    from aiohttp import web

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media.files import atomic_path
from songreel.nodes.base.notes import NOTES
from songreel.nodes.host import port as _port

MODEL_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_PREVIEW_SECONDS = 0.5

_node: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("headless_node", default=None)


class Interrupted(BaseException):
    """The user has cancelled. Not an Exception, so that no node takes it for a failure."""


class HeadlessHost(_port.Host):
    """The port as this program answers it.

    Parameters
    ----------
    root : Path, optional
        Its folder: models, temporary files, the private folder. See `user_folder`.
    models : iterable of Path
        Further folders laid out as ComfyUI's `models`.
    inputs : Path, optional
        Where bare file names of Load nodes are looked up; the working folder when absent.
    preview : Path, optional
        A picture file that shows the newest preview.
    stream : TextIO, optional
        Where lines and progress are written; standard error when absent.
    on_event : callable, optional
        Gets (name, data) of every event.
    """

    name = "headless"

    def __init__(
        self,
        root: Path | None = None,
        *,
        models: Iterable[Path] = (),
        inputs: Path | None = None,
        preview: Path | None = None,
        stream: TextIO | None = None,
        on_event: Callable[[str, dict], None] | None = None,
    ):
        self.root = Path(root) if root is not None else user_folder()
        extra = [Path(entry) for entry in os.environ.get("SONGREEL_MODELS", "").split(os.pathsep) if entry]
        self._models = [Path(folder).expanduser().absolute() for folder in [*models, *extra]]
        self.inputs = Path(inputs) if inputs is not None else Path.cwd()
        self.events: deque[tuple[str, dict]] = deque(maxlen=1000)
        self._registered: dict[tuple[str, str], Path] = {}
        self._preview, self._preview_time = preview, 0.0
        self.terminal = Terminal(stream)
        self._on_event = on_event
        self._interrupted = False
        self.notes: list[str] = []
        self._run_dir: Path | None = None
        self._routes: web.RouteTableDef | None = None

    # Folders ---------------------------------------------------------------------------------

    def model_folders(self, kind: str) -> list[Path]:
        folders = [self.root / "models" / kind, *(folder / kind for folder in self._models)]
        return [folder for folder in folders if folder.is_dir()]

    def model_names(self, kind: str) -> list[str]:
        """Names of the models of a kind, as combos offer them."""
        names = {name for registered, name in self._registered if registered == kind}
        for folder in self.model_folders(kind):
            for path in folder.rglob("*"):
                if path.suffix.lower() in MODEL_SUFFIXES and path.is_file():
                    names.add(path.relative_to(folder).as_posix())
        return sorted(names)

    def model_file(self, kind: str, name: str) -> Path:
        return self._registered.get((kind, name)) or super().model_file(kind, name)

    def lora_folder(self) -> Path:
        folder = self.root / "models" / "loras"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None
        return folder

    def register(self, kind: str, path: Path) -> str:
        """Make a file known under its base name, so that no path of this machine gets into a workflow.

        The workflow is saved in the video.

        Parameters
        ----------
        kind : str
            "checkpoints", "loras" and so on, or "input".
        path : Path
            The file.

        Returns
        -------
        str
            The name; a number is added where another file has it.
        """
        path, number = Path(path).absolute(), 1
        name = path.name
        while self._registered.get((kind, name), path) != path:
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
        self._registered[kind, name] = path
        return name

    def input_names(self) -> list[str]:
        """Names of the files that were registered as input."""
        return sorted(name for kind, name in self._registered if kind == "input")

    def input_file(self, name: str) -> Path:
        """The file that a Load node means.

        Parameters
        ----------
        name : str
            A registered name, or a file of the input folder; " [output]" or " [temp]" after it means those folders.

        Raises
        ------
        InputError
            When there is none.
        """
        registered = self._registered.get(("input", name))
        if registered is not None and registered.is_file():
            return registered
        match = re.fullmatch(r"(.*?) ?\[(input|output|temp)\]", name)
        folders = {"input": self.inputs, "output": self.output_dir(), "temp": self.temp_dir()}
        folder = folders[match[2]] if match else self.inputs
        path = Path(os.path.normpath(folder / (match[1] if match else name)))
        if not path.is_relative_to(folder) or not path.is_file():
            raise InputError(f"There is no input file '{Path(name).name}'; check the name and the folder.")
        return path

    def run_dir(self) -> Path:
        """A folder of this process, removed when it ends."""
        if self._run_dir is None:
            parent = self.root / "temp"
            try:
                _port.private_folder(self.root)
                parent.mkdir(exist_ok=True)
                self._run_dir = make_run_folder(parent)
            except OSError as error:
                raise self._unwritable(error) from None
            atexit.register(shutil.rmtree, self._run_dir, ignore_errors=True)
        return self._run_dir

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"The folder '{self.root}' cannot be written to ({error.strerror}); set SONGREEL_HOME to one that can be."
        )

    def output_dir(self) -> Path:
        return self._folder("output")

    def save_place(self, prefix: str, width: int, height: int) -> tuple[Path, str, int, str]:
        return numbered(prefix, self.output_dir(), width=width, height=height)

    def temp_dir(self) -> Path:
        return self._folder("temp")

    def _folder(self, name: str) -> Path:
        folder = self.run_dir() / name
        folder.mkdir(exist_ok=True)
        return folder

    def saved_file(self, result: dict) -> Path:
        """The file behind an entry of a node's output, {"filename", "subfolder", "type"}."""
        folder = self.temp_dir() if result["type"] == "temp" else self.output_dir()
        return folder / result["subfolder"] / result["filename"]

    def private_dir(self) -> Path:
        try:
            return _port.private_folder(self.root / "private")
        except OSError as error:
            raise self._unwritable(error) from None

    # Progress --------------------------------------------------------------------------------

    def progress(self, total: int, label: str | None = None) -> TerminalProgress:
        """A progress bar with `total` parts, named after the node at work unless a label is given."""
        node = _node.get()
        return TerminalProgress(
            self.terminal,
            total,
            label or (node[1] if node else _port.PACK),
            check=self.check_interrupt,
            show_preview=self.show_preview,
        )

    def show_line(self, text: str, *, keep: bool = False) -> None:
        """Write a line; unless kept, the next one takes its place on a terminal."""
        self.terminal.show_line(text, keep=keep)

    def show_notes(self, title: str, output: object) -> None:
        """Write the notes among what a node shows, each once in this program's run; `notes` keeps them."""
        found = output.get(NOTES) if isinstance(output, dict) else None
        for note in found if isinstance(found, list) else ():
            if str(note) not in self.notes:
                self.notes.append(str(note))
                self.show_line(f"Note from {title}: {note}", keep=True)

    def close_line(self) -> None:
        """End a line that would be rewritten, so that what follows stands on its own."""
        self.terminal.close_line()

    def show_preview(self, picture: np.ndarray) -> None:
        """Write a uint8 picture (H, W, 3) to the preview file, at most twice a second."""
        if self._preview is None or time.monotonic() - self._preview_time < _PREVIEW_SECONDS:
            return
        from PIL import Image

        self._preview_time = time.monotonic()
        with atomic_path(self._preview) as part:
            Image.fromarray(picture).save(part, format="PNG" if self._preview.suffix.lower() == ".png" else "JPEG")

    def show_preview_bytes(self, data: bytes) -> None:
        """Write an encoded picture to the preview file."""
        if self._preview is not None:
            with atomic_path(self._preview) as part:
                part.write_bytes(data)

    def check_interrupt(self) -> None:
        super().check_interrupt()
        if self._interrupted:
            raise Interrupted

    def interrupt(self) -> None:
        """Ask the running work to stop at its next check."""
        self._interrupted = True

    @contextlib.contextmanager
    def catching_ctrl_c(self) -> Iterator[None]:
        """The first Ctrl-C stops the work at its next check, a second one at once."""

        def on_signal(number: int, frame: Any) -> None:
            if self._interrupted:
                raise KeyboardInterrupt
            self.interrupt()
            self.show_line("Stopping; press Ctrl-C again to stop at once.", keep=True)

        before = signal.signal(signal.SIGINT, on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def node_id(self) -> str | None:
        node = _node.get()
        return node[0] if node else None

    @contextlib.contextmanager
    def executing(self, node_id: str, title: str) -> Iterator[None]:
        """Marks the node that is at work in this context."""
        token = _node.set((node_id, title))
        try:
            yield
        finally:
            _node.reset(token)

    # Diffusion -------------------------------------------------------------------------------

    def fingerprint(self, part: Any) -> str:
        from .sd.parts import fingerprint

        return fingerprint(part)

    def encode_text(self, clip, text):
        from .sd import text as sd_text

        return sd_text.encode_text(clip, text)

    def tokenize(self, text):
        from .sd.text import tokenize

        return tokenize(text)

    def device(self):
        import torch

        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def sample(self, model, noise, positive, negative, sampling):
        from .sd.sampling import sample

        def on_step(index, x0):
            self.check_interrupt()
            if sampling.on_step is not None:
                sampling.on_step(index, x0)

        return sample(model, noise, positive, negative, replace(sampling, on_step=on_step))

    def vae_encode(self, vae, pixels):
        from .sd import vae as sd_vae

        self.check_interrupt()
        return sd_vae.vae_encode(vae, pixels)

    def vae_decode(self, vae, latent):
        from .sd import vae as sd_vae

        self.check_interrupt()
        return sd_vae.vae_decode(vae, latent).float().cpu()

    def apply_lora(self, model, clip, file, strength_model, strength_clip):
        from .sd import lora

        if not isinstance(file, Path):
            return lora.apply_lora(model, clip, file.tensors(), strength_model, strength_clip)
        return lora.apply_lora(model, clip, file, strength_model, strength_clip)

    def with_permit(self, model, permit):
        known = {held.key for held in model.permits}
        return model if permit.key in known else replace(model, permits=(*model.permits, permit))

    def permits_of(self, model):
        return model.permits

    def free_memory(self) -> None:
        parts = sys.modules.get(f"{__package__}.sd.parts")
        if parts is not None:
            parts.offload_all()
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def video_from_file(self, path: Path):
        from .comfy_api.video import VideoFromFile

        return VideoFromFile(str(path))

    # Browser ---------------------------------------------------------------------------------

    @property
    def routes(self) -> web.RouteTableDef:
        """The routes that were added, an aiohttp RouteTableDef."""
        if self._routes is None:
            from aiohttp import web

            self._routes = web.RouteTableDef()
        return self._routes

    def add_route(self, method: str, path: str, handler: Callable) -> None:
        self.routes.route(method, f"/{_port.PACK}/{path}")(handler)

    def local_only(self) -> bool:
        return True

    def send_event(self, event: str, data: dict) -> None:
        name = f"{_port.PACK}.{event}"
        self.events.append((name, data))
        if self._on_event is not None:
            self._on_event(name, data)
