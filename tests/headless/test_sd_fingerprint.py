import subprocess
import sys

import torch

from headless.demo_model import CHECKPOINT
from headless.sd.checkpoint import load_checkpoint
from headless.sd.lora import apply_lora
from headless.sd.parts import fingerprint
from songreel.nodes.host.digest import patcher_digest
from support.demo_parts import demo_parts
from support.paths import TESTS
from support.random_lora import random_lora

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import conftest
from pathlib import Path
from headless.sd.checkpoint import load_checkpoint
from headless.sd.parts import fingerprint
sys.stdout.write(" ".join(fingerprint(part) for part in load_checkpoint(Path(sys.argv[2]), device="cpu")))
"""


def test_equal_in_another_process(tmp_path):
    command = [sys.executable, "-c", SCRIPT, TESTS, CHECKPOINT]
    other = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.split()
    assert other == [fingerprint(part) for part in demo_parts()]
    assert len(set(other)) == 3 and {len(digest) for digest in other} == {40}


def test_the_dtype_counts():
    import torch

    half = load_checkpoint(CHECKPOINT, device="cpu", dtype=torch.bfloat16)[0]
    assert fingerprint(half) != fingerprint(demo_parts()[0])


def test_every_patch_counts_in_order():
    model = demo_parts()[0]
    first, second = random_lora(model, None, seed=1), random_lora(model, None, seed=2)

    def stacked(*patches):
        part = model
        for tensors, strength in patches:
            part, _ = apply_lora(part, None, tensors, strength, 0.0)
        return fingerprint(part)

    digests = [
        fingerprint(model),
        stacked((first, 0.5)),
        stacked((first, 0.6)),
        stacked((second, 0.5)),
        stacked((first, 0.5), (second, 0.5)),
        stacked((second, 0.5), (first, 0.5)),
    ]
    assert len(set(digests)) == len(digests)
    assert stacked((first, 0.5)) == digests[1]


def test_using_patches_leaves_the_fingerprint_of_the_base():
    model, clip, vae = load_like_demo()
    patched, _ = apply_lora(model, None, random_lora(model, None, seed=1), 0.5, 0.0)
    patched.ready()
    # The digest of the weights is first taken here, while the patch is in them.
    assert fingerprint(model) == fingerprint(demo_parts()[0])


def load_like_demo():
    return load_checkpoint(CHECKPOINT, device="cpu")


class Patcher:
    """As much of ComfyUI's ModelPatcher as a fingerprint reads."""

    backup, patches, object_patches, model_options = {}, {}, {}, {}

    def __init__(self, weights, additional_models=None, attachments=None):
        self.model = torch.nn.Module()
        for name, value in weights.items():
            module = torch.nn.Linear(2, 2, bias=False)
            module.weight.data.fill_(value)
            self.model.add_module(name, module)
        self.additional_models, self.attachments = additional_models or {}, attachments or {}

    def model_dtype(self):
        return torch.float32


def test_what_comfyui_leaves_unset_in_clip_does_not_count():
    """A checkpoint without CLIP's pooled projection, whose memory is another in every process of ComfyUI."""
    pairs = ((1, 1), (2, 1), (1, 2))
    digests = [patcher_digest(Patcher({"text_projection": a, "other": b})) for a, b in pairs]
    assert digests[0] == digests[1] != digests[2]


def test_a_motion_module_counts_by_its_weights_and_what_is_set_in_it():
    class Attachment:
        def __init__(self, scale, current):
            self.scale_multival, self.current_scale = scale, current

    def digest(weight, scale, current=None):
        module = Patcher({"motion": weight}, attachments={"ADE": Attachment(scale, current)})
        return patcher_digest(Patcher({"unet": 1}, additional_models={"ADE": [module]}))

    assert digest(1, 0.5) == digest(1, 0.5, current=0.7)
    assert len({digest(1, 0.5), digest(2, 0.5), digest(1, 0.6), patcher_digest(Patcher({"unet": 1}))}) == 4
