"""What `analyze` hears: times, frames, curves, and what it must not hear."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.song.audio import analysis
from support.paths import ROOT

DATA = Path(os.environ.get("SONGREEL_DATA", ROOT.parent / "shared" / "data"))
RATE = 22_050


def click_track(bpm, rate, seconds, *, first=0.3):
    """Short decaying tones, mono float32, and the exact time of each."""
    times = np.arange(first, seconds - 0.1, 60 / bpm)
    time = np.arange(int(0.03 * rate)) / rate
    click = np.sin(2 * np.pi * 1000 * time) * np.exp(-150 * time)
    samples = np.zeros(int(seconds * rate), np.float32)
    starts = np.round(times * rate).astype(int)
    for start in starts:
        samples[start : start + len(click)] += click.astype(np.float32)
    return samples, starts / rate


def drum_loop(rate=RATE, seconds=12.0, bpm=120.0):
    """Low thumps on every beat and noise bursts on two and four, with a held chord, mono float32."""
    rng = np.random.default_rng(5)
    time = np.arange(int(seconds * rate)) / rate
    samples = 0.05 * sum(np.sin(2 * np.pi * f * time) for f in (220, 277, 330))
    for index, start in enumerate(np.arange(0, seconds - 0.2, 60 / bpm)):
        at, local = int(start * rate), np.arange(int(0.15 * rate)) / rate
        hit = np.sin(2 * np.pi * 60 * local) if index % 2 == 0 else 0.4 * rng.standard_normal(len(local))
        samples[at : at + len(local)] += 0.6 * hit * np.exp(-25 * local)
    return samples.astype(np.float32)


# Beats -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("bpm", [63, 97.3, 128, 171])
def test_click_tracks_do_not_drift(bpm, rate):
    samples, times = click_track(bpm, rate, 62)
    song = analysis.analyze(samples, rate, fps=12)
    assert song.tempo == pytest.approx(bpm, rel=0.01)
    assert len(song.beats) == len(times)
    assert np.abs(song.beats - times).max() < 0.020
    assert len(song.tempo_per_beat) == len(song.beats)
    assert song.tempo_per_beat == pytest.approx(bpm, rel=0.01)


def test_beats_follow_a_change_of_tempo():
    times = [0.5]
    while times[-1] < 50:
        times.append(times[-1] + 60 / (100 + 40 * min(times[-1] / 40, 1)))
    samples = np.zeros(52 * RATE, np.float32)
    for time in times:
        samples[int(time * RATE) : int(time * RATE) + 400] = np.exp(-np.arange(400) / 80)
    song = analysis.analyze(samples, RATE, fps=24)
    nearest = np.abs(song.beats[None] - np.array(times)[:, None]).min(axis=1)
    assert np.mean(nearest < 0.03) > 0.95
    assert song.tempo_per_beat[4] == pytest.approx(101, rel=0.03)
    assert song.tempo_per_beat[-6] == pytest.approx(140, rel=0.03)


@pytest.mark.parametrize(("accents", "meter"), [((1, 0, 0, 0), 4), ((1, 0, 0), 3)])
def test_downbeats_of_plain_bars(accents, meter):
    rng, samples = np.random.default_rng(3), np.zeros(40 * RATE, np.float32)
    beats = np.arange(0.5, 39, 0.5)
    local = np.arange(int(0.2 * RATE)) / RATE
    for index, start in enumerate(beats):
        strong = accents[index % meter]
        low = np.sin(2 * np.pi * 70 * local) * np.exp(-15 * local)
        high = 0.3 * rng.standard_normal(len(local)) * np.exp(-40 * local)
        at = int(start * RATE)
        samples[at : at + len(local)] += (low if strong else high).astype(np.float32)
        bar = np.arange(int(0.5 * RATE)) / RATE
        chord = (220, 262, 196, 247)[index // meter % 4]
        samples[at : at + len(bar)] += (0.1 * np.sin(2 * np.pi * chord * bar)).astype(np.float32)
    song = analysis.analyze(samples, RATE, fps=12)
    expected = beats[::meter]
    assert np.mean([np.abs(song.downbeats - time).min() < 0.05 for time in expected]) > 0.9
    assert len(song.downbeats) == pytest.approx(len(expected), abs=1)
    assert set(song.downbeats) <= set(song.beats)


def _noise(seconds):
    return np.random.default_rng(1).standard_normal(int(seconds * RATE)) * 0.2


def _tone(seconds):
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)


def _drone(base):
    time = np.arange(25 * RATE) / RATE
    swell = 1 + 0.3 * np.sin(2 * np.pi * 0.13 * time)
    return 0.1 * swell * sum(np.sin(2 * np.pi * base * k * time + k) / k for k in range(1, 8))


def _swells(seed):
    rng, time = np.random.default_rng(seed), np.arange(25 * RATE) / RATE
    bells = (np.exp(-(((time - rng.uniform(0, 22)) / 1.5) ** 2)) for _ in range(12))
    return 0.1 * sum(bell * np.sin(2 * np.pi * rng.choice([110, 165, 220, 277, 330]) * time) for bell in bells)


def _babble(seed):
    """Syllables of 80 to 300 ms with gliding pitch, and pauses between phrases, as speech has them."""
    rng, parts = np.random.default_rng(seed), []
    while sum(map(len, parts)) < 25 * RATE:
        for _ in range(rng.integers(4, 12)):
            n = int(rng.uniform(0.08, 0.3) * RATE)
            pitch = np.linspace(*rng.uniform(90, 180, 2), n)
            voice = sum(np.sin(k * 2 * np.pi * np.cumsum(pitch) / RATE) * rng.uniform(0.1, 1) / k for k in range(1, 20))
            parts += [0.2 * voice * np.hanning(n), 0.05 * rng.standard_normal(int(rng.uniform(0.02, 0.1) * RATE))]
        parts.append(np.zeros(int(rng.uniform(0.2, 0.7) * RATE)))
    return np.concatenate(parts)


def _random_clicks(seed):
    samples = np.zeros(25 * RATE)
    samples[(np.random.default_rng(seed).uniform(0, 25, 60) * RATE).astype(int)] = 1
    return samples


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(np.zeros(8 * RATE), id="silence"),
        *(pytest.param(_drone(base), id=f"drone {base}") for base in (55, 110, 220)),
        *(pytest.param(_swells(seed), id=f"swells {seed}") for seed in range(3)),
        *(pytest.param(_babble(seed), id=f"babble {seed}") for seed in range(4)),
        *(pytest.param(_random_clicks(seed), id=f"random clicks {seed}") for seed in range(2)),
        pytest.param(np.full(5 * RATE, 0.4), id="constant"),
        pytest.param(_noise(5), id="short white noise"),
        pytest.param(_noise(40), id="white noise"),
        pytest.param(np.cumsum(_noise(30)) * 0.01, id="brown noise"),
        pytest.param(_tone(20), id="steady tone"),
        pytest.param(np.eye(1, 15 * RATE, 6 * RATE)[0], id="one click"),
        pytest.param(_noise(0.1), id="0.1 s"),
        pytest.param(np.ones(1), id="one sample"),
        pytest.param(1e-5 * _noise(10), id="dither"),
    ],
)
def test_no_beat_where_there_is_none(samples):
    song = analysis.analyze(samples.astype(np.float32), RATE, fps=24)
    assert len(song.beats) == len(song.downbeats) == len(song.tempo_per_beat) == 0
    assert song.tempo == 0 and song.beat_confidence < 0.5
    assert song.n_frames == -(-len(samples) * 24 // RATE)
    for curve in song.curves.values():
        assert curve.dtype == np.float32 and curve.shape == (song.n_frames,)
        assert curve.min() >= 0 and curve.max() <= 1


@pytest.mark.parametrize("seconds", [2.5, 4, 6, 12])
def test_short_clicks_over_a_hum_are_beats(seconds):
    time = np.arange(int(seconds * RATE)) / RATE
    clicks = 0.5 * np.sin(2 * np.pi * 880 * time) * np.exp(-30 * (time % 0.5)) + 0.05 * np.sin(2 * np.pi * 110 * time)
    song = analysis.analyze(clicks.astype(np.float32), RATE, fps=12)
    assert song.tempo == pytest.approx(120, rel=0.03)
    assert len(song.beats) >= 2 * seconds - 1 and np.abs(song.beats * 2 - np.round(song.beats * 2)).max() < 0.1


def test_silence_is_zero_everywhere():
    song = analysis.analyze(np.zeros((2, 3 * RATE), np.float32), RATE, fps=30)
    assert all(not curve.any() for curve in song.curves.values())
    assert len(song.onsets) == 0


def test_silence_around_music_has_no_beats():
    samples = np.concatenate((np.zeros(5 * RATE, np.float32), drum_loop(), np.zeros(6 * RATE, np.float32)))
    song = analysis.analyze(samples, RATE, fps=12)
    assert song.beats.min() > 4.8 and song.beats.max() < 17.2
    assert song.tempo == pytest.approx(120, rel=0.01)


@pytest.mark.parametrize("seconds", [6, 25])
def test_silence_within_music_has_no_beats(seconds):
    loop, silence = drum_loop(), np.zeros(seconds * RATE, np.float32)
    song = analysis.analyze(np.concatenate((loop, silence, loop)), RATE, fps=12)
    start, end = 12.0, 12.0 + seconds
    assert not ((song.beats > start + 1.1) & (song.beats < end - 1.1)).any()
    assert not ((song.downbeats > start + 1.1) & (song.downbeats < end - 1.1)).any()
    for first, last in ((0, start - 0.5), (end + 0.5, end + 12)):
        beats = song.beats[(song.beats >= first) & (song.beats < last)]
        assert len(beats) >= 20 and np.diff(beats) == pytest.approx(0.5, abs=0.04)
    assert song.tempo_per_beat == pytest.approx(120, rel=0.05)


# Frames and curves -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 192_000])
@pytest.mark.parametrize("fps", [12, 24000 / 1001, 60])
def test_a_click_peaks_on_its_own_frame(rate, fps):
    rng = np.random.default_rng(7)
    # The first ones exactly on the first sample of a frame.
    starts = np.concatenate(([0.5, 1.0, 1.5, 2.0], np.arange(2.5, 19) + rng.uniform(0, 0.9, 17)))
    positions = np.round(starts * rate).astype(int)
    samples = np.zeros(20 * rate, np.float32)
    click = np.exp(-np.arange(int(0.02 * rate)) / (0.003 * rate))
    for position in positions:
        samples[position : position + len(click)] += click.astype(np.float32)
    song = analysis.analyze(samples, rate, fps=fps)
    onset = song.curve("onset")
    exact = positions * Fraction(song.fps) / rate
    right = [onset[int(frame)] == onset[max(int(frame) - 2, 0) : int(frame) + 3].max() for frame in exact]
    assert all(right)
    assert len(song.onsets) == len(positions)
    assert np.abs(song.onsets - positions / rate).max() < 0.001


@pytest.mark.parametrize("position", [0, 1, 5 * RATE - 200])
def test_a_click_at_the_edge_is_heard(position):
    samples = np.zeros(5 * RATE, np.float32)
    samples[position : position + 100] = 0.8
    song = analysis.analyze(samples, RATE, fps=25)
    assert int(song.curve("onset").argmax()) == position * 25 // RATE


@pytest.mark.parametrize("fps", [1, 7.5, 12, 23.976, 60, 120])
def test_every_hop_counts_once_and_the_curve_fits_the_song(fps):
    song = analysis.analyze(drum_loop(seconds=7.31), RATE, fps=fps)
    assert all(len(curve) == song.n_frames for curve in song.curves.values())
    finest = analysis.analyze(drum_loop(seconds=7.31), RATE, fps=120)
    # The strongest onset survives at any frame rate, since a frame keeps its maximum.
    assert song.curve("onset").max() == pytest.approx(finest.curve("onset").max(), abs=1e-6)


def test_per_frame_reduces_and_fills_gaps():
    from songreel.nodes.song.audio.curves import per_frame

    values, frames = np.array([1.0, 3.0, 5.0, 2.0, 9.0]), np.array([0, 0, 2, 2, 7])
    assert per_frame(values, frames, 4, reduce=np.maximum).tolist() == [3, 4, 5, 5]
    assert per_frame(values, frames, 4, reduce=np.add).tolist() == [2, 2.75, 3.5, 3.5]
    assert per_frame(values[:0], frames[:0], 3, reduce=np.add).tolist() == [0, 0, 0]


def test_bands_tell_low_from_high():
    time = np.arange(2 * RATE) / RATE
    samples = np.concatenate([0.5 * np.sin(2 * np.pi * f * time) for f in (80, 1000, 7000)]).astype(np.float32)
    song = analysis.analyze(samples, RATE, fps=10)
    for name, part in (("bass", 0), ("mid", 1), ("treble", 2)):
        means = song.curve(name)[:60].reshape(3, 20)[:, 3:17].mean(axis=1)
        assert means.argmax() == part and means[part] > 0.9 and np.sort(means)[1] < 0.05


def test_rms_is_the_level_of_the_frame():
    samples = np.concatenate((_tone(2), 0.25 * _tone(2))).astype(np.float32)
    curve = analysis.analyze(samples, RATE, fps=10).curve("rms")
    assert curve[3:17] == pytest.approx(1, abs=0.02)
    assert curve[23:37] == pytest.approx(0.25, abs=0.01)


# Input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda mono: mono[None], id="mono"),
        pytest.param(lambda mono: np.stack((mono, 0.5 * mono)), id="stereo"),
        pytest.param(lambda mono: np.stack((mono, -mono)), id="inverted phase"),
        pytest.param(lambda mono: np.stack([0 * mono] * 3 + [mono] + [0 * mono] * 2), id="5.1, one channel"),
        pytest.param(lambda mono: mono + 0.3, id="DC"),
        pytest.param(lambda mono: np.clip(20 * mono, -1, 1), id="clipped"),
        pytest.param(lambda mono: 1e-3 * mono, id="-60 dB"),
        pytest.param(lambda mono: 30 * mono, id="over full scale"),
        pytest.param(lambda mono: mono.astype(np.float64), id="float64"),
    ],
)
def test_same_beats_however_the_song_arrives(change):
    mono = drum_loop()
    samples = change(mono)
    before = samples.copy()
    song = analysis.analyze(samples, RATE, fps=12)
    assert np.array_equal(samples, before)
    assert song.tempo == pytest.approx(120, rel=0.01)
    reference = analysis.analyze(mono, RATE, fps=12)
    assert len(song.beats) == len(reference.beats)
    assert np.abs(song.beats - reference.beats).max() < 0.015


def test_a_read_only_waveform_is_enough():
    samples = drum_loop(seconds=4)
    samples.setflags(write=False)
    assert analysis.analyze(samples, RATE, fps=12).n_frames == 48


@pytest.mark.parametrize(
    ("samples", "rate", "fps", "message"),
    [
        (np.zeros((2, 0), np.float32), RATE, 12, "The audio is empty"),
        (np.zeros((0, 100), np.float32), RATE, 12, "The audio is empty"),
        (np.zeros((1, 2, 100), np.float32), RATE, 12, "shape (1, 2, 100)"),
        (np.float32(1), RATE, 12, "shape ()"),
        (np.zeros(100, np.int16), RATE, 12, "got int16"),
        (np.array([0, np.nan, 0], np.float32), RATE, 12, "first at sample 1"),
        (np.array([[0, 0, np.inf]], np.float32), RATE, 12, "first at sample 2"),
        (np.zeros(100, np.float32), 0, 12, "from 1000 to 768000 Hz, got 0"),
        (np.zeros(100, np.float32), 999, 12, "got 999"),
        (np.zeros(100, np.float32), 1_000_000, 12, "got 1e+06"),
        (np.zeros(100, np.float32), 44_100.5, 12, "whole number"),
        (np.zeros(100, np.float32), float("nan"), 12, "whole number"),
        (np.zeros(100, np.float32), "44100", 12, "must be a number in Hz"),
        (np.zeros(100, np.float32), True, 12, "must be a number in Hz"),
        (np.zeros(100, np.float32), RATE, 0, "fps must be from 1 to 120"),
        (np.zeros(100, np.float32), RATE, 500, "fps must be from 1 to 120"),
        (np.zeros(100, np.float32), RATE, float("nan"), "fps must be a number"),
    ],
)
def test_bad_input(samples, rate, fps, message):
    with pytest.raises(InputError) as error:
        analysis.analyze(samples, rate, fps=fps)
    assert message in str(error.value)


@pytest.mark.parametrize("fps", [12, 23.976, Fraction(30000, 1001)])
def test_json_round_trip_is_exact(fps):
    song = analysis.analyze(drum_loop(seconds=5.123), RATE, fps=fps)
    copy = types.SongAnalysis.of(song.to_text())
    assert (copy.duration, copy.fps, copy.tempo, copy.n_frames) == (song.duration, song.fps, song.tempo, song.n_frames)
    for name in ("beats", "downbeats", "onsets", "tempo_per_beat"):
        assert np.array_equal(getattr(copy, name), getattr(song, name))
    assert list(copy.curves) == list(analysis.CURVES)
    assert all(np.array_equal(copy.curves[name], curve) for name, curve in song.curves.items())


def test_analysis_is_the_same_every_time():
    first, second = (analysis.analyze(drum_loop(), RATE, fps=24).to_text() for _ in range(2))
    assert first == second


def test_no_heavy_module_is_loaded():
    code = (
        "import sys; import headless; import numpy as np\n"
        "from songreel.nodes.song.audio import analysis\n"
        "assert not {'scipy', 'soxr'} & set(sys.modules), 'at import'\n"
        "analysis.analyze(np.random.default_rng(0).random(60000, np.float32), 44100, fps=12)\n"
        "print(sorted({'torch', 'numba', 'librosa', 'matplotlib'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Real music ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (DATA / "beats").is_dir(), reason="the annotated clips are not here")
def test_f_measure_on_clips_that_were_not_used_for_tuning():
    import mir_eval

    from songreel.nodes.base.media.audio import read_audio

    scores, errors = [], []
    for path in sorted((DATA / "beats").glob("*0000[23].flac")):
        annotated = np.loadtxt(path.with_suffix(".beats"), ndmin=2)[:, 0]
        beats = analysis.analyze(*read_audio(path), fps=24).beats
        scores.append(mir_eval.beat.f_measure(annotated, beats) if len(beats) else 0.0)
        late = beats[:, None] - annotated[None]
        errors.extend(late[np.abs(late) < 0.07])
    assert len(scores) == 20
    assert np.mean(scores) >= 0.80
    assert abs(np.mean(errors)) < 0.008
