"""Runs workflows in ComfyUI's API format, as ComfyUI does wherever a node could notice.

`validate` finds everything that is wrong before anything runs. An `Executor` runs a workflow and
keeps results, so that the next run repeats only what has changed.
"""

from __future__ import annotations

import asyncio
import copy
import difflib
import errno
import hashlib
import inspect
import json
import logging
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..comfy_api.io import ComfyNode, ExecutionBlocker, Hidden, NodeOutput, Schema

from songreel.nodes.base.errors import InputError

Registry = Mapping[str, type[ComfyNode]]
EventHandler = Callable[[str, dict], None]

# Values of these types cannot be written down in a workflow.
LINK_ONLY = frozenset(
    ["AUDIO", "CLIP", "CONDITIONING", "IMAGE", "LATENT", "LORA_MODEL", "MASK", "MODEL", "NOISE", "VAE", "VIDEO"]
)
_CONVERSIONS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_KINDS = {"INT": "a whole number", "FLOAT": "a number", "STRING": "a text", "BOOLEAN": "true or false"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """Something wrong with a workflow; the message is one sentence that names node and input."""

    node_id: str | None
    input: str | None
    message: str

    def __str__(self) -> str:
        return self.message


class WorkflowError(Exception):
    """A workflow that cannot run. `problems` holds everything that was found."""

    def __init__(self, problems: list[Problem]):
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


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

    outputs: node id -> what the node shows. values: node id -> per output slot the list of values.
    executed, cached: node ids in order. blocked: (node id, reason) of nodes that were held back.
    """

    outputs: dict[str, dict] = field(default_factory=dict)
    values: dict[str, list[list]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    blocked: list[tuple[str, str]] = field(default_factory=list)


def describe(node_id: str, title: str, class_type: str) -> str:
    """A node as people see it, such as `Node 3 "Song" (LoadAudio)`."""
    return f'Node {node_id} "{title}" ({class_type})' if title != class_type else f"Node {node_id} ({class_type})"


def given_title(node: Mapping) -> str:
    """The title that a node was given, "" when it has none."""
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return title if isinstance(title, str) else ""


def title_of(node: Mapping) -> str:
    """A node's title, else its class."""
    return given_title(node) or str(node.get("class_type"))


def is_link(value: Any) -> bool:
    """Whether an input's value is a link, [node id, output slot]."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def types_match(given: str, wanted: str) -> bool:
    """Whether an output's type may go into an input's; `*` takes everything, "A,B" takes either."""
    kinds, accepted = ({kind.strip() for kind in text.split(",")} for text in (given, wanted))
    return "*" in kinds or "*" in accepted or bool(kinds & accepted)


def shown(value: Any) -> str:
    """A value for a message, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def close_names(name: str, names: Iterable[str]) -> str:
    """A hint such as "; did you mean 'X'?", or nothing."""
    names = list(names)
    lowered = {other.lower(): other for other in names}
    close = [lowered[match] for match in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)]
    return f"; did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


# Validation ----------------------------------------------------------------------------------------


def validate(workflow: Any, registry: Registry) -> list[Problem]:
    """Everything that is wrong with a workflow. Nothing is run, the workflow is not changed."""
    return _Validation(workflow, registry).problems


def check_shape(workflow: Any, classes: Iterable[str]) -> list[Problem]:
    """What is wrong with a workflow as a whole: its form, and nodes of classes that do not exist."""
    if not isinstance(workflow, dict):
        return [Problem(None, None, f"The workflow must be a JSON object of nodes by id, got {shown(workflow)}.")]
    if "nodes" in workflow and "links" in workflow:
        text = "The workflow is in ComfyUI's UI format; export it with 'Export (API)' and run that file."
        return [Problem(None, None, text)]
    classes = set(classes)
    problems = ((node_id, _node_problem(node_id, node, classes)) for node_id, node in workflow.items())
    return [Problem(node_id, None, text) for node_id, text in problems if text]


def _node_problem(node_id: str, node: Any, classes: set[str]) -> str | None:
    if not isinstance(node, dict):
        return f"Node {node_id} must be an object with class_type and inputs, got {shown(node)}."
    class_type, inputs = node.get("class_type"), node.get("inputs", {})
    if not isinstance(class_type, str):
        return f"Node {node_id} has no class_type; give the name of a node class."
    where = describe(node_id, title_of(node), class_type)
    if not isinstance(inputs, dict):
        return f"{where}: inputs must be an object, got {shown(inputs)}."
    if class_type not in classes:
        hint = close_names(class_type, classes) or "; `python -m headless nodes` lists those there are."
        return f"{where} is of a class that does not exist here{hint}"
    return None


class _Validation:
    """Checks a workflow and makes a copy of it whose constants have their inputs' types."""

    def __init__(self, workflow: Any, registry: Registry):
        self.registry = registry
        self.problems = check_shape(workflow, registry)
        self.schemas: dict[str, Schema] = {}
        self.workflow: dict[str, dict] = {}
        self.outputs: list[str] = []
        if not isinstance(workflow, dict):
            return
        broken = {problem.node_id for problem in self.problems}
        if None in broken:
            return
        self.workflow = copy.deepcopy(workflow)
        for node_id, node in self.workflow.items():
            if node_id not in broken:
                node.setdefault("inputs", {})
                self.schemas[node_id] = registry[node["class_type"]].GET_SCHEMA()
        self.outputs = [node_id for node_id, schema in self.schemas.items() if schema.is_output_node]
        if not self.problems and not self.outputs:
            self._fail(None, None, "The workflow has no output node, so nothing would run; add one such as SaveVideo.")
        reachable = self._reachable()
        for node_id in reachable:
            self._check_inputs(node_id)
        self._find_cycles(reachable)
        if not self.problems:
            for node_id in reachable:
                self._ask_node(node_id)

    def _fail(self, node_id: str | None, name: str | None, message: str) -> None:
        self.problems.append(Problem(node_id, name, message))

    def _fail_input(self, node_id: str, name: str, message: str) -> None:
        self._fail(node_id, name, f"{self._where(node_id)}: input '{name}' {message}")

    def _where(self, node_id: str) -> str:
        node = self.workflow[node_id]
        return describe(node_id, title_of(node), node["class_type"])

    def _reachable(self) -> list[str]:
        """Nodes that the output nodes need, in the order of the workflow."""
        found, stack = set(), list(self.outputs)
        while stack:
            node_id = stack.pop()
            if node_id in found or node_id not in self.schemas:
                continue
            found.add(node_id)
            stack.extend(value[0] for value in self.workflow[node_id]["inputs"].values() if is_link(value))
        return [node_id for node_id in self.workflow if node_id in found]

    def _check_inputs(self, node_id: str) -> None:
        inputs, schema = self.workflow[node_id]["inputs"], self.schemas[node_id]
        trusted = _own_checks(self.registry[self.workflow[node_id]["class_type"]])
        known = {socket.id for socket in schema.inputs}
        for name, value in inputs.items():
            if name not in known and is_link(value):
                self._fail_input(node_id, name, f"does not exist, but it is linked{close_names(name, known) or '.'}")
        for socket in schema.inputs:
            if socket.id not in inputs:
                if not socket.optional:
                    self._fail_input(node_id, socket.id, "is missing; give it a value or a link.")
            elif isinstance(inputs[socket.id], list):
                self._check_link(node_id, socket.id, socket.get_io_type(), inputs[socket.id], "input_types" in trusted)
            else:
                skip_range = socket.id in trusted or "**" in trusted
                self._check_constant(node_id, socket, skip_range)

    def _check_link(self, node_id: str, name: str, wanted: str, value: list, any_type: bool) -> None:
        if not is_link(value):
            form = '[node id, output slot], or a list wrapped as {"__value__": [...]}'
            return self._fail_input(node_id, name, f"must be a link {form}, got {shown(value)}.")
        source, slot = value
        if source not in self.workflow:
            return self._fail_input(node_id, name, f"is linked to node {source}, which does not exist.")
        if source not in self.schemas:
            return None
        outputs = self.schemas[source].outputs
        if not 0 <= slot < len(outputs):
            return self._fail_input(
                node_id, name, f"is linked to output {slot} of {self._where(source)}, which has {len(outputs)} outputs."
            )
        given = outputs[slot].get_io_type()
        if not any_type and not types_match(given, wanted):
            return self._fail_input(
                node_id, name, f"takes {wanted}, but output {slot} of {self._where(source)} gives {given}."
            )
        return None

    def _check_constant(self, node_id: str, socket: Any, skip_range: bool) -> None:
        inputs, name, kind = self.workflow[node_id]["inputs"], socket.id, socket.get_io_type()
        value = inputs[name]
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[name] = value["__value__"]
        if kind in LINK_ONLY:
            return self._fail_input(node_id, name, f"takes {kind}, which only a link can give, got {shown(value)}.")
        if kind in _CONVERSIONS:
            try:
                if value is None or isinstance(value, (dict, list)):
                    raise TypeError
                value = inputs[name] = _CONVERSIONS[kind](value)
                if kind == "FLOAT" and not math.isfinite(value):
                    raise ValueError
            except (TypeError, ValueError, OverflowError):
                return self._fail_input(node_id, name, f"must be {_KINDS[kind]}, got {shown(value)}.")
        options = socket.as_dict()
        if skip_range:
            return None
        if kind in ("INT", "FLOAT"):
            if "min" in options and value < options["min"]:
                return self._fail_input(node_id, name, f"must be at least {options['min']}, got {shown(value)}.")
            if "max" in options and value > options["max"]:
                return self._fail_input(node_id, name, f"must be at most {options['max']}, got {shown(value)}.")
        if kind == "COMBO" and options.get("options") is not None:
            choices = options["options"]
            wrong = [item for item in (value if options.get("multiselect") else [value]) if item not in choices]
            if wrong:
                return self._fail_input(node_id, name, f"must be {_one_of(choices)}, got {shown(wrong[0])}.")
        return None

    def _find_cycles(self, reachable: list[str]) -> None:
        state: dict[str, int] = {}
        for root in reachable:
            path: list[str] = []
            stack: list[tuple[str, bool]] = [(root, False)]
            while stack:
                node_id, leaving = stack.pop()
                if leaving:
                    state[node_id] = 2
                    path.pop()
                    continue
                if state.get(node_id):
                    continue
                state[node_id] = 1
                path.append(node_id)
                stack.append((node_id, True))
                for name, value in self.workflow[node_id]["inputs"].items():
                    if not is_link(value) or value[0] not in self.schemas:
                        continue
                    if state.get(value[0]) == 1:
                        circle = path[path.index(value[0]) :]
                        way = " -> ".join([value[0], *reversed(circle)])
                        self._fail_input(node_id, name, f"closes a circle of links ({way}); remove one of them.")
                    elif not state.get(value[0]):
                        stack.append((value[0], False))

    def _ask_node(self, node_id: str) -> None:
        """The node's own validate_inputs, which sees constants; what is linked comes as None."""
        node = self.workflow[node_id]
        cls = self.registry[node["class_type"]]
        wanted = _own_checks(cls)
        if not wanted:
            return
        schema = self.schemas[node_id]
        inputs = {
            socket.id: None if is_link(node["inputs"][socket.id]) else node["inputs"][socket.id]
            for socket in schema.inputs
            if socket.id in node["inputs"]
        }
        given = {name: value for name, value in inputs.items() if name in wanted or "**" in wanted}
        if "input_types" in wanted:
            links = {name: value for name, value in node["inputs"].items() if is_link(value)}
            given["input_types"] = {
                name: self.schemas[source].outputs[slot].get_io_type() for name, (source, slot) in links.items()
            }
        try:
            answer = cls.PREPARE_CLASS_CLONE({Hidden.unique_id: node_id}).validate_inputs(**given)
            if inspect.isawaitable(answer):
                answer = asyncio.run(_awaited(answer))
        except InputError as error:
            answer = str(error)
        if answer is True:
            return
        names = [name for name in given if name != "input_types"]
        about = f"input '{names[0]}'" if len(names) == 1 else "inputs " + ", ".join(f"'{name}'" for name in names)
        detail = answer if isinstance(answer, str) and answer else "the value is refused."
        self._fail(node_id, names[0] if len(names) == 1 else None, f"{self._where(node_id)}: {about}: {detail}")


async def _awaited(value: Any) -> Any:
    return await value


def _own_checks(cls: type[ComfyNode]) -> set[str]:
    """Names that the node's validate_inputs takes, "**" when it takes all; empty when there is none."""
    if not cls.overrides("validate_inputs"):
        return set()
    parameters = inspect.signature(cls.validate_inputs).parameters.values()
    return {"**" if parameter.kind is parameter.VAR_KEYWORD else parameter.name for parameter in parameters}


def _one_of(choices: list) -> str:
    if not choices:
        return "one of an empty list (there is no such file or entry here)"
    if len(choices) > 12:
        return f"one of {len(choices)} entries such as {', '.join(shown(choice) for choice in choices[:4])}"
    return "one of " + ", ".join(shown(choice) for choice in choices)


# Running -------------------------------------------------------------------------------------------


def run(workflow: Any, registry: Registry, *, host: Any, on_event: EventHandler | None = None) -> Result:
    """Validate a workflow and run it once. See `Executor.run`."""
    return Executor(registry, host=host).run(workflow, on_event=on_event)


@dataclass
class _Cached:
    values: list[list]
    ui: dict | None


class Executor:
    """Runs workflows; what an unchanged node gave in the run before is used again.

    host: needs `check_interrupt()` and the context manager `executing(node_id, title)`.
    """

    def __init__(self, registry: Registry, *, host: Any):
        self.registry, self.host = registry, host
        self._cache: dict[str, _Cached] = {}

    def run(self, workflow: Any, *, on_event: EventHandler | None = None, extra_pnginfo: dict | None = None) -> Result:
        """Run what the workflow's output nodes need.

        on_event(name, data): called with ComfyUI's event names (`executing`, `executed` ...).
        Raises WorkflowError before anything runs, NodeError when a node fails.
        """
        checked = _Validation(workflow, self.registry)
        if checked.problems:
            raise WorkflowError(checked.problems)
        job = _Job(self, checked, on_event or (lambda name, data: None), extra_pnginfo)
        return asyncio.run(job.run())


class _Job:
    """One run of one workflow."""

    def __init__(self, executor: Executor, checked: _Validation, on_event: EventHandler, extra_pnginfo: dict | None):
        self.executor, self.host, self.registry = executor, executor.host, executor.registry
        self.workflow, self.schemas, self.targets = checked.workflow, checked.schemas, checked.outputs
        self.emit, self.extra_pnginfo = on_event, extra_pnginfo
        self.result = Result()
        self.keys: dict[str, str] = {}
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
                key = await self._key(node_id)
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
            keys = set(self.keys.values())
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

    # Cache keys --------------------------------------------------------------------------------

    async def _key(self, node_id: str) -> str:
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
        if schema.not_idempotent or Hidden.unique_id in schema.hidden:
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
        node, schema = self.workflow[node_id], self.schemas[node_id]
        cls = self.registry[node["class_type"]]
        if not cls.overrides("fingerprint_inputs"):
            return ""
        inputs = {
            socket.id: None if is_link(node["inputs"][socket.id]) else node["inputs"][socket.id]
            for socket in schema.inputs
            if socket.id in node["inputs"]
        }
        try:
            value = self._class(node_id).fingerprint_inputs(**inputs)
            value = await value if inspect.isawaitable(value) else value
        except Exception as error:
            log.warning("%s: its fingerprint failed, so it runs again: %s", self._where(node_id), error)
            value = float("nan")
        always = isinstance(value, float) and math.isnan(value)
        return secrets.token_hex(16) if always else repr(value)

    # One node ----------------------------------------------------------------------------------

    def _where(self, node_id: str) -> str:
        node = self.workflow[node_id]
        return describe(node_id, title_of(node), node["class_type"])

    def _class(self, node_id: str) -> type[ComfyNode]:
        """The node's class for one execution, with its hidden values."""
        values = {
            Hidden.unique_id: node_id,
            Hidden.prompt: self.workflow,
            Hidden.extra_pnginfo: self.extra_pnginfo,
            Hidden.dynprompt: None,
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
                raise InputError(
                    f"{self._where(node_id)} turns into other nodes as it runs, which only ComfyUI does; run it there."
                )
            if output.block_execution is not None:
                values = [ExecutionBlocker(output.block_execution or None)] * len(merged)
            else:
                values = output.args
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
