"""The network between a process and the sandboxes: each request meets the fate that is next.

Everything runs in one event loop, without sockets or waiting: a time-out is told at once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from enum import StrEnum

import httpx

from tests.simulation.mortal import Life


class Fate(StrEnum):
    """What becomes of a request that changes something."""

    NOT_SENT = "not sent"
    LOST = "lost on the way there"
    UNANSWERED = "done, and the answer lost"
    LATE = "done only after the caller gave up"
    FAILED = "answered with 500, not done"
    FAILED_AFTER = "answered with 500, and done"
    CONFLICT = "answered with 409"
    BUSY = "answered with 429"
    TWICE = "delivered twice"


async def _nothing() -> None:
    return


PROCESSOR = "processor.test"
_LEFT_OPEN: dict[Fate | None, type[httpx.TransportError]] = {
    Fate.NOT_SENT: httpx.ConnectError,
    Fate.LOST: httpx.ReadTimeout,
    Fate.UNANSWERED: httpx.ReadTimeout,
    Fate.LATE: httpx.ReadTimeout,
}
_TURNED_AWAY: dict[Fate | None, tuple[int, object, object]] = {
    Fate.CONFLICT: (
        409,
        {"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}},
        {"errorcode": 3203, "status": 409},
    ),
    Fate.BUSY: (429, {"error": {"type": "invalid_request_error", "code": "rate_limit"}}, {}),
}
_REFUND = ("POST", "/v1/refunds")
_REFUSED = (400, {"error": {"type": "invalid_request_error", "code": "charge_not_refundable"}})
_SLUGS: dict[Fate | None, str] = {
    Fate.FAILED: "error_500_before",
    Fate.FAILED_AFTER: "error_500_after",
}
"""The processor's own faults: it stores what it answered, and replays it for the key."""


class Wire:
    """What is between all processes and the outside, and outlives each process."""

    def __init__(self, hosts: dict[str, httpx.ASGITransport]) -> None:
        self.hosts = hosts
        self.fates: list[Fate | None] = []
        """Of the next requests that change something; None, or no entry, is delivered."""
        self.late: list[tuple[httpx.ASGITransport, httpx.Request]] = []
        self.met: list[str] = []
        """Each fate that came about, with the request that met it."""
        self.meanwhile: Callable[[], Awaitable[None]] = _nothing
        """What goes on while a process waits for an answer."""
        self.refuses_refunds = False
        """Whether the processor makes no refund now."""

    def next_fate(self, request: httpx.Request) -> Fate | None:
        if request.method == "GET" or not self.fates:
            return None
        fate = self.fates.pop(0)
        if fate is not None:
            self.met.append(f"{request.method} {request.url.host}{request.url.path} {fate}")
        return fate

    async def deliver_late(self) -> None:
        """Deliver what was on its way; nobody waits for the answers any more."""
        waiting, self.late = self.late, []
        for transport, request in waiting:
            await _deliver(transport, request)


async def _deliver(transport: httpx.ASGITransport, request: httpx.Request) -> httpx.Response:
    again = httpx.Request(
        request.method, request.url, headers=request.headers, content=request.content
    )
    answer = await transport.handle_async_request(again)
    content = await answer.aread()
    return httpx.Response(
        answer.status_code, headers=answer.headers, stream=httpx.ByteStream(content)
    )


class Network(httpx.AsyncBaseTransport):
    """The network as one process has it."""

    def __init__(self, wire: Wire, life: Life) -> None:
        self._wire = wire
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Deliver a request to the sandbox of its host, or not."""
        self._life.point(f"before {request.method} {request.url.path}")
        await self._wire.deliver_late()
        answer = await self._meet(request)
        await self._wire.meanwhile()
        self._life.point(f"after {request.method} {request.url.path}")
        return answer

    async def _meet(self, request: httpx.Request) -> httpx.Response:
        transport = self._wire.hosts[request.url.host]
        fate = self._wire.next_fate(request)
        await request.aread()
        if self._wire.refuses_refunds and (request.method, request.url.path) == _REFUND:
            return _answer(*_REFUSED)
        if fate in _LEFT_OPEN:
            if fate is Fate.UNANSWERED:
                await _deliver(transport, request)
            if fate is Fate.LATE:
                self._wire.late.append((transport, request))
            raise _LEFT_OPEN[fate](str(fate), request=request)
        at_processor = request.url.host == PROCESSOR
        if fate in _TURNED_AWAY:
            status, of_processor, of_operator = _TURNED_AWAY[fate]
            return _answer(status, of_processor if at_processor else of_operator)
        if fate in _SLUGS and at_processor:
            await _arm(transport, _SLUGS[fate])
        elif fate in (Fate.TWICE, Fate.FAILED_AFTER):
            await _deliver(transport, request)
        if fate in _SLUGS and not at_processor:
            return _answer(500, {})
        return await _deliver(transport, request)


def _answer(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(body).encode()))


async def _arm(transport: httpx.ASGITransport, slug: str) -> None:
    armed = httpx.Request(
        "POST", f"http://{PROCESSOR}/sandbox/faults", json={"fault": slug, "on": "*"}
    )
    await _deliver(transport, armed)
