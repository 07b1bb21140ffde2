"""`python -m headless`: the command line."""

from __future__ import annotations

import sys

from songreel.nodes.host import install
from songreel.nodes.host.port import Host


def bootstrap(host: Host) -> None:
    """Put the stand-in `comfy_api` in place, and make `host` the one it runs in."""
    if "comfy_api" not in sys.modules:
        from . import comfy_api

        sys.modules.update(comfy_api.modules())
    install(host)


if __name__ == "__main__":
    from .cli.main import main

    sys.exit(main(sys.argv[1:], bootstrap))
