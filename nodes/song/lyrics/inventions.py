"""What Whisper writes where nobody sings: it was trained on subtitles, and over music it writes what subtitles say."""

from __future__ import annotations

import re
from functools import cache

from .align import plain_words

# Credits of subtitles. Nobody sings them: they go however sure the recogniser is.
_CREDITS = (
    "subtitles by",
    "subtitled by",
    "captions by",
    "captioned by",
    "captioning by",
    "transcribed by",
    "transcription by",
    "translated by",
    "translation by",
    "amara.org",
    "opensubtitles",
    "Untertitelung",
    "Untertitel im Auftrag",
    "Untertitel von",
    "Untertitel der Amara",
    "Untertitel der",
    "Copyright WDR",
    "Copyright SWR",
    "SWR 20",
    "WDR mediagroup",
    "im Auftrag des ZDF",
    "Sous-titrage",
    "sous-titres réalisés",
    "sous-titres par",
    "Radio-Canada",
    "Sottotitoli",
    "Legendas pela comunidade",
    "Legendas por",
    "Legendado por",
    "Subtítulos realizados",
    "Subtítulos por",
    "Subtitulado por",
    "Субтитры",
    "Редактор субтитров",
    "Корректор А",
    "DimaTorzok",
    "Субтитри",
    "字幕志愿者",
    "字幕志願者",
    "字幕由",
    "字幕by",
    "字幕製作",
    "字幕制作",
    "明镜与点点",
    "明鏡與點點",
    "点点栏目",
    "Altyazı",
    "ترجمة نانسي",
    "ترجمه نانسي",
    "نانسي قنقر",
    "Napisy stworzone",
    "뉴스 이덕영",
    "MBC 뉴스",
    "KBS 뉴스",
    "한글자막 by",
    "자막 제공",
    "Ondertiteling",
    "ondertiteld door",
    "TV GELDERLAND",
    "Textning",
    "Undertexter",
    "Undertekster",
    "Tekstet av",
    "Titulky",
    "www.",
    "http",
)
# What videos say to those who watch; these and shorter ones below go where the recogniser is in doubt.
_TO_WATCHERS = (
    "subscribe",
    "thanks for watching",
    "thank you for watching",
    "thank you so much for watching",
    "see you in the next video",
    "see you next time",
    "in the next video",
    "fürs Zuschauen",
    "für das Zuschauen",
    "für die Aufmerksamkeit",
    "bis zum nächsten Mal",
    "abonniert",
    "abonnieren",
    "d'avoir regardé",
    "abonnez-vous",
    "à la prochaine vidéo",
    "suscríbete",
    "suscribirte",
    "suscríbanse",
    "por ver el video",
    "por ver este video",
    "hasta la próxima",
    "por assistir",
    "inscreva-se",
    "se inscreva",
    "até o próximo vídeo",
    "per aver guardato",
    "grazie per la visione",
    "iscrivetevi",
    "iscriviti al",
    "za oglądanie",
    "za uwagę",
    "subskrybuj",
    "за просмотр",
    "подписывайтесь",
    "подпишитесь",
    "ставьте лайки",
    "Продолжение следует",
    "дякую за перегляд",
    "ご視聴",
    "チャンネル登録",
    "高評価",
    "最後までご覧",
    "点赞",
    "點讚",
    "订阅",
    "訂閱",
    "谢谢观看",
    "謝謝觀看",
    "感谢观看",
    "感謝觀看",
    "谢谢大家",
    "打赏支持",
    "시청해주셔서",
    "시청해 주셔서",
    "구독과",
    "구독 좋아요",
    "다음 영상에서",
    "izlediğiniz için",
    "abone ol",
    "att ni tittade",
    "för att du tittade",
    "bedankt voor het kijken",
    "tot de volgende",
    "شكرا على المشاهدة",
    "شكرا للمشاهدة",
    "اشتركوا في القناة",
    "तक देखने के लिए",
    "सब्सक्राइब",
    "cảm ơn các bạn đã theo dõi",
    "hãy subscribe",
    "terima kasih telah menonton",
    "děkuji za pozornost",
    "köszönöm a figyelmet",
    "kiitos kun katsoit",
    "tak fordi du så med",
)
_SHORT = (
    "thank you",
    "thank you very much",
    "thank you so much",
    "thanks",
    "bye",
    "bye bye",
    "goodbye",
    "the end",
    "music",
    "applause",
    "laughter",
    "silence",
    "instrumental",
    "you",
    "okay",
    "so",
    "Danke",
    "Vielen Dank",
    "Tschüss",
    "Musik",
    "Merci",
    "Musique",
    "Au revoir",
    "Gracias",
    "Muchas gracias",
    "Música",
    "Adiós",
    "Obrigado",
    "Obrigada",
    "Tchau",
    "Grazie",
    "Grazie a tutti",
    "Musica",
    "Ciao",
    "Dziękuję",
    "Спасибо",
    "Музыка",
    "Всем пока",
    "ありがとうございました",
    "音楽",
    "谢谢",
    "謝謝",
    "音乐",
    "音樂",
    "감사합니다",
    "음악",
    "Teşekkürler",
    "Müzik",
    "Tack",
    "Musikk",
    "Dank u wel",
    "شكرا",
    "موسيقى",
    "Amen",
)
# These go however sure the recogniser is.
_NEVER_SUNG = ("thanks for watching", "thank you for watching", "thank you so much for watching")
_MOST_WORDS = 14
# Above the first or below the second the recogniser is in doubt.
_NO_SPEECH, _LOG_PROBABILITY = 0.2, -0.4
_SOUND = re.compile(r"\s*(?:\*[^*]+\*|\[[^\]]+\]|【[^】]+】|♪[^♪]*♪?)\s*[.!]?\s*")
_SOUND_WORD = re.compile(
    r"(?i)\s*\([^()]*(?:musi[ck]|m[uú]sica|musique|музык|音楽|音乐|音樂|음악|müzik|موسيقى|applau|laugh|sigh|cheer|instrumental|silence)"
    r"[^()]*\)\s*[.!]?\s*"
)


def _compact(text: str) -> str:
    return "".join(plain_words(text))


@cache
def _compacted(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_compact(phrase) for phrase in phrases)


def is_sound(text: str) -> bool:
    """Whether the text tells of a sound and has no words: (upbeat music), *music plays*, [applause]."""
    return _SOUND.fullmatch(text) is not None or _SOUND_WORD.fullmatch(text) is not None


def is_subtitle_credit(text: str) -> bool:
    """Whether the text says who made subtitles."""
    compact = _compact(text)
    return any(phrase in compact for phrase in _compacted(_CREDITS))


def is_invented(text: str, *, no_speech: float, log_probability: float) -> bool:
    """Whether the text is what Whisper writes over music, and the recogniser was in doubt.

    no_speech: probability that nobody speaks. log_probability: mean of the tokens'.
    """
    compact = _compact(text)
    if compact in _compacted(_NEVER_SUNG):
        return True
    if no_speech <= _NO_SPEECH and log_probability >= _LOG_PROBABILITY:
        return False
    if compact in _compacted(_SHORT):
        return True
    return len(text.split()) <= _MOST_WORDS and any(phrase in compact for phrase in _compacted(_TO_WATCHERS))
