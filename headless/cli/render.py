"""The command `render`: options become values in a workflow, which this host or a ComfyUI runs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from songreel.nodes.base.errors import InputError

from .. import pack
from ..host import HeadlessHost
from ..workflow.options import (
    ROLES,
    Schemas,
    UsageError,
    apply_role,
    apply_set,
    apply_suffix,
    current_value,
    find_output,
    find_role,
    out_suffix,
    parse_size,
    schemas_of,
)
from .common import (
    DEMO,
    DONE,
    Bootstrap,
    add_song,
    check_models,
    checkpoint_name,
    prepare_output,
    publish,
    read_text,
    say,
    seconds_text,
    song_file,
)

WORKFLOWS = pack.ROOT / "workflows" / "api"
DEFAULT_WORKFLOW = "story"
# With --prompt and no lyrics the user writes the shots.
PROMPT_WORKFLOW = "beat_video"
# The same story with a drawn person whose likeness is learnt first: what the demo model can show of all there is.
DEMO_WORKFLOW = Path(__file__).parents[1] / "demo" / "workflow.json"


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add `render` to the command line."""
    render = commands.add_parser("render", parents=parents, help="render a song's video")
    add_song(render)
    render.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="OUT.mp4",
        help="where it goes: .mp4, .mov (ProRes), .webm (AV1), .gif",
    )
    render.add_argument(
        "--workflow",
        metavar="W.json",
        help=f"API workflow, file or shipped name ({DEFAULT_WORKFLOW}; {PROMPT_WORKFLOW} with --prompt)",
    )
    render.add_argument("--checkpoint", metavar="CKPT", help="SD1.5 checkpoint, file or name; else the demo model")
    render.add_argument("--lyrics", type=Path, metavar="FILE", help="text or LRC file with the lyrics")
    render.add_argument(
        "--prompt", metavar="TEXT", help="what the video shows; may be a timeline. With --lyrics: theme"
    )
    render.add_argument("--vocabulary", type=Path, metavar="FILE", help="JSON of the places and colours of the story")
    render.add_argument("--identity", metavar="ID", help="record id of a person")
    render.add_argument("--fps", metavar="N", help="frames per second, such as 12 or 24000/1001")
    render.add_argument("--size", metavar="WxH", help="picture size in pixels, such as 512x512")
    render.add_argument("--steps", metavar="N", help="sampler steps per picture")
    render.add_argument("--seed", metavar="N", help="decides all noise")
    render.add_argument("--start", metavar="S", help="start of an excerpt, in seconds or m:ss")
    render.add_argument("--seconds", metavar="S", help="length of an excerpt, in seconds or m:ss")
    render.add_argument("--set", action="append", default=[], metavar="NODE.INPUT=VALUE", help="any input of any node")
    render.add_argument("--draft", action="store_true", help="a quick look: seconds of work, not minutes")
    render.add_argument("--models", action="append", default=[], type=Path, metavar="DIR", help="ComfyUI models folder")
    render.add_argument("--preview", type=Path, metavar="FILE.jpg", help="picture file that follows the work")
    render.add_argument("--server", metavar="URL", help="run on a ComfyUI there, such as http://127.0.0.1:8188")
    render.add_argument(
        "--owner-key-file", type=Path, metavar="FILE", help="with --server: holds the key that the person was shown"
    )
    render.set_defaults(run=_render)


def load_workflow(name: str | None) -> dict:
    """A workflow by file or shipped name. Raises UsageError when there is none or it is not one."""
    name = name or DEFAULT_WORKFLOW
    path = Path(name)
    if not path.is_file():
        shipped = WORKFLOWS / f"{name.removesuffix('.json')}.json"
        if not shipped.is_file():
            known = ", ".join(sorted(entry.stem for entry in WORKFLOWS.glob("*.json"))) or "none"
            raise UsageError(f"There is no workflow '{name}'; give a file in API format or a shipped one ({known}).")
        path = shipped
    try:
        workflow = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(f"'{path.name}' is not a workflow: {error}.") from None
    if isinstance(workflow, dict) and "nodes" in workflow and "links" in workflow:
        raise UsageError(f"'{path.name}' is in ComfyUI's UI format; export it with 'Export (API)' and give that file.")
    return workflow


def _render(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    args.start, args.seconds = seconds_text(args.start, "--start"), seconds_text(args.seconds, "--seconds")
    workflow = load_workflow(args.workflow or _usual_workflow(args))
    suffix = out_suffix(args.out.name)
    check_models(args.models)
    out = prepare_output(args.out)
    preview = None if args.preview is None else prepare_output(args.preview)
    host = HeadlessHost(models=args.models, preview=preview)
    song = song_file(args.song, host)
    with host.catching_ctrl_c():
        try:
            run = _render_on_server if args.server else _render_here
            video = run(args, bootstrap, host, workflow, song)
            if args.start is None and args.seconds is None and suffix == ".mp4":
                video = keep_song_packets(video, song, host)
            size = video.stat().st_size
            publish(video, out)
        finally:
            host.close_line()
    count = len(host.notes)
    about = (
        "" if not count else f" {count} note{'s' if count > 1 else ''} above: what was left out, repaired or guessed."
    )
    return say(f"Wrote {args.out} ({size / 1e6:.1f} MB).{about}", DONE)


def _usual_workflow(args: argparse.Namespace) -> str:
    """The workflow where none is named."""
    if args.prompt is not None and args.lyrics is None:
        return PROMPT_WORKFLOW
    # A draft is seconds of work, and nobody's checkpoint or server knows the demo model's world.
    own = args.song != DEMO or args.checkpoint or args.server or args.identity or args.draft
    return DEFAULT_WORKFLOW if own else str(DEMO_WORKFLOW)


def _render_here(
    args: argparse.Namespace, bootstrap: Bootstrap, host: HeadlessHost, workflow: dict, song: Path
) -> Path:
    from ..workflow.executor import Executor
    from ..workflow.graph import title_of
    from ..workflow.registry import registry as all_nodes
    from ..workflow.validate import WorkflowError, check_shape

    bootstrap(host)
    if args.checkpoint:
        args.checkpoint = checkpoint_name(args.checkpoint, host)
    registry = all_nodes()
    schemas = schemas_of({name: cls.GET_NODE_INFO_V1() for name, cls in registry.items()})
    problems = check_shape(workflow, registry)
    if problems:
        raise WorkflowError(problems)
    if args.checkpoint is None and _needs_demo_model(args, host, workflow, schemas):
        from .. import demo_model

        args.checkpoint = host.register("checkpoints", demo_model.CHECKPOINT)
        # What the demo model is made for; larger pictures only repeat its shapes.
        args.size, args.steps = args.size or f"{demo_model.SIZE}x{demo_model.SIZE}", args.steps or str(demo_model.STEPS)
        if find_role(workflow, schemas, ROLES["guidance"]) is not None:
            workflow = apply_role(workflow, schemas, ROLES["guidance"], str(demo_model.CFG))
        if args.vocabulary is None and find_role(workflow, schemas, ROLES["vocabulary"]) is not None:
            args.vocabulary = demo_model.VOCABULARY
        host.show_line(f"No --checkpoint: the demo model paints ({args.size}, {args.steps} steps).", keep=True)
    workflow = with_options(workflow, schemas, args, host.register("input", song))
    _check_start(args, workflow, schemas, song)
    output = find_output(workflow, [name for name, cls in registry.items() if cls.OUTPUT_NODE])
    workflow = apply_suffix(workflow, schemas, output, out_suffix(args.out.name), args.set)

    def on_event(name: str, data: dict) -> None:
        if name == "executing":
            host.show_line(f"{data['title']} ...")
        elif name == "executed":
            host.show_notes(title_of(workflow[data["node"]]), data["output"])
        elif name == "execution_blocked":
            host.show_line(data["message"], keep=True)

    result = Executor(registry, host=host).run(workflow, on_event=on_event)
    shown = result.outputs.get(output, {})
    files = shown.get("files") or shown.get("images") or []
    if not files:
        reason = result.blocked[-1][1] if result.blocked else "look at the nodes before it."
        raise InputError(f"{title_of(workflow[output])} saved no file: {reason}")
    return host.saved_file(files[0])


def _check_start(args: argparse.Namespace, workflow: dict, schemas: dict, song: Path) -> None:
    """Raises UsageError where an excerpt begins after the song's last picture."""
    from songreel.nodes.base.timing import boundary, frame_count, frame_start, snap_fps

    from ..comfy_api.video import duration_of

    if args.start is None:
        return
    length, rate = duration_of(song, "audio"), current_value(workflow, schemas, ROLES["frame rate"])
    if length is None or rate is None:
        return
    try:
        fps = snap_fps(rate)
    except InputError:
        return
    count = frame_count(length, fps)
    if boundary(float(args.start), fps, count) >= count:
        raise UsageError(
            f"--start {args.start} leaves no picture: the song has {length:.2f} s, and at {float(fps):g} fps its last "
            f"picture starts at {frame_start(count - 1, fps):.2f} s; begin there or before."
        )


def _needs_demo_model(args: argparse.Namespace, host: HeadlessHost, workflow: dict, schemas: dict) -> bool:
    """Without --checkpoint: a shipped workflow uses the demo model, another one where its own is not there."""
    if find_role(workflow, schemas, ROLES["checkpoint"]) is None:
        return False
    shipped = args.workflow is None or not Path(args.workflow).is_file()
    return shipped or current_value(workflow, schemas, ROLES["checkpoint"]) not in host.model_names("checkpoints")


def _render_on_server(
    args: argparse.Namespace, bootstrap: Bootstrap, host: HeadlessHost, workflow: dict, song: Path
) -> Path:
    from ..workflow.remote import render_on_server

    def patch(schemas: Schemas, song_name: str, checkpoint: str | None) -> dict:
        args.checkpoint = checkpoint
        return with_options(workflow, schemas, args, song_name)

    def adapt(workflow: dict, schemas: Schemas, output: str) -> dict:
        return apply_suffix(workflow, schemas, output, out_suffix(args.out.name), args.set)

    key = None if args.owner_key_file is None else read_text(args.owner_key_file, "key file").strip()
    return render_on_server(
        args.server, workflow, patch, song=song, checkpoint=args.checkpoint, host=host, adapt=adapt, owner_key=key
    )


def with_options(workflow: dict, schemas: Schemas, args: argparse.Namespace, song: str) -> dict:
    """The workflow with every option of `render` in place. Raises UsageError when one does not fit."""
    workflow = apply_role(workflow, schemas, ROLES["song"], song)
    for name, value in (
        ("checkpoint", args.checkpoint),
        ("prompt", args.prompt),
        ("identity", args.identity),
        ("frame rate", args.fps),
        ("steps", args.steps),
        ("seed", args.seed),
        ("start", args.start),
        ("seconds", args.seconds),
        ("draft", True if args.draft else None),
    ):
        if value is not None:
            _check_place(name, workflow, schemas)
            workflow = apply_role(workflow, schemas, ROLES[name], value)
    if args.size is not None:
        workflow = apply_role(workflow, schemas, ROLES["size"], *parse_size(args.size))
    lyrics = args.lyrics
    if lyrics is None and args.song == DEMO and find_role(workflow, schemas, ROLES["lyrics"]) is not None:
        from ..demo.song import LYRICS

        lyrics = LYRICS
    for name, path in (("lyrics", lyrics), ("vocabulary", args.vocabulary)):
        if path is not None:
            workflow = apply_role(workflow, schemas, ROLES[name], read_text(path, f"{name} file"))
    for assignment in args.set:
        workflow = apply_set(workflow, schemas, assignment)
    return workflow


def _check_place(name: str, workflow: dict, schemas: Schemas) -> None:
    """Raises UsageError where a workflow has no place for an option and a shipped one has; it is named."""
    role = ROLES[name]
    if name not in ("identity", "prompt") or find_role(workflow, schemas, role) is not None:
        return
    shipped = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(WORKFLOWS.glob("*.json"))}
    fitting = [stem for stem, other in shipped.items() if find_role(other, schemas, role) is not None]
    if fitting:
        raise UsageError(
            f"{role.option} has nowhere to go in this workflow; these shipped ones have a place for it: "
            f"{', '.join(fitting)}. Give one with --workflow."
        )


def keep_song_packets(video: Path, song: Path, host: HeadlessHost) -> Path:
    """The video with the song file's own AAC packets, where it has such and the video is all of it."""
    from songreel.nodes.base.media import video as media

    from ..comfy_api.video import duration_of

    rendered, whole = duration_of(video, "audio"), duration_of(song, "audio")
    if not hasattr(media, "copy_audio") or rendered is None or whole is None or abs(rendered - whole) > 0.1:
        return video
    copied = host.run_dir() / f"copied-{video.name}"
    return copied if media.copy_audio(video, song, copied) else video
