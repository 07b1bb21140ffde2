"""ComfyUI face of the metrics: who is in a video."""

from ...base.types import IdentityRef
from ...host import current
from .likeness import Likeness
from comfy_api.latest import io


class IdentityMetrics(io.ComfyNode):
    """VIDEO or IMAGE, CHARCHA_IDENTITY -> figures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IdentityMetrics",
            display_name="Identity Metrics",
            category="songreel/identity",
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
                io.Float.Input(
                    "fps",
                    default=24.0,
                    min=1.0,
                    max=120.0,
                    step=0.01,
                    optional=True,
                    tooltip="Frames per second of 'frames', for the time axis; a video knows its own.",
                ),
                io.Int.Input(
                    "every",
                    default=1,
                    min=1,
                    max=1000,
                    optional=True,
                    tooltip="1 looks at every frame, 4 at one frame in four: four times faster.",
                ),
                io.Float.Input(
                    "threshold",
                    default=0.55,
                    min=0.3,
                    max=0.8,
                    step=0.01,
                    optional=True,
                    tooltip="Largest distance of the same person. At 0.55, 2.6 % of same pairs of public pictures were "
                    "refused and 0 of 262 different pairs accepted.",
                ),
                io.Boolean.Input(
                    "allow_reduced",
                    default=False,
                    optional=True,
                    tooltip="Also take an identity whose light check did not pass.",
                ),
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
    def execute(
        cls, identity, video=None, frames=None, fps=24.0, every=1, threshold=0.55, allow_reduced=False
    ) -> io.NodeOutput:
        import torch
        from ...base.errors import InputError
        from ...person.charcha.store import load_identity
        from ...person.face.embedding import FaceEmbedder
        from ...person.face.landmarks import load_landmarker
        from .likeness import describe_person, measure
        from .plot import plot_likeness
        from .video_frames import frames_of_images, frames_of_video

        if (video is None) == (frames is None):
            raise InputError(f"Give either a video or frames, got {'neither' if video is None else 'both'}.")
        host = current()
        record = load_identity(host, IdentityRef.of(identity).record, allow_reduced=allow_reduced)
        source = frames_of_images(frames, fps) if video is None else frames_of_video(video)
        landmarker, embedder = load_landmarker(host.model_folders("detection")), FaceEmbedder()
        progress = host.progress(max(source.expected, 1))
        likeness = measure(
            source.pictures,
            describe_person(record.pictures, landmarker, embedder),
            landmarker,
            embedder,
            fps=source.fps,
            every=every,
            threshold=threshold,
            on_frame=progress.update,
        )
        plot = torch.from_numpy(plot_likeness(likeness)).float() / 255
        text = likeness.report()
        shares = (likeness.faces, likeness.person, likeness.person_of_faces)
        return io.NodeOutput(likeness, text, plot[None], *shares, likeness.plain_distances(), ui={"text": [text]})
