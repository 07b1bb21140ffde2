"""Shaping curves, mapping them, keyframes, and what the nodes give."""

from fractions import Fraction

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.song.curves import shape
from support.songs import a_song

FPS = Fraction(10)


def test_the_order_of_operations():
    values = np.array([0.0, 0.1, 0.25, 0.5, 1.0])
    shaped = shape.shape_curve(values, FPS, shape.CurveShape(gain=2.0, threshold=0.2, gamma=2.0, floor=0.1))
    assert shaped == pytest.approx([0.1, 0.1, 0.1 + 0.9 * 0.375**2, 1.0, 1.0], abs=1e-6)
    assert shaped.dtype == np.float32


@pytest.mark.parametrize("fps", [10, 24, 60])
def test_attack_and_release_are_seconds_at_every_frame_rate(fps):
    step = np.concatenate((np.ones(2 * fps), np.zeros(2 * fps)))
    shaped = shape.shape_curve(step, Fraction(fps), shape.CurveShape(attack=0.5, release=0.25))
    assert shaped[fps // 2 - 1] == pytest.approx(1 - np.exp(-1), abs=1e-6)
    top = shaped[2 * fps - 1]
    assert shaped[2 * fps + fps // 2 - 1] == pytest.approx(top * np.exp(-2), abs=1e-6)


def test_normalising():
    values = np.concatenate((np.full(40, 0.2), np.full(40, 0.5)))
    sections = a_song().sections
    whole = shape.shape_curve(values, FPS, shape.CurveShape(normalise="per song"))
    parts = shape.shape_curve(values, FPS, shape.CurveShape(normalise="per section"), sections=sections)
    assert whole[[0, 79]] == pytest.approx([0.4, 1]) and parts[[0, 39, 40, 79]] == pytest.approx([1, 1, 1, 1])
    with pytest.raises(InputError, match="no sections"):
        shape.shape_curve(values, FPS, shape.CurveShape(normalise="per section"))
    assert not shape.shape_curve(np.zeros(4), FPS, shape.CurveShape(normalise="per song")).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(gain=-1), "gain must be from 0 to 100, got -1"),
        (dict(threshold=1), "threshold must be from 0 to 0.99, got 1"),
        (dict(gamma=0), "gamma must be"),
        (dict(attack=float("nan")), "attack must be"),
        (dict(normalise="loud"), "one of as it is, per song, per section, got 'loud'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        shape.shape_curve(np.ones(3), FPS, shape.CurveShape(**options))


@pytest.mark.parametrize(
    ("name", "middle"),
    [("linear", 0.25), ("ease in", 0.0625), ("ease out", 0.4375), ("smooth", 0.15625), ("step", 0.0)],
)
def test_shapes(name, middle):
    values = shape.map_to_range(np.array([-1, 0, 0.25, 1, 2]), shape.RangeMapping(low=10, high=20, shape=name))
    assert values == pytest.approx([10, 10, 10 + 10 * middle, 20, 20])
    turned = shape.map_to_range(np.array([0, 1]), shape.RangeMapping(low=10, high=20, shape=name, invert=True))
    assert turned == pytest.approx([20, 10])


def test_holding_at_beats():
    song, ramp = a_song(), np.arange(80) / 80
    held = shape.map_to_range(ramp, shape.RangeMapping(low=0, high=80, hold="hold at beats"), song=song)
    assert held[:5] == pytest.approx(0) and held[5:10] == pytest.approx(5) and held[75:] == pytest.approx(75)
    mean = shape.map_to_range(ramp, shape.RangeMapping(low=0, high=80, hold="mean per beat"), song=song)
    assert mean[5:10] == pytest.approx(7)
    bars = shape.map_to_range(ramp, shape.RangeMapping(low=0, high=80, hold="hold at bars"), song=song)
    assert bars[25:45] == pytest.approx(25)
    with pytest.raises(InputError, match="no beats"):
        shape.map_to_range(
            ramp, shape.RangeMapping(low=0, high=1, hold="hold at beats"), song=a_song(beats=np.zeros(0))
        )
    with pytest.raises(InputError, match="79 values"):
        shape.map_to_range(ramp[1:], shape.RangeMapping(low=0, high=1, hold="hold at beats"), song=song)


@pytest.mark.parametrize("tolerance", [0.5, 0.05, 0.001])
def test_a_schedule_stays_within_its_tolerance(tolerance):
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.standard_normal(400)) * 0.2
    text = shape.deforum_schedule(values, tolerance)
    pairs = [part.split(":(") for part in text.split(", ")]
    frames, points = [int(frame) for frame, _ in pairs], [float(value.rstrip(")")) for _, value in pairs]
    assert np.abs(np.interp(np.arange(400), frames, points) - values).max() <= tolerance + 1e-9
    assert frames[0] == 0 and frames[-1] == 399 and len(frames) < (400 if tolerance > 0.01 else 401)


def test_a_straight_line_needs_two_keyframes():
    assert shape.deforum_schedule(np.linspace(0, 1, 11), 0.01) == "0:(0.000), 10:(1.000)"
    assert shape.keyframes(np.array([3.0]), 0.1) == [0]


def test_pitch_classes_are_curves_too():
    song = a_song()
    assert np.array_equal(shape.driving_curve(song, "D"), song.chroma[2])
    with pytest.raises(InputError, match="no curve 'bass'; it has: onset"):
        shape.driving_curve(song, "bass")
