"""A ComfyUI elsewhere, by its HTTP interface."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import struct
import uuid
from pathlib import Path, PurePosixPath
from typing import Any

from songreel.nodes.base.errors import InputError
from songreel.nodes.host.port import PACK

from ..host import HeadlessHost, Interrupted
from ..terminal import TerminalProgress
from .graph import title_of
from .options import UsageError
from .remote_job import FollowedJob, failure, refusal

UPLOAD_FOLDER = "songreel"
_POLL_SECONDS = 0.5
_HISTORY_SECONDS = 5.0
_GIVE_UP_SECONDS = 60.0
_PREVIEW_EVENT, _TEXT_EVENT = 1, 3


def records_in(workflow: dict) -> list[str]:
    """The ids of the identity records that a workflow names."""
    values = (node.get("inputs", {}).get("record") for node in workflow.values() if isinstance(node, dict))
    return sorted({value.strip() for value in values if isinstance(value, str) and value.strip()})


class Server:
    """One ComfyUI, seen through its HTTP interface."""

    def __init__(self, session: Any, url: str, host: HeadlessHost, owner_key: str | None = None):
        self.session, self.url, self.host, self.owner_key = session, url, host, owner_key
        self.client_id = uuid.uuid4().hex
        self._bars: dict[str, TerminalProgress] = {}

    async def _json(self, path: str) -> Any:
        async with self.session.get(self.url + path) as response:
            if response.status != 200:
                raise InputError(f"The server at {self.url} answered {response.status} to {path}; is it a ComfyUI?")
            try:
                return await response.json(content_type=None)
            except ValueError:
                raise InputError(f"The server at {self.url} does not answer as ComfyUI does; check the URL.") from None

    async def catalogue(self) -> dict:
        """The server's node classes."""
        infos = await self._json("/object_info")
        if not isinstance(infos, dict):
            raise InputError(f"The server at {self.url} does not answer as ComfyUI does; check the URL.")
        return infos

    async def upload(self, path: Path) -> str:
        """Put a file into the server's input folder and return the name that Load nodes know it by.

        The name carries a digest of the content, so that two songs of one name do not meet.
        """
        import aiohttp

        from songreel.nodes.base.media.files import file_digest

        digest = file_digest(path)
        stem = re.sub(r"[^\w.-]+", "_", path.stem)[:60] or "song"
        name = f"{stem}-{digest[:16]}{path.suffix.lower()}"
        self.host.show_line(f"Uploading {path.name} ...")
        with path.open("rb") as file:
            form = aiohttp.FormData()
            form.add_field("image", file, filename=name, content_type="application/octet-stream")
            form.add_field("subfolder", UPLOAD_FOLDER)
            form.add_field("type", "input")
            form.add_field("overwrite", "true")
            async with self.session.post(f"{self.url}/upload/image", data=form) as response:
                if response.status == 413:
                    raise InputError(
                        f"The server at {self.url} takes no file as large as '{path.name}' "
                        f"({path.stat().st_size / 1e6:.0f} MB); start it with a higher --max-upload-size."
                    )
                if response.status != 200:
                    raise InputError(f"The server at {self.url} refused '{path.name}' (status {response.status}).")
                saved = await response.json(content_type=None)
        return f"{saved['subfolder']}/{saved['name']}" if saved.get("subfolder") else saved["name"]

    async def run(self, workflow: dict) -> dict:
        """Queue the workflow, follow it to its end, and return its entry in the history."""
        # Listening begins before the job does, so that nothing of it is missed.
        socket = await self._listen()
        job = FollowedJob(await self._queue(workflow), workflow)
        await self._follow(job, socket)
        job.check()
        # The server tells of success a moment before it writes its history.
        for _ in range(20):
            history = await self._history(job.prompt_id)
            if history:
                for node_id, output in (history.get("outputs") or {}).items():
                    self.host.show_notes(job.title(node_id), output)
                return history
            await asyncio.sleep(_POLL_SECONDS)
        raise InputError(f"The server at {self.url} keeps no history of the job, so its result cannot be found.")

    async def _listen(self) -> Any:
        return await self.session.ws_connect(f"{self.url}/ws?clientId={self.client_id}", max_msg_size=0)

    async def _follow(self, job: FollowedJob, socket: Any) -> None:
        """Show what the server tells until the job is over; where it tells nothing, ask."""
        import aiohttp

        clock = asyncio.get_running_loop().time
        answered = asked = clock()
        while True:
            if self._cancelled():
                await self._cancel(job.prompt_id)
            try:
                message = await socket.receive(timeout=_POLL_SECONDS)
            except asyncio.TimeoutError:
                message = None
            if message is not None and message.type == aiohttp.WSMsgType.TEXT:
                self._on_event(job, json.loads(message.data))
            elif message is not None and message.type == aiohttp.WSMsgType.BINARY:
                self._on_binary(message.data)
            if job.finished:
                return
            if message is not None and not socket.closed:
                answered = clock()
            elif socket.closed or clock() - max(asked, answered) > _HISTORY_SECONDS:
                asked = clock()
                try:
                    if await self._ended(job.prompt_id):
                        return
                    if socket.closed:
                        socket = await self._listen()
                    answered = clock()
                except (aiohttp.ClientError, asyncio.TimeoutError):
                    if clock() - answered > _GIVE_UP_SECONDS:
                        raise InputError(
                            f"The server at {self.url} has not answered for {_GIVE_UP_SECONDS:.0f} s; once it does, "
                            "the same command goes on from there."
                        ) from None
                    await asyncio.sleep(_POLL_SECONDS)

    def _cancelled(self) -> bool:
        try:
            self.host.check_interrupt()
        except Interrupted:
            return True
        return False

    async def _cancel(self, prompt_id: str) -> None:
        """Take our job, and no other, from the queue or stop it, then raise Interrupted."""
        for path, body in (("/queue", {"delete": [prompt_id]}), ("/interrupt", {"prompt_id": prompt_id})):
            if path == "/interrupt" and not await self._is_running(prompt_id):
                continue
            async with self.session.post(self.url + path, json=body):
                pass
        raise Interrupted

    async def _is_running(self, prompt_id: str) -> bool:
        queue = await self._json("/queue")
        return any(entry[1] == prompt_id for entry in queue.get("queue_running", ()))

    async def _queue(self, workflow: dict) -> str:
        body = {"prompt": workflow, "client_id": self.client_id}
        if self.owner_key is not None:
            # Beside the workflow, never in it: the server takes the keys out before anything is kept.
            keys = dict.fromkeys(records_in(workflow), self.owner_key)
            body["extra_data"] = {f"{PACK}_owner_keys": keys}
        async with self.session.post(f"{self.url}/prompt", json=body) as response:
            try:
                answer = await response.json(content_type=None)
            except ValueError:
                answer = None
        if not isinstance(answer, dict):
            raise InputError(f"The server at {self.url} answered {response.status} to the workflow; look at its log.")
        if response.status != 200 or answer.get("node_errors"):
            raise UsageError(refusal(answer, workflow))
        return answer["prompt_id"]

    async def _history(self, prompt_id: str) -> dict:
        return (await self._json(f"/history/{prompt_id}")).get(prompt_id) or {}

    async def _ended(self, prompt_id: str) -> bool:
        """Whether the job is over. Raises InputError when the server knows nothing of it."""
        if await self._history(prompt_id):
            return True
        queue = await self._json("/queue")
        entries = [*queue.get("queue_running", ()), *queue.get("queue_pending", ())]
        if any(entry[1] == prompt_id for entry in entries):
            return False
        if await self._history(prompt_id):
            return True
        raise InputError(f"The server at {self.url} no longer knows the job, it was restarted; run the command again.")

    def _on_event(self, job: FollowedJob, event: dict) -> None:
        kind, data = event.get("type"), event.get("data") or {}
        if data.get("prompt_id") not in (None, job.prompt_id):
            return
        if kind == "progress" and data.get("max"):
            node_id = str(data.get("node"))
            bar = self._bars.get(node_id)
            if bar is None:
                bar = self._bars[node_id] = self.host.progress(int(data["max"]), job.title(node_id))
            with contextlib.suppress(Interrupted):
                bar.update(int(data["value"]))
        elif kind == "status" and not job.started:
            waiting = data.get("status", {}).get("exec_info", {}).get("queue_remaining", 1)
            if waiting > 1:
                self.host.show_line(f"Waiting for {waiting - 1} other jobs on the server ...")
        elif kind == "executing" and data.get("node") is not None:
            job.started = True
            self.host.show_line(f"{job.title(str(data['node']))} ...")
        elif kind == "executing" and data.get("prompt_id") == job.prompt_id:
            job.finished = True
        elif kind == "executed":
            self.host.show_notes(job.title(str(data.get("node"))), data.get("output"))
        elif kind in ("execution_success", "execution_error", "execution_interrupted"):
            job.finished = True
            job.outcome, job.detail = kind, data

    def _on_binary(self, data: bytes) -> None:
        if len(data) < 8:
            return
        (kind,) = struct.unpack(">I", data[:4])
        if kind == _PREVIEW_EVENT:
            self.host.show_preview_bytes(data[8:])
        elif kind == _TEXT_EVENT:
            (length,) = struct.unpack(">I", data[4:8])
            text = data[8 + length :].decode("utf-8", "replace").strip()
            if text:
                self.host.show_line(text, keep=True)

    async def download(self, history: dict, output: str, workflow: dict) -> Path:
        """The file that the output node saved, brought into the host's temporary folder.

        Parameters
        ----------
        history : dict
            The job's entry in the server's history.
        output : str
            Id of the output node.
        workflow : dict
            Nodes by id, as they ran.

        Raises
        ------
        InputError
            When the job failed, saved no file, or the server does not hand it out.
        """
        for name, data in (history.get("status") or {}).get("messages") or ():
            if name == "execution_error":
                raise InputError(failure(data, workflow))
        saved = (history.get("outputs") or {}).get(output) or {}
        files = [entry for key in ("files", "images", "gifs", "video") for entry in saved.get(key) or ()]
        if not files:
            raise InputError(f"{title_of(workflow[output])} saved no file on the server; look at its log.")
        query = {key: files[0].get(key, "") for key in ("filename", "subfolder", "type")}
        target = self.host.run_dir() / f"download{PurePosixPath(query['filename']).suffix}"
        self.host.show_line("Downloading ...")
        async with self.session.get(f"{self.url}/view", params=query) as response:
            if response.status != 200:
                raise InputError(f"The server at {self.url} does not hand out its result (status {response.status}).")
            with target.open("wb") as file:
                async for block in response.content.iter_chunked(1 << 18):
                    self.host.check_interrupt()
                    file.write(block)
        return target
