"""CLIP's byte-pair tokenizer, from a vocabulary that lies beside this module: no hub, no download."""

from __future__ import annotations

import functools
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START, END = 49406, 49407
MERGES = Path(__file__).with_name("clip_vocabulary") / "merges.txt.gz"
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@functools.cache
def clip_tokenizer() -> Tokenizer:
    """The tokenizer of SD1.5's text encoder; `encode(text).ids` has no start and end tokens.

    The same ids as CLIPTokenizer gives (Radford et al. 2021): NFC, one space for any white space, lower
    case, then byte-pair merges within words, the last piece of a word marked with </w>.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    with gzip.open(MERGES, "rt", encoding="utf-8") as file:
        merges = [(pair[0], pair[1]) for pair in map(str.split, file)]
    printable = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    alphabet = printable + [chr(256 + index) for index in range(256 - len(printable))]
    pieces = alphabet + [letter + "</w>" for letter in alphabet] + ["".join(pair) for pair in merges]
    vocabulary = {piece: index for index, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = Tokenizer(
        models.BPE(
            vocabulary, merges, continuing_subword_prefix="", end_of_word_suffix="</w>", unk_token="<|endoftext|>"
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    return tokenizer
