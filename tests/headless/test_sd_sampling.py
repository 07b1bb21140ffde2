import itertools
import math

import pytest
import torch

from headless.sd import sampling
from headless.sd.sampling import LATENT_FACTOR, sample, schedule
from headless.sd.text import encode_text
from songreel.nodes.diffusion import tcd
from songreel.nodes.diffusion.fresh_noise import fresh_noise
from songreel.nodes.host import port as host
from songreel.nodes.host.port import Sampling
from support.demo_parts import demo_parts
from support.sd_inputs import OPTIONS, noise

FIRST = 14.61464


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
