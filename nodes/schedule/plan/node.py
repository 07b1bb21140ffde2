"""ComfyUI faces of the schedule stage."""

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.types import FrameSchedule, SongAnalysis, Story
from .onset import onset_slerp_schedule
from .plot import plot_schedule
from .settings import EventRules, MotionAmounts, Pacing


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
                *inputs_of(io, Pacing),
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
    def execute(cls, beat_envelope, story, **given) -> io.NodeOutput:
        import torch

        song, story, pacing = SongAnalysis.of(beat_envelope), Story.of(story), from_inputs(Pacing, given)
        schedule = onset_slerp_schedule(song, story, pacing)
        plot = plot_schedule(song, story, schedule, curve=pacing.curve, mode=pacing.mode)
        return io.NodeOutput(schedule, schedule.t.tolist(), (torch.from_numpy(plot).float() / 255)[None])


class EventPlan(io.ComfyNode):
    """BEAT_ENVELOPE + STORY -> STORY on the beat, FRAME_SCHEDULE with cuts, dissolves and motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EventPlan",
            display_name="Event Plan",
            category="songreel/schedule",
            is_output_node=True,
            description="Plans from the music how each shot gives way to the next (hard cut, quick dissolve, smooth "
            "blend), puts cuts and dissolves on the beat, and lets energy move the picture. Events can be changed.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip="What Audio Beat Envelope heard."),
                io.Custom(Story.io_type).Input("story", tooltip="The shots."),
                io.String.Input(
                    "edits",
                    multiline=True,
                    default="",
                    optional=True,
                    tooltip="Events of your own, a line for each: 0:08.000 cut, 0:12 dissolve 0.8, 0:16 blend. Or "
                    "JSON. Shots that no line names keep what was planned.",
                ),
                *inputs_of(io, EventRules),
                *inputs_of(io, MotionAmounts),
            ],
            outputs=[
                io.Custom(Story.io_type).Output(
                    "story_on_beat",
                    display_name="story_on_beat",
                    tooltip="The story with its cuts and dissolves on the beat; give this one to the renderer.",
                ),
                io.Custom(FrameSchedule.io_type).Output(
                    "frame_schedule", display_name="frame_schedule", tooltip="What every frame is made of."
                ),
                io.String.Output(
                    "events", display_name="events", tooltip="The plan as text; copy lines into edits to change them."
                ),
                io.Image.Output("plot", display_name="plot", tooltip="Pacing, transitions and curves over time."),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, story, edits="", **given) -> io.NodeOutput:
        import torch

        from .event_text import planned_by_hand, write_events
        from .events import event_schedule

        song, rules = SongAnalysis.of(beat_envelope), from_inputs(EventRules, given)
        told, events = planned_by_hand(edits, song, Story.of(story), rules)
        schedule = event_schedule(song, told, events, rules, from_inputs(MotionAmounts, given))
        text = write_events(events, told)
        plot = torch.from_numpy(plot_schedule(song, told, schedule, mode=rules.mode)).float() / 255
        return io.NodeOutput(told, schedule, text, plot[None], ui={"text": [text]})
