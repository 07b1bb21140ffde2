"""Prompts to embeddings: ComfyUI's prompt syntax, CLIP's tokens in chunks of 75, weights.

`(words)` counts 1.1 times, `(words:1.2)` 1.2 times; brackets nest, and `\\(` `\\)` are plain brackets.
A textual inversion (`embedding:name`) is refused: this host cannot load one, and reading its name as
words would quietly change the picture.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from .parts import Clip
from .tokenizer import END, START, clip_tokenizer

if TYPE_CHECKING:
    import torch

from songreel.nodes.base.errors import InputError

CHUNK = 75
WORD = 8  # segments of fewer tokens are never split between chunks
_OPEN, _CLOSE = "\ue000", "\ue001"  # stand for the escaped brackets while the text is parsed


def tokenize(text: str) -> list[int]:
    """CLIP's token ids of a plain text, without begin and end."""
    return clip_tokenizer().encode(text, add_special_tokens=False).ids


def _pieces(text: str) -> list[str]:
    """Split at the outermost brackets; a bracketed piece keeps its brackets."""
    pieces, start, depth = [], 0, 0
    for position, character in enumerate(text):
        if character == "(":
            if depth == 0:
                pieces.append(text[start:position])
                start = position
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                pieces.append(text[start : position + 1])
                start = position + 1
    pieces.append(text[start:])
    return [piece for piece in pieces if piece]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    # "inf" and "nan" are read as the words they are: as weights they would blank the picture.
    return value if math.isfinite(value) else None


def _weigh(text: str, weight: float) -> list[tuple[str, float]]:
    segments = []
    for piece in _pieces(text):
        if len(piece) < 2 or piece[0] != "(" or piece[-1] != ")":
            segments.append((piece, weight))
            continue
        words, colon, given = piece[1:-1].rpartition(":")
        value = _number(given) if words else None
        if colon and value is not None:
            segments += _weigh(words, value)
        else:
            segments += _weigh(piece[1:-1], weight * 1.1)
    return segments


def parse_weights(text: str) -> list[tuple[str, float]]:
    """The segments of a prompt, each with its weight."""
    marked = re.sub(r"\\([()])", lambda match: _OPEN if match[1] == "(" else _CLOSE, text)
    return [(words.replace(_OPEN, "(").replace(_CLOSE, ")"), weight) for words, weight in _weigh(marked, 1.0)]


def chunks(text: str) -> list[list[tuple[int, float]]]:
    """Tokens of a prompt with their weights, in rows of 77 that each begin with 49406 and end with 49407.

    Raises
    ------
    InputError
        When the prompt uses a textual inversion.
    """
    rows: list[list[tuple[int, float]]] = []
    row: list[tuple[int, float]] = []

    def close():
        nonlocal row
        rows.append(([(START, 1.0), *row] + [(END, 1.0)] * (CHUNK + 1))[: CHUNK + 2])
        row = []

    for words, weight in parse_weights(text):
        inversion = re.search(r"(?:^|[ \n])(embedding:[^\s,]*)", words)
        if inversion:
            raise InputError(
                f"The prompt uses the textual inversion '{inversion[1]}', which works in ComfyUI only; "
                "remove it or run the workflow in ComfyUI."
            )
        tokens = [(token, weight) for token in tokenize(words)]
        splits = len(tokens) >= WORD
        while len(row) + len(tokens) > CHUNK:
            if splits:
                room = CHUNK - len(row)
                row, tokens = row + tokens[:room], tokens[room:]
            close()
        row = row + tokens
    close()
    return rows


def encode_text(clip: Clip, text: str) -> torch.Tensor:
    """Prompt embedding: the last layer of the text encoder after its final norm.

    Every token's embedding moves away from that of the empty prompt by its weight.

    Returns
    -------
    Tensor
        float32 (1, 77 * k, width) on the CPU; k chunks of 75 tokens.
    """
    import torch

    rows = chunks(text)
    weights = torch.tensor([[weight for _, weight in row] for row in rows])
    ids = [[token for token, _ in row] for row in rows]
    weighted = bool((weights != 1).any())
    if weighted:
        ids.append([START] + [END] * (CHUNK + 1))
    module = clip.ready()
    with torch.no_grad():
        z = module(torch.tensor(ids, device=clip.weights.device)).last_hidden_state.float().cpu()
    if weighted:
        z, empty = z[:-1], z[-1:]
        z = torch.where(weights[..., None] == 1, z, (z - empty) * weights[..., None] + empty)
    return z.reshape(1, -1, z.shape[-1])
