"""Deliver events as signed webhooks, at least once and in no promised order."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import hmac
import json
from collections.abc import Sequence

import httpx

from payments.sandbox.faults import WEBHOOK_FAULTS, Fault, Faults
from payments.sandbox.state import State

RETRY_AFTER_S = (0.2, 1.0, 5.0, 15.0, 60.0, 300.0)
"""Waits between attempts; the last one repeats until the event is older than three days."""
_GIVE_UP_AFTER_S = 3 * 24 * 3600


def sign(payload: str, secret: str, at: int) -> str:
    """The ``Stripe-Signature`` header (docs.stripe.com/webhooks#verify-manually)."""
    digest = hmac.new(secret.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Hooks:
    """The queue of deliveries. What was not delivered is taken up again after a restart."""

    def __init__(self, state: State, faults: Faults, url: str | None, secret: str | None) -> None:
        self._state = state
        self._faults = faults
        self._url = url
        self._secret = secret or ""
        self._due: list[tuple[float, int, str, int]] = []
        self._sequence = 0
        self._wake = asyncio.Event()
        state.on_events = self.enqueue

    def enqueue(self, event_ids: Sequence[str]) -> None:
        """Take up new events."""
        if self._url is None:
            return
        for event_id in event_ids:
            event = self._state.find(event_id) or {}
            struck = self._faults.strike(event["type"], WEBHOOK_FAULTS)
            if struck is not None and struck.fault is Fault.WEBHOOK_DROP:
                continue
            late = struck is not None and struck.fault is Fault.WEBHOOK_LATE
            self._push(event_id, struck.seconds if struck and late else 0.0, 0)
            if struck is not None and struck.fault is Fault.WEBHOOK_DOUBLE:
                self._push(event_id, 0.0, 0)

    def _push(self, event_id: str, wait_s: float, attempt: int) -> None:
        self._sequence += 1
        due = asyncio.get_running_loop().time() + wait_s
        heapq.heappush(self._due, (due, self._sequence, event_id, attempt))
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        if self._url is None:
            return
        self.enqueue(
            [each["id"] for each in self._state.list_all("event") if each["pending_webhooks"]]
        )
        async with httpx.AsyncClient(timeout=10) as http:
            while True:
                self._wake.clear()
                now = asyncio.get_running_loop().time()
                while self._due and self._due[0][0] <= now:
                    _, _, event_id, attempt = heapq.heappop(self._due)
                    await self._deliver(http, event_id, attempt)
                wait_s = self._due[0][0] - now if self._due else None
                try:
                    await asyncio.wait_for(self._wake.wait(), wait_s)
                except TimeoutError:
                    continue

    async def _deliver(self, http: httpx.AsyncClient, event_id: str, attempt: int) -> None:
        event = self._state.find(event_id)
        if event is None or self._url is None:
            return
        payload = json.dumps(event)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": sign(payload, self._secret, self._state.now),
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            answer = await http.post(self._url, content=payload, headers=headers)
            taken = answer.is_success
        except httpx.HTTPError:
            taken = False
        if taken:
            with self._state.writing():
                self._state.put({**event, "pending_webhooks": 0})
        elif self._state.now - event["created"] < _GIVE_UP_AFTER_S:
            wait_s = RETRY_AFTER_S[min(attempt, len(RETRY_AFTER_S) - 1)]
            self._push(event_id, wait_s, attempt + 1)
