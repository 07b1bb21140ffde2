"""ComfyUI faces of the identity stage: learn a likeness, apply it."""

import json

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.types import IdentityRef
from ...host import current
from .lora import IdentityLora
from .settings import OFF, ApplySettings, TrainRun, TrainSettings, train_settings


class TrainIdentityLoRA(io.ComfyNode):
    """CHARCHA_IDENTITY, a checkpoint -> a LoRA of the person."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrainIdentityLoRA",
            display_name="Train Identity LoRA",
            category="songreel/person",
            description="Learns the likeness of a verified, consenting person from the seven pictures of the capture "
            "and saves it as a LoRA that works everywhere. What was stopped continues when it is queued again.",
            inputs=[
                io.Custom(IdentityRef.io_type).Input(
                    "identity", tooltip="The person, from CHARCHA Capture. The record is verified at every run."
                ),
                io.Combo.Input(
                    "ckpt_name",
                    options=current().model_names("checkpoints"),
                    tooltip="The SD1.5 checkpoint to train on: the one that will paint, or its base.",
                ),
                *inputs_of(io, TrainRun, "preset"),
                *inputs_of(io, TrainSettings, "seed", "steps", "rank", "resolution", "learning_rate", "layers"),
                *inputs_of(io, TrainSettings, "text_encoder", "prior_share", "batch_size", "precision", "memory"),
                *inputs_of(io, TrainRun, "allow_reduced", "samples", "lock"),
            ],
            outputs=[
                io.Custom(IdentityLora.io_type).Output(
                    "identity_lora", display_name="identity_lora", tooltip="The LoRA, for Apply Identity LoRA."
                ),
                io.String.Output("lora_name", display_name="lora_name", tooltip="File name within models/loras."),
                io.LoraModel.Output(
                    "lora_model", display_name="lora_model", tooltip="The tensors, for the core's Load LoRA Model."
                ),
                io.Image.Output(
                    "loss_plot", display_name="loss_plot", tooltip="Loss of the steps, validation, the step kept."
                ),
                io.String.Output("report", display_name="report", tooltip="JSON: settings, counts, losses, seconds."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, identity=None, **given):
        from ..charcha.store import store_of
        from .handed import lost_files

        # A linked identity is not known here: its own node puts the record's state into the key.
        if not current().local_only():
            return float("nan")  # every run shows the owner's key anew
        state = "" if identity is None else store_of(current()).status(IdentityRef.of(identity).record)
        return f"{state} {lost_files()}"

    @classmethod
    def execute(cls, identity, ckpt_name, **given) -> io.NodeOutput:
        from .verified_person import train_person

        settings, run = train_settings(given)
        person = IdentityRef.of(identity)
        done = train_person(current(), person, ckpt_name, settings, run)
        return trained_output(done, {} if run.samples == OFF else {"record": person.record})


def trained_output(done, shown=None) -> io.NodeOutput:
    """What a training node gives of a finished LoRA. shown: what the page is told beside the curve."""
    from safetensors.torch import load_file

    from .handed import hand_out
    from .locked import WHY_LOCKED, LockedTensors, is_locked
    from .plot import plot_training
    from .run import live

    hand_out(done.path)
    text, steps = json.dumps(done.report, indent=2), len(done.curve.losses)
    locked = is_locked(done.path)
    curve = live(current().node_id(), steps, steps, done.curve) | (shown or {})
    return io.NodeOutput(
        done.lora,
        WHY_LOCKED if locked else done.lora.name,
        LockedTensors() if locked else load_file(done.path),
        _image(plot_training(done.curve)),
        text,
        ui={"text": [text], "songreel_training": [curve]},
    )


class ApplyIdentityLoRA(io.ComfyNode):
    """MODEL, CLIP, IDENTITY_LORA -> MODEL, CLIP with the likeness."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ApplyIdentityLoRA",
            display_name="Apply Identity LoRA",
            category="songreel/person",
            description="Gives a model and its text encoder a trained likeness, while the person's consent lasts.",
            inputs=[
                io.Model.Input("model", tooltip="The SD1.5 model to change."),
                io.Clip.Input("clip", tooltip="Its text encoder."),
                io.Custom(IdentityLora.io_type).Input(
                    "identity_lora", tooltip="From Train Identity LoRA. File and record are checked at every run."
                ),
                *inputs_of(io, ApplySettings),
            ],
            outputs=[
                io.Model.Output("changed_model", display_name="changed_model", tooltip="The model with the likeness."),
                io.Clip.Output(
                    "changed_clip", display_name="changed_clip", tooltip="The text encoder with the likeness."
                ),
                io.String.Output(
                    "person", display_name="person", tooltip="How prompts name the person: token and class word."
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, identity_lora=None, **given):
        # A linked LoRA is not known here, and consent may be taken back between two runs: ask every time.
        return float("nan")

    @classmethod
    def execute(cls, model, clip, identity_lora, **given) -> io.NodeOutput:
        from .lora import verified

        host, settings = current(), from_inputs(ApplySettings, given)
        found = verified(host, identity_lora)
        if not (settings.accepted and found.accepted):
            return io.NodeOutput(block_execution=_WAITS if found.accepted else _NOT_ACCEPTED)
        if settings.strength_model == 0 and settings.strength_clip == 0:
            return io.NodeOutput(model, clip, found.words)
        changed, changed_clip = host.apply_lora(
            model, clip, found.path, settings.strength_model, settings.strength_clip
        )
        for permit in found.permits:
            changed = host.with_permit(changed, permit)
        return io.NodeOutput(changed, changed_clip, found.words)


_WAITS = (
    "The likeness waits for its owner: look at the samples in Train Identity LoRA, then turn on 'accepted' in Apply "
    "Identity LoRA and queue again."
)
_NOT_ACCEPTED = (
    "The likeness waits for its owner: samples were painted, and only the person accepts them, with the owner's key, "
    "in Train Identity LoRA or with the command 'identities accept'. Then queue again."
)


def _image(picture):
    import torch

    return torch.from_numpy(picture).float()[None] / 255
