"""Reading a workflow in API format: its nodes, titles and links, and how messages name them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..comfy_api.io import Schema


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


def name_of(workflow: Mapping, node_id: str) -> str:
    """A node of a workflow as people see it."""
    return describe(node_id, title_of(workflow[node_id]), workflow[node_id]["class_type"])


def is_link(value: Any) -> bool:
    """Whether an input's value is a link, [node id, output slot]."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def constants(node: Mapping, schema: Schema) -> dict[str, Any]:
    """The inputs that a node has and its schema knows; what is linked is None."""
    inputs = node["inputs"]
    names = [socket.id for socket in schema.inputs if socket.id in inputs]
    return {name: None if is_link(inputs[name]) else inputs[name] for name in names}


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
