"""The host port: everything the pack asks of the program around it. Each host answers it in a class of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..base.errors import InputError
from ..diffusion.animatediff import MotionModule
from .permits import Permit, ask_permits, note_made

if TYPE_CHECKING:
    import numpy as np
    import torch

PACK = "songreel"
# Samplers that add noise at every step: the picture's own, see `fresh_noise`.
ADDING_NOISE = ("lcm", "tcd")
SAMPLERS = ("euler", "heun", "dpmpp_2m", *ADDING_NOISE)
SCHEDULERS = ("normal", "karras", "exponential", "sgm_uniform", "simple")
WORK_LIMIT_BYTES = 20 * 1024**3
CACHE_LIMIT_BYTES = 2 * 1024**3
LATENT_CHANNELS = 4
LATENT_SCALE = 8

Predict = Callable[[int, Any, float, Callable[[bool], tuple]], Any]


@dataclass(frozen=True)
class Sampling:
    """How noise becomes a latent: KSampler's settings, and what the pack adds to them.

    Attributes
    ----------
    steps : int
        Sampler steps, 1 or more.
    cfg : float
        Guidance; at 1 the negative prompt has no effect and costs nothing.
    sampler, scheduler : str
        One of `SAMPLERS` and one of `SCHEDULERS`.
    latent : Tensor, optional
        Where to start from, in the scale that the VAE gives; empty when absent.
    denoise : float
        Share of the noise schedule that is sampled, 0..1. At 0 the latent comes back as it is.
    on_step : callable, optional
        Called as on_step(i, x0) after step i with the current estimate of the latent, in the sampler's own scale
        (0.18215 times the latent). What it raises ends the sampling.
    predict : callable, optional
        predict(call, x, sigma, evaluate) gives the guided estimate of the latent in the sampler's scale, in place
        of the usual rule. evaluate(guided) asks the model and returns the estimates with the positive and, if
        guided, with the negative prompt (else None).
    between : sequence of float, optional
        The first two rows are keyframes, sampled as they would be alone, and row 2 + i lies at between[i] in 0..1
        on the interval between them: in self-attention it attends to both keyframes as well, see
        `keyframe_attention`.
    """

    steps: int
    cfg: float
    sampler: str
    scheduler: str
    latent: torch.Tensor | None = None
    denoise: float = 1.0
    on_step: Callable[[int, torch.Tensor], None] | None = None
    predict: Predict | None = None
    between: Sequence[float] | None = None


class LoraTensors(Protocol):
    """A LoRA that is no plain file. name: what messages call it. tensors(): its tensors by name. open(): its bytes."""

    @property
    def name(self) -> str: ...

    def tensors(self) -> dict[str, torch.Tensor]: ...

    def open(self, mode: str = "rb") -> Any: ...


class Progress(ABC):
    """A progress bar of the executing node. Every update is also a point where the user can cancel."""

    @abstractmethod
    def update(self, done: int, preview: np.ndarray | None = None) -> None:
        """Set the number of finished parts; `preview` is a uint8 picture (H, W, 3)."""

    @abstractmethod
    def status(self, text: str) -> None:
        """Show a line of text beside the bar."""


class Host(ABC):
    """What a host offers. Pictures are float32 (B, H, W, 3) in 0..1; latents float32 (B, 4, H/8, W/8)."""

    name: str

    # Folders ---------------------------------------------------------------------------------

    @abstractmethod
    def model_folders(self, kind: str) -> list[Path]:
        """Folders that hold models of a kind ("checkpoints", "loras" ...), in search order."""

    @abstractmethod
    def output_dir(self) -> Path:
        """Where finished results are saved."""

    @abstractmethod
    def save_place(self, prefix: str, width: int, height: int) -> tuple[Path, str, int, str]:
        """Where the next result of a prefix goes, as Save nodes number them: folder, name, number, subfolder.

        Raises an error when the prefix leaves the output folder.
        """

    def saves_workflow(self) -> bool:
        """Whether the workflow may be stored in results."""
        return True

    @abstractmethod
    def temp_dir(self) -> Path:
        """Files that live as long as the host runs."""

    def page_reference(self, path: Path) -> dict | None:
        """How an open page fetches a file of `temp_dir`: filename, subfolder, type. None where there is no page."""
        return None

    @abstractmethod
    def private_dir(self) -> Path:
        """The pack's own folder, readable by its owner only (0700) and never served."""

    def work_dir(self, key: str) -> Path:
        """A folder for unfinished work that survives a restart, one per key.

        The least recently used ones go when all together pass `WORK_LIMIT_BYTES`.
        """
        root = self.private_dir() / "work"
        folder = root / key
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        note_made(folder)
        _trim(root, WORK_LIMIT_BYTES, keep=folder)
        return folder

    def cache_dir(self) -> Path:
        """A folder for what can be computed again. The oldest files go when all together pass `CACHE_LIMIT_BYTES`."""
        folder = self.private_dir() / "cache"
        folder.mkdir(parents=True, exist_ok=True)
        _trim_files(folder, CACHE_LIMIT_BYTES)
        return folder

    @abstractmethod
    def model_names(self, kind: str) -> list[str]:
        """Names of the models of a kind, as combos offer them."""

    def model_file(self, kind: str, name: str) -> Path:
        """The file of a model by the name a user picks. Raises InputError when there is none."""
        for folder in self.model_folders(kind):
            path = Path(os.path.normpath(folder / name))
            if path.is_relative_to(folder) and path.is_file():
                return path
        raise InputError(f"There is no model '{name}' in the folder '{kind}'; put the file there or pick another.")

    def lora_folder(self) -> Path:
        """Where LoRAs that are made here go: the first folder of LoRAs. Raises InputError when there is none."""
        folders = self.model_folders("loras")
        if not folders:
            raise InputError("There is no folder for LoRAs; make 'models/loras' and run again.")
        return folders[0]

    # Progress --------------------------------------------------------------------------------

    @abstractmethod
    def progress(self, total: int) -> Progress:
        """A progress bar with `total` parts for the executing node."""

    @abstractmethod
    def check_interrupt(self) -> None:
        """Raises the host's own interruption when the user has cancelled.

        Raises an InputError when leave that the work needs was taken back, see `permits`. Called at every sampler step.
        """
        ask_permits()

    @abstractmethod
    def node_id(self) -> str | None:
        """Id of the executing node."""

    # Diffusion -------------------------------------------------------------------------------

    @abstractmethod
    def fingerprint(self, part: Any) -> str:
        """Digest of a MODEL, CLIP or VAE: weights and applied patches. Equal across processes."""

    @abstractmethod
    def encode_text(self, clip: Any, text: str) -> torch.Tensor:
        """Prompt embedding float32 (1, 77 * k, 768)."""

    @abstractmethod
    def tokenize(self, text: str) -> list[int]:
        """CLIP's token ids of a plain text, without begin and end; no model is needed."""

    def count_tokens(self, text: str) -> int:
        """How many of CLIP's tokens a text takes, without begin and end."""
        return len(self.tokenize(text))

    @abstractmethod
    def device(self) -> torch.device:
        """Where models compute."""

    @abstractmethod
    def sample(
        self, model: Any, noise: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, sampling: Sampling
    ) -> torch.Tensor:
        """Noise to latent.

        Parameters
        ----------
        model : MODEL
            A MODEL as the host's nodes hand it on.
        noise : Tensor
            float32 (B, 4, h, w), unit variance. What a sampler adds between steps is `fresh_noise` of it, in every
            host.
        positive, negative : Tensor
            Prompt embeddings (1 or B, 77 * k, 768): one row per latent, or one for all.
        sampling : Sampling
            How it is sampled.

        Returns
        -------
        Tensor
            float32 (B, 4, h, w), in the scale that the VAE takes.

        Raises
        ------
        InputError
            When shapes do not fit the MODEL, or its self-attention is not free for `sampling.between`.
        """

    def guidance_is_plain(self, model: Any) -> bool:
        """Whether the usual rule, negative + cfg * (positive - negative), is all that guidance is in this MODEL."""
        return True

    def motion(self, model: Any) -> MotionModule | None:
        """The motion module of a MODEL, for which the rows of a batch are the frames of a video; None without one."""
        return None

    @abstractmethod
    def vae_encode(self, vae: Any, pixels: torch.Tensor) -> torch.Tensor:
        """Pictures to latents."""

    @abstractmethod
    def vae_decode(self, vae: Any, latent: torch.Tensor) -> torch.Tensor:
        """Latents to pictures, on the CPU."""

    @abstractmethod
    def apply_lora(
        self, model: Any, clip: Any, file: Path | LoraTensors, strength_model: float, strength_clip: float
    ) -> tuple:
        """(model, clip) with a LoRA applied, from a file or from memory; what was passed stays as it was."""

    def with_permit(self, model: Any, permit: Permit) -> Any:
        """The MODEL, which asks for this leave whenever it computes, in whatever sampler."""
        return model

    def permits_of(self, model: Any) -> tuple[Permit, ...]:
        """The leave that a MODEL asks for."""
        return ()

    @abstractmethod
    def free_memory(self) -> None:
        """Unload models and give memory back to the device."""

    @abstractmethod
    def video_from_file(self, path: Path) -> Any:
        """A VIDEO value that reads the file, which must stay where it is.

        Where it is no MP4, saving it as one (what Save Video does) raises an InputError that says so.
        """

    # Browser and settings --------------------------------------------------------------------

    @abstractmethod
    def add_route(self, method: str, path: str, handler: Callable) -> None:
        """Serve an aiohttp handler under /<pack>/<path>."""

    @abstractmethod
    def send_event(self, event: str, data: dict) -> None:
        """Send an event to the pages that are open, as <pack>.<event>."""

    @abstractmethod
    def local_only(self) -> bool:
        """Whether only this computer can reach the program."""

    def owner_key(self, record_id: str) -> str | None:
        """The owner's key of an identity that came with the run at hand; no workflow, file or history holds it."""
        return None

    def take_owner_keys(self) -> None:
        """From now on take owners' keys out of what is queued, before any history keeps them."""
        return

    def setting(self, name: str, default: Any = None) -> Any:
        """A value of the owner's settings.json in the private folder."""
        return _read_json(self.private_dir() / "settings.json").get(name, default)

    def secret(self, name: str) -> str | None:
        """A secret: the environment variable of that name, else secrets.json (0600) in the private folder.

        Raises InputError when others can read that file.
        """
        if name in os.environ:
            return os.environ[name]
        path = self.private_dir() / "secrets.json"
        if os.name == "posix" and path.exists() and path.stat().st_mode & 0o077:
            raise InputError("secrets.json can be read by other users; run chmod 600 on it.")
        return _read_json(path).get(name)


def private_folder(path: Path) -> Path:
    """Create a folder that only its owner can enter, and return it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path


def _read_json(path: Path) -> dict:
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        raise InputError(f"{path.name} in the pack's private folder is not valid JSON; correct or remove it.") from None
    if not isinstance(data, dict):
        raise InputError(f"{path.name} in the pack's private folder must hold a JSON object.")
    return data


def _trim(root: Path, limit: int, keep: Path) -> None:
    folders = sorted((entry for entry in root.iterdir() if entry.is_dir()), key=lambda entry: entry.stat().st_mtime)
    sizes = {folder: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) for folder in folders}
    total = sum(sizes.values())
    for folder in folders:
        if total <= limit:
            return
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            total -= sizes[folder]


def _trim_files(root: Path, limit: int) -> None:
    """Remove the files that were changed longest ago until the rest fits."""
    found = []
    for file in root.rglob("*"):
        with contextlib.suppress(OSError):  # another process may have removed it
            if file.is_file():
                found.append((file.stat().st_mtime, file.stat().st_size, file))
    total = sum(size for _, size, _ in found)
    for _, size, file in sorted(found, key=lambda entry: entry[0]):
        if total <= limit:
            return
        with contextlib.suppress(OSError):
            file.unlink()
        total -= size


def refuse_mp4(path: Path) -> InputError:
    """What to say when a file that is no MP4 would be saved as one."""
    return InputError(
        f"Save Video writes MP4 files and cannot keep this {path.suffix} file as it is; connect Save Music Video."
    )
