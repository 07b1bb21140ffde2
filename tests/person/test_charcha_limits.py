"""What strangers can do to the capture's routes, and a record that its page never received."""

import asyncio
import json

import aiohttp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from songreel.nodes.base.errors import InputError
from songreel.nodes.person.charcha import routes as routes_module
from songreel.nodes.person.charcha.outcome import Kept, Outcome
from songreel.nodes.person.charcha.session import CaptureSession
from support.capture_server import capture_server
from support.store import SCORES, add


class NoFace:
    def detect(self, picture):
        return []

    def describe(self, picture, face):
        raise AssertionError


def run(folder, play):
    async def main():
        async with capture_server(folder, make_models=lambda: (NoFace(), NoFace(), None)) as server:
            return await play(server)

    return asyncio.run(main())


async def opened(server):
    return await server.client.ws_connect(server.url("watch"), headers=server.origin)


def test_a_stranger_cannot_starve_the_owner(tmp_path):
    async def play(server):
        record, key = add(server.store)
        statuses = [
            (await server.post("identity", {"do": do, "record": record, "owner_key": "x"})).status
            for do in ("revoke", "status")
            for _ in range(routes_module.ASKS + 5)
        ]
        assert statuses.count(403) == statuses.count(200) == routes_module.ASKS and statuses.count(429) == 10
        answer = await server.post("identity", {"do": "delete", "record": record, "owner_key": key})
        assert answer.status == 200
        assert await answer.json() == {"state": "deleted", "left": [], "finished": []}

    run(tmp_path, play)


def test_what_could_not_be_removed_reaches_the_page(tmp_path):
    async def play(server):
        record, key = add(server.store)
        changed, video = server.host.root / "lora.safetensors", server.host.root / "film.mp4"
        for path in (changed, video):
            path.write_bytes(b"x")
        server.store.add_file(record, changed)
        server.store.add_file(record, video, finished=True)
        changed.write_bytes(b"y")
        answer = await server.post("identity", {"do": "delete", "record": record, "owner_key": key})
        assert await answer.json() == {"state": "deleted", "left": ["lora.safetensors"], "finished": ["film.mp4"]}

    run(tmp_path, play)


def test_only_the_owner_accepts(tmp_path):
    async def play(server):
        record, key = add(server.store)
        picture = np.zeros((8, 8, 3), np.uint8)
        server.store.keep_preview(record, "abcd1234", 3, "sketch", picture)
        assert not server.store.accepted(record, "abcd1234" + "0" * 56) and server.store.accepted(record, "f" * 64)
        shown = await (await server.post("identity", {"do": "previews", "record": record, "owner_key": key})).json()
        assert shown["training"] == "abcd1234"
        body = {"do": "accept", "record": record, "training": "abcd1234"}
        assert (await server.post("identity", body | {"owner_key": "x"})).status == 403
        assert not server.store.accepted(record, "abcd1234")
        for training in (None, 5, "x", "abcd1234z"):
            answer = await server.post("identity", body | {"owner_key": key, "training": training})
            assert answer.status == 400
        assert (await server.post("identity", body | {"owner_key": key})).status == 200
        assert server.store.accepted(record, "abcd1234" + "0" * 56)

    run(tmp_path, play)


def test_sockets_that_begin_nothing_are_few_and_end_whatever_they_ping(tmp_path):
    async def play(server):
        server.routes._idle = 1.0
        sockets = [await opened(server) for _ in range(routes_module.MOST_UNCLAIMED_OF_ONE)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await opened(server)
        assert refused.value.status == 429

        async def pinging(socket):
            for _ in range(12):
                await asyncio.sleep(0.2)
                if socket.closed:
                    return
                await socket.ping()

        await asyncio.gather(*(pinging(socket) for socket in sockets), return_exceptions=True)
        for socket in sockets:
            assert (await socket.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert server.routes._unclaimed.total() == 0
        await (await opened(server)).close()

    run(tmp_path, play)


def passing(self, sequence, data, received):
    picture = np.zeros((64, 64, 3), np.uint8)
    self.outcome = Outcome(True, "passed", "full", SCORES, tuple(Kept(f"p{number}", picture) for number in range(7)))
    return []


@pytest.mark.parametrize("answer", ["nothing", "close", "wrong", "deep", "right"])
def test_a_record_is_kept_once_its_page_has_it(tmp_path, monkeypatch, answer):
    monkeypatch.setattr(CaptureSession, "frame", passing)

    async def play(server):
        ticket = await server.ticket()
        server.routes._idle = 2.0
        socket = await opened(server)
        await socket.send_json(ticket)
        await socket.receive_json()
        await socket.send_bytes(b"0000 a frame")
        result = await socket.receive_json()
        assert result["type"] == "result"
        for _ in range(7):
            await socket.receive_bytes()
        said = {"wrong": '{"have": "x"}', "deep": "[" * 2000, "right": json.dumps({"have": result["record"]})}
        if answer in said:
            await socket.send_str(said[answer])
        elif answer == "close":
            await socket.close()
        wanted = "active" if answer == "right" else "deleted"
        for _ in range(60):
            await asyncio.sleep(0.1)
            if server.desk.open_count == 0 and server.store.status(result["record"]).split()[0] == wanted:
                break
        assert server.store.status(result["record"]).split()[0] == wanted
        pictures = list((server.host.private_dir() / "charcha" / "records").rglob("*.bin"))
        assert len(pictures) == (7 if wanted == "active" else 0)

    run(tmp_path, play)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.just("a" * 26),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["do", "record", "owner_key", "training", "consent", "token", "class_word", "light"])
BODIES = st.dictionaries(NAMES, VALUES | st.sampled_from(["status", "revoke", "delete", "accept"]), max_size=6)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BODIES, min_size=8, max_size=8))
def test_no_body_breaks_a_route(tmp_path, bodies):
    async def play(server):
        for body in bodies:
            for name in ("start", "identity"):
                answer = await server.post(name, body)
                assert answer.status in (200, 400, 403, 413, 429), (name, body)
                assert str(tmp_path) not in await answer.text()
        deep = b"[" * 2000
        headers = server.origin | {"Content-Type": "application/json"}
        assert (await server.client.post(server.url("identity"), data=deep, headers=headers)).status == 400

    run(tmp_path, play)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.just(b"[" * 5000) | st.just(b'{"payload": ' * 2000), st.sampled_from(range(3)))
def test_no_file_of_the_store_breaks_it(tmp_path, data, which):
    from songreel.nodes.person.charcha.store import IdentityStore

    folder = tmp_path / f"store-{which}"
    store = IdentityStore(folder)
    entries = [path for path in (folder / "records").iterdir()] if (folder / "records").exists() else []
    record = entries[0].name if entries else add(store)[0]
    path = (folder / "ledger.json", folder / "records" / record / "record.json", folder / "records" / record / "0.bin")[
        which
    ]
    good = path.read_bytes()
    try:
        path.write_bytes(data)
        with pytest.raises(InputError) as refused:
            IdentityStore(folder).load(record)
        assert str(tmp_path) not in str(refused.value)
    finally:
        path.write_bytes(good)
    store.load(record)
