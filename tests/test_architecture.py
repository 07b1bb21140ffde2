"""Keeps the rules of ARCHITECTURE.md: who may import what, and what the pack costs at ComfyUI's start."""

import ast
import subprocess
import sys

import pytest

from support.imports import circles, imported_files, imports, sources, tree
from support.paths import ROOT

PACK = sources("nodes")
OURS = [ROOT / "__init__.py", *sources("nodes", "headless", "bench", "tests")]
COMFY = {"comfy", "comfy_execution", "comfy_extras", "folder_paths", "server", "execution", "latent_preview"}
HEAVY = {"torch", "numba", "librosa", "scipy", "av", "matplotlib", "diffusers", "transformers", "cv2", "soxr", "PIL"}
HEAVY |= {"peft", "mediapipe", "dlib", "cryptography", "aiohttp"}

LONGEST = 400
# Longer files, and why they are: tables of data have no limit, the rest is to be split.
LONG_FILES = {
    "bench/charcha.py": "to be split",
}
# What loads a file by its path: the pack and `headless` get their names there, and ComfyUI's loader is played.
BY_PATH = {"headless/pack.py", "tests/conftest.py", "tests/support/schema_dump.py", "bench/start.py"}
BY_PATH |= {"tests/support/comfy_permits.py"}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def wings() -> list[str]:
    """The folders of nodes/ from the lowest to the highest, as the drawing under "The wings" lists them."""
    _, _, after = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("\n## The wings\n")
    _, _, block = after.partition("\n```")
    drawing, _, _ = block.partition("\n```")
    words = [line.split()[0] for line in drawing.splitlines()[1:] if line.startswith("    ") and line.strip()]
    return [word.removesuffix("/") for word in words if word.endswith("/")]


def test_the_drawing_names_every_wing():
    assert sorted(wings()) == sorted(
        path.name for path in (ROOT / "nodes").iterdir() if (path / "__init__.py").exists()
    )
    assert wings()[0] == "base"


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_the_pack_imports_downwards(path):
    order = wings()
    _, *place = path.relative_to(ROOT).parts
    own = place[0] if len(place) > 1 else None
    for level, module, _ in imports(path):
        top = module.split(".")[0]
        if level == 0:
            assert top not in {"nodes", "songreel", "headless", "torchaudio", "torchvision"}, module
            assert top not in COMFY or own == "host", module
            if top == "comfy_api":
                assert module == "comfy_api.latest"
                assert path.name == "node.py" or own in ("host", None)
    for other in imported_files(path):
        _, *there = other.relative_to(ROOT).parts
        assert name_of(other).startswith("nodes/") and (own is None or len(there) > 1), name_of(other)
        if own is not None:
            assert order.index(there[0]) <= order.index(own), f"{own} imports {name_of(other)}, which comes after it"
            assert path.name != "node.py" or other.name != "node.py", name_of(other)


@pytest.mark.parametrize("path", sources("headless"), ids=name_of)
def test_headless_imports_itself_and_the_pack(path):
    for level, module, _ in imports(path):
        top = module.split(".")[0]
        assert level or top not in COMFY | {"nodes", "headless", "support", "torchaudio", "torchvision"}, module
    for other in imported_files(path):
        assert name_of(other).startswith(("nodes/", "headless/")), name_of(other)


def test_no_files_import_each_other_in_a_circle():
    assert circles([ROOT / "__init__.py", *sources("nodes", "headless")]) == []
    assert circles(sources("tests", "bench")) == []


def test_a_circle_is_found_across_folders_and_inside_functions(tmp_path, monkeypatch):
    from support import imports as support_imports

    monkeypatch.setattr(support_imports, "ROOT", tmp_path)
    for name, text in {
        "nodes/a.py": "from .b import c\n",
        "nodes/b/__init__.py": "",
        "nodes/b/c.py": "def late():\n    from ...headless import d\n",
        "headless/d.py": "import songreel.nodes.a\n",
        "headless/e.py": "from . import d\nif TYPE_CHECKING:\n    from songreel.nodes import f\n",
        "nodes/f.py": "from ..headless import e\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    files = sorted(tmp_path.rglob("*.py"))
    assert support_imports.circles(files) == [{"nodes/a.py", "nodes/b/c.py", "headless/d.py"}]


@pytest.mark.parametrize("path", sources("tests"), ids=name_of)
def test_no_test_is_imported_by_another(path):
    for other in imported_files(path):
        assert not other.name.startswith("test_"), name_of(other)
    tests = {other.stem for other in sources("tests") if other.name.startswith("test_")}
    assert not {module.split(".")[0] for _, module, _ in imports(path)} & tests


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_no_import_is_a_string(path):
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        assert called not in {"import_module", "__import__"}, f"line {node.lineno}"
        if called in {"spec_from_file_location", "module_from_spec", "exec_module"}:
            assert name_of(path) in BY_PATH, f"line {node.lineno}"


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_no_file_is_long(path):
    lines = path.read_text("utf-8").count("\n")
    assert lines <= LONGEST or name_of(path) in LONG_FILES, f"{lines} lines"


@pytest.mark.parametrize("path", [path for path in PACK if path.name == "node.py"], ids=name_of)
def test_node_files_import_nothing_heavy_at_the_top(path):
    top = {module.split(".")[0] for level, module, _ in imports(path, top_level_only=True) if level == 0}
    assert not top & HEAVY


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
    assert "songreel.nodes.render.node" in loaded
    assert not loaded & (HEAVY | {"mediapipe", "openai", "opensmile", "whisper"})


@pytest.mark.parametrize("path", PACK, ids=name_of)
def test_no_print_in_the_pack_and_no_dynamic_code(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "eval", "exec"}, f"line {node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}"


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
