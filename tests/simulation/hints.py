"""What the processor tells us of a booking's life: in any order, again and again, or never."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from mobility.api import webhooks
from mobility.api.errors import install_errors
from mobility.booking.payments_seen import apply_events, find_forgotten
from payments.sandbox.hooks import sign
from tests.simulation.network import PROCESSOR
from tests.simulation.world import World

SECRET = "whsec_simulation"
LOST = 0.3
"""The part of events that is never delivered."""
TWICE_OR_MORE = 0.3
LONGEST_DELAY = 25
"""Edges of requests; more than lie between an authorisation and a capture."""


@dataclass
class Hints:
    """Delivers the events of a world's processor to our API, as ``chance`` has it.

    ``meanwhile`` is called at each edge of a request, when our process waits for an answer: what is
    due then is delivered, worked off, or looked for by the poller.
    """

    world: World
    chance: Random
    in_order: bool = False
    """Each once and at once, as in a fair world."""
    due: list[tuple[int, str]] = field(default_factory=list)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    delivered: dict[str, int] = field(default_factory=dict)
    edges: int = 0

    def __post_init__(self) -> None:
        self.world.outside.wire.meanwhile = self.meanwhile
        self._api = _api(self.world)

    async def meanwhile(self) -> None:
        """One edge: take note of new events, deliver what is due, and perhaps work on it."""
        self.edges += 1
        self._take_note()
        await self._deliver([each for each in self.due if each[0] <= self.edges])
        if self.in_order or self.chance.random() < 0.3:
            await apply_events(self.world.engine, self.world.clock.now)
        if not self.in_order and self.chance.random() < 0.1:
            await find_forgotten(self.world.engine, self.world.clock.now)

    async def deliver_rest(self) -> None:
        """Deliver what is still on its way, in any order."""
        self._take_note()
        self.chance.shuffle(self.due)
        await self._deliver(self.due)
        await apply_events(self.world.engine, self.world.clock.now)

    def _take_note(self) -> None:
        for event in self.world.outside.events(len(self.seen)):
            self.seen[event["id"]] = event
            self.due += [(self.edges + delay, event["id"]) for delay in self._delays()]

    def _delays(self) -> list[int]:
        if self.in_order:
            return [0]
        if self.chance.random() < LOST:
            return []
        copies = self.chance.randint(2, 4) if self.chance.random() < TWICE_OR_MORE else 1
        return [self.chance.randint(0, LONGEST_DELAY) for _ in range(copies)]

    async def _deliver(self, chosen: list[tuple[int, str]]) -> None:
        for each in list(chosen):
            self.due.remove(each)
            event_id = each[1]
            body = json.dumps(self.seen[event_id])
            at = int(self.world.clock.now.timestamp())
            answer = await self._api.post(
                "/webhooks/stripe",
                content=body,
                headers={"Stripe-Signature": sign(body, SECRET, at)},
            )
            is_first = self.delivered.get(event_id, 0) == 0
            assert answer.json() == {"id": event_id, "new": is_first}, answer.text
            self.delivered[event_id] = self.delivered.get(event_id, 0) + 1


def _api(world: World) -> httpx.AsyncClient:
    """The router that takes webhooks, as another process of ours."""
    app = FastAPI()
    app.include_router(webhooks.router)
    install_errors(app)
    settings = SimpleNamespace(stripe_webhook_secret=SecretStr(SECRET))
    app.state.wiring = SimpleNamespace(engine=world.engine, clock=world.clock, settings=settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://not-{PROCESSOR}")
