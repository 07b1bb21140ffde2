"""Sampling with ComfyUI's samplers, with predicted guidance, the picture's own noise, TCD, keyframe attention."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..base.errors import InputError
from ..diffusion import keyframe_attention
from ..diffusion.fresh_noise import fresh_noise
from ..diffusion.tcd import sample_tcd
from .port import ADDING_NOISE, LATENT_CHANNELS, Predict, Sampling

if TYPE_CHECKING:
    import torch


def sample(
    model: Any,
    noise: torch.Tensor,
    conditioning: tuple[torch.Tensor, torch.Tensor],
    sampling: Sampling,
    check_interrupt: Callable[[], None],
) -> torch.Tensor:
    """`Host.sample` with ComfyUI's samplers; `conditioning` is (positive, negative)."""
    import comfy.sample
    import comfy.samplers

    channels = model.get_model_object("latent_format").latent_channels
    if channels != LATENT_CHANNELS:
        raise InputError(f"This MODEL has {channels} latent channels; load an SD1.5 checkpoint, which has 4.")
    if sampling.between is not None:
        model = _attending_between(model, keyframe_attention.checked(sampling.between, noise.shape[0]))

    def callback(step, x0, x, total_steps):
        check_interrupt()
        if sampling.on_step is not None:
            sampling.on_step(step, x0)

    start = noise.new_zeros(noise.shape) if sampling.latent is None else sampling.latent
    positive, negative = ([[embedding, {}]] for embedding in conditioning)
    if sampling.predict is not None or sampling.sampler in ADDING_NOISE:
        return _sample_guided(model, noise, start, (positive, negative), sampling, callback)
    return comfy.sample.sample(
        model,
        noise,
        sampling.steps,
        sampling.cfg,
        sampling.sampler,
        sampling.scheduler,
        positive,
        negative,
        start,
        denoise=sampling.denoise,
        callback=callback,
        disable_pbar=True,
        seed=0,
    )


def _sample_guided(
    model: Any, noise: torch.Tensor, start: torch.Tensor, conditioning: tuple, sampling: Sampling, callback: Callable
) -> torch.Tensor:
    """Sampling with a guider or a sampler of ours."""
    import comfy.model_management
    import comfy.samplers

    predict = sampling.predict
    guider = comfy.samplers.CFGGuider(model) if predict is None else _predicting_guider(model, predict)
    guider.set_conds(*conditioning)
    guider.set_cfg(sampling.cfg)
    # The names of samplers that are ours mean nothing here.
    known = "euler" if sampling.sampler == "tcd" else sampling.sampler
    levels = comfy.samplers.KSampler(
        model,
        sampling.steps,
        model.load_device,
        known,
        sampling.scheduler,
        sampling.denoise,
        model_options=model.model_options,
    ).sigmas
    if sampling.sampler == "tcd":
        method = _tcd_method(model, noise)
    else:
        own = _own_noise(noise) if sampling.sampler in ADDING_NOISE else {}
        method = comfy.samplers.ksampler(sampling.sampler, own)
    latent = guider.sample(noise, start, method, levels, callback=callback, disable_pbar=True, seed=0)
    return latent.to(comfy.model_management.intermediate_device())


def _predicting_guider(model: Any, predict: Predict) -> Any:
    """A ComfyUI guider whose estimates come from `predict`."""
    import comfy.samplers

    class Guider(comfy.samplers.CFGGuider):
        calls = 0

        def predict_noise(self, x, timestep, model_options=None, seed=None):
            def evaluate(guided: bool) -> tuple:
                found: list[Any] = []

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
