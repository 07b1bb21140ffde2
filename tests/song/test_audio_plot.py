"""The picture of an analysis."""

import subprocess
import sys

import numpy as np
import pytest

from songreel.nodes.song.audio import plot
from songreel.nodes.song.audio.analysis import analyze
from support.paths import ROOT


def clicks(seconds, rate=8_000):
    samples = np.zeros(int(seconds * rate), np.float32)
    for start in range(0, len(samples), rate // 2):
        samples[start : start + 60] = 0.9
    return samples


def near(picture, color, tolerance=60):
    """Which pixels are about that colour: bool (H, W)."""
    wanted = [int(color[index : index + 2], 16) for index in (1, 3, 5)]
    return np.abs(picture.astype(int) - wanted).max(axis=2) < tolerance


@pytest.mark.parametrize("size", [(1280, 480), (640, 300)])
@pytest.mark.parametrize("seconds", [3, 20, 200])
def test_size_and_type(seconds, size):
    samples = clicks(seconds)
    picture = plot.plot_analysis(samples, 8_000, analyze(samples, 8_000, fps=12), width=size[0], height=size[1])
    assert picture.dtype == np.uint8 and picture.shape == (size[1], size[0], 3)
    assert near(picture, plot.BACKGROUND, 4).mean() > 0.05
    assert near(picture, plot.ENVELOPE).sum() > 50


def test_downbeats_are_drawn_where_they_are():
    samples = clicks(20)
    song = analyze(samples, 8_000, fps=12)
    assert len(song.downbeats) >= 9
    picture = plot.plot_analysis(samples, 8_000, song)
    columns = np.flatnonzero(near(picture[300:330], plot.DOWNBEAT, 70).mean(axis=0) > 0.5)
    left, right = 0.055 * 1280, 0.975 * 1280
    for time in song.downbeats:
        assert np.abs(columns - (left + (right - left) * time / song.duration)).min() <= 2


@pytest.mark.parametrize(
    "samples", [np.zeros(8_000), np.ones(1), np.zeros((2, 4_000)), np.full((6, 800), 0.1)], ids=lambda s: str(s.shape)
)
def test_odd_songs_are_drawn_too(samples):
    samples = samples.astype(np.float32)
    before = samples.copy()
    picture = plot.plot_analysis(samples, 8_000, analyze(samples, 8_000, fps=24))
    assert picture.shape == (480, 1280, 3) and np.array_equal(samples, before)


@pytest.mark.parametrize(
    ("seconds", "duration", "text"), [(75, 200, "1:15"), (0, 200, "0:00"), (2.5, 5, "0:02.5"), (0.04, 0.1, "0:00.040")]
)
def test_time_axis_text(seconds, duration, text):
    assert plot.minutes(seconds, duration) == text


def test_pyplot_is_not_touched():
    code = (
        "import sys; import headless; import numpy as np\n"
        "from songreel.nodes.song.audio import analysis, plot; assert 'matplotlib' not in sys.modules\n"
        "song = analysis.analyze(np.zeros(9000, np.float32), 8000, fps=12)\n"
        "plot.plot_analysis(np.zeros(9000, np.float32), 8000, song)\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
