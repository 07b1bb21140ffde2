"""ComfyUI face of the emotion stage."""

from ...base.types import SongAnalysis
from ...host import current
from .mood_segments import SMOOTHERS
from .timeline import EmotionTimeline
from comfy_api.latest import io

# As `hear.MODELS`, which imports more than ComfyUI's start should pay for.
MODELS = ("auto", "opensmile", "built-in", "rules")


class MusicEmotion(io.ComfyNode):
    """AUDIO -> MUSIC_EMOTION."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MusicEmotion",
            display_name="Music Emotion",
            category="songreel/emotion",
            description="Hears a song's mood: arousal and valence every half second, and where it is melancholy, "
            "serene, tense, euphoric or neutral.",
            inputs=[
                io.Audio.Input("audio", tooltip="The song, from Load Audio or any node that gives AUDIO."),
                io.Custom(SongAnalysis.io_type).Input(
                    "beat_envelope",
                    optional=True,
                    tooltip="What Audio Beat Envelope heard; the rules use its tempo and its key.",
                ),
                io.Combo.Input(
                    "model",
                    options=list(MODELS),
                    default="auto",
                    optional=True,
                    tooltip="opensmile: the best judge, needs pip install opensmile (research use only). built-in: our "
                    "own descriptors, trained on DEAM (CC BY-NC). rules: tempo, loudness, brightness and key, free for "
                    "any use. auto: opensmile where it is installed, else built-in.",
                ),
                io.Float.Input(
                    "contrast",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="0: moods on an absolute scale, a gentle song is serene throughout. 1: moods relative to "
                    "the song's own mean, so that its parts are told apart.",
                ),
                io.Combo.Input(
                    "smoother",
                    options=list(SMOOTHERS),
                    default="viterbi",
                    optional=True,
                    tooltip="viterbi: the likeliest moods that each last min_seconds. cumulative: from the running "
                    "sums, as MVP has it; hardly changes after the first minute. none: each half second by itself.",
                ),
                io.Float.Input(
                    "min_seconds",
                    default=8.0,
                    min=0.5,
                    max=120.0,
                    step=0.5,
                    optional=True,
                    tooltip="Shortest time that a mood lasts, with viterbi.",
                ),
                io.Float.Input(
                    "window",
                    default=8.0,
                    min=6.0,
                    max=60.0,
                    step=0.5,
                    optional=True,
                    tooltip="Seconds of music that each value is heard over. The judges know long means; shorter "
                    "windows would ask them what they cannot tell.",
                ),
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
    def execute(
        cls, audio, beat_envelope=None, model="auto", contrast=0.7, smoother="viterbi", min_seconds=8.0, window=8.0
    ) -> io.NodeOutput:
        import torch
        from ...base.media.audio import samples_of
        from .hear import hear_emotion
        from .plot import plot_emotion

        waveform, sample_rate = samples_of(audio)
        progress = current().progress(100)
        emotion = hear_emotion(
            waveform,
            sample_rate,
            model=model,
            song=None if beat_envelope is None else SongAnalysis.of(beat_envelope),
            window=window,
            contrast=contrast,
            smoother=smoother,
            min_seconds=min_seconds,
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
