"""The capture's own server with real models, whose clock and draw the tests inject; an actor before its camera."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

from headless.host import HeadlessHost
from support.capture_actors import LIMIT, PERIOD, Clock


@lru_cache(maxsize=1)
def models() -> tuple:
    """(landmarker, embedder, None), loaded once."""
    from songreel.nodes.person.face.embedding import FaceEmbedder
    from songreel.nodes.person.face.landmarks import load_landmarker

    landmarker = load_landmarker([])
    return landmarker, FaceEmbedder(), None


class CaptureServer:
    """A running server. `attempt` plays one capture through its websocket as fast as it computes."""

    def __init__(self, folder: Path, seed: int = 0, make_models=models):
        from songreel.nodes.person.charcha import desk, routes, store

        self.host, self.clock = HeadlessHost(folder), Clock()
        self.store = store.store_of(self.host)
        self.desk = desk.CaptureDesk(make_models, clock=self.clock, random=random.Random(seed))
        # Frames are drawn between two messages, which takes long on a busy machine.
        self.routes = routes.CaptureRoutes(lambda: self.store, self.desk, idle=120.0)
        self.routes.add_to(self.host)
        self.client = None
        self.origin: dict[str, str] = {}

    def url(self, name: str) -> str:
        return f"/songreel/charcha/{name}"

    async def post(self, name: str, body: object, headers: dict | None = None):
        headers = self.origin if headers is None else headers
        return await self.client.post(self.url(name), json=body, headers=headers)

    async def ticket(self, **changes) -> dict:
        from songreel.nodes.person.charcha import consent

        body = {"consent": consent.VERSION, "token": "vuzokiju", "class_word": "person", "light": True} | changes
        answer = await self.post("start", body)
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def attempt(
        self, actor, *, period: float = PERIOD, jitter: float = 0.02, sequence=None, on_frame=None, light=True
    ):
        """(last message, pictures, seconds, frames) of one capture."""
        ticket = await self.ticket(light=light)
        noise, begin, count = np.random.default_rng(1), self.clock.now, 0
        async with self.client.ws_connect(self.url("watch"), headers=self.origin) as socket:
            await socket.send_json(ticket)
            actor.hear([await socket.receive_json()], self.clock.now)
            while self.clock.now - begin < LIMIT:
                self.clock.now += max(period + noise.uniform(-jitter, jitter), 0.001)
                data = actor.frame(self.clock.now)
                if on_frame is not None:
                    on_frame(data)
                number = count if sequence is None else sequence(count)
                await socket.send_bytes(number.to_bytes(4, "big") + data)
                count += 1
                messages = []
                while not messages or messages[-1]["type"] not in ("seen", "failed", "result"):
                    messages.append(await socket.receive_json(timeout=60))
                actor.hear(messages, self.clock.now)
                if messages[-1]["type"] == "result":
                    pictures = [await socket.receive_bytes() for _ in range(7)]
                    await socket.send_json({"have": messages[-1]["record"]})
                    return messages[-1], pictures, self.clock.now - begin, count
                if messages[-1]["type"] == "failed":
                    return messages[-1], [], self.clock.now - begin, count
        raise AssertionError("the capture did not end")


@asynccontextmanager
async def capture_server(folder: Path, seed: int = 0, make_models=models):
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    server = CaptureServer(folder, seed, make_models)
    app = web.Application()
    app.add_routes(server.host.routes)
    async with TestClient(TestServer(app)) as client:
        server.client = client
        server.origin = {"Origin": f"http://127.0.0.1:{client.port}"}
        yield server
