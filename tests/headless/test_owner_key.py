"""The owner's key on its way to a server: beside the workflow, for the records that it names, and nowhere else."""

import asyncio
import io
import json

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from headless.host import HeadlessHost
from headless.workflow.remote_server import Server, records_in
from songreel.nodes.host.owner_keys import OwnerKeys

RECORD = "a" * 26
WORKFLOW = {
    "1": {"class_type": "CharchaIdentity", "inputs": {"record": f" {RECORD} "}},
    "2": {"class_type": "CharchaCapture", "inputs": {"record": ""}},
    "3": {"class_type": "IdentityMetrics", "inputs": {"identity": ["1", 0]}},
}


def queued(tmp_path, key):
    """The body that a server gets."""
    bodies = []

    async def prompt(request):
        bodies.append(await request.json())
        return web.json_response({"prompt_id": "p", "node_errors": {}})

    async def play():
        app = web.Application()
        app.router.add_post("/prompt", prompt)
        async with TestClient(TestServer(app)) as client:
            host = HeadlessHost(tmp_path, stream=io.StringIO())
            server = Server(client.session, str(client.make_url("")).rstrip("/"), host, key)
            assert await server._queue(WORKFLOW) == "p"

    asyncio.run(play())
    return bodies[0]


def test_the_key_goes_beside_the_workflow(tmp_path):
    assert records_in(WORKFLOW) == [RECORD]
    body = queued(tmp_path, "secret-key")
    assert body["extra_data"] == {OwnerKeys.FIELD: {RECORD: "secret-key"}}
    assert "secret-key" not in json.dumps(body["prompt"])
    assert "extra_data" not in queued(tmp_path, None)
