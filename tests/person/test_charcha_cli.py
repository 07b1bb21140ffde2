"""`identities` and `charcha` on the command line, and the page it serves."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from headless.__main__ import bootstrap
from headless.cli.charcha_page import SCRIPTS, application
from headless.cli.main import main
from headless.host import HeadlessHost
from songreel.nodes.person.charcha import store as store_module
from support.faces import needs_faces
from support.paths import ROOT
from support.store import add


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SONGREEL_HOME", str(tmp_path))
    return tmp_path


def test_list_revoke_and_delete(home, capsys):
    store = store_module.store_of(HeadlessHost())
    record, key = add(store)
    assert main(["identities", "list"], bootstrap) == 0
    assert f"{record}  active    vuzokiju (person)" in capsys.readouterr().out
    assert main(["identities", "revoke", record], bootstrap) == 0
    assert main(["identities", "list", "--json", "--home", str(home / "private")], bootstrap) == 0
    out = capsys.readouterr().out
    assert json.loads(out)[0]["state"] == "revoked" and key not in out
    assert main(["identities", "delete", record], bootstrap) == 0
    assert "Copies elsewhere still work" in capsys.readouterr().err
    assert main(["identities", "list", "--json"], bootstrap) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": record, "state": "deleted"}]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["revoke"], 2, "takes the id"),
        (["list", "x"], 2, "takes no id"),
        (["delete", "../x"], 1, "not the id"),
        (["delete", "a" * 26], 1, "no such identity"),
        (["list", "--home", "/nowhere"], 2, "no folder"),
    ],
)
def test_bad_input(home, capsys, arguments, status, words):
    assert main(["identities", *arguments], bootstrap) == status
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["CharchaIdentity", "CharchaCapture"])
def test_the_option_identity_reaches_the_node_that_takes_a_record(home, kind):
    from headless.workflow.options import ROLES, apply_role, schemas_of
    from headless.workflow.registry import registry

    bootstrap(HeadlessHost())
    schemas = schemas_of({name: cls.GET_NODE_INFO_V1() for name, cls in registry().items()})
    workflow = {
        "1": {"class_type": kind, "inputs": {"record": ""}},
        "2": {"class_type": "IdentityMetrics", "inputs": {"identity": ["1", 0]}},
    }
    assert apply_role(workflow, schemas, ROLES["identity"], "a" * 26)["1"]["inputs"] == {"record": "a" * 26}


@needs_faces
def test_the_page_serves_its_own_files_only(home):
    from aiohttp.test_utils import TestClient, TestServer

    async def play():
        from songreel.nodes.person.charcha.consent import VERSION
        from songreel.nodes.person.charcha.routes import register

        host = HeadlessHost()
        register(host)
        async with TestClient(TestServer(application(host))) as client:
            page = await client.get("/")
            assert page.status == 200 and "songreel-charcha" in await page.text()
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
            for name in SCRIPTS:
                answer = await client.get(f"/js/{name}")
                assert answer.status == 200 and "javascript" in answer.content_type
            for path in ("/js/charcha.js", "/js/..%2f..%2fREADME.md", "/private/charcha/key", "/js/"):
                assert (await client.get(path)).status == 404
            assert (await client.get("/songreel/charcha/consent")).status == 200
            body = {"consent": VERSION, "token": "kitten", "class_word": "person"}
            origin = {"Origin": f"http://127.0.0.1:{client.port}"}
            answer = await client.post("/songreel/charcha/start", json=body, headers=origin)
            assert answer.status == 400 and "must not be a word" in (await answer.json())["error"]

    asyncio.run(play())


def test_the_command_serves_the_page_and_ends_with_ctrl_c(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = subprocess.run(
            [sys.executable, "-m", "headless", "charcha", "--port", str(taken.getsockname()[1])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert used.returncode == 2 and "is in use" in used.stderr
    command = [sys.executable, "-m", "headless", "charcha", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        line = running.stderr.readline()
        url = line.split()[1]
        assert url.startswith("http://localhost:")
        with urllib.request.urlopen(url.replace("localhost", "127.0.0.1"), timeout=20) as answer:
            assert b"songreel-charcha" in answer.read()
        running.send_signal(2)
        begin = time.monotonic()
        try:
            assert running.wait(20) == 0 and time.monotonic() - begin < 10
        finally:
            running.kill()
