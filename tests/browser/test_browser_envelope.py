"""The beat view of AudioBeatEnvelope in a real ComfyUI page, in Chromium, with both ways to draw nodes."""

import json
import shutil
import time

import numpy as np
import pytest
import soundfile

from songreel.nodes.song.audio import beat_times
from support.beat_page import OFFSET, SECONDS, VIEW, BeatPage, song
from support.browser import ARGUMENTS, chromium, pages
from support.comfy_server import ComfyServer

sync_api = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: pip install playwright to test the page")
pytestmark = [pytest.mark.comfyui, pytest.mark.slow]


@pytest.fixture(scope="module", params=pages())
def opened(request, tmp_path_factory):
    """A page after one run of an old workflow, with what the server kept of it."""
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
    song(folder / "input" / "clicks.flac")
    server.start()
    try:
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            page = BeatPage(server, browser.new_page(viewport={"width": 1500, "height": 1000}), kind)
            page.load()
            page.first = page.run()
            yield page
            assert page.problems == []
            browser.close()
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shown(opened):
    opened.reset()
    return opened


def test_everything_is_drawn_at_once(shown):
    (sent,) = shown.first["songreel"]
    wave, curve, beats, ruler = (shown.pixels(name).astype(int) for name in ("wave", "curve", "beats", "ruler"))
    assert (wave[..., 2] - wave[..., 0] > 60).mean() > 0.03  # blue
    assert (curve[..., 0] - curve[..., 2] > 80).mean() > 0.03  # amber
    assert (ruler[..., 3] > 100).mean() > 0.01
    red = (beats[..., 0] > 200) & (beats[..., 1] < 120) & (beats[..., 3] > 200)
    columns = np.flatnonzero(red[-4:].all(axis=0))
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 2) + 1)
    places = np.array([group.mean() + 0.5 for group in groups]) / beats.shape[1] * SECONDS
    expected = [time for time in sent["downbeats"] if time > 0.1]
    assert np.allclose([place for place in places if place > 0.1], expected, atol=0.03)
    assert len(sent["beats"]) >= 22 and 118 < sent["tempo"] < 122
    assert f"{sent['tempo']:.1f} BPM" in shown.status
    assert f"{len(sent['beats'])} beats" in shown.status and f"{len(sent['downbeats'])} bars" in shown.status
    assert shown.view("view.curveChoice.options.length") == len(sent["curves"]) >= 5
    assert "BPM" in shown.first["text"][0]


def test_a_run_is_small_and_its_song_is_whole(shown):
    (sent,) = shown.first["songreel"]
    assert len(json.dumps(sent)) < 20_000
    path = shown.server.folder / sent["audio"]["type"] / sent["audio"]["subfolder"] / sent["audio"]["filename"]
    assert soundfile.info(path).duration == SECONDS
    assert shown.view("view.audio.duration") == pytest.approx(SECONDS, abs=0.001)


def test_sections_have_a_band_with_labels(shown):
    shown.view(
        """(() => {
            window.plain = view.song;
            const part = (start, end, label, energy) => ({ start, end, label, energy });
            view.show({ ...view.song, sections: [part(0, 4, 'A', 0.2), part(4, 9, 'B', 0.9), part(9, 12, 'A', 0.3)] });
        })()"""
    )
    band = shown.pixels("sections")[10].astype(int)
    a, b, again = (band[int(part * len(band))] for part in (0.25, 0.55, 0.9))
    assert a[3] > 60 and abs(a[:3] - again[:3]).max() < 12 and abs(a[:3] - b[:3]).max() > 60 and b[3] > a[3] + 80
    shown.view("view.show(window.plain)")


def test_the_wheel_zooms_around_the_pointer_and_leaves_the_graph_alone(shown):
    scale = shown.js("() => app.canvas.ds.scale")
    shown.page.mouse.move(*shown.at("wave", 0.25))
    shown.page.mouse.wheel(0, -400)
    shown.page.wait_for_function(f"() => {VIEW}.span < 8")
    start, span = shown.view("[view.start, view.span]")
    assert start + 0.25 * span == pytest.approx(0.25 * SECONDS, abs=0.02)
    assert shown.js("() => app.canvas.ds.scale") == scale
    shown.drag("wave", 0.8, 0.3)
    assert shown.view("view.start") == pytest.approx(start + 0.5 * span, abs=0.01 * span)
    assert shown.view("view.span") == span
    shown.page.mouse.dblclick(*shown.at("wave", 0.5))
    assert shown.view("[view.start, view.span]") == [0, SECONDS]
    assert shown.value("offset_ms") == 0


def test_keys_zoom_and_seek(shown):
    shown.focus()
    for key in ("+", "+"):
        shown.page.keyboard.press(key)
    assert shown.view("view.span") == SECONDS / 4
    shown.page.keyboard.press("ArrowRight")
    assert shown.view("view.time") == pytest.approx(SECONDS / 4 / 20, abs=0.001)
    shown.page.keyboard.press("End")
    assert shown.view("view.time") == pytest.approx(SECONDS, abs=0.001)
    shown.page.keyboard.press("0")
    assert shown.view("view.span") == SECONDS


def test_the_cursor_moves_with_the_song(shown):
    shown.play_from(1.0)
    assert shown.page.locator(".play").get_attribute("aria-pressed") == "true"
    pairs = shown.js(
        f"""async () => {{
            const view = {VIEW};
            const pairs = [];
            while (pairs.length < 40) {{
                await new Promise(requestAnimationFrame);
                const lanes = view.lanes.getBoundingClientRect();
                const cursor = view.cursor.getBoundingClientRect();
                const part = (cursor.left + cursor.width / 2 - lanes.left) / lanes.width;
                pairs.push([view.start + part * view.span, view.audio.currentTime, performance.now() / 1000]);
            }}
            return pairs;
        }}"""
    )
    cursor, heard, wall = np.array(pairs).T
    assert np.abs(cursor - heard).max() < 0.05
    assert heard[-1] - heard[0] > 0.3
    assert heard[-1] - heard[0] == pytest.approx(wall[-1] - wall[0], abs=0.15)
    shown.page.keyboard.press("Space")
    assert shown.view("view.audio.paused")
    shown.page.mouse.click(*shown.at("curve", 0.5))
    assert shown.view("view.time") == pytest.approx(SECONDS / 2, abs=0.03)


def test_a_zoomed_view_follows_the_song(shown):
    shown.view("view.look(0, 1)")
    shown.play_from(0.8)
    shown.page.wait_for_function(f"() => {VIEW}.time > 1.3")
    start, span, now = shown.view("[view.start, view.span, view.time]")
    assert span == 1 and start <= now <= start + span


def test_taps_become_the_beats(shown):
    shown.play_from(2.0)
    bounds = []
    for _ in range(5):
        early = shown.view("view.time")
        shown.page.keyboard.press("t")
        bounds.append((early, shown.view("view.time")))
        shown.page.wait_for_timeout(250)
    shown.page.keyboard.press("Space")
    taps = [float(entry) for entry in shown.value("beats").split(", ")]
    assert len(taps) == 5
    assert all(early - 0.03 <= tap <= late + 0.03 for tap, (early, late) in zip(taps, bounds, strict=True))
    assert "5 beats" in shown.status and "2 bars" in shown.status and "your beats" in shown.status
    assert "Queue again" in shown.status
    output = shown.run()
    (sent,) = output["songreel"]
    assert np.allclose(sent["beats"], taps, atol=1e-4) and np.allclose(sent["downbeats"], [taps[0], taps[4]], atol=1e-4)
    assert "5 beats, 2 bars" in output["text"][0]
    assert sent["detected"] == shown.first["songreel"][0]["detected"]
    assert "Queue again" not in shown.status
    shown.focus()
    shown.page.keyboard.press("Backspace")
    assert shown.value("beats").count(",") == 3
    shown.page.locator("button", has_text="Clear taps").click()
    assert shown.value("beats") == ""
    assert f"{len(sent['detected']['beats'])} beats" in shown.status


def test_a_tap_is_heard_where_it_is_shown_after_an_offset(shown):
    shown.view("view.setOffset(200)")
    shown.view("view.tap(3)")
    assert (shown.value("beats"), shown.value("offset_ms")) == ("3.000", 0)
    shown.view("[view.tap(4), view.setOffset(-100), view.tap(5)]")
    assert (shown.value("beats"), shown.value("offset_ms")) == ("2.900, 3.900, 5.000", 0)
    shown.view("view.tap(3.95)")
    assert shown.value("beats") == "2.900, 3.950, 5.000"


def test_dragging_the_beats_sets_the_offset(shown):
    shown.view("view.look(2, 2)")
    shown.drag("beats", 0.5, 0.56)
    width = shown.lane("beats")[2]
    assert shown.value("offset_ms") == pytest.approx(0.06 * 2000, abs=2000 / width + 1)
    assert shown.view("view.start") == 2
    offset = shown.value("offset_ms")
    assert f"+{offset:g} ms" in shown.page.locator(".offset").inner_text()
    shown.focus()
    for key in (".", ".", ",", "Shift+<"):
        shown.page.keyboard.press(key)
    assert shown.value("offset_ms") == offset + 4
    (sent,) = shown.run()["songreel"]
    detected = np.array(sent["detected"]["beats"]) + (offset + 4) / 1000
    assert np.allclose(sent["beats"], detected[detected < SECONDS], atol=2e-4)
    assert shown.view("view.heard.beats") == pytest.approx(sent["beats"], abs=2e-4)
    shown.page.locator(".offset").click()
    assert shown.value("offset_ms") == 0


def test_the_widgets_show_what_the_view_wrote(shown):
    shown.view("[view.tap(1), view.tap(2), view.setOffset(-35)]")
    shown.page.wait_for_timeout(200)
    assert shown.page.locator("textarea").first.input_value() == "1.000, 2.000"
    if shown.html:
        values = [entry.input_value() for entry in shown.page.locator("[data-node-id='2'] input").all()]
        assert "-35" in values
    shown.page.locator("textarea").first.fill("1.5 2.5 3.5 soon")
    shown.page.wait_for_function(f"() => {VIEW}.heard.beats.length === 3")
    shown.page.wait_for_timeout(400)
    assert "Not a time in this song: soon" in shown.status
    assert shown.view("view.heard.beats") == pytest.approx([1.465, 2.465, 3.465])


def test_times_that_cannot_be_read_stop_the_run_with_one_sentence(shown):
    graph = shown.js("async () => (await app.graphToPrompt()).output")
    graph["2"]["inputs"]["beats"] = "1.5, soon, 1:75, 13"
    status, body = shown.server.post("/prompt", {"prompt": graph})
    assert status == 200, body
    deadline = time.monotonic() + 60
    while not (entry := shown.server.get(f"/history/{body['prompt_id']}").get(body["prompt_id"])):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (message,) = [data["exception_message"] for kind, data in entry["status"]["messages"] if kind == "execution_error"]
    assert "'soon', '1:75' cannot be read as a time" in message
    assert "'13' is not before the end of the song at 0:12.000" in message


def test_the_view_takes_the_room_of_a_taller_node(shown):
    before = shown.lanes.bounding_box()["height"]
    if shown.html:
        return
    shown.js("() => { const node = app.graph.getNodeById(2); node.setSize([node.size[0], node.size[1] + 200]); }")
    scale = shown.js("() => { app.canvas.setDirty(true, true); return app.canvas.ds.scale; }")
    shown.page.wait_for_timeout(500)
    assert shown.lanes.bounding_box()["height"] == pytest.approx(before + 200 * scale, abs=20)
    shown.js("() => { const node = app.graph.getNodeById(2); node.setSize([node.size[0], node.size[1] - 200]); }")


def test_keys_stay_in_the_view(shown):
    page = shown.page
    state = """() => [app.extensionManager.sidebarTab?.activeSidebarTabId ?? null, app.graph._nodes.length,
                      app.canvas.ds.scale, document.querySelectorAll('[role=dialog]').length, app.canvas.read_only,
                      app.graph._nodes.map((node) => [node.flags.collapsed, node.mode, node.flags.pinned])]"""
    shown.js("() => app.canvas.selectNode(app.graph.getNodeById(2))")
    shown.focus()
    before = shown.js(state)
    for key in [*"qwnmhrcpg.=-+,tx0", "Delete", "Backspace", "Escape"]:
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert shown.js(state) == before
    assert shown.view("view.element.shadowRoot.activeElement") is None
    # The view has given the keyboard back, and the same key is a shortcut of ComfyUI again.
    page.mouse.click(700, 960)
    page.keyboard.press("w")
    page.wait_for_timeout(300)
    assert shown.js(state)[0] == "workflows"
    page.keyboard.press("w")


def test_the_workflow_keeps_the_values_and_nothing_else(shown):
    shown.view("[view.tap(1), view.tap(2), view.setOffset(15)]")
    saved = shown.js("() => app.graph.serialize()")
    (node,) = (node for node in saved["nodes"] if node["id"] == 2)
    assert node["widgets_values"] == [12, "onset", "1.000, 2.000", 15]
    prompt = shown.js("async () => (await app.graphToPrompt()).output[2].inputs")
    assert prompt == {"audio": ["1", 0], "fps": 12, "curve": "onset", "beats": "1.000, 2.000", "offset_ms": 15}
    shown.load(saved)
    assert (shown.value("beats"), shown.value("offset_ms")) == ("1.000, 2.000", 15)
    assert shown.view("view.song") is None
    assert "Run the workflow" in shown.page.locator(".hint").inner_text()
    shown.load()
    assert (shown.value("beats"), shown.value("offset_ms")) == ("", 0)
    shown.run()


def test_undo_brings_the_last_value_back_and_the_view_stays(shown):
    shown.page.mouse.click(700, 960)
    shown.drag("beats", 0.5, 0.55)
    assert shown.value("offset_ms") > 0
    shown.page.wait_for_timeout(300)
    shown.page.keyboard.press("Control+z")
    shown.page.wait_for_function(f"() => {OFFSET}.value === 0")
    shown.page.wait_for_function(f"() => {VIEW}.song !== null && {VIEW}.element.isConnected")
    assert shown.page.locator(".lanes").count() == 1


def test_the_view_is_back_when_its_tab_is(shown):
    tabs = shown.page.locator(".workflow-tabs .p-togglebutton:visible")
    here = tabs.count() - 1
    shown.js("() => app.extensionManager.command.execute('Comfy.NewBlankWorkflow')")
    shown.page.wait_for_function("() => app.graph._nodes.length === 0")
    tabs.nth(here).click()
    shown.page.wait_for_function(f"() => app.graph.getNodeById(2) && {VIEW}.song && {VIEW}.element.isConnected")
    assert shown.page.locator(".lanes").count() == 1
    assert len(shown.view("view.song.beats")) == len(shown.first["songreel"][0]["beats"])


def test_values_from_other_nodes_are_left_alone(shown):
    shown.js(
        """() => {
            const node = LiteGraph.createNode('PrimitiveString');
            app.graph.add(node);
            const target = app.graph.getNodeById(2);
            node.connect(0, target, target.inputs.findIndex((input) => input.name === 'beats'));
            window.added = node;
        }"""
    )
    shown.view("view.tap(1)")
    assert shown.value("beats") == ""
    assert "disconnect it to tap" in shown.status
    shown.js("() => app.graph.remove(window.added)")
    shown.view("view.tap(1)")
    assert shown.value("beats") == "1.000"


def test_a_song_that_is_gone_is_said(shown):
    shown.view(
        "(window.plain = view.song, view.show({ ...view.song, audio: { filename: 'gone.flac', type: 'temp' } }))"
    )
    shown.page.wait_for_function(f"() => {VIEW}.message.includes('no longer on the server')")
    shown.view("view.show(window.plain)")
    shown.page.wait_for_function(f"() => {VIEW}.audio.readyState > 0")


def test_the_page_reads_times_as_the_node_does(shown):
    texts = [
        "",
        "0.5",
        "0.5, 1.25;2\n3.",
        "0:01.250 1:02.5, .75",
        "2 1 2",
        "abc 1:75 -3 nan 1e3 12 0:11.000 9.999",
        "1:5",
    ]
    for text in texts:
        read = shown.js(
            "async (text) => (await import('/extensions/songreel/js/beat_times.js')).parseTimes(text, 70)", text
        )
        good = " ".join(entry for entry in text.replace(",", " ").replace(";", " ").split() if entry not in read["bad"])
        assert beat_times.parse_times(good, duration=70.0).tolist() == read["times"]
        for entry in read["bad"]:
            with pytest.raises(ValueError):
                beat_times.parse_times(entry, duration=70.0)


def test_a_removed_node_is_silent(shown):
    shown.play_from(1.0)
    shown.js(f"() => {{ window.removed = {VIEW}; app.graph.remove(app.graph.getNodeById(2)); }}")
    shown.page.wait_for_timeout(300)
    assert shown.js("() => [window.removed.audio.paused, window.removed.audio.hasAttribute('src')]") == [True, False]
    shown.load()
    shown.run()
