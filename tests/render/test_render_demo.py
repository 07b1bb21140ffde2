"""The renderer with a real, small diffusion model: which pictures are the same bits, and which are nearly so."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from headless.host import HeadlessHost
from songreel.nodes.base import types
from songreel.nodes.render import plan as plan_stage
from songreel.nodes.render import render as render_stage
from songreel.nodes.schedule.plan import onset
from support.demo_parts import demo_parts
from support.songs import song

RATE, FPS, SECONDS = 8000, 12, 3.0
PROMPTS = ("a misty harbour at dawn", "a city at noon", "an old forest in the rain")


def made(prompts=PROMPTS):
    """Story, schedule and a silent song with a shot a second."""
    analysis = song(SECONDS, Fraction(FPS))
    story = types.Story(tuple(types.Shot(float(n), n + 1.0, prompt) for n, prompt in enumerate(prompts)))
    return story, onset.onset_slerp_schedule(analysis, story), np.zeros((1, int(SECONDS * RATE)), np.float32)


@pytest.fixture
def pictures(monkeypatch):
    """The frames of every chunk as they go to the encoder."""
    seen = []
    write = render_stage.write_segment

    def keep(path, frames, *args, **options):
        frames = [frame.copy() for frame in frames]
        seen.append((path.name, np.stack(frames)))
        return write(path, iter(frames), *args, **options)

    monkeypatch.setattr(render_stage, "write_segment", keep)
    return seen


def render(pictures, home: Path, *, inputs=None, changes=None, **run):
    """(frames before encoding, report) of what this run itself had to render."""
    pictures.clear()
    settings = {"quality": "exact", "even_pace": False} | (changes or {})
    chosen = plan_stage.RenderSettings(64, 64, 3, 5.0, "dpmpp_2m", "karras", 1, **settings)
    with torch.inference_mode():
        _, report = render_stage.render_music_video(
            HeadlessHost(home), *demo_parts(), *(inputs or made()), RATE, chosen, render_stage.RenderRun(**run)
        )
    return np.concatenate([frames for _, frames in pictures]), report


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.fixture
def whole(pictures, known, tmp_path):
    """The frames of a whole render at a quality, made once for all tests."""

    def frames(quality: str) -> np.ndarray:
        if quality not in known:
            known[quality] = render(pictures, tmp_path / "whole", changes={"quality": quality})[0]
        return known[quality]

    return frames


@pytest.mark.parametrize("quality", ["exact", "balanced"])
def test_an_excerpt_is_part_of_the_whole_bit_by_bit(pictures, tmp_path, whole, quality):
    expected = whole(quality)
    part, _ = render(pictures, tmp_path / "part", changes={"quality": quality}, start=0.5, seconds=1.75)
    assert len(expected) == 36 and np.array_equal(part, expected[6:27])


@pytest.mark.parametrize("quality", ["exact", "balanced"])
def test_the_length_of_chunks_changes_no_bit(pictures, tmp_path, monkeypatch, whole, quality):
    expected, cut = whole(quality), plan_stage.Segment.chunks
    for length in (1, 7, 64):
        monkeypatch.setattr(plan_stage.Segment, "chunks", lambda self, frames, n=length: cut(self, frames, n))
        frames, _ = render(pictures, tmp_path / str(length), changes={"quality": quality}, start=1.0, seconds=1.5)
        assert np.array_equal(frames, expected[12:30])


@pytest.mark.parametrize("quality", ["exact", "balanced"])
def test_a_changed_shot_gives_what_a_full_render_gives(pictures, tmp_path, quality):
    options = {"changes": {"quality": quality}}
    before, _ = render(pictures, tmp_path / "again", **options)
    changed = made((*PROMPTS[:2], "a desert at dusk"))
    anew, _ = render(pictures, tmp_path / "anew", inputs=changed, **options)
    again, report = render(pictures, tmp_path / "again", inputs=changed, **options)
    # The first interval is there from before; what is rendered now are that to the changed shot, and the shot.
    assert report["chunks_reused"] == 1 and len(again) == 24
    assert np.array_equal(again, anew[12:])
    assert np.array_equal(before[:12], anew[:12]) and not np.array_equal(before[24:], anew[24:])


def test_a_stopped_render_goes_on_to_the_same_bits(pictures, tmp_path, monkeypatch, whole):

    class Stopped(BaseException):
        pass

    expected = whole("balanced")
    pictures.clear()
    from songreel.nodes.render import batch_sampling
    from songreel.nodes.render.latent_files import save_batch as save

    saved = []

    def stop(*args):
        save(*args)
        saved.append(args)
        if len(saved) == 4:
            raise Stopped

    monkeypatch.setattr(batch_sampling, "save_batch", stop)
    with pytest.raises(Stopped):
        render(pictures, tmp_path / "stopped", changes={"quality": "balanced"})
    first = {name: frames for name, frames in pictures}
    monkeypatch.setattr(batch_sampling, "save_batch", save)
    rest, report = render(pictures, tmp_path / "stopped", changes={"quality": "balanced"})
    assert report["batches_reused"] + report["chunks_reused"] > 0
    assert np.array_equal(np.concatenate([*first.values(), rest]), expected)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_pictures_of_other_batch_sizes_agree_to_60_db(pictures, tmp_path, whole, batch_size):
    expected = whole("exact").astype(np.float64)
    other, _ = render(pictures, tmp_path / "other", changes={"batch_size": batch_size})
    error = np.mean((expected - other) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-12)) >= 60
