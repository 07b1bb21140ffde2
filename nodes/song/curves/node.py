"""ComfyUI faces of the curve stage: one curve of a song, a curve as a parameter, corrected beats, beats as text."""

from dataclasses import replace

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.types import SongAnalysis
from .corrections import correct_beats
from .labels import write_beats
from .settings import BeatCorrections, BeatText, MappedCurve, ShapedCurve
from .shape import deforum_schedule, driving_curve, map_to_range, shape_curve

_SONG_TIP = "What Audio Beat Envelope heard."


def _picture(array):
    import torch

    return (torch.from_numpy(array).float() / 255)[None]


class EnvelopeCurve(io.ComfyNode):
    """BEAT_ENVELOPE -> one curve, shaped."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EnvelopeCurve",
            display_name="Envelope Curve",
            category="songreel/song",
            description="Takes one curve out of a song without hearing it again, and shapes it: gain, threshold, "
            "gamma, attack, release, floor.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                *inputs_of(io, ShapedCurve, "curve", "normalise", "gain", "threshold", "gamma"),
                *inputs_of(io, ShapedCurve, "attack", "release", "floor"),
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
    def execute(cls, beat_envelope, **given) -> io.NodeOutput:
        from .plot import plot_curve

        song, settings = SongAnalysis.of(beat_envelope), from_inputs(ShapedCurve, given)
        raw = driving_curve(song, settings.curve)
        shaped = shape_curve(raw, song.fps, settings, sections=song.sections)
        plot = plot_curve(shaped, song.fps, title=settings.curve, before=raw, bars=song.downbeats)
        driven = replace(song, curves=song.curves | {"driving": shaped})
        return io.NodeOutput(shaped.tolist(), driven, _picture(plot))


class CurveToRange(io.ComfyNode):
    """BEAT_ENVELOPE -> a parameter over time."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CurveToRange",
            display_name="Curve To Range",
            category="songreel/song",
            description="Maps a curve of the song to the range of any parameter: a list for nodes that take one value "
            "per frame, whole numbers, or a Deforum schedule.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                *inputs_of(io, MappedCurve, "curve", "low", "high", "shape", "invert", "hold", "tolerance"),
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
    def execute(cls, beat_envelope, **given) -> io.NodeOutput:
        from .plot import plot_curve

        song, mapping = SongAnalysis.of(beat_envelope), from_inputs(MappedCurve, given)
        values = map_to_range(driving_curve(song, mapping.curve), mapping, song=song)
        span = abs(mapping.high - mapping.low)
        schedule = deforum_schedule(values, max(mapping.tolerance * span, 1e-8))
        title = f"{mapping.curve} as {mapping.low:g} to {mapping.high:g}"
        plot = plot_curve(values, song.fps, title=title, bars=song.downbeats)
        whole = [round(value) for value in values.tolist()]
        return io.NodeOutput(values.tolist(), whole, schedule, _picture(plot))


class CorrectBeats(io.ComfyNode):
    """BEAT_ENVELOPE -> BEAT_ENVELOPE with other beats."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CorrectBeats",
            display_name="Correct Beats",
            category="songreel/song",
            is_output_node=True,
            description="Corrects what was heard: your own beats, double or half tempo, where bars begin, a shift.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                *inputs_of(io, BeatCorrections),
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
    def execute(cls, beat_envelope, **given) -> io.NodeOutput:
        song = correct_beats(SongAnalysis.of(beat_envelope), from_inputs(BeatCorrections, given))
        summary = f"{song.tempo:.1f} BPM, {len(song.beats)} beats, {len(song.downbeats)} bars"
        return io.NodeOutput(song, song.beat_frames(), song.tempo, ui={"text": [summary]})


class BeatsToText(io.ComfyNode):
    """BEAT_ENVELOPE -> beats as text for other programs."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="BeatsToText",
            display_name="Beats To Text",
            category="songreel/song",
            is_output_node=True,
            description="The beats for other programs: Audacity labels, CSV, a Deforum schedule or a Parseq document.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip=_SONG_TIP),
                *inputs_of(io, BeatText),
            ],
            outputs=[
                io.String.Output("text", display_name="text", tooltip="The beats; Correct Beats reads the first two.")
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, **given) -> io.NodeOutput:
        text = write_beats(SongAnalysis.of(beat_envelope), from_inputs(BeatText, given).format)
        return io.NodeOutput(text, ui={"text": [text]})
