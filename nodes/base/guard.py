"""What no prompt may ask for, and what every negative prompt names: kept in code, where no JSON edits it away."""

from __future__ import annotations

import re
import unicodedata

from .errors import InputError

# In the spirit of MVP's negative prompt (arXiv 2502.02610): poor quality, and what harms or belittles people.
QUALITY = ("text", "watermark", "signature", "low quality", "blurry", "deformed hands", "extra fingers", "bad anatomy")
BIAS = ("nsfw", "nudity", "sexualised", "gore", "harmful stereotype", "whitewashed skin")

_GARMENT = r"(?:clothes|clothing|garments?|underwear|undies|pants|trousers|panties|bra|a stitch|a thread)"
# Clothes that are not worn: a line, a shop, a floor.
_NOT_WORN = r"(?![ -](?:line|lines|peg|pegs|rack|racks|hanger|hangers|shop|store|brand|on the floor|in the|lying))"
_SEXUAL = (
    r"nudes?|nudity|nudists?|naked(?:ness)?|nsfw|porn\w*|hentai|topless|genital\w*|penis(?:es)?|vaginas?|vulvas?"
    r"|nipples?|erotic\w*|orgasm\w*|orgy|orgies|undress(?:ed|ing|es)?|unclothed|disrob\w+|unclad|strip[ -]?teases?"
    r"|masturbat\w*|ejaculat\w*|blow[ -]?jobs?|hand[ -]?jobs?|fellatio|cunnilingus|dildos?|cum ?shots?|upskirts?"
    r"|camel ?toes?|titties|boobs?|bdsm|threesomes?|sex (?:scene|act|tape|toy|slave|position)s?|having sex|sexual acts?"
    r"|sexual intercourse|bottomless(?! (?:pit|lake|sea|ocean|well|abyss|depth|hole|brunch|cup|night)s?)"
    r"|in the (?:nude|buff)|(?:in (?:her|his|their) )?birthday suits?"
    r"|(?:bare|exposed|uncovered) (?:breast|boob|buttock|butt|bum|ass|arse|bottom|genital|crotch|bosom)(?:e?s)?"
    r"|bare[ -]?(?:breasted|bottomed|assed)"
    rf"|(?:without|no|with no|minus) (?:any |her |his |their |all |some )?{_GARMENT}\b{_NOT_WORN}"
    rf"|(?:not|never|n't) wearing (?:any ?thing|any {_GARMENT}|a thing|{_GARMENT}|(?:a )?bra)"
    rf"|wear(?:s|ing)? (?:nothing|no {_GARMENT})|dressed in nothing|nothing on but|(?:wearing|with) nothing but"
    rf"|(?:takes?|taking|took|takes|tear|tears|tearing|rips?|ripping) off (?:all )?(?:her|his|their) {_GARMENT}"
)
_CRUEL = (
    r"gore|gory|behead(?:ed|ing|s)?|decapitat\w*|dismember\w*|disembowel\w*|mutilat\w*|eviscerat\w*|severed "
    r"(?:head|limb|arm|leg|hand)s?|snuff (?:film|movie|video)s?|entrails"
)
_ABUSE = r"lolicons?|loli|shotacons?|shota|child porn\w*|p(?:a?e)doph\w*|jailbait|rape[ds]?|raping|rapists?|incest\w*"
_HATE = r"swastikas?|nazi salutes?|black ?face|ku klux klan|white power salutes?"
_ALWAYS = "|".join((_SEXUAL, _CRUEL, _ABUSE, _HATE))
_BLOCKED = re.compile(rf"\b(?:{_ALWAYS})\b")

_TEEN = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven)teen)"
_MINOR = re.compile(
    r"\b(?:child(?:ren|like|ish)?|kids?|kiddies?|toddlers?|infants?|babies|minors?|under ?aged?"
    r"|teen(?:s|age|aged|agers?)?|pre-?teens?|tweens?|adolescents?|juveniles?|school ?(?:girl|boy|kid|child)(?:s|ren)?"
    r"|(?:little|small|young) (?:girl|boy)s?|lolitas?|kindergart\w+|pupils? of a school|pubescent|pre-?pubescent"
    rf"|(?:[1-9]|1[0-7]|{_TEEN})[ -]?(?:years?|yrs?|y)[ -]?(?:old|o)?s?)\b"
)
# Said of adults some of these are harmless; said together with a minor none is.
_WITH_A_MINOR = re.compile(
    r"\b(?:sex(?:y|ier|iest|iness|ual\w*|uali[sz]\w*)?|sensual\w*|seduc\w+|sultry|lingerie|thongs?|bikinis?|panties"
    r"|underwear|provocative\w*|arous\w+|lust\w*|kinky|fetish\w*|lewd\w*|horny|slutty?|sluts?|whor\w+|cleavage|busty"
    r"|voluptuous|stripper\w*|striptease|stripping|strips off|bare (?:skin|chest)|spread legs|making out|bondage"
    r"|half[ -]naked|scantily|skimpy|breasts?|buttocks|crotch|intimate|brothel\w*|prostitut\w*)\b"
)

_LEET = str.maketrans("01345678@$€+|!", "oleasgtbaseti" + "i")
_LEET_I = str.maketrans("013457@$!|", "oieastasii")
_LOOKALIKES = str.maketrans("аеорсухіјѕԁɡоαενοικρτυ", "aeopcyxijsdgoaevoikptu")
_SPACED = re.compile(r"(?<!\w)(?:\w[\s\W_]{1,3}){3,}\w(?!\w)")
_LONG_RUN = re.compile(r"([a-z])\1{2,}")
_INSIDE = re.compile(r"(?<=\w)[^\w\s]+(?=\w)")
# What is long enough to be read out of single letters: a stem at their beginning.
_STEMS = re.compile(
    r"a?(?:nude|naked|nsfw|porn|hentai|topless|penis|vagina|nipple|erotic|undress|rape(?!s?eed)|gore|loli)"
)


def blocked_words(text: str) -> tuple[str, ...]:
    """The words of a prompt that it may not have, as they were recognised; empty when there is none.

    Letters in disguise are read too: accents, look-alikes, figures for letters, letters apart, letters repeated.
    """
    found: dict[str, None] = {}
    for plain in _readings(text):
        found |= dict.fromkeys(match.group() for match in _BLOCKED.finditer(plain))
        minor = _MINOR.search(plain)
        if minor and (sexual := _WITH_A_MINOR.search(plain)):
            found[f"{sexual.group()} with {minor.group()}"] = None
    spelt = (re.sub(r"[\W_]", "", match.group()) for plain in _readings(text) for match in _SPACED.finditer(plain))
    found |= dict.fromkeys(word for word in spelt if _STEMS.match(word))
    return tuple(found)


def _readings(text: str) -> tuple[str, ...]:
    """A text in small plain letters, in each of the ways in which it can be read."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    # Combining marks, and signs without a width.
    plain = "".join(letter for letter in plain if unicodedata.category(letter) not in ("Mn", "Cf"))
    plain = " ".join(plain.replace("’", "'").translate(_LOOKALIKES).split())
    ways = [plain, plain.translate(_LEET), plain.translate(_LEET_I), _INSIDE.sub("", plain)]
    ways += [plain.replace("_", " "), _INSIDE.sub("", plain.translate(_LEET))]
    ways += list(_LONG_RUN.sub(r"\1", way) for way in list(ways))
    return tuple(dict.fromkeys(ways))


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
