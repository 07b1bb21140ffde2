"""What a person agrees to, word for word. A change of meaning is a new version; records name theirs."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...base.errors import InputError

VERSION = "2026-11"
KEPT_DAYS = 365
TEXT = (
    (
        "What for",
        "Seven pictures of your face are taken to train a small model (a LoRA) that can paint you in music videos made "
        "with this program. They are used for nothing else.",
    ),
    (
        "What happens",
        "For about a minute you follow simple movements while your camera's pictures go to the computer that runs this "
        "program. It measures your face to check that a live person is there and that all pictures show the same "
        "person. Colours change on the screen once, at most twice a second; you can leave that out.",
    ),
    (
        "What is kept, and where",
        "Seven square pictures, encrypted, with the time, your made-up name and the check's scores, in a private "
        "folder of that computer. Measurements of your face are not kept, and nothing is sent anywhere else.",
    ),
    (
        "How long",
        f"Up to {KEPT_DAYS} days; after that the record can no longer be used.",
    ),
    (
        "How to take it back",
        "At any time, here with the key you get at the end, or on that computer with the command 'identities delete': "
        "pictures, training data and the models made from them on that computer are deleted. Copies that someone made "
        "of a finished model or video cannot be reached, and whoever owns the computer could get around its locks.",
    ),
)
CLASS_WORDS = ("person", "woman", "man")
TOKEN = re.compile(r"[a-z]{5,20}")
# Pronounceable and meaning nothing: consonant and vowel in turn from letters that rarely make English words.
_CONSONANTS, _VOWELS = "vzkxjqwfgb", "uoiy"
# The commonest words a person might type; the shape of the proposal keeps the rest away.
_COMMON = """
    about above after again along alone angel apple artist asian baby bache beach beauty black blond bride
    brown child christ city class cloud couple cyborg dance dancer danger daughter dream emily fairy family
    father female fight first flower forest ghost girl glass grand green groom guard guitar happy heart horse
    house human image jesus jenny juice knight lady laugh light lover magic model money monster mother mouse
    movie music naked nature night nurse ocean orange painting paper party peace people person photo piano
    picture plant police portrait president prince princess queen quiet river robot school shark sister smile
    smith snake soldier space spirit sport stone story street student style summer super teacher tiger train
    unicorn video voice water white winter witch woman women world young zebra
"""
_WORDS = frozenset(_COMMON.split())


def propose_token(random) -> str:
    """A name that means nothing, such as "vuzokiju". random: has `choice`."""
    return "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(4))


def check_token(token: object, known: Callable[[str], bool] = lambda word: False) -> str:
    """The token, if a model can learn it as a name of its own. Raises InputError.

    known: whether the model that reads the prompts has a meaning for a word.
    """
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise InputError("The name must be 5 to 20 small letters a-z without spaces or digits; take the proposed one.")
    if token in _WORDS or known(token):
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
