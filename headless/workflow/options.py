"""How command-line options reach the nodes of a workflow.

An option has a role, such as "song". It reaches the node whose title names that role, else the only
node that has such an input. Schemas are plain dicts, read from this host or from a server's
catalogue: class -> input name -> (type, options).
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from songreel.nodes.base.media import codecs

from .graph import close_names, given_title, is_link, name_of, shown, title_of

Schemas = Mapping[str, Mapping[str, tuple[str, dict]]]

WIDGET_TYPES = frozenset(("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"))
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class UsageError(Exception):
    """The command was given in a way that cannot work."""


@dataclass(frozen=True)
class Role:
    """What an option means in a workflow: its name in titles, the inputs it sets.

    Each entry of `inputs` is a group of names that mean the same; the node must have one of each.
    `titled`: names that count as well when the node's title names the role. `every`: other nodes with the same inputs
    get the value too, as a model that is trained and applied must be one. `beside`: of several nodes, those that also
    have this input are meant.
    """

    name: str
    option: str
    inputs: tuple[tuple[str, ...], ...]
    titled: tuple[str, ...] = ()
    every: bool = False
    beside: str = ""


ROLES = {
    role.name: role
    for role in (
        Role("song", "SONG", (("audio",),)),
        Role("prompt", "--prompt", (("text", "prompt"),), titled=("theme",)),
        Role("lyrics", "--lyrics", (("lyrics",),), titled=("text",)),
        Role("vocabulary", "--vocabulary", (("vocabulary",),)),
        Role("identity", "--identity", (("record", "identity", "record_id"),)),
        Role("checkpoint", "--checkpoint", (("ckpt_name",),), every=True),
        Role("frame rate", "--fps", (("fps",),)),
        Role("size", "--size", (("width",), ("height",))),
        Role("seed", "--seed", (("seed", "noise_seed"),), beside="sampler_name"),
        Role("steps", "--steps", (("steps",),), beside="sampler_name"),
        Role("guidance", "--set NODE.cfg", (("cfg",),)),
        Role("start", "--start", (("start",),)),
        Role("seconds", "--seconds", (("seconds",),)),
        Role("draft", "--draft", (("draft",),)),
    )
}


def schemas_of(infos: Mapping[str, Mapping]) -> dict[str, dict[str, tuple[str, dict]]]:
    """Schemas from catalogue entries; a list of choices in place of a type becomes COMBO."""
    schemas: dict[str, dict[str, tuple[str, dict]]] = {}
    for name, info in infos.items():
        inputs = schemas[name] = {}
        for group in ("required", "optional"):
            for key, entry in (info.get("input", {}).get(group) or {}).items():
                kind, options = entry[0], dict(entry[1]) if len(entry) > 1 else {}
                inputs[key] = ("COMBO", {"options": kind} | options) if isinstance(kind, list) else (kind, options)
    return schemas


def has_title(node: Mapping, role: str) -> bool:
    """Whether a node's title is the role's name, or begins with it and a character that is no letter."""
    title, role = given_title(node).strip().lower(), role.lower()
    return title == role or (title.startswith(role) and not title[len(role)].isalpha())


def _fitting(node: Mapping, role: Role, schemas: Schemas) -> list[str] | None:
    """The inputs of a node that the role sets, None when one is missing."""
    known = schemas.get(node.get("class_type", ""), {})
    found = []
    more = role.titled if has_title(node, role.name) else ()
    for names in role.inputs:
        match = next((name for name in (*names, *more) if name in known and known[name][0] in WIDGET_TYPES), None)
        if match is None:
            return None
        found.append(match)
    return found


def find_role(workflow: Mapping, schemas: Schemas, role: Role) -> tuple[str, list[str]] | None:
    """The node that a role reaches and the names of the inputs it sets.

    Returns
    -------
    tuple or None
        (node id, input names); None when no node has such an input.

    Raises
    ------
    UsageError
        When several nodes could be meant.
    """
    titled = [node_id for node_id, node in workflow.items() if has_title(node, role.name)]
    fitting = {
        node_id: inputs for node_id, node in workflow.items() if (inputs := _fitting(node, role, schemas)) is not None
    }
    by_title = [node_id for node_id in titled if node_id in fitting]
    candidates = by_title or [
        node_id
        for node_id, inputs in fitting.items()
        if not any(is_link(workflow[node_id].get("inputs", {}).get(name)) for name in inputs)
    ]
    if not candidates:
        return None
    if len(candidates) > 1 and role.beside:
        sampling = [node for node in candidates if role.beside in schemas[workflow[node]["class_type"]]]
        candidates = sampling or candidates
    if len(candidates) > 1:
        listed = "; ".join(name_of(workflow, node_id) for node_id in candidates)
        raise UsageError(
            f"{role.option} could mean several nodes ({listed}); title one of them '{role.name.capitalize()}', "
            "or use --set NODE.INPUT=VALUE."
        )
    return candidates[0], fitting[candidates[0]]


def apply_role(workflow: Mapping, schemas: Schemas, role: Role, *values: Any) -> dict:
    """A copy of the workflow with a role's values in place.

    Parameters
    ----------
    role : Role
        One of `ROLES`.
    *values : Any
        One per input of the role; texts are typed as the inputs are.

    Raises
    ------
    UsageError
        When no node or several nodes could be meant, or a text does not fit.
    """
    found = find_role(workflow, schemas, role)
    if found is None:
        inputs = " and ".join("/".join(names) for names in role.inputs)
        titled = [name_of(workflow, node_id) for node_id, node in workflow.items() if has_title(node, role.name)]
        hint = f"; {titled[0]} has the title, but not the input" if titled else ""
        raise UsageError(f"{role.option} has nowhere to go: no node of this workflow has an input {inputs}{hint}.")
    node_id, names = found
    changed = copy.deepcopy(dict(workflow))
    for name, value in zip(names, values, strict=True):
        if isinstance(value, str):
            try:
                value = typed_value(value, *schemas[workflow[node_id]["class_type"]][name])
            except ValueError as error:
                raise UsageError(f"{role.option} must be {error}.") from None
        changed[node_id].setdefault("inputs", {})[name] = value
        if role.name == "size" and "size" in schemas[workflow[node_id]["class_type"]]:
            changed[node_id]["inputs"]["size"] = "custom"
        for node in changed.values() if role.every else ():
            inputs = node.setdefault("inputs", {})
            if name in schemas.get(node.get("class_type"), {}) and not is_link(inputs.get(name)):
                inputs[name] = value
    return changed


def find_node(workflow: Mapping, name: str) -> str:
    """The id of the node that a name means: an id, a title or a class, the latter two unique.

    Raises
    ------
    UsageError
        When there is none or more than one.
    """
    if name in workflow:
        return name
    for kind, read in (("title", given_title), ("class", lambda node: str(node.get("class_type")))):
        found = [node_id for node_id, node in workflow.items() if read(node).lower() == name.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            listed = "; ".join(name_of(workflow, node_id) for node_id in found)
            raise UsageError(f"--set: several nodes have the {kind} '{name}' ({listed}); use the node's id.")
    names = [*workflow, *(title_of(node) for node in workflow.values())]
    names += [str(node.get("class_type")) for node in workflow.values()]
    hint = close_names(name, dict.fromkeys(names)) or f"; there are {_listed(workflow)}."
    raise UsageError(f"--set: this workflow has no node '{name}'{hint}")


def _listed(workflow: Mapping) -> str:
    return ", ".join(name_of(workflow, node_id) for node_id in workflow)


def apply_set(workflow: Mapping, schemas: Schemas, assignment: str) -> dict:
    """A copy of the workflow with one assignment in place.

    Parameters
    ----------
    assignment : str
        `NODE.INPUT=VALUE`; the value is typed as the input is.

    Raises
    ------
    UsageError
        When the text does not fit the workflow.
    """
    target, equals, text = assignment.partition("=")
    node_name, dot, input_name = target.rpartition(".")
    if not equals or not dot or not node_name or not input_name:
        raise UsageError(f"--set takes NODE.INPUT=VALUE, got '{assignment}'.")
    node_id = find_node(workflow, node_name.strip())
    known = schemas.get(workflow[node_id]["class_type"], {})
    input_name = input_name.strip()
    if input_name not in known:
        hint = close_names(input_name, known) or f"; it has {', '.join(known)}."
        raise UsageError(f"--set: {name_of(workflow, node_id)} has no input '{input_name}'{hint}")
    kind, options = known[input_name]
    try:
        value = typed_value(text, kind, options)
    except ValueError as error:
        raise UsageError(f"--set: input '{input_name}' of {name_of(workflow, node_id)} must be {error}.") from None
    changed = copy.deepcopy(dict(workflow))
    changed[node_id].setdefault("inputs", {})[input_name] = {"__value__": value} if isinstance(value, list) else value
    return changed


def typed_value(text: str, kind: str, options: Mapping) -> Any:
    """The value that a text means for an input.

    Parameters
    ----------
    text : str
        As it was typed.
    kind : str
        Type of the input, such as INT.
    options : mapping
        Of the input; a COMBO's choices are in it.

    Raises
    ------
    ValueError
        Whose text says what it must be.
    """
    if kind == "INT":
        return _number(int, text, "a whole number")
    if kind == "FLOAT":
        return _number(lambda number: float(Fraction(number)) if "/" in number else float(number), text, "a number")
    if kind == "BOOLEAN":
        if text.lower() in _TRUE + _FALSE:
            return text.lower() in _TRUE
        raise ValueError(f"true or false, got '{text}'")
    if kind == "COMBO":
        choices = options.get("options") or []
        return next((choice for choice in choices if str(choice) == text), text)
    if kind in WIDGET_TYPES:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(convert: Callable[[str], Any], text: str, wanted: str) -> Any:
    try:
        return convert(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{wanted}, got '{text}'") from None


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels from a text such as 512x768.

    Raises
    ------
    UsageError
        When it is no such text.
    """
    match = re.fullmatch(r"(\d+)\s*[xX*×]\s*(\d+)", text.strip())
    if match is None:
        raise UsageError(f"--size takes WIDTHxHEIGHT such as 512x512, got '{text}'.")
    return int(match[1]), int(match[2])


def find_output(workflow: Mapping, output_classes: Iterable[str]) -> str:
    """The output node whose file becomes the result: titled "output", else the only SaveVideo, else the only one.

    Raises
    ------
    UsageError
        When that is not one node.
    """
    output_classes = set(output_classes)
    outputs = [node_id for node_id, node in workflow.items() if node.get("class_type") in output_classes]
    groups = (
        [node_id for node_id in outputs if has_title(workflow[node_id], "output")],
        [node_id for node_id in outputs if workflow[node_id]["class_type"] == "SaveVideo"],
        outputs,
    )
    found = next((group for group in groups if group), [])
    if len(found) != 1:
        listed = "; ".join(name_of(workflow, node_id) for node_id in found) or "none"
        raise UsageError(f"--out needs one output node with the title 'Output', this workflow has: {listed}.")
    return found[0]


SAVE_AS_IT_IS = "SaveMusicVideo"


def out_suffix(name: str) -> str:
    """The suffix of a result's name, .mp4 for .m4v.

    Raises
    ------
    UsageError
        When no codec makes such a file.
    """
    ending = re.search(r"(\.[^./\\]*)?$", name)
    assert ending is not None, "the pattern also finds an empty suffix"
    suffix = ending[0].lower()
    known = codecs.suffixes()
    if suffix == ".m4v":
        return ".mp4"
    if suffix not in known:
        meanings = "; ".join(f"{kind} ({', '.join(names)})" for kind, names in known.items())
        raise UsageError(f"--out '{name}' is no kind of video that can be written; end its name in {meanings}.")
    return suffix


def apply_suffix(workflow: Mapping, schemas: Schemas, output: str, suffix: str, sets: Iterable[str]) -> dict:
    """A copy of the workflow whose output node saves a file of a suffix.

    The node before it gets the suffix' usual codec unless it has one that makes such files; Save Video, which knows MP4
    only, becomes Save Music Video.

    Parameters
    ----------
    output : str
        Id of the output node.
    suffix : str
        From `out_suffix`.
    sets : iterable of str
        The assignments of --set, which win.

    Raises
    ------
    UsageError
        When the codec was set to another kind of file, or cannot be set.
    """
    changed = copy.deepcopy(dict(workflow))
    node, fitting = changed[output], codecs.suffixes()[suffix]
    link = node.get("inputs", {}).get("video")
    source = changed.get(str(link[0])) if is_link(link) else None
    known = schemas.get(source.get("class_type"), {}) if source else {}
    if source is None or list(known.get("codec", ("", {}))[1].get("options", ())) != list(codecs.CODECS):
        if suffix == ".mp4":
            return changed
        before = f"{name_of(workflow, str(link[0]))} before it" if source else "what is before it"
        raise UsageError(
            f"--out: {name_of(workflow, output)} saves MP4 only, since {before} has no codec; name it .mp4."
        )
    codec = source.get("inputs", {}).get("codec", codecs.DEFAULT_CODEC)
    if is_link(codec):
        return changed
    if codec not in fitting:
        chosen = [text for text in sets if text.partition("=")[0].strip().endswith(".codec")]
        if chosen:
            kind = codecs.CODECS[codec].suffix if codec in codecs.CODECS else "no known"
            raise UsageError(
                f"--out: the codec {codec} makes a {kind} file; name it so, or choose one for {suffix}: "
                f"{', '.join(fitting)}."
            )
        source.setdefault("inputs", {})["codec"] = fitting[0]
    if suffix != ".mp4" and node["class_type"] == "SaveVideo":
        if SAVE_AS_IT_IS not in schemas:
            raise UsageError(
                f"--out: the server's Songreel has no Save Music Video and cannot save {suffix}; update it."
            )
        kept = {name: value for name, value in node["inputs"].items() if name in ("video", "filename_prefix")}
        changed[output] = node | {"class_type": SAVE_AS_IT_IS, "inputs": kept}
    return changed


def current_value(workflow: Mapping, schemas: Schemas, role: Role) -> str | None:
    """The value a role has now, as text; None when no node has it or it is a link."""
    found = find_role(workflow, schemas, role)
    if found is None:
        return None
    value = workflow[found[0]].get("inputs", {}).get(found[1][0])
    return None if value is None or is_link(value) else shown(value).strip('"')
