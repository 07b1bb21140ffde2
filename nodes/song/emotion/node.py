"""ComfyUI face of the emotion stage."""

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.types import SongAnalysis
from ...host import current
from .settings import EmotionSettings
from .timeline import EmotionTimeline


class MusicEmotion(io.ComfyNode):
    """AUDIO -> MUSIC_EMOTION."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MusicEmotion",
            display_name="Music Emotion",
            category="songreel/song",
            description="Hears a song's mood: arousal and valence every half second, and where it is melancholy, "
            "serene, tense, euphoric or neutral.",
            inputs=[
                io.Audio.Input("audio", tooltip="The song, from Load Audio or any node that gives AUDIO."),
                io.Custom(SongAnalysis.io_type).Input(
                    "beat_envelope",
                    optional=True,
                    tooltip="What Audio Beat Envelope heard; the rules use its tempo and its key.",
                ),
                *inputs_of(io, EmotionSettings),
            ],
            outputs=[
                io.Custom(EmotionTimeline.io_type).Output(
                    "emotion", display_name="emotion", tooltip="The mood over time, for the other nodes."
                ),
                io.Image.Output(
                    "plot", display_name="plot", tooltip="The plane of arousal and valence, and the timeline."
                ),
                io.Float.Output(
                    "arousal", display_name="arousal", tooltip="-1..1, a list with a value per half second."
                ),
                io.Float.Output(
                    "valence", display_name="valence", tooltip="-1..1, a list with a value per half second."
                ),
            ],
        )

    @classmethod
    def execute(cls, audio, beat_envelope=None, **given) -> io.NodeOutput:
        import torch

        from ...base.media.audio import samples_of
        from .hear import hear_emotion
        from .plot import plot_emotion

        progress = current().progress(100)
        emotion = hear_emotion(
            *samples_of(audio),
            from_inputs(EmotionSettings, given),
            song=None if beat_envelope is None else SongAnalysis.of(beat_envelope),
            on_progress=lambda share: progress.update(int(100 * share)),
        )
        plot = torch.from_numpy(plot_emotion(emotion)).float() / 255
        moods = ", ".join(f"{part.label} {part.end - part.start:.0f} s" for part in emotion.segments)
        return io.NodeOutput(
            emotion,
            plot[None],
            emotion.arousal.tolist(),
            emotion.valence.tolist(),
            ui={"text": [f"{moods} ({emotion.model})"]},
        )
