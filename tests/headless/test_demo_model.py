"""The committed demo model paints what it is asked for; bench/demo_model.py measures the same on more pictures."""

import itertools
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
import torch

from headless import demo_model
from headless.demo_training import scenes
from headless.demo_training.captions import vocabulary
from headless.demo_training.judge import accuracy, load_judge
from headless.demo_training.prompts import HELD_OUT
from headless.sd.sampling import sample
from headless.sd.text import encode_text
from headless.sd.vae import vae_decode, vae_encode
from songreel.nodes.host.port import Sampling
from support.demo_parts import demo_parts

FOLDER = demo_model.CHECKPOINT.parent


@lru_cache(maxsize=1)
def judge():
    return load_judge(demo_model.JUDGE)


def noise(seed, count=1):
    return torch.randn(count, 4, 32, 32, generator=torch.Generator().manual_seed(seed))


def paint(noise, positive, *, cfg=demo_model.CFG):
    model, clip, vae = demo_parts()
    pictures = []
    for x, prompt in zip(noise.split(10), positive.split(10), strict=True):
        latent = sample(
            model, x, prompt, encode_text(clip, ""), Sampling(steps=8, cfg=cfg, sampler="dpmpp_2m", scheduler="karras")
        )
        pictures.append(vae_decode(vae, latent))
    return torch.cat(pictures)


def prompts(*texts):
    return torch.cat([encode_text(demo_parts()[1], text) for text in texts])


def seen(pictures):
    scene, palette = (answer.argmax(axis=1) for answer in judge().probabilities(pictures))
    return [scenes.SCENES[n] for n in scene], [scenes.PALETTES[n] for n in palette]


def test_everything_that_is_shipped_is_at_most_20_mb():
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.suffix in (".safetensors", ".jpg", ".md")]
    assert len(sizes) >= 7 and sum(sizes) <= 20_000_000


def test_the_judge_knows_scenes_that_it_has_not_seen():
    scene, palette = accuracy(judge(), count=240)
    assert scene >= 0.99 and palette >= 0.99


@pytest.fixture(scope="module")
def held_out():
    return paint(noise(1, len(HELD_OUT)), prompts(*(text for _, _, text in HELD_OUT)))


def test_held_out_prompts_get_their_scene_and_palette(held_out):
    scene, palette = seen(held_out)
    assert np.mean([a == entry[0] for a, entry in zip(scene, HELD_OUT, strict=True)]) >= 0.9
    assert np.mean([a == entry[1] for a, entry in zip(palette, HELD_OUT, strict=True)]) >= 0.85


def test_pictures_have_contrast_and_large_shapes(held_out):
    for picture in held_out:
        assert float(picture.std()) > 0.06
        steps = torch.cat([picture.diff(dim=0).flatten(), picture.diff(dim=1).flatten()]).abs()
        assert float(steps.mean()) < 0.04


def test_an_empty_prompt_favours_no_scene():
    pictures = paint(noise(2, 40), prompts("").repeat(40, 1, 1))
    assert max(Counter(seen(pictures)[0]).values()) <= 14


def test_unknown_words_change_little():
    plain = paint(noise(3, 6), prompts("a forest at night").repeat(6, 1, 1))
    strange = paint(noise(3, 6), prompts("a forest at night, zyzzyva bratwurst quantum").repeat(6, 1, 1))
    other = paint(noise(3, 6), prompts("a desert at noon").repeat(6, 1, 1))
    assert float((plain - strange).abs().mean()) < 0.4 * float((plain - other).abs().mean())
    assert seen(strange)[0].count("forest") >= 5


def test_only_unknown_words_are_as_good_as_none():
    pictures = paint(noise(4, 12), prompts("zyzzyva bratwurst quantum").repeat(12, 1, 1))
    assert all(float(picture.std()) > 0.06 for picture in pictures)
    assert len(set(seen(pictures)[0])) >= 3


def test_the_autoencoder_keeps_pictures():
    drawn = np.stack([scenes.draw(scene, 256) for scene in scenes.sample_scenes(20, seed=11)])
    pictures = torch.from_numpy(drawn).float() / 255
    vae = demo_parts()[2]
    back = vae_decode(vae, vae_encode(vae, pictures))
    psnr = -10 * ((back - pictures) ** 2).mean(dim=(1, 2, 3)).log10()
    assert float(psnr.mean()) >= 27


def test_interpolation_between_two_prompts_is_smooth():
    """The light flips from night to noon within a frame or two; nothing else jumps."""
    a, b = prompts("a city at night"), prompts("a desert at noon")
    x, y = noise(5), noise(6)
    times = torch.linspace(0, 1, 25)
    angle = times * torch.pi / 2
    frames = paint(
        torch.cat([c * x + s * y for c, s in zip(angle.cos(), angle.sin(), strict=True)]),
        torch.cat([torch.lerp(a, b, t) for t in times]),
    )
    steps = [float((one - two).abs().mean()) for one, two in itertools.pairwise(frames)]
    whole = float((frames[0] - frames[-1]).abs().mean())
    assert max(steps) < whole and sorted(steps)[-3] < 0.25 * whole and float(np.median(steps)) < 0.06 * whole
    scene, _ = judge().probabilities(frames)
    others = [n for n, name in enumerate(scenes.SCENES) if name not in ("city", "desert")]
    assert scene[0, scenes.SCENES.index("city")] > 0.5 < scene[-1, scenes.SCENES.index("desert")]
    assert scene[:, others].max() <= 0.5


def test_guidance_of_the_shipped_workflow_works_too():
    pictures = paint(noise(7, 10), prompts("a harbour at sunset").repeat(10, 1, 1), cfg=7.0)
    assert seen(pictures)[0].count("harbour") >= 8


def test_the_record_lists_every_word_that_it_knows():
    record = (FOLDER / "README.md").read_text("utf-8")
    for concept, words in vocabulary().items():
        for word in words:
            assert word in record, f"{concept}: {word}"
