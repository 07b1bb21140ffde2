"""ComfyUI face of the metrics: who is in a video."""

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.types import IdentityRef
from ...host import current
from .likeness import Likeness
from .settings import MetricsSettings


class IdentityMetrics(io.ComfyNode):
    """VIDEO or IMAGE, CHARCHA_IDENTITY -> figures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IdentityMetrics",
            display_name="Identity Metrics",
            category="songreel/film",
            description="Counts the frames of a video that show a face and those that show the verified person, of all "
            "frames and of those with a face.",
            inputs=[
                io.Custom(IdentityRef.io_type).Input(
                    "identity", tooltip="The person, from CHARCHA Capture or CHARCHA Identity; verified at every run."
                ),
                io.Video.Input(
                    "video", optional=True, tooltip="The video, read frame by frame. Give this or frames, not both."
                ),
                io.Image.Input("frames", optional=True, tooltip="Pictures, where there is no video file."),
                *inputs_of(io, MetricsSettings),
            ],
            outputs=[
                io.Custom(Likeness.io_type).Output(
                    "metrics", display_name="metrics", tooltip="All figures and the distance of every frame."
                ),
                io.String.Output("report", display_name="report", tooltip="The figures as text."),
                io.Image.Output("plot", display_name="plot", tooltip="Distance over time, and who is in each frame."),
                io.Float.Output("faces", display_name="faces", tooltip="Share of frames with a face, 0..1."),
                io.Float.Output("person", display_name="person", tooltip="Share of all frames with the person, 0..1."),
                io.Float.Output(
                    "person_of_faces",
                    display_name="person_of_faces",
                    tooltip="Share of the frames with a face that show the person, 0..1.",
                ),
                io.Float.Output(
                    "distances",
                    display_name="distances",
                    tooltip="A list with a distance per frame that was looked at; -1 where it has no face.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls, identity=None, **_):
        if not current().local_only():
            return float("nan")  # every run shows the owner's key anew
        if identity is None:
            return ""  # linked: the node that it comes from has the record's state in its own
        from ...person.charcha.store import store_of

        return store_of(current()).status(IdentityRef.of(identity).record)

    @classmethod
    def execute(cls, identity, video=None, frames=None, **given) -> io.NodeOutput:
        import torch

        from .plot import plot_likeness
        from .search import person_in

        likeness = person_in(current(), IdentityRef.of(identity), video, frames, from_inputs(MetricsSettings, given))
        plot = torch.from_numpy(plot_likeness(likeness)).float() / 255
        text = likeness.report()
        shares = (likeness.faces, likeness.person, likeness.person_of_faces)
        return io.NodeOutput(likeness, text, plot[None], *shares, likeness.plain_distances(), ui={"text": [text]})
