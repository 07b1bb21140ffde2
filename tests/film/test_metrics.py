"""Identity metrics: the shares of frames with a face and with the person, on the synthetic subject and the portrait."""

import json
import math
import resource
from fractions import Fraction

import numpy as np
import pytest

from headless.__main__ import bootstrap
from headless.cli.main import main
from headless.host import HeadlessHost
from songreel.nodes.base import types
from songreel.nodes.base.errors import InputError
from songreel.nodes.film.metrics import likeness as likeness_module
from songreel.nodes.film.metrics import plot as plot_module
from songreel.nodes.film.metrics import video_frames as frames_module
from songreel.nodes.person.charcha import store as store_module
from support.face_puppet import POSES, Pose, Puppet, astronaut, drawn
from support.faces import needs_faces
from support.store import add
from support.videos import made_video

Likeness = likeness_module.Likeness
NAN = math.nan


@pytest.fixture(scope="module")
def person():
    """The seven pictures of the first synthetic subject."""
    puppet = Puppet("first")
    return [np.ascontiguousarray(drawn(puppet, pose)[:, 80:560]) for pose in POSES]


@pytest.fixture(scope="module")
def scenes():
    """Named frames: the person, another, nobody, both beside each other."""
    first, second = Puppet("first", 7), Puppet("second", 8)
    person, other = drawn(first, Pose(yaw=8, smile=0.5)), drawn(second)
    both = np.concatenate([other[:, 120:520], person[:, 120:520]], 1)
    return {"person": person, "other": other, "nobody": drawn(first)[:, :120].repeat(5, 1), "both": both}


@pytest.fixture(scope="module")
def models():
    from support.capture_server import models

    return models()[:2]


# The figures ---------------------------------------------------------------------------------------


def test_both_denominators():
    # A face in 81 of 100 frames, the person in 92 % of faces: in 75 of 100 frames.
    distances = np.array([0.3] * 75 + [0.8] * 6 + [NAN] * 19, np.float32)
    found = Likeness(Fraction(24), 1, 0.55, distances)
    assert (found.n_frames, found.n_faces, found.n_person) == (100, 81, 75)
    assert (found.faces, found.person) == (0.81, 0.75) and found.person_of_faces == pytest.approx(75 / 81)
    assert "81.0%" in found.report() and "75.0% of all, 92.6% of those with a face" in found.report()
    nobody = Likeness(Fraction(24), 1, 0.55, np.full(3, NAN, np.float32))
    assert (nobody.faces, nobody.person, nobody.person_of_faces) == (0.0, 0.0, 0.0)
    assert nobody.plain_distances() == [-1.0] * 3 and "distance" not in nobody.report()


def test_json_comes_back_exactly_and_bad_json_is_named():
    found = Likeness(Fraction(24000, 1001), 3, 0.5, np.array([0.1234567, NAN, 0.9], np.float32))
    data = json.loads(found.to_text())
    assert data["distances"][1] is None and data["share_with_a_face"] == pytest.approx(2 / 3, abs=1e-6)
    assert data["share_with_the_person_of_frames_with_a_face"] == 0.5
    back = Likeness.of(found.to_text())
    assert (back.fps, back.every, back.threshold) == (found.fps, 3, 0.5)
    assert np.array_equal(back.distances, found.distances, equal_nan=True)
    for change in ({"distances": []}, {"distances": ["x"]}, {"distances": [True]}, {"version": 2}, {"every": 1.5}):
        with pytest.raises(InputError, match="IDENTITY_METRICS"):
            Likeness.of(json.dumps(data | change))


def test_the_plot_shows_who_is_where():
    distances = np.array([0.3] * 40 + [0.8] * 30 + [NAN] * 30, np.float32)
    picture = plot_module.plot_likeness(Likeness(Fraction(10), 1, 0.55, distances), width=1000, height=420)
    assert picture.shape == (420, 1000, 3) and picture.dtype == np.uint8
    row = picture[int(420 * (1 - 0.165))].astype(int)
    for place, colour in ((0.2, plot_module.PERSON), (0.55, plot_module.OTHER), (0.85, plot_module.NOBODY)):
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert np.abs(row[int(1000 * (0.055 + 0.925 * place))] - wanted).max() < 12, place
    for odd in (np.full(1, NAN), np.array([1.4]), np.full(5000, 0.2)):
        plot_module.plot_likeness(Likeness(Fraction(24), 1, 0.55, odd.astype(np.float32)))


# With faces ----------------------------------------------------------------------------------------


@needs_faces
def test_the_person_is_told_from_others_and_from_nobody(person, scenes, models):
    known = likeness_module.describe_person(person, *models)
    assert len(known) == 7
    order = ["person", "other", "nobody", "both", "person", "nobody"]
    seen = []
    found = likeness_module.measure(
        (scenes[name] for name in order), known, *models, fps=Fraction(24), on_frame=seen.append
    )
    there = dict(zip(order, found.distances.tolist(), strict=True))
    assert seen == [1, 2, 3, 4, 5, 6]
    assert there["person"] < 0.45 and 0.55 < there["other"] < 1.2 and math.isnan(there["nobody"])
    assert there["both"] == pytest.approx(there["person"], abs=0.1), "of two faces the nearer counts"
    assert (found.n_frames, found.n_faces, found.n_person) == (6, 4, 3)
    again = likeness_module.measure(
        (scenes[name] for name in order), known, *models, likeness_module.MetricsSettings(every=3), fps=Fraction(24)
    )
    assert again.n_frames == 2 and again.distances[0] == found.distances[0] and again.duration == 0.25


@needs_faces
def test_the_portrait_at_several_sizes(models):
    """What the help page says about small faces."""
    import cv2

    picture, _ = astronaut()
    known = likeness_module.describe_person([picture], *models)
    left, top, right, bottom = models[0].detect(picture)[0].box
    shares = (0.5, 0.2, 0.12, 0.06)
    frames = []
    for share in shares:
        scale = share * 512 / (bottom - top)
        small = cv2.resize(picture[:260, 60:400], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:512, :512]
        frame = np.full((512, 512, 3), 90, np.uint8)
        y, x = (512 - small.shape[0]) // 2, (512 - small.shape[1]) // 2
        frame[y : y + small.shape[0], x : x + small.shape[1]] = small
        frames.append(frame)
    found = likeness_module.measure(frames, known, *models, fps=Fraction(24)).distances
    assert (found[:3] < 0.4).all() and math.isnan(found[3])


@needs_faces
def test_pictures_without_faces_are_no_person(models):
    noise = np.random.default_rng(0).integers(0, 255, (7, 64, 64, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="Only 0 of the 7 pictures"):
        likeness_module.describe_person(noise, *models)
    with pytest.raises(InputError, match="no frames"):
        likeness_module.measure([], [np.zeros(128)], *models, fps=Fraction(24))


class Blank:
    """Finds nothing: for what is about frames and not faces."""

    def detect(self, picture):
        return []


def test_memory_does_not_grow_with_the_length_and_a_cancel_ends_it():
    def frames(count):
        for _ in range(count):
            yield np.zeros((1080, 1920, 3), np.uint8) + 1

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    likeness_module.measure(frames(20), [np.zeros(128)], Blank(), None, fps=Fraction(24))
    before = peak()
    found = likeness_module.measure(frames(400), [np.zeros(128)], Blank(), None, fps=Fraction(24))
    assert found.n_frames == 400 and peak() - before < 40, "400 frames would be 2.5 GB"

    def cancel(seen):
        if seen == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        likeness_module.measure(frames(400), [np.zeros(128)], Blank(), None, fps=Fraction(24), on_frame=cancel)


# Frames --------------------------------------------------------------------------------------------


def test_frames_of_files_and_of_pictures(tmp_path):
    import torch

    grey = [np.full((64, 96, 3), level, np.uint8) for level in (20, 120, 220)]
    source = frames_module.frames_of_file(made_video(tmp_path / "v.mp4", grey))
    assert source.fps == 12 and source.expected == 3
    assert [round(float(picture.mean()), -1) for picture in source.pictures] == [20, 120, 220]
    images = torch.from_numpy(np.stack(grey)).float() / 255
    source = frames_module.frames_of_images(torch.cat([images, images[..., :1]], -1), 24.0)
    assert [picture.tobytes() for picture in source.pictures] == [picture.tobytes() for picture in grey]
    for bad in (images[0], images[..., :1], images[:0]):
        with pytest.raises(InputError, match="frames"):
            frames_module.frames_of_images(bad, 24)


def test_what_is_no_video_is_one_sentence_without_its_folder(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    import av

    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        container.mux(stream.encode(None))
    good = made_video(tmp_path / "good.mp4", [np.full((64, 64, 3), 9, np.uint8)] * 3).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(good[: len(good) // 2])
    for name in ("text.mp4", "sound.mp4", "cut.mp4", "none.mp4"):
        with pytest.raises(InputError, match=name) as told:
            list(frames_module.frames_of_file(tmp_path / name).pictures)
        assert str(tmp_path) not in str(told.value)


# Node and command ----------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SONGREEL_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def node(home):
    """The node under the stand-in, and its host."""
    import sys

    from headless import comfy_api

    for name, module in comfy_api.modules().items():
        sys.modules.setdefault(name, module)
    from songreel.nodes import host as port
    from songreel.nodes.film.metrics.node import IdentityMetrics

    before, host = port._installed, HeadlessHost(home)
    port.install(host)
    yield IdentityMetrics, host
    port.install(before)


@needs_faces
def test_the_node_reads_a_video_or_pictures(node, person, scenes, tmp_path):
    import torch

    metrics, host = node
    identity = types.IdentityRef(add(store_module.store_of(host), shown=person)[0])
    frames = [scenes[name] for name in ("person", "nobody", "other")]
    path = made_video(tmp_path / "v.mp4", [np.ascontiguousarray(frame[:, :640]) for frame in (frames[0], frames[2])])
    output = metrics.execute(identity, video=host.video_from_file(path))
    found, report, plot, faces, share, of_faces, distances = output.args if hasattr(output, "args") else output.result
    assert (faces, share, of_faces) == (1.0, 0.5, 0.5) and found.fps == 12
    assert plot.shape == (1, 420, 1280, 3) and len(distances) == 2 and "50.0% of all" in report
    images = torch.from_numpy(np.stack([frame[:480, :600] for frame in frames])).float() / 255
    output = metrics.execute(identity.to_json(), frames=images, fps=10.0)
    assert output.result[3:6] == (pytest.approx(2 / 3), pytest.approx(1 / 3), 0.5) and output.result[6][1] == -1.0


def test_the_node_refuses_what_it_cannot_use(node):
    metrics, host = node
    store = store_module.store_of(host)
    record, _ = add(store)
    with pytest.raises(InputError, match="got neither"):
        metrics.execute(types.IdentityRef(record))
    with pytest.raises(InputError, match="got both"):
        metrics.execute(types.IdentityRef(record), video=object(), frames=object())
    with pytest.raises(InputError, match="CHARCHA_IDENTITY"):
        metrics.execute(object(), frames=object())
    reduced, _ = add(store, "reduced")
    with pytest.raises(InputError, match="light check"):
        metrics.execute(types.IdentityRef(reduced), frames=object())
    before = metrics.fingerprint_inputs(identity=types.IdentityRef(record).to_json())
    store.revoke(record)
    assert metrics.fingerprint_inputs(identity=types.IdentityRef(record).to_json()) != before
    with pytest.raises(InputError, match="taken back"):
        metrics.execute(types.IdentityRef(record), frames=object())


@needs_faces
def test_the_command(home, person, scenes, tmp_path, capsys):
    record = add(store_module.store_of(HeadlessHost()), shown=person)[0]
    path = made_video(tmp_path / "v.mp4", [scenes["person"], scenes["other"]] * 2)
    plot = tmp_path / "plot.png"
    command = ["metrics", str(path), "--identity", record, "--json", "-", "--plot", str(plot)]
    assert main(command, bootstrap) == 0
    told = capsys.readouterr()
    data = json.loads(told.out)
    assert (data["frames"], data["frames_with_a_face"], data["frames_with_the_person"]) == (4, 4, 2)
    assert "50.0% of all" in told.err and plot.read_bytes().startswith(b"\x89PNG")
    assert main([*command[:4], "--json", str(tmp_path / "m.json"), "--every", "2"], bootstrap) == 0
    assert Likeness.of((tmp_path / "m.json").read_text()).person == 1.0
    capsys.readouterr()
    for arguments, status, words in (
        (["none.mp4", "--identity", record], 2, "no video"),
        ([str(path), "--identity", "../x"], 1, "not the id"),
        ([str(path), "--identity", "a" * 26], 1, "no such identity"),
        ([str(path), "--identity", record, "--every", "0"], 2, "every must be a whole number"),
        ([str(plot), "--identity", record], 0, ""),
    ):
        assert main(["metrics", *arguments, "--json", str(tmp_path / "x.json")], bootstrap) == status, arguments
        assert words in capsys.readouterr().err
