"""The table of shots of LyricsToStoryPrompts in a real ComfyUI page, in Chromium."""

import json
import os
import shutil
import time

import pytest
import soundfile

from headless.demo.song import LYRICS, make_demo_song
from songreel.nodes.story import edit
from support.comfy_server import ROOT, ComfyServer
from support.comfyui import find_comfyuis

sync_api = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: pip install playwright to test the page")
pytestmark = [pytest.mark.comfyui, pytest.mark.slow]

ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]
TABLE = "app.graph.getNodeById(7).widgets.find((widget) => widget.name === 'story_table').table"
KEPT = (1, 2, 3, 4, 6, 7)


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def workflow() -> dict:
    """The shipped template up to the story, over the demo song and its words."""
    graph = json.loads((ROOT / "workflows" / "story.json").read_text("utf-8"))
    graph["nodes"] = [node for node in graph["nodes"] if node["id"] in KEPT]
    graph["links"] = [link for link in graph["links"] if link[1] in KEPT and link[3] in KEPT]
    names = {link[0] for link in graph["links"]}
    for node in graph["nodes"]:
        for slot in node["outputs"]:
            slot["links"] = [link for link in slot["links"] if link in names]
        if node["id"] == 1:
            node["widgets_values"][0] = "song.wav"
        if node["id"] == 3:
            node["widgets_values"][0] = LYRICS.read_text("utf-8")
        if node["id"] == 4:
            node["widgets_values"][0] = "built-in"
    return graph


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    found = find_comfyuis()
    if not found:
        pytest.skip("NO COMFYUI FOUND: set COMFYUI_DIR to test the page")
    if chromium() is None:
        pytest.skip("NO CHROMIUM: set CHROMIUM to test the page")
    folder = tmp_path_factory.mktemp("comfyui")
    server = ComfyServer(*found[0], folder)
    waveform, rate = make_demo_song()
    soundfile.write(folder / "input" / "song.wav", waveform.T, rate)
    (folder / "user" / "default").mkdir(parents=True)
    settings = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False}
    (folder / "user" / "default" / "comfy.settings.json").write_text(json.dumps(settings), "utf-8")
    server.start()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1500, "height": 1100})
        problems = []
        page.on("pageerror", lambda error: problems.append(error.stack or str(error)))
        page.goto(server.url)
        page.wait_for_function("() => window.app?.extensionManager && app.canvas && app.graph", timeout=90_000)
        page.wait_for_timeout(2000)
        page.evaluate("(graph) => app.loadGraphData(graph)", workflow())
        page.wait_for_function(f"() => {TABLE}.element.isConnected")
        page.evaluate("""() => {
            const node = app.graph.getNodeById(7);
            app.canvas.ds.scale = 0.8;
            app.canvas.ds.offset = [-node.pos[0] + 80, -node.pos[1] + 60];
            app.canvas.setDirty(true, true);
        }""")
        problems.clear()
        yield page, server
        browser.close()
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)
    assert problems == []


def run(page, server) -> dict:
    """Queue what is in the page, wait for the table, return what the server keeps of the story."""
    before = set(server.get("/history"))
    page.evaluate(f"() => {{ window.shownBefore = {TABLE}.shots; return app.queuePrompt(0, 1); }}")
    page.wait_for_function(f"() => {TABLE}.shots.length && {TABLE}.shots !== window.shownBefore", timeout=120_000)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        new = {key: entry for key, entry in server.get("/history").items() if key not in before}
        if new:
            (entry,) = new.values()
            assert entry["status"]["status_str"] == "success", entry["status"]
            return entry["outputs"]["7"]
        time.sleep(0.1)
    raise AssertionError("the run is not in the history")


def test_the_table_shows_changes_and_restores_shots(page):
    from songreel.nodes.base.timing import clock_text

    page, server = page
    told = run(page, server)["songreel_story"][0]["shots"]
    rows = page.locator(".row")
    assert rows.count() == len(told) > 5
    assert rows.nth(1).locator(".prompt").inner_text() == told[1]["prompt"]
    assert rows.nth(1).locator(".lyric").inner_text() == told[1]["lyric"] != ""
    page.wait_for_timeout(500)
    if os.environ.get("SONGREEL_SCREENSHOTS"):
        page.screenshot(path=os.path.join(os.environ["SONGREEL_SCREENSHOTS"], "story_table.png"))

    prompt = rows.nth(1).locator(".prompt")
    prompt.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("a red balloon over the harbour")
    page.keyboard.press("Enter")
    edits = page.evaluate("() => app.graph.getNodeById(7).widgets.find((w) => w.name === 'edits').value")
    assert edits == f"{clock_text(told[1]['start'])} a red balloon over the harbour"
    assert "1 changed: queue again" in page.locator("[role=status].status").inner_text()

    changed = run(page, server)["songreel_story"][0]["shots"]
    assert changed[1]["prompt"] == "a red balloon over the harbour" and changed[1]["by_hand"]
    assert [shot["prompt"] for k, shot in enumerate(changed) if k != 1] == [
        shot["prompt"] for k, shot in enumerate(told) if k != 1
    ]
    assert "changed" not in page.locator("[role=status].status").inner_text()

    rows.nth(1).locator(".back").click()
    assert page.evaluate("() => app.graph.getNodeById(7).widgets.find((w) => w.name === 'edits').value") == ""
    assert run(page, server)["songreel_story"][0]["shots"] == told


@pytest.mark.parametrize(
    ("text", "seconds", "prompt", "expected"),
    [
        ("", 8.0, "fog", "0:08.000 fog"),
        ("0:08 old\n    seed: 5", 8.0, " new  words ", "0:08.000 new words\n    seed: 5"),
        ("0:04.000 a\n0:12.000 b", 8.0, "c", "0:04.000 a\n0:08.000 c\n0:12.000 b"),
        ("# note\n0:08.000 a\n    seed: 5\n1:02.500 b", 8.0, None, "# note\n1:02.500 b"),
        ("0:08.000 a", 8.02, None, ""),
        ("0:08.000 a", 9.0, None, "0:08.000 a"),
    ],
)
def test_the_page_writes_what_the_server_reads(page, text, seconds, prompt, expected):
    page, _ = page
    written = page.evaluate(
        """async ([text, seconds, prompt]) => {
            const { withPrompt } = await import('/extensions/songreel/js/story_edits.js');
            return withPrompt(text, seconds, prompt);
        }""",
        [text, seconds, prompt],
    )
    assert written == expected
    assert len(edit.read_edits(written)) == sum(":" in line[:5] and line[:1].isdigit() for line in written.splitlines())
