"""What prompts may not ask for: as many harmless near misses as hits, and what cannot be edited away."""

import json
import time

import pytest

from songreel.nodes.base import guard
from songreel.nodes.base.types import Shot, Story

HITS = [
    "a naked woman on a beach", "NUDE portrait", "n a k e d dancer", "n.u.d.e", "n-a-k-e-d on stage",
    "nak3d singer", "n4k3d", "nud\xeb", "n\u0430ked", "na\u200bked", "nuuuude model", "n_a_k_e_d", "p0rn scene",
    "p\u043ern", "a n a k e d man", "a woman without clothes", "a man without any clothing",
    "dancers with no clothes", "she is not wearing anything", "wearing nothing", "a singer in the nude",
    "in her birthday suit", "undressed at the window", "a stripper's striptease", "bare breasts",
    "exposed buttocks", "having sex on a roof", "topless at the pool", "nothing but a smile, nsfw",
    "taking off her clothes", "a sexy schoolgirl", "a teenager in lingerie", "sensual 15 year old",
    "little girl, seductive", "a child in a thong", "sexualised children", "underage, provocative",
    "a twelve-year-old in a bikini", "a beheaded knight", "g0re everywhere", "severed heads on pikes",
    "lolicon style", "a swastika flag", "blackface",
]  # fmt: skip
MISSES = [
    "a clothes line without clothes pegs", "grapes on a table", "g r a p e s", "a field of rapeseed", "drapery",
    "a therapist's office", "the county of Essex and Middlesex", "a peacock", "a cockpit at night",
    "gorgeous light", "a gorge in the mountains", "category five storm",
    "an empty wardrobe without clothes on the floor", "a laundry room with no clothes racks",
    "a bottomless pit", "a bottomless lake", "a stripped-back stage", "striped shirts", "an exposed brick wall",
    "bare trees", "bare feet in the sand", "a bare-knuckle boxer", "a breaststroke swimmer",
    "a salad bowl with dressing", "1940s singer, 35mm f1.4", "a b c d e on a blackboard", "S.O.S. in the snow",
    "letters l o v e in neon", "children playing in the snow", "a child with a red balloon",
    "a schoolboy with a satchel", "teenagers dancing at a school ball", "a 10 year old oak", "a sexy tango",
    "a sensual saxophone solo", "lingerie shop window", "a bikini on a clothes line",
    "a thirty-year-old whisky", "black faced sheep", "a power salute of fireworks", "an orange sunset",
    "a nudge in the ribs", "a cone of popcorn", "the orgue of a church",
]  # fmt: skip


def test_the_lists_are_as_long():
    assert len(MISSES) >= len(HITS) == len(set(HITS)) and len(set(MISSES)) == len(MISSES)


@pytest.mark.parametrize("text", HITS)
def test_what_is_meant_is_found_however_it_is_spelt(text):
    assert guard.blocked_words(text)


@pytest.mark.parametrize("text", MISSES)
def test_harmless_words_that_look_alike_pass(text):
    assert guard.blocked_words(text) == ()


def test_long_texts_take_little_time():
    for text in ("a " * 50_000, "n a k " * 20_000, "aaaa" * 20_000, "-" * 80_000, "a-" * 40_000):
        begin = time.process_time()
        guard.blocked_words(text)
        assert time.process_time() - begin < 5


def always(text: str) -> bool:
    return all(term in text for term in (*guard.QUALITY, *guard.BIAS))


def test_promised_negative_terms_cannot_be_edited_away():
    from songreel.nodes.story import edit

    told = Story.of(json.dumps(Story((Shot(0.0, 4.0, "a harbour"), Shot(4.0, 8.0, "a city", "cars"))).to_json()))
    assert [always(shot.negative) for shot in told.shots] == [True, True]
    assert told.shots[1].negative.startswith("cars, text")
    assert Story.of(told.to_text()) == told
    changed = edit.apply_edits(told, "0:00 a bay\n    negative: people\n0:04 a town\n    negative:")
    assert changed.shots[0].negative.startswith("people, text")
    assert [always(shot.negative) for shot in changed.shots] == [True, True]


def test_prompt_timeline_and_text_to_schedule_name_them_too():
    from songreel.nodes.schedule.exchange import schedule_from_text
    from songreel.nodes.story import timed_prompts

    assert timed_prompts.guarded_negative is guard.guarded_negative
    assert schedule_from_text.guarded_negative is guard.guarded_negative
