"""The headless host: folders, files, progress, previews, cancelling."""

import errno
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from headless.cli import common
from headless.folders import numbered
from headless.host import HeadlessHost, Interrupted
from songreel.nodes.base.errors import InputError


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.delenv("SONGREEL_MODELS", raising=False)
    return HeadlessHost(tmp_path / "home", inputs=tmp_path, stream=io.StringIO())


def test_folders(host, tmp_path, monkeypatch):
    assert host.private_dir() == tmp_path / "home" / "private"
    if os.name == "posix":
        assert host.private_dir().stat().st_mode & 0o777 == 0o700
    assert host.temp_dir() != host.output_dir()
    assert host.model_folders("checkpoints") == []
    more = tmp_path / "more"
    for folder in (tmp_path / "home" / "models", more):
        (folder / "checkpoints" / "sub").mkdir(parents=True)
        (folder / "checkpoints" / "sub" / f"{folder.name}.safetensors").touch()
    monkeypatch.setenv("SONGREEL_MODELS", str(more))
    again = HeadlessHost(tmp_path / "home")
    assert again.model_names("checkpoints") == ["sub/models.safetensors", "sub/more.safetensors"]
    assert again.model_file("checkpoints", "sub/more.safetensors") == more / "checkpoints" / "sub" / "more.safetensors"
    with pytest.raises(InputError, match="no model '../x'"):
        again.model_file("checkpoints", "../x")


def test_files_are_known_by_their_base_name(host, tmp_path):
    first, second = tmp_path / "a" / "song.wav", tmp_path / "b" / "song.wav"
    for path in (first, second):
        path.parent.mkdir()
        path.touch()
    assert host.register("input", first) == host.register("input", first) == "song.wav"
    assert host.register("input", second) == "song-2.wav"
    assert (host.input_file("song.wav"), host.input_file("song-2.wav")) == (first, second)
    assert host.register("checkpoints", first) == "song.wav"
    assert host.model_file("checkpoints", "song.wav") == first


@pytest.mark.parametrize("name", ["none.wav", "../x.wav", "a [output]", "../../etc/hosts [temp]"])
def test_input_files_that_are_none(host, name):
    with pytest.raises(InputError, match="no input file"):
        host.input_file(name)


def test_files_are_numbered_on(tmp_path):
    assert numbered("video/beat", tmp_path)[1:] == ("beat", 1, "video")
    for name in ("beat_00007_.mp4", "beat_00002_.png", "beats_00099_.mp4"):
        (tmp_path / "video" / name).touch()
    assert numbered("video/beat", tmp_path)[1:] == ("beat", 8, "video")
    assert numbered("%width%x%height%", tmp_path, width=8, height=16)[1:] == ("8x16", 1, "")
    for prefix in ("../x", "/tmp/x", "a/../../x"):
        with pytest.raises(InputError, match="filename_prefix must stay inside"):
            numbered(prefix, tmp_path)


def test_progress_in_a_log_is_sparse(host):
    with host.executing("3", "Film"):
        assert host.node_id() == "3"
        progress = host.progress(100)
        for done in range(101):
            progress.update(done)
        progress.status("240 frames")
    lines = host.terminal.stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Film: 100/100 100%")
    assert lines[1] == "Film: 240 frames"
    assert host.node_id() is None


def test_previews_are_written(tmp_path):
    host = HeadlessHost(tmp_path / "home", preview=tmp_path / "p.jpg", stream=io.StringIO())
    host.progress(2).update(1, np.full((8, 12, 3), 200, np.uint8))
    from PIL import Image

    with Image.open(tmp_path / "p.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (12, 8))
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_ctrl_c_is_seen_at_the_next_check(host):
    with host.catching_ctrl_c():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted):
            host.progress(3).update(1)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert "Ctrl-C again" in host.terminal.stream.getvalue()


def test_temporary_folders_of_killed_processes_go(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    left = tmp_path / "temp" / f"{dead.pid}-abc"
    left.mkdir(parents=True)
    HeadlessHost(tmp_path).temp_dir()
    assert not left.exists()


def test_an_unwritable_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="set SONGREEL_HOME"):
        HeadlessHost(tmp_path / "file").temp_dir()


def test_publish_across_disks(tmp_path, monkeypatch):
    source, out = tmp_path / "source", tmp_path / "out.mp4"
    source.write_bytes(b"video")
    replace = os.replace

    def other_disk(a, b):
        if Path(a) == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(a, b)

    monkeypatch.setattr(os, "replace", other_disk)
    common.publish(source, out)
    assert out.read_bytes() == b"video"
    assert not source.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
