"""Who or what is learnt: seven pictures, a caption for each, a token and a class word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...base.errors import InputError

if TYPE_CHECKING:
    from ..charcha.store import IdentityRecord

N_PICTURES = 7
SMALLEST, LARGEST = 128, 8192
# The face takes this share of a crop's side: head, hair and shoulders are in it.
FACE_SHARE = 0.42
POSES = {
    "turn_left": "head turned left",
    "turn_right": "head turned right",
    "look_up": "looking up",
    "look_down": "looking down",
    "open_mouth": "mouth open",
    "smile": "smiling",
    "squint": "eyes squinting",
    "stand_up": "seen from a little farther away",
}
_MIRROR = {"left": "right", "right": "left"}


@dataclass(frozen=True, eq=False)
class Subject:
    """pictures: seven uint8 RGB (S, S, 3). captions: one each, with the words `token class_word` in them.

    record: id of the consent record, empty for a drawn subject. digest: of all that decides the pictures.
    medium: what a caption calls a picture. plain: captions without a subject, for class pictures.
    """

    token: str
    class_word: str
    pictures: tuple[np.ndarray, ...] = field(repr=False)
    captions: tuple[str, ...]
    digest: str
    record: str = ""
    medium: str = "photo of"
    plain: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """How prompts name the subject."""
        return f"{self.token} {self.class_word}"

    @property
    def class_captions(self) -> tuple[str, ...]:
        """Prompts of class pictures: what the model must keep."""
        return self.plain or tuple(
            dict.fromkeys(text.replace(self.words, f"a {self.class_word}") for text in self.captions)
        )


def mirrored_caption(text: str) -> str:
    """The caption of the mirrored picture."""
    return " ".join(_MIRROR.get(word, word) for word in text.split(" "))


def subject_of(record: IdentityRecord, faces: Any) -> Subject:
    """A verified record as a subject: pictures checked and cropped round the face.

    faces: has `detect(picture)` and `describe(picture, face)`.
    Raises InputError that names the picture when one cannot be used.
    """
    words = f"{record.token} {record.class_word}"
    captions = tuple(f"photo of {words}, {POSES.get(label, label.replace('_', ' '))}" for label in record.labels)
    pictures = checked_pictures(record.pictures, faces)
    return Subject(record.token, record.class_word, pictures, captions, record.digest, record.id)


def checked_pictures(pictures: Any, faces: Any) -> tuple[np.ndarray, ...]:
    """Seven squares round the face of one person. Raises InputError that names the picture and what is wrong."""
    from ..face.embedding import SAME_PERSON, distance

    if len(pictures) != N_PICTURES:
        raise InputError(f"A likeness is learnt from {N_PICTURES} pictures, got {len(pictures)}; capture anew.")
    crops, descriptors = [], []
    for number, picture in enumerate(pictures, 1):
        _check_picture(picture, number)
        found = faces.detect(picture)
        if not found:
            raise InputError(f"Picture {number} shows no face; capture anew, with the face in the light.")
        crops.append(square_round(picture, found[0].box))
        descriptors.append(faces.describe(picture, found[0]))
    for number, descriptor in enumerate(descriptors[1:], 2):
        # Turned heads lie farther apart than the threshold of two frontal pictures.
        if distance(descriptors[0], descriptor) > SAME_PERSON + 0.1:
            raise InputError(f"Pictures 1 and {number} show different people; capture one person only.")
    return tuple(crops)


def _check_picture(picture: Any, number: int) -> None:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        raise InputError(f"Picture {number} cannot be read as a picture; capture anew.")
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(f"Picture {number} has the shape {picture.shape}, not RGB; capture with a colour camera.")
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        raise InputError(f"Picture {number} is {width}x{height}, too small; {SMALLEST} pixels a side are needed.")
    if max(height, width) > LARGEST:
        raise InputError(f"Picture {number} is {width}x{height}, too large; {LARGEST} pixels a side are the most.")
    small = picture[:: max(1, height // 64), :: max(1, width // 64)].astype(np.int16)
    if np.abs(small - small.mean(2, keepdims=True)).mean() < 0.7:
        raise InputError(f"Picture {number} is grey, so the LoRA would learn grey; capture with a colour camera.")


def square_round(picture: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The square in the picture that has the face a little above its middle, as large as fits."""
    height, width = picture.shape[:2]
    left, top, right, bottom = box
    side = int(min(height, width, max(right - left, bottom - top) / FACE_SHARE))
    x = int(np.clip((left + right - side) / 2, 0, width - side))
    y = int(np.clip((top + bottom - side) / 2 + 0.05 * side, 0, height - side))
    return np.ascontiguousarray(picture[y : y + side, x : x + side])


class FaceFinder:
    """MediaPipe's faces and dlib's descriptors, from the libraries that the capture uses."""

    def __init__(self, host: Any):
        from ..face.embedding import FaceEmbedder
        from ..face.landmarks import load_landmarker

        self._landmarker, self._embedder = load_landmarker(host.model_folders("detection")), FaceEmbedder()

    def detect(self, picture: np.ndarray) -> list:
        """Faces, the largest first."""
        return self._landmarker.detect(picture)

    def describe(self, picture: np.ndarray, face: Any) -> np.ndarray:
        """Descriptor of a face, kept in memory only."""
        return self._embedder.describe(picture, face)
