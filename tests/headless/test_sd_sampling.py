import itertools
import math

import pytest
import torch

from headless.sd import sampling
from headless.sd.lora import apply_lora
from headless.sd.parts import fingerprint
from headless.sd.sampling import LATENT_FACTOR, sample, schedule
from headless.sd.text import encode_text
from songreel.nodes.base.errors import InputError
from songreel.nodes.diffusion import tcd
from songreel.nodes.diffusion.fresh_noise import fresh_noise
from songreel.nodes.host import port as host
from songreel.nodes.host.port import Sampling
from support.demo_parts import demo_parts
from support.random_lora import random_lora

FIRST = 14.61464
OPTIONS = {"steps": 3, "cfg": 5.0, "sampler": "euler", "scheduler": "normal"}


def noise(rows=1, seed=0, size=8):
    return torch.randn(rows, 4, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def prompts():
    clip = demo_parts()[1]
    return [encode_text(clip, text) for text in ("a red fox", "", "word " * 80)]


def test_every_name_of_the_port_is_known():
    assert set(sampling._SAMPLERS) == set(host.SAMPLERS)
    for name in host.SCHEDULERS:
        schedule(name, 4)


@pytest.mark.parametrize("scheduler", host.SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_schedules_descend_from_all_noise_to_none(scheduler, steps):
    sigmas = schedule(scheduler, steps)
    assert sigmas.shape == (steps + 1,) and sigmas.dtype == torch.float32
    assert float(sigmas[0]) == pytest.approx(FIRST, rel=1e-5)
    assert sigmas[-1] == 0
    assert (sigmas.diff() < 0).all()


@pytest.mark.parametrize(
    "scheduler, levels",
    [
        ("normal", [14.61464, 2.918307, 0.932358, 0.02916716]),
        ("karras", [14.61464, 3.168605, 0.4469186, 0.02916718]),
        ("exponential", [14.61464, 1.840024, 0.2316642, 0.02916716]),
        ("simple", [14.61464, 4.081729, 1.612886, 0.6932049]),
        ("sgm_uniform", [14.61464, 4.086081, 1.61558, 0.6951495]),
    ],
)
def test_levels_are_comfyuis(scheduler, levels):
    assert schedule(scheduler, 4)[:-1].tolist() == pytest.approx(levels, rel=1e-5)


@pytest.mark.parametrize("steps, denoise, of", [(4, 0.5, 8), (10, 0.3, 33), (3, 0.99995, 3)])
def test_denoise_takes_the_end_of_a_longer_schedule(steps, denoise, of):
    assert torch.equal(schedule("normal", steps, denoise), schedule("normal", of)[-(steps + 1) :])


@pytest.mark.parametrize("sampler, error", [("euler", 0.05), ("heun", 0.004), ("dpmpp_2m", 0.006)])
def test_samplers_follow_the_known_path_of_gaussian_data(sampler, error):
    # For data of unit variance the best estimate is x / (1 + sigma^2), and x shrinks with sqrt(1 + sigma^2).
    sigmas = schedule("karras", 40)
    x = noise() * FIRST
    seen = []
    end = sampling._SAMPLERS[sampler](lambda x, s: x / (1 + s**2), x, sigmas, lambda i, x0: seen.append(i), None)
    exact = x / math.sqrt(1 + FIRST**2)
    assert float((end - exact).norm() / exact.norm()) < error
    assert seen == list(range(40))


def test_lcm_lands_on_the_last_estimate_and_adds_noise_of_the_level_before():
    sigmas, start = schedule("sgm_uniform", 4), noise(2)
    met, estimates = [], []

    def denoise(x, sigma):
        met.append(x)
        return 0.5 * x / (1 + sigma)

    end = sampling._SAMPLERS["lcm"](denoise, start * FIRST, sigmas, lambda i, x0: estimates.append(x0), start)
    assert torch.equal(end, estimates[-1]) and len(estimates) == 4
    for step in range(3):
        added = (met[step + 1] - estimates[step]) / sigmas[step + 1]
        torch.testing.assert_close(added, fresh_noise(start, step), rtol=1e-4, atol=1e-4)


def test_fresh_noise_is_white_independent_and_keeps_the_slerp_between_noises():
    a, b = noise(1, seed=1, size=64), noise(1, seed=2, size=64)
    steps = [fresh_noise(a, step) for step in range(4)]
    for made in steps:
        assert torch.equal(made.flatten().sort().values, a.flatten().sort().values)
    # 16,384 values: a correlation of white noise has a spread of .008.
    for first, second in itertools.combinations([a, *steps], 2):
        assert abs(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]) < 0.03
    torch.testing.assert_close(fresh_noise(0.6 * a + 0.8 * b, 2), 0.6 * fresh_noise(a, 2) + 0.8 * fresh_noise(b, 2))
    assert torch.equal(fresh_noise(torch.cat([b, a]), 1)[1:], fresh_noise(a, 1))


def tcd_by_hand(denoise, x, sigmas, start, gamma):
    return tcd.sample_tcd(
        denoise,
        x,
        sigmas,
        lambda *_: None,
        start,
        lambda sigma: (sigma.log() - sampling.log_sigmas()).abs().argmin(),
        sampling._sigma_at,
        gamma,
    )


def test_tcd_steps_as_diffusers_scheduler_does(monkeypatch):
    from diffusers import TCDScheduler
    from diffusers.schedulers import scheduling_tcd

    scheduler = TCDScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    steps = [999, 759, 499, 259]
    scheduler.set_timesteps(timesteps=steps)
    levels = torch.cat([sampling.log_sigmas()[steps].exp(), torch.zeros(1)])
    start, generator = noise(2), torch.Generator().manual_seed(4)
    answers = [torch.randn(start.shape, generator=generator) for _ in steps]  # the model's predictions of the noise
    calls = itertools.count()
    x = start * levels[0]
    # diffusers draws its own noise; here each step's is ours, by its generator's place.
    made = x / (1 + levels[0] ** 2) ** 0.5
    for i, step in enumerate(steps):
        monkeypatch.setattr(scheduling_tcd, "randn_tensor", lambda *_, i=i, **__: fresh_noise(start, i))
        made = scheduler.step(answers[i], step, made, eta=tcd.GAMMA).prev_sample
    ours = tcd_by_hand(lambda x, sigma: x - sigma * answers[next(calls)], x, levels, start, tcd.GAMMA)
    # Its last step keeps the noise of the first training step's level, ours none.
    least = sampling.log_sigmas()[0].exp()
    torch.testing.assert_close(made * (1 + least**2) ** 0.5 - least * answers[-1], ours, rtol=1e-3, atol=1e-3)


def test_tcd_without_chance_is_euler_and_with_all_of_it_lcm():
    sigmas, start = schedule("simple", 4), noise(2)  # levels of whole training steps

    def denoise(x, sigma):
        return 0.5 * x / (1 + sigma)

    euler = sampling._SAMPLERS["euler"](denoise, start * FIRST, sigmas, lambda *_: None, start)
    torch.testing.assert_close(tcd_by_hand(denoise, start * FIRST, sigmas, start, 0.0), euler, rtol=1e-3, atol=1e-3)
    lcm = sampling._SAMPLERS["lcm"](denoise, start * FIRST, sigmas, lambda *_: None, start)
    torch.testing.assert_close(tcd_by_hand(denoise, start * FIRST, sigmas, start, 1.0), lcm, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", ["lcm", "tcd"])
@pytest.mark.parametrize("cfg", [1.0, 1.5])
def test_lcm_and_tcd_sample_a_row_alone_as_among_others(prompts, cfg, name):
    options = OPTIONS | {"sampler": name, "scheduler": "sgm_uniform", "cfg": cfg}
    model, rows = demo_parts()[0], torch.cat(prompts[:2])
    together = sample(model, noise(2), rows, prompts[1], Sampling(**options))
    alone = sample(model, noise(2)[1:], rows[1:], prompts[1], Sampling(**options))
    assert float((alone - together[1:]).norm() / alone.norm()) < 1e-4
    assert (
        float(
            (together - sample(model, noise(2), rows, prompts[1], Sampling(**(options | {"sampler": "euler"})))).norm()
        )
        > 1
    )


def test_guidance_of_one_leaves_the_negative_out(prompts):
    model = demo_parts()[0]
    options = OPTIONS | {"cfg": 1.0}
    results = [sample(model, noise(), prompts[0], negative, Sampling(**options)) for negative in prompts[:2]]
    assert torch.equal(*results)


def test_guidance_extrapolates(prompts):
    model = demo_parts()[0]
    estimates = {}
    for cfg in (0.0, 1.0, 3.0):
        keep = estimates.setdefault(cfg, [])
        sample(
            model,
            noise(),
            *prompts[:2],
            Sampling(**(OPTIONS | {"cfg": cfg}), on_step=lambda i, x0, keep=keep: keep.append(x0)),
        )
    unwanted, wanted, guided = (estimates[cfg][0] for cfg in (0.0, 1.0, 3.0))
    torch.testing.assert_close(guided, unwanted + 3 * (wanted - unwanted), rtol=1e-4, atol=1e-4)


def test_prompts_of_different_length(prompts):
    model = demo_parts()[0]
    long_negative = sample(model, noise(), prompts[0], prompts[2], Sampling(**OPTIONS))
    repeated = sample(model, noise(), prompts[0].repeat(1, 2, 1), prompts[2], Sampling(**OPTIONS))
    torch.testing.assert_close(long_negative, repeated)


def test_rows_do_not_touch_each_other(prompts):
    model = demo_parts()[0]
    rows = torch.cat(prompts[:2] + prompts[:1])
    together = sample(model, noise(3), rows, prompts[1], Sampling(**OPTIONS))
    other = torch.cat([noise(3)[:1], noise(2, seed=9)])
    assert torch.equal(sample(model, other, rows, prompts[1], Sampling(**OPTIONS))[:1], together[:1])
    for i in range(3):
        alone = sample(model, noise(3)[i : i + 1], rows[i : i + 1], prompts[1], Sampling(**OPTIONS))
        assert float((alone - together[i]).norm() / alone.norm()) < 1e-4


def test_one_row_serves_all_latents(prompts):
    model = demo_parts()[0]
    one = sample(model, noise(2), *prompts[:2], Sampling(**OPTIONS))
    assert torch.equal(one, sample(model, noise(2), prompts[0].repeat(2, 1, 1), prompts[1], Sampling(**OPTIONS)))


def test_a_latent_is_where_it_starts(prompts):
    model = demo_parts()[0]
    latent = noise(seed=4) * 5
    assert torch.equal(sample(model, noise(), *prompts[:2], Sampling(**OPTIONS, latent=latent, denoise=0.0)), latent)
    distances = [
        float(
            (sample(model, noise(), *prompts[:2], Sampling(**OPTIONS, latent=latent, denoise=denoise)) - latent).norm()
        )
        for denoise in (0.1, 0.4, 1.0)
    ]
    assert distances == sorted(distances)


def test_steps_are_reported_and_can_end_it(prompts):
    model = demo_parts()[0]
    seen = []
    result = sample(model, noise(), *prompts[:2], Sampling(**OPTIONS, on_step=lambda i, x0: seen.append((i, x0))))
    assert [i for i, _ in seen] == [0, 1, 2]
    torch.testing.assert_close(seen[-1][1] / LATENT_FACTOR, result)

    def stop(i, x0):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(model, noise(), *prompts[:2], Sampling(**OPTIONS, on_step=stop))


def test_it_repeats_and_changes_nothing_it_was_given(prompts):
    model = demo_parts()[0]
    given = [noise(), prompts[0].clone(), prompts[1].clone(), noise(seed=2)]
    before = [part.clone() for part in given]
    results = [sample(model, *given[:3], Sampling(**OPTIONS, latent=given[3], denoise=0.5)) for _ in range(2)]
    assert torch.equal(*results)
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


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
