"""A page of ComfyUI with the beat view in it."""

import base64
import time
from pathlib import Path

import numpy as np
import soundfile

from support.browser import Page

SECONDS, BEAT = 12.0, 0.5
VIEW = "app.graph.getNodeById(2).widgets.find((widget) => widget.name === 'beat_view').view"
OFFSET = "app.graph.getNodeById(2).widgets.find((widget) => widget.name === 'offset_ms')"
OUTPUTS = {
    "beat_envelope": "BEAT_ENVELOPE",
    "envelope": "FLOAT",
    "beat_frames": "INT",
    "tempo": "FLOAT",
    "frame_count": "INT",
    "plot": "IMAGE",
}


def song(path: Path) -> None:
    """A click every half second, the first of four louder, over a hum."""
    t = np.arange(int(SECONDS * 22_050)) / 22_050
    accent = np.where((t // BEAT) % 4 == 0, 0.9, 0.45)
    wave = accent * np.sin(2 * np.pi * 880 * t) * np.exp(-30 * (t % BEAT)) + 0.04 * np.sin(2 * np.pi * 110 * t)
    soundfile.write(path, wave.astype(np.float32), 22_050)


def workflow() -> dict:
    """A saved workflow from before the view, `beats` and `offset_ms`: one widget value."""
    outputs = [{"name": name, "type": kind, "links": []} for name, kind in OUTPUTS.items()]
    outputs[-1]["links"] = [2]
    common = {"flags": {}, "mode": 0, "properties": {}}
    audio = {"name": "AUDIO", "type": "AUDIO", "links": [1]}
    image = {"name": "images", "type": "IMAGE", "link": 2}
    return {
        "last_node_id": 3,
        "last_link_id": 2,
        "nodes": [
            {"id": 1, "type": "LoadAudio", "pos": [40, 80], "size": [300, 140], "order": 0, "inputs": []}
            | {"outputs": [audio], "widgets_values": ["clicks.flac"]}
            | common,
            {"id": 2, "type": "AudioBeatEnvelope", "pos": [380, 80], "size": [560, 190], "order": 1}
            | {"inputs": [{"name": "audio", "type": "AUDIO", "link": 1}], "outputs": outputs, "widgets_values": [12.0]}
            | common,
            {"id": 3, "type": "PreviewImage", "pos": [980, 80], "size": [300, 300], "order": 2, "inputs": [image]}
            | {"outputs": [], "widgets_values": []}
            | common,
        ],
        "links": [[1, 1, 0, 2, 0, "AUDIO"], [2, 2, 5, 3, 0, "IMAGE"]],
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


class BeatPage(Page):
    """A page with the beat view's workflow in it."""

    def view(self, code: str):
        return self.page.evaluate(f"() => {{ const view = {VIEW}; return {code}; }}")

    def value(self, name: str):
        return self.js("(name) => app.graph.getNodeById(2).widgets.find((w) => w.name === name).value", name)

    def load(self, graph: dict | None = None) -> None:
        self.js("(graph) => app.loadGraphData(graph)", graph or workflow())
        self.page.wait_for_function(f"() => {VIEW}.element.isConnected")

    def run(self) -> dict:
        """Queue what is in the page and wait until the view shows it: what the server keeps of node 2."""
        before = set(self.server.get("/history"))
        self.js(f"() => {{ window.shownBefore = {VIEW}.song; return app.queuePrompt(0, 1); }}")
        self.page.wait_for_function(f"() => {VIEW}.song && {VIEW}.song !== window.shownBefore", timeout=120_000)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            new = {key: entry for key, entry in self.server.get("/history").items() if key not in before}
            if new:
                (entry,) = new.values()
                assert entry["status"]["status_str"] == "success", entry["status"]
                return entry["outputs"]["2"]
            time.sleep(0.1)
        raise AssertionError("the run is not in the history")

    @property
    def lanes(self):
        return self.page.locator(".lanes")

    @property
    def status(self) -> str:
        return self.page.locator(".status").inner_text()

    def lane(self, name: str) -> tuple[float, float, float, float]:
        """left, top, width, height of a lane on the screen."""
        box = self.lanes.bounding_box()
        place = self.js(
            """async (name) => {
                const { layout } = await import('/extensions/songreel/js/beat_lanes.js');
                const view = """
            + VIEW
            + """;
                const height = view.lanes.clientHeight;
                const lane = layout(height, view.song.sections.length > 0)[name];
                return [lane.top / height, lane.height / height];
            }""",
            name,
        )
        return box["x"], box["y"] + place[0] * box["height"], box["width"], place[1] * box["height"]

    def at(self, name: str, part: float) -> tuple[float, float]:
        left, top, width, height = self.lane(name)
        return left + part * width, top + height / 2

    def drag(self, name: str, begin: float, end: float) -> None:
        self.page.mouse.move(*self.at(name, begin))
        self.page.mouse.down()
        for step in range(1, 6):
            self.page.mouse.move(*self.at(name, begin + (end - begin) * step / 5))
        self.page.mouse.up()

    def pixels(self, name: str) -> np.ndarray:
        """The pixels of a lane as the canvas holds them: uint8 (H, W, 4)."""
        width, height, text = self.js(
            """async (name) => {
                const { layout } = await import('/extensions/songreel/js/beat_lanes.js');
                const { canvas, lanes, song } = """
            + VIEW
            + """;
                const ratio = canvas.height / lanes.clientHeight;
                const lane = layout(lanes.clientHeight, song.sections.length > 0)[name];
                const [top, height] = [Math.ceil(lane.top * ratio), Math.floor(lane.height * ratio)];
                const { data } = canvas.getContext('2d').getImageData(0, top, canvas.width, height);
                let text = '';
                for (let at = 0; at < data.length; at += 30000) {
                    text += String.fromCharCode(...data.subarray(at, at + 30000));
                }
                return [canvas.width, height, btoa(text)];
            }""",
            name,
        )
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)

    def focus(self) -> None:
        self.lanes.focus()

    def play_from(self, seconds: float) -> None:
        self.view(f"view.seek({seconds})")
        self.focus()
        self.page.keyboard.press("Space")
        self.page.wait_for_function(f"() => !{VIEW}.audio.paused && {VIEW}.time > {seconds}")

    def reset(self) -> None:
        """No corrections, no zoom, no sound."""
        self.view("[view.audio.pause(), view.clearTaps(), view.setOffset(0), view.seek(0), view.fit(), view.say('')]")
