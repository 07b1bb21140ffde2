"""The slot for a passive anti-spoof model: real ONNX files in OpenCV, made here; they stand for no real detector."""

import json
import math
import sys

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.person.charcha import calibration, evidence, passive
from songreel.nodes.person.face.landmarks import Face
from support import tiny_onnx

# Three classes, of which the second says "live" of a picture whose red outweighs its blue.
RED = ([[0, -0.01, 0], [0, 0, 0], [0, 0.01, 0]], [0, 0, 0])


def face(left=280, top=200, right=360, bottom=300):
    points = np.zeros((478, 3), np.float32)
    points[0, :2], points[1:, :2] = (left, top), (right, bottom)
    return Face(points, 0.0, 0.0, 0.0, {})


def coloured(red, green, blue):
    return np.full((480, 640, 3), (red, green, blue), np.uint8)


def placed(folder, data, contract=None):
    (folder / passive.NAME).write_bytes(data)
    if contract is not None:
        (folder / "face_antispoof.json").write_text(contract if isinstance(contract, str) else json.dumps(contract))
    return passive.load_passive([folder / "none", folder])


def softmax_of_second(values):
    return math.exp(values[1]) / sum(map(math.exp, values))


def test_without_a_file_there_is_no_model(tmp_path):
    assert passive.load_passive([tmp_path, tmp_path / "none"]) is None


def test_the_score_is_the_live_class_of_the_crop_in_the_declared_order(tmp_path):
    model = placed(tmp_path, tiny_onnx.mean_classifier(*RED))
    warm, cold = coloured(200, 90, 60), coloured(60, 90, 200)
    assert model(warm, face()) == pytest.approx(softmax_of_second((0, 0.01 * 200 - 0.01 * 60, 0)), abs=1e-5)
    assert model(cold, face()) == pytest.approx(softmax_of_second((0, 0.01 * 60 - 0.01 * 200, 0)), abs=1e-5)
    rgb = placed(tmp_path, tiny_onnx.mean_classifier(*RED), {"order": "RGB"})
    assert rgb(cold, face()) == pytest.approx(model(warm, face()), abs=1e-6)
    scaled = {"order": "RGB", "size": 128, "mean": [127.5] * 3, "std": [127.5] * 3, "live": 0}
    other = placed(tmp_path, tiny_onnx.mean_classifier([[5, 0], [0, 0], [0, 5]], [0, 0], 128, softmax=True), scaled)
    red, blue = (5 * (value - 127.5) / 127.5 for value in (200, 60))
    assert other(warm, face()) == pytest.approx(1 / (1 + math.exp(blue - red)), abs=1e-5)


def test_the_crop_is_the_face_with_its_surroundings_and_stays_in_the_picture(tmp_path):
    model = placed(tmp_path, tiny_onnx.mean_classifier(*RED))
    picture = coloured(10, 10, 10)
    picture[200:300, 280:360] = 250
    crop = model.crop(picture, face())
    assert crop.shape == (1, 3, 80, 80) and crop.dtype == np.float32
    # The box of 80 x 100 pixels in a crop of 2.7 times its size takes 1 / 2.7 of each side.
    inside = crop[0, 0] > 128
    assert inside.any(0).sum() == pytest.approx(80 / 2.7, abs=2) and inside.any(1).sum() == pytest.approx(
        80 / 2.7, abs=2
    )
    for box in ((0, 0, 80, 100), (560, 380, 640, 480), (-40, -30, 60, 90), (0, 0, 640, 480)):
        assert model.crop(picture, face(*box)).shape == (1, 3, 80, 80)


@pytest.mark.parametrize(
    ("data", "contract", "words"),
    [
        (b"no onnx", None, "no ONNX file"),
        (b"", None, "no ONNX file"),
        (tiny_onnx.same(), None, r"shape \(1, 3, 80, 80\)"),
        (tiny_onnx.mean_classifier([[1], [1], [1]], [0]), None, r"shape \(1, 1\)"),
        (tiny_onnx.mean_classifier(*RED), {"live": 3}, "3 classes"),
        (tiny_onnx.mean_classifier(*RED), {"size": 4}, "'size' is 4"),
        (tiny_onnx.mean_classifier(*RED), {"std": [1, 0, 1]}, "'std'"),
        (tiny_onnx.mean_classifier(*RED), {"order": "GBR"}, "'order' is 'GBR'"),
        (tiny_onnx.mean_classifier(*RED), {"colour": 1}, "'colour'"),
        (tiny_onnx.mean_classifier(*RED), "[]", "JSON object"),
        (tiny_onnx.mean_classifier(*RED), "{", "not valid JSON"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence(tmp_path, data, contract, words):
    with pytest.raises(InputError, match=words) as told:
        placed(tmp_path, data, contract)
    assert "detection" in str(told.value) and str(tmp_path) not in str(told.value)


def test_without_opencv_the_model_is_refused_and_not_left_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match="opencv-python-headless"):
        placed(tmp_path, tiny_onnx.mean_classifier(*RED))


class Alike:
    def describe(self, picture, face):
        return np.zeros(128)


def test_a_low_score_fails_the_capture_and_both_are_in_the_record(tmp_path, monkeypatch):
    model = placed(tmp_path, tiny_onnx.mean_classifier(*RED))
    monkeypatch.setattr(evidence, "depth_score", lambda rest, turned: 1.0)
    verdicts = {}
    for name, picture in (("live", coloured(250, 90, 20)), ("spoof", coloured(20, 90, 250))):
        seen = evidence.Evidence(Alike(), model)
        shot = calibration.CapturedFrame(1.0, picture, face())
        seen.begin(shot)
        assert seen.same_person(picture, face())
        for key in ("smile", "turn_left"):
            seen.moved(key, shot, 0.6)
        verdicts[name] = (seen.verdict(), seen.scores()["passive"])
    assert verdicts["live"] == ("reduced", pytest.approx(softmax_of_second((0, 2.3, 0)), abs=1e-4))
    assert verdicts["spoof"] == ("passive", pytest.approx(softmax_of_second((0, -2.3, 0)), abs=1e-4))
