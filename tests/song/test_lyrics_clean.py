"""Whisper's inventions go, sung words stay; and in which language words are."""

import numpy as np
import pytest

from songreel.nodes.song.lyrics.clean import HeardSegment, clean, compression_of
from songreel.nodes.song.lyrics.language import language_of
from songreel.nodes.song.lyrics.lyrics import Word

NOISE = (np.random.default_rng(0).standard_normal(16_000 * 30) * 0.1).astype(np.float32)


def kept(text, no_speech=0.0, log_probability=-0.2, compression=1.0):
    segment = HeardSegment(10.0, 13.0, text, (Word(10.0, 13.0, text),), no_speech, log_probability, compression)
    return bool(clean([segment], NOISE, 16_000)[0])


@pytest.mark.parametrize(
    "text",
    ["Subtitles by the Amara.org community", "Sous-titrage MFP.", "Untertitel von Stephanie Geiges", "Субтитры подогнал «Симон»",  # noqa: E501
     "字幕由Amara.org社区提供", "[Musique]", "*sighs*", "(Musik)", "[upbeat music]", "♪"],
)  # fmt: skip
def test_credits_and_sounds_are_never_words(text):
    assert not kept(text, 0.0, -0.05)


@pytest.mark.parametrize(
    "text",
    ["See you next time!", "Don't forget to subscribe", "Merci d'avoir regardé", "Bis zum nächsten Mal", "Inscreva-se no canal",  # noqa: E501
     "Grazie per la visione", "Ставьте лайки", "최종 구독과 좋아요", "Abone olmayı unutmayın", "Gracias", "bye bye", "音楽"],  # noqa: E501
)  # fmt: skip
def test_phrases_go_in_doubt_and_stay_where_they_are_clear(text):
    assert not kept(text, 0.35, -0.3) and not kept(text, 0.05, -0.6)
    assert kept(text, 0.02, -0.2)


@pytest.mark.parametrize(
    "text",
    [
        "over the harbour tonight",
        "thank you for the stars above me",
        "Der Mond ist aufgegangen",
        "夜の海を渡る",
        "(ooh, ooh)",
    ],
)
def test_other_words_stay_in_doubt(text):
    assert kept(text, 0.4, -0.5)


def test_a_segment_is_judged_by_its_own_text():
    chorus = "carry me home over the silver river tonight again"
    assert compression_of(chorus) < 1.5 < 2.4 < compression_of("la la la " * 40)
    assert kept(chorus, compression=3.1) and not kept("and I go " * 30, compression=1.0)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I walk along the beach and the sea is calling me", "en"), ("Ich gehe nachts am Strand und das Meer ruft mich", "de"),  # noqa: E501
        ("je marche sur la plage et la mer est dans mon coeur", "fr"), ("camino por la playa y el mar me llama a mi casa", "es"),  # noqa: E501
        ("eu não sei o que você quer de mim e a noite", "pt"), ("io non so che cosa ti dico ma il mare è con me", "it"),
        ("夜の浜辺を歩く", "ja"), ("바다 위의 달", "ko"), ("海上的月亮", "zh"), ("я жду тебя и ты не со мной", "ru"),
        ("na na na hey", ""), ("", ""), ("Amor", ""), ("oh oh oh yeah baby", ""),
    ],
)  # fmt: skip
def test_languages(text, code):
    assert language_of(text) == code
