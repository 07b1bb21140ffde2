"""ComfyUI face of the caption stage."""

from comfy_api.latest import io

from ...base.errors import InputError
from ...base.types import SongAnalysis
from ...host import current
from ..emotion.timeline import EmotionTimeline
from ..lyrics.lyrics import Lyrics


class MusicCaption(io.ComfyNode):
    """BEAT_ENVELOPE -> what each part of the music is like, as text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MusicCaption",
            display_name="Music Caption",
            category="songreel/song",
            description="Says in a sentence what the music of each part is like: tempo, metre, key, energy, "
            "brightness, density, vocals, mood.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input("beat_envelope", tooltip="What Audio Beat Envelope heard."),
                io.Custom(EmotionTimeline.io_type).Input(
                    "emotion", optional=True, tooltip="From Music Emotion: adds the mood."
                ),
                io.Custom(Lyrics.io_type).Input(
                    "lyrics",
                    optional=True,
                    tooltip="From Load Lyrics or Transcribe Lyrics: adds whether somebody sings.",
                ),
                io.Audio.Input("audio", optional=True, tooltip="The song, for clap_model to hear."),
                io.String.Input(
                    "clap_model",
                    default="",
                    optional=True,
                    tooltip="Name of a CLAP model in the models folder 'clap', which adds genre and instruments. "
                    "Empty: none.",
                ),
            ],
            outputs=[
                io.String.Output(
                    "captions",
                    display_name="captions",
                    tooltip="One line a part: its time, then the sentence. Lyrics To Story Prompts takes it, and so it "
                    "does a text of your own in this form.",
                )
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, emotion=None, lyrics=None, audio=None, clap_model="") -> io.NodeOutput:
        from .caption import caption_song, captions_text

        captions = caption_song(
            SongAnalysis.of(beat_envelope),
            emotion=None if emotion is None else EmotionTimeline.of(emotion),
            lyrics=None if lyrics is None else Lyrics.of(lyrics),
        )
        if clap_model.strip():
            captions = _tagged(captions, audio, clap_model.strip())
        text = captions_text(captions)
        return io.NodeOutput(text, ui={"text": [text]})


def _tagged(captions, audio, name):
    from ...base.media.audio import samples_of
    from ..audio.signal import checked, mono
    from .clap import Clap, model_folder, tag_captions

    if audio is None:
        raise InputError("clap_model needs the song: connect audio, or clear clap_model.")
    samples, rate = checked(*samples_of(audio))
    clap = Clap(model_folder(current().model_folders("clap"), name))
    progress = current().progress(len(captions))
    return tag_captions(captions, mono(samples), rate, clap, on_part=progress.update)
