import subprocess
import sys
from pathlib import Path

from demo_parts import demo_parts
from random_lora import random_lora

from headless.demo_model import CHECKPOINT
from headless.sd.checkpoint import load_checkpoint
from headless.sd.lora import apply_lora
from headless.sd.parts import fingerprint

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
    command = [sys.executable, "-c", SCRIPT, Path(__file__).parent, CHECKPOINT]
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
