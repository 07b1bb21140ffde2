# ruff: noqa: N802
"""Input and output sockets, and types of them by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar


def given(**values: Any) -> dict:
    """Those of the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


class Input:
    """An input socket of a node. `Parent` is set by `socket_type`."""

    Parent: type[SocketType]

    def __init__(self, id, display_name=None, optional=False, tooltip=None, lazy=None):
        self.id = id
        self.display_name = display_name
        self.optional = optional
        self.tooltip = tooltip
        self.lazy = lazy

    @property
    def io_type(self) -> str:
        return self.Parent.io_type

    def get_io_type(self) -> str:
        """The type that a link must have."""
        return self.io_type

    def as_dict(self) -> dict:
        """The options of the input, as the browser gets them."""
        return given(display_name=self.display_name, optional=self.optional, tooltip=self.tooltip, lazy=self.lazy)


class WidgetInput(Input):
    """An input whose value can be typed into a widget."""

    def __init__(
        self,
        id,
        display_name=None,
        optional=False,
        tooltip=None,
        lazy=None,
        default=None,
        socketless=None,
        force_input=None,
    ):
        super().__init__(id, display_name, optional, tooltip, lazy)
        self.default = default
        self.socketless = socketless
        self.force_input = force_input

    def as_dict(self) -> dict:
        return super().as_dict() | given(default=self.default, socketless=self.socketless, forceInput=self.force_input)


class Output:
    """An output socket of a node. `Parent` is set by `socket_type`."""

    Parent: type[SocketType]

    def __init__(self, id=None, display_name=None, tooltip=None, is_output_list=False):
        self.id = id
        self.display_name = display_name
        self.tooltip = tooltip
        self.is_output_list = is_output_list

    @property
    def io_type(self) -> str:
        return self.Parent.io_type

    def get_io_type(self) -> str:
        """The type that the output has."""
        return self.io_type


class SocketType:
    """A type of socket; its `Input` and `Output` make sockets of it."""

    io_type: str
    Input = Input
    Output = Output


Kind = TypeVar("Kind", bound=SocketType)


def socket_type(io_type: str) -> Callable[[type[Kind]], type[Kind]]:
    """Class decorator that names a `SocketType` and ties its `Input` and `Output` to it."""

    def decorate(cls: type[Kind]) -> type[Kind]:
        cls.io_type = io_type
        for side in ("Input", "Output"):
            socket = getattr(cls, side)
            setattr(cls, side, type(side, (socket,), {"Parent": cls, "__doc__": socket.__doc__}))
        return cls

    return decorate


def Custom(io_type: str) -> type[SocketType]:
    """A socket type of any name."""
    return socket_type(io_type)(type(io_type, (SocketType,), {}))
