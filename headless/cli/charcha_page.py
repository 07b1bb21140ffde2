"""The capture page without ComfyUI, on this computer only."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from .. import pack
from ..host import HeadlessHost

PAGE = Path(__file__).with_name("charcha_page.html")
SCRIPTS = (
    "charcha_capture.js",
    "charcha_cards.js",
    "charcha_client.js",
    "charcha_icons.js",
    "charcha_stage.js",
    "charcha_style.js",
    "dom.js",
)
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}


def application(host: HeadlessHost):
    """The aiohttp application: the page, its scripts, and the capture's routes of a host that has them."""
    from aiohttp import web

    async def page(request):
        return web.FileResponse(PAGE, headers=_HEADERS)

    async def script(request):
        name = request.match_info["name"]
        if name not in SCRIPTS:
            raise web.HTTPNotFound
        return web.FileResponse(pack.ROOT / "web" / "js" / name, headers=_HEADERS)

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/js/{name}", script)])
    app.add_routes(host.routes)
    return app


def serve(host: HeadlessHost, port: int) -> None:
    """Serve the page on loopback until Ctrl-C."""
    from songreel.nodes.person.charcha.routes import register

    register(host)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(host, port))


async def _serve(host: HeadlessHost, port: int) -> None:
    from aiohttp import web

    # No access log: the addresses of sockets carry nothing, but nobody needs to keep them.
    runner = web.AppRunner(application(host), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        address = runner.addresses[0]
        host.show_line(f"Open http://localhost:{address[1]} in a browser; Ctrl-C ends it.", keep=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
