"""The demo model's training set and its training: the same from a seed, resumable, learning."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from headless.demo_training import scenes
from headless.demo_training.captions import ATTRIBUTIVE, SYNONYMS, caption
from headless.demo_training.model import PromptedUNet, build_autoencoder, whiten
from headless.demo_training.prompts import HELD_OUT
from headless.demo_training.train import Recipe, prompt_tokens, signal_levels, train
from headless.sd.checkpoint import CONFIG_KEY, load_checkpoint
from headless.sd.text import encode_text
from headless.sd.tokenizer import END, START

TINY = Recipe(
    large_pictures=8,
    small_pictures=32,
    autoencoder_steps=20,
    autoencoder_batch=2,
    small_steps=14,
    small_batch=8,
    large_steps=2,
    large_batch=2,
    figures_pictures=8,
    figures_steps=2,
    figures_batch=2,
)


def test_every_scene_comes_in_every_palette_equally_often():
    chosen = scenes.sample_scenes(120, seed=3)
    cells = [(scene.scene, scene.palette) for scene in chosen]
    assert {cells.count(cell) for cell in set(cells)} == {2} and len(set(cells)) == 60
    assert chosen == scenes.sample_scenes(120, seed=3) != scenes.sample_scenes(120, seed=4)


def test_some_scenes_can_come_more_often():
    chosen = [scene.scene for scene in scenes.sample_scenes(180, seed=8, emphasis={"person": 6})]
    assert chosen.count("person") == 72 and chosen.count("city") == 12


@pytest.mark.parametrize("name", scenes.SCENES)
def test_a_scene_is_the_same_picture_at_every_size(name):
    for scene in [scene for scene in scenes.sample_scenes(60, seed=5) if scene.scene == name]:
        large, small = scenes.draw(scene, 256), scenes.draw(scene, 64)
        assert large.shape == (256, 256, 3) and large.dtype == np.uint8
        assert np.array_equal(large, scenes.draw(scene, 256))
        halved = large.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
        assert np.abs(halved - small).mean() < 5
        assert large.std() > 15


def test_captions_name_the_scene_and_nearly_always_the_palette():
    rng = np.random.default_rng(0)
    said = 0
    chosen = scenes.sample_scenes(600, seed=6)
    for scene in chosen:
        text = caption(scene, rng)
        if scene.scene != "person":
            words = SYNONYMS["scene"][scene.scene]
            assert any(subject.split(" ", 1)[-1] in text for subject in words), text
        palette = SYNONYMS["palette"][scene.palette] + ATTRIBUTIVE[scene.palette]
        said += any(word in text for word in palette)
    assert said / len(chosen) > 0.9


def test_held_out_prompts_are_one_for_each_cell_and_no_caption():
    assert sorted((scene, palette) for scene, palette, _ in HELD_OUT) == sorted(
        (scene, palette) for scene in scenes.SCENES for palette in scenes.PALETTES
    )
    rng = np.random.default_rng(1)
    captions = {caption(scene, rng) for scene in scenes.sample_scenes(6000, seed=7)}
    assert not captions & {text for _, _, text in HELD_OUT}


def test_whitening_changes_the_latents_and_not_the_pictures():
    torch.manual_seed(0)
    autoencoder = build_autoencoder().eval()
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = autoencoder.encode(x).latent_dist
        picture = autoencoder.decode(before.mean).sample
        mean, std = before.mean.mean(dim=(0, 2, 3)), before.mean.std(dim=(0, 2, 3))
        whiten(autoencoder, mean, std)
        after = autoencoder.encode(x).latent_dist
        assert torch.allclose(autoencoder.decode(after.mean).sample, picture, atol=1e-4)
    scaled = after.mean * 0.18215
    assert torch.allclose(scaled.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4)
    assert torch.allclose(scaled.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-4)
    assert torch.allclose(after.std / before.std, (1 / (std * 0.18215))[None, :, None, None], rtol=1e-3)


def test_the_noise_schedule_is_that_of_sd15():
    levels = signal_levels()
    assert float(levels[0]) == pytest.approx(1 - 0.00085, abs=1e-9)
    assert float(((1 - levels[-1]) / levels[-1]) ** 0.5) == pytest.approx(14.6146, abs=1e-3)


def test_tokens():
    tokens = prompt_tokens(["", "a city", "city " * 200])
    assert tokens.shape == (3, 77) and tokens[0].tolist() == [START] + [END] * 76
    assert (tokens[1] != END).sum() == 3 and tokens[2, 76] == END and (tokens[2] != END).sum() == 76


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    return folder, train(folder, TINY)


def test_the_host_loads_what_a_few_steps_trained(trained):
    folder, path = trained
    model, clip, vae = load_checkpoint(path, device="cpu")
    assert (model.latent_channels, model.text_width) == (4, 64)
    assert encode_text(clip, "a city").shape == (1, 77, 64)
    assert path.stat().st_size < 20_000_000
    assert not list(folder.glob("*.part"))


def test_the_loss_falls(trained):
    folder, _ = trained
    for name in ("autoencoder", "denoiser_small"):
        losses = torch.load(folder / f"{name}_state.pt")["losses"]
        assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_a_training_that_was_killed_goes_on_to_the_same_model(trained, tmp_path, monkeypatch):
    from headless.demo_training import train as module

    class KilledError(Exception):
        pass

    def run(stop_after):
        """Save after every step; stop after that many optimiser steps."""
        count = 0
        step = module._Training.step

        def counting(self, loss):
            nonlocal count
            if count == stop_after:
                raise KilledError
            count += 1
            step(self, loss)

        with monkeypatch.context() as patch:
            patch.setattr(module, "SAVE_SECONDS", 0)
            patch.setattr(module._Training, "step", counting)
            return train(tmp_path, TINY)

    for stop_after in (3, 9):
        with pytest.raises(KilledError):
            run(stop_after)
    path = run(-1)
    resumed, whole = load_file(path), load_file(trained[1])
    assert resumed.keys() == whole.keys() and all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_unknown_words_start_with_next_to_no_meaning():
    torch.manual_seed(0)
    text = PromptedUNet().text
    weights = dict(text.named_parameters())
    name = next(name for name in weights if name.endswith("token_embedding.weight"))
    assert float(weights[name].detach().std()) == pytest.approx(0.005, rel=0.02)


def test_the_file_says_how_it_is_built(trained):
    from safetensors import safe_open

    with safe_open(trained[1], "pt") as file:
        metadata = file.metadata()
    assert set(json.loads(metadata[CONFIG_KEY])) == {"unet", "vae", "text_encoder"} and metadata["license"] == "MIT"
