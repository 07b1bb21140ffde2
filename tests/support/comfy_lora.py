"""Run by ComfyUI's own Python: what the core's LoraLoader makes of a LoRA file, and how the UNet then answers.

python comfy_lora.py COMFYUI_DIR CHECKPOINT LORA STRENGTH INPUTS.npz OUT.npz    (counts as JSON in the last line)
"""

import json
import logging
import sys
from pathlib import Path


class Unmatched(logging.Handler):
    """Collects what ComfyUI says of keys that it has no place for."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        if "not loaded" in record.getMessage():
            self.messages.append(record.getMessage())


def main(folder, checkpoint, lora_file, strength, inputs_file, out_file):
    sys.argv = ["comfy_lora", "--cpu", "--force-fp32", "--fp32-vae", "--fp32-text-enc"]
    sys.path.insert(0, folder)
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.model_management
    import comfy.sd
    import folder_paths
    import numpy as np
    import torch

    from nodes import LoraLoader

    unmatched = Unmatched()
    logging.getLogger().addHandler(unmatched)
    folder_paths.add_model_folder_path("loras", str(Path(lora_file).parent))
    inputs = {name: torch.from_numpy(value) for name, value in np.load(inputs_file).items()}

    def answers(model, clip):
        comfy.model_management.load_models_gpu([model])
        unet = model.model.diffusion_model
        text = clip.encode_from_tokens_scheduled(clip.tokenize("photo of zuva person, smiling"))[0][0]
        return unet(inputs["x"], inputs["t"], context=inputs["context"]).clone(), text.clone()

    with torch.inference_mode():
        model, clip, _, _ = comfy.sd.load_checkpoint_guess_config(checkpoint, output_vae=False)
        plain = answers(model, clip)
        changed = LoraLoader().load_lora(model, clip, Path(lora_file).name, float(strength), float(strength))
        counts = {"unet": len(changed[0].patches), "text": len(changed[1].patcher.patches)}
        learnt = answers(*changed)
    names = ("unet", "text", "unet_lora", "text_lora")
    np.savez(out_file, **{name: value.float().numpy() for name, value in zip(names, plain + learnt, strict=True)})
    print(json.dumps(counts | {"unmatched": unmatched.messages}))


if __name__ == "__main__":
    main(*sys.argv[1:])
