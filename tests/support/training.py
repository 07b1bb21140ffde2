"""Trainings that take seconds: on the demo model, few steps, small pictures."""

from __future__ import annotations

import json

from headless.cli import render as render_command
from headless.demo_model import CHECKPOINT
from songreel.nodes.person.identity.settings import TrainSettings

TINY = TrainSettings(
    steps=6, rank=4, alpha=2.0, learning_rate=1e-3, resolution=64, class_pictures=3, validate_every=3, warmup=2
)
WIDGETS = {"steps": 4, "rank": 2, "resolution": 64, "preset": "quick", "prior_share": 0.0}


def training(**changes):
    """DrawnSubject -> TrainDrawnSubjectLoRA -> a picture."""
    nodes = json.loads(render_command.DEMO_WORKFLOW.read_text("utf-8"))
    graph = {key: nodes[key] for key in ("13", "14")}
    graph["14"]["inputs"] |= {"ckpt_name": CHECKPOINT.name} | WIDGETS | changes
    graph["16"] = {"class_type": "PreviewImage", "inputs": {"images": ["14", 3]}}
    return graph
