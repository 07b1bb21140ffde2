"""Chromium, the ComfyUIs whose pages it shows, and what both are told."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support.comfy_server import ComfyServer
from support.comfyui import find_comfyuis

ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--autoplay-policy=no-user-gesture-required"]
FAKE = ["--use-fake-device-for-media-stream"]
# A camera whose pictures the test paints: what `getUserMedia` gives is a canvas, drawn anew from /camera.
PAINTED_CAMERA = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 480];
  const context = canvas.getContext("2d");
  const stream = canvas.captureStream();
  const draw = async () => {
    const picture = await createImageBitmap(await (await fetch("/camera", { cache: "no-store" })).blob());
    context.drawImage(picture, 0, 0);
    if (stream.getTracks()[0].readyState === "live") setTimeout(draw, 20);
  };
  await draw();
  return stream;
};
"""
# Every track that a page gets is noted, so that a test can ask which are live.
NOTE_TRACKS = """
window.tracks = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await open(wanted);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""


def chromium() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pages() -> list:
    """A parameter for every ComfyUI and way to draw nodes. HTML nodes of 0.3.64 have no DOM widgets."""
    if chromium() is None:
        return [pytest.param(None, marks=pytest.mark.skip(reason="NO CHROMIUM: set CHROMIUM to test the page"))]
    kinds = []
    for comfyui, python in find_comfyuis():
        version = (comfyui / "comfyui_version.py").read_text("utf-8").split('"')[1]
        renderers = ["canvas"] + ["html"] * (tuple(map(int, version.split(".")[:2])) >= (0, 4))
        kinds += [pytest.param((comfyui, python, kind), id=f"{version}-{kind}") for kind in renderers]
    skip = pytest.mark.skip(reason="NO COMFYUI FOUND: set COMFYUI_DIR to test the page")
    return kinds or [pytest.param(None, marks=skip, id="none")]


# The oldest ComfyUI with the canvas and the newest with HTML nodes.
PAGES = [
    page for page in pages() if page.id is None or page.id in ("none", "0.3.64-canvas") or page.id.endswith("html")
]


def shot(page, name: str) -> None:
    """A picture of the page, where somebody wants to look at them."""
    if folder := os.environ.get("SONGREEL_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


class Page:
    """A page of ComfyUI, open and listened to: `problems` holds what it reports."""

    def __init__(self, server: ComfyServer, page, kind: str):
        self.server, self.page, self.html, self.problems = server, page, kind == "html", []
        page.on("pageerror", lambda error: self.problems.append(error.stack or str(error)))
        page.on("console", self._heard)
        page.goto(server.url)
        page.wait_for_function("() => window.app?.extensionManager && app.canvas && app.graph", timeout=90_000)
        page.wait_for_timeout(2000)
        self.startup, self.problems = self.problems, []
        assert self.js("app.extensionManager.setting.get('Comfy.VueNodes.Enabled') === true") == self.html

    def _heard(self, message) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def js(self, code: str, argument=None):
        return self.page.evaluate(code, argument)
