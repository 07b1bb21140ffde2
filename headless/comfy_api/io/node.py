# ruff: noqa: N802
"""A node's schema, its base class and its outputs."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from .sockets import Input, Output
from .values import ExecutionBlocker, Hidden, HiddenHolder


@dataclass
class Schema:
    """What a node is called, takes and gives."""

    node_id: str
    display_name: str | None = None
    category: str = "sd"
    inputs: list[Input] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    description: str = ""
    is_input_list: bool = False
    is_output_node: bool = False
    is_deprecated: bool = False
    is_experimental: bool = False
    enable_expand: bool = False

    def validate(self) -> None:
        """Check the ids.

        Raises
        ------
        ValueError
            When ids are not unique among inputs and outputs.
        """
        sockets: list[Input | Output] = [*self.inputs, *self.outputs]
        ids = Counter(socket.id for socket in sockets)
        repeated = sorted(name for name, count in ids.items() if count > 1)
        if repeated:
            raise ValueError(f"{self.node_id}: ids of inputs and outputs must be unique, but {repeated} repeat.")

    def finalize(self) -> None:
        """Add the hidden values that the kind of node implies, and an id to every output without one."""
        self.inputs = list(self.inputs or [])
        self.outputs = list(self.outputs or [])
        self.hidden = list(self.hidden or [])
        implied = [Hidden.prompt, Hidden.extra_pnginfo] if self.is_output_node else []
        self.hidden += [hidden for hidden in implied if hidden not in self.hidden]
        for index, output in enumerate(self.outputs):
            if output.id is None:
                output.id = f"_{index}_{output.io_type}_"

    def catalogue_entry(self) -> dict[str, Any]:
        """The node as the server's catalogue shows it."""
        inputs: dict[str, dict] = {"required": {}}
        for socket in self.inputs:
            options = socket.as_dict()
            options.pop("optional", None)
            group = inputs.setdefault("optional" if socket.optional else "required", {})
            group[socket.id] = (socket.get_io_type(), options)
        for hidden in self.hidden:
            inputs.setdefault("hidden", {})[hidden.name] = (hidden.value,)
        return {
            "input": inputs,
            "input_order": {group: list(names) for group, names in inputs.items()},
            "output": [output.io_type for output in self.outputs],
            "output_is_list": [output.is_output_list for output in self.outputs],
            "output_name": [output.display_name or output.io_type for output in self.outputs],
            "output_tooltips": [output.tooltip or None for output in self.outputs],
            "name": self.node_id,
            "display_name": self.display_name,
            "description": self.description,
            "python_module": None,
            "category": self.category,
            "output_node": self.is_output_node,
            "deprecated": self.is_deprecated,
            "experimental": self.is_experimental,
            "api_node": False,
        }


class _IsOutputNode:
    """The class attribute OUTPUT_NODE, read from the schema."""

    def __get__(self, instance, owner) -> bool:
        return owner.GET_SCHEMA().is_output_node


class ComfyNode(ABC):
    """Base class of all nodes. Execution happens on a throw-away subclass, so a node keeps no state."""

    hidden: HiddenHolder | None = None

    OUTPUT_NODE = _IsOutputNode()

    @classmethod
    @abstractmethod
    def define_schema(cls) -> Schema:
        """The node's schema."""

    if TYPE_CHECKING:
        # Each node class has its inputs as parameters, which a type checker would take for a broken promise.
        execute: ClassVar[Callable[..., Any]]
        validate_inputs: ClassVar[Callable[..., Any]]
        fingerprint_inputs: ClassVar[Callable[..., Any]]
        check_lazy_status: ClassVar[Callable[..., Any]]
    else:

        @classmethod
        @abstractmethod
        def execute(cls, **kwargs) -> NodeOutput:
            """Do the node's work; may be a coroutine."""

        @classmethod
        def validate_inputs(cls, **kwargs) -> bool | str:
            """True, or a sentence that says what is wrong with the constants."""
            raise NotImplementedError

        @classmethod
        def fingerprint_inputs(cls, **kwargs) -> Any:
            """A value that changes when the node must run again although its inputs are the same."""
            raise NotImplementedError

        @classmethod
        def check_lazy_status(cls, **kwargs) -> list[str]:
            """The lazy inputs that are needed, given those that are known."""
            return [name for name, value in kwargs.items() if value is None]

    @classmethod
    def overrides(cls, name: str) -> bool:
        """Whether the node has its own method of that name."""
        return getattr(cls, name).__func__ is not getattr(ComfyNode, name).__func__

    @classmethod
    def GET_SCHEMA(cls) -> Schema:
        """A fresh, completed and checked schema; lists of files in it are read anew.

        Raises
        ------
        TypeError
            When the class does not define `define_schema` or `execute`.
        ValueError
            When ids are not unique among inputs and outputs.
        """
        for name in ("define_schema", "execute"):
            if not cls.overrides(name):
                raise TypeError(f"The node class {cls.__name__} does not define {name}.")
        schema = cls.define_schema()
        schema.finalize()
        schema.validate()
        return schema

    @classmethod
    def GET_NODE_INFO_V1(cls) -> dict[str, Any]:
        """The node's entry in the catalogue."""
        return cls.GET_SCHEMA().catalogue_entry()

    @classmethod
    def PREPARE_CLASS_CLONE(cls, hidden_inputs: dict[Hidden, Any] | None) -> type[ComfyNode]:
        """A subclass for one execution that holds the hidden values."""
        return type(cls.__name__, (cls,), {"hidden": HiddenHolder(hidden_inputs)})

    @classmethod
    async def run(cls, **inputs: Any) -> NodeOutput:
        """`execute`, awaited where it is a coroutine, its result as a NodeOutput."""
        result = cls.execute(**inputs)
        return NodeOutput.of(await result if inspect.isawaitable(result) else result)


class NodeOutput:
    """The outputs of a node in order, and what it shows."""

    def __init__(self, *args: Any, ui: Any = None, expand: dict | None = None, block_execution: str | None = None):
        self.args = args
        self.ui = ui
        self.expand = expand
        self.block_execution = block_execution

    @property
    def result(self) -> tuple | None:
        """The outputs, None when there are none."""
        return self.args or None

    def __getitem__(self, index: int) -> Any:
        return self.args[index]

    @classmethod
    def of(cls, value: Any) -> NodeOutput:
        """Whatever `execute` may return, as a NodeOutput.

        Parameters
        ----------
        value : NodeOutput, tuple, dict, ExecutionBlocker or None
            A dict has the form {"result": (...), "ui": {...}}.

        Raises
        ------
        TypeError
            For anything else.
        """
        if isinstance(value, NodeOutput):
            return value
        if value is None:
            return cls()
        if isinstance(value, tuple):
            return cls(*value)
        if isinstance(value, dict):
            result = value.get("result", ())
            if isinstance(result, ExecutionBlocker):
                return cls.of(result)
            return cls(*result, ui=value.get("ui"), expand=value.get("expand"))
        if isinstance(value, ExecutionBlocker):
            return cls(block_execution=value.message or "")
        raise TypeError(f"A node must return a NodeOutput or a tuple, this one returned {type(value).__name__}.")
