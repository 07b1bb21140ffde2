"""In which language words are written: by its script, or by its little words."""

from __future__ import annotations

import re
import unicodedata

_SCRIPTS = (
    ("ja", "\u3040-\u30ff"),
    ("ko", "\uac00-\ud7af"),
    ("zh", "\u4e00-\u9fff"),
    ("ar", "\u0600-\u06ff"),
    ("he", "\u0590-\u05ff"),
    ("el", "\u0370-\u03ff"),
    ("hi", "\u0900-\u097f"),
    ("th", "\u0e00-\u0e7f"),
)
_LITTLE_WORDS = {
    "en": "the and you i to my me is in of it that on your we be all with for don't i'm was are this so just what when",
    "de": "der die das und ich du nicht ist ein eine mir dich mich wir auf mit den dem im zu von so wie auch nur noch",
    "fr": "le la les et je tu de un une est pas que dans mon ma toi moi nous vous des du au qui pour sur c'est j'ai",
    "es": "el la los las y que de en mi tu yo no un una me te es con por para se como pero lo del al su sin",
    "pt": "o a os as e que de em meu minha eu não um uma me te é com por para se como mas do da no na você sem",
    "it": "il la le e che di in mio mia io non un una mi ti è con per si come ma del della lo gli sono nel tu",
    "nl": "de het een en ik je niet is mijn jij van in op met dat die voor maar we wij zijn aan nog als zo",
    "pl": "i w nie na się to że z mnie ja ty mi jest jak do co o tak ale po już za tylko by",
    "sv": "och jag du det är en ett inte som på för med av mig dig vi har den att i så men om",
    "tr": "ve bir bu ben sen ne için da de gibi çok daha beni seni var yok her o mi benim senin",
    "ru": "и в не на я ты что с как мне меня мы все это но так за по из у к тебя он она",
    "uk": "і в не на я ти що з як мені мене ми все це але так за по із у до тебе він вона є",
}  # fmt: skip
_LEAST = 3


def language_of(text: str) -> str:
    """The ISO 639-1 code of a text's language; empty where its words do not tell it clearly.

    A script of one language decides. Else that language does which has at least three little words in the text, and
    half as many again as the next.
    """
    letters = [sign for sign in text if sign.isalpha()]
    for code, signs in _SCRIPTS:
        if len(re.findall(f"[{signs}]", text)) > 0.2 * max(len(letters), 1):
            return code
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", unicodedata.normalize("NFC", text.casefold()).replace("’", "'"))
    counts = sorted(
        ((sum(word in set(little.split()) for word in words), code) for code, little in _LITTLE_WORDS.items()),
        reverse=True,
    )
    (most, code), (second, _) = counts[0], counts[1]
    return code if most >= _LEAST and most >= 1.5 * second else ""
