"""A verified person looked for in a video or in pictures."""

from __future__ import annotations

from typing import Any

from ...base.errors import InputError
from ...base.types import IdentityRef
from ...host.port import Host
from ...person.charcha.store import load_identity
from ...person.face.embedding import FaceEmbedder
from ...person.face.landmarks import load_landmarker
from .likeness import Likeness, describe_person, measure
from .settings import MetricsSettings
from .video_frames import frames_of_images, frames_of_video


def person_in(host: Host, identity: IdentityRef, video: Any, images: Any, settings: MetricsSettings) -> Likeness:
    """How often a person is in a VIDEO or an IMAGE batch, whichever is not None.

    Raises
    ------
    InputError
        When both or neither are given, the record may not be used, or a model is missing.
    """
    if (video is None) == (images is None):
        raise InputError(f"Give either a video or frames, got {'neither' if video is None else 'both'}.")
    record = load_identity(host, identity.record, allow_reduced=settings.allow_reduced)
    source = frames_of_images(images, settings.fps) if video is None else frames_of_video(video)
    landmarker, embedder = load_landmarker(host.model_folders("detection")), FaceEmbedder()
    progress = host.progress(max(source.expected, 1))
    person = describe_person(record.pictures, landmarker, embedder)
    return measure(source.pictures, person, landmarker, embedder, settings, fps=source.fps, on_frame=progress.update)
