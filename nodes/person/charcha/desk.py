"""Who may start a capture, and when: few at once, each used once, none for long."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ...base.errors import InputError
from . import consent
from .session import LIFETIME, CaptureSession

MAX_OPEN = 4
STARTS, STARTS_SECONDS = 12, 60.0
CLAIM_SECONDS = 30.0

log = logging.getLogger(__name__)


class BusyError(InputError):
    """Too many captures at once or in a short time."""


@dataclass
class Ticket:
    """A capture that was asked for. id and nonce are secrets of the page that asked; each is good once."""

    id: str
    nonce: str
    token: str
    class_word: str
    with_light: bool
    made: float
    session: CaptureSession | object | None = None


class CaptureDesk:
    """Makes sessions and forgets them. models: gives (landmarker, embedder, passive model or None) when first needed.

    clock: seconds, monotonic. random: decides draws and times; a `random.Random` that cannot be guessed.
    known: whether the model that reads the prompts has a meaning for a word, which then is no name.
    """

    def __init__(
        self,
        models: Callable[[], tuple],
        *,
        clock: Callable[[], float] = time.monotonic,
        random=None,
        known: Callable[[str], bool] = lambda word: False,
    ):
        self._make_models = models
        self._models: tuple | None = None
        self.clock, self._known = clock, known
        self.random = random if random is not None else secrets.SystemRandom()
        self._tickets: dict[str, Ticket] = {}
        self._starts: deque[float] = deque(maxlen=STARTS)
        self._lock, self._models_lock = threading.Lock(), threading.Lock()

    def open(self, *, version: object, token: object, class_word: object, with_light: object) -> Ticket:
        """A ticket for a person who has agreed. Raises InputError, as BusyError when there are too many."""
        consent.check_version(version)
        token, class_word = consent.check_token(token, self._known), consent.check_class_word(class_word)
        if not isinstance(with_light, bool):
            raise InputError("'light' must be true or false.")
        self.purge()
        with self._lock:
            now = self.clock()
            full = len(self._starts) == STARTS and now - self._starts[0] < STARTS_SECONDS
            if full or len(self._tickets) >= MAX_OPEN:
                raise BusyError("Too many captures at the moment; wait a minute and try again.")
            self._starts.append(now)
            ticket = Ticket(secrets.token_urlsafe(24), secrets.token_urlsafe(24), token, class_word, with_light, now)
            self._tickets[ticket.id] = ticket
        return ticket

    def claim(self, ticket_id: object, nonce: object) -> Ticket | None:
        """The ticket's session, begun now, for the first who asks with its nonce in time; else None, and it is void."""
        self.purge()
        with self._lock:
            ticket = self._tickets.get(ticket_id) if isinstance(ticket_id, str) else None
            if ticket is None or ticket.session is not None:
                return None
            if not isinstance(nonce, str) or not secrets.compare_digest(ticket.nonce.encode(), nonce.encode()):
                del self._tickets[ticket.id]
                return None
            # Claimed before the models load, which takes a second: a second socket finds it taken.
            ticket.session = _PENDING
        try:
            landmarker, embedder, passive = self.models()
            ticket.session = CaptureSession(
                landmarker=landmarker,
                embedder=embedder,
                clock=self.clock,
                random=self.random,
                with_light=ticket.with_light,
                passive=passive,
            )
        except BaseException:
            self.close(ticket)
            raise
        return ticket

    def models(self) -> tuple:
        """Landmarker, embedder and passive model, loaded once. Raises InputError when one is missing."""
        with self._models_lock:
            if self._models is None:
                self._models = self._make_models()
            return self._models

    def close(self, ticket: Ticket) -> None:
        """Forget a ticket and everything its session has seen."""
        with self._lock:
            self._tickets.pop(ticket.id, None)
        if isinstance(ticket.session, CaptureSession):
            ticket.session.close()
        ticket.session = None

    def purge(self) -> None:
        """Forget what nobody claimed or ended."""
        now = self.clock()
        with self._lock:
            old = [
                ticket
                for ticket in self._tickets.values()
                if now - ticket.made > (CLAIM_SECONDS if ticket.session is None else LIFETIME + CLAIM_SECONDS)
            ]
        for ticket in old:
            self.close(ticket)

    @property
    def open_count(self) -> int:
        return len(self._tickets)


_PENDING = object()
