"""ComfyUI face of the story stage."""

from comfy_api.latest import io

from ..types import SongAnalysis, Story
from .timeline import SNAP_MODES, parse_timeline, timeline_text


class PromptTimeline(io.ComfyNode):
    """Timed prompts -> STORY."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PromptTimeline",
            display_name="Prompt Timeline",
            category="songreel/story",
            description="Turns lines of text, each a time and a prompt, into the shots of a music video.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input(
                    "beat_envelope", tooltip="What Audio Beat Envelope heard: it gives the duration and the beats."
                ),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="a misty harbour at dawn\na city of glass towers at noon\nthe open sea under the stars",
                    tooltip="One shot a line: a time, then the prompt. Times: 0:12, 12.5s, beat 16, downbeat 4, "
                    "frame 120 (beats and frames count from 0). When no line has a time, the lines share the song "
                    "evenly. # starts a comment.",
                ),
                io.String.Input(
                    "negative",
                    multiline=True,
                    default="text, watermark, low quality",
                    optional=True,
                    tooltip="Negative prompt of every shot: what should not be seen.",
                ),
                io.Combo.Input(
                    "snap",
                    options=list(SNAP_MODES),
                    default="beat",
                    optional=True,
                    tooltip="Move each shot's start to the nearest beat or downbeat.",
                ),
                io.Float.Input(
                    "max_move",
                    default=0.25,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    optional=True,
                    tooltip="Largest move when snapping, in seconds; a start farther from a beat stays where it is.",
                ),
                io.Int.Input(
                    "split_beats",
                    default=0,
                    min=0,
                    max=256,
                    optional=True,
                    tooltip="Above 0: a shot of more beats than this is split into parts with the same prompt and new "
                    "noise, so that the picture keeps moving. 0 leaves every shot whole.",
                ),
            ],
            outputs=[
                io.Custom(Story.io_type).Output(
                    "story", display_name="story", tooltip="The shots, covering the whole song."
                ),
                io.String.Output(
                    "frames_text",
                    display_name="frames_text",
                    tooltip="The shots as 'frame N: prompt' lines, for other nodes.",
                ),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, text, negative="", snap="beat", max_move=0.25, split_beats=0) -> io.NodeOutput:
        song = SongAnalysis.of(beat_envelope)
        story = parse_timeline(text, song, negative=negative, snap=snap, max_move=max_move, split_beats=split_beats)
        return io.NodeOutput(story, timeline_text(story, song.fps))
