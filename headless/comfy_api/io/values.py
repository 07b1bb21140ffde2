"""What a node is given beside its inputs, and what stands for an output that is not to be used."""

from __future__ import annotations

from enum import Enum
from typing import Any


class FolderType(str, Enum):
    """Which of the host's folders a file lies in."""

    input = "input"
    output = "output"
    temp = "temp"


class UploadType(str, Enum):
    """What a combo lets the user upload."""

    image = "image_upload"
    audio = "audio_upload"


class Hidden(str, Enum):
    """Values that the host gives a node beside its inputs."""

    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"


class HiddenHolder:
    """The hidden values of one execution; one that was not asked for is None."""

    def __init__(self, values: dict[Hidden, Any] | None = None):
        for hidden in Hidden:
            setattr(self, hidden.name, (values or {}).get(hidden))

    def __getattr__(self, name: str) -> None:
        return None


class ExecutionBlocker:
    """Stands for an output that is not to be used; with a message, the user is told why."""

    def __init__(self, message: str | None = None):
        self.message = message
