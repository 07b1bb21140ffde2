"""What a user wishes of a story, of one of its shots, or of a timeline of prompts."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.guard import check_prompt
from ..base.settings import Settings, setting

MODES = ("narrative", "literal", "chain")
STYLES = ("cinematic", "realistic", "sketch", "cartoon", "watercolour")
CONTENTS = ("music", "podcast", "voice-over")
FUSIONS = ("off", "switch", "halves", "crossfade")
STORYTELLERS = (OFFLINE, LLM) = "offline", "llm"
SNAP_MODES = ("off", "beat", "downbeat", "onset")


@dataclass(frozen=True)
class World(Settings):
    """In which world and about whom a story is told. vocabulary: JSON of one's own, in place of the style's."""

    style: str = setting(
        "cinematic",
        choices=STYLES,
        tooltip="Look of the pictures: the closing words of every prompt. Choose a checkpoint that suits it.",
    )
    theme: str = setting(
        "",
        tooltip="What the video is about, in a few words, such as: a lighthouse keeper's last night. It calls for "
        "places and colours, and every prompt keeps it in mind.",
    )
    person: str = setting(
        "",
        tooltip="How the main person is written. {PERSON} stands for the person of an identity, filled in when prompts "
        "are encoded. Empty: a figure of the style's own.",
    )
    vocabulary: str = setting(
        "",
        multiline=True,
        advanced=True,
        tooltip="JSON of your own places, colours, weather, figures and views for the offline storyteller, in place of "
        "the style's. The help page shows its form.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("theme", "person"):
            check_prompt(getattr(self, name), name)


@dataclass(frozen=True)
class Wishes(World):
    """What the user wants of a story."""

    mode: str = setting(
        "narrative",
        choices=MODES,
        tooltip="narrative: one story, places of the song's parts come back. literal: a line a shot, each showing what "
        "its words call for. chain: a scene a part, rewritten with what its music is like.",
    )
    person_share: float = setting(
        0.25, low=0.0, high=1.0, step=0.05, tooltip="Share of the shots that show the main person."
    )
    min_seconds: float = setting(1.5, low=0.25, high=30.0, step=0.05, tooltip="No shot is shorter than this.")
    max_seconds: float = setting(
        5.0,
        low=0.5,
        high=120.0,
        step=0.1,
        tooltip="Shots last the most whole bars (else beats) that fit into this; at least 1.5 times min_seconds.",
    )
    content: str = setting(
        "music",
        choices=CONTENTS,
        tooltip="podcast and voice-over: calm pictures that follow the topic, in longer shots.",
    )
    fusion: str = setting(
        "off",
        choices=FUSIONS,
        advanced=True,
        tooltip="Cut at the lines, which lead as long as they last; the music leads elsewhere. switch: at once. "
        "halves: music in the first half of a line, words in the second. crossfade: the words also reach into the "
        "shots beside.",
    )
    negative: str = setting(
        "",
        multiline=True,
        tooltip="What should not be seen. Terms against poor or harmful pictures are always added.",
    )
    storyteller: str = setting(
        OFFLINE,
        choices=STORYTELLERS,
        tooltip="offline: no network, the same story every time. llm: a language model writes the prompts; its key, "
        "address and name come from the environment or the private folder (see help).",
    )
    token_cap: int = setting(
        60000,
        low=1000,
        high=10000000,
        advanced=True,
        tooltip="Most tokens that a run may use of the language model, questions and answers together.",
    )
    seed: int = setting(
        0, low=0, high=0xFFFFFFFFFFFFFFFF, input="story_seed", tooltip="Another number, another story of the same song."
    )
    edits: str = setting(
        "",
        multiline=True,
        tooltip="Lines of the story text, changed by you: a shot's time, then its new prompt. Shots that are not named "
        "stay as they are told.",
    )


@dataclass(frozen=True)
class ShotChange(World):
    """What becomes of one shot of a story; shot counts from 1."""

    shot: int = setting(1, low=1, high=100000, required=True, tooltip="Number of the shot, counted from 1.")
    prompt: str = setting("", multiline=True, tooltip="The new prompt. Empty: it stays.")
    negative: str = setting(
        "",
        multiline=True,
        tooltip="The new negative prompt. Empty: it stays. Terms against poor quality and harmful pictures are always "
        "added.",
    )
    shot_seed: int = setting(
        -1,
        low=-1,
        high=0x7FFFFFFFFFFFFFFF,
        tooltip="The shot's own noise, so that only its picture changes. -1: it stays.",
    )
    variation: int = setting(
        0,
        low=0,
        high=0x7FFFFFFF,
        tooltip="Above 0: the offline storyteller tells this shot anew, same place, colours and mood, another way with "
        "every number. A prompt written here wins.",
    )


@dataclass(frozen=True)
class TimelineSettings(Settings):
    """What is done with timed prompts: their negative prompt, where starts move to, how long shots are split."""

    negative: str = setting(
        "text, watermark, low quality",
        multiline=True,
        tooltip="Negative prompt of every shot: what should not be seen.",
    )
    snap: str = setting(
        "beat",
        choices=SNAP_MODES,
        tooltip="Move each shot's start to the nearest beat, downbeat or onset (for sound effects).",
    )
    max_move: float = setting(
        0.25,
        low=0.0,
        high=10.0,
        step=0.01,
        advanced=True,
        tooltip="Largest move when snapping, in seconds; a start farther from a beat stays where it is.",
    )
    split_beats: int = setting(
        0,
        low=0,
        high=256,
        tooltip="Above 0: a shot of more beats than this is split into parts with the same prompt and new noise, so "
        "that the picture keeps moving. 0 leaves every shot whole.",
    )
