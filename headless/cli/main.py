"""The whole command line: `main` runs a command and gives its exit status."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback

from songreel.nodes.base.errors import InputError

from ..host import Interrupted
from ..workflow.options import UsageError
from . import analyze, catalogue, identities, metrics, render, story, train
from .common import FAILED, INTERRUPTED, USAGE, Bootstrap, Parser, say

# In the order in which help lists them.
COMMANDS = (render, analyze, story, train, metrics, identities, catalogue)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    debug = Parser(add_help=False)
    debug.add_argument("--debug", action="store_true", help="show where an error came from")
    top = Parser(
        prog="python -m headless",
        description="Turn a song into a beat-synchronised video, without ComfyUI or on a running one.",
        epilog="Exit status: 0 done, 1 the job failed, 2 wrong usage (nothing was run), 130 interrupted.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for module in COMMANDS:
        module.add(commands, [debug])
    return top


def main(argv: list[str], bootstrap: Bootstrap) -> int:
    """Run a command and return its exit status."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as ended:
        return int(ended.code or 0)
    try:
        return args.run(args, bootstrap)
    except (Interrupted, KeyboardInterrupt):
        return say("Interrupted; what is finished is kept, the same command goes on from there.", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has closed it; nothing is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if args.debug:
            traceback.print_exc()
        return say(*_told(error))


def _told(error: Exception) -> tuple[str, int]:
    """What to tell about an error, and the exit status."""
    from ..workflow.executor import NodeError
    from ..workflow.validate import WorkflowError

    if isinstance(error, (UsageError, WorkflowError)):
        return str(error), USAGE
    if isinstance(error, (InputError, NodeError)):
        return str(error), FAILED
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    # safetensors tells of a full disk in words only.
    if full or "No space left on device" in str(error):
        return "The disk is full; free some space and run the same command again.", FAILED
    detail = " ".join(str(error).split()) or "no further word"
    return f"{type(error).__name__}: {detail} (--debug shows where).", FAILED
