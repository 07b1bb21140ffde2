"""How often a client may ask: each client has its own count, so that none can use up what another needs."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

MOST_CLIENTS = 1000


class Limit:
    """At most `count` in `seconds` for each client. clock: seconds, monotonic.

    What is remembered is bounded: with more clients than that, the one that was silent longest is forgotten.
    """

    def __init__(self, count: int, seconds: float, clock: Callable[[], float]):
        self._count, self._seconds, self._clock = count, seconds, clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str) -> bool:
        """Count one more of a client; False, and nothing counted, when it has had its share."""
        with self._lock:
            now = self._clock()
            times = self._times.setdefault(client, deque(maxlen=self._count))
            self._times.move_to_end(client)
            while len(self._times) > MOST_CLIENTS:
                self._times.popitem(last=False)
            if len(times) == self._count and now - times[0] < self._seconds:
                return False
            times.append(now)
            return True
