"""ComfyUI faces of the schedule stage."""

from dataclasses import replace

from ...base.types import FrameSchedule, SongAnalysis, Story
from .onset import onset_slerp_schedule
from .pace import MODES
from .plot import plot_schedule
from comfy_api.latest import io


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
        plot = torch.from_numpy(plot_schedule(song, story, schedule, curve=curve, mode=mode)).float() / 255
        return io.NodeOutput(schedule, schedule.t.tolist(), plot[None])


class EventPlan(io.ComfyNode):
    """BEAT_ENVELOPE + STORY -> STORY on the beat, FRAME_SCHEDULE with cuts, dissolves and motion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def number(name: str, default: float, high: float, tooltip: str):
            return io.Float.Input(name, default=default, min=0.0, max=high, step=0.01, optional=True, tooltip=tooltip)

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
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default="onset",
                    optional=True,
                    tooltip="How shots travel, as in Onset Slerp Scheduler.",
                ),
                number("cut_above", 0.75, 1.01, "Share of the song's onsets that must be weaker for a hard cut; above "
                       "1 there is none."),
                number("dissolve_above", 0.4, 1.0, "Share that must be weaker for a dissolve; below, the shot blends."),
                number("dissolve_seconds", 0.4, 10.0, "How long a dissolve takes; at most half of its shot."),
                number("travel", 0.3, 1.0, "Share of the way to the next shot that a shot goes before a cut or "
                       "dissolve; 0 holds its picture."),
                number("max_move", 0.25, 5.0, "Seconds by which the start of a shot that cuts or dissolves in may move "
                       "to reach a beat; 0 leaves the story as it is."),
                number("zoom", 0.0, 5.0, "Zoom in where energy rises: growth per second at its fastest. For feedback."),
                number("drift", 0.0, 5.0, "Share of the width per second that the picture drifts at full energy, in "
                       "another direction for each shot. For feedback."),
                number("walk", 0.0, 20.0, "Radians per second that the noise walks at full energy; it bounces back."),
                number("carry", 0.0, 1.0, "Weight of the shot before in the prompt when a shot begins; gone after a "
                       "second."),
                io.Boolean.Input(
                    "intensity_steps",
                    default=False,
                    optional=True,
                    tooltip="Fewer sampler steps for shots that play softly (Music2Video's rule), down to a tenth.",
                ),
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
        )  # fmt: skip

    @classmethod
    def execute(cls, beat_envelope, story, edits="", mode="onset", cut_above=0.75, dissolve_above=0.4,
                dissolve_seconds=0.4, travel=0.3, max_move=0.25, zoom=0.0, drift=0.0, walk=0.0, carry=0.0,
                intensity_steps=False) -> io.NodeOutput:  # fmt: skip
        import torch
        from .event_text import read_events, write_events
        from .events import MotionAmounts, event_schedule, on_the_beat, plan_events

        song, given = SongAnalysis.of(beat_envelope), Story.of(story)
        options = {"cut_above": cut_above, "dissolve_above": dissolve_above, "dissolve": dissolve_seconds}
        planned = plan_events(song, given, **options)
        events = read_events(edits, song, given, planned, dissolve=dissolve_seconds, max_move=max_move)
        told = on_the_beat(song, given, events, max_move=max_move)
        events = [replace(event, time=told.shots[event.shot].start) for event in events]
        motion = MotionAmounts(zoom=zoom, drift=drift, walk=walk, carry=carry, intensity_steps=intensity_steps)
        schedule = event_schedule(song, told, events, travel=travel, motion=motion, mode=mode)
        text = write_events(events, told)
        plot = torch.from_numpy(plot_schedule(song, told, schedule, mode=mode)).float() / 255
        return io.NodeOutput(told, schedule, text, plot[None], ui={"text": [text]})
