"""Chroma, tuning and harmonic change: librosa's figures, and chords whose answer is known."""

import numpy as np
import pytest

from songreel.nodes.song.audio import analysis, harmony
from songreel.nodes.song.audio.names import PITCH_CLASSES
from support.songs import songs

RATE = 22_050
CHORDS = {"C": (261.63, 329.63, 392.0), "F": (349.23, 440.0, 523.25), "G": (392.0, 493.88, 587.33)}


def chord(name, seconds, *, detune=0.0):
    time = np.arange(int(seconds * RATE)) / RATE
    return sum(0.1 * np.sin(2 * np.pi * f * 2 ** (detune / 12) * time) for f in CHORDS[name])


@pytest.mark.parametrize(("rate", "n_fft"), [(22_050, 2048), (11_025, 4096), (44_100, 4096)])
@pytest.mark.parametrize("tuning", [0.0, -0.3])
def test_filterbank_is_librosas(rate, n_fft, tuning):
    import librosa

    theirs = librosa.filters.chroma(sr=rate, n_fft=n_fft, tuning=tuning).T
    assert np.abs(harmony.chroma_filterbank(rate, n_fft, tuning) - theirs).max() < 1e-5


@pytest.mark.parametrize("load", list(songs()))
def test_chroma_is_librosas(load):
    import librosa
    import soxr

    samples, rate = load()
    ours = harmony.song_chroma(samples, rate)
    low, fft = soxr.resample(samples, rate, harmony.CHROMA_RATE, quality="MQ"), harmony.CHROMA_FFT
    power = librosa.stft(low, n_fft=fft, hop_length=harmony.CHROMA_HOP, pad_mode="constant")
    power = np.abs(power) ** 2
    tuning = harmony.tuning_of(np.ascontiguousarray(power.T), harmony.CHROMA_RATE, fft)
    theirs = librosa.feature.chroma_stft(S=power, sr=harmony.CHROMA_RATE, n_fft=fft, tuning=tuning)
    assert ours.shape == theirs.shape
    quiet = power.sum(axis=0) < 1e-6 * power.sum(axis=0).max()
    assert quiet.mean() < 0.5 and not ours[:, quiet].any()
    assert np.abs(ours - theirs)[:, ~quiet].max() <= 1e-3


@pytest.mark.parametrize("load", list(songs()))
def test_centroid_is_librosas(load):
    import librosa

    from songreel.nodes.song.audio.spectrum import centroid_of, for_each_spectrum

    samples, rate = load()
    ours = np.empty(1 + len(samples) // 512, np.float32)

    def work(frames, power):
        ours[frames] = centroid_of(power, rate)

    for_each_spectrum(samples, work, n_fft=2048, hop=512)
    theirs = librosa.feature.spectral_centroid(y=samples, sr=rate)[0]
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-3 * theirs.max()


@pytest.mark.parametrize("name", CHORDS)
def test_a_chord_is_its_three_pitch_classes(name):
    song = analysis.analyze(chord(name, 6).astype(np.float32), RATE, fps=12)
    assert song.chroma.shape == (12, song.n_frames) and song.chroma.dtype == np.float32
    mean = song.chroma[:, 12:-12].mean(axis=1)
    strongest = {PITCH_CLASSES[n] for n in np.argsort(mean)[-3:]}
    assert strongest == {"C": {"C", "E", "G"}, "F": {"F", "A", "C"}, "G": {"G", "B", "D"}}[name]


@pytest.mark.parametrize("detune", [-0.4, -0.15, 0.0, 0.3])
def test_tuning_is_heard(detune):
    import soxr

    from songreel.nodes.song.audio.spectrum import for_each_spectrum

    low = soxr.resample(chord("C", 5, detune=detune).astype(np.float32), RATE, harmony.CHROMA_RATE)
    power = np.empty((1 + len(low) // 1024, 2049), np.float32)
    for_each_spectrum(low, power.__setitem__, n_fft=4096, hop=1024)
    assert harmony.tuning_of(power, harmony.CHROMA_RATE, 4096) == pytest.approx(detune, abs=0.05)


def test_harmonic_change_peaks_where_the_chord_changes():
    samples = np.concatenate([chord(name, 3) for name in "CFGC"]).astype(np.float32)
    song = analysis.analyze(samples, RATE, fps=20)
    curve = song.curve("harmonic_change")
    for change in (60, 120, 180):
        assert abs(int(curve[change - 25 : change + 25].argmax()) - 25) <= 5
    assert curve[20:40].mean() < 0.2 < 0.6 < curve[[60, 120, 180]].min()


def test_tonal_centroids_of_a_fifth_are_near_and_of_a_tritone_far():
    eye = np.eye(12)
    c, g, f_sharp = harmony.tonal_centroids(eye[:, [0, 7, 6]]).T
    assert np.linalg.norm(c - g) < np.linalg.norm(c - f_sharp)
    assert not harmony.tonal_centroids(np.zeros((12, 2))).any()
