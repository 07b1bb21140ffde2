"""All nodes that workflows can use on this host."""

from __future__ import annotations

from ..comfy_api import io
from .core_nodes import node_classes as core_node_classes


def registry() -> dict[str, type[io.ComfyNode]]:
    """Every node of this host and of the pack, by id. `comfy_api` must be in place (see `__main__`)."""
    from songreel import nodes

    from ..demo import nodes as demo_nodes

    classes: list[type[io.ComfyNode]] = [*core_node_classes(), *nodes.node_classes(), *demo_nodes.node_classes()]
    return {cls.define_schema().node_id: cls for cls in classes}
