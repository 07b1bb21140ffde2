"""Spectra against librosa's, on real songs where they are here and on a made one always."""

import numpy as np
import pytest

from songreel.nodes.song.audio import spectrum
from support.songs import songs

SETTINGS = [dict(n_fft=2048, hop=512, n_mels=128), dict(n_fft=1024, hop=128, n_mels=64)]


def mel_power(samples, rate, *, n_fft, hop, n_mels):
    """Power in mel bands (frames, n_mels), as `analysis` computes it."""
    filters, power = (
        spectrum.mel_filterbank(rate, n_fft, n_mels),
        np.empty((1 + len(samples) // hop, n_mels), np.float32),
    )

    def work(frames, block):
        np.matmul(block, filters, out=power[frames])

    spectrum.for_each_spectrum(samples, work, n_fft=n_fft, hop=hop)
    return power


@pytest.mark.parametrize("load", list(songs()))
@pytest.mark.parametrize("settings", SETTINGS, ids=["2048/512", "1024/128"])
def test_onset_strength_is_librosas(load, settings):
    import librosa

    samples, rate = load()
    power = mel_power(samples, rate, **settings)
    rise = spectrum.decibel_rise(power).mean(axis=1)
    ours = spectrum.aligned(rise, len(power), n_fft=settings["n_fft"], hop=settings["hop"])
    theirs = librosa.onset.onset_strength(
        y=samples, sr=rate, n_fft=settings["n_fft"], hop_length=settings["hop"], n_mels=settings["n_mels"]
    )
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-3 * theirs.max()


@pytest.mark.parametrize("load", list(songs()))
def test_rms_is_librosas(load):
    import librosa

    samples, rate = load()
    ours, theirs = spectrum.rms(samples), librosa.feature.rms(y=samples)[0]
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-3 * theirs.max()


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), [(22_050, 2048, 128), (22_050, 1024, 64), (44_100, 2048, 40)])
def test_mel_filterbank_is_librosas(rate, n_fft, n_mels):
    import librosa

    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels).T
    assert np.abs(spectrum.mel_filterbank(rate, n_fft, n_mels) - theirs).max() < 1e-6 * theirs.max() + 1e-9


@pytest.mark.parametrize("samples", [1, 127, 128, 129, 5000])
def test_frame_counts(samples):
    frames = []
    spectrum.for_each_spectrum(
        np.ones(samples, np.float32), lambda block, power: frames.append((block, power.shape)), n_fft=1024, hop=128
    )
    # Every frame once, in blocks that may come in any order.
    assert sorted(n for block, _ in frames for n in range(block.start, block.stop)) == list(range(1 + samples // 128))
    assert all(shape == (block.stop - block.start, 513) for block, shape in frames)
    assert spectrum.rms(np.ones(samples, np.float32), frame_length=1024, hop=128).shape == (1 + samples // 128,)
