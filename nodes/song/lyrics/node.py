"""ComfyUI faces of the lyrics stage."""

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.notes import shown
from ...base.settings import from_inputs
from ...base.types import SongAnalysis
from ...host import current
from .lyrics import Lyrics
from .settings import HearSettings, ReadSettings, SnapSettings


def _snap_inputs() -> list:
    return [
        io.Custom(SongAnalysis.io_type).Input(
            "beat_envelope",
            optional=True,
            tooltip="What Audio Beat Envelope heard: lines snap to its beats, and lines after the song's end are left "
            "out.",
        ),
        *inputs_of(io, SnapSettings),
    ]


def _outputs() -> list:
    return [
        io.Custom(Lyrics.io_type).Output("lyrics", display_name="lyrics", tooltip="Lines with their times."),
        io.String.Output("lrc", display_name="lrc", tooltip="The same as LRC text, to read, correct or save."),
        io.String.Output("srt", display_name="srt", tooltip="The same as subtitles (SRT), for players and editors."),
    ]


def _result(lyrics: Lyrics, song: SongAnalysis | None, given: dict) -> io.NodeOutput:
    from .tidy import snap, to_lrc, to_srt

    max_move = from_inputs(SnapSettings, given).max_move
    if song is not None:
        lyrics = snap(lyrics.until(song.duration), song.beats, max_move=max_move)
    text = to_lrc(lyrics)
    return io.NodeOutput(lyrics, text, to_srt(lyrics), ui=shown(text or "no lyrics", notes=lyrics.notes))


class LoadLyrics(io.ComfyNode):
    """Text -> LYRICS."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadLyrics",
            display_name="Load Lyrics",
            category="songreel/song",
            description="Reads lyrics: LRC, SRT, VTT, SBV, ASS, tables, JSON, times before lines, or plain text.",
            inputs=[
                io.String.Input(
                    "text",
                    default="",
                    multiline=True,
                    tooltip="The lyrics, pasted. LRC, subtitles and tables carry times; plain text is spread over the "
                    "song, which is a guess (Transcribe Lyrics hears where it is sung). Empty: an instrumental.",
                ),
                *inputs_of(io, ReadSettings),
                *_snap_inputs(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, text, beat_envelope=None, **given) -> io.NodeOutput:
        from .parse import parse_lyrics
        from .tidy import sung_span

        song = None if beat_envelope is None else SongAnalysis.of(beat_envelope)
        form = from_inputs(ReadSettings, given).form
        span = None if song is None else sung_span(song)
        lyrics = parse_lyrics(text, form=form, duration=None if song is None else song.duration, span=span)
        return _result(lyrics, song, given)


class TranscribeLyrics(io.ComfyNode):
    """AUDIO (and its words, where they are known) -> LYRICS."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TranscribeLyrics",
            display_name="Transcribe Lyrics",
            category="songreel/song",
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
                *inputs_of(io, HearSettings),
                *_snap_inputs(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, audio, text="", beat_envelope=None, **given) -> io.NodeOutput:
        from ...base.media.audio import samples_of
        from .transcribe import hear_lyrics

        host = current()
        progress = host.progress(100)
        lyrics = hear_lyrics(
            *samples_of(audio),
            from_inputs(HearSettings, given),
            host=host,
            text=text,
            on_progress=lambda share: progress.update(int(100 * share)),
        )
        return _result(lyrics, None if beat_envelope is None else SongAnalysis.of(beat_envelope), given)
