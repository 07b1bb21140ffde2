"""The commands `charcha` and `identities`: capture a person, and list, revoke or delete who was captured."""

from __future__ import annotations

import argparse
import errno
import sys
import time
from pathlib import Path
from typing import Any

from ..host import HeadlessHost
from ..workflow.options import UsageError
from .common import DONE, Bootstrap, print_json, say


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `charcha` and `identities` to the command line."""
    charcha = commands.add_parser("charcha", parents=parents, help="serve the capture page on this computer")
    charcha.add_argument("--port", type=int, default=8189, metavar="N", help="port on loopback (8189); 0 takes any")
    charcha.set_defaults(run=_charcha)

    identities = commands.add_parser("identities", parents=parents, help="list, revoke or delete captured persons")
    identities.add_argument("do", choices=("list", "revoke", "delete"), help="what to do")
    identities.add_argument("record", nargs="?", metavar="ID", help="the record, for revoke and delete")
    identities.add_argument("--json", action="store_true", help="the list as JSON")
    identities.add_argument("--home", type=Path, metavar="DIR", help="folder of records; ComfyUI's is user/__songreel")
    identities.set_defaults(run=_identities)


def _charcha(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from .charcha_page import serve

    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port must be 0 to 65535, got {args.port}.")
    host = HeadlessHost()
    bootstrap(host)
    try:
        serve(host, args.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise UsageError(f"Port {args.port} is in use; give another with --port.") from None
    return DONE


def _identities(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.person.charcha.store import IdentityStore

    if (args.record is None) != (args.do == "list"):
        raise UsageError(f"'identities {args.do}' takes {'no' if args.do == 'list' else 'the'} id of a record.")
    folder = HeadlessHost().private_dir() if args.home is None else args.home
    if not folder.is_dir():
        raise UsageError(f"There is no folder '{folder}'; check the name.")
    store = IdentityStore(folder / "charcha")
    if args.do == "list":
        entries = store.entries()
        if args.json:
            return print_json(entries)
        for entry in entries:
            day = time.strftime("%Y-%m-%d", time.gmtime(entry["expires"])) if "expires" in entry else ""
            name = f"{entry.get('token', '')} ({entry['class_word']})" if "class_word" in entry else ""
            sys.stdout.write(f"{entry['id']}  {entry['state']:8}  {name:28}  {day}\n")
        return DONE
    if args.do == "revoke":
        store.revoke(args.record)
        return say("Revoked: no node uses this identity any more. Its pictures stay until you delete it.", DONE)
    left = store.delete(args.record)
    changed = f" These files were changed since and are left: {', '.join(left)}." if left else ""
    return say(f"Deleted: pictures, training data and known LoRA files.{changed} Copies elsewhere still work.", DONE)
