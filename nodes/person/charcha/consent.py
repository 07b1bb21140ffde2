"""What a person agrees to, word for word. A change of meaning is a new version; records name theirs."""

from __future__ import annotations

import functools
import lzma
import re
from collections.abc import Callable
from pathlib import Path

from ...base.errors import InputError
from ...base.guard import blocked_words

VERSION = "2026-12"
# Versions whose text says that faces in videos are compared with these.
COMPARES = ("2026-12",)
KEPT_DAYS = 365
TEXT = (
    (
        "What for",
        "Seven pictures of your face are taken to train a small model (a LoRA) that can paint you in music videos made "
        "with this program, and to count by their face's measurements how often you are in a video. They are used for "
        "nothing else.",
    ),
    (
        "What happens",
        "For about a minute you follow simple movements while your camera's pictures go to the computer that runs this "
        "program. It measures your face to check that a live person is there and that all pictures show the same "
        "person. Colours change on the screen once, at most twice a second and without saturated red: fewer than three "
        "flashes in any second (WCAG 2.3.1). You can leave that out.",
    ),
    (
        "What is kept, and where",
        "Seven square pictures, encrypted, with the time, your made-up name and the check's scores, in a private "
        "folder of that computer. Measurements of your face are not kept, and nothing is sent anywhere else.",
    ),
    (
        "How long",
        f"Up to {KEPT_DAYS} days; after that the record can no longer be used, and its pictures are deleted.",
    ),
    (
        "How to take it back",
        "At any time, here with the key you get at the end, or on that computer with the command 'identities delete': "
        "what runs stops at its next step, and pictures, training data and the models made from them on that computer "
        "are deleted. Copies that someone made of a finished model or video cannot be reached, and whoever owns the "
        "computer could get around its locks.",
    ),
)
CLASS_WORDS = ("person", "woman", "man")
_WORDS = Path(__file__).with_name("english_words.txt.xz")
TOKEN = re.compile(r"[a-z]{5,20}")
# Pronounceable and meaning nothing: consonant and vowel in turn from letters that rarely make English words.
_CONSONANTS, _VOWELS = "vzkxjqwfgb", "uoiy"
# What no part of a name may be: insults, bodies, and what prompts may not ask for.
_NEVER_INSIDE = re.compile(
    r"porn|nud[ei]|naked|fuck|cunt|whore|slut|nigg|fagg|rape|rapi|penis|vagin|dick|cock|bitch|nazi|hitler|loli|pedo|paedo"
    r"|sex|bastard|asshole|arsehole|wank|boob|titt|tranny|retard|spastic|hooker|prostitut|child|teen|kid"
)


def propose_token(random) -> str:
    """A name that means nothing, such as "vuzokiju". random: has `choice`."""
    while True:
        token = "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(4))
        if not _means_something(token):
            return token


@functools.cache
def english_words() -> frozenset[str]:
    """285,064 English words and names of 3 to 20 letters, from SCOWL; see english_words.LICENSE.txt."""
    return frozenset(lzma.decompress(_WORDS.read_bytes()).decode("ascii").split("\n"))


def _means_something(token: str) -> bool:
    """Whether a name is a word, two words together, or has one in it that insults."""
    words = english_words()
    pairs = ((token[:cut], token[cut:]) for cut in range(3, len(token) - 2))
    return token in words or bool(_NEVER_INSIDE.search(token)) or any({one, two} <= words for one, two in pairs)


def check_token(token: object, known: Callable[[str], bool] = lambda word: False) -> str:
    """The token, if a model can learn it as a name of its own. Raises InputError.

    known: whether the model that reads the prompts has a meaning for a word.
    """
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise InputError("The name must be 5 to 20 small letters a-z without spaces or digits; take the proposed one.")
    if _means_something(token) or known(token) or blocked_words(f"photo of {token} person"):
        raise InputError("The name must not be a word, since the model has a meaning for those; take the proposed one.")
    return token


def check_class_word(word: object) -> str:
    """Raises InputError when the word is not one of `CLASS_WORDS`."""
    if word not in CLASS_WORDS:
        raise InputError(f"The class word must be one of {', '.join(CLASS_WORDS)}.")
    return word


def check_version(version: object) -> str:
    """Raises InputError when the consent that was given is not to the text of today."""
    if version != VERSION:
        raise InputError("Consent was not given to the current text; reload the page and read it again.")
    return version
