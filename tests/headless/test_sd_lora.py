import logging

import pytest
import torch
from safetensors.torch import save_file

from headless.sd.lora import apply_lora
from headless.sd.parts import fingerprint
from headless.sd.sampling import sample
from headless.sd.text import encode_text
from songreel.nodes.base.errors import InputError
from songreel.nodes.host.port import Sampling
from support.demo_parts import demo_parts
from support.random_lora import random_lora

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
KOHYA = "lora_unet_" + LAYER.replace(".", "_")


def weight(part, layer=LAYER):
    return part.ready().get_parameter(f"{layer}.weight").clone()


def picture(model, clip):
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    positive, negative = encode_text(clip, "a fox"), encode_text(clip, "")
    return sample(model, noise, positive, negative, Sampling(steps=2, cfg=4.0, sampler="euler", scheduler="normal"))


@pytest.fixture
def tensors():
    return random_lora(*demo_parts()[:2], seed=1)


def test_a_lora_adds_its_product_times_alpha_over_rank(tensors):
    model, clip, _ = demo_parts()
    base = weight(model)
    patched, _ = apply_lora(model, clip, tensors, 0.7, 1.0)
    up, down = tensors[f"{KOHYA}.lora_up.weight"], tensors[f"{KOHYA}.lora_down.weight"]
    torch.testing.assert_close(weight(patched), base + 0.7 * 2.0 / 4 * up @ down)
    conv = "down_blocks.0.resnets.0.conv1"
    key = "lora_unet_" + conv.replace(".", "_")
    change = tensors[f"{key}.lora_up.weight"].flatten(1) @ tensors[f"{key}.lora_down.weight"].flatten(1)
    expected = weight(model, conv) + 0.7 * 0.5 * change.reshape(weight(model, conv).shape)
    torch.testing.assert_close(weight(patched, conv), expected)


def test_applied_again_it_adds_up_so_that_a_schedule_can_change_its_strength(tensors):
    model, clip, _ = demo_parts()
    at_one, _ = apply_lora(model, clip, tensors, 1.0, 1.0)
    less, none = apply_lora(at_one, None, tensors, -0.65, 0.0)
    assert none is None
    torch.testing.assert_close(weight(less), weight(apply_lora(model, clip, tensors, 0.35, 1.0)[0]))


def test_every_layer_of_both_parts_is_reached(tensors, caplog):
    model, clip, _ = demo_parts()
    with caplog.at_level(logging.WARNING):
        patched_model, patched_clip = apply_lora(model, clip, tensors, 1.0, 1.0)
    assert not caplog.records
    assert len(patched_model.patches[0].layers) + len(patched_clip.patches[0].layers) == len(tensors) // 3
    assert not torch.allclose(encode_text(patched_clip, "a fox"), encode_text(clip, "a fox"))


def test_the_base_comes_back_bit_for_bit(tensors):
    model, clip, _ = demo_parts()
    before = picture(model, clip)
    changed = picture(*apply_lora(model, clip, tensors, 0.5, 0.5))
    assert not torch.allclose(changed, before)
    assert torch.equal(picture(model, clip), before)
    assert torch.equal(picture(*apply_lora(model, clip, tensors, 0.5, 0.5)), changed)


def test_inside_inference_mode():
    from headless.demo_model import CHECKPOINT
    from headless.sd.checkpoint import load_checkpoint

    with torch.inference_mode():
        model, clip, _ = load_checkpoint(CHECKPOINT, device="cpu")
        lora = random_lora(model, clip, seed=1)
        before = picture(model, clip)
        changed = picture(*apply_lora(model, clip, lora, 0.5, 0.5))
        again = picture(model, clip)
        patched = apply_lora(model, clip, lora, 0.5, 0.5)[0].ready()
    assert torch.equal(before, again) and not torch.equal(before, changed)
    assert not any(parameter.is_inference() for parameter in patched.parameters())


def test_loras_stack(tensors):
    model, clip, _ = demo_parts()
    other = random_lora(model, None, seed=2)
    base = weight(model)
    first, _ = apply_lora(model, clip, tensors, 0.6, 0.0)
    second, _ = apply_lora(model, None, other, -0.3, 0.0)
    both, _ = apply_lora(first, None, other, -0.3, 0.0)
    torch.testing.assert_close(weight(both) - base, weight(first) - base + weight(second) - base, rtol=1e-4, atol=1e-6)
    assert len(first.patches) == 1 and len(both.patches) == 2 and model.patches == ()


def test_a_strength_of_zero_leaves_the_part_alone(tensors):
    model, clip, _ = demo_parts()
    patched_model, patched_clip = apply_lora(model, clip, tensors, 0.0, 1.0)
    assert patched_model is model and patched_clip is not clip


def test_a_file_and_its_tensors_do_the_same(tensors, tmp_path):
    model, clip, _ = demo_parts()
    save_file(tensors, tmp_path / "l.safetensors")
    from_file = apply_lora(model, clip, tmp_path / "l.safetensors", 0.5, 0.5)
    from_dict = apply_lora(model, clip, tensors, 0.5, 0.5)
    assert [fingerprint(part) for part in from_file] == [fingerprint(part) for part in from_dict]
    assert torch.equal(picture(*from_file), picture(*from_dict))


@pytest.mark.parametrize(
    "name, ends",
    [
        (KOHYA, (".lora_down.weight", ".lora_up.weight")),
        (f"unet.{LAYER}", (".lora_A.weight", ".lora_B.weight")),
        (f"unet.{LAYER}", (".lora.down.weight", ".lora.up.weight")),
        (f"base_model.model.{LAYER}", (".lora_A.weight", ".lora_B.weight")),
        (f"base_model.model.{LAYER}", (".lora_A.default.weight", ".lora_B.default.weight")),
        (f"diffusion_model.{LAYER}", (".lora_A.weight", ".lora_B.weight")),
    ],
)
def test_names(name, ends, tensors):
    model = demo_parts()[0]
    down, up = (tensors[f"{KOHYA}.lora_{which}.weight"] for which in ("down", "up"))
    patched, _ = apply_lora(model, None, {name + ends[0]: down, name + ends[1]: up}, 1.0, 0.0)
    torch.testing.assert_close(weight(patched), weight(model) + up @ down)


@pytest.mark.parametrize("prefix", ["lora_te_text_model_", "lora_te1_text_model_", "text_encoder.text_model."])
def test_names_of_the_text_encoder(prefix):
    clip = demo_parts()[1]
    layer = "encoder.layers.0.self_attn.q_proj"
    name = prefix + (layer if prefix.endswith(".") else layer.replace(".", "_"))
    lora = {f"{name}.lora_down.weight": torch.ones(1, 64), f"{name}.lora_up.weight": torch.ones(64, 1)}
    _, patched = apply_lora(None, clip, lora, 0.0, 1.0)
    assert len(patched.patches[0].layers) == 1


def test_a_core_between_two_projections():
    model = demo_parts()[0]
    conv = "down_blocks.0.resnets.0.conv1"
    name = "lora_unet_" + conv.replace(".", "_")
    generator = torch.Generator().manual_seed(3)
    up, mid, down = (torch.randn(shape, generator=generator) for shape in ((32, 2, 1, 1), (2, 3, 3, 3), (3, 32, 1, 1)))
    lora = {f"{name}.lora_{part}.weight": t for part, t in (("up", up), ("mid", mid), ("down", down))}
    patched, _ = apply_lora(model, None, lora, 1.0, 0.0)
    x = torch.randn(1, 32, 6, 6, generator=generator)
    change = weight(patched, conv) - weight(model, conv)
    steps = torch.conv2d(torch.conv2d(torch.conv2d(x, down), mid, padding=1), up)
    torch.testing.assert_close(torch.conv2d(x, change, padding=1), steps, rtol=1e-3, atol=1e-3)


def test_half_precision_files(tensors):
    model = demo_parts()[0]
    half = {name: tensor.half() for name, tensor in tensors.items()}
    change = weight(apply_lora(model, None, half, 1.0, 0.0)[0]) - weight(model)
    full = weight(apply_lora(model, None, tensors, 1.0, 0.0)[0]) - weight(model)
    assert float((change - full).norm() / full.norm()) < 1e-3


def test_keys_without_a_place_are_warned_of(tensors, caplog):
    model, clip, _ = demo_parts()
    more = tensors | {
        "lora_unet_nowhere.lora_down.weight": torch.ones(1, 4),
        "lora_unet_nowhere.lora_up.weight": torch.ones(4, 1),
    }
    with caplog.at_level(logging.WARNING):
        apply_lora(model, clip, more, 1.0, 1.0)
    assert "1 layers" in caplog.text


WIDE = {f"{KOHYA}.lora_down.weight": torch.ones(4, 320), f"{KOHYA}.lora_up.weight": torch.ones(320, 4)}


@pytest.mark.parametrize(
    "tensors, message",
    [
        ({"x": torch.ones(1)}, "holds no LoRA"),
        (
            {"lora_unet_x.lora_down.weight": torch.ones(1, 4), "lora_unet_x.lora_up.weight": torch.ones(4, 1)},
            "lora_unet_x",
        ),
        (WIDE, "320x320 where the model has 80x80"),
        ({f"{KOHYA}.lora_down.weight": torch.ones(4, 80)}, "without"),
        ({f"{KOHYA}.hada_w1_a": torch.ones(1)}, "LoHa"),
        ({f"{KOHYA}.lokr_w1": torch.ones(1)}, "LoKr"),
        (WIDE | {f"{KOHYA}.dora_scale": torch.ones(1)}, "DoRA"),
    ],
)
def test_what_does_not_fit_is_refused(tensors, message):
    with pytest.raises(InputError, match=message):
        apply_lora(*demo_parts()[:2], tensors, 1.0, 1.0)


@pytest.mark.parametrize(
    "content, message", [(None, "no LoRA 'l.safetensors'"), (b"PK\x03\x04", "pickle"), (b"abc", "not a complete")]
)
def test_files_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "l.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        apply_lora(*demo_parts()[:2], path, 1.0, 1.0)


OUT = LAYER.removesuffix("to_q") + "to_out.0"
TEXT = "text_model.encoder.layers.0.self_attn"


def _pair(name, up="lora_up", down="lora_down"):
    size = demo_parts()[0].ready().get_parameter(f"{LAYER}.weight").shape[0]
    return {f"{name}.{up}.weight": torch.ones(size, 2) * 0.01, f"{name}.{down}.weight": torch.ones(2, size) * 0.01}


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        (f"unet.{LAYER.removesuffix('.to_q')}.processor.to_q_lora", LAYER),
        (f"{LAYER.removesuffix('.to_q')}.processor.to_q_lora", LAYER),
        (f"unet.{LAYER.removesuffix('.to_q')}.processor.to_out_lora", OUT),
        (f"unet.{LAYER.removesuffix('.to_q')}.processor.to_k_lora", LAYER.replace("to_q", "to_k")),
        (f"unet.{LAYER.removesuffix('.to_q')}.processor.to_v_lora", LAYER.replace("to_q", "to_v")),
    ],
)
def test_diffusers_old_names(name, layer):
    model, clip, _ = demo_parts()
    patched, _ = apply_lora(model, clip, _pair(name, "up", "down"), 1.0, 1.0)
    change = (weight(patched, layer) - weight(model, layer)).abs()
    assert float(change.max()) == pytest.approx(2e-4, rel=1e-2) and float(change.min()) > 0


@pytest.mark.parametrize(
    ("tensors", "part"),
    [
        ({f"{KOHYA}.diff_b": torch.ones(2)}, "change of full weights"),
        ({f"{KOHYA}.a1.weight": torch.ones(2, 2), f"{KOHYA}.b1.weight": torch.ones(2, 2)}, "GLoRA"),
        ({f"unet.{LAYER}.lora_magnitude_vector.default.weight": torch.ones(2)}, "DoRA"),
        ({f"{KOHYA}.on_input": torch.ones(1)}, "IA3"),
        (
            {
                f"{KOHYA}.lora_up.weight": torch.full((2, 2), float("inf")),
                f"{KOHYA}.lora_down.weight": torch.ones(2, 2),
            },
            "NaN or infinite",
        ),
    ],
)
def test_other_kinds_are_named(tensors, part):
    model, clip, _ = demo_parts()
    with pytest.raises(InputError, match=part):
        apply_lora(model, clip, tensors, 1.0, 1.0)


@pytest.mark.parametrize(
    "foreign",
    [
        "lora_unet_double_blocks_0_img_attn_qkv", "transformer.transformer_blocks.0.attn.to_q", "lora_te2_text_model_encoder_layers_0_mlp_fc1",  # noqa: E501
        "lora_unet_input_blocks_4_1_transformer_blocks_9_attn1_to_q", "diffusion_model.layers.0.attention.qkv",
    ],
)  # fmt: skip
def test_a_lora_of_another_model_is_refused_whole(foreign):
    model, clip, _ = demo_parts()
    names = dict(clip.weights.module.named_parameters())
    size = next(value.shape[0] for name, value in names.items() if name.endswith("self_attn.q_proj.weight"))
    known = f"lora_te1_{TEXT.replace('.', '_')}_q_proj"
    tensors = {f"{known}.lora_up.weight": torch.ones(size, 2), f"{known}.lora_down.weight": torch.ones(2, size)}
    with pytest.raises(InputError, match="made for another model than SD1.5"):
        apply_lora(model, clip, tensors | _pair(foreign), 1.0, 1.0)
    _, patched = apply_lora(model, clip, tensors, 1.0, 1.0)
    assert patched is not clip
