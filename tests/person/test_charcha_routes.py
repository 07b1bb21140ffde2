"""The capture's routes: who may ask, what is refused, and that nothing is left behind."""

import asyncio
import io
import json
import logging

import aiohttp
import numpy as np
import pytest
from PIL import Image

from songreel.nodes.person.charcha import desk as desk_module
from songreel.nodes.person.charcha import frames
from songreel.nodes.person.charcha import session as session_module
from songreel.nodes.person.charcha.consent import VERSION
from support.capture_server import capture_server
from support.faces import needs_faces
from support.tiny_onnx import mean_classifier

GOOD = {"consent": VERSION, "token": "vuzokiju", "class_word": "person", "light": True}


class NoFace:
    """Stands for the models where no face is needed."""

    def detect(self, picture):
        return []

    def describe(self, picture, face):
        raise AssertionError


class Failing(NoFace):
    def detect(self, picture):
        raise RuntimeError(f"pixels {picture[0, 0].tolist()} secret-in-a-message")


def no_models():
    return NoFace(), NoFace(), None


def run(folder, play, make_models=no_models):
    async def main():
        async with capture_server(folder, make_models=make_models) as server:
            return await play(server)

    return asyncio.run(main())


def jpeg(width=640, height=480, seed=0, form="JPEG") -> bytes:
    out = io.BytesIO()
    picture = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(picture).save(out, form, quality=10)
    return out.getvalue()


def frame(number: int, data: bytes) -> bytes:
    return number.to_bytes(4, "big") + data


async def connected(server, **changes):
    ticket = await server.ticket()
    socket = await server.client.ws_connect(server.url("watch"), headers=server.origin)
    await socket.send_json(ticket | changes)
    return socket


async def first(socket):
    message = await socket.receive(timeout=10)
    return json.loads(message.data) if message.type == aiohttp.WSMsgType.TEXT else message.type


def test_strangers_pages_are_refused_on_every_route(tmp_path):
    async def play(server):
        port = server.client.port
        bad = [
            {},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://127.0.0.1:{port + 1}"},
            {"Origin": f"http://localhost:{port}"},
            {"Origin": f"https://evil.example:{port}", "Host": f"127.0.0.1:{port}"},
            # Another site's name that was pointed at this address: same origin, unknown name.
            {"Origin": f"http://evil.example:{port}", "Host": f"evil.example:{port}"},
            server.origin | {"Sec-Fetch-Site": "cross-site"},
        ]
        for headers in bad:
            for name in ("start", "identity"):
                assert (await server.post(name, GOOD, headers)).status == 403, headers
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await server.client.ws_connect(server.url("watch"), headers=headers)
            assert refused.value.status == 403
        answer = await server.client.get(server.url("consent"), headers={"Host": "evil.example"})
        assert answer.status == 403
        # A LAN address is no better protected by ComfyUI itself, and works here for its own pages only.
        lan = {"Host": "192.168.1.9:8188", "Origin": "http://192.168.1.9:8188"}
        assert (await server.post("start", GOOD, lan)).status == 200
        assert (await server.post("start", GOOD, lan | {"Origin": "http://192.168.1.8:8188"})).status == 403
        assert server.desk.open_count == 1

    run(tmp_path, play)


def test_wrong_types_sizes_and_methods_are_refused(tmp_path):
    async def play(server):
        client, origin = server.client, server.origin
        for name in ("start", "identity"):
            url = server.url(name)
            assert (await client.get(url)).status == 405
            assert (await client.post(url, data=json.dumps(GOOD), headers=origin)).status == 415
            json_type = origin | {"Content-Type": "application/json"}
            assert (await client.post(url, data=b"{" * 4000, headers=json_type)).status == 413
            assert (await client.post(url, data=b"not json", headers=json_type)).status == 400
            assert (await client.post(url, data=b"[1]", headers=json_type)).status == 400
        for change in (
            {"consent": "2020-01"},
            {"consent": None},
            {"token": "../../x"},
            {"token": "person"},
            {"class_word": "dog"},
            {"light": "yes"},
            {"light": 1},
        ):
            answer = await server.post("start", GOOD | change)
            assert answer.status == 400 and (await answer.json())["error"], change
        for body, status, told in (
            ({"do": "status", "record": "../../../etc"}, 200, {"state": "unknown"}),
            ({"do": "read"}, 400, {"error": "'do' must be status, revoke, delete, accept or previews."}),
            ({}, 400, {"error": "'do' must be status, revoke, delete, accept or previews."}),
            ({"do": "delete", "record": "a" * 26}, 403, {"error": "That is not this record's key."}),
        ):
            answer = await server.post("identity", body)
            assert (answer.status, await answer.json()) == (status, told), body
        assert server.desk.open_count == 0

    run(tmp_path, play)


def test_a_ticket_is_good_once_for_its_nonce_and_soon(tmp_path):
    async def play(server):
        wrong = await connected(server, nonce="x")
        assert await first(wrong) == aiohttp.WSMsgType.CLOSE
        # The wrong nonce has spoilt the ticket.
        ticket = await server.ticket()
        for _ in range(2):
            async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
                await socket.send_json(ticket | {"nonce": "y"})
                assert await first(socket) == aiohttp.WSMsgType.CLOSE
        async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
            await socket.send_json(ticket)
            assert await first(socket) == aiohttp.WSMsgType.CLOSE

        ticket = await server.ticket()
        async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
            await socket.send_json(ticket)
            assert (await first(socket))["phase"] == "calibrate"
            async with server.client.ws_connect(server.url("watch"), headers=server.origin) as second:
                await second.send_json(ticket)
                assert await first(second) == aiohttp.WSMsgType.CLOSE

        late = await server.ticket()
        server.clock.now += desk_module.CLAIM_SECONDS + 1
        async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
            await socket.send_json(late)
            assert await first(socket) == aiohttp.WSMsgType.CLOSE
        for hello in ("{}", "[]", "null", "not json", '{"session": 5, "nonce": 5}', "x" * 5000):
            async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
                await socket.send_str(hello)
                assert await first(socket) == aiohttp.WSMsgType.CLOSE
        async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
            await socket.send_bytes(b"12345")
            assert await first(socket) == aiohttp.WSMsgType.CLOSE

    run(tmp_path, play)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (frame(1, jpeg()), "order"),
        (frame(0, jpeg(320, 240, form="PNG")), "picture"),
        (frame(0, b"\xff\xd8\xff\xe0 no picture"), "picture"),
        (frame(0, jpeg(200, 150)), "picture"),
        (frame(0, jpeg(1300, 900)), "picture"),
        (frame(0, jpeg(1280, 300)), "picture"),
        (frame(0, jpeg()[:4000]), "picture"),
    ],
    ids=["order", "png", "garbage", "small", "large", "strip", "cut short"],
)
def test_bad_frames_end_the_capture(tmp_path, payload, reason):
    async def play(server):
        socket = await connected(server)
        assert (await first(socket))["type"] == "prompt"
        await socket.send_bytes(payload)
        answer = await first(socket)
        assert (answer["type"], answer["reason"]) == ("failed", reason)
        assert (await socket.receive(timeout=10)).type == aiohttp.WSMsgType.CLOSE

    run(tmp_path, play)


def test_an_oversized_message_a_flood_and_a_text_end_the_capture(tmp_path):
    async def play(server):
        socket = await connected(server)
        await first(socket)
        await socket.send_bytes(bytes(frames.MAX_JPEG_BYTES + 100))
        assert await first(socket) in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

        socket = await connected(server)
        await first(socket)
        for number in range(60):
            server.clock.now += 0.01
            await socket.send_bytes(frame(number, jpeg(320, 240, number)))
        answers = []
        while not isinstance(answer := await first(socket), aiohttp.WSMsgType):
            answers.append(answer)
        assert answers[-1]["reason"] == "too_fast" and len(answers) < 40

        socket = await connected(server)
        await first(socket)
        await socket.send_str('{"passed": true}')
        assert await first(socket) in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        for _ in range(50):
            if server.desk.open_count == 0:
                break
            await asyncio.sleep(0.05)
        assert server.desk.open_count == 0 and server.store.entries() == []

    run(tmp_path, play)


def test_few_captures_at_once_and_a_minute_and_abandoned_ones_vanish(tmp_path):
    async def play(server):
        for _ in range(desk_module.MAX_OPEN):
            await server.ticket()
        assert (await server.post("start", GOOD)).status == 429
        server.clock.now += desk_module.CLAIM_SECONDS + 1
        sockets = [await connected(server) for _ in range(desk_module.MAX_OPEN)]
        for socket in sockets:
            await first(socket)
        server.clock.now += session_module.LIFETIME - 5
        assert (await server.post("start", GOOD)).status == 429
        server.clock.now += desk_module.CLAIM_SECONDS + 10
        server.desk.purge()
        assert server.desk.open_count == 0
        statuses = []
        for _ in range(desk_module.STARTS + 2):
            answer = await server.post("start", GOOD)
            statuses.append(answer.status)
            if answer.status == 200:
                ticket = await answer.json()
                server.desk.close(server.desk._tickets[ticket["session"]])
        assert statuses.count(200) == desk_module.STARTS and statuses[-1] == 429
        answers = [(await server.post("identity", {"do": "status", "record": "a" * 26})).status for _ in range(45)]
        assert answers.count(200) == 40 and answers[-1] == 429

    run(tmp_path, play)


def test_a_page_that_stops_sending_is_forgotten(tmp_path):
    async def play(server):
        picture = frame(0, jpeg())
        server.routes._idle = 0.3
        socket = await connected(server)
        await first(socket)
        server.clock.now += 0.125
        await socket.send_bytes(picture)
        await first(socket)
        (ticket,) = server.desk._tickets.values()
        session = ticket.session
        await asyncio.sleep(1.0)
        assert server.desk.open_count == 0 and session.outcome.reason == "closed" and session._evidence is None
        # And one that keeps sending has three minutes.
        server.routes._idle = 10.0
        socket = await connected(server)
        await first(socket)
        server.clock.now += session_module.LIFETIME + 1
        await socket.send_bytes(frame(0, jpeg()))
        assert (await first(socket))["reason"] == "timeout"

    run(tmp_path, play)


def test_a_failure_tells_and_logs_nothing_of_the_pictures(tmp_path, caplog):
    async def play(server):
        socket = await connected(server)
        await first(socket)
        await socket.send_bytes(frame(0, jpeg()))
        return await first(socket)

    with caplog.at_level(logging.DEBUG):
        answer = run(tmp_path, play, lambda: (Failing(), NoFace(), None))
    assert answer["reason"] == "error"
    assert "RuntimeError" in caplog.text
    for text in (caplog.text, json.dumps(answer)):
        assert "secret-in-a-message" not in text and "pixels" not in text
    assert all(record.exc_info is None for record in caplog.records if record.name.startswith("songreel"))


def test_a_missing_library_is_told_before_the_camera_is_needed(tmp_path):
    def missing():
        from songreel.nodes.base.errors import InputError

        raise InputError("run: pip install mediapipe")

    async def play(server):
        answer = await server.post("start", GOOD)
        return answer.status, await answer.json()

    assert run(tmp_path, play, missing) == (400, {"error": "run: pip install mediapipe"})


@needs_faces
def test_a_passive_model_that_does_not_fit_is_told_before_the_camera_is_needed(tmp_path):
    from songreel.nodes.person.charcha import routes

    async def play(server):
        detection = server.host.root / "models" / "detection"
        detection.mkdir(parents=True)
        (detection / "face_antispoof.onnx").write_bytes(b"no model")
        server.desk._make_models = lambda: routes._models(server.host)
        answer = await server.post("start", GOOD)
        assert answer.status == 400 and "no ONNX file" in (await answer.json())["error"]
        (detection / "face_antispoof.onnx").write_bytes(mean_classifier([[1, 0]] * 3, [0, 0]))
        assert (await server.post("start", GOOD)).status == 200
        assert server.desk.models()[2] is not None

    run(tmp_path, play)


def test_nothing_that_the_page_says_passes_a_capture(tmp_path):
    """There is no message, field, header or variable that skips a check: only judged frames end in a record."""

    async def play(server):
        for extra in ({"passed": True}, {"debug": 1}, {"skip": True}, {"assurance": "full"}, {"seed": 1}):
            answer = await server.post("start", GOOD | extra)
            ticket = await answer.json()
            async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
                await socket.send_json(ticket | extra)
                assert (await first(socket))["phase"] == "calibrate"
                server.clock.now += 0.125
                await socket.send_bytes(frame(0, jpeg()))
                assert (await first(socket))["coach"] == "no_face"
            server.clock.now += 30
        assert server.store.entries() == []

    run(tmp_path, play)
