import pytest
import torch

from songreel.nodes.base import types
from songreel.nodes.render import interpolate, model_inputs, plan


def noise(seed):
    return torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(seed))


def test_ends_are_exact():
    a, b = noise(1), noise(2)
    assert torch.equal(interpolate.slerp(a, b, 0.0, dim=(1, 2, 3)), a)
    assert torch.equal(interpolate.slerp(a, b, 1.0, dim=(1, 2, 3)), b)


@pytest.mark.parametrize("t", [0.1, 0.25, 0.5, 0.9])
def test_noise_keeps_its_length(t):
    a, b = noise(1), noise(2)
    mixed = interpolate.slerp(a, b, t, dim=(1, 2, 3))
    expected = (1 - t) * a.norm() + t * b.norm()
    assert mixed.norm().item() == pytest.approx(expected.item(), rel=1e-5)


def test_angle_grows_linearly():
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    mixed = interpolate.slerp(a, b, 1 / 3, dim=1)
    assert torch.atan2(mixed[0, 1], mixed[0, 0]).item() == pytest.approx(torch.pi / 6, abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, -1.0, 0.0, 2.0])
def test_parallel_opposite_and_zero_vectors_stay_finite(scale):
    a = noise(3)
    mixed = interpolate.slerp(a, a * scale, 0.5, dim=(1, 2, 3))
    assert torch.isfinite(mixed).all()
    assert torch.allclose(mixed, a * (1 + scale) / 2, atol=1e-6)


def test_tokens_are_independent():
    a, b = torch.randn(1, 77, 16), torch.randn(1, 77, 16)
    mixed = interpolate.slerp(a, b, 0.3, dim=2)
    alone = interpolate.slerp(a[:, 5:6], b[:, 5:6], 0.3, dim=2)
    assert torch.allclose(mixed[:, 5:6], alone, atol=1e-6)


def test_repeated_tokens_do_not_change_attention():
    query, keys, values = torch.randn(1, 1, 9, 16), torch.randn(1, 77, 16), torch.randn(1, 77, 16)
    once = torch.nn.functional.scaled_dot_product_attention(query, keys[:, None], values[:, None])
    twice = torch.nn.functional.scaled_dot_product_attention(
        query,
        interpolate.repeat_tokens(keys, 231)[:, None],
        interpolate.repeat_tokens(values, 231)[:, None],
    )
    assert torch.allclose(once, twice, atol=1e-6)
    assert interpolate.common_tokens([keys, torch.randn(1, 154, 16), torch.randn(1, 231, 16)]) == 462


def test_the_persons_placeholder_is_filled_in_where_prompts_are_encoded():
    story = types.Story(
        (types.Shot(0, 1, "a portrait of {PERSON} at dawn", "text"), types.Shot(1, 2, "the sea", "text"))
    )
    encoded = []

    class Host:
        def encode_text(self, clip, text):
            encoded.append(text)
            return torch.zeros(1, 77, 768)

    settings = plan.RenderSettings(64, 64, 1, 1.0, "euler", "normal", 0)
    material = model_inputs.ModelInputs(Host(), None, story, settings)
    assert sorted(encoded) == ["a portrait of a person at dawn", "text", "the sea"]
    assert material.prompts(0)[0][0].shape == (1, 77, 768)
