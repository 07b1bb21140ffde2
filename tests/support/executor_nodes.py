"""Small nodes for tests of the executor, and what they note."""

import asyncio
import contextlib

from headless.comfy_api import io
from headless.host import Interrupted
from songreel.nodes.base.errors import InputError


class Host:
    """Just what the executor asks of a host."""

    def __init__(self):
        self.nodes, self.stop_at = [], None

    def check_interrupt(self):
        if self.stop_at is not None and len(self.nodes) >= self.stop_at:
            raise Interrupted

    @contextlib.contextmanager
    def executing(self, node_id, title):
        self.nodes.append(node_id)
        yield


calls: list[tuple] = []


def node(name, inputs=(), outputs=(), execute=None, **schema):
    """A node class from a few words; every execution is noted in `calls`."""

    def define_schema(cls):
        made = [make() for make in inputs]
        return io.Schema(node_id=name, inputs=made, outputs=[make() for make in outputs], **schema)

    def run(cls, **kwargs):
        calls.append((name, kwargs))
        return execute(cls, **kwargs)

    async def run_async(cls, **kwargs):
        calls.append((name, kwargs))
        return await execute(cls, **kwargs)

    body = {
        "define_schema": classmethod(define_schema),
        "execute": classmethod(run_async if asyncio.iscoroutinefunction(execute) else run),
    }
    return type(name, (io.ComfyNode,), body)


def number(name="value", **options):
    return lambda: io.Float.Input(name, **options)


FLOAT, INT, STRING, IMAGE, ANY = (
    lambda kind=kind: kind.Output() for kind in (io.Float, io.Int, io.String, io.Image, io.AnyType)
)


class Picky(io.ComfyNode):
    """Refuses odd counts itself, and any range check is its own."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Picky",
            inputs=[io.Int.Input("count", min=0, max=5), io.Float.Input("rate", min=0.0, max=1.0)],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, count):
        return True if count % 2 == 0 else f"The count must be even, got {count}."

    @classmethod
    def execute(cls, count, rate):
        return io.NodeOutput(ui={"text": [f"{count} {rate}"]})


class Branch(io.ComfyNode):
    """Asks for one of two lazy inputs."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Branch",
            inputs=[
                io.Boolean.Input("which"),
                io.Float.Input("yes", lazy=True),
                io.Float.Input("no", lazy=True),
            ],
            outputs=[io.Float.Output()],
        )

    @classmethod
    def check_lazy_status(cls, which, yes, no):
        name, value = ("yes", yes) if which else ("no", no)
        return [name] if value is None else []

    @classmethod
    def execute(cls, which, yes, no):
        calls.append(("Branch", {"yes": yes, "no": no}))
        return io.NodeOutput(yes if which else no)


class Watched(io.ComfyNode):
    """Has a fingerprint that a test sets."""

    fingerprint = "a"

    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="Watched", inputs=[io.Float.Input("value")], outputs=[io.Float.Output()])

    @classmethod
    def fingerprint_inputs(cls, value):
        if isinstance(cls.fingerprint, Exception):
            raise cls.fingerprint
        return cls.fingerprint

    @classmethod
    def execute(cls, value):
        calls.append(("Watched", {"value": value}))
        return io.NodeOutput(value)


async def _slow_double(cls, value):
    await asyncio.sleep(0)
    return io.NodeOutput(value * 2)


def _raise(error):
    def execute(cls, **kwargs):
        raise error

    return execute


def _needs_grad(cls, value):
    import torch

    return io.NodeOutput(ui={"text": [torch.is_inference_mode_enabled()]})


NODES = [
    node(
        "Settings",
        [
            lambda: io.Int.Input("steps", default=4, min=1, max=100),
            lambda: io.Float.Input("cfg", default=7.0, min=0.0, max=30.0),
            lambda: io.Combo.Input("sampler", options=["euler", "heun"]),
            lambda: io.String.Input("text", optional=True),
            lambda: io.Boolean.Input("draft", optional=True),
            lambda: io.Image.Input("image", optional=True),
            lambda: io.Custom("STORY").Input("story", optional=True),
            lambda: io.Custom("INT,FLOAT").Input("either", optional=True),
            lambda: io.AnyType.Input("any", optional=True),
        ],
        [FLOAT],
        lambda cls, cfg, **rest: io.NodeOutput(cfg, ui={"steps": [rest["steps"]]}),
    ),
    node("Number", [number()], [FLOAT], lambda cls, value: io.NodeOutput(value)),
    node("Text", [lambda: io.String.Input("text")], [STRING], lambda cls, text: (text,)),
    node("Picture", [], [IMAGE, FLOAT], lambda cls: io.NodeOutput("picture", 1.0)),
    node("Add", [number("a"), number("b")], [FLOAT], lambda cls, a, b: {"result": (a + b,)}),
    node("Double", [number()], [FLOAT], _slow_double),
    node(
        "Split",
        [number()],
        [lambda: io.Float.Output(is_output_list=True)],
        lambda cls, value: io.NodeOutput([value + i for i in range(3)]),
    ),
    node("Sum", [number()], [FLOAT], lambda cls, value: io.NodeOutput(sum(value)), is_input_list=True),
    node(
        "Block",
        [number()],
        [FLOAT],
        lambda cls, value: io.NodeOutput(block_execution=f"{value} is not allowed"),
    ),
    node("Break", [number()], [FLOAT], _raise(RuntimeError("no such\nthing"))),
    node("Refuse", [number()], [FLOAT], _raise(InputError("The song is empty; give another."))),
    node("Short", [number()], [FLOAT], lambda cls, value: io.NodeOutput()),
    node("Expand", [], [FLOAT], lambda cls: io.NodeOutput(1.0, expand={"x": {}}), enable_expand=True),
    node("Unique", [number()], [FLOAT], lambda cls, value: io.NodeOutput(value), hidden=[io.Hidden.unique_id]),
    node(
        "Show",
        [lambda: io.AnyType.Input("value")],
        [],
        lambda cls, value: io.NodeOutput(ui={"text": [value]}),
        is_output_node=True,
    ),
    node("Mode", [number()], [], _needs_grad, is_output_node=True),
    Branch,
    Picky,
    Watched,
]
REGISTRY = {cls.define_schema().node_id: cls for cls in NODES}


def chain(class_type, value=1.0, **more):
    return {
        "1": {"class_type": class_type, "inputs": {"value": value} | more},
        "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}},
    }
