"""Keeps the table of ARCHITECTURE.md: who may import what, and what the pack costs at ComfyUI's start."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACK = sorted((ROOT / "nodes").rglob("*.py"))
# Data flows down this list: a folder may import those above it.
STAGES = [
    "media",
    "sd15",
    "motion",
    "face",
    "audio",
    "curves",
    "lyrics",
    "emotion",
    "caption",
    "story",
    "charcha",
    "identity",
    "modulate",
    "schedule",
    "exchange",
    "render",
    "sampler",
    "output",
]
STAGES += ["sync", "metrics"]
SHARED = {"animatediff", "types", "guard", "json_type", "modulation", "timing", "errors", "host"}
COMFY = {"comfy", "comfy_execution", "comfy_extras", "folder_paths", "server", "execution", "latent_preview"}
HEAVY = {"torch", "numba", "librosa", "scipy", "av", "matplotlib", "diffusers", "transformers", "cv2", "soxr", "PIL"}
HEAVY |= {"peft", "mediapipe", "dlib", "cryptography", "aiohttp"}


def imports(path, *, top_level_only=False):
    """(level, module) of every import in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            skipped |= {id(child) for child in ast.walk(node)}
        if top_level_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            skipped |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


@pytest.mark.parametrize("path", PACK, ids=lambda path: str(path.relative_to(ROOT)))
def test_import_table(path):
    relative = path.relative_to(ROOT / "nodes")
    stage = relative.parts[0] if len(relative.parts) > 1 else None
    for level, module in imports(path):
        top = module.split(".")[0]
        if level == 0:
            assert top not in {"nodes", "songreel", "headless", "torchaudio", "torchvision"}, module
            assert top not in COMFY or relative.name == "host.py", module
            if top == "comfy_api":
                assert module == "comfy_api.latest"
                assert relative.name in ("node.py", "host.py", "__init__.py")
        elif level == 2 and stage is not None and top not in SHARED:
            assert STAGES.index(top) < STAGES.index(stage), f"{stage} imports {top}, which comes after it"
            assert relative.name != "node.py" or module.split(".")[-1] != "node", module
        assert level <= 2


@pytest.mark.parametrize("path", [path for path in PACK if path.name == "node.py"], ids=lambda path: path.parent.name)
def test_node_files_import_nothing_heavy_at_the_top(path):
    assert not {module.split(".")[0] for level, module in imports(path, top_level_only=True) if level == 0} & HEAVY


def modules_after(code):
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_the_pack_loads_no_heavy_module():
    loaded = modules_after(
        "from headless.__main__ import bootstrap; from headless.host import HeadlessHost\n"
        "from songreel.nodes import node_classes; bootstrap(HeadlessHost()); node_classes()"
    )
    assert not loaded & (HEAVY | {"mediapipe", "openai", "opensmile", "whisper"})


def test_no_print_in_the_pack_and_no_dynamic_code():
    for path in PACK:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"print", "eval", "exec"}, path
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, path


def test_every_node_has_a_help_page_and_every_input_a_tooltip():
    import json

    done = subprocess.run(
        [sys.executable, "-m", "headless", "nodes", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = [node for node in json.loads(done.stdout) if node["category"].startswith("songreel/")]
    assert [node["name"] for node in ours] == [
        "AudioBeatEnvelope",
        "CorrectBeats",
        "EnvelopeCurve",
        "CurveToRange",
        "BeatsToText",
        "LoadLyrics",
        "TranscribeLyrics",
        "MusicEmotion",
        "MusicCaption",
        "LyricsToStoryPrompts",
        "StoryShot",
        "PromptTimeline",
        "CharchaCapture",
        "CharchaIdentity",
        "TrainIdentityLoRA",
        "ApplyIdentityLoRA",
        "OnsetSlerpScheduler",
        "EventPlan",
        "ModulateSchedule",
        "ScheduleCurve",
        "ScheduleThemes",
        "ScheduleToText",
        "TextToSchedule",
        "StoryAnimatic",
        "RenderMusicVideo",
        "ScheduleToSampler",
        "UpscaleMusicVideo",
        "SaveMusicVideo",
        "SaveFrames",
        "IdentityMetrics",
    ]
    for node in ours:
        page = (ROOT / "web" / "docs" / f"{node['name']}.md").read_text("utf-8")
        assert node["description"]
        for group in ("required", "optional"):
            for name, (_, options) in node["input"].get(group, {}).items():
                assert options.get("tooltip"), (node["name"], name)
                assert name in page, (node["name"], name)
        for name, tooltip in zip(node["output_name"], node["output_tooltips"], strict=True):
            assert tooltip and name in page, (node["name"], name)


@pytest.mark.parametrize(
    "path", [path for path in PACK if path.name == "node.py"], ids=lambda path: str(path.parent.relative_to(ROOT))
)
def test_a_nodes_face_is_short(path):
    """Schema, conversion, nothing else: at most 80 lines a node."""
    faces = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
    assert faces
    assert {face.name: face.end_lineno - face.lineno + 1 for face in faces if face.end_lineno - face.lineno >= 80} == {}


def test_menu_categories_follow_the_wings():
    for path in PACK:
        if path.name == "node.py":
            wing = path.relative_to(ROOT / "nodes").parts[0]
            categories = [
                ast.literal_eval(keyword.value)
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.Call)
                for keyword in node.keywords
                if keyword.arg == "category"
            ]
            assert categories and set(categories) == {f"songreel/{wing}"}, path
