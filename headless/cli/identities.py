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
from .common import DONE, Bootstrap, print_json, read_text, say

_REVOKED = (
    "Revoked: no node of this pack uses this identity any more, and its locked LoRAs stay shut. Open LoRA files and "
    "the pictures stay until you delete it."
)


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `charcha` and `identities` to the command line."""
    charcha = commands.add_parser("charcha", parents=parents, help="serve the capture page on this computer")
    charcha.add_argument("--port", type=int, default=8189, metavar="N", help="port on loopback (8189); 0 takes any")
    charcha.set_defaults(run=_charcha)

    identities = commands.add_parser(
        "identities", parents=parents, help="list, revoke, delete or accept captured persons"
    )
    identities.add_argument("do", choices=("list", "revoke", "delete", "accept"), help="what to do")
    identities.add_argument("record", nargs="?", metavar="ID", help="the record; not for list")
    identities.add_argument(
        "--owner-key-file", type=Path, metavar="FILE", help="holds the key that the person was shown; for accept"
    )
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
        return say(_REVOKED, DONE)
    if args.do == "accept":
        return _accept(store, args.record, args.owner_key_file)
    left = store.delete(args.record)
    changed = f" These files were changed since or could not be removed: {', '.join(left)}." if left else ""
    videos = store.finished(args.record)
    kept = f" Finished videos are left to you: {', '.join(videos)}." if videos else ""
    text = f"Deleted: pictures, training data, known LoRA files and unfinished videos.{changed}{kept}"
    return say(f"{text} Copies elsewhere still work.", DONE)


def _accept(store: Any, record: str, key_file: Path | None) -> int:
    if key_file is None:
        raise UsageError("--owner-key-file is missing; only the person can accept, with the key from the capture.")
    if not store.owned(record, read_text(key_file, "key file").strip()):
        raise UsageError(f"'{key_file}' does not hold this record's key; check the file.")
    training = store.shown_training(record)
    if not training:
        raise UsageError("There are no samples of this person to accept; train with samples first.")
    store.accept(record, training)
    return say("Accepted: the likeness of this training may be used.", DONE)
