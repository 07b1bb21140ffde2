"""Finds everything that is wrong with a workflow before any of it runs."""

from __future__ import annotations

import asyncio
import copy
import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from songreel.nodes.base.errors import InputError

from ..comfy_api.io import ComfyNode, Hidden, Schema
from .graph import close_names, constants, describe, is_link, name_of, shown, title_of, types_match

Registry = Mapping[str, type[ComfyNode]]

# Values of these types cannot be written down in a workflow.
LINK_ONLY = frozenset(
    ["AUDIO", "CLIP", "CONDITIONING", "IMAGE", "LATENT", "LORA_MODEL", "MASK", "MODEL", "NOISE", "VAE", "VIDEO"]
)
_CONVERSIONS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_KINDS = {"INT": "a whole number", "FLOAT": "a number", "STRING": "a text", "BOOLEAN": "true or false"}


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


def validate(workflow: Any, registry: Registry) -> list[Problem]:
    """Everything that is wrong with a workflow. Nothing is run, the workflow is not changed.

    Parameters
    ----------
    workflow : Any
        What a file in ComfyUI's API format holds: nodes by id.
    registry : mapping
        Node classes by name.
    """
    return CheckedWorkflow(workflow, registry).problems


def check_shape(workflow: Any, classes: Iterable[str]) -> list[Problem]:
    """What is wrong with a workflow as a whole: its form, and nodes of classes that do not exist.

    Parameters
    ----------
    workflow : Any
        What a file in ComfyUI's API format holds: nodes by id.
    classes : iterable of str
        Names of the classes there are.
    """
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


class CheckedWorkflow:
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
        return name_of(self.workflow, node_id)

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
            if value not in choices:
                return self._fail_input(node_id, name, f"must be {_one_of(choices)}, got {shown(value)}.")
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
        known = constants(node, self.schemas[node_id])
        given = {name: value for name, value in known.items() if name in wanted or "**" in wanted}
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
