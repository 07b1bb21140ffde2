"""Run by ComfyUI's own Python: what ComfyUI gives for the cases of test_comfy_parity.

python comfy_parity.py COMFYUI_DIR CHECKPOINT LORA CASES.json INPUTS.npz OUT.npz
"""

import json
import logging
import sys
from pathlib import Path


def main(folder, checkpoint, lora_file, cases_file, inputs_file, out_file):
    sys.argv = ["comfy_parity", "--cpu", "--force-fp32", "--fp32-vae", "--fp32-text-enc"]
    sys.path[:0] = [folder, str(Path(__file__).resolve().parent.parent)]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sample
    import comfy.samplers
    import comfy.sd
    import comfy.utils
    import numpy as np
    import torch

    from headless import pack

    port = pack.load("nodes.host")
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
            if case["sampler"] in port.ADDING_NOISE:
                # ComfyUI's own noise between steps depends on the batch; ours is given to its sampler by the port.
                results[case["name"]] = port.ComfyHost().sample(
                    unet,
                    noise,
                    positive,
                    negative,
                    **{name: case[name] for name in ("steps", "cfg", "sampler", "scheduler", "denoise")},
                    latent=latent,
                    on_step=lambda step, x0, keep=estimates: keep.append(x0.clone()),
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
    np.savez(out_file, **{name: value.float().cpu().numpy() for name, value in results.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
