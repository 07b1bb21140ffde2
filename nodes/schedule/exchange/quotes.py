"""Pairs of frame and prompt in whatever quotes they were typed, and JSON with a comma too many."""

from __future__ import annotations

import re

# Typographic quotes, as text programs make them of straight ones.
_DOUBLE, _SINGLE_SIGNS = "“”„‟", "‘’‚‛"
_STRAIGHT = {ord(sign): '"' for sign in _DOUBLE} | {ord(sign): "'" for sign in _SINGLE_SIGNS}
_TYPED = re.compile(
    rf"\{{?\s*[{_DOUBLE}{_SINGLE_SIGNS}]?\d+[{_DOUBLE}{_SINGLE_SIGNS}]?\s*:\s*[{_DOUBLE}{_SINGLE_SIGNS}]"
)
_PAIRS = re.compile(r"\{?\s*[\"']?\d+[\"']?\s*:\s*[\"']")
_IN_SINGLE = re.compile(r"\s*'?\d+'?\s*:\s*'")
# A pair in single quotes; a quote inside the prompt is one that no comma and no end follows.
_PAIR = re.compile(r"'?(\d+)'?\s*:\s*'((?:[^'\\]|\\.|'(?!\s*(?:,|\}|$)))*)'\s*(?:,|\}|$)\s*", re.DOTALL)


def straight(text: str) -> str:
    """The text in straight quotes, where typographic ones stand around a frame or its prompt."""
    return text.translate(_STRAIGHT) if _TYPED.match(text) else text


def are_pairs(text: str) -> bool:
    """Whether a text begins like "FRAME": "PROMPT", in braces or not."""
    return _PAIRS.match(text) is not None


def bare(text: str) -> str:
    """Pairs without the braces around them and the comma behind them."""
    text = text.strip().rstrip(",").rstrip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].rstrip().rstrip(",")
    return text


def single_quoted(text: str) -> list[tuple[str, str]] | None:
    """(frame, prompt) of pairs in single quotes, empty where one cannot be read; None where the quotes are others."""
    if not _IN_SINGLE.match(text):
        return None
    if _PAIR.sub("", text).strip():
        return []
    return [(match[1], match[2].replace("\\'", "'")) for match in _PAIR.finditer(text)]


def without_last_commas(text: str) -> str:
    """JSON without the commas that stand before a closing bracket, outside strings."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', lambda match: match[1] or "", text)
