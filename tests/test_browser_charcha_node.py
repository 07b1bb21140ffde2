"""CharchaCapture in a real ComfyUI page, in Chromium, with both ways to draw nodes."""

import json
import shutil
import time

import pytest
from comfy_server import ComfyServer
from test_browser_charcha import ARGUMENTS, FAKE, NOTE_TRACKS
from test_browser_envelope import Page, chromium, pages
from test_charcha_store import add

from headless import pack

sync_api = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: pip install playwright to test the page")
pytestmark = [pytest.mark.comfyui, pytest.mark.slow]
ELEMENT = "app.graph.getNodeById(1).widgets.find((widget) => widget.name === 'capture').element"


def graph(record: str) -> dict:
    common = {"flags": {}, "mode": 0, "properties": {}}
    identity = {"name": "identity", "type": "CHARCHA_IDENTITY", "links": []}
    report = {"name": "report", "type": "STRING", "links": [1]}
    source = {"name": "source", "type": "*", "link": 1}
    return {
        "last_node_id": 2,
        "last_link_id": 1,
        "nodes": [
            {"id": 1, "type": "CharchaCapture", "pos": [60, 80], "size": [420, 620], "order": 0, "inputs": []}
            | {"outputs": [identity, report], "widgets_values": [record]}
            | common,
            {"id": 2, "type": "PreviewAny", "pos": [560, 80], "size": [420, 300], "order": 1, "inputs": [source]}
            | {"outputs": [], "widgets_values": []}
            | common,
        ],
        "links": [[1, 1, 1, 2, 0, "STRING"]],
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


class NodePage(Page):
    def load(self, record: str = "") -> None:
        self.js("(graph) => app.loadGraphData(graph)", graph(record))
        self.page.wait_for_function(f"() => app.graph.getNodeById(1) && {ELEMENT}.isConnected")

    @property
    def record(self) -> str:
        return self.js("() => app.graph.getNodeById(1).widgets.find((widget) => widget.name === 'record').value")

    def live(self) -> int:
        return self.js("tracks.filter((track) => track.readyState === 'live').length")


# The oldest ComfyUI with the canvas and the newest with HTML nodes.
PAGES = [
    page for page in pages() if page.id is None or page.id in ("none", "0.3.64-canvas") or page.id.endswith("html")
]


@pytest.fixture(scope="module", params=PAGES or pages())
def opened(request, tmp_path_factory):
    comfyui, python, kind = request.param
    folder = tmp_path_factory.mktemp("comfyui")
    server = ComfyServer(comfyui, python, folder)
    settings = {
        "Comfy.VueNodes.Enabled": kind == "html",
        "Comfy.TutorialCompleted": True,
        "Comfy.Minimap.Visible": False,
    }
    (folder / "user" / "default").mkdir(parents=True)
    (folder / "user" / "default" / "comfy.settings.json").write_text(json.dumps(settings), "utf-8")
    server.start()
    try:
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=[*ARGUMENTS, *FAKE])
            page = browser.new_page(viewport={"width": 1500, "height": 1000}, permissions=["camera"])
            page.add_init_script(NOTE_TRACKS)
            yield NodePage(server, page, kind)
            browser.close()
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def begin(shown) -> None:
    shown.page.get_by_label("I am the person").check()
    shown.page.get_by_role("button", name="Start the camera").click()
    shown.page.get_by_text("Look straight at the camera").wait_for(timeout=60_000)


def test_the_camera_opens_on_a_click_and_closes_with_the_node(opened):
    opened.load()
    assert opened.live() == 0
    begin(opened)
    assert opened.live() == 1 and opened.page.locator("video").count() == 1
    opened.js("() => app.graph.remove(app.graph.getNodeById(1))")
    deadline = time.monotonic() + 5
    while opened.live() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert opened.live() == 0 and opened.page.locator("video").count() == 0
    opened.load()
    begin(opened)
    opened.page.keyboard.press("Escape")
    opened.page.get_by_role("alert").wait_for()
    assert opened.live() == 0 and opened.record == ""
    assert opened.problems == []


def test_a_record_is_shown_used_and_deleted_in_the_node(opened):
    store = pack.load("nodes.charcha.store").IdentityStore(opened.server.folder / "user" / "__songreel" / "charcha")
    record, key = add(store)
    opened.load(record)
    opened.page.locator(".badge", has_text="valid").wait_for()
    assert opened.js("async () => (await app.graphToPrompt()).output[1].inputs") == {"record": record}
    before = set(opened.server.get("/history"))
    opened.js("() => app.queuePrompt(0, 1)")
    deadline = time.monotonic() + 30
    while not (new := set(opened.server.get("/history")) - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    entry = opened.server.get("/history")[new.pop()]
    assert entry["status"]["status_str"] == "success" and "vuzokiju" in json.dumps(entry["outputs"])
    opened.page.get_by_text("Take the consent back").click()
    opened.page.get_by_label("Your key").fill(key)
    opened.page.once("dialog", lambda dialog: dialog.accept())
    opened.page.get_by_role("button", name="Delete").click()
    opened.page.locator(".badge", has_text="deleted").wait_for()
    assert store.entries()[-1] == {"id": record, "state": "deleted"}
    # A saved workflow comes back with its record, and says what became of it.
    opened.load(record)
    opened.page.locator(".badge", has_text="deleted").wait_for()
    assert opened.problems == []
