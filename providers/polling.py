"""Availability of operators that do not push: asked at intervals, kept like a push."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from redis.exceptions import RedisError

from providers.errors import ProviderError
from providers.port import Provider
from providers.snapshots import Snapshots

EVERY_SECONDS = 30.0
log = logging.getLogger(__name__)


async def poll(
    providers: Iterable[Provider],
    snapshots: Snapshots,
    clock: Callable[[], datetime],
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Ask the providers side by side, again and again until cancelled.

    One that does not answer keeps what it last said, which ages and is then no longer offered.
    """
    asked = tuple(providers)
    while True:
        await asyncio.gather(*(poll_once(provider, snapshots, clock()) for provider in asked))
        await asyncio.sleep(every_seconds)


async def poll_once(provider: Provider, snapshots: Snapshots, now: datetime) -> bool:
    """Ask one provider what it has now and keep it; whether it answered."""
    try:
        await snapshots.record(provider.id, await provider.availability(now), now)
    except (ProviderError, RedisError) as error:
        log.warning("availability of %s is not to be had: %r", provider.id, error)
        return False
    return True
