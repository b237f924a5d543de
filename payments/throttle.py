"""A token bucket whose tokens go to the most urgent call that waits."""

from __future__ import annotations

import asyncio
import heapq
from enum import IntEnum
from itertools import count

LONGEST_WAIT_S = 8.0
"""Longer than this nobody waits for a call: a rider is answered within ten seconds."""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0
"""How long all calls rest after the processor says that it is busy; doubled each time."""


class Urgency(IntEnum):
    """What goes first: money that would be lost, then money that is somebody else's."""

    CAPTURE = 0
    RELEASE = 1
    REFUND = 2
    AUTHORISE = 3
    ACCOUNT = 4
    READ = 5


class Throttle:
    """At most ``per_second`` calls a second on average, and as many at once; per process."""

    def __init__(self, per_second: float) -> None:
        if per_second <= 0:
            raise ValueError(f"{per_second} calls a second")
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._tokens = self._most
        self._counted_at: float | None = None
        self._rests_until = 0.0
        self._pause_s = SHORTEST_PAUSE_S
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, urgency: Urgency) -> None:
        """Wait until this call may be made.

        Raises:
            TimeoutError: it would have to wait for too long; it must not be made.
        """
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (urgency, next(self._order), place))
        self._serve()
        async with asyncio.timeout(LONGEST_WAIT_S):
            await place

    def slow_down(self) -> None:
        """Let all calls rest: the processor said 429."""
        now = asyncio.get_running_loop().time()
        if now < self._rests_until:
            return
        self._rests_until = now + self._pause_s
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)
        self._tokens = min(self._tokens, 1.0)

    def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        now = loop.time()
        since = now if self._counted_at is None else self._counted_at
        self._tokens = min(self._most, self._tokens + (now - since) * self._per_second)
        self._counted_at = now
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        while self._waiting and self._tokens >= 1 and now >= self._rests_until:
            _, _, place = heapq.heappop(self._waiting)
            if not place.done():
                self._tokens -= 1
                place.set_result(None)
        if now >= self._rests_until + 4 * self._pause_s:
            self._pause_s = SHORTEST_PAUSE_S
        if self._waiting:
            short = max(0.0, 1 - self._tokens) / self._per_second
            again = max(now + short, self._rests_until)
            self._timer = loop.call_at(again + 0.001, self._serve)
