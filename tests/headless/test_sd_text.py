import pytest
import torch

from headless.sd.text import END, START, chunks, encode_text, parse_weights, tokenize
from songreel.nodes.base.errors import InputError
from support.demo_parts import demo_parts


def test_tokens_are_clips():
    assert tokenize("a photo of an astronaut") == [320, 1125, 539, 550, 18376]
    assert tokenize("Cafe\u0301") == tokenize("caf\u00e9") != []
    assert tokenize("") == []


@pytest.mark.parametrize(
    "text, segments",
    [
        ("plain", [("plain", 1.0)]),
        ("", []),
        ("a (b) c", [("a ", 1.0), ("b", 1.1), (" c", 1.0)]),
        ("(b:1.3)", [("b", 1.3)]),
        ("((b))", [("b", 1.1 * 1.1)]),
        ("((b):1.5)", [("b", 1.5 * 1.1)]),
        ("(a (b:0.5) c:1.2)", [("a ", 1.2), ("b", 0.5), (" c", 1.2)]),
        ("(a:-1)", [("a", -1.0)]),
        (r"\(a\) (b)", [("(a) ", 1.0), ("b", 1.1)]),
        (r"(\(a\):1.4)", [("(a)", 1.4)]),
        ("[a]", [("[a]", 1.0)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("(4:3:1.2)", [("4:3", 1.2)]),
        ("(:1.2)", [(":1.2", 1.1)]),
        ("(a:nan)", [("a:nan", 1.1)]),
        ("(a:inf)", [("a:inf", 1.1)]),
        ("a (b", [("a ", 1.0), ("(b", 1.0)]),
        ("a) b", [("a) b", 1.0)]),
        ("()", []),
    ],
)
def test_weights(text, segments):
    assert parse_weights(text) == [(words, pytest.approx(weight)) for words, weight in segments]


def test_an_empty_prompt_is_one_padded_chunk():
    assert chunks("") == [[(START, 1.0)] + [(END, 1.0)] * 76]


@pytest.mark.parametrize("n_words, n_chunks", [(74, 1), (75, 1), (76, 2), (150, 2), (151, 3)])
def test_chunks_of_75(n_words, n_chunks):
    rows = chunks("word " * n_words)
    assert len(rows) == n_chunks
    assert {len(row) for row in rows} == {77}
    assert all(row[0] == (START, 1.0) and row[-1] == (END, 1.0) for row in rows)
    assert sum(token not in (START, END) for row in rows for token, _ in row) == n_words


@pytest.mark.parametrize("tail_words, first", [(7, 72), (8, 75)])
def test_a_short_segment_is_not_split(tail_words, first):
    rows = chunks("word " * 72 + "(" + "tail " * tail_words + ":1.2)")
    assert [sum(token != END for token, _ in row[1:]) for row in rows] == [first, 72 + tail_words - first]


@pytest.mark.parametrize("text", ["embedding:bad-hands", "a hand, embedding:bad-hands", "(embedding:bad-hands:1.2)"])
def test_a_textual_inversion_is_refused_by_name(text):
    with pytest.raises(InputError, match="embedding:bad-hands"):
        chunks(text)


@pytest.mark.parametrize("text, rows", [("", 77), ("a cat", 77), ("word " * 80, 154), ("(a:1.5) " * 100, 154)])
def test_shape(text, rows):
    embedding = encode_text(demo_parts()[1], text)
    assert embedding.shape == (1, rows, 64)
    assert embedding.dtype == torch.float32
    assert embedding.isfinite().all()


def test_weights_move_away_from_the_empty_prompt():
    clip = demo_parts()[1]
    plain, empty = encode_text(clip, "a cat"), encode_text(clip, "")
    weighted = encode_text(clip, "a (cat:1.5)")
    torch.testing.assert_close(weighted[:, 2], empty[:, 2] + 1.5 * (plain[:, 2] - empty[:, 2]))
    torch.testing.assert_close(weighted[:, :2], plain[:, :2])
    torch.testing.assert_close(weighted[:, 3:], plain[:, 3:])
    torch.testing.assert_close(encode_text(clip, "a (cat:1.0)"), plain)
