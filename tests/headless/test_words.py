"""Words of the command line: times, long names, addresses, options that a workflow has no place for."""

import os
from pathlib import Path

import pytest

from headless.cli import common
from headless.host import HeadlessHost
from headless.workflow.options import UsageError
from songreel.nodes.base.media.files import atomic_path, part_name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("4", "4"),
        ("4.5", "4.5"),
        ("0:04", "4"),
        ("1:02.25", "62.25"),
        ("1:00:04", "3604"),
        ("4s", "4"),
        (" 7 ", "7"),
    ],
)
def test_times(text, seconds):
    assert common.seconds_text(text, "--start") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "0:75", "1:2:3:4", "4 min", "1e3"])
def test_what_is_no_time(text):
    with pytest.raises(UsageError, match="--start must be a time such as 4, 4.5 or 0:04.5, got"):
        common.seconds_text(text, "--start")


@pytest.mark.parametrize("name", ["https://a.b/c.mp3", "http:/a.b/c.mp3", "ftp://a", "s3://a/b.wav", "file:///a.mp3"])
def test_an_address_is_no_song(name):
    with pytest.raises(UsageError, match="is an address; download the song"):
        common.song_file(name, HeadlessHost())


@pytest.mark.parametrize("length", [1, 100, 245, 250, 255])
def test_a_result_of_any_length_of_name_is_written_whole(tmp_path, length):
    path = tmp_path / ("y" * length)
    assert common.prepare_output(path) == path
    with atomic_path(path) as part:
        part.write_text("x")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_longer_name_is_refused():
    with pytest.raises(UsageError, match="has 256 bytes; give one of at most 255"):
        common.prepare_output(Path("y" * 256))
    assert len(os.fsencode(part_name("ü" * 127))) <= 255
