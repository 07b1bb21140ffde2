"""What a reader of lyrics gives, and what in a file is no sung word: labels, note signs, credits, page text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .tidy import Entry


@dataclass(frozen=True)
class Sheet:
    """A file of lyrics as read: entries with times or lines without, the language, and what was left out."""

    entries: tuple[Entry, ...] = ()
    lines: tuple[str, ...] = ()
    language: str = ""
    notes: tuple[str, ...] = ()


_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^}]*\}")
_SQUARE_LABEL = re.compile(r"[\[［【{][^\[\]{}］】]{1,60}[\]］】}]\s*:?(?:\s*[x×]\s*\d+)?")
_PART = (
    r"(?:intro|outro|verse|pre[- ]?chorus|post[- ]?chorus|chorus|refrain|bridge|hook|interlude"
    r"|solo|break(?:down)?|coda|drop"
    r"|instrumental|ending|spoken|repeat|musi[ck]|music\w*|applause|strophe|couplet|estribillo"
    r"|verso|puente|refrão|ponte"
    r"|ritornello|strofa|припев|куплет|間奏|间奏|サビ|후렴|간주)"
)
_ROUND_LABEL = re.compile(
    rf"\(\s*(?:(?:\w+\s+){{0,3}}{_PART}\b[^()]{{0,40}}|[x×]\s*\d+|\d+\s*[x×])\s*\)\s*:?", re.IGNORECASE
)
_BARE_LABEL = re.compile(rf"{_PART}\s*\d*\s*:", re.IGNORECASE)
_STARRED = re.compile(rf"\*\s*(?:\w+\s+){{0,3}}{_PART}\b[^*]*\*", re.IGNORECASE)
_NOTE_SIGNS = "♩♪♫♬🎵🎶🎼"
_NO_WORDS = re.compile(rf"[\s{_NOTE_SIGNS}…·・•*_~=\-–—.#]*")
_WHO = (
    r"作词|作詞|作曲|编曲|編曲|词|詞|曲|词曲|制作人|監製|监制|製作人|混音|录音|錄音|母带|母帶|和声|和聲|吉他|贝斯|鼓|弦乐|演唱|原唱|歌手|歌曲"
    r"|出品|发行|發行|企划|统筹|作詞・作曲|うた|작사|작곡|편곡|노래|lyrics(?: by)?|lyricists?|words by|music by"
    r"|compos(?:er|ers|ed by)|written by|writers?|writer\(s\)|songwriters?(?:\(s\))?"
    r"|produc(?:er|ers|ed by)|arrang(?:er|ed by)"
    r"|mix(?:ed by|ing|ing engineer)|master(?:ed by|ing)|publishers?|label|album|artist"
    r"|performed by|vocals? by|translat(?:or|ed by)"
    r"|paroles(?: de)?|musique(?: de)?|auteurs?|compositeurs?|text(?:er)?|musik|komponist"
    r"|letra(?: de)?|compositor(?:es)?"
    r"|autor(?:es)?|testo|musica di|слова|музыка|автор"
)
_CREDIT = re.compile(rf"\s*(?:{_WHO})(?:\s*[/&、・]\s*(?:{_WHO}))*\s*[:：]\s*\S.*", re.IGNORECASE)
_PAGE_LINES = re.compile(
    r"\s*(?:you might also like|see .{1,60} live(?: ?get tickets.*)?|get tickets as low as.*"
    r"|submit corrections|print|embed"
    r"|share url|copy embed|url ?copy|embed ?share|\d+ contributors?|translations?"
    r"|[^\n]{1,80} lyrics|\".{1,80}\""
    r"|\*{3,}.*not for commercial use.*|.*lyrics (?:licensed|provided|powered).*|lyrics ©.*|©.*|.*azlyrics.*"
    r"|.*musixmatch.*|.*lyricfind.*|source: .*|thanks to .{1,120} (?:lyrics|correct\w*)\.?"
    r"|writer\(s\):.*|songwriters?:.*"
    r"|album: .*|(?:https?://|www\.)\S+|by:? ?rentanadviser.*|.*rentanadviser\.com.*|.*\bdownloaded from\b.*"
    r"|subtitles by .*|sync(?:ed|ronized)? (?:&|and|by) .*|if you (?:want|found) .* lyrics.*"
    r"|paroles de la chanson .*|lyrics[- ]?karaoke.*)\s*",
    re.IGNORECASE,
)


def unmarked(text: str) -> str:
    """Text without tags of HTML and ASS, with entities as letters and single spaces."""
    return " ".join(html.unescape(_MARKUP.sub("", text)).split())


def sung(text: str) -> str:
    """What of a line is sung: without markup and note signs; empty for a label such as [Chorus]."""
    text = unmarked(text).strip(f"{_NOTE_SIGNS} \u200b\u200e\ufeff")
    text = text[1:-1].strip() if len(text) > 4 and text.startswith("# ") and text.endswith(" #") else text
    return "" if is_label(text) or _NO_WORDS.fullmatch(text) else text


def is_label(text: str) -> bool:
    """Whether a line names a part or a sound: [Verse 1], {Chorus}, (instrumental), *music plays*, Chorus:."""
    patterns = (_SQUARE_LABEL, _ROUND_LABEL, _BARE_LABEL, _STARRED)
    return any(pattern.fullmatch(text.strip()) for pattern in patterns)


def is_credit(text: str) -> bool:
    """Whether a line says who wrote or sang the song, in the words of lyric files."""
    return _CREDIT.fullmatch(text) is not None


def is_page_text(text: str, *, edge: bool) -> bool:
    """Whether a line is a lyric page's own. A title and a quoted name count at an edge of the text only."""
    plain = text.strip()
    if not _PAGE_LINES.fullmatch(plain):
        return False
    ambiguous = re.fullmatch(
        r"(?i)[^\n]{1,80} lyrics|\".*\"|print|embed|translations?|\d+ contributors?|see .* live", plain
    )
    return edge or ambiguous is None


def credits_note(dropped: Iterable[str]) -> tuple[str, ...]:
    """The note that names lines of credits and page text that are left out."""
    return named("left out as credits or page text, not sung", list(dropped))


def named(what: str, dropped: list[str]) -> tuple[str, ...]:
    """A note that counts and names lines: "2 lines are left out ...: 'a'; 'b'." Empty where there are none."""
    if not dropped:
        return ()
    shown = "; ".join(f"'{text if len(text) <= 40 else text[:37] + '...'}'" for text in dropped[:4])
    more = f" and {len(dropped) - 4} more" if len(dropped) > 4 else ""
    count = "1 line is" if len(dropped) == 1 else f"{len(dropped)} lines are"
    return (f"{count} {what}: {shown}{more}.",)


def without_credits(entries: list[Entry], heading: tuple[str, ...] = ()) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Timed lines as sung, and a note of credits. What is not sung stays as an empty line, which ends the one before.

    heading: the title and the artist, where the file has them; a first line of just these is a credit too.
    """
    kept, dropped = [], []
    names = {name.casefold() for name in heading if name}
    first = min((entry.start for entry in entries), default=0.0)
    for entry in entries:
        text = sung(entry.text)
        parts = {part.strip().casefold() for part in re.split(r"\s[-–—]\s", text)}
        titled = bool(text) and entry.start <= first + 1 and parts <= names and len(parts) > 1
        if text and (titled or is_credit(text) or is_page_text(text, edge=False)):
            dropped.append(text)
            text = ""
        kept.append(Entry(entry.start, entry.end, text, entry.words if text else ()))
    return tuple(kept), credits_note(dropped)
