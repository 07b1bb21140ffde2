"""The command line: options become values in a workflow, which this host or a ComfyUI runs."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import pack
from ..host import HeadlessHost, InputError, Interrupted, atomic_path
from ..workflow.options import (
    ROLES,
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

WORKFLOWS = pack.ROOT / "workflows" / "api"
DEFAULT_WORKFLOW = "story"
# With --prompt and no lyrics the user writes the shots.
PROMPT_WORKFLOW = "beat_video"
# The same story with a drawn person whose likeness is learnt first: what the demo model can show of all there is.
DEMO_WORKFLOW = Path(__file__).parents[1] / "demo" / "workflow.json"
DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
DEMO = "demo"

Bootstrap = Callable[[HeadlessHost], None]


class _Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> None:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    debug = _Parser(add_help=False)
    debug.add_argument("--debug", action="store_true", help="show where an error came from")
    top = _Parser(
        prog="python -m headless",
        description="Turn a song into a beat-synchronised video, without ComfyUI or on a running one.",
        epilog="Exit status: 0 done, 1 the job failed, 2 wrong usage (nothing was run), 130 interrupted.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    render = commands.add_parser("render", parents=[debug], help="render a song's video")
    render.add_argument("song", metavar="SONG", help=f"audio file, or '{DEMO}' for the demo song")
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
    render.add_argument("--start", metavar="S", help="start of an excerpt in seconds")
    render.add_argument("--seconds", metavar="S", help="length of an excerpt in seconds")
    render.add_argument("--set", action="append", default=[], metavar="NODE.INPUT=VALUE", help="any input of any node")
    render.add_argument("--draft", action="store_true", help="a quick look: seconds of work, not minutes")
    render.add_argument("--models", action="append", default=[], type=Path, metavar="DIR", help="ComfyUI models folder")
    render.add_argument("--preview", type=Path, metavar="FILE.jpg", help="picture file that follows the work")
    render.add_argument("--server", metavar="URL", help="run on a ComfyUI there, such as http://127.0.0.1:8188")
    render.set_defaults(run=_render)

    analyze = commands.add_parser("analyze", parents=[debug], help="what is heard in a song, as JSON")
    analyze.add_argument("song", metavar="SONG", help=f"audio file, or '{DEMO}' for the demo song")
    analyze.add_argument("--json", required=True, metavar="OUT", help="JSON file, or - for standard output")
    analyze.add_argument("--plot", type=Path, metavar="OUT.png", help="picture of waveform, envelope and beats")
    analyze.add_argument("--fps", default="24", metavar="N", help="frames per second of the curves (24)")
    analyze.set_defaults(run=_analyze)

    from . import metrics as metrics_command
    from . import story as story_commands
    from . import train as train_command

    story_commands.add(commands, [debug])
    train_command.add(commands, [debug])
    metrics_command.add(commands, [debug])

    charcha = commands.add_parser("charcha", parents=[debug], help="serve the capture page on this computer")
    charcha.add_argument("--port", type=int, default=8189, metavar="N", help="port on loopback (8189); 0 takes any")
    charcha.set_defaults(run=_charcha)

    identities = commands.add_parser("identities", parents=[debug], help="list, revoke or delete captured persons")
    identities.add_argument("do", choices=("list", "revoke", "delete"), help="what to do")
    identities.add_argument("record", nargs="?", metavar="ID", help="the record, for revoke and delete")
    identities.add_argument("--json", action="store_true", help="the list as JSON")
    identities.add_argument("--home", type=Path, metavar="DIR", help="folder of records; ComfyUI's is user/__songreel")
    identities.set_defaults(run=_identities)

    for name, run, text in (
        ("nodes", _nodes, "list the nodes there are"),
        ("workflows", _workflows, "list the shipped workflows"),
    ):
        command = commands.add_parser(name, parents=[debug], help=text)
        command.add_argument("--json", action="store_true", help="as JSON, to standard output")
        command.set_defaults(run=run)
    return top


def main(argv: list[str], bootstrap: Bootstrap) -> int:
    """Run a command and return its exit status."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as ended:
        return int(ended.code or 0)
    try:
        return args.run(args, bootstrap)
    except (Interrupted, KeyboardInterrupt):
        return _say("Interrupted; what is finished is kept, the same command goes on from there.", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has closed it; nothing is left to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if args.debug:
            traceback.print_exc()
        return _say(*_told(error))


def _say(text: str, status: int) -> int:
    sys.stderr.write(text.rstrip() + "\n")
    return status


def _told(error: Exception) -> tuple[str, int]:
    """What to tell about an error, and the exit status."""
    from ..workflow.executor import NodeError
    from ..workflow.validate import WorkflowError

    if isinstance(error, (UsageError, WorkflowError)):
        return str(error), USAGE
    if isinstance(error, (InputError, NodeError)):
        return str(error), FAILED
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    # safetensors tells of a full disk in words only.
    if full or "No space left on device" in str(error):
        return "The disk is full; free some space and run the same command again.", FAILED
    detail = " ".join(str(error).split()) or "no further word"
    return f"{type(error).__name__}: {detail} (--debug shows where).", FAILED


# Files ---------------------------------------------------------------------------------------------


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


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise UsageError(f"There is no {what} '{path}'; check the name and the folder.")
    return path.resolve()


def read_text(path: Path, what: str) -> str:
    """The text of a file. Raises UsageError when there is none or it is not UTF-8."""
    try:
        return _existing(path, what).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"'{path}' is not UTF-8 text; save it as UTF-8.") from None


def check_models(folders: list[Path]) -> None:
    """Raises UsageError when a folder of --models is not there."""
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"There is no folder '{folder}' for --models; check the name.")


def checkpoint_name(given: str, host: HeadlessHost) -> str:
    """The name by which nodes know a checkpoint that was given as a file or by name. Raises UsageError."""
    if Path(given).is_file():
        return host.register("checkpoints", Path(given).resolve())
    if given not in host.model_names("checkpoints"):
        raise UsageError(
            f"There is no checkpoint '{given}'; give a .safetensors file, or put it into "
            f"'{host.root / 'models' / 'checkpoints'}'."
        )
    return given


def song_file(name: str, host: HeadlessHost) -> Path:
    """The file of SONG: one that is there, or the demo song."""
    if name == DEMO:
        from ..demo.song import ensure_demo_song

        return Path(ensure_demo_song(host.cache_dir()))
    return _existing(Path(name), "song")


def prepare_output(path: Path) -> Path:
    """The absolute path of a result, its folder made. Raises UsageError when it cannot be written."""
    path = Path(os.path.abspath(path))
    if path.is_dir():
        raise UsageError(f"'{path}' is a folder; give the name of a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder '{path.parent}' cannot be made ({error.strerror}); choose another.") from None
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"The folder '{path.parent}' cannot be written to; allow it or choose another.")
    _remove_abandoned(path)
    return path


def _remove_abandoned(path: Path) -> None:
    """Remove what a killed run left beside its result."""
    pattern = re.compile(re.escape(path.name) + r"\.\d+\.part")
    for entry in path.parent.iterdir():
        if pattern.fullmatch(entry.name):
            with contextlib.suppress(OSError):
                entry.unlink()


def publish(source: Path, out: Path) -> None:
    """Move a finished file to its place, in one step."""
    try:
        os.replace(source, out)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with atomic_path(out) as part:
            shutil.copyfile(source, part)
        source.unlink()


def keep_song_packets(video: Path, song: Path, host: HeadlessHost) -> Path:
    """The video with the song file's own AAC packets, where it has such and the video is all of it."""
    from ..comfy_api.video import duration_of

    from songreel.nodes.base.media import video as media

    lengths = duration_of(video, "audio"), duration_of(song, "audio")
    if not hasattr(media, "copy_audio") or None in lengths or abs(lengths[0] - lengths[1]) > 0.1:
        return video
    copied = host.run_dir() / f"copied-{video.name}"
    return copied if media.copy_audio(video, song, copied) else video


# Commands ------------------------------------------------------------------------------------------


def _render(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
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
    return _say(f"Wrote {args.out} ({size / 1e6:.1f} MB).", DONE)


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
    output = find_output(workflow, [name for name, cls in registry.items() if cls.OUTPUT_NODE])
    workflow = apply_suffix(workflow, schemas, output, out_suffix(args.out.name), args.set)

    def on_event(name: str, data: dict) -> None:
        if name == "executing":
            host.show_line(f"{data['title']} ...")
        elif name == "execution_blocked":
            host.show_line(data["message"], keep=True)

    result = Executor(registry, host=host).run(workflow, on_event=on_event)
    shown = result.outputs.get(output, {})
    files = shown.get("files") or shown.get("images") or []
    if not files:
        reason = result.blocked[-1][1] if result.blocked else "look at the nodes before it."
        raise InputError(f"{title_of(workflow[output])} saved no file: {reason}")
    return host.saved_file(files[0])


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

    def patch(schemas: dict, song_name: str, checkpoint: str | None) -> dict:
        args.checkpoint = checkpoint
        return with_options(workflow, schemas, args, song_name)

    def adapt(workflow: dict, schemas: dict, output: str) -> dict:
        return apply_suffix(workflow, schemas, output, out_suffix(args.out.name), args.set)

    return render_on_server(args.server, workflow, patch, song=song, checkpoint=args.checkpoint, host=host, adapt=adapt)


def with_options(workflow: dict, schemas: dict, args: argparse.Namespace, song: str) -> dict:
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


def _analyze(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.base.media.audio import read_audio
    from songreel.nodes.base.timing import snap_fps
    from songreel.nodes.song.audio.cache import cached_analysis
    from songreel.nodes.song.audio.plot import plot_analysis

    try:
        fps = snap_fps(args.fps)
    except InputError as error:
        raise UsageError(str(error)) from None
    out = None if args.json == "-" else prepare_output(Path(args.json))
    plot = None if args.plot is None else prepare_output(args.plot)
    host = HeadlessHost()
    waveform, sample_rate = read_audio(song_file(args.song, host))
    analysis = cached_analysis(waveform, sample_rate, fps=fps, folder=host.cache_dir())
    if plot is not None:
        from PIL import Image

        picture = plot_analysis(waveform, sample_rate, analysis)
        with atomic_path(plot) as part:
            Image.fromarray(picture).save(part, format="PNG")
    text = analysis.to_text()
    if out is None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    else:
        with atomic_path(out) as part:
            part.write_text(text + "\n", "utf-8")
    return DONE


def _charcha(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from .charcha_page import serve

    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port must be 0 to 65535, got {args.port}.")
    host = HeadlessHost()
    bootstrap(host)
    try:
        serve(host, args.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise UsageError(f"Port {args.port} is in use; give another with --port.") from None
    return DONE


def _identities(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from songreel.nodes.person.charcha.store import IdentityStore

    if (args.record is None) != (args.do == "list"):
        raise UsageError(f"'identities {args.do}' takes {'no' if args.do == 'list' else 'the'} id of a record.")
    folder = HeadlessHost().private_dir() if args.home is None else args.home
    if not folder.is_dir():
        raise UsageError(f"There is no folder '{folder}'; check the name.")
    store = IdentityStore(folder / "charcha")
    if args.do == "list":
        entries = store.entries()
        if args.json:
            return _print_json(entries)
        for entry in entries:
            day = time.strftime("%Y-%m-%d", time.gmtime(entry["expires"])) if "expires" in entry else ""
            name = f"{entry.get('token', '')} ({entry['class_word']})" if "class_word" in entry else ""
            sys.stdout.write(f"{entry['id']}  {entry['state']:8}  {name:28}  {day}\n")
        return DONE
    if args.do == "revoke":
        store.revoke(args.record)
        return _say("Revoked: no node uses this identity any more. Its pictures stay until you delete it.", DONE)
    left = store.delete(args.record)
    changed = f" These files were changed since and are left: {', '.join(left)}." if left else ""
    return _say(f"Deleted: pictures, training data and known LoRA files.{changed} Copies elsewhere still work.", DONE)


def _nodes(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    from ..workflow.registry import registry

    bootstrap(HeadlessHost())
    infos = [cls.GET_NODE_INFO_V1() for cls in registry().values()]
    if args.json:
        return _print_json(infos)
    for info in infos:
        inputs = ", ".join(name for group in ("required", "optional") for name in info["input"].get(group, ()))
        sys.stdout.write(f"{info['name']}({inputs}) -> {', '.join(map(str, info['output'])) or 'nothing'}\n")
        if info["description"]:
            sys.stdout.write(f"    {info['description']}\n")
    return DONE


def _workflows(args: argparse.Namespace, bootstrap: Bootstrap) -> int:
    entries = list(_shipped())
    if args.json:
        return _print_json(entries)
    for entry in entries:
        sys.stdout.write(f"{entry['name']}: {', '.join(entry['nodes'])}\n")
    return DONE


def _shipped() -> Iterator[dict[str, Any]]:
    for path in sorted(WORKFLOWS.glob("*.json")):
        nodes = json.loads(path.read_text("utf-8")).values()
        yield {
            "name": path.stem,
            "file": path.relative_to(pack.ROOT).as_posix(),
            "default": path.stem == DEFAULT_WORKFLOW,
            "nodes": list(dict.fromkeys(node["class_type"] for node in nodes)),
        }


def _print_json(value: Any) -> int:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
    return DONE
