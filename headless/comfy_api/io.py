# ruff: noqa: N802
"""Sockets, schemas and node classes: the names of ComfyUI's `comfy_api.latest.io` that this pack's nodes use.

A node written for ComfyUI 0.3.64 gets the same schema here; a contract test compares them.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

# Enumerations --------------------------------------------------------------------------------------


class FolderType(str, Enum):
    """Which of the host's folders a file lies in."""

    input = "input"
    output = "output"
    temp = "temp"


class UploadType(str, Enum):
    """What a combo lets the user upload."""

    image = "image_upload"
    audio = "audio_upload"
    video = "video_upload"
    model = "file_upload"


class NumberDisplay(str, Enum):
    """How the browser shows a number."""

    number = "number"
    slider = "slider"


class Hidden(str, Enum):
    """Values that the host gives a node beside its inputs."""

    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"
    dynprompt = "DYNPROMPT"
    auth_token_comfy_org = "AUTH_TOKEN_COMFY_ORG"
    api_key_comfy_org = "API_KEY_COMFY_ORG"


class HiddenHolder:
    """The hidden values of one execution; one that was not asked for is None."""

    def __init__(self, values: dict[Hidden, Any] | None = None):
        for hidden in Hidden:
            setattr(self, hidden.name, (values or {}).get(hidden))

    def __getattr__(self, name: str) -> None:
        return None

    @classmethod
    def from_dict(cls, values: dict[Hidden, Any] | None) -> HiddenHolder:
        return cls(values)


class ExecutionBlocker:
    """Stands for an output that is not to be used; with a message, the user is told why."""

    def __init__(self, message: str | None = None):
        self.message = message


# Sockets -------------------------------------------------------------------------------------------


def _given(**values: Any) -> dict:
    return {name: value for name, value in values.items() if value is not None}


class Input:
    """An input socket of a node."""

    Parent: type = None

    def __init__(self, id, display_name=None, optional=False, tooltip=None, lazy=None, extra_dict=None):
        self.id = id
        self.display_name = display_name
        self.optional = optional
        self.tooltip = tooltip
        self.lazy = lazy
        self.extra_dict = extra_dict or {}

    @property
    def io_type(self) -> str:
        return self.Parent.io_type

    def get_io_type(self) -> str:
        """The type that a link must have."""
        return self.io_type

    def as_dict(self) -> dict:
        """The options of the input, as the browser gets them."""
        own = _given(display_name=self.display_name, optional=self.optional, tooltip=self.tooltip, lazy=self.lazy)
        return own | _given(**self.extra_dict)


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
        widget_type=None,
        force_input=None,
        extra_dict=None,
    ):
        super().__init__(id, display_name, optional, tooltip, lazy, extra_dict)
        self.default = default
        self.socketless = socketless
        self.widget_type = widget_type
        self.force_input = force_input

    def get_io_type(self) -> str:
        return self.widget_type or self.io_type

    def as_dict(self) -> dict:
        return super().as_dict() | _given(
            default=self.default,
            socketless=self.socketless,
            widgetType=self.widget_type,
            forceInput=self.force_input,
        )


class Output:
    """An output socket of a node."""

    Parent: type = None

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


class _ComfyType:
    io_type: str = None
    Type = Any


class ComfyTypeI(_ComfyType):
    """A type that only inputs have."""

    Input = Input


class ComfyTypeIO(ComfyTypeI):
    """A type that inputs and outputs have."""

    Output = Output


def comfytype(io_type: str):
    """Class decorator that makes a class a socket type of that name."""

    def decorate(cls: type) -> type:
        if not issubclass(cls, _ComfyType):
            body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
            cls = type(cls.__name__, (ComfyTypeIO,), body)
        cls.io_type = io_type
        for side in ("Input", "Output"):
            socket = getattr(cls, side, None)
            if socket is not None:
                setattr(cls, side, type(side, (socket,), {"Parent": cls, "__doc__": socket.__doc__}))
        return cls

    return decorate


def Custom(io_type: str) -> type[ComfyTypeIO]:
    """A socket type of any name."""
    return comfytype(io_type)(type(io_type, (ComfyTypeIO,), {}))


@comfytype("BOOLEAN")
class Boolean(ComfyTypeIO):
    Type = bool

    class Input(WidgetInput):
        """A switch."""

        def __init__(
            self,
            id,
            display_name=None,
            optional=False,
            tooltip=None,
            lazy=None,
            default=None,
            label_on=None,
            label_off=None,
            socketless=None,
            force_input=None,
        ):
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.label_on = label_on
            self.label_off = label_off

        def as_dict(self) -> dict:
            return super().as_dict() | _given(label_on=self.label_on, label_off=self.label_off)


@comfytype("INT")
class Int(ComfyTypeIO):
    Type = int

    class Input(WidgetInput):
        """A whole number."""

        def __init__(
            self,
            id,
            display_name=None,
            optional=False,
            tooltip=None,
            lazy=None,
            default=None,
            min=None,
            max=None,
            step=None,
            control_after_generate=None,
            display_mode=None,
            socketless=None,
            force_input=None,
        ):
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.min = min
            self.max = max
            self.step = step
            self.control_after_generate = control_after_generate
            self.display_mode = display_mode

        def as_dict(self) -> dict:
            return super().as_dict() | _given(
                min=self.min,
                max=self.max,
                step=self.step,
                control_after_generate=self.control_after_generate,
                display=self.display_mode.value if self.display_mode else None,
            )


@comfytype("FLOAT")
class Float(ComfyTypeIO):
    Type = float

    class Input(WidgetInput):
        """A number."""

        def __init__(
            self,
            id,
            display_name=None,
            optional=False,
            tooltip=None,
            lazy=None,
            default=None,
            min=None,
            max=None,
            step=None,
            round=None,
            display_mode=None,
            socketless=None,
            force_input=None,
        ):
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.min = min
            self.max = max
            self.step = step
            self.round = round
            self.display_mode = display_mode

        def as_dict(self) -> dict:
            return super().as_dict() | _given(
                min=self.min, max=self.max, step=self.step, round=self.round, display=self.display_mode
            )


@comfytype("STRING")
class String(ComfyTypeIO):
    Type = str

    class Input(WidgetInput):
        """A text."""

        def __init__(
            self,
            id,
            display_name=None,
            optional=False,
            tooltip=None,
            lazy=None,
            multiline=False,
            placeholder=None,
            default=None,
            dynamic_prompts=None,
            socketless=None,
            force_input=None,
        ):
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, None, force_input)
            self.multiline = multiline
            self.placeholder = placeholder
            self.dynamic_prompts = dynamic_prompts

        def as_dict(self) -> dict:
            return super().as_dict() | _given(
                multiline=self.multiline, placeholder=self.placeholder, dynamicPrompts=self.dynamic_prompts
            )


class _ComboInput(WidgetInput):
    """A choice from a list."""

    multiselect = False

    def __init__(
        self,
        id,
        options=None,
        display_name=None,
        optional=False,
        tooltip=None,
        lazy=None,
        default=None,
        control_after_generate=None,
        upload=None,
        image_folder=None,
        remote=None,
        socketless=None,
    ):
        if isinstance(options, type) and issubclass(options, Enum):
            options = [member.value for member in options]
        if isinstance(default, Enum):
            default = default.value
        super().__init__(id, display_name, optional, tooltip, lazy, default, socketless)
        self.options = options
        self.control_after_generate = control_after_generate
        self.upload = upload
        self.image_folder = image_folder
        self.remote = remote

    def as_dict(self) -> dict:
        more = _given(
            multiselect=self.multiselect,
            options=self.options,
            control_after_generate=self.control_after_generate,
        )
        if self.upload is not None:
            more[self.upload.value] = True
        if self.image_folder is not None:
            more["image_folder"] = self.image_folder.value
        if self.remote is not None:
            more["remote"] = self.remote.as_dict()
        return super().as_dict() | more


@comfytype("COMBO")
class Combo(ComfyTypeIO):
    Type = str
    Input = _ComboInput

    class Output(Output):
        """A choice."""

        def __init__(self, id=None, display_name=None, options=None, tooltip=None, is_output_list=False):
            super().__init__(id, display_name, tooltip, is_output_list)
            self.options = options or []


@comfytype("COMBO")
class MultiCombo(ComfyTypeI):
    Type = list

    class Input(_ComboInput):
        """Any number of choices from a list."""

        multiselect = True

        def __init__(
            self,
            id,
            options,
            display_name=None,
            optional=False,
            tooltip=None,
            lazy=None,
            default=None,
            placeholder=None,
            chip=None,
            control_after_generate=None,
            socketless=None,
        ):
            given = (id, options, display_name, optional, tooltip, lazy, default, control_after_generate)
            super().__init__(*given, socketless=socketless)
            self.placeholder = placeholder
            self.chip = chip

        def as_dict(self) -> dict:
            return super().as_dict() | _given(multi_select=True, placeholder=self.placeholder, chip=self.chip)


@comfytype("WEBCAM")
class Webcam(ComfyTypeIO):
    Type = str
    Input = WidgetInput


@comfytype("COMFY_MULTITYPED_V3")
class MultiType(ComfyTypeI):
    """An input that takes several types; given an Input instead of an id, that input's widget stays."""

    class Input(Input):
        def __init__(self, id, types, display_name=None, optional=False, tooltip=None, lazy=None, extra_dict=None):
            self.widget: Input | None = None
            if isinstance(id, Input):
                self.widget = copy.copy(id)
                if isinstance(self.widget, WidgetInput):
                    self.widget.widget_type = self.widget.get_io_type()
                optional = optional or id.optional
                display_name = display_name if id.display_name is None else id.display_name
                tooltip = tooltip if id.tooltip is None else id.tooltip
                lazy = lazy if id.lazy is None else id.lazy
                id = id.id
            super().__init__(id, display_name, optional, tooltip, lazy, extra_dict)
            self.io_types = [kind if isinstance(kind, type) else type(kind) for kind in types]

        def get_io_type(self) -> str:
            names = [kind.io_type for kind in self.io_types]
            if self.widget is not None:
                names.insert(0, self.widget.get_io_type())
            return ",".join(dict.fromkeys(names))

        def as_dict(self) -> dict:
            return (self.widget.as_dict() if self.widget else {}) | super().as_dict()


AnyType = Custom("*")
Audio = Custom("AUDIO")
AudioEncoder = Custom("AUDIO_ENCODER")
AudioEncoderOutput = Custom("AUDIO_ENCODER_OUTPUT")
Clip = Custom("CLIP")
ClipVision = Custom("CLIP_VISION")
ClipVisionOutput = Custom("CLIP_VISION_OUTPUT")
Conditioning = Custom("CONDITIONING")
ControlNet = Custom("CONTROL_NET")
Guider = Custom("GUIDER")
HookKeyframes = Custom("HOOK_KEYFRAMES")
Hooks = Custom("HOOKS")
Image = Custom("IMAGE")
Latent = Custom("LATENT")
LatentOperation = Custom("LATENT_OPERATION")
LoraModel = Custom("LORA_MODEL")
LossMap = Custom("LOSS_MAP")
Mask = Custom("MASK")
Model = Custom("MODEL")
Noise = Custom("NOISE")
Sampler = Custom("SAMPLER")
Sigmas = Custom("SIGMAS")
UpscaleModel = Custom("UPSCALE_MODEL")
Vae = Custom("VAE")
Video = Custom("VIDEO")


# Nodes ---------------------------------------------------------------------------------------------


@dataclass
class NodeInfoV1:
    """A node as the server's catalogue shows it."""

    input: dict
    input_order: dict[str, list[str]]
    output: list[str]
    output_is_list: list[bool]
    output_name: list[str]
    output_tooltips: list[str | None]
    name: str
    display_name: str | None
    description: str
    python_module: Any
    category: str
    output_node: bool
    deprecated: bool
    experimental: bool
    api_node: bool


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
    is_api_node: bool = False
    not_idempotent: bool = False
    enable_expand: bool = False

    def validate(self) -> None:
        """Raises ValueError when ids are not unique among inputs and outputs."""
        ids = Counter(socket.id for socket in [*self.inputs, *self.outputs])
        repeated = sorted(name for name, count in ids.items() if count > 1)
        if repeated:
            raise ValueError(f"{self.node_id}: ids of inputs and outputs must be unique, but {repeated} repeat.")

    def finalize(self) -> None:
        """Add the hidden values that the kind of node implies, and an id to every output without one."""
        self.inputs = list(self.inputs or [])
        self.outputs = list(self.outputs or [])
        self.hidden = list(self.hidden or [])
        implied = []
        if self.is_api_node:
            implied += [Hidden.auth_token_comfy_org, Hidden.api_key_comfy_org]
        if self.is_output_node:
            implied += [Hidden.prompt, Hidden.extra_pnginfo]
        self.hidden += [hidden for hidden in implied if hidden not in self.hidden]
        for index, output in enumerate(self.outputs):
            if output.id is None:
                output.id = f"_{index}_{output.io_type}_"

    def get_v1_info(self, cls: type) -> NodeInfoV1:
        """The node's entry in the catalogue."""
        inputs: dict[str, dict] = {"required": {}}
        for socket in self.inputs:
            options = socket.as_dict()
            options.pop("optional", None)
            group = inputs.setdefault("optional" if socket.optional else "required", {})
            group[socket.id] = (socket.get_io_type(), options)
        for hidden in self.hidden:
            inputs.setdefault("hidden", {})[hidden.name] = (hidden.value,)
        return NodeInfoV1(
            input=inputs,
            input_order={group: list(names) for group, names in inputs.items()},
            output=[output.io_type for output in self.outputs],
            output_is_list=[output.is_output_list for output in self.outputs],
            output_name=[output.display_name or output.io_type for output in self.outputs],
            output_tooltips=[output.tooltip or None for output in self.outputs],
            name=self.node_id,
            display_name=self.display_name,
            description=self.description,
            python_module=getattr(cls, "RELATIVE_PYTHON_MODULE", None),
            category=self.category,
            output_node=self.is_output_node,
            deprecated=self.is_deprecated,
            experimental=self.is_experimental,
            api_node=self.is_api_node,
        )


class _FromSchema:
    """A class attribute that is read from the schema."""

    def __init__(self, read):
        self._read = read

    def __get__(self, instance, owner):
        return self._read(owner.GET_SCHEMA())


class ComfyNode(ABC):
    """Base class of all nodes. Execution happens on a throw-away subclass, so a node keeps no state."""

    RELATIVE_PYTHON_MODULE = None
    SCHEMA: Schema | None = None
    hidden: HiddenHolder | None = None

    CATEGORY = _FromSchema(lambda schema: schema.category)
    DESCRIPTION = _FromSchema(lambda schema: schema.description)
    INPUT_IS_LIST = _FromSchema(lambda schema: schema.is_input_list)
    OUTPUT_NODE = _FromSchema(lambda schema: schema.is_output_node)
    OUTPUT_IS_LIST = _FromSchema(lambda schema: [output.is_output_list for output in schema.outputs])
    RETURN_TYPES = _FromSchema(lambda schema: [output.io_type for output in schema.outputs])
    RETURN_NAMES = _FromSchema(lambda schema: [output.display_name or output.io_type for output in schema.outputs])

    @classmethod
    @abstractmethod
    def define_schema(cls) -> Schema:
        """The node's schema."""

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
    def VALIDATE_CLASS(cls) -> None:
        """Raises TypeError when a method is missing."""
        for name in ("define_schema", "execute"):
            if not cls.overrides(name):
                raise TypeError(f"The node class {cls.__name__} does not define {name}.")

    @classmethod
    def FINALIZE_SCHEMA(cls) -> Schema:
        """A fresh, completed schema; lists of files in it are read anew."""
        schema = cls.define_schema()
        schema.finalize()
        return schema

    @classmethod
    def GET_SCHEMA(cls) -> Schema:
        """A fresh, completed and checked schema."""
        cls.VALIDATE_CLASS()
        cls.SCHEMA = cls.FINALIZE_SCHEMA()
        cls.SCHEMA.validate()
        return cls.SCHEMA

    @classmethod
    def GET_NODE_INFO_V1(cls) -> dict[str, Any]:
        """The node's entry in the catalogue, as a dict."""
        return asdict(cls.GET_SCHEMA().get_v1_info(cls))

    @classmethod
    def INPUT_TYPES(cls, include_hidden: bool = True, return_schema: bool = False):
        """Inputs by group ("required", "optional", "hidden"): name -> (type, options)."""
        schema = cls.FINALIZE_SCHEMA()
        inputs = schema.get_v1_info(cls).input
        if not include_hidden:
            inputs.pop("hidden", None)
        return (inputs, schema) if return_schema else inputs

    @classmethod
    def PREPARE_CLASS_CLONE(cls, hidden_inputs: dict[Hidden, Any] | None) -> type[ComfyNode]:
        """A subclass for one execution that holds the hidden values."""
        return type(cls.__name__, (cls,), {"hidden": HiddenHolder.from_dict(hidden_inputs)})

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
        return self.args or None

    def __getitem__(self, index: int) -> Any:
        return self.args[index]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NodeOutput:
        """From the form {"result": (...), "ui": {...}}."""
        result = data.get("result", ())
        if isinstance(result, ExecutionBlocker):
            return cls(block_execution=result.message or "")
        return cls(*result, ui=data.get("ui"), expand=data.get("expand"))

    @classmethod
    def of(cls, value: Any) -> NodeOutput:
        """Whatever `execute` may return, as a NodeOutput. Raises TypeError for anything else."""
        if isinstance(value, NodeOutput):
            return value
        if value is None:
            return cls()
        if isinstance(value, tuple):
            return cls(*value)
        if isinstance(value, dict):
            return cls.from_dict(value)
        if isinstance(value, ExecutionBlocker):
            return cls(block_execution=value.message or "")
        raise TypeError(f"A node must return a NodeOutput or a tuple, this one returned {type(value).__name__}.")
