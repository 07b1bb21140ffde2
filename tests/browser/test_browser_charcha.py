"""The capture page in Chromium: cameras that are refused, missing, lost or fake, and a person who passes."""

import asyncio
import random
import threading
import time
from pathlib import Path

import pytest

from headless.cli.charcha_page import application
from support.browser import ARGUMENTS, FAKE, NOTE_TRACKS, PAINTED_CAMERA, chromium
from support.capture_actors import Actor
from support.capture_server import CaptureServer
from support.faces import needs_faces

sync_api = pytest.importorskip("playwright.sync_api", reason="NO PLAYWRIGHT: pip install playwright to test the page")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="NO CHROMIUM: set CHROMIUM to test the page"),
    needs_faces,
]
ELEMENT = "document.querySelector('songreel-charcha')"


FRAME_SECONDS = 0.12


class Impatient(random.Random):
    """Draws as any other, and waits as little as allowed."""

    def uniform(self, low, high):
        return low


class Served:
    """The headless page and its routes on a thread; `actor` sits before the painted camera.

    Their clock goes by the frames that were drawn, so that a busy machine is slower and nothing else.
    """

    def __init__(self, folder: Path):
        self.server = CaptureServer(folder)
        begin, self.drawn = time.monotonic(), 0
        self.now = lambda: self.drawn * FRAME_SECONDS + 0.2 * (time.monotonic() - begin)
        self.server.desk.clock, self.server.desk.random = self.now, Impatient(4)
        self.actor = Actor(5, "living")
        self.server.routes._desk.models()
        self._listen()
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(30)

    def _listen(self) -> None:
        """The actor hears what the page is told, when it is told."""

        from songreel.nodes.person.charcha import routes

        send = None
        send = routes._send

        async def overheard(socket, messages):
            self.actor.hear(messages, self.now())
            await send(socket, messages)

        routes._send = overheard
        self.undo = lambda: setattr(routes, "_send", send)

    def _run(self) -> None:
        from aiohttp import web

        async def camera(request):
            self.drawn += 1
            data = await asyncio.get_running_loop().run_in_executor(None, self.actor.frame, self.now())
            return web.Response(body=data, content_type="image/jpeg")

        async def start():
            app = application(self.server.host)
            app.router.add_get("/camera", camera)
            self.runner = web.AppRunner(app)
            await self.runner.setup()
            site = web.TCPSite(self.runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
            self.ready.set()

        self.loop.run_until_complete(start())
        self.loop.run_forever()

    def stop(self) -> None:
        self.undo()
        asyncio.run_coroutine_threadsafe(self.runner.cleanup(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("capture"))
    yield served
    served.stop()


@pytest.fixture(scope="module")
def portrait(tmp_path_factory) -> Path:
    """A raw video of the still portrait, for Chromium's fake camera."""
    import cv2
    from skimage import data

    picture = cv2.resize(data.astronaut()[0:240, 64:384], (640, 480), interpolation=cv2.INTER_CUBIC)
    planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).tobytes()
    path = tmp_path_factory.mktemp("camera") / "portrait.y4m"
    path.write_bytes(b"YUV4MPEG2 W640 H480 F20:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + planes) * 10)
    return path


class Browser:
    def __init__(self, arguments=(), *, allowed=True, script="", size=(1000, 760)):
        self.play = sync_api.sync_playwright().start()
        self.chromium = self.play.chromium.launch(
            executable_path=chromium(), headless=True, args=[*ARGUMENTS, *arguments]
        )
        self.context = self.chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, permissions=["camera"] if allowed else []
        )
        self.page = self.context.new_page()
        self.problems = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        if script:
            self.page.add_init_script(script)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.chromium.close()
        self.play.stop()
        assert self.problems == []

    def start(self, url: str) -> None:
        self.page.goto(url)
        self.page.get_by_label("I am the person").check()
        self.page.get_by_role("button", name="Start the camera").click()

    def problem(self, timeout=40_000) -> str:
        alert = self.page.get_by_role("alert")
        alert.wait_for(timeout=timeout)
        return alert.inner_text()

    def live_tracks(self) -> int:
        return self.page.evaluate("window.tracks.filter((track) => track.readyState === 'live').length")


def test_nothing_starts_before_consent_and_a_refused_camera_is_explained(served):
    with Browser(FAKE, allowed=False) as browser:
        browser.page.goto(served.url)
        button = browser.page.get_by_role("button", name="Start the camera")
        assert button.is_disabled()
        browser.start(served.url)
        assert browser.problem().startswith("The camera was not allowed")
        assert served.server.desk.open_count == 0


def test_a_page_without_a_secure_context_says_so(served):
    with Browser([*FAKE, "--host-resolver-rules=MAP capture.test 127.0.0.1"]) as browser:
        browser.page.goto(served.url.replace("127.0.0.1", "capture.test"))
        assert browser.problem().startswith("Browsers open a camera only on https:// pages and on localhost")


def test_no_camera(served):
    with Browser() as browser:
        browser.start(served.url)
        assert browser.problem().startswith("There is no camera")


def test_a_portrait_as_the_camera_fails_and_the_camera_is_released(served, portrait):
    with Browser([*FAKE, f"--use-file-for-fake-video-capture={portrait}"], script=NOTE_TRACKS) as browser:
        browser.start(served.url)
        assert browser.problem() in ("The picture stood still.", "The same pictures came twice.")
        assert browser.live_tracks() == 0 and served.server.store.entries() == []


def test_by_keyboard_on_a_phone_nothing_is_cut_off_and_what_went_wrong_is_in_sight(served):
    with Browser(FAKE, script=PAINTED_CAMERA + NOTE_TRACKS, size=(360, 560)) as browser:
        page = browser.page
        page.goto(served.url)
        page.get_by_label("I am the person").focus()
        for key in ("Space", "Tab", "Enter"):
            page.keyboard.press(key)
        words = page.get_by_role("status").filter(has_text="Look straight at the camera")
        words.wait_for()
        assert words.get_attribute("aria-live") == "assertive"
        for part in (page.locator("video"), page.get_by_role("button", name="Cancel"), page.locator(".panel")):
            box = part.bounding_box()
            assert box["x"] >= 0 and box["y"] >= 0, part
            assert box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 560, part
        page.keyboard.press("Escape")
        assert browser.problem().startswith("Cancelled")
        box = page.get_by_role("alert").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 560
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 360


def test_a_camera_lost_midway_a_cancel_a_reload_and_a_removed_element(served):
    with Browser(FAKE, script=PAINTED_CAMERA + NOTE_TRACKS) as browser:
        page = browser.page
        browser.start(served.url)
        page.get_by_text("Look straight at the camera").wait_for()
        page.evaluate("tracks[0].stop(); tracks[0].dispatchEvent(new Event('ended'))")
        assert browser.problem() == "The camera was lost. Connect it and try again."
        assert browser.live_tracks() == 0

        page.get_by_label("I am the person").check()
        page.get_by_role("button", name="Start the camera").click()
        page.get_by_text("Look straight at the camera").wait_for()
        page.keyboard.press("Escape")
        assert browser.problem().startswith("Cancelled")
        assert browser.live_tracks() == 0

        page.get_by_label("I am the person").check()
        page.get_by_role("button", name="Start the camera").click()
        page.get_by_text("Look straight at the camera").wait_for()
        page.reload()
        deadline = time.monotonic() + 10
        while served.server.desk.open_count and time.monotonic() < deadline:
            time.sleep(0.1)
        assert served.server.desk.open_count == 0

        browser.start(served.url)
        page.get_by_text("Look straight at the camera").wait_for()
        assert browser.live_tracks() == 1
        page.evaluate(f"{ELEMENT}.remove()")
        deadline = time.monotonic() + 5
        while browser.live_tracks() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert browser.live_tracks() == 0
        assert page.locator("video").count() == 0


def test_a_live_person_passes_in_the_page_and_takes_the_consent_back(served):
    with Browser(FAKE, script=PAINTED_CAMERA + NOTE_TRACKS) as browser:
        page = browser.page
        browser.start(served.url)
        page.get_by_role("heading", name="Thank you").wait_for(timeout=150_000)
        assert browser.live_tracks() == 0
        assert page.locator(".pictures img").count() == 7
        record = page.evaluate(f"{ELEMENT}.record")
        assert served.server.store.load(record).token == page.evaluate(f"{ELEMENT}.token")
        key = page.locator(".key code").inner_text()
        page.get_by_role("button", name="Done").click()
        page.get_by_text("Take the consent back").click()
        page.get_by_label("Your key").fill(key[:-1])
        page.get_by_role("button", name="Revoke").click()
        assert browser.problem() == "That is not this record's key."
        page.get_by_text("Take the consent back").click()
        page.get_by_label("Your key").fill(key)
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete").click()
        page.locator(".badge", has_text="deleted").wait_for()
        assert served.server.store.entries() == [{"id": record, "state": "deleted"}]
