from fractions import Fraction

import pytest

from songreel.nodes.base import timing
from songreel.nodes.base.errors import InputError


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (24, Fraction(24)),
        (12.0, Fraction(12)),
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (119.88, Fraction(120000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        ("25", Fraction(25)),
        ("23.976", Fraction(24000, 1001)),
        (12.5, Fraction(25, 2)),
        (Fraction(24000, 1001), Fraction(24000, 1001)),
    ],
)
def test_snap_fps(fps, expected):
    assert timing.snap_fps(fps) == expected


@pytest.mark.parametrize("fps", [0, -1, 0.5, 121, "abc", None, float("nan"), float("inf"), "1/0"])
def test_snap_fps_refuses(fps):
    with pytest.raises(InputError, match="fps must be"):
        timing.snap_fps(fps)


@pytest.mark.parametrize(
    ("samples", "rate", "fps", "expected"),
    [
        (441_000, 44100, Fraction(24), 240),
        (441_001, 44100, Fraction(24), 241),
        (1, 192_000, Fraction(60), 1),
        (10_100 * 48, 48000, Fraction(30), 303),
        (7200 * 96_000, 96000, Fraction(24000, 1001), 172_628),
        (44_100 * 1001, 44100, Fraction(24000, 1001), 24_000),
    ],
)
def test_frame_count_is_exact(samples, rate, fps, expected):
    assert timing.frame_count(samples / rate, fps) == expected


def test_boundary_rounds_half_up_and_clamps():
    fps = Fraction(10)
    assert [timing.boundary(s, fps, 100) for s in (0.0, 0.04, 0.05, 0.149, 0.15, 0.25, 0.35)] == [0, 0, 1, 1, 2, 3, 4]
    assert timing.boundary(-1.0, fps, 100) == 0
    assert timing.boundary(99.0, fps, 100) == 100


def test_boundaries_do_not_drift_over_two_hours():
    fps = Fraction(24000, 1001)
    for frame in (0, 1, 1000, 100_000, 172_000):
        assert timing.boundary(timing.frame_start(frame, fps), fps, 10**9) == frame


def test_clock_text():
    assert timing.clock_text(75.0426) == "1:15.043"
