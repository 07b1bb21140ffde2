"""Gaps and cuts: what comes after a gap goes on with what was, and cuts between still moments are counted."""

from types import SimpleNamespace

import numpy as np
import pytest

from songreel.nodes.person.charcha import continuity

HEIGHT, WIDTH, SIZE = 480, 640, 160.0


def face(x=320.0, y=200.0, size=SIZE, yaw=0.0, pitch=0.0, roll=0.0):
    points = np.zeros((478, 3))
    points[6, :2] = x, y
    box = (x - 0.4 * size, y - 0.5 * size, x + 0.4 * size, y + 0.5 * size)
    return SimpleNamespace(points=points, size=size, yaw=yaw, pitch=pitch, roll=roll, box=box)


def room(seed=0, light=1.0, noise=0, shift=0):
    """A wall with things on it; `shift` moves a person's part of it, as hair and shoulders."""
    rng = np.random.default_rng(seed)
    wall = rng.integers(20, 200, (HEIGHT // 16, WIDTH // 16, 3)).repeat(16, 0).repeat(16, 1).astype(float)
    body = np.random.default_rng(99).integers(40, 220, (300, 260, 3))
    wall[150:450, 190 + shift : 450 + shift] = body
    grain = np.random.default_rng(1000 + noise).normal(0, 2, wall.shape)
    return np.clip(wall * light + grain, 0, 255).astype(np.uint8)


def watched(frames):
    """What was found, and the watch. frames: (picture, face, seconds since the frame before)."""
    watch, now, found = continuity.Continuity(), 100.0, []
    for picture, seen, wait in frames:
        now += wait
        found.append(watch.add(picture, seen, now))
    return [entry for entry in found if entry], watch


def after_a_gap(picture, seen, gap=0.8):
    still = [(room(noise=number), face(x=320 + 0.3 * (number % 2)), 0.125) for number in range(8)]
    return watched([*still, (picture, seen, gap)])[0]


@pytest.mark.parametrize("gap", [0.5, 1.0, 1.9])
@pytest.mark.parametrize(
    ("changes", "seen", "reason"),
    [
        ({}, face(x=320 + 300), "jump"),
        ({}, face(yaw=50), "jump"),
        ({}, face(pitch=-40), "jump"),
        ({}, face(size=SIZE * 1.6), "jump"),
        ({"light": 0.6}, face(), "cut"),
        ({"seed": 5}, face(), "cut"),
    ],
    ids=["300 pixels", "50 degrees", "tilt", "nearer", "exposure", "another room"],
)
def test_another_clip_after_a_gap_is_found_however_long_the_gap(gap, changes, seen, reason):
    assert after_a_gap(room(noise=50, **changes), seen, gap) == [reason]


@pytest.mark.parametrize(
    "seen",
    [face(), face(x=350, y=215), face(yaw=24), face(pitch=16), face(size=SIZE / 1.35, y=150), face(yaw=-18, pitch=-9)],
    ids=["still", "swayed", "turned", "tilted", "stood up", "both"],
)
def test_a_person_who_went_on_meanwhile_passes(seen):
    assert after_a_gap(room(noise=50), seen, 1.0) == []


def test_gaps_are_counted_and_told():
    frames = [(room(noise=number), face(), 0.6) for number in range(3)]
    found, watch = watched(frames)
    assert found == [] and watch.pauses == 2 and watch.resumed
    found, watch = watched([*frames, (room(noise=9), face(), 0.125)])
    assert not watch.resumed


def spliced(cuts):
    """A still recording with cuts between moments in which head and hair lie a little elsewhere."""
    frames, place = [], 0
    for number in range(12 * (cuts + 1)):
        place = number // 12 * (1 if number // 12 % 2 else 2)
        frames.append((room(noise=number, shift=6 * place), face(x=320 + 6 * place, yaw=1.5 * place), 0.125))
    return frames


def test_cuts_between_still_moments_end_it_and_one_twitch_does_not():
    found, watch = watched(spliced(1))
    assert found == [] and watch.seams == 1
    found, _ = watched(spliced(continuity.MOST_SEAMS + 1))
    assert found[0] == "cut"


def test_moving_heads_make_no_seams():
    frames = []
    for number in range(120):
        angle = number / 6
        place = round(20 * np.sin(angle))
        seen = face(x=320 + place, yaw=14 * np.sin(angle / 2), pitch=6 * np.sin(angle / 3))
        frames.append((room(noise=number, shift=place), seen, 0.125))
    found, watch = watched(frames)
    assert found == [] and watch.seams == 0
