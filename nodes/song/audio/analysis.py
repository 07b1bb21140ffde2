"""A song becomes a SongAnalysis: beats, downbeats, onsets, tempo, form, and one value of each curve per frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...base.timing import frame_count, snap_fps
from ...base.types import SongAnalysis
from .beat import Activation, Track, activation, needed_confidence, tempo_curve, track
from .curves import attack_positions, frames_at, onset_scale, peaks, per_frame
from .downbeat import downbeats
from .harmony import CHROMA_HOP, CHROMA_RATE, harmonic_change, song_chroma
from .names import CURVES, ENERGY_BANDS
from .percussion import percussive_share
from .signal import ANALYSIS_RATE, analysis_signal, checked
from .spectrum import aligned, centroid_of, decibel_rise, for_each_spectrum, mel_filterbank, rms
from .structure import KERNEL_S, STEP_S, cuts_of, novelty, sections_of, step_features

N_FFT, HOP, N_MELS = 2048, 256, 64
# The mel bands that beats are heard in end here; above, three more bands hear cymbals.
MEL_TOP = 11_025.0
AIR_BANDS = ((11_025.0, 12_500.0), (12_500.0, 14_200.0), (14_200.0, 16_000.0))
LEVELS = ("rms", "harmonic", *ENERGY_BANDS)
RISES = ("onset", "percussive", *(f"{name}_onset" for name in ENERGY_BANDS), "flux")
_RATE = ANALYSIS_RATE / HOP
_CHROMA_RATE = CHROMA_RATE / CHROMA_HOP
# Harmonic and percussive are told apart on spectra of this many hops, 23 ms.
_POOL = 4
# A band this far below the loudest one is leakage and stays near 0 instead of being stretched to 1.
_BAND_FLOOR = 1e-2
_QUIET = 10 ** (-50 / 20)
# A beat with silence for this long on both sides is none.
_SILENCE_S = 1.0
_MIN_ONSETS = 4
_ATTACK_HOPS = (-3, -2, -1, 1, 0)
# In noise the strongest rises (dB) hardly stand out from the usual ones (ratio 0.4); in music they do (0.8 and more).
# Swelling tones without any attack reach 0.5 dB a hop, the mildest music 1.0.
_STAND_OUT, _AUDIBLE_RISE, _ATTACK_DB = 0.6, 0.1, 0.7
# Clicks in silence fill so few hops that only the very strongest rises (13 dB) tell; in noise these are 1.7 times
# the usual.
_CLICK_DB, _CLICK_STANDS_OUT = 3.0, 10.0


def analyze(waveform: np.ndarray, sample_rate: int, *, fps: Fraction | float) -> SongAnalysis:
    """Listen to a song.

    Parameters
    ----------
    waveform : float32 (channels, samples) or (samples,); it is not changed
    sample_rate : Hz, 1,000 to 768,000
    fps : frames per second of the video, 1 to 120; near-NTSC rates snap (23.976 is 24000/1001)

    Returns
    -------
    SongAnalysis with these curves, each 0..1 and 0 in silence:

    - `onset` (mean rise of the log mel bands), `percussive` (that of the percussive part), `bass_onset`,
      `mid_onset`, `treble_onset` (that of a range), `flux` (rise of the magnitudes): maximum over the frame;
      1 is the 95th percentile of the curve's own peaks.
    - `rms`, `harmonic` (amplitude of what is held), `bass` (20-200 Hz), `mid` (200-2000), `treble` (2-16 kHz): mean
      amplitude over the frame; 1 is the loudest frame.
    - `centroid`: octaves of the spectral centroid from the 5th (0) to the 95th percentile (1) of audible frames.
    - `harmonic_change`, `novelty`: interpolated at the frame; 1 is the 99th percentile.

    `chroma`: each frame's largest pitch class is 1. Without a beat `tempo` is 0 and there are no beats.

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
    heard = _listen(signal)

    found = peaks(heard.rises["onset"], _RATE)
    attacks = attack_positions(signal, found, HOP)
    curves = _rise_curves(heard, found, attacks, sample_rate, fps, n_frames) | _level_curves(heard, fps, n_frames)

    beat, tracked = _beats(heard, found, duration)
    # Tempo and bars go on through a silence in the song; in it nobody hears a beat.
    kept = _sounding(heard.levels[:, 0], tracked.beats)
    beats, tempo_per_beat = tracked.beats[kept], tempo_curve(tracked.beats)[kept]
    bars = np.intersect1d(downbeats(tracked.beats, beat, heard.mel, _RATE), beats)

    chroma = song_chroma(signal, ANALYSIS_RATE)
    features, sharp = step_features(heard.mel, _RATE, chroma, _CHROMA_RATE, duration)
    change = novelty(features, int(KERNEL_S / STEP_S))
    curves["harmonic_change"] = _interpolated(harmonic_change(chroma, _CHROMA_RATE), _CHROMA_RATE, fps, n_frames)
    curves["novelty"] = _interpolated(change, 1 / STEP_S, fps, n_frames)
    loudness = np.interp(np.arange(len(change)) * STEP_S + STEP_S / 2, np.arange(n_frames) / float(fps), curves["rms"])

    def strength_at(times: np.ndarray) -> np.ndarray:
        return curves["onset"][np.clip((times * float(fps) + 1e-6).astype(int), 0, n_frames - 1)]

    nearest = np.minimum(np.round((np.arange(n_frames) + 0.5) / float(fps) * _CHROMA_RATE), chroma.shape[1] - 1)
    return SongAnalysis(
        duration=duration,
        fps=fps,
        curves={name: np.ascontiguousarray(curves[name], dtype=np.float32) for name in CURVES},
        beats=beats,
        downbeats=bars,
        onsets=_within(attacks / ANALYSIS_RATE, duration),
        tempo=float(np.median(tempo_per_beat)) if len(tempo_per_beat) else 0.0,
        tempo_per_beat=tempo_per_beat,
        sections=sections_of(features, sharp, change, loudness, bars if len(bars) else beats, duration),
        chroma=chroma[:, nearest.astype(int)].astype(np.float32),
        cuts=cuts_of(bars, beats, change, strength_at, duration),
        beat_confidence=tracked.confidence,
    )


@dataclass(frozen=True)
class _Heard:
    """Per hop from time 0 to past the end of a song.

    mel: power (hops, 64). rises: onset strengths by name, (hops,). levels: amplitudes (hops, 5) in the order of
    `LEVELS`. centroid: Hz (hops,).
    """

    mel: np.ndarray
    rises: dict[str, np.ndarray]
    levels: np.ndarray
    centroid: np.ndarray


def _listen(signal: np.ndarray) -> _Heard:
    # A window of silence on both sides lets an attack on the first or the last sample be heard.
    lead = N_FFT // HOP
    padded = np.pad(signal, (N_FFT, N_FFT))
    filters = _filters()
    n = 1 + len(padded) // HOP
    power, centroid = np.empty((n, filters.shape[1]), np.float32), np.empty(n, np.float32)

    def work(frames: slice, spectra: np.ndarray) -> None:
        np.matmul(spectra, filters, out=power[frames])
        # Every fourth is fine enough for any frame rate.
        few = centroid_of(spectra[::_POOL], ANALYSIS_RATE)
        centroid[frames] = np.repeat(few, _POOL)[: len(spectra)]

    for_each_spectrum(padded, work, n_fft=N_FFT, hop=HOP)
    n_bands = N_MELS + len(AIR_BANDS)
    bands, energies = power[:, :n_bands], power[:, n_bands:]
    share = _percussive_shares(bands)
    rises = _rises(bands, share) if signal.any() else dict.fromkeys(RISES, np.zeros(n, np.float32))
    held = np.sqrt((bands * (1 - share)).sum(axis=1))
    loudness = rms(padded, frame_length=N_FFT, hop=HOP)
    hops = slice(lead, lead + len(signal) // HOP + 2)
    return _Heard(
        mel=bands[hops, :N_MELS],
        rises={name: rise[hops] for name, rise in rises.items()},
        levels=np.column_stack((loudness, held, np.sqrt(energies)))[hops],
        centroid=centroid[hops],
    )


def _percussive_shares(bands: np.ndarray) -> np.ndarray:
    whole = np.pad(bands, ((0, -len(bands) % _POOL), (0, 0)), mode="edge")
    pooled = whole.reshape(-1, _POOL, bands.shape[1]).mean(axis=1)
    return np.repeat(percussive_share(pooled, _RATE / _POOL), _POOL, axis=0)[: len(bands)]


def _rises(bands: np.ndarray, share: np.ndarray) -> dict[str, np.ndarray]:
    rise = decibel_rise(bands)
    centres = _band_centres()
    magnitude = np.sqrt(bands)
    parts = {"onset": rise[:, :N_MELS], "percussive": rise[:, :N_MELS] * share[1:, :N_MELS]}
    for name, (low, high) in ENERGY_BANDS.items():
        parts[f"{name}_onset"] = rise[:, (low <= centres) & (centres < high)]
    parts["flux"] = np.maximum(magnitude[1:] - magnitude[:-1], 0)
    return {name: aligned(part.mean(axis=1), len(bands), n_fft=N_FFT, hop=HOP) for name, part in parts.items()}


def _rise_curves(
    heard: _Heard, found: np.ndarray, attacks: np.ndarray, sample_rate: int, fps: Fraction, n_frames: int
) -> dict[str, np.ndarray]:
    positions = np.arange(len(heard.mel)) * HOP
    onset_frames = frames_at(positions - HOP // 2, ANALYSIS_RATE, fps)
    # A resampled attack rings about two of its own samples early: one on a frame's first sample must stay there.
    ringing = 2 + int(2.5 * ANALYSIS_RATE / sample_rate)
    # The hops around an onset hear the same attack, in one band a little sooner than in another.
    for shift in _ATTACK_HOPS:
        near = np.clip(found + shift, 0, len(onset_frames) - 1)
        onset_frames[near] = frames_at(attacks + ringing, ANALYSIS_RATE, fps)
    values = np.column_stack([heard.rises[name] for name in RISES])
    scales = [onset_scale(rise, peaks(rise, _RATE)) for rise in values.T]
    # A range in which next to nothing happens stays near 0.
    floor = _BAND_FLOOR * max(scales[:-1])
    tops = np.maximum(scales, [floor] * (len(RISES) - 1) + [0])
    frames = per_frame(values, onset_frames, n_frames, reduce=np.maximum) / np.maximum(tops, 1e-9)
    return dict(zip(RISES, np.clip(frames, 0, 1).T, strict=True))


def _level_curves(heard: _Heard, fps: Fraction, n_frames: int) -> dict[str, np.ndarray]:
    frames = frames_at(np.arange(len(heard.mel)) * HOP, ANALYSIS_RATE, fps)
    means = per_frame(heard.levels, frames, n_frames, reduce=np.add)
    tops = means.max(axis=0, initial=0)
    bands = slice(len(LEVELS) - len(ENERGY_BANDS), None)
    tops[bands] = np.maximum(tops[bands], _BAND_FLOOR * tops[bands].max())
    curves = dict(zip(LEVELS, np.clip(means / np.maximum(tops, 1e-9), 0, 1).T, strict=True))
    return curves | {"centroid": _centroid_curve(heard, frames, n_frames)}


def _centroid_curve(heard: _Heard, frames: np.ndarray, n_frames: int) -> np.ndarray:
    loudness = heard.levels[:, 0]
    audible = (loudness > _QUIET * loudness.max(initial=0)) & (heard.centroid > 0)
    if not audible.any():
        return np.zeros(n_frames, np.float32)
    octaves = np.log2(np.maximum(heard.centroid, 1.0))
    low, high = np.percentile(octaves[audible], (5, 95))
    placed = np.clip((octaves - low) / max(high - low, 1e-3), 0, 1) * audible
    return per_frame(placed, frames, n_frames, reduce=np.add)


def _interpolated(values: np.ndarray, rate: float, fps: Fraction, n_frames: int) -> np.ndarray:
    top = float(np.percentile(values, 99)) if len(values) else 0.0
    if top <= 1e-6:
        return np.zeros(n_frames, np.float32)
    at = (np.arange(n_frames) + 0.5) / float(fps)
    return np.clip(np.interp(at, np.arange(len(values)) / rate, values) / top, 0, 1)


def _beats(heard: _Heard, onsets: np.ndarray, duration: float) -> tuple[Activation, Track]:
    """The beats; their confidence as 0..1, where 0.5 is just enough to believe them."""
    beat = activation(heard.mel, _RATE)
    nothing = Track(np.zeros(0), 0.0)
    strength, loudness = heard.rises["onset"], heard.levels[:, 0]
    audible = np.flatnonzero(loudness > _QUIET * loudness.max())
    if len(onsets) < _MIN_ONSETS or not _has_attacks(strength[audible]):
        return beat, nothing
    tracked = track(beat)
    needed = needed_confidence(loudness, _RATE)
    certainty = round(tracked.confidence**2 / (tracked.confidence**2 + needed**2), 4)
    if tracked.confidence < needed:
        return beat, Track(np.zeros(0), certainty)
    beats = _within(tracked.beats, duration)
    # The path runs through leading and trailing silence; nobody hears a beat there.
    beats = beats[(beats >= audible[0] / _RATE - 0.1) & (beats <= audible[-1] / _RATE + 0.1)]
    return beat, Track(beats, certainty)


def _sounding(loudness: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Which beats have something audible within `_SILENCE_S` to either side: bool (beats,)."""
    audible = np.concatenate(([0], np.cumsum(loudness > _QUIET * loudness.max(initial=0))))
    first = np.clip(np.round((beats - _SILENCE_S) * _RATE), 0, len(loudness)).astype(int)
    end = np.clip(np.round((beats + _SILENCE_S) * _RATE) + 1, 0, len(loudness)).astype(int)
    return audible[end] > audible[first]


def _has_attacks(strength: np.ndarray) -> bool:
    inner = strength[N_FFT // HOP : -N_FFT // HOP]
    if not len(inner):
        return False
    usual, strong, strongest = np.percentile(inner, (50, 95, 99))
    attacks = strong - usual > _STAND_OUT * usual + _AUDIBLE_RISE and strongest > _ATTACK_DB
    return bool(attacks or strongest > _CLICK_STANDS_OUT * usual + _CLICK_DB)


def _within(times: np.ndarray, duration: float) -> np.ndarray:
    times = np.maximum(times, 0.0)
    return np.unique(times[times < duration])


def _filters() -> np.ndarray:
    """Mel bands, air bands, energy bands: float32 (bins, 64 + 3 + 3)."""
    frequencies = np.fft.rfftfreq(N_FFT, 1 / ANALYSIS_RATE)

    def boxes(edges) -> list[np.ndarray]:
        return [(low <= frequencies) & (frequencies < high) for low, high in edges]

    # Of equal area, as the mel bands are.
    air = [box / (high - low) for box, (low, high) in zip(boxes(AIR_BANDS), AIR_BANDS, strict=True)]
    mel = mel_filterbank(ANALYSIS_RATE, N_FFT, N_MELS, MEL_TOP)
    return np.column_stack((mel, *air, *boxes(ENERGY_BANDS.values()))).astype(np.float32)


def _band_centres() -> np.ndarray:
    from .spectrum import mel_frequencies

    mel = mel_frequencies(N_MELS + 2, 0.0, MEL_TOP)[1:-1]
    return np.concatenate((mel, [(low + high) / 2 for low, high in AIR_BANDS]))
