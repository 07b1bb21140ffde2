"""Run by ComfyUI's own Python: the core's TrainLoraNode on a checkpoint, for bench/train.py.

python train_comfyui.py COMFYUI_DIR CHECKPOINT float32|bfloat16 STEPS
"""

import json
import sys
import time
from pathlib import Path

RANK, SIDE = 16, 256


def main(folder: str, checkpoint: str, precision: str, steps: str) -> None:
    sys.argv = ["train_comfyui", "--cpu"]
    sys.path.insert(0, folder)
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.sd
    import torch
    from comfy_extras.nodes_train import TrainLoraNode
    from torch.optim.optimizer import register_optimizer_step_post_hook

    ends, loss = [], {}
    register_optimizer_step_post_hook(lambda *_: ends.append((time.perf_counter(), time.process_time())))
    # The executor runs every node so.
    with torch.inference_mode():
        # What CheckpointLoaderSimple, VAEEncode and CLIPTextEncode do.
        model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(checkpoint, output_vae=True, output_clip=True)
        pixels = torch.rand(7, SIDE, SIDE, 3, generator=torch.Generator().manual_seed(0))
        latents = {"samples": vae.encode(pixels)}
        positive = clip.encode_from_tokens_scheduled(clip.tokenize("photo of zuva person"))
        given = {name: value[1]["default"] for name, value in TrainLoraNode.INPUT_TYPES()["required"].items()
                 if len(value) > 1 and "default" in value[1]}  # fmt: skip
        short = {"float32": "fp32", "bfloat16": "bf16"}[precision]
        given |= {"steps": int(steps), "rank": RANK, "training_dtype": short, "lora_dtype": short}
        # Their dtypes have to be one: float32 training with a bfloat16 LoRA fails.
        _, lora, loss, _ = TrainLoraNode().train(model=model, latents=latents, positive=positive, **given)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    matrices = sum(name.endswith("lora_up.weight") for name in lora)
    single = sum(name.endswith((".diff", ".diff_b")) for name in lora)
    weights = sum(value.numel() for value in lora.values())
    print(
        json.dumps(
            {
                "seconds": [end[0] - begin[0] for begin, end in zip(ends[:-1], ends[1:], strict=True)],
                "cpu": [end[1] - begin[1] for begin, end in zip(ends[:-1], ends[1:], strict=True)],
                "peak_mb": round(int(status["VmHWM"].split()[0]) / 1024),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "adapts": f"{matrices} layers, {single} biases and norms, {weights / 1e6:.2f} M weights",
                "losses": loss["loss"],
                "node": {name: value for name, value in given.items() if name != "existing_lora"},
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
