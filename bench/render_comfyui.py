"""Run by ComfyUI's own Python: one KSampler and one VAEDecode per frame, for bench/render.py --comfyui.

python render_comfyui.py COMFYUI_DIR CHECKPOINT INPUTS.npz OPTIONS.json

INPUTS.npz: noise (n, 4, h, w), positive (n, tokens, 768), negative (1, tokens, 768). Prints JSON: seconds of the loop
after one warm-up step, and the first frame's mean.
"""

import json
import logging
import sys
import time


def main(folder: str, checkpoint: str, inputs: str, options: str) -> None:
    sys.argv = ["render_comfyui", "--cpu", "--force-fp32", "--fp32-vae", "--fp32-text-enc"]
    sys.path.insert(0, folder)
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sample
    import comfy.sd
    import numpy as np
    import torch

    logging.getLogger().setLevel(logging.ERROR)
    settings = json.loads(options)
    given = {name: torch.from_numpy(value) for name, value in np.load(inputs).items()}
    # The executor runs every node so.
    with torch.inference_mode():
        model, _, vae, _ = comfy.sd.load_checkpoint_guess_config(checkpoint)

        def frame(n: int, steps: int):
            noise = given["noise"][n : n + 1]
            latent = comfy.sample.sample(
                model,
                noise,
                steps,
                settings["cfg"],
                settings["sampler"],
                settings["scheduler"],
                [[given["positive"][n : n + 1], {}]],
                [[given["negative"], {}]],
                torch.zeros_like(noise),
                disable_pbar=True,
                seed=0,
            )
            return vae.decode(latent)

        frame(0, 1)
        begin = time.perf_counter()
        frames = [frame(n, settings["steps"]) for n in range(len(given["noise"]))]
        seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "mean": float(frames[0].mean()), "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
