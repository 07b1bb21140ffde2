"""Spectra against librosa's, on real songs where they are here and on a made one always."""

import numpy as np
import pytest

from songreel.nodes.song.audio import spectrum
from support.songs import songs

SETTINGS = [dict(n_fft=2048, hop=512, n_mels=128), dict(n_fft=1024, hop=128, n_mels=64)]


@pytest.mark.parametrize("load", list(songs()))
@pytest.mark.parametrize("settings", SETTINGS, ids=["2048/512", "1024/128"])
def test_onset_strength_is_librosas(load, settings):
    import librosa

    samples, rate = load()
    ours = spectrum.onset_strength(samples, rate, **settings)
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
    power = spectrum.band_power(np.ones(samples, np.float32), spectrum.mel_filterbank(22_050, 1024, 64),
                                n_fft=1024, hop=128)  # fmt: skip
    assert power.shape == (1 + samples // 128, 64)
    assert spectrum.rms(np.ones(samples, np.float32), frame_length=1024, hop=128).shape == (1 + samples // 128,)
