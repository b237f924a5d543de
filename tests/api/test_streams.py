"""Following a booking: what ends a stream, and that it ends as one that can be opened again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import httpx
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy import update

from mobility.db import transaction
from mobility.tables import booking
from tests.api.conftest import World
from tests.api.test_receipts import anna_rode


async def told_once(*_: Any, **__: Any) -> AsyncIterator[str | None]:
    yield None
    raise RedisTimeoutError("Redis is away")


async def test_a_stream_ends_as_a_whole_answer_when_redis_is_away(world: World) -> None:
    headers = await anna_rode(world)
    changes = cast("Any", SimpleNamespace(watch=told_once))
    world.app.state.wiring = replace(world.wiring, changes=changes)
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(update(booking).values(state="held"))
    made = await world.client.post("/v1/bookings/bkg_1/stream-ticket", headers=headers)
    raising = httpx.ASGITransport(world.app)
    async with httpx.AsyncClient(transport=raising, base_url="http://api.test") as client:
        answer = await client.get(f"/v1/streams/{made.json()['ticket']}")
    assert answer.status_code == 200
    assert answer.text.endswith("\n\n: still here\n\n")
