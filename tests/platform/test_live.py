"""Who watches a booking waits as long as nothing happens, and is told when something does."""

from __future__ import annotations

import asyncio

import pytest

from mobility.live import Changes
from mobility.redis_pool import open_watching_redis


@pytest.mark.parametrize("quiet_ms", [50, 5_300])
async def test_a_quiet_booking_ends_nobodys_watch(
    redis_url: str, redis_prefix: str, quiet_ms: int
) -> None:
    """The client's own patience with a server that is gone is 5 s, unless it is told otherwise."""
    async with open_watching_redis(redis_url) as redis:
        changes = Changes(redis, redis_prefix)
        watch = changes.watch("bkg_1", after="0-0", wait_ms=quiet_ms)
        assert await anext(watch) is None
        _, told = await asyncio.gather(changes.publish("bkg_1"), anext(watch))
        assert told is not None
