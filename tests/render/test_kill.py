"""kill -9 at random moments of a headless render, then the same command again: the same video, nothing stray."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from songreel.nodes.base.media import video
from support.paths import ROOT


def command(out):
    # Small chunks (batch 2), 60 frames in at least three shots.
    return [
        sys.executable,
        "-m",
        "headless",
        "render",
        "demo",
        # Without the training that the demo song's usual video begins with.
        "--workflow",
        "story",
        "--out",
        str(out),
        "--seconds",
        "5",
        "--size",
        "64x64",
    ] + [*("--steps", "8", "--set", "RenderMusicVideo.batch_size=2", "--set", "RenderMusicVideo.crf=0")]


def environment(home):
    # No ffmpeg or any other program on the PATH, no display, no model hub.
    return {
        "PATH": "",
        "HOME": str(home),
        "SONGREEL_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }


def render(home, out):
    return subprocess.run(command(out), cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    home = tmp_path_factory.mktemp("whole")
    begin = time.monotonic()
    done = render(home, home / "out.mp4")
    assert done.returncode == 0, done.stderr
    return np.stack(list(video.read_frames(home / "out.mp4"))), time.monotonic() - begin


def parts_done(home):
    work = home / "private" / "work"
    return len([path for path in work.rglob("*") if path.suffix in (".npz", ".mp4")]) if work.exists() else 0


def test_three_kills_and_the_same_video(tmp_path, whole):
    expected, _ = whole
    folder = tmp_path / "videos"
    folder.mkdir()
    random_moment = random.Random(7)
    for goal in (1, 3, 6):
        process = subprocess.Popen(
            command(folder / "out.mp4"), cwd=ROOT, env=environment(tmp_path), stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while parts_done(tmp_path) < goal and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(random_moment.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not list(folder.iterdir())
    before = parts_done(tmp_path)
    done = render(tmp_path, folder / "out.mp4")
    assert done.returncode == 0, done.stderr
    assert before >= 3
    assert [path.name for path in folder.iterdir()] == ["out.mp4"]
    assert np.array_equal(np.stack(list(video.read_frames(folder / "out.mp4"))), expected)
    assert not list((tmp_path / "private").rglob("*.npz"))


def test_interrupt_ends_with_130_and_the_render_continues(tmp_path, whole):
    out = tmp_path / "out.mp4"
    process = subprocess.Popen(command(out), cwd=ROOT, env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
    while parts_done(tmp_path) < 2 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in told
    assert told.strip().splitlines()[-1].startswith("Interrupted")
    assert not out.exists()
    assert render(tmp_path, out).returncode == 0
    assert np.array_equal(np.stack(list(video.read_frames(out))), whole[0])
