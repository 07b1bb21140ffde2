"""ComfyUI faces of modulation: a schedule whose curves follow the song, curves in and out as lists, themes."""

from comfy_api.latest import io

from ...base.modulation import CURVES
from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.types import FrameSchedule, SongAnalysis
from .modulate import modulate, read_curve, set_curve, with_themes
from .settings import Modulation, ThemeSettings

_SCHEDULE_TIP = "From Onset Slerp Scheduler, or changed by such a node before."
_CHANGED_TIP = "The schedule with the change; what was passed in stays as it was."


class ModulateSchedule(io.ComfyNode):
    """FRAME_SCHEDULE + BEAT_ENVELOPE -> FRAME_SCHEDULE with a curve that follows the song."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ModulateSchedule",
            display_name="Modulate Schedule",
            category="songreel/schedule",
            description="Lets a curve of the song drive a setting from frame to frame: guidance, steps, the LoRA's "
            "strength, the noise, zoom, rotation, shift, denoise.",
            inputs=[
                io.Custom(FrameSchedule.io_type).Input("frame_schedule", tooltip=_SCHEDULE_TIP),
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip="The song that the schedule is for."),
                *inputs_of(io, Modulation, "curve", "target", "low", "high", "shape", "invert", "hold", "combine"),
            ],
            outputs=[
                io.Custom(FrameSchedule.io_type).Output("modulated", display_name="modulated", tooltip=_CHANGED_TIP),
                io.Float.Output("values", display_name="values", tooltip="The driven setting, one value per frame."),
                io.Image.Output("plot", display_name="plot", tooltip="The driven setting over time."),
            ],
        )

    @classmethod
    def execute(cls, frame_schedule, beat_envelope, **given) -> io.NodeOutput:
        import torch

        from ...song.curves.plot import plot_curve

        song, modulation = SongAnalysis.of(beat_envelope), from_inputs(Modulation, given)
        schedule = modulate(FrameSchedule.of(frame_schedule), song, modulation)
        values = schedule.curves[modulation.target]
        title = f"{modulation.target}: {CURVES[modulation.target].unit}"
        plot = plot_curve(values, song.fps, title=title, bars=song.downbeats)
        return io.NodeOutput(schedule, values.tolist(), (torch.from_numpy(plot).float() / 255)[None])


class ScheduleCurve(io.ComfyNode):
    """FRAME_SCHEDULE -> one of its curves as a list, or the schedule with a curve from a list."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ScheduleCurve",
            display_name="Schedule Curve",
            category="songreel/schedule",
            description="Takes a curve out of a schedule as a list of numbers, or puts a list in as a curve.",
            inputs=[
                io.Custom(FrameSchedule.io_type).Input("frame_schedule", tooltip=_SCHEDULE_TIP),
                io.String.Input(
                    "curve",
                    default="t",
                    tooltip=f"t (progress to the next shot), {', '.join(CURVES)}, or the name of a theme (out only).",
                ),
                io.Float.Input(
                    "values",
                    optional=True,
                    force_input=True,
                    tooltip="A list with one value per frame, or one number for all frames. Left open, the curve is "
                    "only read.",
                ),
            ],
            outputs=[
                io.Custom(FrameSchedule.io_type).Output("modulated", display_name="modulated", tooltip=_CHANGED_TIP),
                io.Float.Output("numbers", display_name="numbers", tooltip="The curve as one list, a value per frame."),
            ],
        )

    @classmethod
    def execute(cls, frame_schedule, curve, values=None) -> io.NodeOutput:
        schedule = FrameSchedule.of(frame_schedule)
        if values is not None:
            schedule = set_curve(schedule, curve, values)
        return io.NodeOutput(schedule, read_curve(schedule, curve).tolist())


class ScheduleThemes(io.ComfyNode):
    """FRAME_SCHEDULE + BEAT_ENVELOPE -> FRAME_SCHEDULE with prompts that sounds bring in."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ScheduleThemes",
            display_name="Schedule Themes",
            category="songreel/schedule",
            description="Mixes further prompts into the shots' prompts while their note or curve sounds: a theme for "
            "each pitch class, for bass or treble.",
            inputs=[
                io.Custom(FrameSchedule.io_type).Input("frame_schedule", tooltip=_SCHEDULE_TIP),
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip="The song that the schedule is for."),
                *inputs_of(io, ThemeSettings),
            ],
            outputs=[
                io.Custom(FrameSchedule.io_type).Output("modulated", display_name="modulated", tooltip=_CHANGED_TIP)
            ],
        )

    @classmethod
    def execute(cls, frame_schedule, beat_envelope, **given) -> io.NodeOutput:
        song, settings = SongAnalysis.of(beat_envelope), from_inputs(ThemeSettings, given)
        return io.NodeOutput(with_themes(FrameSchedule.of(frame_schedule), song, settings))
