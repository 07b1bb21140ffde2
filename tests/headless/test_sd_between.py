"""Rows between keyframes that attend to the ends of their interval."""

import math

import pytest
import torch

from headless.sd.lora import apply_lora
from headless.sd.parts import fingerprint
from headless.sd.sampling import sample
from headless.sd.text import encode_text
from songreel.nodes.base.errors import InputError
from songreel.nodes.host import port as host
from songreel.nodes.host.port import Sampling
from support.demo_parts import demo_parts
from support.random_lora import random_lora
from support.sd_inputs import OPTIONS, noise


@pytest.fixture(scope="module")
def prompts():
    clip = demo_parts()[1]
    return [encode_text(clip, text) for text in ("a red fox", "", "word " * 80)]


# Between keyframes ---------------------------------------------------------------------------------

INTERVAL = OPTIONS | {"between": [0.25, 0.8]}


def interval(prompts):
    """Noise and prompts of two ends and two rows between them."""
    first, second = prompts[:2]
    return noise(4), torch.cat([first, second, 0.75 * first + 0.25 * second, 0.2 * first + 0.8 * second]), first


def spread(a, b):
    return float((a - b).norm() / b.norm())


def plain_attention(layer, query_row, *others):
    """softmax(q k^T / sqrt(d)) v before the last projection, of one row (tokens, width) over the tokens of others."""
    looked_at = torch.cat(others)
    query, key, value = (
        (inputs @ project.weight.T).unflatten(-1, (layer.heads, -1)).transpose(0, 1)
        for inputs, project in ((query_row, layer.to_q), (looked_at, layer.to_k), (looked_at, layer.to_v))
    )
    weights = (query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])).softmax(-1)
    return (weights @ value).transpose(0, 1).flatten(1)


@pytest.mark.parametrize("cfg, chunks", [(1.0, 1), (5.0, 2)])
def test_rows_between_attend_to_the_ends_as_the_formula_has_it(prompts, cfg, chunks):
    model = demo_parts()[0]
    layer = model.weights.module.mid_block.attentions[0].transformer_blocks[0].attn1
    met = []
    handle = layer.register_forward_hook(lambda module, given, result: met.append((given[0], result)))
    try:
        sample(model, *interval(prompts), Sampling(**(INTERVAL | {"cfg": cfg, "steps": 1})))
    finally:
        handle.remove()
    (given, result), project = met[0], layer.to_out[0]
    assert len(met) == 1 and given.shape[0] == 4 * chunks
    for chunk in range(chunks):
        first, second, *between = given[4 * chunk : 4 * chunk + 4]
        expected = [plain_attention(layer, end, end) for end in (first, second)]
        for t, row in zip(INTERVAL["between"], between, strict=True):
            beside = [plain_attention(layer, row, end, row) for end in (first, second)]
            expected.append((1 - t) * beside[0] + t * beside[1])
        expected = torch.stack(expected) @ project.weight.T + project.bias
        torch.testing.assert_close(result[4 * chunk : 4 * chunk + 4], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sampler", host.SAMPLERS)
def test_ends_are_as_without_rows_between_and_those_are_not(prompts, sampler):
    options = INTERVAL | {"sampler": sampler}
    model, (start, positive, negative) = demo_parts()[0], interval(prompts)
    made = sample(model, start, positive, negative, Sampling(**options))
    plain = sample(model, start, positive, negative, Sampling(**(options | {"between": None})))
    assert spread(made[:2], plain[:2]) < 1e-4
    assert min(spread(made[i], plain[i]) for i in (2, 3)) > 0.01
    other = torch.cat([start[:2], noise(2, seed=9)])
    assert torch.equal(sample(model, other, positive, negative, Sampling(**options))[:2], made[:2])


def test_rows_between_do_not_touch_each_other(prompts):
    model, (start, positive, negative) = demo_parts()[0], interval(prompts)
    made = sample(model, start, positive, negative, Sampling(**INTERVAL))
    for i in (2, 3):
        rows = [0, 1, i]
        options = INTERVAL | {"between": [INTERVAL["between"][i - 2]]}
        alone = sample(model, start[rows], positive[rows], negative, Sampling(**options))
        assert spread(alone[2], made[i]) < 1e-4


@pytest.mark.parametrize("change", [{}, {"cfg": 1.0}, {"sampler": "heun", "denoise": 0.5}, {"sampler": "lcm"}])
def test_a_row_at_an_end_and_made_of_it_is_that_end(prompts, change):
    start, positive, negative = interval(prompts)
    rows = [0, 1, 0, 1, 0]
    latent = 4 * noise(2, seed=3)[[0, 1, 0, 1, 0]]
    made = sample(
        demo_parts()[0],
        start[rows],
        positive[rows],
        negative,
        Sampling(latent=latent, **(INTERVAL | {"between": [0, 1, 0.5]} | change)),
    )
    assert spread(made[2], made[0]) < 1e-4 and spread(made[3], made[1]) < 1e-4
    assert spread(made[4], made[0]) > 0.01


@pytest.mark.parametrize("denoise", [0.5, 1.0])
def test_rows_between_with_a_rule_of_ones_own(prompts, denoise):
    options = INTERVAL | {"sampler": "heun", "latent": 4 * noise(4, seed=3), "denoise": denoise}

    def predict(call, x, sigma, evaluate):
        wanted, unwanted = evaluate(True)
        assert spread(evaluate(False)[0], wanted) < 1e-4
        return unwanted + (wanted - unwanted) * options["cfg"]

    rules = (None, predict)
    results = [sample(demo_parts()[0], *interval(prompts), Sampling(**options, predict=rule)) for rule in rules]
    assert spread(*results) < 1e-5


def test_rows_between_with_a_lora(prompts):
    parts = demo_parts()
    model = apply_lora(*parts[:2], random_lora(*parts[:2], rank=4, seed=5), 0.8, 0.6)[0]
    made = [sample(each, *interval(prompts), Sampling(**INTERVAL)) for each in (model, parts[0], model)]
    assert torch.equal(made[0], made[2]) and spread(made[0], made[1]) > 0.01
    plain = sample(model, *interval(prompts), Sampling(**OPTIONS))
    assert spread(made[0][:2], plain[:2]) < 1e-4


def test_the_usual_attention_is_back_afterwards_and_after_a_failure(prompts):
    model = demo_parts()[0]
    before, mark = model.weights.module.attn_processors, fingerprint(model)
    plain = sample(model, *interval(prompts), Sampling(**OPTIONS))
    during = []

    def stop(i, x0):
        during.append(model.weights.module.attn_processors)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(model, *interval(prompts), Sampling(**INTERVAL, on_step=stop))
    changed = {name for name in before if during[0][name] is not before[name]}
    assert changed == {name for name in before if ".attn1." in name} and changed
    sample(model, *interval(prompts), Sampling(**INTERVAL))
    after = model.weights.module.attn_processors
    assert before.keys() == after.keys() and all(after[name] is before[name] for name in before)
    assert torch.equal(sample(model, *interval(prompts), Sampling(**OPTIONS)), plain) and fingerprint(model) == mark


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sampler": "lms"}, "sampler 'lms'"),
        ({"scheduler": "beta"}, "scheduler 'beta'"),
        ({"steps": 0}, "'steps' is 0"),
        ({"noise": torch.zeros(1, 16, 8, 8)}, r"\(1, 16, 8, 8\)"),
        ({"latent": torch.zeros(1, 4, 8, 9)}, r"\(1, 4, 8, 9\)"),
        ({"positive": torch.zeros(1, 77, 768)}, r"positive.*\(1, 77, 768\)"),
        ({"negative": torch.zeros(3, 77, 64)}, "negative.* 3 rows for 1"),
        ({"noise": noise(2), "between": []}, "0 positions for 2 latents"),
        ({"noise": noise(3), "between": [0.2, 0.4]}, "2 positions for 3 latents"),
        ({"noise": noise(4), "between": [0.2], "denoise": 0.0}, "1 positions for 4 latents"),
        ({"noise": noise(4), "between": [0.2, 1.1]}, "holds 1.1"),
        ({"noise": noise(3), "between": [math.nan]}, "holds nan"),
    ],
)
def test_bad_input_is_named(prompts, change, message):
    arguments = {"noise": noise(), "positive": prompts[0], "negative": prompts[1], **OPTIONS} | change
    with pytest.raises(InputError, match=message):
        inputs = (arguments.pop(name) for name in ("noise", "positive", "negative"))
        sample(demo_parts()[0], *inputs, Sampling(**arguments))
