"""Form: parts, their letters, what the energy says, and where to cut."""

import numpy as np
import pytest

from songreel.nodes.song.audio import analysis

RATE, PART = 22_050, 12.0
VOICES = {
    "A": dict(chords=((220, 277, 330), (294, 370, 440)), level=0.35, kick=0.0, hat=0.0),
    "B": dict(chords=((262, 330, 392), (349, 440, 523)), level=0.8, kick=0.6, hat=0.25),
    "C": dict(chords=((196, 233, 294), (175, 208, 262)), level=0.6, kick=0.6, hat=0.0),
}


def song_of(form, bpm=120):
    rng, parts = np.random.default_rng(1), []
    time = np.arange(int(PART * RATE)) / RATE
    for letter in form:
        voice = VOICES[letter]
        part = np.zeros(len(time))
        for bar in range(int(PART / 2)):
            span = slice(int(bar * 2 * RATE), int((bar + 1) * 2 * RATE))
            for f in voice["chords"][bar % 2]:
                part[span] += 0.1 * voice["level"] * np.sin(2 * np.pi * f * time[span])
        for start in np.arange(0, PART - 0.2, 60 / bpm):
            local = np.arange(int(0.15 * RATE)) / RATE
            span = slice(int(start * RATE), int(start * RATE) + len(local))
            part[span] += voice["kick"] * np.sin(2 * np.pi * 60 * local) * np.exp(-20 * local)
            part[span] += voice["hat"] * rng.standard_normal(len(local)) * np.exp(-60 * local)
        parts.append(part)
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("form", ["ABAC", "ABABCB", "ABCBA"])
def test_parts_and_letters(form):
    song = analysis.analyze(song_of(form), RATE, fps=12)
    assert "".join(part.label for part in song.sections) == form
    starts = np.array([part.start for part in song.sections])
    assert np.abs(starts - PART * np.arange(len(form))).max() < 0.6
    assert song.sections[0].start == 0 and song.sections[-1].end == pytest.approx(song.duration)
    assert all(a.end == b.start for a, b in zip(song.sections, song.sections[1:], strict=False))
    assert max(part.energy for part in song.sections) == 1


def test_energy_gives_the_parts_their_kinds():
    kinds = [part.kind for part in analysis.analyze(song_of("ABABA"), RATE, fps=12).sections]
    assert kinds[0] == "intro" and kinds[1] == kinds[3] == "drop" and kinds[2] == "break" and kinds[4] == "outro"


def test_novelty_peaks_at_the_change():
    song = analysis.analyze(song_of("AB"), RATE, fps=10)
    assert abs(int(song.curve("novelty").argmax()) - 120) <= 15


def test_the_best_cuts_are_beats_and_the_first_is_near_a_change():
    song = analysis.analyze(song_of("ABA"), RATE, fps=12)
    times = np.array([cut.time for cut in song.cuts])
    strengths = [cut.strength for cut in song.cuts]
    assert strengths == sorted(strengths, reverse=True) and 0 <= strengths[-1] <= strengths[0] <= 1
    assert set(times) <= set(song.beats)
    assert min(abs(times[0] - 12), abs(times[0] - 24)) < 2
    assert len(times) == 18


@pytest.mark.parametrize("seconds", [0.1, 3, 9])
def test_a_short_song_is_one_part(seconds):
    song = analysis.analyze(song_of("A")[: int(seconds * RATE)], RATE, fps=12)
    assert [(part.start, part.label, part.kind) for part in song.sections] == [(0, "A", "")]
    assert song.sections[0].end == pytest.approx(song.duration)


def test_silence_is_one_part_without_energy():
    song = analysis.analyze(np.zeros(40 * RATE, np.float32), RATE, fps=12)
    assert len(song.sections) == 1 and song.sections[0].energy == 0 and song.cuts == ()


def test_the_json_keeps_parts_and_cuts():
    song = analysis.analyze(song_of("ABA"), RATE, fps=12)
    copy = type(song).of(song.to_text())
    assert copy.sections == song.sections and copy.cuts == song.cuts
    assert copy.beat_confidence == song.beat_confidence > 0.5
    assert np.array_equal(copy.chroma, song.chroma)
