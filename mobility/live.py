"""Telling those who watch a booking that it changed, across all API processes (Redis streams).

A hint only: what a watcher sees is read from the database. A lost hint costs freshness, nothing
else, so a Redis that is away never stops a booking.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from mobility.redis_pool import WATCH_S

log = logging.getLogger(__name__)

KEEP_S = 86_400
KEEP_EVENTS = 100
PATIENCE_S = 0.5
"""How long a booking waits for Redis to take a hint."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The stream of changes of each booking."""

    redis: Redis
    prefix: str

    def _key(self, booking_id: str) -> str:
        return f"{self.prefix}changes:{booking_id}"

    async def publish(self, booking_id: str) -> None:
        """Say that a booking changed."""
        key = self._key(booking_id)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.redis.xadd(key, {"changed": booking_id}, maxlen=KEEP_EVENTS)
                await self.redis.expire(key, KEEP_S)
        except (RedisError, TimeoutError) as error:
            log.warning("could not announce a change: %s", type(error).__name__)

    async def watch(
        self, booking_id: str, *, after: str, wait_ms: int = WATCH_S * 1000
    ) -> AsyncIterator[str | None]:
        """The ids of the changes after one of them ("$": from now on); None when it is quiet."""
        key = self._key(booking_id)
        last = after
        while True:
            found: Any = await self.redis.xread({key: last}, count=KEEP_EVENTS, block=wait_ms)
            events = found[0][1] if found else []
            if not events:
                yield None
                continue
            last = _text(events[-1][0])
            yield last


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
