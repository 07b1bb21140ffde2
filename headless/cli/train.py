"""The command `train`: a LoRA of a captured person, or of the demo model's drawn one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from songreel.nodes.base.errors import InputError
from songreel.nodes.person.identity import settings as _settings

from .. import demo_model
from ..demo.subject import LOOKS, DemoSubject
from ..host import HeadlessHost
from ..workflow.options import UsageError
from .common import DEMO, DONE, Bootstrap, check_models, checkpoint_name, prepare_output, say, write_picture
from .setting_options import add_settings, given_settings

# What the demo model learns well: it paints 256 pixels a side and has few weights, which take large steps.
DEMO_SETTINGS = {"steps": 180, "rank": 16, "resolution": 256, "learning_rate": 2e-3, "layers": _settings.ALL_LAYERS}
DEMO_SETTINGS |= {"text_encoder": True}
DEMO_PRESET = "quick"
OPTIONS = (
    *("steps", "rank", "resolution", "learning_rate", "layers", "text_encoder", "prior_share", "precision"),
    *("memory", "seed"),
)


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `train` to the command line."""
    command = commands.add_parser("train", parents=parents, help="learn a LoRA of a captured person")
    command.add_argument("subject", metavar="ID", help=f"record id of the person, or '{DEMO}' for a drawn one")
    command.add_argument("--checkpoint", metavar="CKPT", help="SD1.5 checkpoint, file or name; for 'demo', its own")
    command.add_argument("--out", required=True, type=Path, metavar="LORA.safetensors", help="where the LoRA goes")
    command.add_argument(
        "--preset", choices=list(_settings.PRESETS), help=f"what is not given below ({_settings.TrainRun.preset})"
    )
    add_settings(command, _settings.TrainSettings, *OPTIONS, without_default=True)
    command.add_argument("--plot", type=Path, metavar="OUT.png", help="picture of loss and validation")
    add_settings(command, _settings.TrainRun, "allow_reduced", "lock")
    command.add_argument(
        "--models", action="append", default=[], type=Path, metavar="DIR", help="ComfyUI models folder"
    )
    command.set_defaults(run=_train)


def _train(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.person.identity.lora import DRAWN, read_metadata
    from songreel.nodes.person.identity.plot import plot_training

    demo = args.subject == DEMO
    settings = _wanted(args, demo)
    suffix = ".safetensors" if demo or args.lock == _settings.OPEN else ".locked"
    if args.out.suffix.lower() != suffix:
        raise UsageError(f"Such a LoRA is a {suffix} file, got --out '{args.out}'; give a name that ends in it.")
    if args.checkpoint is None and not demo:
        raise UsageError("--checkpoint is missing; give the SD1.5 checkpoint that will paint the person.")
    check_models(args.models)
    out = prepare_output(args.out)
    plot = None if args.plot is None else prepare_output(args.plot)
    host = HeadlessHost(models=args.models)
    bootstrap(host)
    checkpoint = checkpoint_name(args.checkpoint or str(demo_model.CHECKPOINT), host)
    _check_replaced(out, DRAWN if demo else args.subject)
    with host.catching_ctrl_c(), host.executing("train", "Training"):
        try:
            done = _trained(args, host, settings, checkpoint, out)
        finally:
            host.close_line()
    if plot is not None:
        write_picture(plot_training(done.curve), plot)
    (_, first, _), (step, best, _) = done.curve.validation[0], done.curve.best
    words = read_metadata(done.path)["songreel.words"]
    return say(
        f"Wrote {args.out} ({out.stat().st_size / 1e6:.1f} MB): '{words}', step {step} kept, loss on unseen pictures "
        f"{first:.3f} to {best:.3f}.",
        DONE,
    )


def _wanted(args: argparse.Namespace, demo: bool) -> Any:
    """The settings that the options mean. Raises UsageError when one does not fit."""
    given = given_settings(args, *OPTIONS)
    if demo and args.preset is None:
        given = DEMO_SETTINGS | given
    try:
        return _settings.settings_of(args.preset or (DEMO_PRESET if demo else _settings.TrainRun.preset), **given)
    except InputError as error:
        raise UsageError(str(error)) from None


def _trained(args: argparse.Namespace, host: HeadlessHost, settings: Any, checkpoint: str, out: Path) -> Any:
    from songreel.nodes.base.types import IdentityRef

    if args.subject == DEMO:
        from songreel.nodes.person.identity.run import train_lora

        subject = DemoSubject(next(iter(LOOKS))).training_subject(settings.resolution)
        return train_lora(host, subject, host.model_file("checkpoints", checkpoint), settings, out=out)
    identity = IdentityRef(args.subject)
    from songreel.nodes.person.identity.verified_person import train_person

    run = _settings.TrainRun(allow_reduced=args.allow_reduced, lock=args.lock)
    return train_person(host, identity, checkpoint, settings, run, out=out)


def _check_replaced(out: Path, record: str) -> None:
    """Raises UsageError when a file that is no LoRA of the same person would be replaced.

    What is made of a person is noted by its path and deleted with the person, so no other file may be there.
    """
    if not out.exists():
        return
    from songreel.nodes.person.identity import lora

    try:
        before = lora.read_metadata(out).get(lora.RECORD)
    except InputError:
        before = None
    if before != record:
        raise UsageError(f"'{out}' is there and is no LoRA of this person; remove it or give another name.")
