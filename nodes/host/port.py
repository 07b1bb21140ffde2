"""The host port: everything the pack asks of the program around it, and how ComfyUI answers.

Stage code calls `current()` and never asks which host it is in. The headless host installs its own
implementation with `install()`; without one, ComfyUI is the host. Nothing of ComfyUI is imported
before it is needed.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import ipaddress
import itertools
import json
import logging
import os
import shutil
import types
import uuid
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import InputError
from ..diffusion import keyframe_attention
from ..diffusion.animatediff import INJECTED, MotionModule, as_set, guides_itself, motion_module_of
from ..diffusion.fresh_noise import fresh_noise
from ..diffusion.tcd import sample_tcd

if TYPE_CHECKING:
    import numpy as np
    import torch

PACK = "songreel"
# Samplers that add noise at every step: the picture's own, see `fresh_noise`.
ADDING_NOISE = ("lcm", "tcd")
SAMPLERS = ("euler", "heun", "dpmpp_2m", *ADDING_NOISE)
SCHEDULERS = ("normal", "karras", "exponential", "sgm_uniform", "simple")
WORK_LIMIT_BYTES = 20 * 1024**3
LATENT_CHANNELS = 4
LATENT_SCALE = 8

Predict = Callable[[int, Any, float, Callable[[bool], tuple]], Any]

log = logging.getLogger(__name__)


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
        _trim(root, WORK_LIMIT_BYTES, keep=folder)
        return folder

    def cache_dir(self) -> Path:
        """A folder for what can be computed again."""
        folder = self.private_dir() / "cache"
        folder.mkdir(parents=True, exist_ok=True)
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
        """Raises the host's own interruption when the user has cancelled."""

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
        self,
        model: Any,
        noise: torch.Tensor,
        positive: torch.Tensor,
        negative: torch.Tensor,
        *,
        steps: int,
        cfg: float,
        sampler: str,
        scheduler: str,
        latent: torch.Tensor | None = None,
        denoise: float = 1.0,
        on_step: Callable[[int, torch.Tensor], None] | None = None,
        predict: Predict | None = None,
        between: Sequence[float] | None = None,
    ) -> torch.Tensor:
        """Noise to latent. `positive` and `negative` have one row per latent, or one for all.

        Noise that a sampler adds between steps is `fresh_noise` of the noise given, in every host.
        on_step(i, x0): called after sampler step i with the current estimate of the latent, in the sampler's own
        scale (0.18215 times the latent).
        predict(call, x, sigma, evaluate): gives the guided estimate of the latent in the sampler's scale, in place
        of the usual rule. evaluate(guided) asks the model and returns the estimates with the positive and, if
        guided, with the negative prompt (else None).
        between: the first two rows are keyframes, sampled as they would be alone, and row 2 + i lies at between[i],
        0..1, between them: in self-attention it attends to both keyframes too, see `keyframe_attention`.
        Raises InputError when a MODEL's self-attention is not free for that.
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
    def apply_lora(self, model: Any, clip: Any, file: Path, strength_model: float, strength_clip: float) -> tuple:
        """(model, clip) with a LoRA applied; what was passed stays as it was."""

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


_installed: Host | None = None


def install(host: Host) -> None:
    """Make `host` the one that `current()` returns."""
    global _installed
    _installed = host


def current() -> Host:
    """The host this process runs in."""
    global _installed
    if _installed is None:
        _installed = ComfyHost()
    return _installed


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
    except ValueError:
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


# Fingerprints ------------------------------------------------------------------------------------


class Digest:
    """Collects tensors and plain values into one digest that is equal across processes."""

    def __init__(self):
        self._hash = hashlib.blake2b(digest_size=20)

    def add(self, value: Any, depth: int = 0) -> None:
        """Add a value. Objects count by class and attributes, functions by name and what they close over."""
        import numpy as np
        import torch

        self._hash.update(type(value).__qualname__.encode())
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().contiguous()
            self._hash.update(f"{tuple(value.shape)}{value.dtype}".encode())
            self._hash.update(memoryview(value.reshape(-1).view(torch.uint8).numpy()))
        elif isinstance(value, np.ndarray):
            self._hash.update(f"{value.shape}{value.dtype}".encode())
            self._hash.update(np.ascontiguousarray(value).tobytes())
        elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, torch.dtype)):
            self._hash.update(repr(value).encode())
        elif depth > 6:
            return
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                self._hash.update(str(key).encode())
                self.add(value[key], depth + 1)
        elif isinstance(value, (set, frozenset)):
            self.add(sorted(value, key=str), depth + 1)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.add(item, depth + 1)
        elif isinstance(value, types.MethodType):
            self.add(value.__func__, depth + 1)
            self.add(value.__self__, depth + 1)
        elif isinstance(value, types.FunctionType):
            self._hash.update(f"{value.__module__}.{value.__qualname__}".encode())
            self.add(inspect.getclosurevars(value).nonlocals, depth + 1)
            self.add(value.__defaults__, depth + 1)
        elif isinstance(value, torch.nn.Module):
            self.add(dict(value.named_parameters()) | dict(value.named_buffers()), depth + 1)
        else:
            self.add(getattr(value, "__dict__", {}), depth + 1)

    def hex(self) -> str:
        """The digest as 40 hexadecimal digits."""
        return self._hash.hexdigest()


# ComfyUI -----------------------------------------------------------------------------------------

_weights_digests: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

# CLIP's projection of the pooled embedding, which SD1.5 does not use: most of its checkpoints have none, and ComfyUI
# then leaves whatever the memory held before, which is another in every process.
UNUSED_WEIGHT = "text_projection.weight"


def _patcher_digest(patcher: Any, *more: Any) -> str:
    """Digest of a ComfyUI ModelPatcher: its unpatched weights, its patches and its options."""
    weights = _weights_digests.get(patcher.model)
    if weights is None:
        digest = Digest()
        for key, tensor in sorted(patcher.model.state_dict().items()):
            if key.endswith(UNUSED_WEIGHT) or INJECTED in key:
                continue
            # While a model is loaded its weights are patched in place; the originals are in the backup.
            original = patcher.backup.get(key)
            digest.add(key)
            digest.add(tensor if original is None else original.weight)
        weights = _weights_digests[patcher.model] = digest.hex()
    digest = Digest()
    digest.add(weights)
    digest.add(str(patcher.model_dtype()))
    digest.add(patcher.patches)
    digest.add(patcher.object_patches)
    digest.add(patcher.model_options)
    digest.add(more)
    for name, models in sorted(patcher.additional_models.items()):
        digest.add([name, *(_patcher_digest(model) for model in models)])
    if patcher.attachments:
        digest.add(as_set(patcher.attachments))
    return digest.hex()


@functools.cache
def _comfy_tokenizer() -> Any:
    """ComfyUI's own CLIP tokenizer."""
    from comfy.sd1_clip import SDTokenizer

    return SDTokenizer().tokenizer


def refuse_mp4(path: Path) -> InputError:
    """What to say when a file that is no MP4 would be saved as one."""
    return InputError(
        f"Save Video writes MP4 files and cannot keep this {path.suffix} file as it is; connect Save Music Video."
    )


@functools.cache
def _other_than_mp4(base: type) -> type:
    """ComfyUI's VideoFromFile for a file whose packets do not go into an MP4."""

    class VideoFile(base):
        def get_stream_source(self):
            return super().get_stream_source()

        def save_to(self, path, format="auto", codec="auto", metadata=None):
            if codec == "auto":
                raise refuse_mp4(Path(str(self.get_stream_source())))
            super().save_to(path, format=format, codec=codec, metadata=metadata)

    return VideoFile


def _predicting_guider(model: Any, predict: Predict) -> Any:
    """A ComfyUI guider whose estimates come from `predict`."""
    import comfy.samplers

    class Guider(comfy.samplers.CFGGuider):
        calls = 0

        def predict_noise(self, x, timestep, model_options=None, seed=None):
            def evaluate(guided: bool) -> tuple:
                found = []

                def keep(estimates: dict):
                    found.extend((estimates["cond_denoised"], estimates["uncond_denoised"] if guided else None))
                    return estimates["cond"]

                # Not calc_cond_batch itself: packs that add to sampling replace this function.
                comfy.samplers.sampling_function(
                    self.inner_model,
                    x,
                    timestep,
                    self.conds["negative"],
                    self.conds["positive"],
                    7.0 if guided else 1.0,
                    model_options=(model_options or {}) | {"sampler_cfg_function": keep},
                    seed=seed,
                )
                return tuple(found)

            call, self.calls = self.calls, self.calls + 1
            return predict(call, x, float(timestep.flatten()[0]), evaluate)

    return Guider(model)


def _own_noise(noise: torch.Tensor) -> dict:
    """Options of a ComfyUI sampler that make it add `fresh_noise` of the starting noise."""
    steps = itertools.count()
    return {"noise_sampler": lambda sigma, following: fresh_noise(noise, next(steps)).to(sigma.device)}


def _tcd_method(model: Any, noise: torch.Tensor) -> Any:
    """A ComfyUI sampler that is `sample_tcd`."""
    import comfy.samplers

    levels = model.get_model_object("model_sampling")

    def method(denoiser, x, sigmas, extra_args=None, callback=None, disable=None):
        rows = x.new_ones([len(x)])

        def denoise(x, sigma):
            return denoiser(x, sigma * rows, **(extra_args or {}))

        def on_step(i, x, x0):
            callback({"x": x, "i": i, "sigma": sigmas[i], "sigma_hat": sigmas[i], "denoised": x0})

        return sample_tcd(denoise, x, sigmas, on_step, noise.to(x), levels.timestep, levels.sigma)

    return comfy.samplers.KSAMPLER(method)


def _attending_between(model: Any, between: tuple[float, ...]) -> Any:
    """A clone of a MODEL whose self-attention is that of `keyframe_attention`; the MODEL stays as it is."""
    from comfy.ldm.modules.attention import optimized_attention

    if model.model_options.get("transformer_options", {}).get("patches_replace", {}).get("attn1"):
        raise InputError(
            "Another node has replaced the self-attention of this MODEL, which pictures that attend to keyframes "
            "need for themselves; connect the MODEL from before that node, or turn keyframe_attention off."
        )
    rows = keyframe_attention.ENDS + len(between)

    def replace(query, key, value, options):
        def attention(*parts):
            return optimized_attention(
                *parts, options["n_heads"], attn_precision=options["attn_precision"], transformer_options=options
            )

        batch = rows * len(options["cond_or_uncond"])
        if query.shape[0] != batch or key.shape[0] != batch:
            raise InputError(
                f"A patch of this MODEL gives self-attention {query.shape[0]} rows where {batch} are sampled, so that "
                "pictures cannot attend to keyframes; remove it (such as HyperTile), or turn keyframe_attention off."
            )
        return keyframe_attention.attend(attention, query, key, value, between)

    model = model.clone()
    unet = model.get_model_object("diffusion_model")
    blocks = {"input": len(unet.input_blocks), "middle": 1, "output": len(unet.output_blocks)}
    for name, count in blocks.items():
        for number in range(count):
            model.set_model_attn1_replace(replace, name, number)
    return model


class _ComfyProgress(Progress):
    def __init__(self, total: int, node_id: str | None):
        import comfy.utils

        self._bar = comfy.utils.ProgressBar(total, node_id=node_id)
        self._node_id = node_id

    def update(self, done: int, preview: np.ndarray | None = None) -> None:
        image = None
        if preview is not None:
            from PIL import Image

            image = ("JPEG", Image.fromarray(preview), 512)
        self._bar.update_absolute(done, preview=image)

    def status(self, text: str) -> None:
        from server import PromptServer

        if self._node_id is not None and getattr(PromptServer, "instance", None) is not None:
            PromptServer.instance.send_progress_text(text, self._node_id)


class OwnerKeys:
    """Keys that came with a queued run as extra_data["songreel_owner_keys"], {record id: key}, by the run's id.

    The run's id is made here and cannot be taken by another run, so a key serves the one run it came with.
    """

    FIELD, LIMIT = f"{PACK}_owner_keys", 200

    def __init__(self):
        self._held: dict[str, dict[str, str]] = {}

    def on_prompt(self, data: dict) -> dict:
        """Called with every body of POST /prompt, before ComfyUI reads it."""
        extra = data.get("extra_data")
        keys = extra.pop(self.FIELD, None) if isinstance(extra, dict) else None
        if str(data.get("prompt_id")) in self._held:
            del data["prompt_id"]
        if isinstance(keys, dict):
            data["prompt_id"] = run = str(uuid.uuid4())
            self._held[run] = {str(name): str(key) for name, key in list(keys.items())[:8]}
            while len(self._held) > self.LIMIT:
                del self._held[next(iter(self._held))]
        return data

    def of(self, run: str) -> dict[str, str]:
        return self._held.get(run, {})


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class ComfyHost(Host):
    """The port as ComfyUI answers it."""

    name = "ComfyUI"

    def model_folders(self, kind: str) -> list[Path]:
        import folder_paths

        if kind not in folder_paths.folder_names_and_paths:
            return [Path(folder_paths.models_dir) / kind]  # a kind that newer versions have
        return [Path(folder) for folder in folder_paths.get_folder_paths(kind)]

    def output_dir(self) -> Path:
        import folder_paths

        return Path(folder_paths.get_output_directory())

    def save_place(self, prefix: str, width: int, height: int) -> tuple[Path, str, int, str]:
        import folder_paths

        place = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory(), width, height)
        return Path(place[0]), place[1], place[2], place[3]

    def saves_workflow(self) -> bool:
        from comfy.cli_args import args

        return not args.disable_metadata

    def temp_dir(self) -> Path:
        import folder_paths

        folder = Path(folder_paths.get_temp_directory()) / PACK
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def page_reference(self, path: Path) -> dict | None:
        return {"filename": path.name, "subfolder": PACK, "type": "temp"}

    def private_dir(self) -> Path:
        import folder_paths

        # A name with two leading underscores is refused by every HTTP endpoint (0.8), and lies
        # outside user/default, which is all that the endpoints of older versions serve.
        return private_folder(Path(folder_paths.get_user_directory()) / f"__{PACK}")

    def progress(self, total: int) -> Progress:
        return _ComfyProgress(total, self.node_id())

    def check_interrupt(self) -> None:
        import comfy.model_management

        comfy.model_management.throw_exception_if_processing_interrupted()

    def node_id(self) -> str | None:
        from comfy_execution.utils import get_executing_context

        context = get_executing_context()
        return None if context is None else context.node_id

    def fingerprint(self, part: Any) -> str:
        if hasattr(part, "cond_stage_model"):
            return _patcher_digest(part.patcher, part.layer_idx, part.tokenizer_options)
        if hasattr(part, "first_stage_model"):
            return _patcher_digest(part.patcher, str(part.vae_dtype))
        return _patcher_digest(part)

    def encode_text(self, clip: Any, text: str) -> torch.Tensor:
        conditioning = clip.encode_from_tokens_scheduled(clip.tokenize(text))
        if len(conditioning) != 1:
            raise InputError("This CLIP carries a schedule of hooks, which a video cannot follow; remove the hooks.")
        embedding = conditioning[0][0].float()
        if embedding.ndim != 3 or embedding.shape[-1] != 768:
            raise InputError(
                f"This CLIP gives embeddings {embedding.shape[-1]} wide; load an SD1.5 checkpoint, whose are 768 wide."
            )
        return embedding

    def tokenize(self, text: str) -> list[int]:
        return _comfy_tokenizer()(text)["input_ids"][1:-1]

    def device(self) -> torch.device:
        import comfy.model_management

        return comfy.model_management.get_torch_device()

    def model_names(self, kind: str) -> list[str]:
        import folder_paths

        return folder_paths.get_filename_list(kind)

    def sample(
        self,
        model,
        noise,
        positive,
        negative,
        *,
        steps,
        cfg,
        sampler,
        scheduler,
        latent=None,
        denoise=1.0,
        on_step=None,
        predict=None,
        between=None,
    ):
        import comfy.sample

        channels = model.get_model_object("latent_format").latent_channels
        if channels != LATENT_CHANNELS:
            raise InputError(f"This MODEL has {channels} latent channels; load an SD1.5 checkpoint, which has 4.")
        if between is not None:
            model = _attending_between(model, keyframe_attention.checked(between, noise.shape[0]))

        def callback(step, x0, x, total_steps):
            self.check_interrupt()
            if on_step is not None:
                on_step(step, x0)

        start = noise.new_zeros(noise.shape) if latent is None else latent
        if predict is not None or sampler in ADDING_NOISE:
            guider = comfy.samplers.CFGGuider(model) if predict is None else _predicting_guider(model, predict)
            guider.set_conds([[positive, {}]], [[negative, {}]])
            guider.set_cfg(cfg)
            # The names of samplers that are ours mean nothing here.
            known = "euler" if sampler == "tcd" else sampler
            levels = comfy.samplers.KSampler(
                model, steps, model.load_device, known, scheduler, denoise, model_options=model.model_options
            ).sigmas
            if sampler == "tcd":
                method = _tcd_method(model, noise)
            else:
                method = comfy.samplers.ksampler(sampler, _own_noise(noise) if sampler in ADDING_NOISE else {})
            return guider.sample(noise, start, method, levels, callback=callback, disable_pbar=True, seed=0).to(
                comfy.model_management.intermediate_device()
            )
        return comfy.sample.sample(
            model,
            noise,
            steps,
            cfg,
            sampler,
            scheduler,
            [[positive, {}]],
            [[negative, {}]],
            start,
            denoise=denoise,
            callback=callback,
            disable_pbar=True,
            seed=0,
        )

    def guidance_is_plain(self, model: Any) -> bool:
        changed = ("sampler_cfg_function", "sampler_pre_cfg_function", "sampler_post_cfg_function")
        options = model.model_options
        own = any(options.get(name) for name in (*changed, "sampler_calc_cond_batch_function"))
        return not (own or guides_itself(model))

    def motion(self, model: Any) -> MotionModule | None:
        return motion_module_of(model)

    def vae_encode(self, vae: Any, pixels: torch.Tensor) -> torch.Tensor:
        return vae.encode(pixels)

    def vae_decode(self, vae: Any, latent: torch.Tensor) -> torch.Tensor:
        return vae.decode(latent).float().cpu()

    def apply_lora(self, model: Any, clip: Any, file: Path, strength_model: float, strength_clip: float) -> tuple:
        import comfy.sd
        import comfy.utils

        lora = comfy.utils.load_torch_file(str(file), safe_load=True)
        return comfy.sd.load_lora_for_models(model, clip, lora, strength_model, strength_clip)

    def free_memory(self) -> None:
        import comfy.model_management

        comfy.model_management.unload_all_models()
        comfy.model_management.soft_empty_cache()

    def video_from_file(self, path: Path) -> Any:
        from comfy_api.latest import InputImpl

        kind = InputImpl.VideoFromFile if path.suffix == ".mp4" else _other_than_mp4(InputImpl.VideoFromFile)
        return kind(str(path))

    def add_route(self, method: str, path: str, handler: Callable) -> None:
        from server import PromptServer

        if getattr(PromptServer, "instance", None) is None:
            return  # ComfyUI was loaded without its server
        PromptServer.instance.routes.route(method, f"/{PACK}/{path}")(handler)

    def local_only(self) -> bool:
        from comfy.cli_args import args

        return all(_is_loopback(address.strip()) for address in str(args.listen).split(","))

    def owner_key(self, record_id: str) -> str | None:
        from comfy_execution.utils import get_executing_context

        context = get_executing_context()
        return None if context is None else self._keys.of(context.prompt_id).get(record_id)

    @cached_property
    def _keys(self) -> OwnerKeys:
        return OwnerKeys()

    def take_owner_keys(self) -> None:
        from server import PromptServer

        if getattr(PromptServer, "instance", None) is not None:
            PromptServer.instance.add_on_prompt_handler(self._keys.on_prompt)

    def send_event(self, event: str, data: dict) -> None:
        from server import PromptServer

        PromptServer.instance.send_sync(f"{PACK}.{event}", data)
