import numpy as np
import pytest

from headless.demo.song import make_demo_song
from songreel.nodes.base.errors import InputError
from songreel.nodes.song.emotion import descriptors, hear, mood_segments, regressor, rules, smile, timeline
from support.songs import song


@pytest.fixture(scope="module")
def demo():
    return make_demo_song()


def tone(hertz, seconds=8.0, level=0.3):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * 44_100)) / 44_100)).astype(np.float32)


def column(rows, name):
    return rows[:, descriptors.COLUMNS.index(name)]


def test_descriptors_of_a_tone_are_what_theory_says():
    rows = descriptors.descriptors(tone(1000))
    assert rows.shape == ((8 * 44_100 - 882) // 441 + 1, 31)
    assert np.median(column(rows, "pcm_RMSenergy_sma")) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)
    assert np.median(column(rows, "pcm_zcr_sma")) == pytest.approx(2000 / 44_100, rel=0.02)
    assert np.median(column(rows, "pcm_fftMag_spectralCentroid_sma")) == pytest.approx(1000, rel=0.02)
    assert np.median(column(rows, "pcm_fftMag_spectralRollOff50.0_sma")) == pytest.approx(1000, abs=44)
    assert np.median(column(rows, "pcm_fftMag_spectralFlux_sma")) < 0.05
    noise = np.random.default_rng(0).standard_normal(44_100).astype(np.float32) * 0.1
    assert np.median(column(descriptors.descriptors(noise), "pcm_fftMag_spectralEntropy_sma")) == pytest.approx(
        8.4, abs=0.2
    )


def test_blocks_join_without_a_seam(monkeypatch, demo):
    signal = demo[0].mean(axis=0)[: 44_100 * 3]
    whole = descriptors.descriptors(signal)
    monkeypatch.setattr(descriptors, "_BLOCK", 37)
    np.testing.assert_allclose(descriptors.descriptors(signal), whole, rtol=2e-4, atol=1e-4)


@pytest.mark.skipif(not smile.available(), reason="opensmile is not installed (pip install opensmile)")
def test_every_column_follows_opensmile(demo):
    # Without the ends, which are softer than one step of 16 bits: openSMILE takes them for zero.
    signal = demo[0].mean(axis=0)[44_100 * 4 : 44_100 * 21]
    theirs = smile.smile_descriptors(signal, descriptors.COLUMNS)
    ours = descriptors.descriptors(signal)[: len(theirs)]
    # Means over seconds, as the regressors hear them.
    a, b = (hear.windowed_means(rows, 34, 1.0) for rows in (ours, theirs))
    for k, name in enumerate(descriptors.COLUMNS):
        assert np.corrcoef(a[:, k], b[:, k])[0, 1] > 0.95, name


def test_the_demo_song_is_calm_in_the_bridge_and_euphoric_in_the_drop(demo):
    emotion = hear.hear_emotion(*demo, hear.EmotionSettings(model="built-in"))
    assert emotion.label_of(9.5, 14.5) == "melancholy"
    assert emotion.label_of(18, 26) == "euphoric"
    assert emotion.mean(19, 25)[0] > emotion.mean(9.5, 14.5)[0] + 0.4
    assert emotion.model == "built-in" and emotion.duration == pytest.approx(27.9)
    assert min(part.end - part.start for part in emotion.segments) >= 8.0


@pytest.mark.parametrize("model", ["built-in", "rules", "opensmile"])
def test_louder_resampled_and_mono_copies_are_heard_alike(model, demo):
    import soxr

    if model == "opensmile" and not smile.available():
        pytest.skip("opensmile is not installed (pip install opensmile)")
    waveform, rate = demo[0][:, 44_100 * 6 : 44_100 * 20], demo[1]
    before = hear.hear_emotion(waveform, rate, hear.EmotionSettings(model=model))
    copies = {
        "louder": (waveform * np.float32(10 ** (1 / 20)), rate),
        "48 kHz": (soxr.resample(waveform.T, rate, 48_000).T.astype(np.float32), 48_000),
        "mono": (waveform.mean(axis=0), rate),
    }
    for name, (copy, copy_rate) in copies.items():
        after = hear.hear_emotion(copy, copy_rate, hear.EmotionSettings(model=model))
        for kind in ("arousal", "valence"):
            change = np.abs(getattr(after, kind) - getattr(before, kind)).mean()
            assert change <= 0.05, (name, kind, change)


def test_silence_is_neutral_and_short_or_odd_audio_is_heard():
    quiet = hear.hear_emotion(np.zeros((2, 44_100 * 20), np.float32), 44_100, hear.EmotionSettings(model="built-in"))
    assert [part.label for part in quiet.segments] == ["neutral"] and not quiet.arousal.any()
    for samples in (10, 4_000, 44_100):
        short = hear.hear_emotion(tone(440, 1.0)[:samples], 44_100, hear.EmotionSettings(model="built-in"))
        assert len(short.arousal) == timeline.count(samples / 44_100) and len(short.segments) == 1
    with pytest.raises(InputError, match="must be one of auto, opensmile"):
        hear.hear_emotion(tone(440), 44_100, hear.EmotionSettings(model="loud"))
    with pytest.raises(InputError, match="window must be from 6 to 60, got 2.0"):
        hear.hear_emotion(tone(440), 44_100, hear.EmotionSettings(window=2.0))


def test_missing_opensmile_is_one_sentence(monkeypatch):
    monkeypatch.setattr(smile, "available", lambda: False)
    with pytest.raises(InputError, match="pip install opensmile, or choose the built-in model"):
        hear.hear_emotion(tone(440), 44_100, hear.EmotionSettings(model="opensmile"))
    assert hear.hear_emotion(tone(440), 44_100).model == "built-in"


def test_long_songs_are_heard_in_blocks():
    if not smile.available():
        pytest.skip("opensmile is not installed (pip install opensmile)")
    rows = smile.smile_descriptors(tone(440, 100.0), ("pcm_RMSenergy_sma",))
    heard = ~np.isnan(rows[:, 0])
    assert 0.37 < heard.mean() < 0.43
    means = hear.windowed_means(rows, 200, 8.0)
    np.testing.assert_allclose(means[5:195, 0], 0.3 / np.sqrt(2), rtol=0.02)


def noisy_steps(seed=0):
    """Four stretches of 20 s in the four quadrants, with noise that crosses the borders."""
    rng = np.random.default_rng(seed)
    centres = np.repeat([(-0.3, -0.3), (0.3, 0.3), (0.3, -0.3), (-0.3, 0.3)], 40, axis=0)
    return centres + 0.2 * rng.standard_normal(centres.shape)


def test_viterbi_finds_the_stretches_and_no_flicker():
    values = noisy_steps()
    parts = mood_segments.segments_of(values, 80.0, min_seconds=8.0)
    assert [part.label for part in parts] == ["melancholy", "euphoric", "tense", "serene"]
    for part, start in zip(parts, (0, 20, 40, 60), strict=True):
        assert abs(part.start - start) <= 1.5
    assert len(mood_segments.segments_of(values, 80.0, smoother="none")) > 20


def test_cumulative_locks_in_where_viterbi_follows():
    values = np.repeat([(-0.3, -0.3), (0.3, 0.3)], 60, axis=0)
    cumulative = mood_segments.segments_of(values, 60.0, smoother="cumulative")
    assert [part.label for part in cumulative] == ["melancholy"]
    assert [part.start for part in mood_segments.segments_of(values, 60.0)] == [0.0, 30.0]


@pytest.mark.parametrize("minimum", [0.5, 3.0, 8.0, 20.0])
def test_no_mood_is_shorter_than_asked(minimum):
    for seed in range(5):
        values = np.random.default_rng(seed).standard_normal((150, 2)) * 0.3
        parts = mood_segments.segments_of(values, 75.0, min_seconds=minimum)
        assert min(part.end - part.start for part in parts) >= min(minimum, 75.0)
        assert parts[0].start == 0 and parts[-1].end == 75.0


def test_fit_recovers_a_rule_and_weights_are_small():
    rng = np.random.default_rng(1)
    means = rng.standard_normal((400, 3)) + [0, 5, 0]
    level = regressor.signed_log(means, np.abs(means).mean(axis=0) + 1e-12)
    targets = np.stack([0.3 * level[:, 0], -0.2 * level[:, 2]], axis=1)
    model = regressor.fit(means, targets, ("a", "b", "c"), penalty=0.01)
    assert np.abs(model.predict(means) - targets).max() < 0.08
    again = regressor.Regressor.from_json(model.to_json())
    np.testing.assert_allclose(again.predict(means), model.predict(means), atol=1e-3)
    for name, columns in (("opensmile", 65), ("built-in", 31)):
        assert len(regressor.load(name).columns) == columns
        assert (regressor.WEIGHTS / f"{name}.json").stat().st_size < 10_000
    assert regressor.load("built-in").columns == descriptors.COLUMNS


def test_rules_know_what_is_loud_fast_and_minor():
    rows = np.tile(descriptors.descriptors(tone(440)).mean(axis=0), (2, 1))
    quiet, loud = (descriptors.descriptors(tone(440, level=level)).mean(axis=0)[None] for level in (0.02, 0.9))
    assert rules.rule_values(loud)[0, 0] > rules.rule_values(quiet)[0, 0] + 0.2
    slow, fast = (rules.rule_values(rows, tempo=bpm)[0] for bpm in (60, 170))
    assert fast[0] > slow[0] and fast[1] > slow[1]
    minor, major = rules.rule_values(rows, mode=np.array([-1, 1]))[:, 1]
    assert major > minor + 0.2


def test_keys():
    def chord(*notes):
        return np.array([1.0 if k in notes else 0.05 for k in range(12)])

    scale = chord(0, 2, 4, 5, 7, 9, 11) + chord(0, 4, 7)
    assert (rules.key_of(scale).tonic, rules.key_of(scale).major) == ("C", True)
    minor = np.roll(chord(0, 2, 3, 5, 7, 8, 10) + chord(0, 3, 7), 9)
    assert (rules.key_of(minor).tonic, rules.key_of(minor).major) == ("A", False)
    assert rules.key_of(np.zeros(12)) is None
    assert rules.mode_of(song(), 0, 5) == 0.0


def test_json_round_trip_is_exact_and_checked(demo):
    emotion = hear.hear_emotion(demo[0][:, : 44_100 * 10], demo[1], hear.EmotionSettings(model="built-in"))
    again = timeline.EmotionTimeline.of(emotion.to_text())
    np.testing.assert_array_equal(again.arousal, emotion.arousal)
    np.testing.assert_array_equal(again.valence, emotion.valence)
    assert (again.segments, again.origin, again.model) == (emotion.segments, emotion.origin, "built-in")
    data = emotion.to_json()
    for change, words in (
        ({"version": 2}, "version 2 is unknown"),
        ({"arousal": [0.0]}, "has 1 values; 10 s need 20"),
        ({"valence": [1.5] * 20}, "must stay in -1..1"),
        ({"segments": [{"start": 0, "end": 10, "label": "angry"}]}, "'angry' is none of melancholy"),
        ({"segments": [{"start": 0, "end": 4, "label": "tense"}]}, "from 0 to the duration"),
    ):
        with pytest.raises(InputError, match=words):
            timeline.EmotionTimeline.of(data | change)


def test_plot_shows_moods_in_their_colours(demo):
    from songreel.nodes.song.emotion import plot

    emotion = hear.hear_emotion(*demo, hear.EmotionSettings(model="built-in"))
    picture = plot.plot_emotion(emotion, width=800, height=320)
    assert picture.shape == (320, 800, 3)
    strip = picture[280]
    for label in {part.label for part in emotion.segments}:
        wanted = np.array([int(timeline.COLOURS[label][k : k + 2], 16) for k in (1, 3, 5)])
        mixed = 0.75 * wanted + 0.25 * np.array([0x23, 0x25, 0x2C])
        assert (np.abs(strip - mixed).max(axis=1) < 12).sum() > 50, label


@pytest.mark.skipif(not smile.available(), reason="opensmile is not installed (pip install opensmile)")
def test_opensmile_hears_no_clipping(demo):
    signal = hear.mono(demo[0])[: 44_100 * 10]
    signal = signal / np.abs(signal).max()
    full, over = (smile.smile_descriptors(np.float32(signal * gain), descriptors.COLUMNS) for gain in (1, 1.5))
    np.testing.assert_allclose(over, full, rtol=1e-3, atol=1e-3 * np.nanmax(np.abs(full)))
