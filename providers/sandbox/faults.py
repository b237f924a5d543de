"""Misbehaviour on command: what a real operator does on its worst day, for the next so many calls.

``before`` the effect: refuse, unavailable, error, hang. After it: late, lost, error_after,
garbled, huge, raw (any answer one likes). ``twice`` works the request off two times over.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FaultKind = Literal[
    "refuse", "unavailable", "error", "hang",
    "late", "lost", "error_after", "garbled", "huge", "raw", "twice",
]  # fmt: skip
Operation = Literal[
    "plan",
    "book",
    "commit",
    "cancel",
    "extend",
    "set_in_use",
    "finish",
    "read",
    "assets",
    "stations",
    "claim",
    "look_up",
    "release",
]
HUGE_BYTES = 50_000_000
OF_EVENT: dict[object, Operation] = {
    "COMMIT": "commit",
    "CANCEL": "cancel",
    "EXTEND_EXPIRY_TIME": "extend",
    "SET_IN_USE": "set_in_use",
    "FINISH": "finish",
}


OF_PATH: dict[tuple[str, str], Operation] = {
    ("GET", "/operator/available-assets"): "assets",
    ("GET", "/operator/stations"): "stations",
    ("POST", "/planning/offers"): "plan",
    ("POST", "/bookings"): "book",
    ("POST", "/entitlements"): "claim",
}


@dataclass(slots=True)
class Fault:
    """One way to misbehave, for ``count`` more calls of ``operation``."""

    operation: Operation
    kind: FaultKind
    count: int = 1
    seconds: float = 8.0
    status: int = 200
    body: str = ""


@dataclass(slots=True)
class Faults:
    """The faults that are still to happen, first come first served."""

    planned: list[Fault] = field(default_factory=list)

    def take(self, operation: Operation | None) -> Fault | None:
        """The next fault of that operation, counted down."""
        for fault in self.planned:
            if fault.operation == operation and fault.count > 0:
                fault.count -= 1
                return fault
        return None


@dataclass(slots=True)
class FaultyOperator:
    """ASGI middleware around a well-behaved operator."""

    app: ASGIApp
    faults: Faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, unless a fault is planned for it."""
        if scope["type"] != "http" or scope["path"].startswith("/sandbox"):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        fault = self.faults.take(_operation(scope["method"], scope["path"], body))
        if fault is None:
            await self.app(scope, _replay(body), send)
        elif fault.kind in {"refuse", "unavailable", "error", "hang"}:
            await _before(fault, send)
        else:
            await self._after(fault, scope, body, send)

    async def _after(self, fault: Fault, scope: Scope, body: bytes, send: Send) -> None:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.app(scope, _replay(body), keep)
        raw = b"".join(m.get("body", b"") for m in answer if m["type"] == "http.response.body")
        match fault.kind:
            case "twice":
                await self.app(scope, _replay(body), send)
            case "late":
                await asyncio.sleep(fault.seconds)
                for message in answer:
                    await send(message)
            case "error_after":
                await _send(send, 500, [b'{"status": 500, "title": "lost my mind"}'])
            case "lost":
                await _cut_off(send)
            case "garbled":
                await _send(send, 200, [raw[: len(raw) // 2]])
            case "huge":
                await _send(send, 200, [b'{"id":"'] + [b"x" * 1_000_000] * (HUGE_BYTES // 10**6))
            case _:
                await _send(send, fault.status, [fault.body.encode()])


async def _before(fault: Fault, send: Send) -> None:
    match fault.kind:
        case "refuse":
            await _send(send, 403, [_problem(403, 3004, "refused on command")])
        case "unavailable":
            await _send(send, 409, [_problem(409, 3203, "somebody else has it, on command")])
        case "error":
            await _send(send, 500, [_problem(500, 3001, "failed on command")])
        case _:
            await asyncio.sleep(fault.seconds)
            await _cut_off(send)


def _operation(method: str, path: str, body: bytes) -> Operation | None:
    if method == "GET" and path.startswith("/bookings"):
        return "read"
    if path.startswith("/entitlements/"):
        return "look_up" if method == "GET" else "release"
    if (method, path) in OF_PATH:
        return OF_PATH[method, path]
    try:
        told = json.loads(body)
    except ValueError:
        return None
    return OF_EVENT.get(told.get("operation", told.get("event"))) if type(told) is dict else None


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _send(send: Send, status: int, chunks: Iterable[bytes]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _cut_off(send: Send) -> None:
    """Begin an answer and never finish it: the server then closes the connection."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})


def _problem(status: int, code: int, detail: str) -> bytes:
    return json.dumps({"status": status, "errorcode": code, "detail": detail}).encode()
