"""Training: names, determinism, resume, learning, refusals. On the demo model, whose UNet is SD1.5's in small."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from headless.demo.subject import LOOKS, DemoSubject
from headless.demo_model import CHECKPOINT
from headless.host import HeadlessHost, Interrupted
from songreel.nodes.base.errors import InputError
from songreel.nodes.person.identity import lora as lora_module
from songreel.nodes.person.identity import material as material_module
from songreel.nodes.person.identity import run
from songreel.nodes.person.identity import settings as settings_module
from songreel.nodes.person.identity import subject as subject_module
from songreel.nodes.person.identity import train as train_module
from support.paths import ROOT
from support.training import TINY

Settings = settings_module.TrainSettings


@pytest.fixture
def host(tmp_path):
    host = HeadlessHost(tmp_path)
    (tmp_path / "models" / "loras").mkdir(parents=True)
    return host


@pytest.fixture(scope="module")
def subject():
    return DemoSubject("zuva").training_subject(128)


def train(host, subject, settings=TINY, **more):
    with torch.inference_mode():
        return run.train_lora(host, subject, CHECKPOINT, settings, **more)


def test_file_has_kohyas_names_and_says_what_it_is(host, subject):
    from songreel.nodes.base.media.files import file_digest

    done = train(host, subject, Settings(**(vars(TINY) | {"text_encoder": True, "layers": settings_module.ALL_LAYERS})))
    tensors, metadata = load_file(done.path), lora_module.read_metadata(done.path)
    pattern = r"lora_(unet|te)_\w+\.(lora_down\.weight|lora_up\.weight|alpha)"
    assert all(re.fullmatch(pattern, key) for key in tensors)
    assert "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight" in tensors
    assert any("resnets_0_conv1" in key for key in tensors)
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    assert {float(value) for key, value in tensors.items() if key.endswith("alpha")} == {2.0}
    assert metadata["ss_network_dim"] == "4" and metadata["modelspec.trigger_phrase"] == "zuva person"
    assert metadata["ss_new_sd_model_hash"] == file_digest(CHECKPOINT)
    assert metadata["songreel.record"] == "drawn"
    assert done.lora.name == f"songreel/{done.path.name}"


def test_every_key_reaches_a_layer_of_the_headless_host(host, subject, caplog):
    from support.demo_parts import demo_parts

    model, clip, _ = demo_parts()
    done = train(host, subject, Settings(**(vars(TINY) | {"text_encoder": True})))
    changed, changed_clip = host.apply_lora(model, clip, done.path, 1.0, 1.0)
    assert not caplog.records
    assert changed.patches and changed_clip.patches


def test_same_seed_gives_the_same_bytes_and_is_found_again(tmp_path, subject):
    files = []
    for name in ("a", "b"):
        host = HeadlessHost(tmp_path / name)
        (tmp_path / name / "models" / "loras").mkdir(parents=True)
        done = train(host, subject)
        assert done.made and not train(host, subject).made
        files.append(done.path.read_bytes())
    assert files[0] == files[1]
    other = train(host, subject, Settings(**(vars(TINY) | {"seed": 1})))
    assert other.path.read_bytes() != files[0]


def test_cancelled_training_goes_on_to_the_same_file(tmp_path, subject):
    whole = HeadlessHost(tmp_path / "whole")
    stopped = HeadlessHost(tmp_path / "stopped")
    for host in (whole, stopped):
        (host.root / "models" / "loras").mkdir(parents=True)
    checks = iter([False] * 7 + [True] * 100)

    def interrupt():
        if stopped.node_checks and next(checks):
            raise Interrupted

    stopped.node_checks = False
    progress = stopped.progress
    stopped.check_interrupt = interrupt

    def counting(total):
        stopped.node_checks = True
        return progress(total)

    stopped.progress = counting
    with pytest.raises(Interrupted):
        train(stopped, subject)
    assert not list((stopped.root / "models").rglob("*.safetensors*"))
    (state,) = stopped.private_dir().rglob("state.pt")
    assert 0 < torch.load(state, weights_only=True)["step"] < TINY.steps
    del stopped.check_interrupt
    assert train(stopped, subject).path.read_bytes() == train(whole, subject).path.read_bytes()


@pytest.mark.slow
def test_killed_training_goes_on_to_the_same_file(tmp_path, subject):
    script = (
        "import os, sys, torch; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/tests/person']\n"
        "sys.path.append(sys.argv[1] + '/tests')\n"
        "from headless.host import HeadlessHost; import test_identity as t; from pathlib import Path\n"
        "host = HeadlessHost(Path(sys.argv[2])); subject = t.DemoSubject('zuva').training_subject(128)\n"
        "from songreel.nodes.person.identity import train; train.SAVE_EVERY = 1\n"
        "live = t.run.live\n"
        "t.run.live = lambda node, done, *rest: os.kill(os.getpid(), 9) if done == 5 else live(node, done, *rest)\n"
        "t.train(host, subject)\n"
    )
    files = []
    for name in ("killed", "whole"):
        host = HeadlessHost(tmp_path / name)
        (tmp_path / name / "models" / "loras").mkdir(parents=True)
        if name == "killed":
            done = subprocess.run([sys.executable, "-c", script, str(ROOT), str(tmp_path / name)], capture_output=True)
            assert done.returncode == -9, done.stderr[-2000:]
        files.append(train(host, subject).path.read_bytes())
    assert files[0] == files[1]


def test_loss_on_a_fixed_batch_falls(host, subject):
    settings = Settings(
        **(vars(TINY) | {"steps": 60, "learning_rate": 3e-3, "class_pictures": 0, "validate_every": 20})
    )
    curve = train(host, subject, settings).curve
    losses = [entry[1] for entry in curve.validation]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
def test_loss_on_one_batch_falls_at_every_step_on_sd15(monkeypatch):
    """Over-fit on a thin SD1.5 with random weights: 64x64 pixels, always the same latent, noise and time."""
    from songreel.nodes.diffusion.sd15 import checkpoint as sd15
    from songreel.nodes.diffusion.sd15.frozen import freeze_layers
    from songreel.nodes.person.identity import adapter, material
    from songreel.nodes.person.identity import train as trainer
    from support.random_sd15 import thin_sd15, thin_widths

    settings = Settings(
        steps=12, rank=16, alpha=16.0, learning_rate=2e-4, resolution=64, warmup=0, min_snr=0.0, caption_dropout=0.0
    )
    thin_widths(monkeypatch)
    unet = sd15.load_part(sd15.CheckpointFile(thin_sd15()), "unet")
    freeze_layers(unet)
    parameters = adapter.add_adapter(unet, "unet", settings)
    generator = torch.Generator().manual_seed(1)
    latent, noise, prompt = (
        torch.randn(shape, generator=generator) for shape in ((1, 4, 8, 8), (1, 4, 8, 8), (1, 77, 768))
    )
    prompts = material.Prompts(("",), torch.zeros(1, 77, dtype=torch.long), prompt)
    single = material.Material(prompts, latent, (0,), 1, latent[:0], ())

    class OneBatch(trainer.Trainer):
        def _draw(self, generator):
            return self._latents, [0], noise, torch.tensor([400])

        def _validate(self):
            self.curve.validation.append((self.step, 0.0, 0.0))

    one = OneBatch(
        unet, None, {"unet": adapter.trained(unet)}, single, settings,
        torch.optim.AdamW(parameters, lr=settings.learning_rate),
    )  # fmt: skip
    for _ in range(settings.steps):
        one._one_step()
    losses = one.curve.losses
    assert all(later < earlier for earlier, later in zip(losses[:-1], losses[1:], strict=True)), losses
    assert losses[-1] < 0.9 * losses[0], losses


def test_the_subject_holds_a_name_and_no_picture():
    from songreel.nodes.base.types import IdentityRef

    assert DemoSubject("milo").to_json() == {"type": "DEMO_SUBJECT", "version": 1, "look": "milo"}
    with pytest.raises(InputError, match="zuva, milo, got 'me.jpg'"):
        DemoSubject("me.jpg")
    with pytest.raises(InputError, match="another type"):
        IdentityRef.of(DemoSubject("milo").to_json())
    assert set(LOOKS) == {"zuva", "milo"}


class Faces:
    """Sees one face in the middle of a picture unless told otherwise."""

    def __init__(self, missing=None, other=None):
        self.missing, self.other, self.count = missing, other, 0

    def detect(self, picture):
        self.count += 1
        height, width = picture.shape[:2]
        box = (0.4 * width, 0.3 * height, 0.6 * width, 0.6 * height)
        return [] if self.count == self.missing else [type("Face", (), {"box": box})]

    def describe(self, picture, face):
        return np.full(4, 9.0 if self.count == self.other else 0.0)


def coloured(size=200):
    return np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("pictures", "faces", "message"),
    [
        ([], {}, "from 7 pictures, got 0"),
        ([coloured()], {}, "from 7 pictures, got 1"),
        ([coloured()] * 6, {}, "from 7 pictures, got 6"),
        ([coloured()] * 7, {"missing": 3}, "Picture 3 shows no face"),
        ([coloured()] * 7, {"other": 5}, "1 and 5 show different people"),
        ([coloured()] * 6 + [coloured(40)], {}, "Picture 7 is 40x40, too small"),
        ([np.broadcast_to(coloured(1), (9000, 200, 3))] * 7, {}, "Picture 1 is 200x9000, too large"),
        ([coloured().mean(2, keepdims=True).repeat(3, 2).astype(np.uint8)] * 7, {}, "Picture 1 is grey"),
        ([coloured()[:, :, 0]] * 7, {}, "not RGB"),
        ([b"no picture"] * 7, {}, "Picture 1 cannot be read"),
    ],
    ids=["0", "1", "6", "no face", "another person", "tiny", "huge", "grey", "one channel", "corrupt"],
)
def test_bad_pictures_get_one_sentence(pictures, faces, message):
    with pytest.raises(InputError, match=message):
        subject_module.checked_pictures(pictures, Faces(**faces))


def test_crops_are_square_round_the_face():
    crops = subject_module.checked_pictures([coloured(400)] * 7, Faces())
    assert {crop.shape for crop in crops} == {(285, 285, 3)}


def test_wrong_base_is_refused_and_leaves_nothing(host, subject, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "xl.safetensors"
    save_file({"conditioner.embedders.0.weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="it is an SDXL checkpoint; use an SD1.5 one"):
        run.train_lora(host, subject, path, TINY)
    assert not list((host.root / "models").rglob("*.safetensors*"))


def nothing_in_models(host):
    return not [path for path in (host.root / "models").rglob("*") if path.is_file()]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(host, subject, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(InputError, match="MB are needed"):
        train(host, subject)
    assert nothing_in_models(host)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="NO /dev/full: a full disk cannot be tried")
@pytest.mark.parametrize(
    "module", [train_module, material_module, lora_module], ids=["state", "class pictures", "file"]
)
def test_whatever_meets_the_full_disk_says_so(host, subject, monkeypatch, module):
    """Writes go to a device that answers every byte with "no space left"."""

    @contextlib.contextmanager
    def full(path):
        yield Path("/dev/full")

    monkeypatch.setattr(module, "atomic_path", full)
    with pytest.raises(InputError, match="The disk of the work folder is full"):
        train(host, subject, Settings(**(vars(TINY) | {"steps": 2, "seed": 3})))
    assert nothing_in_models(host)


def allocate_too_much(trainer):
    torch.empty(2**50)


def cuda_has_too_little(trainer):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def python_has_too_little(trainer):
    raise MemoryError


@pytest.mark.parametrize("fail", [allocate_too_much, cuda_has_too_little, python_has_too_little])
def test_too_little_memory_is_one_sentence_of_advice_and_leaves_nothing(host, subject, monkeypatch, fail):
    from songreel.nodes.person.identity.train import Trainer

    step = Trainer._one_step
    monkeypatch.setattr(Trainer, "_one_step", lambda self: fail(self) if self.step == 2 else step(self))
    settings = Settings(**(vars(TINY) | {"seed": 5, "batch_size": 2}))
    with pytest.raises(InputError, match="^Memory did not suffice .*set memory to save .*lower batch_size from 2"):
        train(host, subject, settings)
    assert nothing_in_models(host)
    (state,) = host.private_dir().rglob("state.pt")
    assert torch.load(state, weights_only=True)["step"] == 2


def test_another_failure_stays_what_it_is(host, subject, monkeypatch):
    from songreel.nodes.person.identity.train import Trainer

    def fail(self):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Trainer, "_one_step", fail)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train(host, subject, Settings(**(vars(TINY) | {"seed": 6})))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_weights_in_fewer_bits_learn_nearly_the_same(tmp_path, subject, precision):
    curves = {}
    for name in ("float32", precision):
        host = HeadlessHost(tmp_path / name)
        (tmp_path / name / "models" / "loras").mkdir(parents=True)
        done = train(host, subject, Settings(**(vars(TINY) | {"precision": name, "class_pictures": 0})))
        assert done.report["precision"] == name
        curves[name] = np.array(done.curve.losses)
    assert np.abs(curves[precision] / curves["float32"] - 1).max() < 0.03


def test_frozen_weights_lie_as_in_the_file_and_learn_the_same(tmp_path, subject, monkeypatch):
    """The demo model's file is float16: half the memory, and the arithmetic and its results are those of float32."""
    from songreel.nodes.person.identity import run

    monkeypatch.setattr(run, "_SMALL", 0)
    made = {}
    for memory in ("auto", "plenty"):
        host = HeadlessHost(tmp_path / memory)
        (tmp_path / memory / "models" / "loras").mkdir(parents=True)
        done = train(host, subject, Settings(**(vars(TINY) | {"memory": memory, "precision": "float32"})))
        assert done.report["precision"] == done.report["arithmetic"] == "float32"
        assert done.report["weights_kept_in"] == {"auto": "float16", "plenty": "float32"}[memory]
        made[memory] = load_file(done.path)
    for key, value in made["plenty"].items():
        torch.testing.assert_close(made["auto"][key], value, rtol=1e-3, atol=1e-5)


def test_gradient_checkpointing_gives_the_same_file(tmp_path, subject):
    files = []
    for memory in ("plenty", "save"):
        host = HeadlessHost(tmp_path / memory)
        (tmp_path / memory / "models" / "loras").mkdir(parents=True)
        settings = Settings(**(vars(TINY) | {"memory": memory, "precision": "float32"}))
        done = train(host, subject, settings)
        assert done.report["gradient_checkpointing"] == (memory == "save")
        files.append(load_file(done.path))
    assert all(torch.equal(files[0][key], files[1][key]) for key in files[0])


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 0), ("rank", 300), ("resolution", 100), ("layers", "some"), ("dropout", 2.0)]
)
def test_bad_settings_name_the_parameter_and_the_value(name, value):
    with pytest.raises(InputError, match=f"{name} must be .*{value}"):
        Settings(**{name: value})


def test_a_changed_or_missing_lora_is_refused(host, subject):
    done = train(host, subject)
    assert lora_module.verified(host, json.loads(done.lora.to_text())).words == "zuva person"
    done.path.write_bytes(done.path.read_bytes()[:-4] + b"abcd")
    with pytest.raises(InputError, match="not the one that was trained"):
        lora_module.verified(host, done.lora)
    done.path.unlink()
    with pytest.raises(InputError, match="There is no model"):
        lora_module.verified(host, done.lora)
