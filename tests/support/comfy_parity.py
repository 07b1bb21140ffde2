"""Run by ComfyUI's own Python: what ComfyUI gives for the cases of test_comfy_parity.

python comfy_parity.py COMFYUI_DIR CHECKPOINT LORA CASES.json INPUTS.npz OUT.npz
"""

import json
import logging
import sys
from pathlib import Path


def main(folder, checkpoint, lora_file, cases_file, inputs_file, out_file):
    sys.argv = ["comfy_parity", "--cpu", "--force-fp32", "--fp32-vae", "--fp32-text-enc"]
    sys.path[:0] = [folder, str(Path(__file__).resolve().parents[2])]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sample
    import comfy.samplers
    import comfy.sd
    import comfy.utils
    import numpy as np
    import torch

    import headless  # noqa: F401  (registers the pack)
    from songreel.nodes.host import port
    from songreel.nodes.host.comfy import ComfyHost
    from songreel.nodes.host.port import Sampling

    logging.getLogger().setLevel(logging.ERROR)
    with open(cases_file, encoding="utf-8") as file:
        cases = json.load(file)
    inputs = {name: torch.from_numpy(value) for name, value in np.load(inputs_file).items()}
    results = {}

    def encode(clip, text):
        return clip.encode_from_tokens_scheduled(clip.tokenize(text))

    with torch.inference_mode():
        model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(checkpoint)
        patched = comfy.sd.load_lora_for_models(
            model, clip, comfy.utils.load_torch_file(lora_file, safe_load=True), *cases["lora_strengths"]
        )
        for scheduler in cases["schedulers"]:
            for steps in cases["steps"]:
                levels = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), scheduler, steps)
                results[f"{scheduler} {steps}"] = levels
        for i, text in enumerate(cases["texts"]):
            results[f"text{i}"] = encode(clip, text)[0][0]
        results["text_lora"] = encode(patched[1], cases["lora_text"])[0][0]
        results["encoded"] = vae.encode(inputs["pixels"])
        results["decoded"] = vae.decode(inputs["latent"])
        for case in cases["samples"]:
            unet, text_encoder = patched if case.get("lora") else (model, clip)
            noise = inputs["noise"][: case["rows"]]
            latent = inputs["latent"][: case["rows"]] if case["denoise"] < 1 else torch.zeros_like(noise)
            positive = torch.cat([encode(text_encoder, text)[0][0] for text in case["positive"]])
            negative = encode(text_encoder, case["negative"])[0][0]
            estimates = []
            if case["sampler"] in port.ADDING_NOISE or case.get("between"):
                # ComfyUI's own noise between steps depends on the batch; ours is given to its sampler by the port.
                # Rows that attend to keyframes are the port's as well.
                results[case["name"]] = ComfyHost().sample(
                    unet,
                    noise,
                    positive,
                    negative,
                    Sampling(
                        **{name: case[name] for name in ("steps", "cfg", "sampler", "scheduler", "denoise")},
                        latent=latent,
                        on_step=lambda step, x0, keep=estimates: keep.append(x0.clone()),
                        predict=plain_rule(case["cfg"]) if case.get("predict") else None,
                        between=case.get("between"),
                    ),
                )
                results[case["name"] + " x0"] = estimates[1]
                continue
            results[case["name"]] = comfy.sample.sample(
                unet,
                noise,
                case["steps"],
                case["cfg"],
                case["sampler"],
                case["scheduler"],
                [[positive, {}]],
                [[negative, {}]],
                latent,
                denoise=case["denoise"],
                callback=lambda step, x0, x, total, keep=estimates: keep.append(x0.clone()),
                disable_pbar=True,
                seed=0,
            )
            results[case["name"] + " x0"] = estimates[1]
        for name, value in between_in_comfyui(model, positive, negative, inputs).items():
            results[f"between {name}"] = value
    np.savez(out_file, **{name: value.float().cpu().numpy() for name, value in results.items()})


def plain_rule(cfg):
    """The usual guidance as a `predict`."""

    def predict(call, x, sigma, evaluate):
        wanted, unwanted = evaluate(True)
        return unwanted + (wanted - unwanted) * cfg

    return predict


def between_in_comfyui(model, positive, negative, inputs):
    """What only ComfyUI can do with the prompts of rows between ends: other chunks, and what becomes of the MODEL."""
    import copy

    import comfy.samplers
    import torch

    from songreel.nodes.base.errors import InputError
    from songreel.nodes.host.comfy import ComfyHost
    from songreel.nodes.host.port import Sampling

    def sampled(model, **more):
        options = {"steps": 2, "cfg": 7.5, "sampler": "euler", "scheduler": "normal", "between": [0.25, 0.8]}
        return ComfyHost().sample(model, inputs["noise"], positive[:1], negative, Sampling(**(options | more)))

    def refused(model):
        try:
            sampled(model)
        except InputError as error:
            return torch.tensor(list(str(error).encode()))
        return torch.zeros(0)

    chunks = []

    def watched(turned):
        """The MODEL with a note of the chunks of each call; turned, they are computed in the other order."""

        def wrapper(apply, given):
            x, t, c = given["input"], given["timestep"], dict(given["c"])
            options = c["transformer_options"] = dict(c["transformer_options"])
            count = len(given["cond_or_uncond"])
            if turned:
                x, t, c["c_crossattn"] = (torch.cat(v.chunk(count)[::-1]) for v in (x, t, c["c_crossattn"]))
                options["cond_or_uncond"] = options["cond_or_uncond"][::-1]
            chunks.append(options["cond_or_uncond"])
            out = apply(x, t, **c)
            return torch.cat(out.chunk(count)[::-1]) if turned else out

        patched = model.clone()
        patched.set_model_unet_function_wrapper(wrapper)
        return patched

    host, results = ComfyHost(), {}
    mark, options = host.fingerprint(model), copy.deepcopy(model.model_options)
    results["usual"] = sampled(watched(False))
    results["turned"] = sampled(watched(True))
    apart, comfy.samplers.can_concat_cond = comfy.samplers.can_concat_cond, lambda a, b: a is b
    try:
        results["apart"] = sampled(watched(False))
    finally:
        comfy.samplers.can_concat_cond = apart
    results["chunks"] = torch.tensor([len(each) for each in chunks])
    results["firsts"] = torch.tensor([each[0] for each in chunks])
    results["without"] = sampled(model, between=None)
    results["kept"] = torch.tensor([host.fingerprint(model) == mark, model.model_options == options])
    replaced, tiled = model.clone(), model.clone()
    replaced.set_model_attn1_replace(lambda q, k, v, options: q, "middle", 0)
    results["replaced"] = refused(replaced)
    tiled.set_model_attn1_patch(lambda q, k, v, options: tuple(part.repeat(2, 1, 1) for part in (q, k, v)))
    results["tiled"] = refused(tiled)
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
