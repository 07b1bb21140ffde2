"""Measures every test, as a plugin of pytest: which are too slow for `make check`, and which take much memory.

    PYTHONPATH=tests python -m pytest -p support.measure -m "not comfyui" [FOLDERS]

Processor time is counted, of the tests' own programs too, so that a busy machine changes little. What is over SECONDS
goes into tests/slow.txt, by which tests/conftest.py sets the mark `slow`; lines of files that did not run stay. A
fixture that several tests share and that takes as long makes all of them slow. Memory is the largest resident size
while a test ran, of this process, and of the largest program that was started until then (Linux only).
"""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

SECONDS = 1.0
SLOW = Path(__file__).resolve().parents[1] / "slow.txt"
HEAD = f"""# Tests that took over {SECONDS:g} s of processor time, or whose shared fixture did: not in `make check`.
# Written by tests/support/measure.py. Seconds, then the test without its parameters.
"""
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_spent: dict[str, float] = {}
_shared: dict[tuple[str, str], float] = {}
_uses: dict[str, tuple[str, frozenset[str]]] = {}
_memory: dict[str, tuple[int, int]] = {}


def _processor() -> float:
    """Seconds of this process and of those it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _peak() -> tuple[int, int]:
    """MB at most: of this process since the last reset, of the largest finished child ever."""
    own = int(_STATUS.read_text().split("VmHWM:")[1].split()[0]) if _STATUS.is_file() else 0
    return own >> 10, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10


def _name(nodeid: str) -> str:
    return nodeid.partition("[")[0]


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    begin = _processor()
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            key, seconds = (fixturedef.baseid, fixturedef.argname), _processor() - begin
            _shared[key] = max(seconds, _shared.get(key, 0.0))
            # Not the fault of the test that came first.
            _spent[_name(request.node.nodeid)] = _spent.get(_name(request.node.nodeid), 0.0)
            _spent[""] = _spent.get("", 0.0) + seconds


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    if _CLEAR.exists():
        _CLEAR.write_text("5")
    begin, _spent[""] = _processor(), 0.0
    try:
        return (yield)
    finally:
        name = _name(item.nodeid)
        _spent[name] = max(_processor() - begin - _spent[""], _spent.get(name, 0.0))
        _uses[name] = item.nodeid.partition("::")[0], frozenset(item.fixturenames)
        _memory[name] = max(_peak(), _memory.get(name, (0, 0)))


def pytest_sessionfinish():
    _spent.pop("", None)
    slow = {name: seconds for name, seconds in _spent.items() if seconds > SECONDS and name in _uses}
    for (base, fixture), seconds in _shared.items():
        if seconds > SECONDS:
            for name, (file, fixtures) in _uses.items():
                if fixture in fixtures and (not base or file.startswith(base)):
                    slow[name] = max(seconds, slow.get(name, 0.0))
    ran = {file for file, _ in _uses.values()}
    for line in SLOW.read_text("utf-8").splitlines() if SLOW.is_file() else ():
        seconds, _, name = line.partition(" ")
        if not line.startswith("#") and name.partition("::")[0] not in ran:
            slow[name] = float(seconds)
    rows = [f"{seconds:.1f} {name}\n" for name, seconds in sorted(slow.items())]
    SLOW.write_text(HEAD + "".join(rows), "utf-8")


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("processor seconds and memory")
    for name, seconds in sorted(_spent.items(), key=lambda entry: -entry[1])[:30]:
        terminalreporter.write_line(f"{seconds:8.1f} s  {name}")
    for name, (own, child) in sorted(_memory.items(), key=lambda entry: -max(entry[1]))[:10]:
        terminalreporter.write_line(f"{own:8d} MB, programs {child} MB  {name}")
    total = sum(_spent.values()) + sum(_shared.values())
    terminalreporter.write_line(f"{total:8.0f} s in all")
