"""What is known of a job on a ComfyUI elsewhere, and what to tell when it was refused or has failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from songreel.nodes.base.errors import InputError

from .graph import describe, title_of


class FollowedJob:
    """What is known of our job."""

    def __init__(self, prompt_id: str, workflow: dict):
        self.prompt_id, self.workflow = prompt_id, workflow
        self.started = self.finished = False
        self.outcome = ""
        self.detail: dict[str, Any] = {}

    def title(self, node_id: str) -> str:
        """A node's title; nodes that arose during the run have their parent's id in front."""
        node = self.workflow.get(node_id) or self.workflow.get(node_id.split(".")[0])
        return title_of(node) if node else f"Node {node_id}"

    def check(self) -> None:
        """See how the job has ended.

        Raises
        ------
        InputError
            When the server told that it failed or was cancelled.
        """
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
