"""Runs workflows in ComfyUI's API format, as ComfyUI does wherever a node could notice.

An `Executor` keeps results, so that the next run repeats only what has changed.
"""

from __future__ import annotations

import asyncio
import errno
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from songreel.nodes.base.errors import InputError

from ..comfy_api.io import ComfyNode, ExecutionBlocker, Hidden, NodeOutput
from .cache import CacheKeys
from .graph import describe, is_link, name_of, title_of
from .validate import CheckedWorkflow, Registry, WorkflowError

EventHandler = Callable[[str, dict], None]


class NodeError(Exception):
    """A node that failed. `original` is what it raised; an InputError's text is the message as it is."""

    def __init__(self, node_id: str, title: str, class_type: str, original: Exception):
        self.node_id, self.title, self.class_type, self.original = node_id, title, class_type, original
        super().__init__(self._text())

    def _text(self) -> str:
        error = self.original
        if isinstance(error, InputError):
            return str(error)
        where = describe(self.node_id, self.title, self.class_type)
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return f"{where} ran out of memory; use a smaller size or close other programs."
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return f"{where} could not write, the disk is full; free some space and run again."
        detail = " ".join(str(error).split()) or "no further word"
        return f"{where} failed with {type(error).__name__}: {detail}"


@dataclass
class Result:
    """What a run gave.

    Parameters
    ----------
    outputs : dict
        Node id -> what the node shows.
    values : dict
        Node id -> per output slot the list of values.
    executed, cached : list of str
        Node ids in order.
    blocked : list of tuple
        (node id, reason) of nodes that were held back.
    """

    outputs: dict[str, dict] = field(default_factory=dict)
    values: dict[str, list[list]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    blocked: list[tuple[str, str]] = field(default_factory=list)


def run(workflow: Any, registry: Registry, *, host: Any, on_event: EventHandler | None = None) -> Result:
    """Validate a workflow and run it once. See `Executor.run`."""
    return Executor(registry, host=host).run(workflow, on_event=on_event)


@dataclass
class _Cached:
    values: list[list]
    ui: dict | None


class Executor:
    """Runs workflows; what an unchanged node gave in the run before is used again.

    Parameters
    ----------
    registry : mapping
        Node classes by name.
    host : HeadlessHost
        Needs `check_interrupt()` and the context manager `executing(node_id, title)`.
    """

    def __init__(self, registry: Registry, *, host: Any):
        self.registry, self.host = registry, host
        self._cache: dict[str, _Cached] = {}

    def run(self, workflow: Any, *, on_event: EventHandler | None = None, extra_pnginfo: dict | None = None) -> Result:
        """Run what the workflow's output nodes need.

        Parameters
        ----------
        workflow : Any
            What a file in ComfyUI's API format holds: nodes by id.
        on_event : callable, optional
            Called as on_event(name, data) with ComfyUI's event names (`executing`, `executed` ...).
        extra_pnginfo : dict, optional
            What saved files keep beside the workflow.

        Raises
        ------
        WorkflowError
            Before anything runs, with all that is wrong.
        NodeError
            When a node fails.
        """
        checked = CheckedWorkflow(workflow, self.registry)
        if checked.problems:
            raise WorkflowError(checked.problems)
        job = _Job(self, checked, on_event or (lambda name, data: None), extra_pnginfo)
        return asyncio.run(job.run())


class _Job:
    """One run of one workflow."""

    def __init__(
        self, executor: Executor, checked: CheckedWorkflow, on_event: EventHandler, extra_pnginfo: dict | None
    ):
        self.executor, self.host, self.registry = executor, executor.host, executor.registry
        self.workflow, self.schemas, self.targets = checked.workflow, checked.schemas, checked.outputs
        self.emit, self.extra_pnginfo = on_event, extra_pnginfo
        self.result = Result()
        self.keys = CacheKeys(self.workflow, self.schemas, self._class)
        self.wanted: dict[str, set[str]] = {}  # lazy inputs that a node has asked for

    async def run(self) -> Result:
        import torch

        self.emit("execution_start", {})
        try:
            with torch.inference_mode():
                await self._run_all()
        except NodeError as error:
            self.emit("execution_error", {"node_id": error.node_id, "exception_message": str(error)})
            raise
        except BaseException:
            self.emit("execution_interrupted", {})
            raise
        self.emit("execution_success", {})
        return self.result

    async def _run_all(self) -> None:
        cache = self.executor._cache
        stack = list(reversed(self.targets))
        try:
            while stack:
                node_id = stack[-1]
                if node_id in self.result.values:
                    stack.pop()
                    continue
                key = await self.keys.of(node_id)
                if key in cache:
                    self._keep(node_id, cache[key])
                    self.result.cached.append(node_id)
                    self.emit("execution_cached", {"node": node_id})
                    continue
                missing = [source for source in self._sources(node_id) if source not in self.result.values]
                if missing:
                    stack.extend(reversed(missing))
                    continue
                try:
                    done = await self._execute(node_id)
                except Exception as error:
                    node = self.workflow[node_id]
                    raise NodeError(node_id, title_of(node), node["class_type"], error) from error
                if done is not None:
                    cache[key] = done
                    self._keep(node_id, done)
                    self.result.executed.append(node_id)
                    self.emit("executed", {"node": node_id, "output": done.ui})
        finally:
            # What this workflow has no use for is let go, so that memory does not grow from run to run.
            keys = set(self.keys.keys.values())
            self.executor._cache = {key: value for key, value in cache.items() if key in keys}

    def _keep(self, node_id: str, cached: _Cached) -> None:
        self.result.values[node_id] = cached.values
        if cached.ui:
            self.result.outputs[node_id] = cached.ui

    def _sources(self, node_id: str) -> list[str]:
        """Nodes that must run before this one; those behind lazy inputs only once they were asked for."""
        inputs, asked = self.workflow[node_id]["inputs"], self.wanted.get(node_id, set())
        return [
            inputs[socket.id][0]
            for socket in self.schemas[node_id].inputs
            if is_link(inputs.get(socket.id)) and (not socket.lazy or socket.id in asked)
        ]

    # One node ----------------------------------------------------------------------------------

    def _class(self, node_id: str) -> type[ComfyNode]:
        """The node's class for one execution, with its hidden values."""
        values = {
            Hidden.unique_id: node_id,
            Hidden.prompt: self.workflow,
            Hidden.extra_pnginfo: self.extra_pnginfo,
        }
        hidden = {name: value for name, value in values.items() if name in self.schemas[node_id].hidden}
        return self.registry[self.workflow[node_id]["class_type"]].PREPARE_CLASS_CLONE(hidden)

    def _inputs(self, node_id: str) -> tuple[dict[str, list], set[str]]:
        """Every given input as a list of values, and the names of those that are not known yet."""
        inputs, lists, missing = self.workflow[node_id]["inputs"], {}, set()
        for socket in self.schemas[node_id].inputs:
            value = inputs.get(socket.id)
            if is_link(value):
                source, slot = value
                if source in self.result.values:
                    lists[socket.id] = self.result.values[source][slot]
                else:
                    lists[socket.id] = [None]
                    missing.add(socket.id)
            elif socket.id in inputs:
                lists[socket.id] = [value]
        return lists, missing

    async def _execute(self, node_id: str) -> _Cached | None:
        """The node's outputs; None when it asked for more lazy inputs first."""
        self.host.check_interrupt()
        node, schema = self.workflow[node_id], self.schemas[node_id]
        cls = self._class(node_id)
        lists, missing = self._inputs(node_id)
        with self.host.executing(node_id, title_of(node)):
            if missing and cls.overrides("check_lazy_status"):
                asked: set[str] = set()
                for inputs in _calls(lists, schema.is_input_list):
                    answer = cls.check_lazy_status(**inputs)
                    asked.update(await answer if inspect.isawaitable(answer) else answer or ())
                asked &= missing
                if asked:
                    self.wanted.setdefault(node_id, set()).update(asked)
                    return None
            self.emit("executing", {"node": node_id, "title": title_of(node)})
            outputs: list[NodeOutput] = []
            for inputs in _calls(lists, schema.is_input_list):
                self.host.check_interrupt()
                blocker = _blocker(inputs, schema.is_input_list)
                if blocker is not None:
                    outputs.append(NodeOutput(block_execution=self._block(node_id, blocker)))
                else:
                    outputs.append(await cls.run(**inputs))
        return _Cached(self._merge(node_id, outputs), _merge_ui(outputs))

    def _block(self, node_id: str, blocker: ExecutionBlocker) -> str:
        """Tell why a node is held back, once."""
        if blocker.message:
            self.result.blocked.append((node_id, blocker.message))
            self.emit("execution_blocked", {"node": node_id, "message": blocker.message})
        return ""

    def _merge(self, node_id: str, outputs: list[NodeOutput]) -> list[list]:
        """Per output slot the values of all calls; list outputs are joined."""
        merged: list[list] = [[] for _ in self.schemas[node_id].outputs]
        for output in outputs:
            if output.expand is not None:
                where = name_of(self.workflow, node_id)
                raise InputError(f"{where} turns into other nodes as it runs, which only ComfyUI does; run it there.")
            values: Sequence[Any] = output.args
            if output.block_execution is not None:
                values = [ExecutionBlocker(output.block_execution or None)] * len(merged)
            if len(values) < len(merged):
                raise RuntimeError(f"it gave {len(values)} of its {len(merged)} outputs")
            for socket, slot, value in zip(self.schemas[node_id].outputs, merged, values, strict=False):
                if socket.is_output_list and not isinstance(value, ExecutionBlocker):
                    slot.extend(value)
                else:
                    slot.append(value)
        return merged


def _calls(lists: dict[str, list], is_input_list: bool) -> list[dict[str, Any]]:
    """The arguments of every call: one per item, shorter lists repeat their last item."""
    if is_input_list:
        return [lists]
    if not lists:
        return [{}]
    count = max(len(values) for values in lists.values())
    if any(not values for values in lists.values()):
        return []
    return [{name: values[min(index, len(values) - 1)] for name, values in lists.items()} for index in range(count)]


def _blocker(inputs: dict[str, Any], is_input_list: bool) -> ExecutionBlocker | None:
    for value in inputs.values():
        for item in value if is_input_list else (value,):
            if isinstance(item, ExecutionBlocker):
                return item
    return None


def _merge_ui(outputs: list[NodeOutput]) -> dict | None:
    """What the calls show, joined by name."""
    shown_by_call = [
        output.ui if isinstance(output.ui, dict) else output.ui.as_dict() for output in outputs if output.ui is not None
    ]
    if not shown_by_call:
        return None
    return {name: [item for part in shown_by_call for item in part[name]] for name in shown_by_call[0]}
