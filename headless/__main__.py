"""`python -m headless`: the command line."""

from __future__ import annotations

import sys

from . import pack


def bootstrap(host) -> None:
    """Put the stand-in `comfy_api` in place, load the pack and make `host` the one it runs in."""
    if "comfy_api" not in sys.modules:
        from . import comfy_api

        sys.modules.update(comfy_api.modules())
    pack.load()
    pack.load("nodes.host").install(host)


if __name__ == "__main__":
    from .cli import main

    sys.exit(main(sys.argv[1:], bootstrap))
