"""ComfyUI face of the audio stage."""

import logging

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.timing import clock_text
from ...base.types import SongAnalysis
from ...host import current
from .settings import EnvelopeSettings

log = logging.getLogger(__name__)


class AudioBeatEnvelope(io.ComfyNode):
    """AUDIO -> BEAT_ENVELOPE."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AudioBeatEnvelope",
            display_name="Audio Beat Envelope",
            category="songreel/song",
            description="Hears a song: beats, downbeats, tempo, parts, and how hard each range hits in each frame.",
            # So that a run shows the song also when this node, or all of the graph, is in ComfyUI's cache.
            is_output_node=True,
            inputs=[
                io.Audio.Input("audio", tooltip="The song, from Load Audio or any node that gives AUDIO."),
                *inputs_of(io, EnvelopeSettings),
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
                    "plot", display_name="plot", tooltip="Waveform, parts, onset strength, beats, downbeats over time."
                ),
                io.Float.Output(
                    "first_beat",
                    display_name="first_beat",
                    tooltip="Seconds from the start of the song to its first beat; 0 when there is no beat.",
                ),
            ],
        )

    @classmethod
    def execute(cls, audio, **given) -> io.NodeOutput:
        import torch

        from ...base.media.audio import samples_of
        from .beat_times import correct
        from .cache import cached_analysis
        from .plot import plot_analysis
        from .view import view_of

        settings = from_inputs(EnvelopeSettings, given)
        waveform, sample_rate = samples_of(audio)
        detected = cached_analysis(waveform, sample_rate, fps=settings.fps, folder=current().cache_dir())
        song = correct(detected, beats=settings.beats, offset_ms=settings.offset_ms)
        plot = torch.from_numpy(plot_analysis(waveform, sample_rate, song)).float() / 255
        summary = (
            f"{_pulse(song)}, {' '.join(part.label for part in song.sections)}, "
            f"{clock_text(song.duration)}, {song.n_frames} frames at {float(song.fps):g} fps"
        )
        view = view_of(song, detected, waveform, sample_rate) | {"audio": _playable(waveform, sample_rate)}
        return io.NodeOutput(
            song,
            song.curve(settings.curve).tolist(),
            song.beat_frames(),
            song.tempo,
            song.n_frames,
            plot[None],
            float(song.beats[0]) if len(song.beats) else 0.0,
            ui={"text": [summary], "songreel": [view]},
        )


def _pulse(song: SongAnalysis) -> str:
    if not len(song.beats):
        return f"no beat (certainty {1 - song.beat_confidence:.0%})"
    return f"{song.tempo:.1f} BPM, {len(song.beats)} beats, {len(song.downbeats)} bars"


def _playable(waveform, sample_rate) -> dict | None:
    """The song as a file that an open page can play, written once; None where it cannot be."""
    import hashlib

    import av
    import numpy as np

    from ...base.media.audio import write_flac

    samples = np.ascontiguousarray(waveform)
    digest = hashlib.blake2b(samples.data, digest_size=10, person=str(sample_rate).encode()).hexdigest()
    try:
        path = current().temp_dir() / f"song_{digest}.flac"
        reference = current().page_reference(path)
        if reference is not None and not path.exists():
            write_flac(path, waveform, sample_rate)
    except (OSError, av.error.FFmpegError) as error:
        log.warning("the song cannot be played in the browser (%s)", error.strerror or type(error).__name__)
        return None
    return reference
