from dataclasses import replace

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.song.caption import caption
from songreel.nodes.song.lyrics.parse import parse_lyrics as lyrics_of
from support.songs import song
from support.stories import form, moods


def test_a_sentence_says_what_is_heard():
    music = form(64.0, bpm=112.0, labels="AB")
    loud = replace(music.sections[1], energy=0.9, kind="drop")
    chroma = np.zeros((12, music.n_frames), np.float32)
    chroma[[0, 3, 7, 2, 8]] = [[1], [0.8], [0.9], [0.3], [0.3]]
    curves = music.curves | {"centroid": np.full(music.n_frames, 0.8, np.float32)}
    music = replace(music, sections=(music.sections[0], loud), chroma=chroma, curves=curves)
    first, second = caption.caption_song(
        music, emotion=moods(64.0, "serene", "tense"), lyrics=lyrics_of("1,20,a long line\n21,31,another")
    )
    assert (first.start, first.end, second.end) == (0.0, 32.0, 64.0)
    assert first.text == "A soft and steady part at a moderate 112 BPM in 4/4, C minor, bright in tone, sung, serene."
    assert second.text.startswith("A loud and steady drop at a moderate 112 BPM in 4/4, C minor")
    assert second.text.endswith("without vocals, tense.")


def test_what_is_not_known_is_not_said():
    bare = song(10.0, beats=np.zeros(0))
    (only,) = caption.caption_song(bare)
    assert only.text == "A soft and sparse part without a beat."


def test_captions_read_back_and_can_be_written_by_hand():
    captions = caption.caption_song(form(64.0, labels="ABA"))
    text = caption.captions_text(captions)
    assert caption.captions_text(caption.parse_captions(text, 64.0)) == text
    own = caption.parse_captions("# mine\n0:05 slow harp\n0:30 drums\n2:00 past the end", 60.0)
    assert [(part.start, part.end, part.text) for part in own] == [(0, 30, "slow harp"), (30, 60, "drums")]
    assert caption.parse_captions("", 60.0) == ()
    with pytest.raises(InputError, match="captions, line 2: 0:10.000 does not come after"):
        caption.parse_captions("0:20 a\n0:10 b", 60.0)
