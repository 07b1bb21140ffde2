"""ComfyUI faces of the curve stage: one curve of a song, a curve as a parameter, corrected beats, beats as text."""

from dataclasses import replace

from ...base.types import SongAnalysis
from ..audio.names import CURVES, PITCH_CLASSES
from .corrections import METRES, TEMPO, correct_beats
from .labels import FORMATS, write_beats
from .shape import HOLD, NORMALISE, SHAPES, deforum_schedule, driving_curve, map_to_range, shape_curve
from comfy_api.latest import io

_SONG_TIP = "What Audio Beat Envelope heard."


def _picture(array):
    import torch

    return (torch.from_numpy(array).float() / 255)[None]


class EnvelopeCurve(io.ComfyNode):
    """BEAT_ENVELOPE -> one curve, shaped."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        def number(name: str, default: float, high: float, tooltip: str, *, low: float = 0.0, step: float = 0.01):
            return io.Float.Input(name, default=default, min=low, max=high, step=step, optional=True, tooltip=tooltip)

        return io.Schema(
            node_id="EnvelopeCurve",
            display_name="Envelope Curve",
            category="songreel/curves",
            description="Takes one curve out of a song without hearing it again, and shapes it: gain, threshold, "
            "gamma, attack, release, floor.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                io.Combo.Input(
                    "curve",
                    options=[*CURVES, "driving", *PITCH_CLASSES],
                    default="percussive",
                    tooltip="Which curve; letters are pitch classes, driving is what an Envelope Curve before gave.",
                ),
                io.Combo.Input(
                    "normalise",
                    options=list(NORMALISE),
                    default="as it is",
                    optional=True,
                    tooltip="Stretch so that 1 is reached in the song, or in each of its parts.",
                ),
                number("gain", 1.0, 100.0, "Multiplies; what passes 1 is cut off."),
                number("threshold", 0.0, 0.99, "What is below becomes 0, the rest is stretched."),
                number("gamma", 1.0, 20.0, "Exponent: above 1 only strong hits stay.", low=0.05),
                number("attack", 0.0, 60.0, "Seconds to cover 63 % of a rise.", step=0.005),
                number("release", 0.0, 60.0, "Seconds to cover 63 % of a fall: lets hits ring on.", step=0.005),
                number("floor", 0.0, 1.0, "The lowest value; 0..1 becomes floor..1."),
            ],
            outputs=[
                io.Float.Output("envelope", display_name="envelope", tooltip="One list with a value 0..1 per frame."),
                io.Custom(SongAnalysis.io_type).Output(
                    "driven",
                    display_name="driven",
                    tooltip="The song with this as its curve 'driving', which Onset Slerp Scheduler follows by name.",
                ),
                io.Image.Output("plot", display_name="plot", tooltip="The curve, and thinly what it was made from."),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, curve, normalise="as it is", gain=1.0, threshold=0.0, gamma=1.0, attack=0.0,
                release=0.0, floor=0.0) -> io.NodeOutput:  # fmt: skip
        from .plot import plot_curve

        song = SongAnalysis.of(beat_envelope)
        raw = driving_curve(song, curve)
        shaped = shape_curve(
            raw, song.fps, normalise=normalise, sections=song.sections, gain=gain, threshold=threshold, gamma=gamma,
            attack=attack, release=release, floor=floor,
        )  # fmt: skip
        plot = plot_curve(shaped, song.fps, title=curve, before=raw, bars=song.downbeats)
        driven = replace(song, curves=song.curves | {"driving": shaped})
        return io.NodeOutput(shaped.tolist(), driven, _picture(plot))


class CurveToRange(io.ComfyNode):
    """BEAT_ENVELOPE -> a parameter over time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CurveToRange",
            display_name="Curve To Range",
            category="songreel/curves",
            description="Maps a curve of the song to the range of any parameter: a list for nodes that take one value "
            "per frame, whole numbers, or a Deforum schedule.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                io.String.Input(
                    "curve",
                    default="driving",
                    tooltip="Name of the curve: driving is what Envelope Curve gave; onset, rms, bass_onset ... else.",
                ),
                io.Float.Input(
                    "low", default=0.0, min=-1e6, max=1e6, step=0.01, tooltip="The parameter where the curve is 0."
                ),
                io.Float.Input(
                    "high", default=1.0, min=-1e6, max=1e6, step=0.01, tooltip="The parameter where the curve is 1."
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
                io.Float.Input(
                    "tolerance",
                    default=0.01,
                    min=0.0001,
                    max=1.0,
                    step=0.001,
                    optional=True,
                    tooltip="How far the schedule text may be off, as a share of the range: larger is shorter.",
                ),
            ],
            outputs=[
                io.Float.Output("values", display_name="values", tooltip="One list with a value per frame."),
                io.Int.Output("whole", display_name="whole", tooltip="The same, rounded to whole numbers."),
                io.String.Output(
                    "schedule", display_name="schedule", tooltip="Deforum keyframes: 0:(0.5), 12:(0.8) ..."
                ),
                io.Image.Output("plot", display_name="plot", tooltip="The parameter over time."),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, curve, low, high, shape="linear", invert=False, hold="off", tolerance=0.01):
        from .plot import plot_curve

        song = SongAnalysis.of(beat_envelope)
        raw = driving_curve(song, curve)
        values = map_to_range(raw, low=low, high=high, shape=shape, invert=invert, hold=hold, song=song)
        schedule = deforum_schedule(values, max(tolerance * abs(high - low), 1e-8))
        plot = plot_curve(values, song.fps, title=f"{curve} as {low:g} to {high:g}", bars=song.downbeats)
        whole = [round(value) for value in values.tolist()]
        return io.NodeOutput(values.tolist(), whole, schedule, _picture(plot))


class CorrectBeats(io.ComfyNode):
    """BEAT_ENVELOPE -> BEAT_ENVELOPE with other beats."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CorrectBeats",
            display_name="Correct Beats",
            category="songreel/curves",
            is_output_node=True,
            description="Corrects what was heard: your own beats, double or half tempo, where bars begin, a shift.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                io.String.Input(
                    "beats",
                    multiline=True,
                    default="",
                    tooltip="Beat times that take the place of those heard: 12.5 or 1:02.5, or an Audacity label "
                    "track, or CSV. The label 1 opens a bar. Empty keeps what was heard.",
                ),
                io.Combo.Input(
                    "tempo",
                    options=list(TEMPO),
                    default="as heard",
                    tooltip="Twice as many beats, or every second one.",
                ),
                io.Combo.Input("metre", options=list(METRES), default="as heard", tooltip="How many beats make a bar."),
                io.Float.Input(
                    "downbeat",
                    default=-1.0,
                    min=-1.0,
                    max=1e6,
                    step=0.01,
                    tooltip="Seconds: the beat nearest to it opens a bar; all bars count from there. -1: as heard.",
                ),
                io.Float.Input(
                    "nudge_ms",
                    default=0.0,
                    min=-5000.0,
                    max=5000.0,
                    step=1.0,
                    tooltip="Milliseconds by which all beats move, later when positive.",
                ),
            ],
            outputs=[
                io.Custom(SongAnalysis.io_type).Output(
                    "corrected", display_name="corrected", tooltip="The song with the corrected beats."
                ),
                io.Int.Output("beat_frames", display_name="beat_frames", tooltip="Frames of the beats, as one list."),
                io.Float.Output("bpm", display_name="bpm", tooltip="Beats per minute; 0 when there is no beat."),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, beats, tempo, metre, downbeat, nudge_ms) -> io.NodeOutput:
        song = correct_beats(
            SongAnalysis.of(beat_envelope),
            beats=beats, tempo=tempo, metre=metre, downbeat=downbeat, nudge=nudge_ms / 1000,
        )  # fmt: skip
        summary = f"{song.tempo:.1f} BPM, {len(song.beats)} beats, {len(song.downbeats)} bars"
        return io.NodeOutput(song, song.beat_frames(), song.tempo, ui={"text": [summary]})


class BeatsToText(io.ComfyNode):
    """BEAT_ENVELOPE -> beats as text for other programs."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="BeatsToText",
            display_name="Beats To Text",
            category="songreel/curves",
            is_output_node=True,
            description="The beats for other programs: Audacity labels, CSV, a Deforum schedule or a Parseq document.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                io.Combo.Input(
                    "format", options=list(FORMATS), default="Audacity labels", tooltip="What the other program reads."
                ),
            ],
            outputs=[
                io.String.Output("text", display_name="text", tooltip="The beats; Correct Beats reads the first two.")
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, format) -> io.NodeOutput:
        text = write_beats(SongAnalysis.of(beat_envelope), format)
        return io.NodeOutput(text, ui={"text": [text]})
