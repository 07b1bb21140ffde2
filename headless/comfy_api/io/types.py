"""The types of sockets that have a widget, and those that only links can give."""

from __future__ import annotations

from enum import Enum

from .sockets import Custom, Output, SocketType, WidgetInput, given, socket_type


@socket_type("BOOLEAN")
class Boolean(SocketType):
    class Input(WidgetInput):
        """A switch."""


@socket_type("INT")
class Int(SocketType):
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
            socketless=None,
            force_input=None,
        ):
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, force_input)
            self.min = min
            self.max = max
            self.step = step
            self.control_after_generate = control_after_generate

        def as_dict(self) -> dict:
            return super().as_dict() | given(
                min=self.min,
                max=self.max,
                step=self.step,
                control_after_generate=self.control_after_generate,
            )


@socket_type("FLOAT")
class Float(SocketType):
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
            socketless=None,
            force_input=None,
        ):
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, force_input)
            self.min = min
            self.max = max
            self.step = step
            self.round = round

        def as_dict(self) -> dict:
            return super().as_dict() | given(min=self.min, max=self.max, step=self.step, round=self.round)


@socket_type("STRING")
class String(SocketType):
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
            default=None,
            dynamic_prompts=None,
            socketless=None,
            force_input=None,
        ):
            super().__init__(id, display_name, optional, tooltip, lazy, default, socketless, force_input)
            self.multiline = multiline
            self.dynamic_prompts = dynamic_prompts

        def as_dict(self) -> dict:
            return super().as_dict() | given(multiline=self.multiline, dynamicPrompts=self.dynamic_prompts)


@socket_type("COMBO")
class Combo(SocketType):
    class Input(WidgetInput):
        """A choice from a list."""

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

        def as_dict(self) -> dict:
            more = given(
                # ComfyUI's catalogue says so of every list of which one is chosen.
                multiselect=False,
                options=self.options,
                control_after_generate=self.control_after_generate,
            )
            if self.upload is not None:
                more[self.upload.value] = True
            return super().as_dict() | more

    class Output(Output):
        """A choice."""

        def __init__(self, id=None, display_name=None, options=None, tooltip=None, is_output_list=False):
            super().__init__(id, display_name, tooltip, is_output_list)
            self.options = options or []


AnyType = Custom("*")
Audio = Custom("AUDIO")
Clip = Custom("CLIP")
Conditioning = Custom("CONDITIONING")
Image = Custom("IMAGE")
Latent = Custom("LATENT")
LoraModel = Custom("LORA_MODEL")
Mask = Custom("MASK")
Model = Custom("MODEL")
Noise = Custom("NOISE")
UpscaleModel = Custom("UPSCALE_MODEL")
Vae = Custom("VAE")
Video = Custom("VIDEO")
