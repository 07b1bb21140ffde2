"""A song becomes a SongAnalysis: beats, downbeats, onsets, tempo, and one value of each curve per frame."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..timing import frame_count, snap_fps
from ..types import SongAnalysis
from .beat import Activation, Track, activation, tempo_curve, track
from .curves import attack_positions, frames_at, onset_scale, peaks, per_frame
from .downbeat import downbeats
from .signal import ANALYSIS_RATE, analysis_signal, checked
from .spectrum import band_power, flux, mel_filterbank, rms

N_FFT, HOP, N_MELS = 1024, 128, 64
# Hz from ... to, for the curves of that name.
ENERGY_BANDS = {"bass": (20.0, 250.0), "mid": (250.0, 4000.0), "treble": (4000.0, 11_025.0)}
CURVES = ("onset", "rms", *ENERGY_BANDS)
_RATE = ANALYSIS_RATE / HOP
# A band this far below the loudest one is leakage and stays near 0 instead of being stretched to 1.
_BAND_FLOOR = 1e-2
_QUIET = 10 ** (-50 / 20)
_MIN_ONSETS = 4
# In noise the strongest rises (dB) hardly stand out from the usual ones (ratio 0.4); in music they do (0.8 and more).
_STAND_OUT, _AUDIBLE_RISE = 0.6, 0.1


def analyze(waveform: np.ndarray, sample_rate: int, *, fps: Fraction | float) -> SongAnalysis:
    """Listen to a song.

    Parameters
    ----------
    waveform : float32 (channels, samples) or (samples,); it is not changed
    sample_rate : Hz, 1,000 to 768,000
    fps : frames per second of the video, 1 to 120; near-NTSC rates snap (23.976 is 24000/1001)

    Returns
    -------
    SongAnalysis with the curves `onset` (maximum over the frame; 1 is the 95th percentile of the song's
    onsets), `rms` (mean over the frame, 1 is the loudest frame), and `bass`, `mid`, `treble` (mean
    amplitude in the band, 1 is its loudest frame). In silence all are 0 and there are no beats.

    Raises
    ------
    InputError
        If the audio is empty, not finite or of the wrong shape, or a rate is out of range.
    """
    fps = snap_fps(fps)
    samples, sample_rate = checked(waveform, sample_rate)
    duration = samples.shape[1] / sample_rate
    n_frames = frame_count(duration, fps)
    signal = analysis_signal(samples, sample_rate)
    power, strength, loudness = _listen(signal)
    mel_power, band_powers = power[:, :N_MELS], power[:, N_MELS:]

    found = peaks(strength, _RATE)
    attacks = attack_positions(signal, found, HOP)
    positions = np.arange(len(strength)) * HOP
    onset_frames = frames_at(positions - HOP // 2, ANALYSIS_RATE, fps)
    # A resampled attack rings about two of its own samples early: one on a frame's first sample must stay there.
    ringing = 2 + int(2.5 * ANALYSIS_RATE / sample_rate)
    onset_frames[found] = frames_at(attacks + ringing, ANALYSIS_RATE, fps)
    onset = per_frame(strength, onset_frames, n_frames, reduce=np.maximum)
    onset = np.clip(onset / max(onset_scale(strength, found), 1e-9), 0, 1)
    levels = np.column_stack((loudness, np.sqrt(band_powers)))
    means = per_frame(levels, frames_at(positions, ANALYSIS_RATE, fps), n_frames, reduce=np.add)
    tops = means.max(axis=0, initial=0)
    tops[1:] = np.maximum(tops[1:], _BAND_FLOOR * tops[1:].max())
    means = np.clip(means / np.maximum(tops, 1e-9), 0, 1)
    curves = {"onset": onset, "rms": means[:, 0]}
    curves |= {name: means[:, column] for column, name in enumerate(ENERGY_BANDS, 1)}

    beat, tracked = _beats(mel_power, strength, loudness, found, duration)
    tempo_per_beat = tempo_curve(tracked.beats)
    return SongAnalysis(
        duration=duration,
        fps=fps,
        curves={name: np.ascontiguousarray(curve, dtype=np.float32) for name, curve in curves.items()},
        beats=tracked.beats,
        downbeats=downbeats(tracked.beats, beat, mel_power, _RATE),
        onsets=_within(attacks / ANALYSIS_RATE, duration),
        tempo=float(np.median(tempo_per_beat)) if len(tempo_per_beat) else 0.0,
        tempo_per_beat=tempo_per_beat,
    )


def _listen(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per hop from time 0 to past the end: power (mel bands, then energy bands), onset strength, RMS."""
    # A window of silence on both sides lets an attack on the first or the last sample be heard.
    lead = N_FFT // HOP
    padded = np.pad(signal, (N_FFT, N_FFT))
    power = band_power(padded, _filters(), n_fft=N_FFT, hop=HOP)
    if not signal.any():
        strength = np.zeros(len(power), dtype=np.float32)
    else:
        strength = flux(power[:, :N_MELS], n_fft=N_FFT, hop=HOP)
    loudness = rms(padded, frame_length=N_FFT, hop=HOP)
    hops = slice(lead, lead + len(signal) // HOP + 2)
    return power[hops], strength[hops], loudness[hops]


def _beats(
    mel_power: np.ndarray, strength: np.ndarray, loudness: np.ndarray, onsets: np.ndarray, duration: float
) -> tuple[Activation, Track]:
    beat = activation(mel_power, _RATE)
    nothing = Track(np.zeros(0), 0.0)
    audible = np.flatnonzero(loudness > _QUIET * loudness.max())
    if len(onsets) < _MIN_ONSETS or not _has_attacks(strength[audible]):
        return beat, nothing
    tracked = track(beat)
    audible = audible / _RATE
    beats = _within(tracked.beats, duration)
    # The path runs through leading and trailing silence; nobody hears a beat there.
    beats = beats[(beats >= audible[0] - 0.1) & (beats <= audible[-1] + 0.1)]
    return beat, Track(beats, tracked.confidence)


def _has_attacks(strength: np.ndarray) -> bool:
    inner = strength[N_FFT // HOP : -N_FFT // HOP]
    if not len(inner):
        return False
    usual, strong = np.percentile(inner, (50, 95))
    return bool(strong - usual > _STAND_OUT * usual + _AUDIBLE_RISE)


def _within(times: np.ndarray, duration: float) -> np.ndarray:
    times = np.maximum(times, 0.0)
    return np.unique(times[times < duration])


def _filters() -> np.ndarray:
    frequencies = np.fft.rfftfreq(N_FFT, 1 / ANALYSIS_RATE)
    bands = [(low <= frequencies) & (frequencies < high) for low, high in ENERGY_BANDS.values()]
    return np.column_stack((mel_filterbank(ANALYSIS_RATE, N_FFT, N_MELS), *bands)).astype(np.float32)
