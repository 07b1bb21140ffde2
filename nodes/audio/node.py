"""ComfyUI face of the audio stage."""

from comfy_api.latest import io

from ..timing import clock_text
from ..types import SongAnalysis
from .names import CURVES


class AudioBeatEnvelope(io.ComfyNode):
    """AUDIO -> BEAT_ENVELOPE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AudioBeatEnvelope",
            display_name="Audio Beat Envelope",
            category="songreel/audio",
            is_output_node=True,
            description="Hears a song: beats, downbeats, tempo, parts, and how hard each range hits in each frame.",
            inputs=[
                io.Audio.Input("audio", tooltip="The song, from Load Audio or any node that gives AUDIO."),
                io.Float.Input(
                    "fps",
                    default=12.0,
                    min=1.0,
                    max=120.0,
                    step=0.001,
                    tooltip="Frames per second of the video. 23.976, 29.97 and 59.94 mean the exact film rates "
                    "(24000/1001 ...).",
                ),
                io.Combo.Input(
                    "curve",
                    options=list(CURVES),
                    default="onset",
                    optional=True,
                    tooltip="What the envelope output follows: all onsets, only the drums (percussive), a range such "
                    "as bass_onset, loudness (rms) and so on. The beat_envelope output carries them all.",
                ),
            ],
            outputs=[
                io.Custom(SongAnalysis.io_type).Output(
                    "beat_envelope", display_name="beat_envelope", tooltip="What was heard, for the other nodes."
                ),
                io.Float.Output(
                    "envelope",
                    display_name="envelope",
                    tooltip="The chosen curve, 0..1, as one list with a value per frame.",
                ),
                io.Int.Output("beat_frames", display_name="beat_frames", tooltip="Frames of the beats, as one list."),
                io.Float.Output("tempo", display_name="tempo", tooltip="Beats per minute; 0 when there is no beat."),
                io.Int.Output("frame_count", display_name="frame_count", tooltip="Frames that cover the whole song."),
                io.Image.Output(
                    "plot",
                    display_name="plot",
                    tooltip="Waveform, parts, onset strength, beats and downbeats over time.",
                ),
            ],
        )

    @classmethod
    def execute(cls, audio, fps, curve="onset") -> io.NodeOutput:
        import torch

        from ..host import current
        from ..media.audio import samples_of
        from .cache import cached_analysis
        from .plot import plot_analysis

        waveform, sample_rate = samples_of(audio)
        song = cached_analysis(waveform, sample_rate, fps=fps, folder=current().cache_dir())
        plot = torch.from_numpy(plot_analysis(waveform, sample_rate, song)).float() / 255
        summary = (
            f"{_pulse(song)}, {' '.join(part.label for part in song.sections)}, "
            f"{clock_text(song.duration)}, {song.n_frames} frames at {float(song.fps):g} fps"
        )
        return io.NodeOutput(
            song,
            song.curve(curve).tolist(),
            song.beat_frames(),
            song.tempo,
            song.n_frames,
            plot[None],
            ui={"text": [summary]},
        )


def _pulse(song: SongAnalysis) -> str:
    if not len(song.beats):
        return f"no beat (certainty {1 - song.beat_confidence:.0%})"
    return f"{song.tempo:.1f} BPM, {len(song.beats)} beats, {len(song.downbeats)} bars"
