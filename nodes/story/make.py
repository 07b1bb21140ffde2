"""From song, lyrics, mood and captions to a finished story: plan, tell, edit, check."""

from __future__ import annotations

from collections.abc import Callable

from ..base.errors import InputError
from ..base.settings import declared
from ..base.types import SongAnalysis, Story
from ..song.caption.caption import Caption, caption_song
from ..song.emotion.timeline import EmotionTimeline
from ..song.lyrics.language import language_of
from ..song.lyrics.lyrics import Lyrics
from .compose import CountTokens
from .edit import apply_edits
from .fusion import fuse
from .limit import beyond_limit, shortened_note
from .scenes import Scene, scenes_of
from .settings import Wishes
from .shot_times import plan_shots
from .teller import tell
from .vocabulary import Vocabulary

# Speech is shown in longer shots.
_SPEECH_LENGTH = 1.6

# Replaces the prompts of a story, as far as it can: (scenes, story, notes) -> story.
Writer = Callable[[list[Scene], Story, list[str]], Story]


def make_story(
    song: SongAnalysis,
    vocabulary: Vocabulary,
    wishes: Wishes,
    *,
    count: CountTokens,
    lyrics: Lyrics | None = None,
    emotion: EmotionTimeline | None = None,
    captions: tuple[Caption, ...] = (),
    writer: Writer | None = None,
) -> tuple[Story, tuple[str, ...]]:
    """Make the story of a song.

    Parameters
    ----------
    song : clock, beats, parts
    vocabulary : what the offline storyteller can show
    wishes : what the user wants
    count : CLIP's tokens of a text
    lyrics, emotion, captions : what else is known; captions are made where there are none
    writer : writes the prompts anew (a language model); the offline story is what it falls back on

    Returns
    -------
    story : shots without gaps, from 0 to the song's duration
    notes : what was left out, repaired or guessed, one sentence each
    """
    lyrics = None if lyrics is None else lyrics.until(song.duration)
    notes = list(lyrics.notes) if lyrics is not None else []
    if emotion is not None and abs(emotion.duration - song.duration) > 1.0:
        raise InputError(
            f"The emotion is of another song: it lasts {emotion.duration:.1f} s, the song {song.duration:.1f} s; "
            "connect the same audio to both nodes."
        )
    speech = wishes.content != "music"
    longest = declared(Wishes)["max_seconds"].high
    assert longest is not None, "max_seconds is declared with a range"
    shots = plan_shots(
        song,
        emotion=None if speech else emotion,
        lyrics=lyrics,
        min_seconds=wishes.min_seconds,
        max_seconds=min(wishes.max_seconds * _SPEECH_LENGTH, longest) if speech else wishes.max_seconds,
        line_a_shot=wishes.mode == "literal" or wishes.fusion != "off",
    )
    captions = captions or caption_song(song, emotion=emotion, lyrics=lyrics)
    scenes = scenes_of(shots, song, lyrics=lyrics, emotion=emotion, captions=captions, calm=speech)
    if wishes.fusion != "off":
        scenes = fuse(scenes, lyrics, wishes.fusion, shortest=max(wishes.min_seconds, 2 / float(song.fps)))
    shortened: list[tuple[int, tuple[str, ...]]] = []
    story = tell(
        scenes,
        vocabulary,
        count=count,
        mode=wishes.mode,
        theme=wishes.theme,
        person=wishes.person,
        person_share=wishes.person_share,
        negative=wishes.negative,
        seed=wishes.seed,
        on_drop=lambda number, parts: shortened.append((number, parts)),
    )
    if shortened:
        notes.append(shortened_note(shortened, len(scenes)))
    if writer is not None:
        story = writer(scenes, story, notes)
    elif lyrics is not None and (language := _foreign(lyrics)):
        notes.append(
            f"The lyrics are not English ({language}): the offline storyteller knows English words only, so "
            "they do not choose the places. A language model can use them."
        )
    if wishes.edits.strip():
        story = apply_edits(story, wishes.edits)
    return story, (*notes, *beyond_limit(story, count))


def _foreign(lyrics: Lyrics) -> str:
    """The code of the lyrics' language where it is known and not English; else empty."""
    told = language_of("\n".join(line.text for line in lyrics.lines)) or lyrics.language
    return "" if told.lower().startswith("en") else told
