"""A real ComfyUI in a subprocess, with a base folder of its own that holds this pack and perhaps a checkpoint."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import aiohttp

from support.paths import ROOT


class ComfyServer:
    """Starts and stops one ComfyUI. `folder` is its base directory: input, output, temp, user, models, custom_nodes."""

    def __init__(self, comfyui: Path, python: str, folder: Path, checkpoint: Path | None = None, arguments=()):
        self.comfyui, self.python, self.folder, self.arguments = comfyui, python, folder, arguments
        for name in ("custom_nodes", "input", "output", "user", "models/checkpoints", "models/loras"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        links = {"custom_nodes/songreel": ROOT}
        if checkpoint is not None:
            links[f"models/checkpoints/{checkpoint.name}"] = checkpoint
        for link, target in links.items():
            if not (folder / link).exists():
                (folder / link).symlink_to(target)
        self.process: subprocess.Popen | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text("utf-8", "replace")

    def start(self) -> ComfyServer:
        with (self.folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [self.python, "main.py", "--cpu", "--base-directory", str(self.folder), "--port", str(self.port)]
                + list(self.arguments),
                cwd=self.comfyui,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.get("/system_stats")
                return self
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.3)
        self.kill()
        raise AssertionError(f"ComfyUI did not start:\n{self.log[-3000:]}")

    def kill(self) -> None:
        """kill -9, as a crash or a power cut would."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, data: dict) -> tuple[int, dict]:
        request = urllib.request.Request(
            self.url + path, json.dumps(data).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def run(self, workflow: dict, on_message=None, timeout: float = 300) -> tuple[list[dict], dict]:
        """Queue a workflow and follow the websocket to its end: (messages, history entry).

        on_message(message, seconds since start) may return True to stop following.
        """
        return asyncio.run(asyncio.wait_for(self._run(workflow, on_message), timeout))

    async def _run(self, workflow, on_message):
        client, messages = uuid.uuid4().hex, []
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.url}/ws?clientId={client}", max_msg_size=0) as socket_,
        ):
            async with session.post(f"{self.url}/prompt", json={"prompt": workflow, "client_id": client}) as answer:
                body = await answer.json()
                assert answer.status == 200, body
            prompt = body["prompt_id"]
            begin = time.monotonic()
            async for message in socket_:
                if message.type == aiohttp.WSMsgType.BINARY:
                    messages.append(
                        {"type": "binary", "kind": int.from_bytes(message.data[:4], "big"), "data": message.data[4:]}
                    )
                elif message.type == aiohttp.WSMsgType.TEXT:
                    messages.append(json.loads(message.data))
                else:
                    break
                kind = messages[-1]["type"]
                if on_message is not None and on_message(messages[-1], time.monotonic() - begin):
                    return messages, {}
                if kind in ("execution_success", "execution_error", "execution_interrupted"):
                    break
            for _ in range(50):
                async with session.get(f"{self.url}/history/{prompt}") as answer:
                    history = await answer.json()
                if prompt in history:
                    return messages, history[prompt]
                await asyncio.sleep(0.1)
        raise AssertionError("the run is not in the history")
