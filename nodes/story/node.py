"""ComfyUI face of the story stage."""

from ..base.types import SongAnalysis, Story
from ..host import current
from ..song.emotion.timeline import EmotionTimeline
from ..song.lyrics.lyrics import Lyrics
from .timed_prompts import SNAP_MODES, parse_timeline, timeline_text
from comfy_api.latest import io

# As in the modules that do the work, which import more than ComfyUI's start should pay for.
MODES = ("narrative", "literal", "chain")
STYLES = ("cinematic", "realistic", "sketch", "cartoon", "watercolour")
CONTENTS = ("music", "podcast", "voice-over")
FUSIONS = ("off", "switch", "halves", "crossfade")
STORYTELLERS = ("offline", "llm")


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
                io.String.Input(
                    "negative",
                    multiline=True,
                    default="text, watermark, low quality",
                    optional=True,
                    tooltip="Negative prompt of every shot: what should not be seen.",
                ),
                io.Combo.Input(
                    "snap",
                    options=list(SNAP_MODES),
                    default="beat",
                    optional=True,
                    tooltip="Move each shot's start to the nearest beat or downbeat.",
                ),
                io.Float.Input(
                    "max_move",
                    default=0.25,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    optional=True,
                    tooltip="Largest move when snapping, in seconds; a start farther from a beat stays where it is.",
                ),
                io.Int.Input(
                    "split_beats",
                    default=0,
                    min=0,
                    max=256,
                    optional=True,
                    tooltip="Above 0: a shot of more beats than this is split into parts with the same prompt and new "
                    "noise, so that the picture keeps moving. 0 leaves every shot whole.",
                ),
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
    def execute(cls, beat_envelope, text, negative="", snap="beat", max_move=0.25, split_beats=0) -> io.NodeOutput:
        song = SongAnalysis.of(beat_envelope)
        story = parse_timeline(text, song, negative=negative, snap=snap, max_move=max_move, split_beats=split_beats)
        return io.NodeOutput(story, timeline_text(story, song.fps))


def _style_inputs() -> list:
    """What says in which world and about whom a story is told."""
    return [
        io.Combo.Input(
            "style",
            options=list(STYLES),
            default="cinematic",
            optional=True,
            tooltip="Look of the pictures: the closing words of every prompt. Choose a checkpoint that suits it.",
        ),
        io.String.Input(
            "theme",
            default="",
            optional=True,
            tooltip="What the video is about, in a few words, such as: a lighthouse keeper's last night. It calls for "
            "places and colours, and every prompt keeps it in mind.",
        ),
        io.String.Input(
            "person",
            default="",
            optional=True,
            tooltip="How the main person is written. {PERSON} stands for the person of an identity, filled in when "
            "prompts are encoded. Empty: a figure of the style's own.",
        ),
        io.String.Input(
            "vocabulary",
            default="",
            multiline=True,
            optional=True,
            tooltip="JSON of your own places, colours, weather, figures and views for the offline storyteller, in "
            "place of the style's. The help page shows its form.",
        ),
    ]


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
                *_style_inputs(),
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default="narrative",
                    optional=True,
                    tooltip="narrative: one story, places of the song's parts come back. literal: a line a shot, each "
                    "showing what its words call for. chain: a scene a part, rewritten with what its music is like.",
                ),
                io.Float.Input(
                    "person_share",
                    default=0.25,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Share of the shots that show the main person.",
                ),
                io.Float.Input(
                    "min_seconds",
                    default=1.5,
                    min=0.25,
                    max=30.0,
                    step=0.05,
                    optional=True,
                    tooltip="No shot is shorter than this.",
                ),
                io.Float.Input(
                    "max_seconds",
                    default=5.0,
                    min=0.5,
                    max=120.0,
                    step=0.1,
                    optional=True,
                    tooltip="Shots last the most whole bars (else beats) that fit into this; at least 1.5 times "
                    "min_seconds.",
                ),
                io.Combo.Input(
                    "content",
                    options=list(CONTENTS),
                    default="music",
                    optional=True,
                    tooltip="podcast and voice-over: calm pictures that follow the topic, in longer shots.",
                ),
                io.Combo.Input(
                    "fusion",
                    options=list(FUSIONS),
                    default="off",
                    optional=True,
                    tooltip="Cut at the lines, which lead as long as they last; the music leads elsewhere. switch: at "
                    "once. halves: music in the first half of a line, words in the second. crossfade: the words also "
                    "reach into the shots beside.",
                ),
                io.String.Input(
                    "negative",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="What should not be seen. Terms against poor or harmful pictures are always added.",
                ),
                io.Combo.Input(
                    "storyteller",
                    options=list(STORYTELLERS),
                    default="offline",
                    optional=True,
                    tooltip="offline: no network, the same story every time. llm: a language model writes the prompts; "
                    "its key, address and name come from the environment or the private folder (see help).",
                ),
                io.Int.Input(
                    "token_cap",
                    default=60000,
                    min=1000,
                    max=10000000,
                    optional=True,
                    tooltip="Most tokens that a run may use of the language model, questions and answers together.",
                ),
                io.Int.Input(
                    "story_seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    optional=True,
                    tooltip="Another number, another story of the same song.",
                ),
                io.String.Input(
                    "edits",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="Lines of the story text, changed by you: a shot's time, then its new prompt. Shots that "
                    "are not named stay as they are told.",
                ),
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
    def execute(
        cls,
        beat_envelope,
        lyrics=None,
        emotion=None,
        captions="",
        style="cinematic",
        theme="",
        person="",
        vocabulary="",
        mode="narrative",
        person_share=0.25,
        min_seconds=1.5,
        max_seconds=5.0,
        content="music",
        fusion="off",
        negative="",
        storyteller="offline",
        token_cap=60000,
        story_seed=0,
        edits="",
    ) -> io.NodeOutput:
        from ..song.caption.caption import parse_captions
        from .edit import story_text
        from .make import Wishes, make_story
        from .vocabulary import vocabulary_of

        song, host = SongAnalysis.of(beat_envelope), current()
        wishes = Wishes(
            theme, mode, content, person, person_share, min_seconds, max_seconds, negative, fusion, edits, story_seed
        )
        story, notes = make_story(
            song,
            vocabulary_of(vocabulary, style),
            wishes,
            count=host.count_tokens,
            lyrics=None if lyrics is None else Lyrics.of(lyrics),
            emotion=None if emotion is None else EmotionTimeline.of(emotion),
            captions=parse_captions(captions, song.duration),
            writer=_writer(storyteller, wishes, style, token_cap),
        )
        text = story_text(story)
        return io.NodeOutput(
            story, text, "\n".join(notes), ui={"text": [text, *notes], "songreel_story": [_table(story)]}
        )


def _table(story: Story) -> dict:
    """What the page shows of a story."""
    from ..song.emotion.timeline import COLOURS, NEUTRAL

    return {
        "shots": [
            {
                "start": shot.start,
                "end": shot.end,
                "lyric": shot.lyric,
                "emotion": shot.emotion,
                "colour": COLOURS.get(shot.emotion, COLOURS[NEUTRAL]),
                "prompt": " ".join(shot.prompt.split()),
                "by_hand": bool(shot.record.get("by_hand", False)),
            }
            for shot in story.shots
        ]
    }


def _writer(storyteller: str, wishes, style: str, token_cap: int):
    """What writes the prompts anew, None for the offline storyteller."""
    from ..base.errors import InputError

    if storyteller not in STORYTELLERS:
        raise InputError(f"storyteller must be one of {', '.join(STORYTELLERS)}, got '{storyteller}'.")
    if storyteller == "offline":
        return None
    from .llm import LlmWriter, settings_of

    return LlmWriter(settings_of(current()), wishes, style, token_cap=token_cap, host=current())


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
                io.Int.Input("shot", default=1, min=1, max=100000, tooltip="Number of the shot, counted from 1."),
                io.String.Input(
                    "prompt", default="", multiline=True, optional=True, tooltip="The new prompt. Empty: it stays."
                ),
                io.String.Input(
                    "negative",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="The new negative prompt. Empty: it stays. Terms against poor quality and harmful pictures "
                    "are always added.",
                ),
                io.Int.Input(
                    "shot_seed",
                    default=-1,
                    min=-1,
                    max=0x7FFFFFFFFFFFFFFF,
                    optional=True,
                    tooltip="The shot's own noise, so that only its picture changes. -1: it stays.",
                ),
                io.Int.Input(
                    "variation",
                    default=0,
                    min=0,
                    max=0x7FFFFFFF,
                    optional=True,
                    tooltip="Above 0: the offline storyteller tells this shot anew, same place, colours and mood, "
                    "another way with every number. A prompt written here wins.",
                ),
                *_style_inputs(),
            ],
            outputs=[
                io.Custom(Story.io_type).Output(
                    "changed", display_name="story", tooltip="The story with the changed shot."
                ),
                io.String.Output("shot_prompt", display_name="shot_prompt", tooltip="The shot's prompt as it is now."),
            ],
        )

    @classmethod
    def execute(
        cls,
        story,
        shot,
        prompt="",
        negative="",
        shot_seed=-1,
        variation=0,
        style="cinematic",
        theme="",
        person="",
        vocabulary="",
    ) -> io.NodeOutput:
        from ..base.errors import InputError
        from ..base.guard import check_prompt, guarded_negative
        from .edit import edited
        from .teller import retell
        from .vocabulary import vocabulary_of

        story = Story.of(story)
        if not 1 <= shot <= len(story.shots):
            raise InputError(f"There is no shot {shot}; the story has shots 1 to {len(story.shots)}.")
        check_prompt(f"{prompt} {theme} {person}", f"shot {shot}")
        if variation:
            told = vocabulary_of(vocabulary, style)
            story = retell(story, shot, told, count=current().count_tokens, theme=theme, person=person, seed=variation)
        shots = list(story.shots)
        shots[shot - 1] = edited(
            shots[shot - 1],
            prompt=" ".join(prompt.split()) or None,
            negative=guarded_negative(negative) if negative.strip() else None,
            seed=None if shot_seed < 0 else shot_seed,
        )
        return io.NodeOutput(Story(tuple(shots)), shots[shot - 1].prompt, ui={"text": [shots[shot - 1].prompt]})
