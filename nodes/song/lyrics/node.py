"""ComfyUI faces of the lyrics stage."""

from ...base.types import SongAnalysis
from ...host import current
from .lyrics import Lyrics
from comfy_api.latest import io

# As `parse.FORMATS`.
FORMATS = ("auto", "lrc", "srt", "vtt", "csv", "plain")
# As `transcribe.BACKENDS`.
BACKENDS = ("auto", "faster-whisper", "openai-whisper")


def _snap_inputs() -> list:
    return [
        io.Custom(SongAnalysis.io_type).Input(
            "beat_envelope",
            optional=True,
            tooltip="What Audio Beat Envelope heard: lines snap to its beats, and lines after the song's end are left "
            "out.",
        ),
        io.Float.Input(
            "max_move",
            default=0.15,
            min=0.0,
            max=2.0,
            step=0.01,
            optional=True,
            tooltip="Largest move of a line's start or end to the nearest beat, in seconds. 0: no move.",
        ),
    ]


def _outputs() -> list:
    return [
        io.Custom(Lyrics.io_type).Output("lyrics", display_name="lyrics", tooltip="Lines with their times."),
        io.String.Output("lrc", display_name="lrc", tooltip="The same as LRC text, to read, correct or save."),
    ]


def _result(lyrics: Lyrics, song: SongAnalysis | None, max_move: float) -> io.NodeOutput:
    from .tidy import snap, to_lrc

    if song is not None:
        lyrics = snap(lyrics.until(song.duration), song.beats, max_move=max_move)
    text = to_lrc(lyrics)
    return io.NodeOutput(lyrics, text, ui={"text": [text or "no lyrics", *lyrics.notes]})


class LoadLyrics(io.ComfyNode):
    """Text -> LYRICS."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadLyrics",
            display_name="Load Lyrics",
            category="songreel/lyrics",
            description="Reads lyrics: LRC, enhanced LRC, SRT, VTT, CSV or plain text.",
            inputs=[
                io.String.Input(
                    "text",
                    default="",
                    multiline=True,
                    tooltip="The lyrics, pasted. LRC, SRT, VTT and CSV carry times; plain text is spread over the "
                    "song, which is a guess (Transcribe Lyrics hears where it is sung). Empty: an instrumental.",
                ),
                io.Combo.Input(
                    "form",
                    options=list(FORMATS),
                    default="auto",
                    optional=True,
                    tooltip="How the text is written; auto looks at it.",
                ),
                *_snap_inputs(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, text, form="auto", beat_envelope=None, max_move=0.15) -> io.NodeOutput:
        from .parse import parse_lyrics

        song = None if beat_envelope is None else SongAnalysis.of(beat_envelope)
        lyrics = parse_lyrics(text, form=form, duration=None if song is None else song.duration)
        return _result(lyrics, song, max_move)


class TranscribeLyrics(io.ComfyNode):
    """AUDIO (and its words, where they are known) -> LYRICS."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TranscribeLyrics",
            display_name="Transcribe Lyrics",
            category="songreel/lyrics",
            description="Hears the words of a song with Whisper, or finds where known words are sung.",
            inputs=[
                io.Audio.Input("audio", tooltip="The song, or only its voice, from Load Audio."),
                io.String.Input(
                    "text",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="The words, one line a line, where you have them: each line is placed where it is heard, "
                    "and lines that are not heard are named. Empty: the words are heard too.",
                ),
                io.String.Input(
                    "model",
                    default="base",
                    optional=True,
                    tooltip="A Whisper model: tiny, base, small, medium, large-v3 ... as fetched before, or a file or "
                    "folder in the models folder whisper. Larger ones hear better and take longer.",
                ),
                io.String.Input(
                    "language",
                    default="",
                    optional=True,
                    tooltip="Code of the language that is sung, such as en, de, ja. Empty: it is recognised.",
                ),
                io.Combo.Input(
                    "backend",
                    options=list(BACKENDS),
                    default="auto",
                    optional=True,
                    tooltip="auto: faster-whisper where it is installed, else openai-whisper.",
                ),
                *_snap_inputs(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(
        cls, audio, text="", model="base", language="", backend="auto", beat_envelope=None, max_move=0.15
    ) -> io.NodeOutput:
        from ...base.media.audio import samples_of
        from .transcribe import hear_lyrics

        waveform, sample_rate = samples_of(audio)
        host = current()
        progress = host.progress(100)
        lyrics = hear_lyrics(
            waveform,
            sample_rate,
            host=host,
            model=model,
            language=language.strip().lower(),
            text=text,
            backend=backend,
            on_progress=lambda share: progress.update(int(100 * share)),
        )
        return _result(lyrics, None if beat_envelope is None else SongAnalysis.of(beat_envelope), max_move)
