"""A verified person looked for in a video or in pictures."""

from __future__ import annotations

from typing import Any

from ...base.errors import InputError
from ...base.types import IdentityRef
from ...host.port import Host
from ...person.charcha.consent import COMPARES
from ...person.charcha.in_use import likeness_in_use, permit_of
from ...person.charcha.record import IdentityRecord
from ...person.charcha.store import load_identity
from ...person.face.embedding import FaceEmbedder
from ...person.face.landmarks import load_landmarker
from .likeness import Likeness, describe_person, measure
from .settings import MetricsSettings
from .video_frames import Frames, frames_of_images, frames_of_video


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
    return look_for(host, record, source, settings)


def look_for(host: Host, record: IdentityRecord, source: Frames, settings: MetricsSettings) -> Likeness:
    """How often the person of a record is in frames. The consent is asked for at every frame.

    Raises InputError when it ends meanwhile, or a model is missing.
    """
    if record.consent not in COMPARES:
        raise InputError(
            "This person agreed to an older text, which did not name the comparing of faces in videos; capture anew."
        )
    with likeness_in_use([permit_of(host, record.id)]):
        landmarker, embedder = load_landmarker(host.model_folders("detection")), FaceEmbedder()
        progress = host.progress(max(source.expected, 1))
        person = describe_person(record.pictures, landmarker, embedder)

        def on_frame(done: int) -> None:
            host.check_interrupt()
            progress.update(done)

        return measure(source.pictures, person, landmarker, embedder, settings, fps=source.fps, on_frame=on_frame)
