"""The commands that end before the picture: what is sung, what it feels like, what the video will tell."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from songreel.nodes.base.errors import InputError
from songreel.nodes.song.emotion.settings import EmotionSettings
from songreel.nodes.song.lyrics.settings import HearSettings
from songreel.nodes.story.settings import Wishes

from ..host import HeadlessHost
from ..workflow.options import UsageError
from .common import (
    DONE,
    Bootstrap,
    add_json,
    add_song,
    json_target,
    prepare_output,
    read_text,
    song_file,
    write_picture,
    write_text,
)
from .setting_options import add_settings, given_settings

STORY_OPTIONS = ("theme", "style", "mode", "seed")


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `lyrics`, `emotion` and `story` to the command line."""
    lyrics = _command(commands, parents, "lyrics", "when the words of a song are sung, as JSON")
    lyrics.add_argument("--text", type=Path, metavar="FILE", help="lyrics with times to read, or without to be placed")
    add_settings(lyrics, HearSettings, "model", "language")
    lyrics.set_defaults(run=_lyrics)

    emotion = _command(commands, parents, "emotion", "a song's mood over time, as JSON")
    add_settings(emotion, EmotionSettings, "model")
    emotion.add_argument("--plot", type=Path, metavar="OUT.png", help="picture of the mood")
    emotion.set_defaults(run=_emotion)

    story = _command(commands, parents, "story", "the shots of a song's video, as JSON")
    story.add_argument("--lyrics", type=Path, metavar="FILE", help="text, LRC, SRT, VTT or CSV file with the lyrics")
    add_settings(story, Wishes, *STORY_OPTIONS)
    story.add_argument("--vocabulary", type=Path, metavar="FILE", help="JSON of the places and colours of the story")
    story.add_argument("--fps", default="24", metavar="N", help="frames per second (24)")
    story.add_argument("--text", type=Path, metavar="OUT.txt", help="the story to read and edit")
    story.set_defaults(run=_story)


def _command(commands: Any, parents: list[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, parents=parents, help=text)
    add_song(command)
    add_json(command)
    return command


def _heard(args: argparse.Namespace, host: HeadlessHost) -> tuple[Any, int]:
    from songreel.nodes.base.media.audio import read_audio

    return read_audio(song_file(args.song, host))


def _written(args: argparse.Namespace, out: Path | None, value: Any) -> int:
    text = value.to_text()
    write_text(text, out)
    return DONE


def _lyrics(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    out, host = json_target(args.json), HeadlessHost()
    text = "" if args.text is None else read_text(args.text, "lyrics file")
    waveform, rate = _heard(args, host)
    duration = waveform.shape[-1] / rate
    from songreel.nodes.song.lyrics import parse

    if text and parse.detect(text) != "plain":
        return _written(args, out, parse.parse_lyrics(text, duration=duration))
    from songreel.nodes.song.lyrics import transcribe

    model = args.model
    if Path(model).exists():
        model = host.register("whisper", Path(model).resolve())
    hearing = HearSettings(model=model, language=args.language)
    with host.catching_ctrl_c():
        lyrics = transcribe.hear_lyrics(waveform, rate, hearing, text=text, host=host)
    return _written(args, out, lyrics)


def _emotion(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.song.audio.cache import cached_analysis
    from songreel.nodes.song.emotion.hear import hear_emotion
    from songreel.nodes.song.emotion.plot import plot_emotion

    out, host = json_target(args.json), HeadlessHost()
    plot = None if args.plot is None else prepare_output(args.plot)
    waveform, rate = _heard(args, host)
    song = None
    if args.model == "rules":
        song = cached_analysis(waveform, rate, fps=24, folder=host.cache_dir())
    emotion = hear_emotion(waveform, rate, EmotionSettings(model=args.model), song=song)
    if plot is not None:
        write_picture(plot_emotion(emotion), plot)
    return _written(args, out, emotion)


def _story(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.base.timing import snap_fps
    from songreel.nodes.song.audio.cache import cached_analysis
    from songreel.nodes.song.emotion.hear import hear_emotion
    from songreel.nodes.song.lyrics.parse import parse_lyrics
    from songreel.nodes.story import make, vocabulary
    from songreel.nodes.story.edit import story_text

    try:
        fps = snap_fps(args.fps)
        own = "" if args.vocabulary is None else read_text(args.vocabulary, "vocabulary")
        wishes = Wishes(vocabulary=own, **given_settings(args, *STORY_OPTIONS))
        world = vocabulary.vocabulary_of(wishes.vocabulary, wishes.style)
    except InputError as error:
        raise UsageError(str(error)) from None
    out, host = json_target(args.json), HeadlessHost()
    readable = None if args.text is None else prepare_output(args.text)
    words = "" if args.lyrics is None else read_text(args.lyrics, "lyrics file")
    waveform, rate = _heard(args, host)
    song = cached_analysis(waveform, rate, fps=fps, folder=host.cache_dir())
    emotion = hear_emotion(waveform, rate, song=song)
    from songreel.nodes.song.lyrics import tidy

    lyrics = tidy.snap(parse_lyrics(words, duration=song.duration, span=tidy.sung_span(song)), song.beats)
    for note in lyrics.notes:
        host.show_line(note, keep=True)
    story, notes = make.make_story(song, world, wishes, count=host.count_tokens, lyrics=lyrics, emotion=emotion)
    for note in notes:
        host.show_line(note, keep=True)
    if readable is not None:
        write_text(story_text(story), readable)
    return _written(args, out, story)
