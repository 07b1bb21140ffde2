"""The command `metrics`: how often a verified person is in a video."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from songreel.nodes.film.metrics.settings import MetricsSettings

from ..host import HeadlessHost, InputError
from ..workflow.options import UsageError
from .common import DONE, Bootstrap, json_target, prepare_output, write_picture, write_text
from .setting_options import add_settings


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `metrics` to the command line."""
    command = commands.add_parser("metrics", parents=parents, help="how often a captured person is in a video, as JSON")
    command.add_argument("video", metavar="VIDEO", type=Path, help="mp4, webm or mov file")
    command.add_argument("--identity", required=True, metavar="ID", help="record id of the person")
    command.add_argument("--json", required=True, metavar="OUT", help="JSON file, or - for standard output")
    command.add_argument("--plot", type=Path, metavar="OUT.png", help="picture of the distances over time")
    add_settings(command, MetricsSettings, "every", "allow_reduced")
    command.set_defaults(run=_metrics)


def _metrics(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.film.metrics.plot import plot_likeness

    try:
        settings = MetricsSettings(every=args.every, allow_reduced=args.allow_reduced)
    except InputError as error:
        raise UsageError(str(error)) from None
    if not args.video.is_file():
        raise UsageError(f"There is no video '{args.video}'; check the name and the folder.")
    out = json_target(args.json)
    plot = None if args.plot is None else prepare_output(args.plot)
    host = HeadlessHost()
    with host.catching_ctrl_c():
        try:
            likeness = _measured(args, host, settings)
        finally:
            host.close_line()
    if plot is not None:
        write_picture(plot_likeness(likeness), plot)
    text = likeness.to_text()
    write_text(text, out)
    sys.stderr.write(likeness.report() + "\n")
    return DONE


def _measured(args: argparse.Namespace, host: HeadlessHost, settings: MetricsSettings) -> Any:
    from songreel.nodes.film.metrics.search import look_for
    from songreel.nodes.film.metrics.video_frames import frames_of_file
    from songreel.nodes.person.charcha import store

    record = store.load_identity(host, args.identity, allow_reduced=settings.allow_reduced)
    return look_for(host, record, frames_of_file(args.video), settings)
