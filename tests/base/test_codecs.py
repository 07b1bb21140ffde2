"""Every codec's file is opened again: codec, bits, frames, times, colour tags, sound, pictures."""

import os
from fractions import Fraction

import av
import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media import audio, codecs, gif, video
from support.encoded import ENCODINGS, NTSC, RATE, RUNS, made, pictures

NAMES = {"h264": "h264", "hevc": "hevc", "av1": "libdav1d", "av1 webm": "libdav1d", "prores": "prores", "gif": "gif"}
PIXELS = {
    8: {"lossless": "gbrp", "gif": "bgra"},
    10: {"prores": "yuv422p10le", "lossless": "yuv444p10le"},
}


@pytest.fixture(scope="module", params=ENCODINGS, ids=lambda entry: f"{entry[0]} {entry[1]}")
def file(request, tmp_path_factory):
    codec, depth = request.param
    return codec, depth, *made(tmp_path_factory.mktemp("codec"), codec, depth)


def test_codec_bits_and_container(file):
    codec, depth, out, _, _ = file
    assert out.suffix == {"prores": ".mov", "av1 webm": ".webm", "gif": ".gif"}.get(codec, ".mp4")
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == NAMES.get(codec, "h264")
        expected = PIXELS[depth].get(codec, "yuv420p" if depth == 8 else "yuv420p10le")
        assert stream.codec_context.pix_fmt == expected
        if codec == "hevc":
            assert stream.codec_context.codec_tag == "hvc1"
        if codec == "prores":
            assert (stream.codec_context.profile, stream.codec_context.codec_tag) == ("HQ", "apch")


def test_every_frame_is_there_at_its_time(file):
    codec, _, out, count, _ = file
    tolerance = {"gif": 0.005, "av1 webm": 0.0005}.get(codec, 0)
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        stamps = [frame.pts * frame.time_base for frame in container.decode(stream)]
        if codec != "gif":
            assert stream.average_rate == NTSC
    assert len(stamps) == count == sum(RUNS)
    assert max(abs(stamp - index / NTSC) for index, stamp in enumerate(stamps)) <= tolerance


def test_colour_tags(file):
    codec, depth, out, _, _ = file
    with av.open(str(out)) as container:
        context = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
    if codec == "gif":
        return
    assert tags == ((0, 1, 1, 2) if (codec, depth) == ("lossless", 8) else (1, 1, 1, 1))
    assert (frame.colorspace, frame.color_range) == (tags[0], tags[3])


def test_no_frame_is_transparent(file):
    _, _, out, _, _ = file
    with av.open(str(out)) as container:
        alpha = [frame.to_ndarray(format="rgba")[..., 3].min() for frame in container.decode(video=0)]
    assert min(alpha) == 255


def test_pictures_are_the_ones_that_went_in(file):
    codec, depth, out, count, _ = file
    expected = np.stack(list(pictures(count, depth=8))).astype(float)
    shown = np.stack(list(video.read_frames(out))).astype(float)
    worst = np.abs(shown - expected).mean(axis=(1, 2, 3)).max()
    assert worst <= {"lossless": 0 if depth == 8 else 0.6, "gif": 10}.get(codec, 4.2)
    # Each frame is nearer to the one that went in at its place than to any other, where parts meet too.
    nearest = [int(((expected - frame) ** 2).mean(axis=(1, 2, 3)).argmin()) for frame in shown]
    assert nearest == list(range(count))


def test_sound_is_the_songs_own(file):
    codec, _, out, count, wave = file
    if codec == "gif":
        with av.open(str(out)) as container:
            assert not container.streams.audio
        return
    heard, rate = audio.read_audio(out)
    name = {"av1 webm": "opus", "prores": "pcm_s24le", "lossless": "flac"}.get(codec, "aac")
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == name
    assert rate == (48_000 if name == "opus" else RATE) and len(heard) == 2
    if name in ("flac", "pcm_s24le"):
        assert heard.shape == wave.shape and np.abs(heard - wave).max() <= 2**-23
    loudness = [np.sqrt((samples[0].astype(float) ** 2).mean()) for samples in (heard, wave)]
    assert loudness[0] == pytest.approx(loudness[1], rel=0.02)
    assert heard.shape[1] / rate == pytest.approx(count / NTSC, abs=0.06)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "prores", "lossless"])
def test_ten_bits_hold_more_than_eight(tmp_path, codec):
    """A soft ramp: with 8 bits its luma has at most 32 steps between these two greys, with 10 four times as many."""
    ramp = np.round(np.linspace(0.4, 0.55, 512) * 65535).astype(np.uint16)
    frame = np.repeat(np.repeat(ramp[None, :, None], 64, 0), 3, 2)
    path = tmp_path / f"a{codecs.CODECS[codec].suffix}"
    crf = 1 if codecs.CODECS[codec].crf else 18
    video.write_segment(path, [frame] * 3, fps=NTSC, crf=crf, codec=codec, bit_depth="10")
    with av.open(str(path)) as container:
        luma = next(container.decode(video=0)).reformat(format="gray10le").to_ndarray()
    steps = len(np.unique(luma[32]))
    assert steps > 90


@pytest.mark.parametrize("codec", ["hevc", "av1", "prores", "lossless"])
def test_segments_are_the_same_bytes_every_time(tmp_path, codec):
    suffix = codecs.Encoding(codec).segment_suffix
    depth = "10" if codec == "prores" else "8"
    for name in ("a", "b"):
        path = tmp_path / f"{name}{suffix}"
        video.write_segment(path, pictures(40, depth=8), fps=Fraction(12), codec=codec, bit_depth=depth)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_a_segment_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield from pictures(5, depth=8)
        raise RuntimeError("stop")

    for codec in codecs.CODECS:
        with pytest.raises(RuntimeError):
            video.write_segment(tmp_path / "a", broken(), fps=NTSC, codec=codec)
    with pytest.raises(RuntimeError):
        gif.write_gif(tmp_path / "a.gif", [pictures(3, depth=8), broken()], fps=NTSC)
    assert not list(tmp_path.iterdir())


def test_gif_parts_have_palettes_of_their_own(tmp_path):
    ramp = np.arange(0, 256, 4, dtype=np.uint8)
    across, down, none = np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.zeros((64, 64), np.uint8)
    warm, cold = np.stack([across, down, none], -1), np.stack([none, down, across], -1)
    expected = np.stack([warm] * 4 + [cold] * 4).astype(int)
    errors = []
    for parts in ([[warm] * 4, [cold] * 4], [[warm] * 4 + [cold] * 4]):
        assert gif.write_gif(tmp_path / "a.gif", parts, fps=Fraction(12)) == 8
        errors.append(np.abs(np.stack(list(video.read_frames(tmp_path / "a.gif"))) - expected).mean())
    # 256 colours for each are better than 256 for both.
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize("size", [1, 254, 255, 256, 70_000])
def test_a_gif_carries_a_comment_of_any_length(tmp_path, size):
    gif.write_gif(tmp_path / "a.gif", [pictures(3, depth=8)], fps=NTSC)
    text = "é" + "x" * (size - 1)
    (tmp_path / "b.gif").write_bytes(gif.with_comment((tmp_path / "a.gif").read_bytes(), text))
    from PIL import Image

    with Image.open(tmp_path / "b.gif") as picture:
        assert picture.info["comment"].decode() == text and picture.n_frames == 3
    plain, told = (np.stack(list(video.read_frames(tmp_path / name))) for name in ("a.gif", "b.gif"))
    assert np.array_equal(plain, told)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("x264",), "codec must be one of h264, hevc, av1, av1 webm, prores, lossless, gif, got 'x264'"),
        (("h264", "12"), "bit_depth must be one of auto, 8, 10, got '12'"),
        (("gif", "10"), "GIF has 8 bits per colour, got bit_depth 10; set it to auto or 8, or choose another codec"),
        (("prores", "8"), "ProRes 422 HQ has 10 bits per colour, got bit_depth 8; set it to auto or 10"),
        (("h264", "8", 52), "crf must be a whole number from 0 to 51 with the codec h264, got 52"),
        (("av1", "8", 0), "crf must be a whole number from 1 to 63 with the codec av1, got 0"),
        (("hevc", "8", 2.5), "crf must be a whole number from 0 to 51 with the codec hevc, got 2.5"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(InputError) as caught:
        codecs.Encoding(*settings)
    assert message in str(caught.value) and str(caught.value).count("\n") == 0


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "av1 webm", "prores"])
def test_odd_sizes_are_refused_where_colours_are_halved(tmp_path, codec):
    with pytest.raises(InputError, match="needs an even width and height, got 97x64"):
        video.write_segment(tmp_path / "a", pictures(1, depth=8, width=97), fps=NTSC, codec=codec)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("codec", ["lossless", "gif"])
def test_odd_sizes_elsewhere(tmp_path, codec):
    out, count, _ = made(tmp_path, codec, 8, runs=(4,), width=97, height=65)
    assert np.stack(list(video.read_frames(out))).shape == (count, 65, 97, 3)


def test_a_gif_of_too_many_frames_per_second(tmp_path):
    with pytest.raises(InputError, match="A GIF shows at most 50 frames per second, got 60"):
        codecs.Encoding("gif").require_rate(Fraction(60))


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="no scheduling policies on this system")
@pytest.mark.parametrize("codec", list(codecs.CODECS))
def test_no_encoder_changes_how_its_thread_is_scheduled(tmp_path, codec):
    before = os.sched_getscheduler(0)
    frames = [np.full((64, 64, 3), level, np.uint8) for level in range(3)]
    video.write_segment(tmp_path / f"a{codecs.Encoding(codec).segment_suffix}", frames, fps=Fraction(24), codec=codec)
    assert os.sched_getscheduler(0) == before
