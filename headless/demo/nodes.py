"""Nodes that only this host has: a drawn person of the demo model's world, and the training of a LoRA of one.

ComfyUI never lists them. What flows between them is a name out of `subject.LOOKS`, which has no place for a
picture, and which no node takes for a CHARCHA_IDENTITY.
"""

from __future__ import annotations

from comfy_api.latest import io

from songreel.nodes.host import current
from songreel.nodes.person.identity import node as _node
from songreel.nodes.person.identity.settings import train_settings

from .subject import LOOKS, DemoSubject


class DrawnSubject(io.ComfyNode):
    """A drawn person's name -> DEMO_SUBJECT."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DrawnSubject",
            display_name="Drawn Subject",
            category="headless/demo",
            description="A drawn person of the demo model's world, to try the training without anyone's face.",
            inputs=[
                io.Combo.Input("look", options=list(LOOKS), tooltip="Which of the drawn persons; no picture goes in."),
            ],
            outputs=[
                io.Custom(DemoSubject.io_type).Output(
                    "drawn_subject", display_name="drawn_subject", tooltip="The person's name, for Train Drawn Subject."
                )
            ],
        )

    @classmethod
    def execute(cls, look) -> io.NodeOutput:
        return io.NodeOutput(DemoSubject(look))


class TrainDrawnSubjectLoRA(_node.TrainIdentityLoRA):
    """DEMO_SUBJECT, a checkpoint -> a LoRA, by the code of TrainIdentityLoRA."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        schema = super().define_schema()
        schema.node_id, schema.display_name = "TrainDrawnSubjectLoRA", "Train Drawn Subject LoRA"
        schema.category = "headless/demo"
        schema.description = "Learns a drawn person of the demo model's world as Train Identity LoRA learns a real one."
        drawn = io.Custom(DemoSubject.io_type).Input("identity", tooltip="The person, from Drawn Subject.")
        left_out = ("identity", *_FOR_PERSONS)
        schema.inputs = [drawn, *(socket for socket in schema.inputs if socket.id not in left_out)]
        return schema

    @classmethod
    def fingerprint_inputs(cls, identity=None, **given):
        # A drawn person has no record that could change.
        return super().fingerprint_inputs()

    @classmethod
    def execute(cls, identity, ckpt_name, **given) -> io.NodeOutput:
        from songreel.nodes.person.identity.run import train_lora

        (settings, _), host = train_settings(given), current()
        subject = DemoSubject.of(identity).training_subject(settings.resolution)
        done = train_lora(host, subject, host.model_file("checkpoints", ckpt_name), settings)
        return _node.trained_output(done)


# Inputs of TrainIdentityLoRA that mean nothing without a record.
_FOR_PERSONS = ("allow_reduced", "samples", "lock")


def node_classes() -> list[type[io.ComfyNode]]:
    """The classes, in the order data flows."""
    return [DrawnSubject, TrainDrawnSubjectLoRA]
