"""ComfyUI face of the schedule stage."""

from comfy_api.latest import io

from ..types import FrameSchedule, SongAnalysis, Story
from .onset import onset_slerp_schedule
from .pace import MODES
from .plot import plot_schedule


class OnsetSlerpScheduler(io.ComfyNode):
    """BEAT_ENVELOPE + STORY -> FRAME_SCHEDULE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OnsetSlerpScheduler",
            display_name="Onset Slerp Scheduler",
            category="songreel/schedule",
            description="Paces the way from each shot's picture to the next by the song's onsets: fast where it hits, "
            "slow where it is quiet, exactly on the shot's picture when the shot starts.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input(
                    "beat_envelope",
                    tooltip="What Audio Beat Envelope heard: it gives the frames and the curve that paces.",
                ),
                io.Custom(Story.io_type).Input("story", tooltip="The shots; each one's first frame is a keyframe."),
                io.Float.Input(
                    "floor",
                    default=0.05,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    optional=True,
                    tooltip="Speed that is always there, where 1 is the song's strongest onset. Larger values even out "
                    "the pace; 0 stands still between onsets.",
                ),
                io.Float.Input(
                    "gamma",
                    default=1.0,
                    min=0.1,
                    max=8.0,
                    step=0.1,
                    optional=True,
                    tooltip="Exponent on the curve: above 1, strong hits move the picture more and weak ones less.",
                ),
                io.String.Input(
                    "curve",
                    default="onset",
                    optional=True,
                    tooltip="Name of the song's curve that paces, such as onset or rms.",
                ),
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default="onset",
                    optional=True,
                    tooltip="How a shot moves to the next: onset (fast where it hits), onset over the whole song (loud "
                    "shots travel further), linear, ease, cut, beats (a step on each), hold and hit (holds, then lands "
                    "on the next shot), cosine + onset (smooth, pushed by hits), ping-pong (there and back).",
                ),
                io.Float.Input(
                    "pulse",
                    default=0.15,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="Of cosine + onset: how far the strongest hit pushes the picture ahead.",
                ),
                io.Boolean.Input(
                    "monotone",
                    default=True,
                    optional=True,
                    tooltip="Of cosine + onset: never go back when a push dies away.",
                ),
            ],
            outputs=[
                io.Custom(FrameSchedule.io_type).Output(
                    "frame_schedule", display_name="frame_schedule", tooltip="What every frame is made of."
                ),
                io.Float.Output(
                    "t",
                    display_name="t",
                    tooltip="Progress 0..1 towards the next shot, as one list with a value per frame.",
                ),
                io.Image.Output(
                    "plot", display_name="plot", tooltip="The pacing over time, with the shots and the curve."
                ),
            ],
        )

    @classmethod
    def execute(
        cls, beat_envelope, story, floor=0.05, gamma=1.0, curve="onset", mode="onset", pulse=0.15, monotone=True
    ) -> io.NodeOutput:
        import torch

        song, story = SongAnalysis.of(beat_envelope), Story.of(story)
        schedule = onset_slerp_schedule(
            song, story, curve=curve, floor=floor, gamma=gamma, mode=mode, pulse=pulse, monotone=monotone
        )
        plot = torch.from_numpy(plot_schedule(song, story, schedule, curve=curve)).float() / 255
        return io.NodeOutput(schedule, schedule.t.tolist(), plot[None])
