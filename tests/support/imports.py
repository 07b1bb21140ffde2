"""The repository's own imports, read from its source: who imports whom, also inside functions."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from support.paths import ROOT

# How the parts of the repository are called in an absolute import.
PREFIXES = {"songreel": "", "headless": "headless", "support": "tests/support", "conftest": "tests/conftest"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def sources(*folders: str) -> list[Path]:
    """The Python files of folders of the repository, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports(path: Path, *, top_level_only: bool = False):
    """(level, module, names) of every import of a file, `names` empty for `import module`.

    What stands under `if TYPE_CHECKING` is left out: it is not imported when the program runs.
    """
    skipped = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            skipped |= {id(child) for child in ast.walk(node)}
        if top_level_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            skipped |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree(path)):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(alias.name for alias in node.names)


def _file(dotted: list[str]) -> Path | None:
    place = ROOT.joinpath(*dotted)
    if place.with_suffix(".py").is_file():
        return place.with_suffix(".py")
    return place / "__init__.py" if (place / "__init__.py").is_file() else None


def imported_files(path: Path) -> set[Path]:
    """The files of the repository that a file imports by name, itself left out.

    A package that is only passed on the way to a module does not count: Python runs its `__init__.py`, and no package
    of ours imports its own modules there.
    """
    found = set()
    for level, module, names in imports(path):
        parts = module.split(".") if module else []
        if level:
            parts = [*path.relative_to(ROOT).parts[:-level], *parts]
        elif parts and parts[0] in PREFIXES:
            parts = [*filter(None, PREFIXES[parts[0]].split("/")), *parts[1:]]
        else:
            continue
        inside = [_file([*parts, name]) for name in names]
        found |= {file for file in inside if file is not None}
        if not names or None in inside:
            found |= {_file(parts)} - {None}
    return found - {path}


def circles(files: list[Path]) -> list[set[str]]:
    """Groups of files, as paths in the repository, of which each imports every other by some detour."""
    graph = {file: imported_files(file) & set(files) for file in files}
    reach = {}
    for file in files:
        seen, todo = set(), [file]
        while todo:
            for following in graph[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        reach[file] = seen
    groups = {
        frozenset({file} | {other for other in reach[file] if file in reach[other]})
        for file in files
        if file in reach[file]
    }
    return sorted(({str(file.relative_to(ROOT)) for file in group} for group in groups), key=sorted)
