"""ComfyUI faces of modulation: a schedule whose curves follow the song, curves in and out as lists, themes."""

from ...base.modulation import CURVES
from ...base.types import FrameSchedule, SongAnalysis
from ...song.curves.shape import HOLD, SHAPES
from .modulate import COMBINE, modulate, read_curve, set_curve, with_themes
from comfy_api.latest import io

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
                io.String.Input(
                    "curve",
                    default="rms",
                    tooltip="Curve of the song that drives: rms, onset, bass_onset ...; driving is what Envelope Curve "
                    "gave; C to B are pitch classes.",
                ),
                io.Combo.Input(
                    "target",
                    options=list(CURVES),
                    default="cfg",
                    tooltip="Setting that is driven; the help page gives range and unit of each.",
                ),
                io.Float.Input(
                    "low", default=6.0, min=-1e6, max=1e6, step=0.01, tooltip="The setting where the curve is 0."
                ),
                io.Float.Input(
                    "high", default=8.0, min=-1e6, max=1e6, step=0.01, tooltip="The setting where the curve is 1."
                ),
                io.Combo.Input(
                    "shape",
                    options=list(SHAPES),
                    default="linear",
                    optional=True,
                    tooltip="How the way from low to high bends; step has only the two ends.",
                ),
                io.Boolean.Input("invert", default=False, optional=True, tooltip="0 gives high and 1 gives low."),
                io.Combo.Input(
                    "hold",
                    options=list(HOLD),
                    default="off",
                    optional=True,
                    tooltip="Change on beats or bars only: keep the value there, or the mean over the beat.",
                ),
                io.Combo.Input(
                    "combine",
                    options=list(COMBINE),
                    default="replace",
                    optional=True,
                    tooltip="What happens to values that the schedule has already: replace them, add to them, or "
                    "multiply them.",
                ),
            ],
            outputs=[
                io.Custom(FrameSchedule.io_type).Output("modulated", display_name="modulated", tooltip=_CHANGED_TIP),
                io.Float.Output("values", display_name="values", tooltip="The driven setting, one value per frame."),
                io.Image.Output("plot", display_name="plot", tooltip="The driven setting over time."),
            ],
        )

    @classmethod
    def execute(cls, frame_schedule, beat_envelope, curve, target, low, high, shape="linear", invert=False, hold="off",
                combine="replace") -> io.NodeOutput:  # fmt: skip
        import torch
        from ...song.curves.plot import plot_curve

        song = SongAnalysis.of(beat_envelope)
        schedule = modulate(
            FrameSchedule.of(frame_schedule), song, curve=curve, target=target, low=low, high=high, shape=shape,
            invert=invert, hold=hold, combine=combine,
        )  # fmt: skip
        values = schedule.curves[target]
        plot = plot_curve(values, song.fps, title=f"{target}: {CURVES[target].unit}", bars=song.downbeats)
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
                io.String.Input(
                    "themes",
                    multiline=True,
                    default="C: warm golden light\nG: deep blue haze",
                    tooltip="A theme on each line: a pitch class C to B, or a curve such as bass, a colon, the prompt.",
                ),
                io.Float.Input(
                    "amount",
                    default=0.4,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Share of the prompt that the themes have together where they are strongest.",
                ),
            ],
            outputs=[
                io.Custom(FrameSchedule.io_type).Output("modulated", display_name="modulated", tooltip=_CHANGED_TIP)
            ],
        )

    @classmethod
    def execute(cls, frame_schedule, beat_envelope, themes, amount) -> io.NodeOutput:
        song = SongAnalysis.of(beat_envelope)
        return io.NodeOutput(with_themes(FrameSchedule.of(frame_schedule), song, themes, amount=amount))
