"""Bytes of a text file -> text: UTF-8 and UTF-16, and the older code pages that people's files are still in."""

from __future__ import annotations

import codecs
import re

from .errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_KANA = re.compile("[\u3040-\u30ff]")
# What Central European letters look like when they are read as Western ones, beside a letter.
_CENTRAL = re.compile(r"(?:[^\W\d_][³¹¿šžŸ¾¼£ŠŽ])|(?:[³¿šžŸ¾¼£ŠŽ][^\W\d_])")
_MANY_LETTERS = ("gb18030", "big5", "cp949", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874")


def decoded(data: bytes) -> tuple[str, str]:
    """The text of a file, and the code page it was in where that had to be guessed.

    Parameters
    ----------
    data : what the file holds

    Returns
    -------
    (text, page) : page is empty for UTF-8, and for UTF-16 and UTF-32 with a byte order mark

    The rule: a byte order mark; else UTF-8; else UTF-16 where every other byte is 0; else, where letters beyond ASCII
    stand alone between others, Western (cp1252) or Central European (cp1250); else the Japanese pages where they give
    kana; else what charset-normalizer finds among the pages of Chinese, Korean, Cyrillic, Greek, Hebrew, Arabic, Thai.

    Raises
    ------
    InputError
        The bytes are no text in any of these.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data, name), ""
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    for name, zeros in (("utf-16-le", data[1::2]), ("utf-16-be", data[::2])):
        if len(data) % 2 == 0 and zeros.count(0) > 0.3 * len(zeros):
            return _strict(data, name), name
    page = _page(data)
    return _strict(data, page), page


def _strict(data: bytes, name: str) -> str:
    try:
        return data.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise InputError(f"The text is no {name} throughout; save the file as UTF-8.") from None


def _page(data: bytes) -> str:
    if b"\0" in data:
        raise InputError("The file holds no text; save it as text in UTF-8.")
    high = [byte >= 0x80 for byte in data]
    beside = sum(
        here and (before or after)
        for before, here, after in zip([False, *high], high, [*high[1:], False], strict=False)
    )
    if beside < 0.5 * sum(high):
        west = data.decode("cp1252", "replace")
        return "cp1250" if "\ufffd" in west or _CENTRAL.search(west) else "cp1252"
    for name in ("cp932", "euc_jp"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        letters = sum(ord(sign) > 0x7F for sign in text)
        # Single-byte katakana is what other pages look like in cp932.
        if len(_KANA.findall(text)) >= 0.2 * letters:
            return name
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=list(_MANY_LETTERS)).best()
    if best is None:
        raise InputError("The letters of the file are in no code page that is known; save it as UTF-8.")
    return best.encoding
