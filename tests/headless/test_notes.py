"""Notes of nodes reach the user of the command line, each once, and are counted."""

import io

import pytest

from headless.host import HeadlessHost
from songreel.nodes.base.notes import NOTES, shown


@pytest.mark.parametrize(
    ("texts", "notes", "text", "kept"),
    [
        (("a",), (), ["a"], []),
        (("a",), ("b", "c"), ["a", "b", "c"], ["b", "c"]),
        ((), ("b",), ["b"], ["b"]),
        (("a", "b"), ("",), ["a", "b"], []),
        (("a",), iter(["b"]), ["a", "b"], ["b"]),
    ],
)
def test_what_a_node_shows(texts, notes, text, kept):
    assert shown(*texts, notes=notes) == {"text": text, NOTES: kept}


def test_each_note_is_written_once():
    stream = io.StringIO()
    host = HeadlessHost(stream=stream)
    for output in (shown("x", notes=["1 line is left out."]), shown("y", notes=["1 line is left out.", "A guess."])):
        host.show_notes("Load Lyrics", output)
    for nothing in (None, {}, {"text": ["x"]}, {NOTES: None}, "x"):
        host.show_notes("Load Lyrics", nothing)
    assert stream.getvalue().splitlines() == [
        "Note from Load Lyrics: 1 line is left out.",
        "Note from Load Lyrics: A guess.",
    ]
    assert host.notes == ["1 line is left out.", "A guess."]
