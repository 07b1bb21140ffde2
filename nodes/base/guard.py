"""What no prompt may ask for, and what every negative prompt names: kept in code, where no JSON edits it away."""

from __future__ import annotations

import re
import unicodedata

from .errors import InputError

# In the spirit of MVP's negative prompt (arXiv 2502.02610): poor quality, and what harms or belittles people.
QUALITY = ("text", "watermark", "signature", "low quality", "blurry", "deformed hands", "extra fingers", "bad anatomy")
BIAS = ("nsfw", "nudity", "sexualised", "gore", "harmful stereotype", "whitewashed skin")

_SEXUAL = r"nudes?|naked|nsfw|porn\w*|hentai|topless|bottomless|genital\w*|penis|vagina|nipples?|erotic\w*|orgasm\w*"
_CRUEL = r"gore|gory|beheaded|decapitat\w*|dismember\w*|disembowel\w*|mutilat\w*"
_ABUSE = r"lolicon?|shotacon|child porn\w*|rape[ds]?|raping"
_HATE = r"swastikas?|nazi salute|blackface|ku klux klan"
_BLOCKED = re.compile(rf"\b(?:{'|'.join((_SEXUAL, _CRUEL, _ABUSE, _HATE))})\b")
_DISGUISE = str.maketrans("013457@$", "oleastas")


def blocked_words(text: str) -> tuple[str, ...]:
    """The words of a prompt that it may not have, as they were recognised; empty when there is none."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    found = (_BLOCKED.findall(plain), _BLOCKED.findall(plain.translate(_DISGUISE)))
    return tuple(dict.fromkeys(word for words in found for word in words))


def check_prompt(text: str, where: str) -> None:
    """Raises InputError when a prompt asks for what is blocked; `where` says which prompt it is."""
    if words := blocked_words(text):
        raise InputError(
            f"{where}: '{words[0]}' is not shown in videos made with this pack; take it out of the prompt."
        )


def guarded_negative(text: str) -> str:
    """A negative prompt with the quality and bias terms that it does not name yet."""
    named = {part.strip().casefold() for part in text.split(",")}
    return ", ".join([*([text.strip().rstrip(",")] if text.strip() else []),
                      *(term for term in (*QUALITY, *BIAS) if term not in named)])  # fmt: skip
