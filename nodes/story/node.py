"""ComfyUI face of the story stage."""

from comfy_api.latest import io

from ..base.node_inputs import inputs_of
from ..base.notes import shown
from ..base.settings import from_inputs
from ..base.types import SongAnalysis, Story
from ..host import current
from ..song.emotion.timeline import EmotionTimeline
from ..song.lyrics.lyrics import Lyrics
from .limit import beyond_limit
from .settings import ShotChange, TimelineSettings, Wishes, World
from .timed_prompts import read_timeline, timeline_text


class PromptTimeline(io.ComfyNode):
    """Timed prompts -> STORY."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PromptTimeline",
            display_name="Prompt Timeline",
            category="songreel/story",
            description="Turns lines of text, each a time and a prompt, into the shots of a music video.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input(
                    "beat_envelope", tooltip="What Audio Beat Envelope heard: it gives the duration and the beats."
                ),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="a misty harbour at dawn\na city of glass towers at noon\nthe open sea under the stars",
                    tooltip="One shot a line: a time, then the prompt. Times: 0:12, 12.5s, beat 16, downbeat 4, "
                    "frame 120 (beats and frames count from 0). When no line has a time, the lines share the song "
                    "evenly. # starts a comment.",
                ),
                *inputs_of(io, TimelineSettings),
            ],
            outputs=[
                io.Custom(Story.io_type).Output(
                    "story", display_name="story", tooltip="The shots, covering the whole song."
                ),
                io.String.Output(
                    "frames_text",
                    display_name="frames_text",
                    tooltip="The shots as 'frame N: prompt' lines, for other nodes.",
                ),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, text, **given) -> io.NodeOutput:
        # A program's call that leaves it out has always meant none; the default is what the widget shows.
        song, settings = SongAnalysis.of(beat_envelope), from_inputs(TimelineSettings, {"negative": ""} | given)
        story, notes = read_timeline(text, song, **settings.to_json())
        notes = (*notes, *beyond_limit(story, current().count_tokens))
        frames = timeline_text(story, song.fps)
        return io.NodeOutput(story, frames, ui=shown(frames, notes=notes))


class LyricsToStoryPrompts(io.ComfyNode):
    """Lyrics, mood and music -> STORY."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LyricsToStoryPrompts",
            display_name="Lyrics To Story Prompts",
            category="songreel/story",
            # So that a run shows the story also when this node is in ComfyUI's cache.
            is_output_node=True,
            description="Tells a song's story in shots: cut at its parts and on beats, with places, colours and people "
            "that follow words, mood and music. Needs no language model, and can use one.",
            inputs=[
                io.Custom(SongAnalysis.io_type).Input(
                    "beat_envelope", tooltip="What Audio Beat Envelope heard: duration, beats, parts of the song."
                ),
                io.Custom(Lyrics.io_type).Input(
                    "lyrics", optional=True, tooltip="From Load Lyrics or Transcribe Lyrics. Without: instrumental."
                ),
                io.Custom(EmotionTimeline.io_type).Input(
                    "emotion", optional=True, tooltip="From Music Emotion: colours, poses and views follow the mood."
                ),
                io.String.Input(
                    "captions",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="From Music Caption, or lines of your own: a time, then what the music is like. Empty: "
                    "they are made here.",
                ),
                *inputs_of(io, Wishes),
            ],
            outputs=[
                io.Custom(Story.io_type).Output("story", display_name="story", tooltip="The shots, covering the song."),
                io.String.Output(
                    "story_text",
                    display_name="story_text",
                    tooltip="The story to read: times, prompts, lines, moods. Put changed lines into edits.",
                ),
                io.String.Output(
                    "report", display_name="report", tooltip="What was left out, repaired or guessed, a line each."
                ),
            ],
        )

    @classmethod
    def execute(cls, beat_envelope, lyrics=None, emotion=None, captions="", **given) -> io.NodeOutput:
        from ..song.caption.caption import parse_captions
        from .edit import story_table, story_text
        from .llm import writer_of
        from .make import make_story
        from .vocabulary import vocabulary_of

        song, host, wishes = SongAnalysis.of(beat_envelope), current(), from_inputs(Wishes, given)
        story, notes = make_story(
            song,
            vocabulary_of(wishes.vocabulary, wishes.style),
            wishes,
            count=host.count_tokens,
            lyrics=None if lyrics is None else Lyrics.of(lyrics),
            emotion=None if emotion is None else EmotionTimeline.of(emotion),
            captions=parse_captions(captions, song.duration),
            writer=writer_of(wishes, host),
        )
        text = story_text(story)
        return io.NodeOutput(
            story, text, "\n".join(notes), ui=shown(text, notes=notes) | {"songreel_story": [story_table(story)]}
        )


class StoryShot(io.ComfyNode):
    """STORY -> STORY with one shot changed."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="StoryShot",
            display_name="Story Shot",
            category="songreel/story",
            description="Changes one shot of a story: its prompt, negative prompt or noise, or tells it anew.",
            inputs=[
                io.Custom(Story.io_type).Input("story", tooltip="From Lyrics To Story Prompts or Prompt Timeline."),
                *inputs_of(io, ShotChange, "shot", "prompt", "negative", "shot_seed", "variation"),
                *inputs_of(io, World),
            ],
            outputs=[
                io.Custom(Story.io_type).Output(
                    "changed", display_name="story", tooltip="The story with the changed shot."
                ),
                io.String.Output("shot_prompt", display_name="shot_prompt", tooltip="The shot's prompt as it is now."),
            ],
        )

    @classmethod
    def execute(cls, story, **given) -> io.NodeOutput:
        from .shot import changed_shot

        change = from_inputs(ShotChange, given)
        count = current().count_tokens
        changed, shot = changed_shot(Story.of(story), change, count=count)
        return io.NodeOutput(
            changed, shot.prompt, ui=shown(shot.prompt, notes=beyond_limit(changed, count, only=change.shot))
        )
