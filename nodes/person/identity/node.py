"""ComfyUI faces of the identity stage: learn a likeness, apply it."""

import json

from ...base.types import IdentityRef
from ...host import current
from .lora import IdentityLora
from .settings import LAYERS, MEMORY, OFF, PRECISIONS, PRESETS, SAMPLES
from comfy_api.latest import io


class TrainIdentityLoRA(io.ComfyNode):
    """CHARCHA_IDENTITY, a checkpoint -> a LoRA of the person."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="TrainIdentityLoRA",
            display_name="Train Identity LoRA",
            category="songreel/identity",
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
                io.Combo.Input(
                    "preset",
                    options=list(PRESETS),
                    default="balanced",
                    tooltip="quick: 300 steps, rank 8, 384 pixels. balanced: 800, 16, 512. best: 1600, 32, 512, "
                    "convolutions too.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFF,
                    # ComfyUI would add a widget that changes the seed after every run, and so train anew.
                    control_after_generate=False,
                    tooltip="Decides all chance: same seed, same file.",
                ),
                _whole("steps", 100_000, "Training steps"),
                _whole("rank", 256, "Rank of the change: more holds more, and a larger file"),
                _whole("resolution", 1024, "Side of the training pictures in pixels, a multiple of 64", step=64),
                io.Float.Input(
                    "learning_rate",
                    default=0.0,
                    min=0.0,
                    max=0.1,
                    step=0.00001,
                    round=False,
                    optional=True,
                    tooltip="Largest step of the optimizer; 0 takes the preset's.",
                ),
                io.Combo.Input(
                    "layers",
                    options=["preset", *LAYERS],
                    default="preset",
                    optional=True,
                    tooltip="Which layers of the UNet learn. Attention is faster and enough for most faces.",
                ),
                io.Boolean.Input(
                    "text_encoder",
                    default=False,
                    optional=True,
                    tooltip="Let the text encoder learn too: closer to the person, easier to over-train.",
                ),
                io.Float.Input(
                    "prior_share",
                    default=0.3,
                    min=0.0,
                    max=0.9,
                    step=0.05,
                    optional=True,
                    tooltip="Share of the steps spent on the model's own pictures of the class, so that it keeps them.",
                ),
                io.Int.Input(
                    "batch_size",
                    default=1,
                    min=1,
                    max=64,
                    optional=True,
                    tooltip="Pictures per step. More is steadier and takes memory.",
                ),
                io.Combo.Input(
                    "precision",
                    options=list(PRECISIONS),
                    default="auto",
                    optional=True,
                    tooltip="Numbers that the model computes with; auto takes the fastest that the device has. The "
                    "LoRA itself is float32.",
                ),
                io.Combo.Input(
                    "memory",
                    options=list(MEMORY),
                    default="auto",
                    optional=True,
                    tooltip="save: gradient checkpointing, and 8-bit Adam where bitsandbytes is installed; slower. "
                    "auto decides by the free memory of the GPU.",
                ),
                io.Boolean.Input(
                    "allow_reduced",
                    default=False,
                    optional=True,
                    tooltip="Also take a capture whose light check was not passed. It may then be a recording.",
                ),
                io.Combo.Input(
                    "samples",
                    options=list(SAMPLES),
                    default=OFF,
                    optional=True,
                    tooltip="Small pictures of the person, realistic, as a cartoon and as a sketch, kept encrypted and "
                    "shown here to who has the owner's key. Each set of three asks the model as often as some 20 steps "
                    "do: one at the end, or four while training.",
                ),
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
        state = "" if identity is None else store_of(current()).status(IdentityRef.of(identity).record)
        return f"{state} {lost_files()}"

    @classmethod
    def execute(cls, identity, ckpt_name, preset, seed, allow_reduced=False, samples=OFF, **given) -> io.NodeOutput:
        from .verified_person import train_person

        settings = node_settings(preset, seed, **given)
        person = IdentityRef.of(identity)
        done = train_person(current(), person, ckpt_name, settings, allow_reduced=allow_reduced, samples=samples)
        return trained_output(done, {} if samples == OFF else {"record": person.record})


def node_settings(preset, seed, *, steps=0, rank=0, resolution=0, learning_rate=0.0, layers="preset", **given):
    """The settings that a node's inputs mean; where an input is 0 or "preset", the preset's."""
    from .settings import settings_of

    return settings_of(
        preset,
        seed=seed,
        steps=steps or None,
        rank=rank or None,
        resolution=resolution or None,
        learning_rate=learning_rate or None,
        layers=None if layers == "preset" else layers,
        **given,
    )


def trained_output(done, shown=None) -> io.NodeOutput:
    """What a training node gives of a finished LoRA. shown: what the page is told beside the curve."""
    from .handed import hand_out
    from .plot import plot_training
    from .run import live
    from safetensors.torch import load_file

    hand_out(done.path)
    text, steps = json.dumps(done.report, indent=2), len(done.curve.losses)
    curve = live(current().node_id(), steps, steps, done.curve) | (shown or {})
    return io.NodeOutput(
        done.lora,
        done.lora.name,
        load_file(done.path),
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
            category="songreel/identity",
            description="Gives a model and its text encoder a trained likeness, while the person's consent lasts.",
            inputs=[
                io.Model.Input("model", tooltip="The SD1.5 model to change."),
                io.Clip.Input("clip", tooltip="Its text encoder."),
                io.Custom(IdentityLora.io_type).Input(
                    "identity_lora", tooltip="From Train Identity LoRA. File and record are checked at every run."
                ),
                _strength("strength_model", "model"),
                _strength("strength_clip", "text encoder"),
                io.Boolean.Input(
                    "accepted",
                    default=True,
                    optional=True,
                    tooltip="Off: nothing after this node runs, so that the person can look at the samples of the "
                    "training before a long render. On: go on.",
                ),
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
    def execute(cls, model, clip, identity_lora, strength_model, strength_clip, accepted=True) -> io.NodeOutput:
        from .lora import verified

        host = current()
        found = verified(host, identity_lora)
        if not accepted:
            return io.NodeOutput(block_execution=_WAITS)
        if strength_model == 0 and strength_clip == 0:
            return io.NodeOutput(model, clip, found.words)
        changed = host.apply_lora(model, clip, found.path, strength_model, strength_clip)
        return io.NodeOutput(*changed, found.words)


_WAITS = (
    "The likeness waits for its owner: look at the samples in Train Identity LoRA, then turn on 'accepted' in Apply "
    "Identity LoRA and queue again."
)


def _whole(name: str, most: int, what: str, *, step: int = 1) -> io.Int.Input:
    return io.Int.Input(
        name, default=0, min=0, max=most, step=step, optional=True, tooltip=f"{what}; 0 takes the preset's."
    )


def _strength(name: str, what: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=1.0,
        min=-10.0,
        max=10.0,
        step=0.01,
        tooltip=f"How much of the likeness goes into the {what}; 0 is none.",
    )


def _image(picture):
    import torch

    return torch.from_numpy(picture).float()[None] / 255
