"""Tells whether a node would give what it gave before: a digest of all that its outputs depend on."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import math
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from ..comfy_api.io import ComfyNode, Hidden, Schema
from .graph import constants, is_link, name_of

log = logging.getLogger(__name__)


class CacheKeys:
    """The keys of the nodes of one workflow.

    Parameters
    ----------
    workflow : mapping
        Nodes by id, checked.
    schemas : mapping
        Their schemas by id.
    node_class : callable
        The class of a node id, ready for one execution.
    """

    def __init__(self, workflow: Mapping, schemas: Mapping[str, Schema], node_class: Callable[[str], type[ComfyNode]]):
        self.workflow, self.schemas, self.node_class = workflow, schemas, node_class
        self.keys: dict[str, str] = {}

    async def of(self, node_id: str) -> str:
        """Digest of a node's class, its inputs, all that lies before it, and its fingerprint."""
        stack = [node_id]
        while stack:
            current = stack[-1]
            sources = [value[0] for value in self._linked(current).values() if value[0] not in self.keys]
            if current in self.keys:
                stack.pop()
            elif sources:
                stack.extend(sources)
            else:
                self.keys[current] = await self._own_key(current)
                stack.pop()
        return self.keys[node_id]

    def _linked(self, node_id: str) -> dict[str, list]:
        inputs = self.workflow[node_id]["inputs"]
        names = [socket.id for socket in self.schemas[node_id].inputs]
        return {name: inputs[name] for name in names if is_link(inputs.get(name))}

    async def _own_key(self, node_id: str) -> str:
        node, schema = self.workflow[node_id], self.schemas[node_id]
        parts: list[Any] = [node["class_type"], await self._fingerprint(node_id)]
        if Hidden.unique_id in schema.hidden:
            parts.append(node_id)
        linked = self._linked(node_id)
        for socket in schema.inputs:
            if socket.id in linked:
                source, slot = linked[socket.id]
                parts.append([socket.id, "link", self.keys[source], slot])
            elif socket.id in node["inputs"]:
                parts.append([socket.id, repr(node["inputs"][socket.id])])
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=20).hexdigest()

    async def _fingerprint(self, node_id: str) -> str:
        schema = self.schemas[node_id]
        cls = self.node_class(node_id)
        if not cls.overrides("fingerprint_inputs"):
            return ""
        try:
            value = cls.fingerprint_inputs(**constants(self.workflow[node_id], schema))
            value = await value if inspect.isawaitable(value) else value
        except Exception as error:
            log.warning("%s: its fingerprint failed, so it runs again: %s", name_of(self.workflow, node_id), error)
            value = float("nan")
        always = isinstance(value, float) and math.isnan(value)
        return secrets.token_hex(16) if always else repr(value)
