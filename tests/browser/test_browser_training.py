"""Loss curve and samples of TrainIdentityLoRA in a real ComfyUI page: live, there after a reload; the owner's alone."""

import json
import shutil
import time

import pytest

from headless.demo_model import CHECKPOINT
from support.browser import ARGUMENTS, PAGES, Page, chromium, pages, shot
from support.comfy_server import ComfyServer
from support.face_puppet import astronaut
from support.faces import needs_faces
from support.store import add

sync_api = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: pip install playwright to test the page")
pytestmark = [pytest.mark.comfyui, pytest.mark.slow, needs_faces]
PLOT = "app.graph.getNodeById(2).widgets.find((widget) => widget.name === 'training_curve').plot"
STEPS = 60
WIDGETS = {
    "ckpt_name": CHECKPOINT.name,
    "preset": "quick",
    "seed": 0,
    "steps": STEPS,
    "rank": 4,
    "resolution": 64,
    "learning_rate": 0.002,
    "prior_share": 0.0,
    "samples": "at the end",
}


def graph(record: str) -> dict:
    """CharchaIdentity -> TrainIdentityLoRA -> PreviewImage; the page fills in the widgets that are not named."""
    common = {"flags": {}, "mode": 0, "properties": {}}
    kinds = {"identity_lora": "IDENTITY_LORA", "lora_name": "STRING", "lora_model": "LORA_MODEL"}
    kinds |= {"loss_plot": "IMAGE", "report": "STRING"}
    outputs = [{"name": name, "type": kind, "links": []} for name, kind in kinds.items()]
    outputs[3]["links"] = [2]
    return {
        "id": "3f1b6c1e-0000-4000-8000-000000000007",
        "last_node_id": 3,
        "last_link_id": 2,
        "nodes": [
            {"id": 1, "type": "CharchaIdentity", "pos": [40, 80], "size": [300, 120], "order": 0, "inputs": []}
            | {"outputs": [{"name": "identity", "type": "CHARCHA_IDENTITY", "links": [1]}], "widgets_values": [record]}
            | common,
            {"id": 2, "type": "TrainIdentityLoRA", "pos": [380, 80], "size": [460, 620], "order": 1}
            | {"inputs": [{"name": "identity", "type": "CHARCHA_IDENTITY", "link": 1}], "outputs": outputs}
            | common,
            {"id": 3, "type": "PreviewImage", "pos": [880, 80], "size": [520, 320], "order": 2}
            | {"inputs": [{"name": "images", "type": "IMAGE", "link": 2}], "outputs": [], "widgets_values": []}
            | common,
        ],
        "links": [[1, 1, 0, 2, 0, "CHARCHA_IDENTITY"], [2, 2, 3, 3, 0, "IMAGE"]],
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


class TrainingPage(Page):
    def load(self, graph: dict) -> None:
        self.js("(graph) => app.loadGraphData(graph)", graph)
        self.page.wait_for_function(f"() => app.graph.getNodeById(2) && {PLOT}.element.isConnected")

    def curve(self) -> dict | None:
        return self.js(f"() => {PLOT}.curve")

    def text(self) -> str:
        return self.js(f"() => {PLOT}.status.textContent")


@pytest.fixture(scope="module", params=PAGES or pages())
def opened(request, tmp_path_factory):
    comfyui, python, kind = request.param
    folder = tmp_path_factory.mktemp("comfyui")
    server = ComfyServer(comfyui, python, folder, CHECKPOINT)
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
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            yield TrainingPage(server, browser.new_page(viewport={"width": 1500, "height": 1000}), kind)
            browser.close()
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def history(opened, before: set) -> dict:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        new = {key: entry for key, entry in opened.server.get("/history").items() if key not in before}
        if new:
            (entry,) = new.values()
            assert entry["status"]["status_str"] == "success", entry["status"]
            return entry
        time.sleep(0.1)
    raise AssertionError("the run is not in the history")


def test_the_curve_is_live_marks_the_best_step_and_survives_a_reload(opened):
    from songreel.nodes.person.charcha.store import IdentityStore

    store = IdentityStore(opened.server.folder / "user" / "__songreel" / "charcha")
    record, key = add(store, shown=[astronaut()[0]] * 7)
    opened.load(graph(record))
    assert opened.curve() is None
    names = opened.js("() => app.graph.getNodeById(2).widgets.map((widget) => widget.name)")
    assert "control_after_generate" not in names and names[:4] == ["ckpt_name", "preset", "seed", "steps"]
    opened.js(
        """(values) => {
            for (const widget of app.graph.getNodeById(2).widgets) {
                if (widget.name in values) widget.value = values[widget.name];
            }
        }""",
        WIDGETS,
    )
    before = set(opened.server.get("/history"))
    opened.js("() => app.queuePrompt(0, 1)")
    opened.page.wait_for_function(f"() => {PLOT}.curve?.done >= 30", timeout=300_000)
    live = opened.curve()
    assert live["done"] < STEPS and live["steps"] == STEPS and live["done"] % 5 == 0
    assert [entry[0] for entry in live["validation"]] == [0, 25]
    assert f"Step {live['done']} of {STEPS}" in opened.text()
    opened.page.wait_for_timeout(300)
    shot(opened.page, f"training-{opened.html}-live")

    entry = history(opened, before)
    opened.page.wait_for_function(f"() => {PLOT}.curve.done === {STEPS}", timeout=60_000)
    (kept,) = entry["outputs"]["2"]["songreel_training"]
    curve = opened.curve()
    assert curve["validation"] == kept["validation"] and [v[0] for v in kept["validation"]] == [0, 25, 50, STEPS]
    best = min(kept["validation"], key=lambda v: (v[1] + v[2], v[0]))
    assert opened.text().endswith(f"best at step {best[0]}") and best[1] < kept["validation"][0][1]
    marks = opened.page.locator(".dot")
    assert marks.count() == 4 and opened.page.locator(".dot.chosen").count() == 1
    assert opened.page.locator(".dot.chosen").get_attribute("title").startswith(f"step {best[0]}:")
    points = opened.page.locator("polyline.loss").get_attribute("points").split()
    assert len(points) == len(kept["loss"]) > 20
    shot(opened.page, f"training-{opened.html}-done")

    # What it painted of the person is for who has the key.
    pictures = opened.page.get_by_role("img", name="step")
    assert pictures.count() == 0
    opened.page.get_by_label("Owner's key").fill("wrong")
    opened.page.get_by_role("button", name="Show", exact=True).click()
    opened.page.get_by_text("That is not this record's key.").wait_for()
    opened.page.get_by_label("Owner's key").fill(key)
    opened.page.get_by_role("button", name="Show", exact=True).click()
    pictures.first.wait_for()
    assert pictures.count() == 3 and pictures.nth(2).get_attribute("alt") == f"sketch, step {best[0]}"
    assert opened.page.get_by_label("Owner's key").is_hidden()
    opened.page.wait_for_timeout(300)
    shot(opened.page, f"training-{opened.html}-previews")
    assert "jpeg" not in json.dumps(entry) and key not in json.dumps(entry)

    saved = opened.js("() => app.graph.serialize()")
    assert not any(word in json.dumps(saved) for word in ("songreel_training", "validation", "data:image", key))
    assert not any(word in opened.js("() => JSON.stringify({ ...localStorage })") for word in ("data:image", key))
    assert opened.problems == []
    opened.page.reload()
    opened.page.wait_for_function("() => window.app?.extensionManager && app.canvas && app.graph", timeout=90_000)
    opened.page.wait_for_timeout(2000)
    opened.problems.clear()  # ComfyUI's own, of its start
    opened.load(saved)
    opened.page.wait_for_function(f"() => {PLOT}.curve?.done === {STEPS}", timeout=10_000)
    assert opened.curve() == curve
    assert opened.page.get_by_label("Owner's key").is_visible() and pictures.count() == 0
    shot(opened.page, f"training-{opened.html}-reloaded")
    # Another graph with a node of the same number has no curve.
    opened.load(saved | {"id": "3f1b6c1e-0000-4000-8000-000000000008"})
    opened.page.wait_for_timeout(300)
    assert opened.curve() is None
    assert opened.problems == []


@pytest.mark.parametrize(
    ("validation", "best"),
    [([], None), ([[0, 2, 1], [25, 1, 1], [50, 1, 1]], 25), ([[0, 1, 1], [25, 0.5, 2]], 0)],
)
def test_the_page_marks_the_step_that_is_kept(opened, validation, best):
    from songreel.nodes.person.identity.train import Curve

    code = """async (validation) => {
        const { bestOf } = await import('/extensions/songreel/js/training_plot.js');
        return bestOf(validation)?.[0] ?? null;
    }"""
    assert opened.js(code, validation) == best
    if validation:
        curve = Curve([], [tuple(entry) for entry in validation])
        assert curve.best[0] == best


@pytest.mark.parametrize(("value", "top"), [(0.031, 0.05), (0.2, 0.2), (1.01, 2), (7, 10)])
def test_the_scale_ends_at_a_round_number(opened, value, top):
    code = """async (value) => (await import('/extensions/songreel/js/training_plot.js')).roundUp(value)"""
    assert opened.js(code, value) == pytest.approx(top)
