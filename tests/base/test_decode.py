"""Songs with damage, splices and late sound are read whole."""

import random
from fractions import Fraction

import av
import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media.audio import read_audio, write_flac
from songreel.nodes.base.media.video import copy_audio

RATE = 44_100


def tone(seconds=6.0, rate=RATE, channels=2):
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave[None], channels, 0).astype(np.float32)


def encoded(path, codec, *, rate=RATE, layout="stereo", seconds=6.0, late=0.0, pictures=False, **options):
    with av.open(str(path), "w", options=options) as out:
        film = out.add_stream("libx264", rate=10) if pictures else None
        sound = out.add_stream(codec, rate=rate, layout=layout)
        packets = []
        if film is not None:
            film.width = film.height = 32
            film.pix_fmt = "yuv420p"
            for k in range(int(10 * (seconds + late))):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                picture.pts, picture.time_base = k, Fraction(1, 10)
                packets += film.encode(picture)
            packets += film.encode(None)
        resampler = av.AudioResampler(format=sound.format.name, layout=layout, rate=rate)
        wave = tone(seconds, rate, sound.layout.nb_channels)
        for k in range(0, wave.shape[1], 1024):
            block = np.ascontiguousarray(wave[:, k : k + 1024].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, k + int(late * rate), Fraction(1, rate)
            for part in resampler.resample(frame):
                packets += sound.encode(part)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)
    return path


def damaged(path, share, count, seed=1):
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    at = int(len(data) * share)
    data[at : at + count] = bytes(rng.randrange(256) for _ in range(count))
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "share", "count"),
    [
        ("a.mp3", "libmp3lame", 0.5, 1500), ("b.mp3", "libmp3lame", 0.8, 4000), ("a.aac", "aac", 0.6, 300),
        ("a.m4a", "aac", 0.4, 150), ("a.ac3", "ac3", 0.5, 300), ("a.flac", "flac", 0.5, 500),
    ],
)  # fmt: skip
def test_damage_loses_itself_and_not_the_rest(tmp_path, name, codec, share, count):
    waveform, rate = read_audio(damaged(encoded(tmp_path / name, codec), share, count))
    assert waveform.shape[1] / rate > 5.4
    # The tone goes on behind the damage.
    assert np.abs(waveform[0, -rate:]).max() > 0.3


def test_what_is_all_damaged_is_refused(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3" + bytes(random.Random(0).randrange(256) for _ in range(20_000)))
    with pytest.raises(InputError, match="cannot be read as audio|no sound in it"):
        read_audio(path)


@pytest.mark.parametrize(
    ("first", "second"),
    [(("stereo", 44_100), ("mono", 44_100)), (("mono", 44_100), ("stereo", 44_100)), (("stereo", 44_100), ("stereo", 22_050)),  # noqa: E501
     (("mono", 22_050), ("stereo", 44_100)), (("stereo", 48_000), ("mono", 32_000))],
)  # fmt: skip
def test_splices_are_brought_to_what_the_song_begins_with(tmp_path, first, second):
    parts = []
    for number, (layout, rate) in enumerate((first, second)):
        path = encoded(
            tmp_path / f"{number}.mp3", "libmp3lame", layout=layout, rate=rate, write_xing="0", id3v2_version="0"
        )
        parts.append(path.read_bytes())
    path = tmp_path / "both.mp3"
    path.write_bytes(b"".join(parts))
    waveform, rate = read_audio(path)
    assert (waveform.shape[0], rate) == (1 if first[0] == "mono" else 2, first[1])
    assert waveform.shape[1] / rate == pytest.approx(12.0, abs=0.3)


@pytest.mark.parametrize("layout", ["3.0", "quad", "5.0", "5.1", "7.1"])
def test_many_channels_become_stereo_by_their_layout(tmp_path, layout):
    waveform, rate = read_audio(encoded(tmp_path / "a.flac", "flac", layout=layout, seconds=1.0))
    assert waveform.shape == (2, RATE) and np.abs(waveform).max() <= 1.0 and np.abs(waveform).max() > 0.2


@pytest.mark.parametrize("channels", range(1, 10))
def test_samples_of_any_number_of_channels_are_written(tmp_path, channels):
    write_flac(tmp_path / "a.flac", tone(0.5, channels=channels), RATE)
    waveform, _ = read_audio(tmp_path / "a.flac")
    assert waveform.shape == (1 if channels == 1 else 2, RATE // 2)
    assert 0.2 < np.abs(waveform).max() <= 1.0


@pytest.mark.parametrize("late", [0.0, 0.25, 0.5, 1.0, 2.0])
def test_late_sound_starts_with_its_pictures(tmp_path, late):
    song = encoded(tmp_path / "song.mp4", "aac", late=late, pictures=True, seconds=3.0)
    film = encoded(tmp_path / "film.mp4", "aac", pictures=True, seconds=3.0)
    assert copy_audio(film, song, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as out:
        begins = {stream.type: float((stream.start_time or 0) * stream.time_base) for stream in out.streams}
    assert abs(begins["audio"] - begins["video"]) < 0.05
    assert read_audio(tmp_path / "out.mp4")[0].shape[1] / RATE == pytest.approx(3.0, abs=0.1)
