"""CLAP's tags, with a tiny CLAP of random weights: right where transformers' own classifier says the same."""

import subprocess
import sys

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.song.caption import caption, clap
from support.paths import ROOT

transformers = pytest.importorskip("transformers")

RATE = 48_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import torch
    from tokenizers import ByteLevelBPETokenizer

    folder = tmp_path_factory.mktemp("models") / "clap" / "tiny"
    bpe = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bpe.train_from_iterator([*clap.GENRES, *clap.INSTRUMENTS, "This is music. The sound of"], 320, 1, False, special)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    text = {"vocab_size": 320, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2} | {
        "intermediate_size": 16, "max_position_embeddings": 64, "projection_dim": 16, "pad_token_id": 1,
    }  # fmt: skip
    audio = {"patch_embeds_hidden_size": 8, "depths": [1, 1], "num_attention_heads": [2, 2], "hidden_size": 16} | {
        "projection_dim": 16, "num_hidden_layers": 2, "enable_fusion": False,
    }  # fmt: skip
    torch.manual_seed(3)
    model = transformers.ClapModel(transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=16))
    model.save_pretrained(folder)
    transformers.ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad").save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def music():
    t = np.arange(24 * RATE) / RATE
    noise = np.random.default_rng(1).standard_normal(len(t))
    return np.where(t < 12, 0.3 * np.sin(2 * np.pi * 220 * t), 0.2 * noise).astype(np.float32)


def test_the_shares_are_those_of_transformers_classifier(folder, music):
    ours = clap.Clap(folder)
    classify = transformers.pipeline(
        "zero-shot-audio-classification",
        model=ours._model,
        feature_extractor=ours._extract,
        tokenizer=transformers.AutoTokenizer.from_pretrained(folder),
    )
    window = music[: 10 * RATE]
    theirs = classify(window, candidate_labels=list(clap.GENRES), hypothesis_template="This is {} music.")
    genres, instruments = ours.shares([window])
    assert {entry["label"]: pytest.approx(entry["score"], abs=1e-5) for entry in theirs} == dict(
        zip(clap.GENRES, genres.tolist(), strict=True)
    )
    assert ours.tags([window]).genre == theirs[0]["label"]
    assert genres.sum() == pytest.approx(1, abs=1e-5) and instruments.sum() == pytest.approx(1, abs=1e-5)


def test_a_part_is_heard_in_up_to_three_windows(music):
    assert [len(window) for window in clap.windows_of(music, RATE, 0, 24)] == [10 * RATE] * 3
    assert [len(window) for window in clap.windows_of(music, RATE, 20, 24)] == [4 * RATE]
    assert clap.windows_of(music, RATE, 23.5, 24) == []
    last = clap.windows_of(music, RATE, 0, 24)[-1]
    np.testing.assert_array_equal(last, music[14 * RATE :])


def test_tags_stand_at_the_end_of_the_sentence(folder, music):
    parts = tuple(caption.Caption(a, b, "A loud part.") for a, b in ((0.0, 12.0), (12.0, 23.5), (23.5, 24.0)))
    model, done = clap.Clap(folder), []
    tagged = clap.tag_captions(parts, music[::2].copy(), RATE // 2, model, on_part=done.append)
    assert done == [1, 2, 3] and [(part.start, part.end) for part in tagged] == [(0, 12), (12, 23.5), (23.5, 24)]
    assert tagged[2].text == "A loud part."
    for part in tagged[:2]:
        genre, _, rest = part.text.removeprefix("A loud part, ").rstrip(".").partition(" with ")
        assert genre in clap.GENRES and len(set(rest.split(" and "))) == 2
        assert set(rest.split(" and ")) <= set(clap.INSTRUMENTS)
    assert clap.tag_captions(parts, music[::2].copy(), RATE // 2, model) == tagged


def test_a_model_that_is_not_there_or_broken_is_one_sentence(folder, tmp_path):
    with pytest.raises(InputError, match=r"no CLAP model 'large' .*there are tiny"):
        clap.model_folder([folder.parent], "large")
    with pytest.raises(InputError, match="there is none"):
        clap.model_folder([tmp_path / "nowhere"], "../tiny")
    assert clap.model_folder([folder.parent], "tiny") == folder
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="CLAP model 'empty' cannot be loaded") as error:
        clap.Clap(tmp_path / "empty")
    assert str(tmp_path) not in str(error.value)


SCRIPT = """
import sys
from pathlib import Path
from headless.__main__ import bootstrap
from headless.host import HeadlessHost
host = HeadlessHost(sys.argv[1])
bootstrap(host)
host.model_folders = lambda kind: [Path(sys.argv[2]).parent] if kind == "clap" else []
from songreel.nodes import node_classes
from songreel.nodes.host import install
install(host)
import torch
from headless.demo.song import make_demo_song
waveform, rate = make_demo_song()
audio = {"waveform": torch.from_numpy(waveform)[None], "sample_rate": rate}
nodes = {cls.__name__: cls for cls in node_classes()}
song = nodes["AudioBeatEnvelope"].execute(audio=audio, fps=12.0).args[0]
caption = nodes["MusicCaption"].execute
plain, tagged = caption(song).args[0], caption(song, audio=audio, clap_model="tiny").args[0]
try:
    caption(song, clap_model="tiny")
except Exception as error:
    print(str(error))
print(plain + "\\n" + tagged)
"""


def test_the_node_adds_tags_and_wants_the_song(folder, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    error, *lines = run.stdout.strip().splitlines()
    plain, tagged = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    assert error == "clap_model needs the song: connect audio, or clear clap_model."
    assert len(plain) == len(tagged) >= 2
    for before, after in zip(plain, tagged, strict=True):
        assert after.startswith(before.rstrip(".") + ", ") and " with " in after
