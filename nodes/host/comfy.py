"""The port as ComfyUI answers it. Nothing of ComfyUI is imported before it is needed."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import InputError
from ..diffusion.animatediff import MotionModule, guides_itself, motion_module_of
from .digest import patcher_digest
from .owner_keys import OwnerKeys, is_loopback, was_forwarded
from .permits import Permit
from .port import PACK, Host, Progress, private_folder, refuse_mp4

if TYPE_CHECKING:
    import numpy as np
    import torch

_FORGET_SECONDS = 30.0
_PERMITS = f"{PACK}_permits"


@functools.cache
def _comfy_tokenizer() -> Any:
    """ComfyUI's own CLIP tokenizer."""
    from comfy.sd1_clip import SDTokenizer

    return SDTokenizer().tokenizer


@functools.cache
def _other_than_mp4(base: type) -> type:
    """ComfyUI's VideoFromFile for a file whose packets do not go into an MP4."""

    class VideoFile(base):
        def get_stream_source(self):
            return super().get_stream_source()

        def save_to(self, path, format="auto", codec="auto", metadata=None, **options):
            if codec == "auto":
                raise refuse_mp4(Path(str(self.get_stream_source())))
            super().save_to(path, format=format, codec=codec, metadata=metadata, **options)

    return VideoFile


class _AskingFirst:
    """A ComfyUI wrapper of a model's call that asks for leave before it."""

    def __init__(self, permit: Permit):
        self.permit = permit

    def __call__(self, executor, *args, **options):
        self.permit.ask()
        return executor(*args, **options)


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


class ComfyHost(Host):
    """The port as ComfyUI answers it."""

    name = "ComfyUI"
    _forwarded = False
    _forgetting: threading.Timer | None = None

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

        super().check_interrupt()
        comfy.model_management.throw_exception_if_processing_interrupted()

    def node_id(self) -> str | None:
        from comfy_execution.utils import get_executing_context

        context = get_executing_context()
        return None if context is None else context.node_id

    def fingerprint(self, part: Any) -> str:
        if hasattr(part, "cond_stage_model"):
            return patcher_digest(part.patcher, part.layer_idx, part.tokenizer_options)
        if hasattr(part, "first_stage_model"):
            return patcher_digest(part.patcher, str(part.vae_dtype))
        return patcher_digest(part)

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

    def sample(self, model, noise, positive, negative, sampling):
        from . import comfy_sampling

        return comfy_sampling.sample(model, noise, (positive, negative), sampling, self.check_interrupt)

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

    def apply_lora(self, model, clip, file, strength_model: float, strength_clip: float) -> tuple:
        import comfy.sd
        import comfy.utils

        in_memory = not isinstance(file, Path)
        lora = file.tensors() if in_memory else comfy.utils.load_torch_file(str(file), safe_load=True)
        return comfy.sd.load_lora_for_models(model, clip, lora, strength_model, strength_clip)

    def with_permit(self, model: Any, permit: Permit) -> Any:
        from comfy.patcher_extension import WrappersMP

        if permit.key in {known.key for known in self.permits_of(model)}:
            return model
        model = model.clone()
        # What a sampler calls for every estimate, the core's samplers as well.
        model.add_wrapper_with_key(WrappersMP.APPLY_MODEL, _PERMITS, _AskingFirst(permit))
        return model

    def permits_of(self, model: Any) -> tuple[Permit, ...]:
        from comfy.patcher_extension import WrappersMP

        return tuple(wrapper.permit for wrapper in model.get_wrappers(WrappersMP.APPLY_MODEL, _PERMITS))

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

        # A proxy or a tunnel before a program on loopback: a request told of it, or the owner named its hosts.
        if self._forwarded or self.setting("hosts", []):
            return False
        return all(is_loopback(address.strip()) for address in str(args.listen).split(","))

    def owner_key(self, record_id: str) -> str | None:
        from comfy_execution.utils import get_executing_context

        context = get_executing_context()
        return None if context is None else self._keys.of(context.prompt_id).get(record_id)

    @cached_property
    def _keys(self) -> OwnerKeys:
        return OwnerKeys()

    def take_owner_keys(self) -> None:
        from server import PromptServer

        server = getattr(PromptServer, "instance", None)
        if server is None:
            return
        server.add_on_prompt_handler(self._on_prompt)
        from aiohttp import web

        @web.middleware
        async def notice_forwarding(request, handler):
            if was_forwarded(request.headers):
                self._forwarded = True
            return await handler(request)

        server.app.middlewares.append(notice_forwarding)

    def _on_prompt(self, data: dict) -> dict:
        data = self._keys.on_prompt(data)
        self._forget_keys()
        return data

    def _forget_keys(self) -> None:
        """Forget owners' keys once their runs have ended; looks again while there are any."""
        from server import PromptServer

        running, queued = PromptServer.instance.prompt_queue.get_current_queue()
        self._keys.forget_ended({entry[1] for entry in (*running, *queued)})
        if self._keys.count and (self._forgetting is None or not self._forgetting.is_alive()):
            self._forgetting = threading.Timer(_FORGET_SECONDS, self._forget_keys_later)
            self._forgetting.daemon = True
            self._forgetting.start()

    def _forget_keys_later(self) -> None:
        self._forgetting = None
        self._forget_keys()

    def send_event(self, event: str, data: dict) -> None:
        from server import PromptServer

        PromptServer.instance.send_sync(f"{PACK}.{event}", data)
