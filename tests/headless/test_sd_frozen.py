"""Layers that are not trained: the same outputs and gradients, in fewer bits where asked."""

import pytest
import torch

from songreel.nodes.diffusion.sd15 import frozen


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = [
        torch.nn.Conv2d(4, 16, 3, padding=1),
        torch.nn.SiLU(),
        torch.nn.Conv2d(16, 32, 3, stride=2, padding=1),
        torch.nn.GroupNorm(4, 32),
        torch.nn.Conv2d(32, 8, 1, bias=False),
        torch.nn.Flatten(2),
        torch.nn.Linear(16, 8),
    ]
    return torch.nn.Sequential(*layers).requires_grad_(False)


def result(module: torch.nn.Module, batch: int):
    x = torch.randn(batch, 4, 8, 8, generator=torch.Generator().manual_seed(1)).requires_grad_()
    y = module(x)
    return y.detach(), torch.autograd.grad((y**2).sum(), x)[0]


@pytest.mark.parametrize("batch", [1, 3])
def test_products_give_what_convolutions_give(batch, monkeypatch):
    monkeypatch.setattr(frozen, "_MANY_WEIGHTS", 600)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    module = network()
    expected = result(module, batch)
    assert frozen.freeze_layers(module) == 1
    assert "forward" in vars(module[2]) and "forward" not in vars(module[0])
    for got, wanted in zip(result(module, batch), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def test_nothing_changes_where_convolutions_are_fast(monkeypatch):
    monkeypatch.setattr(frozen, "_MANY_WEIGHTS", 600)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    module = network()
    assert frozen.freeze_layers(module) == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_fewer_bits_compute_in_float32(dtype):
    module, halved = network(), network().to(dtype)
    rounded = network()
    rounded.load_state_dict({name: value.to(dtype).float() for name, value in module.state_dict().items()})
    assert frozen.freeze_layers(halved) == 4
    kept = {name: value.dtype for name, value in halved.named_parameters()}
    assert {kept[name] for name in ("0.weight", "2.weight", "4.weight", "6.weight")} == {dtype}
    assert {value for name, value in kept.items() if name.endswith("bias") or name.startswith("3.")} == {torch.float32}
    for got, wanted in zip(result(halved, 2), result(rounded, 2), strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def test_adapters_learn_the_same_on_top(monkeypatch):
    from diffusers import UNet2DConditionModel

    from songreel.nodes.person.identity import adapter, settings

    monkeypatch.setattr(frozen, "_MANY_WEIGHTS", 3000)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    gradients = []
    for change in (False, True):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            block_out_channels=(16, 32),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=24,
            attention_head_dim=2,
            norm_num_groups=4,
        ).requires_grad_(False)
        if change:
            assert frozen.freeze_layers(unet) > 5
        adapter.add_adapter(unet, "unet", settings.TrainSettings(rank=2, layers=settings.ALL_LAYERS))
        for name, value in adapter.trained(unet).items():
            if ".lora_B." in name:
                value.data.fill_(0.01)
        generator = torch.Generator().manual_seed(2)
        x, prompt = (torch.randn(shape, generator=generator) for shape in ((1, 4, 8, 8), (1, 7, 24)))
        unet(x, torch.tensor([5]), prompt, return_dict=False)[0].square().mean().backward()
        gradients.append({name: value.grad for name, value in adapter.trained(unet).items()})
    assert gradients[0].keys() == gradients[1].keys()
    for name, wanted in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], wanted, rtol=1e-3, atol=1e-6)
