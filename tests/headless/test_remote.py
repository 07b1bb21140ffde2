"""Rendering on a server, against a small one that answers as ComfyUI does, over real sockets."""

import asyncio
import contextlib
import hashlib
import io
import json
import struct
import threading
from pathlib import Path

import pytest
from aiohttp import web

from headless.host import HeadlessHost, Interrupted
from headless.workflow import remote, remote_server
from headless.workflow.options import ROLES, UsageError, apply_role
from headless.workflow.validate import WorkflowError
from songreel.nodes.base.errors import InputError

WORKFLOW = {
    "1": {"class_type": "LoadAudio", "inputs": {"audio": "song.wav"}, "_meta": {"title": "Song"}},
    "2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
    "3": {
        "class_type": "Render",
        "inputs": {"audio": ["1", 0], "model": ["2", 0], "steps": 4},
        "_meta": {"title": "Film"},
    },
    "4": {"class_type": "SaveVideo", "inputs": {"video": ["3", 0]}},
}
INFOS = {
    "LoadAudio": {"input": {"required": {"audio": [["a.wav"], {"audio_upload": True}]}}, "output_node": False},
    "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["sd15.safetensors", "sub/other.ckpt"]]}}},
    "Render": {"input": {"required": {"audio": ["AUDIO"], "model": ["MODEL"], "steps": ["INT", {"min": 1}]}}},
    "SaveVideo": {"input": {"required": {"video": ["VIDEO"]}}, "output_node": True},
}
VIDEO = bytes(range(256)) * 4000


class Server:
    """Answers as ComfyUI does; `script` is what happens to the job, step by step."""

    def __init__(self, script=("progress", "success"), infos=INFOS, refuse=None):
        self.script, self.infos, self.refuse = script, infos, refuse
        self.uploads, self.prompts, self.interrupts, self.deleted = {}, [], [], []
        self.sockets, self.history, self.running = [], {}, []
        self.connected, self.task = 0, None

    def app(self):
        app = web.Application(client_max_size=1 << 20)
        app.on_shutdown.append(self.stop)
        app.add_routes(
            [
                web.get("/object_info", self.object_info),
                web.post("/upload/image", self.upload),
                web.post("/prompt", self.prompt),
                web.get("/ws", self.socket),
                web.get("/queue", self.queue),
                web.post("/queue", self.delete),
                web.post("/interrupt", self.interrupt),
                web.get("/history/{id}", self.entry),
                web.get("/view", self.view),
            ]
        )
        return app

    async def object_info(self, request):
        return web.json_response(self.infos)

    async def queue(self, request):
        return web.json_response({"queue_running": self.running, "queue_pending": []})

    async def stop(self, app):
        if self.task is not None:
            self.task.cancel()

    async def upload(self, request):
        post = await request.post()
        name = f"{post['subfolder']}/{post['image'].filename}"
        self.uploads[name] = post["image"].file.read()
        assert post["overwrite"] == "true"
        return web.json_response({"name": post["image"].filename, "subfolder": post["subfolder"], "type": "input"})

    async def prompt(self, request):
        body = await request.json()
        self.prompts.append(body["prompt"])
        if self.refuse:
            return web.json_response(self.refuse, status=400)
        self.running = [[0, "job", body["prompt"], {}, []]]
        self.task = asyncio.create_task(self.play())
        return web.json_response({"prompt_id": "job", "number": 0, "node_errors": {}})

    async def socket(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connected += 1
        self.sockets.append(socket)
        await socket.send_json({"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}}})
        async for _ in socket:
            pass
        return socket

    async def tell(self, kind, **data):
        for socket in self.sockets:
            if not socket.closed:
                await socket.send_json({"type": kind, "data": {"prompt_id": "job", **data}})

    async def play(self):
        for step in self.script:
            await asyncio.sleep(0.02)
            if step == "progress":
                # After a drop nobody listens until the client is back.
                while all(socket.closed for socket in self.sockets):
                    await asyncio.sleep(0.01)
                await self.tell("executing", node="3")
                await self.tell("progress", node="3", value=2, max=4)
                await self.tell("progress", node="3", value=3, max=4, prompt_id="someone else's")
                await self.sockets[-1].send_bytes(struct.pack(">II", 1, 1) + b"JPEG bytes")
                await self.sockets[-1].send_bytes(struct.pack(">II", 3, 1) + b"3" + b"12 frames to go")
            elif step == "drop":
                for socket in self.sockets:
                    await socket.close()
            elif step == "quiet":
                await asyncio.sleep(1.2)
            elif step == "error":
                await self.tell(
                    "execution_error",
                    node_id="3",
                    exception_type="songreel.nodes.base.errors.InputError",
                    exception_message="The song is empty; give another.\n",
                )
            elif step == "crash":
                await self.tell(
                    "execution_error", node_id="3", exception_type="builtins.KeyError", exception_message="'x'"
                )
            elif step == "interrupted":
                await self.tell("execution_interrupted", node_id="3")
            elif step == "lost":
                self.running = []
                return
            elif step == "forever":
                await asyncio.sleep(60)
            elif step == "success":
                await self.tell("execution_success")
                await asyncio.sleep(0.05)
        self.running = []
        saved = {"filename": "beat_00001_.mp4", "subfolder": "video", "type": "output"}
        self.history["job"] = {"outputs": {"4": {"images": [saved], "animated": [True]}}, "status": {"messages": []}}
        await self.tell("executing", node=None)

    async def delete(self, request):
        self.deleted += (await request.json())["delete"]
        return web.Response()

    async def interrupt(self, request):
        self.interrupts.append((await request.json())["prompt_id"])
        return web.Response()

    async def entry(self, request):
        name = request.match_info["id"]
        return web.json_response({name: self.history[name]} if name in self.history else {})

    async def view(self, request):
        assert dict(request.query) == {"filename": "beat_00001_.mp4", "subfolder": "video", "type": "output"}
        return web.Response(body=VIDEO)


@contextlib.contextmanager
def serving(server):
    """The server on a free port of this machine, in a thread; gives its URL."""
    loop, ready, address = asyncio.new_event_loop(), threading.Event(), []

    async def start():
        runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address.append(site._server.sockets[0].getsockname()[1])
        ready.set()
        return runner

    def serve():
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{address[0]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "My song (1).WAV"
    path.write_bytes(b"RIFF samples")
    return path


def render(server, song, tmp_path, *, checkpoint=None, workflow=WORKFLOW, host=None):
    host = host or HeadlessHost(tmp_path / "home", stream=io.StringIO(), preview=tmp_path / "preview.jpg")

    def patch(schemas, name, checkpoint):
        changed = apply_role(workflow, schemas, ROLES["song"], name)
        return changed if checkpoint is None else apply_role(changed, schemas, ROLES["checkpoint"], checkpoint)

    with serving(server) as url:
        video = remote.render_on_server(url, workflow, patch, song=song, checkpoint=checkpoint, host=host)
    return Path(video), host


@pytest.mark.parametrize(
    ("script", "connections"),
    [
        pytest.param(("progress", "success"), {1}, id="plain"),
        pytest.param(("drop", "progress", "success"), {2}, id="the socket drops"),
        pytest.param(("quiet", "success"), {1}, id="nothing is heard"),
        # The job ends while the socket closes: the client may find it ended, or look once more.
        pytest.param(("drop",), {1, 2}, id="the socket drops and nothing follows"),
    ],
)
def test_the_video_comes_back(script, connections, song, tmp_path):
    server = Server(script)
    video, host = render(server, song, tmp_path)
    assert video.read_bytes() == VIDEO
    assert video.suffix == ".mp4"
    digest = hashlib.sha256(b"RIFF samples").hexdigest()[:16]
    name = f"songreel/My_song_1_-{digest}.wav"
    assert server.uploads == {name: b"RIFF samples"}
    assert server.prompts[0]["1"]["inputs"]["audio"] == name
    assert str(tmp_path) not in json.dumps(server.prompts)
    assert server.connected in connections


def test_progress_text_and_previews_are_shown(song, tmp_path):
    video, host = render(Server(), song, tmp_path)
    text = host.terminal.stream.getvalue()
    assert "12 frames to go" in text
    assert "Film ..." in text
    assert (tmp_path / "preview.jpg").read_bytes() == b"JPEG bytes"


@pytest.mark.parametrize("given", ["other.ckpt", "sub/other.ckpt", "/some/where/other.ckpt"])
def test_a_checkpoint_is_found_by_its_name(given, song, tmp_path):
    server = Server()
    render(server, song, tmp_path, checkpoint=given)
    assert server.prompts[0]["2"]["inputs"]["ckpt_name"] == "sub/other.ckpt"


@pytest.mark.parametrize(
    ("server", "changes", "error", "part"),
    [
        (Server(infos={k: v for k, v in INFOS.items() if k != "Render"}), {}, UsageError, "no node Render; install"),
        (
            Server(),
            {"workflow": WORKFLOW | {"2": {"class_type": ["Render"]}}},
            WorkflowError,
            "Node 2 has no class_type",
        ),
        (Server(), {"workflow": WORKFLOW | {"2": {"inputs": {}}}}, WorkflowError, "Node 2 has no class_type"),
        (Server(), {"checkpoint": "dream.pt"}, UsageError, "no checkpoint 'dream.pt'; it has sd15"),
        (
            Server(),
            {"workflow": WORKFLOW | {"2": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x.ckpt"}}}},
            UsageError,
            "no checkpoint 'x.ckpt'",
        ),
        (Server(("error",)), {}, InputError, "^The song is empty; give another.$"),
        (Server(("crash",)), {}, InputError, r'^Node 3 "Film" \(Render\) failed on the server with KeyError: \'x\'$'),
        (Server(("interrupted",)), {}, InputError, "cancelled on the server"),
        (Server(("lost", "drop")), {}, InputError, "no longer knows the job"),
        (
            Server(
                refuse={
                    "error": {"message": "Prompt outputs failed validation"},
                    "node_errors": {
                        "3": {
                            "class_type": "Render",
                            "errors": [
                                {
                                    "message": "Value 0 smaller than min of 1",
                                    "details": "steps",
                                    "extra_info": {"input_name": "steps"},
                                }
                            ],
                        }
                    },
                }
            ),
            {},
            UsageError,
            r'^Node 3 "Film" \(Render\): input \'steps\': Value 0 smaller than min of 1: steps\.$',
        ),
        (Server(refuse={"error": {"message": "no_prompt", "details": ""}}), {}, UsageError, "refused .* no_prompt"),
    ],
    ids=[
        "class",
        "class list",
        "no class",
        "checkpoint",
        "workflow's checkpoint",
        "input",
        "crash",
        "interrupted",
        "lost",
        "value",
        "refused",
    ],
)
def test_what_goes_wrong_is_one_sentence(server, changes, error, part, song, tmp_path, monkeypatch):
    monkeypatch.setattr(remote_server, "_HISTORY_SECONDS", 0.2)
    with pytest.raises(error, match=part) as caught:
        render(server, song, tmp_path, **changes)
    assert "\n" not in str(caught.value)


def test_a_song_that_is_too_large(song, tmp_path):
    song.write_bytes(bytes(2 << 20))
    with pytest.raises(InputError, match="no file as large as 'My song"):
        render(Server(), song, tmp_path)


def test_ctrl_c_cancels_our_job_only(song, tmp_path):
    host = HeadlessHost(tmp_path / "home", stream=io.StringIO())
    server = Server(("progress", "forever"))
    threading.Timer(0.6, host.interrupt).start()
    with pytest.raises(Interrupted):
        render(server, song, tmp_path, host=host)
    assert (server.deleted, server.interrupts) == (["job"], ["job"])


@pytest.mark.parametrize("url", ["127.0.0.1:8188", "ftp://host", "http://"])
def test_an_address_that_is_none(url, song, tmp_path):
    host = HeadlessHost(tmp_path / "home", stream=io.StringIO())
    with pytest.raises(UsageError, match="--server takes an address"):
        remote.render_on_server(url, WORKFLOW, None, song=song, checkpoint=None, host=host)


def test_nobody_answers(song, tmp_path):
    host = HeadlessHost(tmp_path / "home", stream=io.StringIO())
    with pytest.raises(InputError, match="does not answer"):
        remote.render_on_server("http://127.0.0.1:9", WORKFLOW, None, song=song, checkpoint=None, host=host)
