"""Faces in pictures: landmarks, head pose, descriptors, and what happens where a part is missing."""

import subprocess
import sys

import numpy as np
import pytest

from songreel.nodes.base.errors import InputError
from songreel.nodes.person.face import landmarks, model_file
from support.face_puppet import Pose, Puppet, astronaut, rotation
from support.faces import needs_faces
from support.paths import ROOT


def in_process(code: str) -> str:
    """What a fresh Python prints; OpenCV cannot be imported in it, as on a server without libGL."""
    start = (
        "import sys\n"
        "class NoCv2:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'cv2': raise ImportError('libGL.so.1: cannot open shared object file')\n"
        "sys.meta_path.insert(0, NoCv2())\n"
        f"sys.path[:0] = [{str(ROOT)!r}]\n"
        "import headless\n"
        "from songreel.nodes.person.charcha.store import IdentityStore\n"
        "from songreel.nodes.person.face.embedding import FaceEmbedder\n"
        "from songreel.nodes.person.face.landmarks import load_landmarker\n"
    )
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@needs_faces
def test_the_portrait():
    picture, _ = astronaut()
    (face,) = landmarks.load_landmarker([]).detect(picture)
    left, top, right, bottom = face.box
    assert 170 < left < 200 and 260 < right < 290 and 60 < top < 90 and 165 < bottom < 195
    assert face.points.shape == (478, 3) and face.points.dtype == np.float32
    assert abs(face.yaw) < 5 and face.scores["mouthSmileLeft"] > 0.5 and len(face.scores) == 52
    assert "0." not in repr(face)
    assert landmarks.load_landmarker([]).detect(np.zeros((200, 200, 3), np.uint8)) == []


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (20, 0), (-30, 5), (0, 15), (10, -20)])
def test_angles_of_a_known_rotation(yaw, pitch):
    # The puppet's axes are x right, y down, z away; the landmarker's x right, y up, z towards the viewer.
    flip = np.diag([1.0, -1.0, -1.0])
    matrix = np.eye(4)
    matrix[:3, :3] = flip @ rotation(yaw, pitch, 0) @ flip
    assert landmarks.angles(matrix) == pytest.approx((yaw, pitch, 0), abs=abs(yaw * pitch) / 30 + 1e-6)


@needs_faces
def test_the_head_pose_of_a_turned_head():
    import cv2

    from support.face_puppet import ROOMS

    detect = landmarks.load_landmarker([]).detect
    puppet = Puppet()

    def seen(pose):
        data = np.frombuffer(puppet.camera(puppet.draw(pose), ROOMS["office"]), np.uint8)
        return detect(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])[0]

    rest = seen(Pose())
    assert 14 < seen(Pose(yaw=20)).yaw - rest.yaw < 26 and -26 < seen(Pose(yaw=-20)).yaw - rest.yaw < -14
    assert seen(Pose(pitch=15)).pitch - rest.pitch > 8 and seen(Pose(pitch=-15)).pitch - rest.pitch < -8


def test_it_works_where_opencv_cannot_be_loaded_and_leaves_no_stand_in():
    code = (
        "import numpy as np\nfrom skimage import data\n"
        "face, = load_landmarker([]).detect(data.astronaut())\n"
        "print(len(face.points), 'cv2' in sys.modules)"
    )
    assert in_process(code) == "478 False"


@pytest.mark.parametrize(
    ("missing", "call", "words"),
    [
        ("mediapipe", "load_landmarker([])", "requirements-faces.txt"),
        ("dlib", "FaceEmbedder()", "dlib-bin"),
        (
            "cryptography",
            "IdentityStore(pathlib.Path(sys.argv[0] or '/tmp'))",
            "cryptography",
        ),
    ],
)
def test_a_missing_library_is_one_sentence(missing, call, words, tmp_path):
    code = (
        f"import pathlib; sys.argv[0] = {str(tmp_path / 'x')!r}\nsys.modules[{missing!r}] = None\n"
        f"try: {call}\nexcept ValueError as error: print(type(error).__name__, error)"
    )
    told = in_process(code)
    assert told.startswith("InputError") and words in told and "\n" not in told


def test_only_the_known_model_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "PACKAGES", ())
    monkeypatch.setattr(model_file, "URL", "http://127.0.0.1:9/none")
    (tmp_path / model_file.NAME).write_bytes(b"another model")
    with pytest.raises(InputError, match="could not be downloaded"):
        model_file.landmarker_file([tmp_path])
    with pytest.raises(InputError, match="not there"):
        model_file.landmarker_file([])
    monkeypatch.undo()
    (found,) = [path for path in model_file._in_packages()]
    copy = tmp_path / model_file.NAME
    copy.write_bytes(found.read_bytes())
    assert model_file.landmarker_file([tmp_path]) == copy


def test_a_download_that_is_not_the_model_is_not_kept(tmp_path, monkeypatch):
    wrong = tmp_path / "served"
    wrong.write_bytes(b"not the model")
    monkeypatch.setattr(model_file, "PACKAGES", ())
    monkeypatch.setattr(model_file, "URL", wrong.as_uri())
    with pytest.raises(InputError, match="not the one we know"):
        model_file.landmarker_file([tmp_path / "detection"])
    assert not (tmp_path / "detection").exists()
