"""Runs a workflow on a ComfyUI elsewhere: uploads the song, follows the work, brings the video back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import struct
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ..host import HeadlessHost, InputError, Interrupted, TerminalProgress
from .executor import WorkflowError, check_shape, close_names, describe, title_of
from .options import ROLES, Schemas, UsageError, find_output, find_role, schemas_of

# Fills a workflow's options: (schemas, name of the song there, name of the checkpoint there) -> workflow.
Patch = Callable[[Schemas, str, str | None], dict]
Adapt = Callable[[dict, Schemas, str], dict]

UPLOAD_FOLDER = "songreel"
_POLL_SECONDS = 0.5
_HISTORY_SECONDS = 5.0
_GIVE_UP_SECONDS = 60.0
_PREVIEW_EVENT, _TEXT_EVENT = 1, 3


def render_on_server(
    url: str,
    workflow: dict,
    patch: Patch,
    *,
    song: Path,
    checkpoint: str | None,
    host: HeadlessHost,
    adapt: Adapt = lambda workflow, schemas, output: workflow,
) -> Path:
    """Run a workflow on the server at `url` and return the finished file, in the host's temporary folder.

    patch(schemas, song's name, checkpoint's name) puts the options in; adapt(workflow, schemas, output node) fits what
    comes out.

    Raises UsageError or WorkflowError before anything runs there, InputError when it fails.
    """
    return asyncio.run(_render(url, workflow, patch, song, checkpoint, host, adapt))


async def _render(
    url: str, workflow: dict, patch: Patch, song: Path, checkpoint: str | None, host: HeadlessHost, adapt: Adapt
) -> Path:
    import aiohttp

    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"--server takes an address such as http://127.0.0.1:8188, got '{url}'.")
    timeout = aiohttp.ClientTimeout(total=None, connect=15, sock_read=300)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        server = _Server(session, url.rstrip("/"), host)
        try:
            infos = await server.catalogue()
            server.check_classes(workflow, infos)
            schemas = schemas_of(infos)
            name = None if checkpoint is None else server.checkpoint_there(workflow, schemas, checkpoint)
            workflow = patch(schemas, await server.upload(song), name)
            server.check_checkpoint(workflow, schemas)
            output = find_output(workflow, [name for name, info in infos.items() if info.get("output_node")])
            workflow = adapt(workflow, schemas, output)
            history = await server.run(workflow)
            return await server.download(history, output, workflow)
        except aiohttp.ClientError as error:
            reason = str(error) or type(error).__name__
            raise InputError(f"The server at {url} does not answer ({reason}); is ComfyUI running there?") from None


class _Server:
    """One ComfyUI, seen through its HTTP interface."""

    def __init__(self, session: Any, url: str, host: HeadlessHost):
        self.session, self.url, self.host = session, url, host
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

    # Before ------------------------------------------------------------------------------------

    async def catalogue(self) -> dict:
        """The server's node classes."""
        infos = await self._json("/object_info")
        if not isinstance(infos, dict):
            raise InputError(f"The server at {self.url} does not answer as ComfyUI does; check the URL.")
        return infos

    def check_classes(self, workflow: dict, infos: Mapping) -> None:
        """Raises when the workflow is malformed or uses a class that the server does not have."""
        classes = {node.get("class_type") for node in workflow.values() if isinstance(node, dict)}
        problems = check_shape(workflow, [name for name in classes if isinstance(name, str)])
        if problems:
            raise WorkflowError(problems)
        missing = sorted(classes - set(infos))
        if missing:
            raise UsageError(
                f"The server at {self.url} has no node {', '.join(missing)}; install this pack in its custom_nodes "
                "folder and restart it."
            )

    def checkpoint_there(self, workflow: dict, schemas: Schemas, checkpoint: str) -> str:
        """The server's name of a checkpoint given by name or by a path on this machine."""
        choices = _checkpoint_choices(workflow, schemas)
        for wanted in (checkpoint, Path(checkpoint).name):
            for choice in choices:
                if wanted in (choice, PurePosixPath(choice.replace("\\", "/")).name):
                    return choice
        raise UsageError(_no_checkpoint(self.url, Path(checkpoint).name, choices))

    def check_checkpoint(self, workflow: dict, schemas: Schemas) -> None:
        """Raises UsageError when the workflow's checkpoint is not on the server."""
        found = find_role(workflow, schemas, ROLES["checkpoint"])
        if found is None:
            return
        value = workflow[found[0]].get("inputs", {}).get(found[1][0])
        choices = _checkpoint_choices(workflow, schemas)
        if isinstance(value, str) and value not in choices:
            raise UsageError(_no_checkpoint(self.url, value, choices))

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

    # During ------------------------------------------------------------------------------------

    async def run(self, workflow: dict) -> dict:
        """Queue the workflow, follow it to its end, and return its entry in the history."""
        # Listening begins before the job does, so that nothing of it is missed.
        socket = await self._listen()
        job = _Followed(await self._queue(workflow), workflow)
        await self._follow(job, socket)
        job.check()
        # The server tells of success a moment before it writes its history.
        for _ in range(20):
            history = await self._history(job.prompt_id)
            if history:
                return history
            await asyncio.sleep(_POLL_SECONDS)
        raise InputError(f"The server at {self.url} keeps no history of the job, so its result cannot be found.")

    async def _listen(self) -> Any:
        return await self.session.ws_connect(f"{self.url}/ws?clientId={self.client_id}", max_msg_size=0)

    async def _follow(self, job: _Followed, socket: Any) -> None:
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

    def _on_event(self, job: _Followed, event: dict) -> None:
        kind, data = event.get("type"), event.get("data") or {}
        if data.get("prompt_id") not in (None, job.prompt_id):
            return
        if kind == "progress" and data.get("max"):
            node_id = str(data.get("node"))
            bar = self._bars.get(node_id)
            if bar is None:
                bar = self._bars[node_id] = TerminalProgress(self.host, int(data["max"]), job.title(node_id))
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

    # After -------------------------------------------------------------------------------------

    async def download(self, history: dict, output: str, workflow: dict) -> Path:
        """The file that the output node saved, brought into the host's temporary folder."""
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


class _Followed:
    """What is known of our job."""

    def __init__(self, prompt_id: str, workflow: dict):
        self.prompt_id, self.workflow = prompt_id, workflow
        self.started = self.finished = False
        self.outcome, self.detail = "", {}

    def title(self, node_id: str) -> str:
        """A node's title; nodes that arose during the run have their parent's id in front."""
        node = self.workflow.get(node_id) or self.workflow.get(node_id.split(".")[0])
        return title_of(node) if node else f"Node {node_id}"

    def check(self) -> None:
        """Raises what the server told about the end of the job."""
        if self.outcome == "execution_error":
            raise InputError(failure(self.detail, self.workflow))
        if self.outcome == "execution_interrupted":
            raise InputError("The job was cancelled on the server; run the same command to go on from there.")


def refusal(answer: Mapping, workflow: Mapping) -> str:
    """Why a server refused a workflow, as sentences that name node and input."""
    lines = []
    for node_id, entry in (answer.get("node_errors") or {}).items():
        node = workflow.get(node_id, {})
        where = describe(node_id, title_of(node), str(entry.get("class_type") or node.get("class_type")))
        for error in entry.get("errors") or ():
            name = (error.get("extra_info") or {}).get("input_name")
            about = f"{where}: input '{name}'" if name else where
            lines.append(f"{about}: {_sentence(error)}")
    if not lines:
        error = answer.get("error")
        lines.append(
            f"The server refused the workflow: {_sentence(error if isinstance(error, Mapping) else {'message': error})}"
        )
    return "\n".join(lines)


def _sentence(error: Mapping) -> str:
    parts = [str(error.get(key)).strip().rstrip(".") for key in ("message", "details") if error.get(key)]
    return " ".join(": ".join(parts).split()) + "."


def failure(data: Mapping, workflow: Mapping) -> str:
    """Why a job failed on the server, as one sentence."""
    message = " ".join(str(data.get("exception_message") or "no further word").split())
    if str(data.get("exception_type", "")).endswith("InputError"):
        return message
    node_id = str(data.get("node_id"))
    node = workflow.get(node_id)
    where = describe(node_id, title_of(node), node["class_type"]) if node else "The job"
    kind = str(data.get("exception_type") or "an error").rpartition(".")[2]
    return f"{where} failed on the server with {kind}: {message}"


def _checkpoint_choices(workflow: dict, schemas: Schemas) -> list[str]:
    found = find_role(workflow, schemas, ROLES["checkpoint"])
    if found is None:
        raise UsageError("--checkpoint has nowhere to go: no node of this workflow has an input ckpt_name.")
    return [str(choice) for choice in schemas[workflow[found[0]]["class_type"]][found[1][0]][1].get("options") or ()]


def _no_checkpoint(url: str, name: str, choices: list[str]) -> str:
    there = close_names(name, choices) or (
        f"; it has {', '.join(choices[:6])}{' ...' if len(choices) > 6 else ''}; name one with --checkpoint."
        if choices
        else "; put one into its models/checkpoints folder."
    )
    return f"The server at {url} has no checkpoint '{name}'{there}"
