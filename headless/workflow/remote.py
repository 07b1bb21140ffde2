"""Runs a workflow on a ComfyUI elsewhere: uploads the song, follows the work, brings the video back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from songreel.nodes.base.errors import InputError

from ..host import HeadlessHost
from .graph import close_names
from .options import ROLES, Schemas, UsageError, find_output, find_role, schemas_of
from .remote_server import Server
from .validate import WorkflowError, check_shape

# Fills a workflow's options: (schemas, name of the song there, name of the checkpoint there) -> workflow.
FillOptions = Callable[[Schemas, str, str | None], dict]
Adapt = Callable[[dict, Schemas, str], dict]


def render_on_server(
    url: str,
    workflow: dict,
    fill: FillOptions,
    *,
    song: Path,
    checkpoint: str | None,
    host: HeadlessHost,
    adapt: Adapt = lambda workflow, schemas, output: workflow,
    owner_key: str | None = None,
) -> Path:
    """Run a workflow on a ComfyUI elsewhere and bring the finished file back.

    Parameters
    ----------
    url : str
        Address of the server, such as http://127.0.0.1:8188.
    workflow : dict
        Nodes by id, in API format.
    fill : callable
        fill(schemas, name of the song there, name of the checkpoint there) gives the workflow with the options in it.
    song : Path
        The file that is uploaded.
    checkpoint : str, optional
        A name, or a path on this machine whose file name the server knows.
    host : HeadlessHost
        Shows progress and takes Ctrl-C.
    adapt : callable
        adapt(workflow, schemas, output node) gives the workflow with an output that fits.
    owner_key : str, optional
        The key of the person whom the workflow names, for a server that other computers can reach.

    Returns
    -------
    Path
        The file, in the host's temporary folder.

    Raises
    ------
    UsageError, WorkflowError
        Before anything runs there.
    InputError
        When it fails.
    """
    return asyncio.run(_render(url, workflow, fill, song, checkpoint, host, adapt, owner_key))


async def _render(
    url: str,
    workflow: dict,
    fill: FillOptions,
    song: Path,
    checkpoint: str | None,
    host: HeadlessHost,
    adapt: Adapt,
    owner_key: str | None,
) -> Path:
    import aiohttp

    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"--server takes an address such as http://127.0.0.1:8188, got '{url}'.")
    timeout = aiohttp.ClientTimeout(total=None, connect=15, sock_read=300)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        server = Server(session, url.rstrip("/"), host, owner_key)
        try:
            infos = await server.catalogue()
            _check_classes(workflow, infos, server.url)
            schemas = schemas_of(infos)
            name = None if checkpoint is None else _checkpoint_there(workflow, schemas, checkpoint, server.url)
            workflow = fill(schemas, await server.upload(song), name)
            _check_checkpoint(workflow, schemas, server.url)
            output = find_output(workflow, [name for name, info in infos.items() if info.get("output_node")])
            workflow = adapt(workflow, schemas, output)
            history = await server.run(workflow)
            return await server.download(history, output, workflow)
        except aiohttp.ClientError as error:
            reason = str(error) or type(error).__name__
            raise InputError(f"The server at {url} does not answer ({reason}); is ComfyUI running there?") from None


def _check_classes(workflow: dict, infos: Mapping, url: str) -> None:
    """Raises when the workflow is malformed or uses a class that the server does not have."""
    given = (node.get("class_type") for node in workflow.values() if isinstance(node, dict))
    classes = {name for name in given if isinstance(name, str)}
    problems = check_shape(workflow, classes)
    if problems:
        raise WorkflowError(problems)
    missing = sorted(classes - set(infos))
    if missing:
        raise UsageError(
            f"The server at {url} has no node {', '.join(missing)}; install this pack in its custom_nodes "
            "folder and restart it."
        )


def _checkpoint_there(workflow: dict, schemas: Schemas, checkpoint: str, url: str) -> str:
    """The server's name of a checkpoint given by name or by a path on this machine."""
    choices = _checkpoint_choices(workflow, schemas)
    for wanted in (checkpoint, Path(checkpoint).name):
        for choice in choices:
            if wanted in (choice, PurePosixPath(choice.replace("\\", "/")).name):
                return choice
    raise UsageError(_no_checkpoint(url, Path(checkpoint).name, choices))


def _check_checkpoint(workflow: dict, schemas: Schemas, url: str) -> None:
    """Raises UsageError when the workflow's checkpoint is not on the server."""
    found = find_role(workflow, schemas, ROLES["checkpoint"])
    if found is None:
        return
    value = workflow[found[0]].get("inputs", {}).get(found[1][0])
    choices = _checkpoint_choices(workflow, schemas)
    if isinstance(value, str) and value not in choices:
        raise UsageError(_no_checkpoint(url, value, choices))


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
