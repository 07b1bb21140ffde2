"""The capture's few routes. Same origin on every host; no path and no picture is taken from or given to a stranger.

GET  consent    the text to agree to, a proposed name
POST start      consent, name, class word -> ticket
GET  watch      websocket: JSON control, binary JPEG frames in, the owner's seven pictures out
POST identity   state of a record; with the owner's key: revoke or delete it, see or accept what a model painted of it
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import ipaddress
import json
import logging
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from ...base.errors import InputError
from ...host.port import Host
from . import consent
from .desk import BusyError, CaptureDesk, Ticket
from .frames import MAX_JPEG_BYTES
from .limits import Limit
from .outcome import Outcome
from .session import LIFETIME, CaptureSession
from .store import store_of
from .words import FAILED, failed

MAX_BODY = 2048
IDLE_SECONDS = 15.0
WORKERS = 2
# For each client: questions without a right key, and requests to begin.
ASKS, ASKS_SECONDS = 40, 60.0
MOST_UNCLAIMED, MOST_UNCLAIMED_OF_ONE = 16, 4
BODY_SECONDS = 10.0
WITH_KEY = ("revoke", "delete", "accept", "previews")
PREFIX = "charcha"
TRAINING = re.compile(r"[0-9a-f]{8}")

log = logging.getLogger(__name__)


def register(host: Host) -> None:
    """Add the routes to a host, with its models and its private store."""
    # One token of CLIP's is a word that it knows.
    desk = CaptureDesk(lambda: _models(host), known=lambda word: host.count_tokens(word) == 1)
    CaptureRoutes(lambda: store_of(host), desk, hosts=lambda: host.setting("hosts", [])).add_to(host)


def _models(host: Host) -> tuple:
    from ..face.embedding import FaceEmbedder
    from ..face.landmarks import load_landmarker
    from .passive import load_passive

    folders = host.model_folders("detection")
    return load_landmarker(folders), FaceEmbedder(), load_passive(folders)


class CaptureRoutes:
    """store: gives the store of records. desk: makes sessions. hosts: names by which this program may be addressed.

    idle: seconds without a frame after which a page is taken for gone.
    """

    def __init__(self, store, desk: CaptureDesk, *, hosts=lambda: (), idle: float = IDLE_SECONDS):
        self._store, self._desk, self._hosts, self._idle = store, desk, hosts, idle
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="charcha")
        # Taking consent back never waits for somebody's capture.
        self._records_pool = ThreadPoolExecutor(1, thread_name_prefix="charcha-records")
        self._asks = Limit(ASKS, ASKS_SECONDS, desk.clock)
        self._unclaimed: Counter[str] = Counter()

    def add_to(self, host: Host) -> None:
        for method, name, handler in (
            ("GET", "consent", self.consent),
            ("POST", "start", self.start),
            ("GET", "watch", self.watch),
            ("POST", "identity", self.identity),
        ):
            host.add_route(method, f"{PREFIX}/{name}", handler)

    # Routes ------------------------------------------------------------------------------------

    async def consent(self, request):
        """GET: what there is to agree to."""
        self._check_host(request)
        return _json(
            {
                "version": consent.VERSION,
                "text": [{"title": title, "text": text} for title, text in consent.TEXT],
                "token": consent.propose_token(self._desk.random),
                "class_words": list(consent.CLASS_WORDS),
            }
        )

    async def start(self, request):
        """POST: a ticket for one capture."""
        body = await self._body(request)
        try:
            ticket = await asyncio.get_running_loop().run_in_executor(self._pool, self._open, body)
        except BusyError as error:
            return _json({"error": str(error)}, 429)
        except InputError as error:
            return _json({"error": str(error)}, 400)
        asyncio.get_running_loop().call_later(60.0, self._desk.purge)
        return _json({"session": ticket.id, "nonce": ticket.nonce})

    async def identity(self, request):
        """POST: {"record", "do": "status" | "revoke" | "delete" | "previews" | "accept", "owner_key", "training"}."""
        body = await self._body(request)
        client = request.remote or ""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._records_pool, self._identity, body, client)
        except InputError as error:
            return _json({"error": str(error)}, 400)

    def _identity(self, body: dict, client: str):
        store, record, do = self._store(), body.get("record"), body.get("do")
        if do != "status" and do not in WITH_KEY:
            raise InputError(f"'do' must be status, {', '.join(WITH_KEY[:-1])} or {WITH_KEY[-1]}.")
        # The right key is never refused: whoever asks too much is limited alone, and for other questions.
        owned = do != "status" and store.owned(record, body.get("owner_key"))
        if not owned and not self._asks.take(f"{client} {'status' if do == 'status' else 'key'}"):
            return _json({"error": "Too many requests; wait a minute."}, 429)
        if do == "status":
            return _json({"state": store.status(record).split()[0]})
        if not owned:
            return _json({"error": "That is not this record's key."}, 403)
        if do == "accept":
            training = body.get("training")
            if not isinstance(training, str) or not TRAINING.fullmatch(training):
                raise InputError("'training' must be the 8 digits that came with the samples.")
            store.accept(record, training)
            return _json({"state": store.status(record).split()[0]})
        if do == "previews":
            found = store.previews(record)
            return _json(
                {
                    "previews": [
                        {"step": step, "style": style, "jpeg": base64.b64encode(data).decode()}
                        for step, style, data in found
                    ],
                    "training": store.shown_training(record),
                }
            )
        left = store.delete(record) if do == "delete" else store.revoke(record)
        return _json({"state": store.status(record).split()[0], "left": left or [], "finished": store.finished(record)})

    async def watch(self, request):
        """The websocket of one capture."""
        from aiohttp import web

        self._check_origin(request)
        client = request.remote or ""
        if self._unclaimed[client] >= MOST_UNCLAIMED_OF_ONE or self._unclaimed.total() >= MOST_UNCLAIMED:
            raise web.HTTPTooManyRequests(text="too many captures that nobody began")
        socket = web.WebSocketResponse(max_msg_size=MAX_JPEG_BYTES + 64, compress=False)
        ticket = None
        try:
            self._unclaimed[client] += 1
            try:
                await socket.prepare(request)
                ticket = await self._claimed(socket)
            finally:
                self._unclaimed -= Counter({client: 1})
            if ticket is None:
                await socket.close(code=4401, message=b"no such session")
            else:
                await asyncio.wait_for(self._capture(socket, ticket), LIFETIME + 2 * self._idle)
        except (ConnectionError, asyncio.TimeoutError):
            pass
        except InputError as error:
            await _send_quietly(socket, {"type": "failed", "reason": "error", "say": str(error)})
        except Exception as error:
            # The kind only: a message or a traceback could carry what was in the pictures.
            log.error("a capture ended with %s", type(error).__name__)
            await _send_quietly(socket, {"type": "failed", "reason": "error", "say": FAILED["error"]})
        finally:
            if ticket is not None:
                self._desk.close(ticket)
            with contextlib.suppress(ConnectionError, RuntimeError):  # never opened, or gone
                await socket.close()
        return socket

    # Parts -------------------------------------------------------------------------------------

    def _open(self, body: dict) -> Ticket:
        # Everything that may be missing is asked for before the camera opens.
        self._store()
        self._desk.models()
        return self._desk.open(
            version=body.get("consent"),
            token=body.get("token"),
            class_word=body.get("class_word"),
            with_light=body.get("light", True),
        )

    async def _claimed(self, socket) -> Ticket | None:
        # Pings begin the wait of `receive` anew, so the whole has an end too.
        message = await asyncio.wait_for(socket.receive(), self._idle)
        try:
            hello = json.loads(message.data) if isinstance(message.data, str) and len(message.data) < MAX_BODY else {}
        except (ValueError, RecursionError):
            return None
        if not isinstance(hello, dict):
            return None
        claim = self._desk.claim
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, claim, hello.get("session"), hello.get("nonce")
        )

    async def _capture(self, socket, ticket: Ticket) -> None:
        from aiohttp import WSMsgType

        session, loop = ticket.session, asyncio.get_running_loop()
        assert isinstance(session, CaptureSession), "the ticket was claimed"
        await _send(socket, session.begin())
        while session.outcome is None:
            message = await socket.receive(timeout=self._idle)
            received = self._desk.clock()
            if message.type != WSMsgType.BINARY or len(message.data) < 5:
                return
            sequence, data = int.from_bytes(message.data[:4], "big"), message.data[4:]
            messages = await loop.run_in_executor(self._pool, session.frame, sequence, data, received)
            if ticket.session is not session:
                return  # its time ran out meanwhile
            if session.outcome is not None and session.outcome.passed:
                messages = [entry for entry in messages if entry["type"] != "passed"]
            await _send(socket, messages)
        if session.outcome.passed:
            result, pictures = await loop.run_in_executor(self._pool, self._keep, ticket, session.outcome)
            try:
                await _send(socket, [result])
                for picture in pictures:
                    await socket.send_bytes(picture)
                acknowledged = await asyncio.wait_for(self._acknowledged(socket, result["record"]), self._idle)
            except (ConnectionError, asyncio.TimeoutError):
                acknowledged = False
            if not acknowledged:
                # Nobody holds the key of these pictures, so nobody could take them back.
                await loop.run_in_executor(self._records_pool, self._store().delete, result["record"])
                await _send_quietly(socket, failed("closed"))

    async def _acknowledged(self, socket, record_id: str) -> bool:
        """Whether the page says that it has the record and shows its key."""
        from aiohttp import WSMsgType

        while True:
            message = await socket.receive(timeout=self._idle)
            if message.type == WSMsgType.TEXT and len(message.data) < MAX_BODY:
                try:
                    return json.loads(message.data) == {"have": record_id}
                except (ValueError, RecursionError):
                    return False
            if message.type != WSMsgType.BINARY:  # a frame that was on its way
                return False

    def _keep(self, ticket: Ticket, outcome: Outcome) -> tuple[dict, list[bytes]]:
        from PIL import Image

        store = self._store()
        record_id, owner_key = store.add(
            token=ticket.token,
            class_word=ticket.class_word,
            consent=consent.VERSION,
            assurance=outcome.assurance,
            scores=outcome.scores,
            pictures=[kept.picture for kept in outcome.kept],
            labels=[kept.label for kept in outcome.kept],
        )
        pictures = []
        for kept in outcome.kept:
            out = io.BytesIO()
            Image.fromarray(kept.picture).resize((240, 240)).save(out, "JPEG", quality=88)
            pictures.append(out.getvalue())
        result = {
            "type": "result",
            "record": record_id,
            "owner_key": owner_key,
            "token": ticket.token,
            "class_word": ticket.class_word,
            "assurance": outcome.assurance,
            "expires": time.strftime("%Y-%m-%d", time.gmtime(store.load(record_id, pictures=False).expires)),
            "labels": [kept.label for kept in outcome.kept],
        }
        return result, pictures

    async def _body(self, request) -> dict:
        """A small JSON object of a page of ours. Raises the HTTP error otherwise."""
        from aiohttp import web

        self._check_origin(request)
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send JSON")
        if request.content_length is None or request.content_length > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY, request.content_length or -1)
        try:
            reading = request.content.readexactly(request.content_length)
            body = json.loads(await asyncio.wait_for(reading, BODY_SECONDS))
        except (ValueError, RecursionError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            raise web.HTTPBadRequest(text="not JSON") from None
        if not isinstance(body, dict):
            raise web.HTTPBadRequest(text="not a JSON object")
        return body

    def _check_host(self, request) -> None:
        """Raises 403 for a name that is not ours: another site's name may have been pointed at this address."""
        from aiohttp import web

        name = _name(request.host)
        if not (name == "localhost" or _is_address(name) or name in {str(entry).lower() for entry in self._hosts()}):
            raise web.HTTPForbidden(text="unknown host; add its name to 'hosts' in settings.json of the private folder")

    def _check_origin(self, request) -> None:
        """Raises 403 unless a page of this very host and port asks."""
        from aiohttp import web

        self._check_host(request)
        origin = urlsplit(request.headers.get("Origin", ""))
        same = origin.scheme in ("http", "https") and _netloc(origin.netloc, origin.scheme) == _netloc(
            request.host, origin.scheme
        )
        if not same or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise web.HTTPForbidden(text="only a page of this server may ask")


def _netloc(text: str, scheme: str) -> str:
    return text.lower().removesuffix(":443" if scheme == "https" else ":80")


def _name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _json(data: dict, status: int = 200):
    from aiohttp import web

    return web.json_response(data, status=status, headers={"Cache-Control": "no-store"})


async def _send(socket, messages: list[dict]) -> None:
    for message in messages:
        await socket.send_str(json.dumps(message))


async def _send_quietly(socket, message: dict) -> None:
    with contextlib.suppress(ConnectionError):
        await _send(socket, [message])
