"""In ComfyUI a MODEL with a likeness asks for leave before every estimate, in the core's sampler and in ours."""

import json
import subprocess

import pytest

from support.comfyui import find_comfyuis
from support.paths import ROOT, SUPPORT
from support.random_sd15 import thin_sd15

SAID = "The consent was taken back."


@pytest.mark.slow
@pytest.mark.comfyui
@pytest.mark.parametrize("version", (0, 1), ids=("the ComfyUI found", "ComfyUI 0.8"))
def test_no_step_is_taken_once_the_leave_has_ended(version, tmp_path):
    found = find_comfyuis()
    if len(found) <= version:
        pytest.skip("NO COMFYUI FOUND: permits are not tried in it; set COMFYUI_DIR, or install ~/ComfyUI-0.8")
    comfyui, python = found[version]
    command = [python, SUPPORT / "comfy_permits.py", comfyui, thin_sd15(), ROOT]
    run = subprocess.run(
        list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["same_fingerprint"] and told["permits"] == [[], ["person"]] and told["kept_by_clones"] == 1
    assert told["core"] == [SAID, 3] and told["ours"] == [SAID, 3]
    assert told["without"] == [1, 4, 8, 8]
