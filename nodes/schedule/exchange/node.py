"""ComfyUI faces of the exchange with other programs: a schedule as their text, their text as a schedule."""

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.notes import shown
from ...base.settings import from_inputs
from ...base.types import FrameSchedule, SongAnalysis, Story
from .settings import ReadSettings, WriteSettings


class ScheduleToText(io.ComfyNode):
    """FRAME_SCHEDULE + STORY -> text for Deforum, Parseq or FizzNodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ScheduleToText",
            display_name="Schedule To Text",
            category="songreel/schedule",
            is_output_node=True,
            description="Writes a schedule and its prompts as text that Deforum, Parseq or FizzNodes read.",
            inputs=[
                io.Custom(FrameSchedule.io_type).Input("frame_schedule", tooltip="The schedule to write."),
                io.Custom(Story.io_type).Input("story", tooltip="Its story, for the prompts."),
                *inputs_of(io, WriteSettings),
            ],
            outputs=[
                io.String.Output("text", display_name="text", tooltip="What the other program reads."),
                io.String.Output("report", display_name="report", tooltip="What the format cannot carry, or empty."),
            ],
        )

    @classmethod
    def execute(cls, frame_schedule, story, **given) -> io.NodeOutput:
        from .write import write_schedule

        schedule, told = FrameSchedule.of(frame_schedule), Story.of(story)
        text, report = write_schedule(schedule, told, from_inputs(WriteSettings, given))
        return io.NodeOutput(text, report, ui=shown(text, notes=[report]))


class TextToSchedule(io.ComfyNode):
    """BEAT_ENVELOPE + text of Deforum, Parseq or FizzNodes -> STORY and FRAME_SCHEDULE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TextToSchedule",
            display_name="Text To Schedule",
            category="songreel/schedule",
            description="Reads prompts and keyframes that were written for Deforum, Parseq or FizzNodes. Numbers only: "
            "formulas are refused with their place.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input(
                    "beat_envelope", tooltip="The song: it gives the frames and the length."
                ),
                io.String.Input(
                    "text",
                    multiline=True,
                    default='"0": "a misty harbour at dawn",\n"48": "a city of glass"',
                    tooltip="Deforum's settings (JSON), a Parseq document (JSON), FizzNodes' prompts, or keyframes of "
                    "one curve: 0:(1.0), 24:(1.2).",
                ),
                io.Custom(Story.io_type).Input(
                    "story", optional=True, tooltip="The shots, where the text has no prompts."
                ),
                io.Custom(FrameSchedule.io_type).Input(
                    "frame_schedule",
                    optional=True,
                    tooltip="Gets the text's curves. Without it, a new schedule is made.",
                ),
                *inputs_of(io, ReadSettings),
            ],
            outputs=[
                io.Custom(Story.io_type).Output(
                    "told", display_name="told", tooltip="The text's prompts as shots, or the story that came in."
                ),
                io.Custom(FrameSchedule.io_type).Output(
                    "scheduled", display_name="scheduled", tooltip="The schedule with the text's curves."
                ),
                io.String.Output("report", display_name="report", tooltip="What was read, and what was left out."),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, text, story=None, frame_schedule=None, **given) -> io.NodeOutput:
        from .schedule_from_text import left_out_of, schedule_from_text

        told, schedule, report = schedule_from_text(
            SongAnalysis.of(beat_envelope),
            text,
            from_inputs(ReadSettings, given),
            story=None if story is None else Story.of(story),
            schedule=None if frame_schedule is None else FrameSchedule.of(frame_schedule),
        )
        return io.NodeOutput(told, schedule, report, ui=shown(report, notes=left_out_of(report)))
