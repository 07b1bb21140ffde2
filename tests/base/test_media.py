"""Songs in, videos out: every file is opened again and counted."""

from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
import soxr

from songreel.nodes.base import timing
from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import audio, video

FPS = {"10": 10, "12": 12, "23.976": 23.976, "24": 24, "30": 30, "60": 60}


def sweep(seconds, rate, channels=1):
    t = np.arange(int(seconds * rate)) / rate
    wave = 0.4 * np.sin(2 * np.pi * (120 + 180 * t) * t)
    return np.stack([wave * (1 - 0.3 * channel) for channel in range(channels)]).astype(np.float32)


def write_song(path, waveform, rate):
    """A song file of any of the formats that people have, by PyAV or soundfile."""
    if path.suffix in (".wav", ".flac", ".ogg"):
        soundfile.write(path, waveform.T, rate)
        return
    codec, container = {".mp3": ("libmp3lame", "mp3"), ".m4a": ("aac", "mp4")}[path.suffix]
    layout = "mono" if len(waveform) == 1 else "stereo"
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        frame = av.AudioFrame.from_ndarray(waveform, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(block))
        output.mux(stream.encode(None))


def lag_and_correlation(heard, expected):
    n = min(len(heard), len(expected))
    a, b = expected[:n].astype(np.float64), heard[:n].astype(np.float64)
    cross = np.fft.irfft(np.fft.rfft(a, 2 * n).conj() * np.fft.rfft(b, 2 * n))
    return int(cross.argmax()), cross[0] / np.sqrt((a**2).sum() * (b**2).sum())


def pictures(count, height=32, width=48):
    for index in range(count):
        yield np.full((height, width, 3), (index * 2 % 256, 80, 255 - index * 2 % 256), np.uint8)


@pytest.mark.parametrize("fps", FPS.values(), ids=FPS)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("suffix", "rate"),
    [
        (".wav", 8000),
        (".wav", 192_000),
        (".flac", 44_100),
        (".flac", 96_000),
        (".ogg", 48_000),
        (".mp3", 44_100),
        (".m4a", 22_050),
    ],
)
def test_video_has_the_songs_length_and_sound(tmp_path, fps, channels, suffix, rate):
    fps = timing.snap_fps(fps)
    song = tmp_path / f"song{suffix}"
    write_song(song, sweep(2.137, rate, channels), rate)
    waveform, sample_rate = audio.read_audio(song)
    assert (len(waveform), sample_rate) == (channels, rate)
    seconds = waveform.shape[1] / sample_rate
    n_frames = timing.frame_count(seconds, fps)
    half = n_frames // 2
    segments = [(tmp_path / "a.mp4", half), (tmp_path / "b.mp4", n_frames - half)]
    for path, count in segments:
        assert video.write_segment(path, pictures(count), fps=fps) == count
    out = tmp_path / "out.mp4"
    video.join_segments(out, segments, fps=fps, waveform=waveform, sample_rate=sample_rate)
    with av.open(str(out)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert picture.average_rate == fps
        assert sound.codec_context.layout.nb_channels == channels
        assert abs(float(picture.duration * picture.time_base) - float(sound.duration * sound.time_base)) <= 1 / fps
        stamps = [frame.pts * frame.time_base * fps for frame in container.decode(video=0)]
    assert stamps == list(range(n_frames))
    assert n_frames == -(-waveform.shape[1] * fps // sample_rate)
    heard, heard_rate = audio.read_audio(out)
    lag, correlation = lag_and_correlation(heard[0], soxr.resample(waveform[0], sample_rate, heard_rate))
    assert lag == 0 and correlation > 0.98


def test_segments_are_the_same_bytes_every_time(tmp_path):
    for name in ("a", "b"):
        video.write_segment(tmp_path / f"{name}.mp4", pictures(40), fps=Fraction(12))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_colours_survive(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (250, 200, 10)]
    frames = [np.full((64, 64, 3), colour, np.uint8) for colour in colours]
    video.write_segment(tmp_path / "a.mp4", frames, fps=Fraction(12))
    for colour, frame in zip(colours, video.read_frames(tmp_path / "a.mp4"), strict=True):
        assert np.abs(frame[32, 32].astype(int) - colour).max() <= 4
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)


def test_a_segment_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield from pictures(5)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        video.write_segment(tmp_path / "a.mp4", broken(), fps=Fraction(12))
    assert not list(tmp_path.iterdir())


def test_aac_songs_are_copied_untouched(tmp_path):
    write_song(tmp_path / "song.m4a", sweep(3.0, 44_100, 2), 44_100)
    waveform, rate = audio.read_audio(tmp_path / "song.m4a")
    video.write_segment(tmp_path / "a.mp4", pictures(37), fps=Fraction(12))
    video.join_segments(
        tmp_path / "b.mp4", [(tmp_path / "a.mp4", 37)], fps=Fraction(12), waveform=waveform, sample_rate=rate
    )
    assert video.copy_audio(tmp_path / "b.mp4", tmp_path / "song.m4a", tmp_path / "c.mp4")
    heard, _ = audio.read_audio(tmp_path / "c.mp4")
    assert np.array_equal(heard, waveform)
    assert sum(1 for _ in video.read_frames(tmp_path / "c.mp4")) == 37
    write_song(tmp_path / "song.flac", waveform, rate)
    assert not video.copy_audio(tmp_path / "b.mp4", tmp_path / "song.flac", tmp_path / "d.mp4")


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (7000, 8000),
        (8000, 8000),
        (12_345, 16_000),
        (37_800, 44_100),
        (96_000, 96_000),
        (176_400, 88_200),
        (192_000, 96_000),
    ],
)
def test_aac_rate(rate, expected):
    assert audio.aac_rate(rate) == expected


def test_surround_becomes_stereo(tmp_path):
    video.write_segment(tmp_path / "a.mp4", pictures(12), fps=Fraction(12))
    for channels, expected in ((6, 2), (3, 2)):
        out = tmp_path / "out.mp4"
        wave = sweep(1.0, 48_000, 2)[np.arange(channels) % 2]
        video.join_segments(out, [(tmp_path / "a.mp4", 12)], fps=Fraction(12), waveform=wave, sample_rate=48_000)
        heard, _ = audio.read_audio(out)
        assert len(heard) == expected and np.abs(heard).max() > 0.2


def test_samples_of_takes_a_lazy_mapping_and_changes_nothing():
    import torch

    class Lazy(dict):
        def __getitem__(self, key):
            return {"waveform": torch.ones(1, 2, 10), "sample_rate": 44_100}[key]

    samples, rate = audio.samples_of(Lazy())
    assert samples.shape == (2, 10) and samples.dtype == np.float32 and rate == 44_100


def bad_audio(name):
    import torch

    ok = torch.zeros(1, 2, 10)
    return {
        "none": None,
        "empty": {"waveform": torch.zeros(1, 2, 0), "sample_rate": 44_100},
        "no channels": {"waveform": torch.zeros(1, 0, 9), "sample_rate": 44_100},
        "batch": {"waveform": torch.zeros(3, 2, 10), "sample_rate": 44_100},
        "flat": {"waveform": torch.zeros(10), "sample_rate": 44_100},
        "nan": {"waveform": ok * float("nan"), "sample_rate": 44_100},
        "infinite": {"waveform": ok + float("inf"), "sample_rate": 44_100},
        "rate 0": {"waveform": ok, "sample_rate": 0},
        "rate text": {"waveform": ok, "sample_rate": "44100"},
        "no rate": {"waveform": ok},
    }[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "audio must have a waveform and a sample_rate, got NoneType"),
        ("empty", r"audio is empty \(shape \(1, 2, 0\)\)"),
        ("no channels", "audio is empty"),
        ("batch", r"audio must be one song of shape \(1, channels, samples\), got \(3, 2, 10\)"),
        ("flat", r"got \(10,\)"),
        ("nan", "audio holds NaN or infinite samples"),
        ("infinite", "audio holds NaN or infinite samples"),
        ("rate 0", "sample rate must be a whole number of Hz, got 0"),
        ("rate text", "got '44100'"),
        ("no rate", r"got keys \['waveform'\]"),
    ],
)
def test_bad_audio_values(name, message):
    with pytest.raises(InputError, match=message):
        audio.samples_of(bad_audio(name))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no audio file 'song.wav'"),
        (b"", "'song.wav' cannot be read as audio"),
        (b"this is not sound" * 100, "'song.wav' cannot be read as audio"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "'song.wav' cannot be read as audio"),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "song.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        audio.read_audio(path)
    assert str(tmp_path) not in str(caught.value)


def test_zero_length_and_silent_video_files(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2), np.float32), 44_100)
    with pytest.raises(InputError, match="'empty.wav'"):
        audio.read_audio(tmp_path / "empty.wav")
    video.write_segment(tmp_path / "mute.mp4", pictures(3), fps=Fraction(12))
    with pytest.raises(InputError, match="'mute.mp4' has no audio in it"):
        audio.read_audio(tmp_path / "mute.mp4")


def test_a_truncated_song_gives_what_is_there(tmp_path):
    write_song(tmp_path / "song.flac", sweep(4.0, 44_100), 44_100)
    data = (tmp_path / "song.flac").read_bytes()
    (tmp_path / "song.flac").write_bytes(data[: len(data) // 2])
    waveform, _ = audio.read_audio(tmp_path / "song.flac")
    assert 0.5 < waveform.shape[1] / 44_100 < 4.0
