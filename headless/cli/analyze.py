"""The command `analyze`: what is heard in a song."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from songreel.nodes.base.errors import InputError
from songreel.nodes.base.media.files import atomic_path

from ..host import HeadlessHost
from ..workflow.options import UsageError
from .common import (
    DONE,
    Bootstrap,
    add_json,
    add_song,
    json_target,
    prepare_output,
    song_file,
    write_picture,
    write_text,
)


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `analyze` to the command line."""
    analyze = commands.add_parser("analyze", parents=parents, help="what is heard in a song, as JSON")
    add_song(analyze)
    add_json(analyze)
    analyze.add_argument("--plot", type=Path, metavar="OUT.png", help="picture of waveform, envelope and beats")
    analyze.add_argument("--click", type=Path, metavar="OUT.wav", help="the song with a click on every beat")
    analyze.add_argument("--fps", default="24", metavar="N", help="frames per second of the curves (24)")
    analyze.set_defaults(run=_analyze)


def _analyze(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.base.timing import snap_fps
    from songreel.nodes.song.audio.cache import cached_analysis
    from songreel.nodes.song.audio.clicks import with_clicks
    from songreel.nodes.song.audio.plot import plot_analysis

    try:
        fps = snap_fps(args.fps)
    except InputError as error:
        raise UsageError(str(error)) from None
    out = json_target(args.json)
    plot = None if args.plot is None else prepare_output(args.plot)
    click = None if args.click is None else prepare_output(args.click)
    host = HeadlessHost()
    waveform, sample_rate = read_audio(song_file(args.song, host))
    analysis = cached_analysis(waveform, sample_rate, fps=fps, folder=host.cache_dir())
    if plot is not None:
        write_picture(plot_analysis(waveform, sample_rate, analysis), plot)
    if click is not None:
        mix = with_clicks(waveform, sample_rate, analysis.beats, analysis.downbeats)
        _write_wav(mix, sample_rate, click)
    write_text(analysis.to_text(), out)
    return DONE


def _write_wav(samples: np.ndarray, sample_rate: int, out: Path) -> None:
    """Write float32 (channels, samples) as 16 bits, as a whole."""
    import wave

    with atomic_path(out) as part, wave.open(str(part), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((samples.T * 32767).astype("<i2").tobytes())
