"""The stand-in's pictures are worth looking at: contrast, colour, prompts that matter, smooth in space and time."""

import itertools

import pytest
import torch
from demo_parts import demo_parts

from headless.sd.sampling import sample
from headless.sd.text import encode_text
from headless.sd.vae import vae_decode

PROMPTS = ["a misty harbour at dawn", "neon city at night, rain", "golden desert dunes", "blue ocean storm waves"]


def picture(noise, prompt, *, cfg=7.0, sampler="euler", scheduler="normal"):
    model, clip, vae = demo_parts()
    positive = encode_text(clip, prompt) if isinstance(prompt, str) else prompt
    latent = sample(
        model, noise, positive, encode_text(clip, ""), steps=8, cfg=cfg, sampler=sampler, scheduler=scheduler
    )
    return vae_decode(vae, latent)[0]


def noise(seed):
    return torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "options",
    [{}, {"cfg": 1.5}, {"cfg": 12.0}, {"sampler": "dpmpp_2m", "scheduler": "karras"}, {"sampler": "heun"}],
    ids=str,
)
def test_pictures_have_contrast_and_colour_and_no_speckle(options):
    for seed, prompt in enumerate(PROMPTS):
        image = picture(noise(seed), prompt, **options)
        assert float(image.std()) > 0.1
        assert float((image.amax(-1) - image.amin(-1)).mean()) > 0.15
        steps = torch.cat([image.diff(dim=0).flatten(), image.diff(dim=1).flatten()]).abs()
        assert float(steps.mean()) < 0.03


def test_prompts_change_the_picture():
    images = [picture(noise(1), prompt) for prompt in PROMPTS]
    for a, b in itertools.combinations(images, 2):
        assert float((a - b).abs().mean()) > 0.05


def test_small_steps_of_noise_and_prompt_are_small_steps_of_the_picture():
    clip = demo_parts()[1]
    a, b = (encode_text(clip, prompt) for prompt in PROMPTS[:2])
    frames = []
    for i in range(13):
        t = torch.tensor(i / 12)
        angle = t * torch.pi / 2
        frames.append(picture(angle.cos() * noise(1) + angle.sin() * noise(2), torch.lerp(a, b, t)))
    steps = [float((x - y).abs().mean()) for x, y in itertools.pairwise(frames)]
    assert max(steps) < 0.1
    assert float((frames[0] - frames[-1]).abs().mean()) > 2 * max(steps)
