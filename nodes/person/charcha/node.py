"""ComfyUI faces of the capture. Neither outputs a picture, and no picture can be made an identity."""

from comfy_api.latest import io

from ...base.types import IdentityRef
from ...host import current

_OUTPUTS = {
    "identity": "The record's id. Nodes that use it verify the record themselves, every time.",
    "report": "Who, when, and what was checked, as text.",
}


def _outputs() -> list:
    return [
        io.Custom(IdentityRef.io_type).Output("identity", display_name="identity", tooltip=_OUTPUTS["identity"]),
        io.String.Output("report", display_name="report", tooltip=_OUTPUTS["report"]),
    ]


class CharchaCapture(io.ComfyNode):
    """A live, consenting person before the camera of this page -> CHARCHA_IDENTITY."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CharchaCapture",
            display_name="CHARCHA Capture",
            category="songreel/person",
            description="Proves that a live, consenting person is there and collects seven pictures, encrypted. The "
            "capture happens in the node, before you press Run.",
            inputs=[
                io.String.Input(
                    "record",
                    default="",
                    socketless=True,
                    tooltip="The id of the record, filled in by the capture. It is not a secret and holds no picture.",
                ),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, record):
        return _state(record)

    @classmethod
    def execute(cls, record) -> io.NodeOutput:
        return _verified(record)


class CharchaIdentity(io.ComfyNode):
    """The id of an earlier capture -> CHARCHA_IDENTITY."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CharchaIdentity",
            display_name="CHARCHA Identity",
            category="songreel/person",
            description="Uses a person's earlier capture, by the id of its record, while it is valid.",
            inputs=[
                io.String.Input(
                    "record",
                    default="",
                    socketless=True,
                    tooltip="The id that CHARCHA Capture gave, 26 letters and digits.",
                ),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, record):
        return _state(record)

    @classmethod
    def execute(cls, record) -> io.NodeOutput:
        return _verified(record)


def _state(record):
    """What caches depend on: the record's state.

    Where other computers reach the program every run shows the owner's key anew, so nothing is taken from a cache;
    nor where the id is linked, and so not known here.
    """
    from .store import store_of

    if record is None or not current().local_only():
        return float("nan")
    return store_of(current()).status(record.strip())


def _verified(record) -> io.NodeOutput:
    from .record_text import report_of
    from .store import load_identity

    if not record.strip():
        from ...base.errors import InputError

        raise InputError("There is no identity yet; press 'Start' in CHARCHA Capture, or paste the id of a record.")
    verified = load_identity(current(), record.strip(), allow_reduced=None, pictures=False)
    text = report_of(verified)
    return io.NodeOutput(IdentityRef(verified.id), text, ui={"text": [text]})
