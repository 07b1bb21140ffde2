"""Pictures moved about their centre, colours held, flow: figures on pictures made for it."""

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.render.motion import colour, flow, smooth
from songreel.nodes.render.motion.warp import BORDERS, CameraMove, warp_by


def scene(height=72, width=97, seed=0):
    """A smooth picture, float32 (H, W, 3) in 0..1, with no symmetry."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x * rng.uniform(0.05, 0.25) + y * rng.uniform(-0.2, 0.2) + rng.uniform(0, 6)) for _ in range(12)]
    mixed = np.tensordot(rng.uniform(-1, 1, (3, 12)), waves, 1)
    return (0.5 + 0.4 * mixed / np.abs(mixed).max()).transpose(1, 2, 0).astype(np.float32)


def psnr(a, b, margin=0):
    inside = (slice(margin, a.shape[0] - margin), slice(margin, a.shape[1] - margin))
    return 10 * np.log10(1 / max(float(np.mean((a[inside] - b[inside]) ** 2)), 1e-12))


def warp(picture, zoom=1.0, angle=0.0, dx=0.0, dy=0.0, border="reflect"):
    return warp_by(picture, CameraMove(zoom, angle, dx, dy).matrix(), border)


@pytest.mark.parametrize("border", BORDERS)
def test_nothing_moves_nothing_changes(border):
    picture = scene()
    moved = warp(picture, border=border)
    assert np.array_equal(moved, picture) and moved is not picture


@pytest.mark.parametrize(("height", "width"), [(72, 97), (64, 64)])
def test_the_centre_stays_where_it_is(height, width):
    """The centre of mass of a dot in the middle, after a hundred moves about it."""
    y, x = np.mgrid[:height, :width]
    centre = ((height - 1) / 2, (width - 1) / 2)
    dot = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 50).astype(np.float32)[..., None]
    for _ in range(100):
        dot = warp(dot, zoom=1.003, angle=1.7, border="black")
    found = [(dot[..., 0] * axis).sum() / dot.sum() for axis in (y, x)]
    assert np.allclose(found, centre, atol=1e-3)


def test_a_picture_of_one_colour_keeps_it():
    for border in ("reflect", "replicate", "wrap"):
        moved = warp(np.full((40, 50, 3), 0.3, np.float32), 0.9, 20, 3.3, -8.1, border)
        assert np.allclose(moved, 0.3, atol=1e-6)


def test_in_and_out_again_returns():
    picture = scene()
    there = warp(picture, zoom=1.2)
    assert psnr(there, picture, 12) < 25
    assert psnr(warp(there, zoom=1 / 1.2), picture, 12) > 45
    moved = warp(picture, dx=2.4, dy=-1.7)
    assert psnr(warp(moved, dx=-2.4, dy=1.7), picture, 4) > 50


def test_a_full_rotation_returns():
    picture = scene(81, 81)
    assert np.abs(warp(picture, angle=360) - picture).max() < 1e-5
    # Anticlockwise to the eye, exactly.
    assert np.abs(warp(picture, angle=90) - np.rot90(picture)).max() < 1e-5
    turned = picture
    for _ in range(36):
        turned = warp(turned, angle=10)
    assert psnr(turned, picture, 16) > 35


def test_whole_pixels_and_the_borders():
    picture = scene(8, 8)
    right = {name: warp(picture, dx=3, border=name) for name in BORDERS}
    for moved in right.values():
        assert np.allclose(moved[:, 3:], picture[:, :-3], atol=1e-6)
    assert np.allclose(right["black"][:, :3], 0, atol=1e-6)
    assert np.allclose(right["replicate"][:, :3], picture[:, :1], atol=1e-6)
    assert np.allclose(right["wrap"], np.roll(picture, 3, axis=1), atol=1e-6)
    assert np.allclose(right["reflect"][:, :3], picture[:, 3:0:-1], atol=1e-6)
    down = warp(picture, dy=2, border="wrap")
    assert np.allclose(down, np.roll(picture, 2, axis=0), atol=1e-6)


def test_zoom_and_rotation_come_before_the_pan():
    picture = scene()
    steps = warp(warp(picture, zoom=1.3, angle=25), dx=7, dy=-4)
    assert psnr(warp(picture, 1.3, 25, 7, -4), steps, 12) > 45
    # The other order sends the pan through zoom and rotation.
    other = warp(warp(picture, dx=7, dy=-4), zoom=1.3, angle=25)
    assert psnr(warp(picture, 1.3, 25, 7, -4), other, 12) < 30


def test_a_hundred_moves_keep_the_sharpness():
    """What of an edge's steepness is left after a picture was moved to and fro by fractions of a pixel."""
    picture = scene()
    moved = picture
    for n in range(50):
        step = 0.3 + 0.4 * (n % 2)
        moved = warp(warp(moved, dx=step), dx=-step)
    ratio = np.diff(moved, axis=1)[8:-8, 8:-8].std() / np.diff(picture, axis=1)[8:-8, 8:-8].std()
    assert 0.95 < ratio < 1.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zoom": 0}, "a zoom above 0"),
        ({"angle": float("nan")}, "finite numbers"),
        ({"border": "mirror"}, "border must be one of reflect, replicate, wrap, black, got 'mirror'"),
    ],
)
def test_bad_motion(change, message):
    with pytest.raises(InputError, match=message):
        warp(scene(), **change)


def test_lab_of_known_colours_and_back():
    """CIELAB of sRGB's primaries, white and mid grey, D65."""
    rgb = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]], np.float32)
    lab = [
        [100, 0, 0],
        [0, 0, 0],
        [53.24, 80.09, 67.20],
        [87.74, -86.18, 83.18],
        [32.30, 79.19, -107.86],
        [53.39, 0, 0],
    ]
    assert np.allclose(colour.rgb_to_lab(rgb), lab, atol=0.02)
    picture = scene()
    assert np.abs(colour.lab_to_rgb(colour.rgb_to_lab(picture)) - picture).max() < 1e-4


def test_colours_of_an_anchor_are_given_back():
    anchor, burnt = colour.Colours.of(scene()), np.clip(scene() * [1.15, 0.9, 0.7] + 0.04, 0, 1).astype(np.float32)
    before, after = colour.Colours.of(burnt), colour.Colours.of(anchor.given_to(burnt))
    assert np.abs(before.mean - anchor.mean).max() > 8
    assert np.abs(after.mean - anchor.mean).max() < 0.5 and np.abs(after.spread - anchor.spread).max() < 0.5
    # A picture with its own colours stays as it is, and a plain one is not blown up.
    assert np.abs(anchor.given_to(scene()) - scene()).max() < 2e-4
    plain = colour.Colours.of(anchor.given_to(0.5 + 0.02 * (scene() - 0.5)))
    assert plain.spread[0] < 0.05 * anchor.spread[0]
    middle = before.towards(anchor, 0.25)
    assert np.allclose(middle.mean, before.mean * 0.75 + anchor.mean * 0.25)


def test_flow_follows_a_pan():
    before = scene(128, 128)
    after = warp(before, dx=3, dy=-2)
    before, after, other = ((p * 255).round().astype(np.uint8) for p in (before, after, scene(128, 128, seed=4)))
    found = flow.optical_flow(before, after)[24:-24, 24:-24]
    assert np.allclose(np.median(found, axis=(0, 1)), [-3, 2], atol=0.5)
    assert flow.warp_error(before, after) < 0.25 * np.abs(after.astype(float) - before).mean()
    assert flow.warp_error(before, other) > 5 * flow.warp_error(before, after)


def boiling(count=3, dx=2.0, noise=6.0, seed=0):
    """Frames of a pan with new grain in each, and the same without the grain: uint8 (n, H, W, 3)."""
    rng = np.random.default_rng(seed)
    clean = np.stack([warp(scene(96, 128), dx=dx * n) * 255 for n in range(count)])
    return (clean + rng.normal(0, noise, clean.shape)).clip(0, 255).round().astype(np.uint8), clean


def test_smoothing_takes_the_grain_out_of_a_pan_and_leaves_the_picture():
    frames, clean = boiling()
    inside = np.s_[8:-8, 8:-8]
    made = smooth.smoothed(frames[1], [frames[0], frames[2]], 1.0)
    error = {n: np.abs(picture.astype(float) - clean[1])[inside].mean() for n, picture in enumerate((frames[1], made))}
    # The mean of three has 1 / sqrt(3) = .58 of the grain; bilinear carrying takes some more.
    assert error[1] < 0.65 * error[0]
    half = smooth.smoothed(frames[1], [frames[0], frames[2]], 0.5)
    assert error[1] < np.abs(half.astype(float) - clean[1])[inside].mean() < error[0]
    # Without the flow the pan itself would be smeared.
    assert np.abs(frames.mean(axis=0) - clean[1])[inside].mean() > error[1]


def test_smoothing_keeps_a_cut_and_a_lone_frame():
    picture, other = (scene(64, 64, seed) for seed in (1, 4))
    picture, other = (picture * 120).astype(np.uint8), (135 + other * 120).astype(np.uint8)
    made = smooth.smoothed(picture, [other], 1.0)
    assert np.abs(made.astype(int) - picture).mean() < 0.5
    for alone in (smooth.smoothed(picture, [], 1.0), smooth.smoothed(picture, [other], 0.0)):
        assert np.array_equal(alone, picture) and alone is not picture
    assert np.array_equal(smooth.smoothed(picture, [picture.copy()] * 2, 1.0), picture)


def test_smoothing_of_16_bits_is_that_of_8_with_finer_steps():
    frames, _ = boiling()
    fine = smooth.smoothed(frames[1].astype(np.uint16) * 257, [frames[0].astype(np.uint16) * 257], 1.0)
    assert fine.dtype == np.uint16
    assert np.abs(fine / 257 - smooth.smoothed(frames[1], [frames[0]], 1.0)).max() <= 0.51
