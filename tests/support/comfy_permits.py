"""Run by ComfyUI's own Python: a MODEL that needs leave, in the core's KSampler and in our host, when the leave ends.

python comfy_permits.py COMFYUI_DIR CHECKPOINT PACK    (what happened as JSON in the last line)
"""

import importlib.util
import json
import sys
from pathlib import Path


def main(folder, checkpoint, pack):
    sys.argv = ["comfy_permits", "--cpu", "--force-fp32", "--fp32-vae", "--fp32-text-enc"]
    sys.path.insert(0, folder)
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sample
    import comfy.sd
    import torch

    spec = importlib.util.spec_from_file_location(
        "songreel", Path(pack) / "__init__.py", submodule_search_locations=[pack]
    )
    sys.modules["songreel"] = importlib.util.module_from_spec(spec)
    from songreel.nodes.base.errors import InputError
    from songreel.nodes.host.comfy import ComfyHost
    from songreel.nodes.host.permits import Permit
    from songreel.nodes.host.port import Sampling

    host, asked = ComfyHost(), []

    def ask():
        asked.append(1)
        if len(asked) > 3:
            raise InputError("The consent was taken back.")

    told = {}
    with torch.inference_mode():
        model, clip, _, _ = comfy.sd.load_checkpoint_guess_config(checkpoint, output_vae=False)
        plain = host.fingerprint(model)
        changed = host.with_permit(model, Permit("person", ask, lambda *_: None))
        told["same_fingerprint"] = host.fingerprint(changed) == plain
        told["permits"] = [[permit.key for permit in host.permits_of(each)] for each in (model, changed)]
        told["kept_by_clones"] = len(host.permits_of(changed.clone()))
        text = clip.encode_from_tokens_scheduled(clip.tokenize("a harbour"))
        noise = torch.zeros(1, 4, 8, 8)
        steps = []
        for name, sample in (
            (
                "core",
                lambda: comfy.sample.sample(
                    changed, noise, 8, 7.0, "euler", "normal", text, text, noise, seed=0, disable_pbar=True,
                    callback=lambda step, *_: steps.append(step),
                ),
            ),
            (
                "ours",
                lambda: host.sample(
                    changed, noise, text[0][0], text[0][0],
                    Sampling(8, 7.0, "euler", "normal", on_step=lambda step, x0: steps.append(step)),
                ),
            ),
        ):  # fmt: skip
            asked.clear()
            steps.clear()
            try:
                sample()
                told[name] = "it went on"
            except InputError as refused:
                told[name] = [str(refused), len(steps)]
        told["without"] = list(comfy.sample.sample(
            model, noise, 2, 7.0, "euler", "normal", text, text, noise, seed=0, disable_pbar=True
        ).shape)  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
