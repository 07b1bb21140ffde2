"""A node's inputs, made of the fields in which its settings are declared."""

from __future__ import annotations

from typing import Any

from .settings import Setting, declared

# ComfyUI 0.3.64 does not know which widgets are for few; from the version on that does, they are told here.
TELL_ADVANCED = False


def inputs_of(io: Any, cls: type, *names: str) -> list:
    """The inputs of a settings class.

    Parameters
    ----------
    io : `comfy_api.latest.io`, which only a node's face may import.
    cls : a dataclass that derives from `Settings`.
    names : fields, in the order of the inputs; without any, all that are not internal.
    """
    known = declared(cls)
    return [_input(io, known[name]) for name in names or known if names or not known[name].internal]


def _input(io: Any, known: Setting) -> Any:
    more: dict[str, Any] = {"optional": not known.required, "default": known.default, "tooltip": known.tooltip}
    if known.unset is not None:
        more["default"] = known.unset
    if TELL_ADVANCED and known.advanced:
        more["advanced"] = True
    if known.choices is not None:
        preset = [] if known.unset is None else [known.unset]
        return io.Combo.Input(known.input, options=[*preset, *known.choices], **more)
    if known.kind is bool:
        return io.Boolean.Input(known.input, **more)
    if known.kind is str:
        return io.String.Input(known.input, multiline=known.multiline, socketless=known.socketless, **more)
    more |= {"min": known.low, "max": known.high, "step": known.step}
    if known.unset is not None:
        more |= {"min": known.unset, "tooltip": f"{known.tooltip}; {known.unset:g} takes the preset's."}
    if known.kind is int:
        return io.Int.Input(known.input, control_after_generate=known.control, **more)
    return io.Float.Input(known.input, round=False if known.exact else None, **more)
